package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/openapi"
	"gatehouse/models/secret"
	"gatehouse/sample"
)

// demoPassword is everybody's; demoKey is a key's fixed value, so that a restart prints the same curl. A demo is no place for secrets.
const (
	demoPassword = "open-the-gate-26"
	demoKey      = "demokeyforeverybodytotry0001"
)

var demoPeople = []struct {
	name, email string
	role        models.Role
}{
	{"Ana Ruiz", "owner@example.com", models.RoleOwner},
	{"Mira Okafor", "developer@example.com", models.RoleDeveloper},
	{"Jonas Lind", "admin@example.com", models.RoleAdmin},
}

// demoData knows the demo's objects by what they are for.
type demoData struct {
	in       *instance
	upstream string
	api      models.API
	callers  []demoCaller
}

// prepare seeds an empty installation, or finds what an earlier start seeded; the sample upstream has another port each time.
func (d *demoData) prepare(ctx context.Context, now time.Time) error {
	some, err := d.in.store.HasAccounts(ctx)
	if err != nil {
		return err
	}
	if !some {
		if err := d.seed(ctx, now); err != nil {
			return fmt.Errorf("seed the demo: %w", err)
		}
	}
	owner, _, err := d.in.store.AccountByEmail(ctx, demoPeople[0].email)
	if err != nil {
		return err
	}
	developer, _, err := d.in.store.AccountByEmail(ctx, demoPeople[1].email)
	if err != nil {
		return err
	}
	for _, point := range []func() error{
		func() error { return d.pointUpstream(ctx, demoActor(owner), now) },
		func() error { return d.pointWebhooks(ctx, demoActor(owner), models.SideOwner, now) },
		func() error { return d.pointWebhooks(ctx, demoActor(developer), models.SideDeveloper, now) },
	} {
		if err := point(); err != nil {
			return err
		}
	}
	return d.findCallers(ctx)
}

func demoActor(a models.Account) models.Actor {
	return models.Actor{AccountID: a.ID, Role: a.Role, Label: a.Email, Address: "127.0.0.1"}
}

// seed makes the people, the API with two stages, plans, apps, keys and a made-up past, and the story around them. All of it is as old as that past, but for
// what waits for an answer.
func (d *demoData) seed(ctx context.Context, now time.Time) error {
	s := d.in.store
	opened := now.AddDate(0, 0, -demoDays)
	hash, err := secret.NewHasher().Hash(ctx, demoPassword)
	if err != nil {
		return err
	}
	people := map[models.Role]models.Account{}
	for _, person := range demoPeople {
		a, err := s.CreateAccount(ctx, models.CommandLine(), models.NewAccount{Email: person.email, Name: person.name, PasswordHash: hash, Role: person.role}, opened)
		if err != nil {
			return err
		}
		people[person.role] = a
	}
	owner, developer := demoActor(people[models.RoleOwner]), demoActor(people[models.RoleDeveloper])
	stages, err := d.seedAPI(ctx, owner, opened)
	if err != nil {
		return err
	}
	t := &story{demoData: d, ctx: ctx, owner: owner, developer: developer, admin: demoActor(people[models.RoleAdmin]), now: now}
	t.people(hash)
	t.webhooks()
	t.step("plans", func() (err error) { t.plans, err = d.seedPlans(ctx, owner, stages, opened); return err })
	t.closedPlans(allStages(stages))
	t.step("apps", func() error { return d.seedApps(ctx, developer, t.plans, opened, now) })
	t.step("plans' past", func() error { return d.seedPlanLife(ctx, owner, t.plans["Growth"], now) })
	t.step("draft", func() error { return d.seedDraft(ctx, owner, t.plans["Free"], now) })
	t.tell()
	t.step("callers", func() error { return d.findCallers(ctx) })
	t.step("past", func() error { return d.seedHistory(ctx, now) })
	t.after()
	return t.err
}

func (d *demoData) seedAPI(ctx context.Context, owner models.Actor, now time.Time) (map[string]models.Stage, error) {
	s := d.in.store
	document := sample.Document()
	reading, err := openapi.NewReader().Read(ctx, document)
	if err != nil {
		return nil, err
	}
	var methods, later []models.Method
	for _, op := range reading.Operations {
		m := models.Method{Verb: op.Verb, Path: op.Path, Summary: op.Summary, KeyRequired: op.KeyRequired}
		if slices.Contains(demoLater, op.Path) {
			later = append(later, m)
		} else {
			methods = append(methods, m)
		}
	}
	d.api, err = s.CreateAPI(ctx, owner, models.NewAPI{
		Name: reading.Title, Slug: "echo", Summary: "Answers with what you sent: a friendly place to try keys, limits and clients.", Tags: []string{"http", "testing"},
		KeySource: models.DefaultKeySource(), Document: document, Reading: reading.Pack, Methods: methods,
	}, now)
	if err != nil {
		return nil, err
	}
	stages := map[string]models.Stage{}
	for _, stage := range []models.Stage{
		{Name: "prod", Upstream: d.upstream, Timeout: models.DefaultTimeout, Throttle: &limit.Throttle{Rate: 500, Burst: 1000}},
		{Name: "beta", Upstream: d.upstream, Timeout: models.DefaultTimeout},
	} {
		now = now.Add(time.Millisecond) // lists are in the order of making
		made, err := s.CreateStage(ctx, owner, d.api.ID, stage, now)
		if err != nil {
			return nil, err
		}
		stages[made.Name] = made
	}
	first, err := s.Deploy(ctx, owner, d.api.ID, stages["prod"].ID, "First release", now)
	if err != nil {
		return nil, err
	}
	if err := s.PointStage(ctx, owner, d.api.ID, stages["beta"].ID, first.ID, now); err != nil {
		return nil, err
	}
	return stages, d.seedReleases(ctx, owner, stages, later, now)
}

// demoLater are the operations that came with the second release.
var demoLater = []string{"/stream/{n}", "/sse", "/websocket/echo"}

// seedReleases deploys what came later: on beta first.
func (d *demoData) seedReleases(ctx context.Context, owner models.Actor, stages map[string]models.Stage, later []models.Method, opened time.Time) error {
	s := d.in.store
	for i, m := range later {
		if _, err := s.AddMethod(ctx, owner, d.api.ID, m, opened.AddDate(0, 0, 38).Add(time.Duration(i)*time.Minute)); err != nil {
			return err
		}
	}
	second, err := s.Deploy(ctx, owner, d.api.ID, stages["beta"].ID, "Streams, server-sent events and WebSockets", opened.AddDate(0, 0, 39))
	if err != nil {
		return err
	}
	return s.PointStage(ctx, owner, d.api.ID, stages["prod"].ID, second.ID, opened.AddDate(0, 0, 44))
}

// allStages opens each of some stages, whole.
func allStages(stages map[string]models.Stage) []models.PlanStage {
	return []models.PlanStage{{StageID: stages["prod"].ID}, {StageID: stages["beta"].ID}}
}

func (d *demoData) seedPlans(ctx context.Context, owner models.Actor, stages map[string]models.Stage, now time.Time) (map[string]models.Plan, error) {
	prod, beta := models.PlanStage{StageID: stages["prod"].ID}, models.PlanStage{StageID: stages["beta"].ID}
	methods, err := d.in.store.Methods(ctx, owner.AccountID, d.api.ID)
	if err != nil {
		return nil, err
	}
	slow := prod
	for _, m := range methods {
		if m.Path == "/delay/{seconds}" {
			slow.Throttles = append(slow.Throttles, models.MethodThrottle{MethodID: m.ID, Throttle: limit.Throttle{Rate: 0.5, Burst: 2}})
		}
	}
	plans := map[string]models.Plan{}
	for _, t := range []models.Terms{
		{Name: "Free", Description: "To try things out and for weekend projects.", Price: "Free", Throttle: &limit.Throttle{Rate: 5, Burst: demoFreeBurst},
			Quota: &limit.Quota{Limit: 10_000, Period: limit.PeriodDay}, Stages: []models.PlanStage{slow}, Audience: models.AudienceAnyone, Charge: models.ChargeAccepted, KeysPerApp: 1},
		{Name: "Growth", Description: "For apps in production with steady traffic.", Price: "€49 a month", Throttle: &limit.Throttle{Rate: 30, Burst: 60},
			Quota: &limit.Quota{Limit: 500_000, Period: limit.PeriodMonth}, Stages: []models.PlanStage{prod, beta}, Audience: models.AudienceAnyone, Charge: models.ChargeAccepted, KeysPerApp: 3},
		{Name: "Scale", Description: "High volume, with a person to talk to.", Price: "Talk to us", Throttle: &limit.Throttle{Rate: 400, Burst: 800},
			Stages: []models.PlanStage{prod, beta}, Audience: models.AudienceAsk, Charge: models.ChargeDelivered, KeysPerApp: 10},
	} {
		now = now.Add(time.Millisecond)
		plan, err := d.in.store.CreatePlan(ctx, owner, t, now)
		if err != nil {
			return nil, err
		}
		if plan, err = d.in.store.PublishPlan(ctx, owner, plan.ID, now); err != nil {
			return nil, err
		}
		plans[t.Name] = plan
	}
	return plans, nil
}

// seedPlanLife gives the plans a past: Growth grew twice, and the plan that it replaced ends soon, with a
// customer still on it.
func (d *demoData) seedPlanLife(ctx context.Context, owner models.Actor, growth models.Plan, now time.Time) error {
	s, terms := d.in.store, growth.InForce
	for _, step := range []struct {
		daysAgo int
		change  func(*models.Terms)
		words   []models.TermsChange
	}{
		{62, func(t *models.Terms) {
			t.Quota, t.Charge = &limit.Quota{Limit: 1_000_000, Period: limit.PeriodMonth}, models.ChargeDelivered
		}, []models.TermsChange{{What: "Quota", Before: "500,000 requests a month", After: "1,000,000 requests a month"}, {What: "What counts", Before: "accepted requests", After: "delivered answers"}}},
		{20, func(t *models.Terms) { t.Throttle, t.KeysPerApp = &limit.Throttle{Rate: 50, Burst: 100}, 5 }, []models.TermsChange{{What: "Rate", Before: "30\u00a0rps", After: "50\u00a0rps"},
			{What: "Burst", Before: "60", After: "100"}, {What: "Keys for an app", Before: "3", After: "5"}}},
	} {
		step.change(&terms)
		at := now.AddDate(0, 0, -step.daysAgo)
		if _, err := s.SaveDraft(ctx, owner, growth.ID, "", terms, at); err != nil {
			return err
		}
		if _, err := s.PublishPlan(ctx, owner, growth.ID, at.Add(time.Hour), step.words...); err != nil {
			return err
		}
	}
	opened := now.AddDate(0, 0, -demoDays)
	founders, err := s.CreatePlan(ctx, owner, models.Terms{Name: "Founders", Description: "For the first customers.", Price: "€19 a month", Throttle: &limit.Throttle{Rate: 20, Burst: 40},
		Quota: &limit.Quota{Limit: 200_000, Period: limit.PeriodMonth}, Stages: growth.InForce.Stages[:1], Audience: models.AudienceAnyone, Charge: models.ChargeAccepted, KeysPerApp: 1}, opened.Add(-time.Hour))
	if err != nil {
		return err
	}
	if _, err := s.PublishPlan(ctx, owner, founders.ID, opened); err != nil {
		return err
	}
	if _, _, err := s.CreateCustomerKey(ctx, owner, models.NewCustomerKey{Name: "northwind", CustomerID: demoNorthwind, Plans: []models.PlanID{founders.ID}}, opened); err != nil {
		return err
	}
	if err := s.RetirePlan(ctx, owner, founders.ID, now.AddDate(0, 0, -20)); err != nil {
		return err
	}
	return s.EndPlan(ctx, owner, founders.ID, now.AddDate(0, 0, 24).Truncate(24*time.Hour), now.AddDate(0, 0, -6))
}

// seedDraft leaves a change of Free that is worth a rehearsal before it is published: its key has bursts.
func (d *demoData) seedDraft(ctx context.Context, owner models.Actor, free models.Plan, now time.Time) error {
	terms := free.InForce
	terms.Throttle, terms.Quota = &limit.Throttle{Rate: 5, Burst: 6}, &limit.Quota{Limit: 5000, Period: limit.PeriodDay}
	_, err := d.in.store.SaveDraft(ctx, owner, free.ID, "", terms, now.Add(-3*time.Hour))
	return err
}

// seedApps makes the developer's apps: one in production with two keys, one on the free plan, one that waits for the owner's yes.
func (d *demoData) seedApps(ctx context.Context, developer models.Actor, plans map[string]models.Plan, opened, now time.Time) error {
	s := d.in.store
	mobile, _, err := s.Subscribe(ctx, developer, models.NewSubscription{PlanID: plans["Growth"].ID, AppName: "Acme Mobile", KeyName: "ios-production"}, opened)
	if err != nil {
		return err
	}
	if _, _, err := s.CreateKey(ctx, developer, models.NewKey{AppID: mobile.App.ID, Name: "android-production"}, opened); err != nil {
		return err
	}
	beta, _, err := s.CreateKey(ctx, developer, models.NewKey{AppID: mobile.App.ID, Name: "ios-beta"}, opened.AddDate(0, 0, 10))
	if err != nil {
		return err
	}
	if err := s.RevokeKey(ctx, developer, beta.ID, now.AddDate(0, 0, -26)); err != nil {
		return err
	}
	if _, err := s.AdoptKey(ctx, developer, models.NewKey{AppID: mobile.App.ID, Name: "curl-demo"}, secret.NewValue(demoKey), opened); err != nil {
		return err
	}
	if _, _, err := s.Subscribe(ctx, developer, models.NewSubscription{PlanID: plans["Free"].ID, AppName: "Weekend project", KeyName: "laptop"}, opened); err != nil {
		return err
	}
	_, _, err = s.Subscribe(ctx, developer, models.NewSubscription{PlanID: plans["Scale"].ID, AppName: "Nightly export", KeyName: "warehouse",
		Message: "We move our nightly export to you: about 300 requests a second between 02:00 and 03:00 UTC."}, now.Add(-2*time.Hour))
	return err
}
