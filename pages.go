package main

import (
	"context"
	"net"
	"time"

	"gatehouse/docs"
	"gatehouse/enforcement"
	"gatehouse/handlers"
	"gatehouse/handlers/session"
	"gatehouse/jobs/notify"
	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/web"
)

// pages hands every page family what it needs.
func (in *instance) pages(policy enforcement.AddressPolicy) web.Pages {
	markdown := handlers.NewMarkdown()
	guides := handlers.NewGuideText()
	operations := &handlers.Operations{}
	passwords, throttle := secret.NewHasher(), handlers.NewThrottle(time.Now())
	limits := func(key models.KeyID, plan models.PlanID) (handlers.KeyLimits, bool) {
		l, ok := in.gateway.Limits(context.Background(), key, plan)
		return handlers.KeyLimits(l), ok
	}
	addresses := upstreamCheck{policy}
	receipts := &handlers.Receipts{Store: in.store, Kept: in.keptReceipts(), Log: in.keptLog(), Docs: problemDocs(), Since: in.gateway.LevelsSince()}
	if in.recorder != nil {
		receipts.Arrivals = in.recorder
	}
	reader := in.documents
	return web.Pages{
		Public:   &handlers.Public{Store: in.store, Markdown: markdown},
		Catalog:  &handlers.Catalog{Store: in.store, Operations: operations, Markdown: markdown, Limits: limits, Caller: in.gateway, Rehearsals: in.rehearsals},
		Guides:   &handlers.Guides{Store: in.store, Text: guides},
		Problems: &handlers.Problems{Docs: problemDocs()},
		SignIn:   &handlers.SignIn{Store: in.store, Passwords: passwords, Throttle: throttle},
		Links:    &handlers.Links{Store: in.store, Passwords: passwords},
		Help:     &handlers.Help{Text: guides, Stages: docs.Stages},
		SiteMap:  &handlers.SiteMap{Store: in.store},
		Search:   &handlers.Search{Store: in.store, Operations: operations, Docs: problemDocs()},
		Brand:    in.site.Brand,
		Me:       &handlers.Me{Store: in.store, Passwords: passwords, Throttle: throttle},

		Home:          &handlers.Home{Store: in.store, Limits: limits},
		Apps:          &handlers.Apps{Store: in.store, Limits: limits},
		Keys:          &handlers.Keys{Store: in.store, Limits: limits, Caller: in.gateway, Receipts: receipts, Log: in.keptLog()},
		Subscribe:     &handlers.Subscribe{Store: in.store, Markdown: markdown},
		Subscriptions: &handlers.Subscriptions{Store: in.store, Limits: limits, Rehearsals: in.rehearsals, Markdown: markdown},
		Usage:         &handlers.Usage{Store: in.store, Limits: limits, Log: in.keptLog()},
		Receipts:      receipts,
		Notices:       &handlers.ChangeNotices{Store: in.store},
		Changelog:     &handlers.Changelog{Store: in.store, Markdown: handlers.NewMarkdown()},
		OwnerChanges:  &handlers.OwnerChanges{Store: in.store},
		Logs:          &handlers.Logs{Store: in.store, Log: in.keptLog(), Docs: problemDocs()},

		OwnerOverview:      &handlers.OwnerOverview{Store: in.store, Log: in.keptLog()},
		OwnerAPIs:          &handlers.OwnerAPIs{Store: in.store, Reader: reader, Addresses: addresses, States: in.gateway},
		OwnerDocuments:     &handlers.OwnerDocuments{Store: in.store, Reader: reader},
		OwnerStages:        &handlers.OwnerStages{Store: in.store, Addresses: addresses, States: in.gateway},
		OwnerDomains:       &handlers.OwnerDomains{Store: in.store, Check: in.domains.Check, States: in.gateway, Reserved: in.config.hosts.Reserved, Certificate: in.certificateOf()},
		Certificates:       &handlers.Certificates{Store: in.store},
		AccessKeys:         &handlers.AccessKeys{Store: in.store, Endpoint: in.config.management.endpoint()},
		OwnerAuthorizers:   &handlers.OwnerAuthorizers{Store: in.store, Tester: in.gateway, Addresses: addresses},
		OwnerGuides:        &handlers.OwnerGuides{Store: in.store, Text: guides},
		OwnerPlans:         &handlers.OwnerPlans{Store: in.store, Rehearsals: in.rehearsals},
		OwnerSubscriptions: &handlers.OwnerSubscriptions{Store: in.store, Settle: in.gateway.Commit, Markdown: markdown},
		OwnerKeys:          &handlers.OwnerKeys{Store: in.store, Settle: in.gateway.Commit, Receipts: receipts},
		OwnerOverrides:     &handlers.OwnerOverrides{Store: in.store},
		OwnerCustomers:     &handlers.OwnerCustomers{Store: in.store},
		SeeAs:              &handlers.SeeAs{Store: in.store},
		OwnerImports:       &handlers.OwnerImports{Store: in.store, Files: in.imports},
		OwnerUsage:         &handlers.OwnerUsage{Store: in.store, Log: in.keptLog()},
		OwnerAnalytics:     &handlers.OwnerAnalytics{Store: in.store},
		Statements:         &handlers.Statements{Store: in.store},

		Mails:    &handlers.MailPages{Store: in.store, Mails: in.mails(), Throttle: handlers.NewThrottle(time.Now())},
		Alerts:   &handlers.Alerts{Store: in.store},
		Webhooks: &handlers.Webhooks{Store: in.store, Addresses: addresses, Body: notify.EventBody},
		Outbox:   &handlers.Outbox{Store: in.store, Mails: in.mails()},

		Admin:   &handlers.Admin{Store: in.store, Log: in.administeredLog()},
		Domains: &handlers.AdminDomains{Store: in.store},
		System:  &handlers.System{Store: in.store, Facts: in.facts(in.now())},
		Look:    &handlers.Look{Store: in.store, Brand: in.site.Brand, Markdown: markdown},
		Audit:   &handlers.Audit{Store: in.store},
	}
}

// upstreamCheck judges, while a stage is edited, what the gateway's dialer will judge again.
type upstreamCheck struct{ policy enforcement.AddressPolicy }

// CheckUpstream resolves the host and returns a sentence for the owner when an address of it may not be dialled.
func (c upstreamCheck) CheckUpstream(ctx context.Context, upstream string) error {
	return c.policy.CheckUpstream(ctx, net.DefaultResolver, upstream)
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
	return session.New(in.store, in.keyring.CookieKeys(), web.IsHTTPS(in.config.publicURL), func() time.Time { return in.now().UTC() })
}
