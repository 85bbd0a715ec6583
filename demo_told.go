package main

import (
	"fmt"
	"net/http"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/sample"
)

// This file has what the people of the demo's story are told, and where.

// demoHooks are the paths of the sample upstream that webhooks send to.
var demoHooks = []string{"/anything/crm", "/anything/chat", "/status/503"}

// webhooks are made before there is anything to tell; the sample upstream takes what they send.
func (t *story) webhooks() {
	for _, w := range []struct {
		who        models.Actor
		side       models.Side
		path, note string
		kinds      []models.NoticeKind
	}{
		{t.owner, models.SideOwner, "/anything/crm", "Customers into the CRM", []models.NoticeKind{models.NoticeSubscriptionAsked, models.NoticeSubscriptionEnded, models.NoticeImportEnded}},
		{t.developer, models.SideDeveloper, "/anything/chat", "Team chat of Acme", []models.NoticeKind{models.NoticeKeyExpiring, models.NoticeKeyRevoked, models.NoticeQuota, models.NoticePlanChanging,
			models.NoticeSubscriptionApproved, models.NoticeSubscriptionRefused}},
	} {
		t.step("webhook "+w.note, func() error {
			made, _, err := t.in.store.CreateWebhook(t.ctx, w.who, w.side, models.NewWebhook{URL: t.upstream + w.path, Note: w.note, Kinds: w.kinds}, t.ago(88, time.Hour))
			if err != nil {
				return err
			}
			return t.in.store.TestWebhook(t.ctx, w.who, w.side, made.ID, t.ago(88, 50*time.Minute))
		})
	}
}

// pager is a webhook whose receiver is down since an hour.
func (t *story) pager() {
	t.step("failing webhook", func() error {
		made, _, err := t.in.store.CreateWebhook(t.ctx, t.owner, models.SideOwner, models.NewWebhook{URL: t.upstream + "/status/503", Note: "Pager of the night shift",
			Kinds: []models.NoticeKind{models.NoticeThrottled, models.NoticeErrors, models.NoticeQuota}}, t.ago(40, 0))
		if err != nil {
			return err
		}
		return t.in.store.TestWebhook(t.ctx, t.owner, models.SideOwner, made.ID, t.now.Add(-5*time.Minute))
	})
}

// deliver marks what the webhooks were told until now as taken, a moment after it was said.
func (t *story) deliver() {
	t.step("deliver", func() error {
		for {
			d, err := t.in.store.ClaimMessage(t.ctx, models.ByWebhook, t.now, time.Minute)
			if models.KindOf(err) == models.KindNotFound {
				return nil
			}
			if err != nil {
				return err
			}
			at, took := d.Messages[0].CreatedAt.Add(400*time.Millisecond), time.Duration(41+len(d.Messages[0].ID.String())*7)*time.Millisecond
			err = t.in.store.FinishMessage(t.ctx, d, models.Delivered{State: models.MessageSent, Attempt: &models.Attempt{At: at, Took: took, Status: http.StatusOK}}, at.Add(took))
			if err != nil {
				return err
			}
		}
	})
}

// alerts are the owner's, and one more of the developer's.
func (t *story) alerts() {
	for _, a := range []models.NewAlert{
		{Kind: models.AlertThrottled, Levels: []int64{10}, Minutes: 60, PlanID: t.plans["Free"].ID, Mail: true, Webhook: true},
		{Kind: models.AlertErrors, Levels: []int64{5}, Minutes: 15, APIID: t.api.ID, Mail: true, Webhook: true},
		{Kind: models.AlertQuota, Levels: []int64{80, 100}, Mail: true},
		{Kind: models.AlertExpiring, Levels: []int64{14, 3}, Mail: true},
	} {
		t.step("alert", func() error { return t.in.store.CreateAlert(t.ctx, t.owner, models.SideOwner, a, t.ago(60, 0)) })
	}
	t.step("alert of the developer", func() error {
		return t.in.store.CreateAlert(t.ctx, t.developer, models.SideDeveloper, models.NewAlert{Kind: models.AlertThrottled, Levels: []int64{5}, Minutes: 15, Mail: true, Webhook: true}, t.ago(40, 0))
	})
}

// guides are the sample's, the last of them a draft.
func (t *story) guides() {
	t.step("guides", func() error {
		guides, err := sample.Guides()
		if err != nil {
			return err
		}
		for i, g := range guides {
			in := models.Guide{Title: g.Title, Text: g.Text, Published: i < len(guides)-1}
			if _, err := t.in.store.CreateGuide(t.ctx, t.owner, t.api.ID, in, t.ago(80-25*i, 0)); err != nil {
				return err
			}
		}
		return nil
	})
}

// changelog is what happened to the API.
func (t *story) changelog() {
	for _, e := range []struct {
		days        int
		title, body string
		breaking    bool
	}{
		{89, "First release", "Twelve operations, a stage for production and one for what comes next. Free and Growth are open to everybody.", false},
		{45, "Streams, server-sent events and WebSockets", "Three operations keep the connection open:\n\n- `GET /stream/{n}` for lines of JSON\n- `GET /sse` for server-sent events\n- `GET /websocket/echo` for messages both ways\n\nEach counts as one request, however long it runs.", false},
		{20, "Growth is faster", "The rate of Growth went from 30 to 50 requests a second and its burst from 60 to 100, for the same price. You have nothing to do.", false},
		{13, "Names of headers are sorted", "`GET /headers` answers with the names in alphabetical order. If you compared the text of whole answers, compare the values instead.", true},
	} {
		t.step("changelog", func() error {
			at := t.ago(e.days, 0)
			_, err := t.in.store.SaveChangelogEntry(t.ctx, t.owner, models.ChangelogEntry{APIID: t.api.ID, Day: at, Title: e.title, Body: e.body, Breaking: e.breaking}, at)
			return err
		})
	}
}

// deprecation takes away an operation that is still called.
func (t *story) deprecation() {
	t.step("deprecate", func() error {
		methods, err := t.in.store.Methods(t.ctx, t.owner.AccountID, t.api.ID)
		if err != nil {
			return err
		}
		morning := func(days int) time.Time {
			return t.now.UTC().Truncate(24*time.Hour).AddDate(0, 0, days).Add(9 * time.Hour)
		}
		for _, m := range methods {
			if m.Verb != http.MethodGet || m.Path != "/bytes/{n}" {
				continue
			}
			_, err := t.in.store.Deprecate(t.ctx, t.owner, models.Deprecation{APIID: t.api.ID, MethodID: m.ID, Since: t.ago(11, 0), Sunset: morning(42),
				Note: "Ask GET /stream/{n} instead: it can be read line by line.", Brownouts: []models.Brownout{
					{From: morning(21), To: morning(21).Add(30 * time.Minute)},
					{From: morning(35), To: morning(35).Add(4 * time.Hour), Every: time.Hour, For: 10 * time.Minute},
				}}, t.ago(11, 0))
			return err
		}
		return fmt.Errorf("the sample API has no GET /bytes/{n}")
	})
}

// coming is a change of Growth that its subscribers know of.
func (t *story) coming() {
	t.step("schedule", func() error {
		row, err := t.in.store.Plan(t.ctx, t.owner.AccountID, t.plans["Growth"].ID)
		if err != nil {
			return err
		}
		terms := row.InForce
		terms.Price, terms.Quota = "€59 a month", &limit.Quota{Limit: 1_500_000, Period: limit.PeriodMonth}
		at := t.ago(5, 0)
		if _, err := t.in.store.SaveDraft(t.ctx, t.owner, row.ID, "", terms, at); err != nil {
			return err
		}
		day := t.now.UTC().Truncate(24*time.Hour).AddDate(0, 0, 32)
		_, err = t.in.store.SchedulePlan(t.ctx, t.owner, row.ID, day, []models.TermsChange{{What: "Price", Before: row.InForce.Price, After: terms.Price},
			{What: "Quota", Before: "1,000,000 requests a month", After: "1,500,000 requests a month"}}, at)
		return err
	})
}
