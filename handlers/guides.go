package handlers

import "net/url"

func guidesPath(api string) string { return apiPath(api) + "/guides" }

func guidePath(api, guide string) string { return guidesPath(api) + "/" + url.PathEscape(guide) }
