package handlers

import (
	"net/http"
	"slices"
	"strings"

	"gatehouse/templates/snippet"
	"gatehouse/templates/ui"
)

// languageCookie holds the language that its reader wants to see code in: a preference of theirs and of nobody's interest but theirs. A script
// of the page writes it, too.
const languageCookie = "code"

// language is the one that code is shown in: of ?lang=, else the one that was chosen last; "" for the first one.
func (r *Request) language() string {
	if lang := r.Query("lang"); knownLanguage(lang) {
		return lang
	}
	if c, err := r.Cookie(languageCookie); err == nil && knownLanguage(c.Value) {
		return c.Value
	}
	return ""
}

func knownLanguage(id string) bool {
	return slices.ContainsFunc(snippet.Languages(), func(l snippet.Language) bool { return l.ID == id })
}

// keepLanguage remembers the language that the URL chose.
func (s *Site) keepLanguage(w http.ResponseWriter, r *Request) {
	if lang := r.Query("lang"); knownLanguage(lang) {
		http.SetCookie(w, &http.Cookie{
			Name: languageCookie, Value: lang, Path: "/", MaxAge: 365 * 24 * 60 * 60, SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(s.PublicURL, "https:"),
		})
	}
}

// snippets is a request as code, for a page that may be loaded again.
func (r *Request) snippets(request snippet.Request) []ui.Snippet {
	out := ui.SnippetsOf(request, r.language())
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		for i := range out {
			out[i].Href = withQuery(r, "lang", out[i].Lang)
		}
	}
	return out
}
