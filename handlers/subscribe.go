package handlers

import (
	"context"
	"slices"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/templates/developer"
	"gatehouse/templates/format"
	"gatehouse/templates/ui"
)

// SubscribeStore is what subscribing needs of the store.
type SubscribeStore interface {
	CatalogAPI(ctx context.Context, viewer models.AccountID, slug string) (models.CatalogAPI, error)
	Apps(ctx context.Context, account models.AccountID, p models.Page) (models.List[models.AppRow], error)
	Subscribe(ctx context.Context, actor models.Actor, in models.NewSubscription, now time.Time) (models.Subscribed, secret.Value, error)
	AskablePlans(ctx context.Context, viewer models.AccountID, api models.APIID) ([]models.AskablePlan, error)
	AskInvitation(ctx context.Context, actor models.Actor, plan models.PlanID, message string, now time.Time) error
	AnnouncedChange(ctx context.Context, plan models.PlanID) (models.ChangeNotice, error)
	joiningStore
}

// Subscribe is the form that puts an app on a plan.
type Subscribe struct {
	Store    SubscribeStore
	Markdown *Markdown
}

// newApp is the value of the choice to make an app on the way.
const newApp = "new"

// Form asks which app; ?plan= is the plan, ?app= an app to begin with.
func (s *Subscribe) Form(r *Request) (Reply, error) {
	o, err := s.offer(r, r.Query("plan"))
	if err != nil {
		return Reply{}, err
	}
	if len(o.api.Plans) == 0 {
		return r.Sorry(apiPath(o.api.Slug), "This API has no plan that you can subscribe to."), nil
	}
	f := NewForm("app", o.firstApp(r.Query("app")), "key_name", "production")
	if len(o.apps) == 0 {
		f.Set("app_name", "My first app")
	}
	return Page(s.page(r, o, f, nil)), nil
}

// Submit subscribes. A new key is shown once, on its own page.
func (s *Subscribe) Submit(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	o, err := s.offer(r, f.Get("plan"))
	if err != nil {
		return Reply{}, err
	}
	if o.plan.PlanID.String() != f.Get("plan") {
		return Reply{}, models.NotFound("plan")
	}
	in := models.NewSubscription{PlanID: o.plan.PlanID, KeyName: f.Trimmed("key_name"), Message: f.Get("message"), Join: readJoin(o.join, f)}
	var app *models.AppRow
	if f.Get("app") == newApp {
		in.AppName = f.Trimmed("app_name")
		if in.AppName == "" {
			f.Fail("app_name", "Enter a name.")
		}
	} else if app = o.app(f.Get("app")); app != nil {
		in.AppID = app.ID
	} else {
		f.Fail("app", "Choose an app.")
	}
	if o.plan.Terms.Audience == models.AudienceAsk && r.Site.mails() && !r.Account.Verified() { // DECISIONS 37: owners decide about somebody
		f.message = "Confirm your e-mail address first: this plan is given to people whose address is known. The mail with the link can be sent again under Mails."
	}
	if !f.OK() {
		return Again(s.page(r, o, f, nil)), nil
	}
	made, value, err := s.Store.Subscribe(r.Context(), r.Actor(), in, r.Now)
	if err != nil {
		if !f.Accept(err) {
			return Reply{}, err
		}
		var clash *developer.Clash
		if app != nil && models.KindOf(err) == models.KindConflict {
			clash = clashOf(*app, o.plan)
		}
		return Again(s.page(r, o, f, clash)), nil
	}
	return subscribed(r, o.plan, made, value)
}

// subscribed shows the new key once, or says which existing one works now.
func subscribed(r *Request, plan models.CatalogPlan, made models.Subscribed, value secret.Value) (Reply, error) {
	waiting := made.Subscription.State == models.SubscriptionPending
	if value.IsZero() {
		text := made.App.Name + " is on " + plan.Terms.Name + " now. Its key " + made.Key.Name + " works for it; rotate it if you no longer have its value."
		if waiting {
			text = "The owner was asked. When " + plan.Terms.Name + " is approved, the key " + made.Key.Name + " of " + made.App.Name + " works for it."
		}
		return r.Done(appPath(made.App.ID), text), nil
	}
	if err := r.Session.PutSecret(made.Key.ID, value); err != nil {
		return Reply{}, err
	}
	return See(keyPath(made.Key.ID) + "?new=1"), nil
}

// offer is what the form is about.
type offer struct {
	api  models.CatalogAPI
	plan models.CatalogPlan
	apps []models.AppRow
	join models.Joining
	next models.ChangeNotice // that the plan's terms change; zero: nothing is announced
}

// offer reads the API, the plan that was asked for, else the first that gives a key at once, and the reader's apps.
func (s *Subscribe) offer(r *Request, plan string) (o offer, err error) {
	if o.api, err = s.Store.CatalogAPI(r.Context(), r.Account.ID, r.Param("slug")); err != nil {
		return o, err
	}
	apps, err := s.Store.Apps(r.Context(), r.Account.ID, models.Page{Limit: 200})
	if err != nil {
		return o, err
	}
	o.apps = apps.Items
	at := slices.IndexFunc(o.api.Plans, func(p models.CatalogPlan) bool { return p.PlanID.String() == plan })
	if at < 0 && plan != "" {
		return o, models.NotFound("plan")
	}
	if at < 0 {
		at = max(0, slices.IndexFunc(o.api.Plans, func(p models.CatalogPlan) bool { return p.Terms.Audience != models.AudienceAsk }))
	}
	if len(o.api.Plans) > 0 {
		o.plan = o.api.Plans[at]
		if o.next, err = s.Store.AnnouncedChange(r.Context(), o.plan.PlanID); err != nil && models.KindOf(err) != models.KindNotFound {
			return o, err
		}
		o.join, err = s.Store.Joining(r.Context(), o.plan.PlanID)
	}
	return o, err
}

func (o offer) app(id string) *models.AppRow {
	for i := range o.apps {
		if o.apps[i].ID.String() == id {
			return &o.apps[i]
		}
	}
	return nil
}

// firstApp is the app that is chosen to begin with: the wanted one, else the first that can take the plan, else a new one.
func (o offer) firstApp(wanted string) string {
	if o.app(wanted) != nil {
		return wanted
	}
	for _, a := range o.apps {
		if clashOf(a, o.plan) == nil {
			return a.ID.String()
		}
	}
	return newApp
}

// clashOf names the plan on which the app calls a stage that the wanted plan opens too, and offers the change; nil when there is none. The
// store has the last word (R1); this says it before something was sent.
func clashOf(a models.AppRow, wanted models.CatalogPlan) *developer.Clash {
	for _, s := range a.Subscriptions {
		if !s.State.Open() {
			continue
		}
		if s.PlanID == wanted.PlanID {
			return &developer.Clash{App: a.Name, Text: "On this plan", Href: subscriptionPath(s.ID), Link: "Open"}
		}
		if slices.ContainsFunc(wanted.Terms.Stages, func(st models.PlanStage) bool { return s.Terms.Opens(st.StageID) }) {
			c := &developer.Clash{App: a.Name, Text: "Calls " + clashingStage(s, wanted) + " on " + s.PlanName, Href: subscriptionPath(s.ID), Link: "Open"}
			if canChange(s) && wanted.Terms.Audience != models.AudienceAsk {
				c.Href, c.Link = c.Href+"/change?to="+wanted.PlanID.String(), "Change to "+wanted.Terms.Name
			}
			return c
		}
	}
	return nil
}

// clashingStage names the API and the stage that two plans open both.
func clashingStage(s models.SubscriptionRow, wanted models.CatalogPlan) string {
	for _, stage := range wanted.Stages {
		if s.Terms.Opens(stage.StageID) {
			for _, api := range s.APIs {
				if slices.Contains(api.Stages, stage.StageName) {
					return api.Name + " · " + stage.StageName
				}
			}
			return stage.StageName
		}
	}
	return "one of its stages"
}

func (s *Subscribe) page(r *Request, o offer, f *Form, clash *developer.Clash) templ.Component {
	t := o.plan.Terms
	v := developer.SubscribeView{
		Action: apiPath(o.api.Slug) + "/subscribe", API: o.api.Name, APIHref: apiPath(o.api.Slug), PlanID: o.plan.PlanID.String(),
		Plan: planCard(o.plan), Ends: endsSentence(o.plan.EndsAt, r.Here()), Quota: quotaSentence(t.Quota, r.Now), Ask: t.Audience == models.AudienceAsk, Button: "Subscribe and get a key",
		App: f.Get("app"), AppName: f.Get("app_name"), KeyName: f.Get("key_name"), Message: f.Get("message"), Problem: f.Message(), Clash: clash,
		KeyNameError: f.Error("key_name"), MessageError: f.Error("message"), AppNameError: f.Error("app_name"), AppError: f.Error("app"),
	}
	v.Join = joinView(o.join, f, s.Markdown)
	if o.next.ID != 0 {
		v.Changes = "This plan changes on " + format.DateTime(r.Local(o.next.TakesAt)) + ": what you subscribe to today holds until then."
		for _, c := range o.next.Changes {
			v.ChangeLines = append(v.ChangeLines, developer.TermsChange{What: c.What, Before: c.Before, After: c.After})
		}
	}
	if v.Ask {
		v.Button = "Ask to subscribe"
	}
	if f.Get("app") == newApp && v.AppNameError == "" { // the store knows one field for both
		v.AppNameError, v.AppError = v.AppError, ""
	}
	if th := t.Throttle; th != nil {
		v.Throttled, v.Rate, v.Burst = true, th.Rate, float64(th.Burst)
	}
	v.Next = nextSteps(o)
	for _, p := range o.api.Plans {
		if p.PlanID != o.plan.PlanID {
			v.Others = append(v.Others, developer.PlanChoice{Name: p.Terms.Name, Price: p.Terms.Price, Href: v.Action + "?plan=" + p.PlanID.String()})
		}
	}
	v.Apps = appOptions(o)
	for _, a := range o.apps {
		if c := clashOf(a, o.plan); c != nil {
			v.Taken = append(v.Taken, *c)
		}
	}
	page := r.layout("Subscribe to "+o.api.Name, ui.Crumb{Label: "Catalog", Href: "/apis"}, ui.Crumb{Label: o.api.Name, Href: apiPath(o.api.Slug)}, ui.Crumb{Label: "Subscribe"})
	return developer.Subscribe(page, v)
}

// appOptions are the reader's apps, each with what subscribing it would do, and a new one.
func appOptions(o offer) []ui.Option {
	if len(o.apps) == 0 {
		return nil
	}
	var free, taken []ui.Option
	for _, a := range o.apps {
		option := ui.Option{Value: a.ID.String(), Label: a.Name, Hint: "Gets its first key."}
		if a.Keys > 0 {
			option.Hint = "Its " + format.Plural(int64(a.Keys), "key") + " will work for this plan too; no new key is made."
		}
		if clash := clashOf(a, o.plan); clash != nil {
			option.Hint, option.Disabled = clash.Text+". A key can be on one plan per stage.", true
			taken = append(taken, option)
			continue
		}
		free = append(free, option)
	}
	return slices.Concat(free, []ui.Option{{Value: newApp, Label: "A new app", Hint: "With a key of its own."}}, taken)
}

// nextSteps says what happens after the form is sent.
func nextSteps(o offer) []string {
	if o.plan.Terms.Audience == models.AudienceAsk {
		return []string{
			"You get a key at once and can put it into your code.",
			"The owner reads your request. Until it is approved the key answers 403.",
			"From the approval on the same key works; nothing else is needed from you.",
		}
	}
	return []string{
		"You get a key, shown once, with code that works as it stands.",
		"Send a first call from that page, or from your terminal.",
		"Usage and what is left of the limits appear here within seconds.",
	}
}
