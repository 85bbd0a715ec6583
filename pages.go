package main

import (
	"time"

	"gatehouse/enforcement"
	"gatehouse/handlers"
	"gatehouse/handlers/session"
	"gatehouse/models/secret"
	"gatehouse/web"
)

// pages hands every page family what it needs.
func (in *instance) pages(policy enforcement.AddressPolicy) web.Pages {
	passwords, throttle := secret.NewHasher(), handlers.NewThrottle()
	return web.Pages{
		Public:   &handlers.Public{Store: in.store},
		Catalog:  &handlers.Catalog{Store: in.store, Markdown: handlers.NewMarkdown()},
		Problems: &handlers.Problems{Docs: problemDocs()},
		SignIn:   &handlers.SignIn{Store: in.store, Passwords: passwords, Throttle: throttle},
		Links:    &handlers.Links{Store: in.store, Passwords: passwords},
		Me:       &handlers.Me{Store: in.store, Passwords: passwords, Throttle: throttle},
		Admin:    &handlers.Admin{Store: in.store},
		Audit:    &handlers.Audit{Store: in.store},
	}
}

// problemDocs are the gateway's own explanations of its answers, for the pages that they link to.
func problemDocs() []handlers.ProblemDoc {
	var docs []handlers.ProblemDoc
	for _, p := range enforcement.Problems() {
		docs = append(docs, handlers.ProblemDoc{Slug: p.Slug, Status: p.Status, Title: p.Title, Explanation: p.Explanation, WhatToDo: p.WhatToDo})
	}
	return docs
}

func newSessions(in *instance) *session.Manager {
	return session.New(in.store, in.keyring.CookieKeys(), isHTTPS(in.config.publicURL), func() time.Time { return time.Now().UTC() })
}
