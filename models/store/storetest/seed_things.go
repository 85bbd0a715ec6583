package storetest

import (
	"fmt"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/openapi"
)

// Shapes of what is seeded.
const (
	methodsOfAPI     = 12
	methodsOfLarge   = 60 // of the first API, which has a description
	deploymentsLarge = 30
	keysOfApp        = 5 // at most
	busyKeys         = 200
)

// catalog makes the APIs.
func (d *seeder) catalog() {
	n := max(2, d.size.Plans/10)
	for i := range n {
		a := d.api(d.made.Owner, i, d.at(i, n))
		d.apis, d.made.APIs = append(d.apis, a), append(d.made.APIs, a.id)
	}
	first := d.apis[0]
	d.made.API, d.made.APISlug, d.made.Stage, d.made.Method = first.id, seedSlug(0), first.stages[0], first.methods[0]
	d.guides(first.id)
	for i := range deploymentsLarge {
		deployed, err := d.Deploy(d.Context(), Actor(d.made.Owner), first.id, first.stages[0], fmt.Sprintf("Release %d", i+2), d.at(i, deploymentsLarge))
		d.must(err)
		d.made.Deployment = deployed.ID
	}
}

// guides writes guides to an API.
func (d *seeder) guides(api models.APIID) {
	for i, title := range []string{"First call", "Paging", "Errors"} {
		text := strings.Repeat("## A part\n\nSome words about orders, with `code`.\n\n```\ncurl https://example.com\n```\n\n", 8)
		g, err := d.CreateGuide(d.Context(), Actor(d.made.Owner), api, models.Guide{Title: title, Text: text, Published: true}, d.made.Now)
		d.must(err)
		if i == 0 {
			d.made.Guide = g.ID
		}
	}
}

func seedSlug(i int) string { return fmt.Sprintf("api-%04d", i) }

func (d *seeder) api(owner models.Account, i int, at time.Time) seededAPI {
	in := models.NewAPI{Name: fmt.Sprintf("Orders API %04d", i), Slug: seedSlug(i), Summary: "Reads and writes orders, with all that belongs to them.", KeySource: models.DefaultKeySource()}
	n := methodsOfAPI
	if i == 0 {
		n = methodsOfLarge
	}
	for m := range n {
		in.Methods = append(in.Methods, models.Method{Verb: []string{"GET", "POST", "PUT", "DELETE"}[m%4], Path: fmt.Sprintf("/orders/%02d/{id}", m/4), Summary: fmt.Sprintf("Operation %d of orders", m), KeyRequired: m != 5})
	}
	if i == 0 {
		in.Reading, in.Document = d.describe(in), []byte("{}") // nobody reads it again
	}
	api, err := d.CreateAPI(d.Context(), Actor(owner), in, at)
	d.must(err)
	a := seededAPI{id: api.ID}
	for _, name := range []string{"prod", "beta"} {
		stage, err := d.CreateStage(d.Context(), Actor(owner), api.ID, models.Stage{Name: name, Upstream: "https://example.com", Timeout: models.DefaultTimeout}, at)
		d.must(err)
		_, err = d.Deploy(d.Context(), Actor(owner), api.ID, stage.ID, "First deployment", at)
		d.must(err)
		a.stages = append(a.stages, stage.ID)
	}
	methods, err := d.Methods(d.Context(), owner.ID, api.ID)
	d.must(err)
	for _, m := range methods {
		a.methods = append(a.methods, m.ID)
	}
	return a
}

// describe is what a document says of the methods.
func (d *seeder) describe(in models.NewAPI) []byte {
	order := openapi.Schema{Type: "object"}
	for f := range 12 {
		name := fmt.Sprintf("field%02d", f)
		order.Properties = append(order.Properties, openapi.Property{Name: name, Schema: openapi.Schema{Type: "string", Text: "What the *field* is for, in a sentence of a usual length."}})
		if f%3 == 0 {
			order.Required = append(order.Required, name)
		}
	}
	description := openapi.Description{Format: "openapi 3.1.0", Title: in.Name, Version: "1.0.0", Text: "About orders.", Servers: []string{"https://example.com"}, Secured: true,
		Models: []openapi.Model{{Slug: "Order", Name: "Order", Type: "object", Schema: &order}}}
	content := []openapi.Content{{MediaType: "application/json", Type: "Order", Schema: &openapi.Schema{Ref: "Order", Type: "Order"}, Example: "{\n  \"field00\": \"a\"\n}"}}
	for i, m := range in.Methods {
		description.Operations = append(description.Operations, openapi.Operation{
			Verb: m.Verb, Path: m.Path, ID: fmt.Sprintf("operation%d", i), Summary: m.Summary, Text: "Does what it says.\n\nWith `code` and a [link](https://example.com).",
			Tags: []string{fmt.Sprintf("Group %d", i/10)}, KeyRequired: m.KeyRequired,
			Parameters: []openapi.Parameter{{Name: "id", In: "path", Required: true, Type: "string", Text: "Which one."}, {Name: "limit", In: "query", Type: "integer", Default: "20"}},
			Body:       &openapi.Body{Required: true, Contents: content},
			Responses:  []openapi.Response{{Status: "200", Text: "Done.", Contents: content}, {Status: "404", Text: "There is none."}},
		})
	}
	pack, err := description.Pack()
	d.must(err)
	return pack
}

// plans makes the plans: of each API about as many, with all audiences and states.
func (d *seeder) plans() {
	owner := Actor(d.made.Owner)
	for i := range d.size.Plans {
		p := seededPlan{api: i % len(d.apis), draft: i%20 == 19, terms: d.terms(i)}
		plan, err := d.CreatePlan(d.Context(), owner, p.terms, d.at(i, d.size.Plans))
		d.must(err)
		p.id = plan.ID
		d.offers = append(d.offers, p)
		switch {
		case p.draft:
			d.made.DraftPlan = p.id
			continue
		case p.terms.Audience == models.AudienceAsk:
			d.made.AskPlan = p.id
		}
		_, err = d.PublishPlan(d.Context(), owner, p.id, d.at(i, d.size.Plans))
		d.must(err)
		if p.terms.Audience == models.AudienceInvited {
			d.must(d.SetPlanInvitations(d.Context(), owner, p.id, []string{d.made.Developer.Email, d.persons[i%len(d.persons)].Email}, d.at(i, d.size.Plans)))
		}
	}
	d.made.Plan = d.offers[0].id
}

func (d *seeder) terms(i int) models.Terms {
	a := d.apis[i%len(d.apis)]
	terms := models.NewTerms(fmt.Sprintf("%s %04d", []string{"Free", "Starter", "Growth", "Scale"}[i%4], i))
	terms.Description, terms.Price, terms.KeysPerApp = "For apps of a certain size, with what they need.", fmt.Sprintf("€%d a month", i%7*10), keysOfApp
	terms.Throttle = &limit.Throttle{Rate: float64(10 + i%5*20), Burst: int64(20 + i%5*40)}
	terms.Quota = &limit.Quota{Limit: int64(10_000 * (1 + i%9)), Period: []limit.Period{limit.PeriodDay, limit.PeriodWeek, limit.PeriodMonth}[i%3]}
	stage := models.PlanStage{StageID: a.stages[0], Throttles: []models.MethodThrottle{{MethodID: a.methods[1], Throttle: limit.Throttle{Rate: 1, Burst: 5}}}}
	if i%3 == 1 {
		stage.Excluded = a.methods[2:3]
	}
	terms.Stages = []models.PlanStage{stage}
	if i%3 == 0 {
		terms.Stages = append(terms.Stages, models.PlanStage{StageID: a.stages[1]})
	}
	switch {
	case i%10 == 3:
		terms.Audience = models.AudienceAsk
	case i%9 == 7:
		terms.Audience = models.AudienceInvited
	}
	return terms
}

// planOf spreads keys: one of five to the busiest plan, the others over all that are published.
func (d *seeder) planOf(i int, fits func(seededPlan) bool) seededPlan {
	if i%5 == 0 {
		return d.offers[0]
	}
	for ; ; i++ {
		if p := d.offers[i%len(d.offers)]; !p.draft && fits(p) {
			return p
		}
	}
}

// customers imports keys that the owner made, some every day.
func (d *seeder) customers() {
	n := d.size.Keys * 3 / 5
	batch := max(1, n/max(1, d.size.Days))
	for from := 0; from < n; from += batch {
		at := d.at(from, n)
		var rows []models.KeyImport
		for i := from; i < min(n, from+batch); i++ {
			p := d.planOf(i, func(seededPlan) bool { return true })
			row := models.KeyImport{Line: i - from + 2, Value: fmt.Sprintf("seeded-%08d-%016x", i, d.dice.Uint64()), Name: fmt.Sprintf("customer-%06d", i), CustomerID: fmt.Sprintf("cus_%06d", i*7919%n),
				Enabled: i%30 != 7, Plans: []models.PlanID{p.id}}
			if i%40 == 11 {
				row.ExpiresAt = Now().AddDate(0, 0, i%60+1)
			}
			rows = append(rows, row)
		}
		_, err := d.ImportKeys(d.Context(), Actor(d.made.Owner), models.NewImport{File: "customers.csv", Bytes: int64(len(rows)) * 80}, rows, at)
		d.must(err)
	}
	imports, err := d.Imports(d.Context(), d.made.Owner.ID, models.Page{Limit: 1})
	d.must(err)
	d.made.Import = imports.Items[0].ID
	list, err := d.PlanKeys(d.Context(), d.made.Owner.ID, d.made.Plan, Now(), models.Page{Limit: 1})
	d.must(err)
	d.made.CustomerKey = list.Items[0].ID
}

// developers subscribes apps: the one developer's many, then everybody's.
func (d *seeder) developers() {
	open := func(p seededPlan) bool { return p.terms.Audience != models.AudienceInvited }
	mine := min(busyKeys, d.size.Keys/5)
	for i, made := 0, 0; made < mine; i++ {
		made += d.app(d.made.Developer, i, d.planOf(i, open), keysOfApp, d.at(made, mine))
	}
	rest := d.size.Keys - d.size.Keys*3/5 - mine
	for i, made := 0, 0; made < rest; i++ {
		made += d.app(d.persons[i%len(d.persons)], i, d.planOf(i, open), 2, d.at(made, rest))
	}
}

// app makes an app on a plan with keys, and lets the owner and time do to them what they do. It returns how many keys that made: none for a person whom
// the owner has suspended from the plan.
func (d *seeder) app(who models.Account, i int, p seededPlan, keys int, at time.Time) int {
	made, _, err := d.Subscribe(d.Context(), Actor(who), models.NewSubscription{PlanID: p.id, AppName: fmt.Sprintf("App %05d", i), KeyName: fmt.Sprintf("production-%05d", i), Message: "Please."}, at)
	if models.KindOf(err) == models.KindConflict {
		return 0
	}
	d.must(err)
	ids := []models.KeyID{made.Key.ID}
	for k := 1; k < keys; k++ {
		key, _, err := d.CreateKey(d.Context(), Actor(who), models.NewKey{AppID: made.App.ID, Name: fmt.Sprintf("worker-%05d-%d", i, k)}, at)
		d.must(err)
		ids = append(ids, key.ID)
	}
	if p.terms.Audience == models.AudienceAsk {
		d.decide(made.Subscription.ID, i, at)
	}
	last, mine := ids[len(ids)-1], who.ID == d.made.Developer.ID
	switch i % 25 {
	case 4:
		d.must(d.RevokeKey(d.Context(), Actor(who), last, Now()))
	case 5:
		_, _, err := d.RotateKey(d.Context(), Actor(who), last, models.Rotation{Overlap: models.OverlapDay}, Now())
		d.must(err)
	case 6:
		d.must(d.SetKeyExpiry(d.Context(), Actor(who), last, Now().AddDate(0, 0, 5), at))
	}
	if mine {
		d.busy = append(d.busy, ids...)
	}
	if mine && i == 0 {
		d.made.App, d.made.Key, d.made.Subscription = made.App.ID, ids[0], made.Subscription.ID
	}
	return len(ids)
}

// decide leaves one request of four to the reader of the page.
func (d *seeder) decide(id models.SubscriptionID, i int, at time.Time) {
	owner := Actor(d.made.Owner)
	answer := func(what models.Decision, reason string) {
		_, err := d.DecideSubscription(d.Context(), owner, id, what, reason, at)
		d.must(err)
	}
	switch i / 10 % 4 {
	case 0:
		d.made.Waiting = id
	case 1:
		answer(models.Refuse, "Not at this time.")
	case 2:
		answer(models.Approve, "")
		answer(models.Suspend, "A bill is open.")
	default:
		answer(models.Approve, "")
	}
}

// strangers have a thing of each kind, so that they are no strangers to pages as such.
func (d *seeder) strangers() {
	a := d.api(d.made.StrangerOwner, 9999, Now())
	d.made.StrangerAPI = a.id
	terms := models.NewTerms("Elsewhere")
	terms.Stages = []models.PlanStage{{StageID: a.stages[0]}}
	plan, err := d.CreatePlan(d.Context(), Actor(d.made.StrangerOwner), terms, Now())
	d.must(err)
	_, err = d.PublishPlan(d.Context(), Actor(d.made.StrangerOwner), plan.ID, Now())
	d.must(err)
	_, _, err = d.Subscribe(d.Context(), Actor(d.made.StrangerDeveloper), models.NewSubscription{PlanID: plan.ID, AppName: "Elsewhere"}, Now())
	d.must(err)
}

// ends retires plans, after they got their keys, and puts drafts on top of others.
func (d *seeder) ends() {
	for i, p := range d.offers {
		switch {
		case p.draft || i == 0:
		case i%16 == 15:
			d.must(d.RetirePlan(d.Context(), Actor(d.made.Owner), p.id, Now()))
		case i%12 == 5:
			terms := p.terms
			terms.Price = "€99 a month"
			_, err := d.SaveDraft(d.Context(), Actor(d.made.Owner), p.id, "", terms, Now())
			d.must(err)
			d.made.NewPlan = p.id
		}
	}
}
