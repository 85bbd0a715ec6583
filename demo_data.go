package main

import (
	"context"
	"fmt"
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

// demoCaller is a key with the traffic that it sends.
type demoCaller struct {
	key    models.KeyID
	plan   models.PlanID
	stage  models.StageID
	name   string  // of the stage
	perDay float64 // calls on an average day, bursts aside
	burst  int     // calls at once every demoBurstEvery; 0: never
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
	if err := d.pointUpstream(ctx, demoActor(owner), now); err != nil {
		return err
	}
	return d.findCallers(ctx)
}

func demoActor(a models.Account) models.Actor {
	return models.Actor{AccountID: a.ID, Role: a.Role, Label: a.Email, Address: "127.0.0.1"}
}

func (d *demoData) pointUpstream(ctx context.Context, owner models.Actor, now time.Time) error {
	apis, err := d.in.store.APIs(ctx, owner.AccountID, models.Page{})
	if err != nil {
		return err
	}
	for _, row := range apis.Items {
		if row.Slug != "echo" {
			continue
		}
		d.api = row.API
		for _, stage := range row.Stages {
			if stage.Upstream == d.upstream {
				continue
			}
			stage.Upstream = d.upstream
			if err := d.in.store.UpdateStage(ctx, owner, row.ID, stage, now); err != nil {
				return fmt.Errorf("point stage %s at the sample upstream: %w", stage.Name, err)
			}
		}
	}
	return nil
}

// seed makes the people, the API with two stages, four plans, apps, keys and a made-up past. All of it is as old as that past, but for
// the request that waits for an answer.
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
	plans, err := d.seedPlans(ctx, owner, stages, opened)
	if err != nil {
		return err
	}
	if err := d.seedApps(ctx, developer, plans, opened, now); err != nil {
		return err
	}
	if err := d.seedPlanLife(ctx, owner, plans["Growth"], now); err != nil {
		return err
	}
	if err := d.seedDraft(ctx, owner, plans["Free"], now); err != nil {
		return err
	}
	if err := d.findCallers(ctx); err != nil {
		return err
	}
	return d.seedHistory(ctx, now)
}

func (d *demoData) seedAPI(ctx context.Context, owner models.Actor, now time.Time) (map[string]models.Stage, error) {
	s := d.in.store
	document := sample.Document()
	reading, err := openapi.NewReader().Read(ctx, document)
	if err != nil {
		return nil, err
	}
	var methods []models.Method
	for _, op := range reading.Operations {
		methods = append(methods, models.Method{Verb: op.Verb, Path: op.Path, Summary: op.Summary, KeyRequired: op.KeyRequired})
	}
	d.api, err = s.CreateAPI(ctx, owner, models.NewAPI{
		Name: reading.Title, Slug: "echo", Summary: "Answers with what you sent: a friendly place to try keys, limits and clients.",
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
	return stages, s.PointStage(ctx, owner, d.api.ID, stages["beta"].ID, first.ID, now)
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
	}{
		{62, func(t *models.Terms) {
			t.Quota, t.Charge = &limit.Quota{Limit: 1_000_000, Period: limit.PeriodMonth}, models.ChargeDelivered
		}},
		{20, func(t *models.Terms) { t.Throttle, t.KeysPerApp = &limit.Throttle{Rate: 50, Burst: 100}, 5 }},
	} {
		step.change(&terms)
		at := now.AddDate(0, 0, -step.daysAgo)
		if _, err := s.SaveDraft(ctx, owner, growth.ID, "", terms, at); err != nil {
			return err
		}
		if _, err := s.PublishPlan(ctx, owner, growth.ID, at.Add(time.Hour)); err != nil {
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
	if _, _, err := s.CreateCustomerKey(ctx, owner, models.NewCustomerKey{Name: "Northwind", CustomerID: "C-1042", Plans: []models.PlanID{founders.ID}}, opened); err != nil {
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

// findCallers looks up the keys that get traffic.
func (d *demoData) findCallers(ctx context.Context) error {
	developer, _, err := d.in.store.AccountByEmail(ctx, demoPeople[1].email)
	if err != nil {
		return err
	}
	rows, err := d.in.store.AccountKeys(ctx, developer.ID, models.Page{Limit: 200})
	if err != nil {
		return err
	}
	habits := map[string]demoCaller{
		"ios-production":     {name: "prod", perDay: 28_000},
		"android-production": {name: "prod", perDay: 16_000},
		"laptop":             {name: "prod", perDay: 2400, burst: demoBurst},
	}
	d.callers = nil
	for _, row := range rows.Items {
		habit, ok := habits[row.Name]
		if !ok || row.Status(time.Now()) != models.KeyActive {
			continue
		}
		detail, err := d.in.store.Key(ctx, developer.ID, row.ID)
		if err != nil {
			return err
		}
		for _, call := range detail.Calls {
			if call.StageName == habit.name && call.State == models.MemberActive {
				habit.key, habit.plan, habit.stage = row.ID, call.PlanID, call.StageID
				d.callers = append(d.callers, habit)
			}
		}
	}
	return nil
}
