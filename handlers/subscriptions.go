package handlers

import (
	"context"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/templates/developer"
	"gatehouse/templates/format"
	"gatehouse/templates/ui"
)

// SubscriptionsStore is what a developer's pages of subscriptions need of the store.
type SubscriptionsStore interface {
	Subscription(ctx context.Context, account models.AccountID, id models.SubscriptionID) (models.SubscriptionRow, error)
	CancelSubscription(ctx context.Context, actor models.Actor, id models.SubscriptionID, now time.Time) error
	ChangePlanBy(ctx context.Context, actor models.Actor, id models.SubscriptionID, to models.PlanID, join models.JoinForm, now time.Time) (models.Subscription, error)
	joiningStore
	AppKeys(ctx context.Context, account models.AccountID, id models.AppID) ([]models.KeyDetail, error)
	CatalogAPI(ctx context.Context, viewer models.AccountID, slug string) (models.CatalogAPI, error)
	UsageSeries(ctx context.Context, sc models.UsageScope, r models.UsageRange) ([]models.UsagePoint, error)
}

// Subscriptions is the pages of a developer's subscriptions.
type Subscriptions struct {
	Store      SubscriptionsStore
	Limits     LimitsOf
	Markdown   *Markdown
	Rehearsals *Rehearsals // for comparing plans on one's own traffic
}

func (s *Subscriptions) own(r *Request) (models.SubscriptionRow, error) {
	id, err := param[models.Subscription](r, "subscription")
	if err != nil {
		return models.SubscriptionRow{}, err
	}
	return s.Store.Subscription(r.Context(), r.Account.ID, id)
}

// keys are the keys of the subscription's app that are on its plan.
func (s *Subscriptions) keys(r *Request, row models.SubscriptionRow) (out []models.KeyDetail, err error) {
	keys, err := s.Store.AppKeys(r.Context(), r.Account.ID, row.AppID)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if len(keysOnPlan([]models.KeyRow{k.KeyRow}, row.PlanID, r.Now)) > 0 {
			out = append(out, k)
		}
	}
	return out, nil
}

func subscriptionFrame(r *Request, row models.SubscriptionRow, title string) ui.Page {
	crumbs := []ui.Crumb{{Label: "Apps", Href: "/apps"}, {Label: row.AppName, Href: appPath(row.AppID)}, {Label: row.PlanName, Href: subscriptionPath(row.ID)}}
	if title != "" {
		crumbs = append(crumbs, ui.Crumb{Label: title})
	}
	return r.layout(strings.TrimSpace(title+" "+row.PlanName), crumbs...)
}

// Show is a subscription with its terms in words.
func (s *Subscriptions) Show(r *Request) (Reply, error) {
	row, err := s.own(r)
	if err != nil {
		return Reply{}, err
	}
	keys, err := s.keys(r, row)
	if err != nil {
		return Reply{}, err
	}
	t := row.Terms
	v := developer.SubscriptionView{
		Now: r.Now, Plan: row.PlanName, Href: subscriptionPath(row.ID), App: row.AppName, AppHref: appPath(row.AppID), State: subscriptionState(row.State), Open: row.State.Open(),
		Quota: quotaSentence(t.Quota, r.Now), History: subscriptionHistory(row, r.Now), Change: canChange(row),
		Terms: []ui.Definition{
			{Term: "App", Text: row.AppName, Href: appPath(row.AppID)},
			{Term: "Price", Text: orDash(t.Price)},
			{Term: "Keys for an app", Text: format.Count(int64(t.KeysPerApp))},
			{Term: "What counts", Text: chargeWords(t.Charge)},
		},
	}
	if th := t.Throttle; th != nil {
		v.Throttled, v.Rate, v.Burst = true, th.Rate, float64(th.Burst)
	}
	if v.Joined, err = joinedView(r, s.Store, row.ID, s.Markdown); err != nil {
		return Reply{}, err
	}
	for _, api := range row.APIs {
		v.Docs = append(v.Docs, ui.Definition{Term: api.Name, Text: strings.Join(api.Stages, ", "), Href: apiPath(api.Slug)})
	}
	if text := subscriptionWords(row, r.Now); text != "" {
		n := developer.NoticeLine{Kind: ui.Bad, Text: text}
		switch row.State {
		case models.SubscriptionPending:
			n.Kind = ui.Info
		case models.SubscriptionEnded:
			n.Kind = ui.Plain
		}
		if !row.State.Open() && len(row.APIs) > 0 {
			n.Href, n.Link = apiPath(row.APIs[0].Slug), "See the plans."
		}
		v.Notices = append(v.Notices, n)
	}
	if words := endWords(row.PlanEndsAt, r.Here()); words != "" && row.State.Open() {
		n := developer.NoticeLine{Kind: ui.Warn, Text: "This plan " + words + ". What was used of it stays on record."}
		if v.Change {
			n.Href, n.Link = v.Href+"/change", "Choose another plan."
		}
		v.Notices = append(v.Notices, n)
	}
	if row.PlanState == models.PlanRetired && row.State.Open() {
		v.Notices = append(v.Notices, developer.NoticeLine{Kind: ui.Info, Text: "This plan is retired: it takes no new subscribers and goes on for the ones it has."})
	}
	if row.State.Open() {
		for i, k := range keys {
			for _, m := range k.Memberships {
				if m.PlanID == row.PlanID {
					c := quotaCard(k, m, s.Limits, r.Here())
					c.Plan, c.PlanHref, c.Key, c.Stages = k.Name, keyPath(k.ID), "", k.Hint
					v.Quotas = append(v.Quotas, c)
				}
			}
			if i == 0 && len(v.Quotas) > 0 {
				v.Slower = v.Quotas[0].Slower
			}
		}
		for i := range v.Quotas {
			v.Quotas[i].Brief = true // the terms say it
		}
	}
	return Page(developer.SubscriptionPage(subscriptionFrame(r, row, ""), v)), nil
}

// canChange reports whether its developer may choose another plan: while the owner holds it, he may not.
func canChange(s models.SubscriptionRow) bool {
	return s.State == models.SubscriptionActive || s.State == models.SubscriptionPending
}

// subscriptionHistory is what happened to a subscription, newest first.
func subscriptionHistory(s models.SubscriptionRow, now time.Time) (out []ui.TimelineItem) {
	if !s.EndedAt.IsZero() && s.State == models.SubscriptionEnded {
		out = append(out, ui.TimelineItem{Icon: "archive", Title: "Ended", Text: s.Reason, At: s.EndedAt, Now: now})
	}
	if !s.DecidedAt.IsZero() && s.DecidedAt != s.RequestedAt {
		item := ui.TimelineItem{Icon: "circle-check", Kind: ui.OK, Title: "Approved", At: s.DecidedAt, Now: now}
		switch s.State {
		case models.SubscriptionRefused:
			item.Icon, item.Kind, item.Title, item.Text = "circle-x", ui.Bad, "Refused by the owner", s.Reason
		case models.SubscriptionSuspended:
			item.Icon, item.Kind, item.Title, item.Text = "ban", ui.Bad, "Suspended by the owner", s.Reason
		case models.SubscriptionEnded:
			item.Icon, item.Kind, item.Title = "pencil", ui.Plain, "Decided by the owner"
		}
		out = append(out, item)
	}
	title := "Subscribed"
	if s.Terms.Audience == models.AudienceAsk {
		title = "Asked to subscribe"
	}
	return append(out, ui.TimelineItem{Icon: "plus", Title: title, Text: s.Message, At: s.RequestedAt, Now: now})
}

// CancelForm asks before a subscription ends.
func (s *Subscriptions) CancelForm(r *Request) (Reply, error) {
	row, err := s.own(r)
	if err != nil {
		return Reply{}, err
	}
	keys, err := s.keys(r, row)
	if err != nil {
		return Reply{}, err
	}
	traffic, err := trafficWords(r.Context(), s.Store, keyIDs(rowsOf(keys)), "the app's keys", r.Now)
	if err != nil {
		return Reply{}, err
	}
	v := developer.CancelView{Plan: row.PlanName, Href: subscriptionPath(row.ID), App: row.AppName, Traffic: traffic}
	for _, k := range keys {
		for _, api := range row.APIs {
			v.Stops = append(v.Stops, "The key "+k.Name+" on "+api.Name+" · "+strings.Join(api.Stages, ", "))
		}
	}
	return Page(developer.Cancel(subscriptionFrame(r, row, "Cancel"), v)), nil
}

// Cancel ends a subscription.
func (s *Subscriptions) Cancel(r *Request) (Reply, error) {
	row, err := s.own(r)
	if err != nil {
		return Reply{}, err
	}
	if err := s.Store.CancelSubscription(r.Context(), r.Actor(), row.ID, r.Now); err != nil {
		return Reply{}, err
	}
	return r.Done(appPath(row.AppID), row.AppName+" is no longer on "+row.PlanName+". Its keys and usage stay."), nil
}
