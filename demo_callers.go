package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"gatehouse/models"
)

// demoCaller is a key with the traffic that it sends.
type demoCaller struct {
	key    models.KeyID
	plan   models.PlanID
	stage  models.StageID
	name   string  // of the stage
	perDay float64 // calls on an average day, bursts aside
	growth float64 // how much of them was not there when the past begins; below 0: there were more
	burst  int     // calls at once every demoBurstSeconds; 0: never
}

// pointUpstream lets the stages call the sample upstream where it listens this time.
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
			point := func(st *models.Stage) error { st.Upstream = d.upstream; return nil }
			if _, err := d.in.store.ChangeStage(ctx, owner, row.ID, stage.ID, models.StageBasics, point, now); err != nil {
				return fmt.Errorf("point stage %s at the sample upstream: %w", stage.Name, err)
			}
		}
	}
	return nil
}

// pointWebhooks does the same for what the demo's people are told at.
func (d *demoData) pointWebhooks(ctx context.Context, who models.Actor, side models.Side, now time.Time) error {
	hooks, err := d.in.store.Webhooks(ctx, who.AccountID, side)
	if err != nil {
		return err
	}
	for _, w := range hooks {
		u, err := url.Parse(w.URL)
		if err != nil || u.Scheme+"://"+u.Host == d.upstream || u.Hostname() != "127.0.0.1" || !slices.Contains(demoHooks, u.Path) {
			continue // the demo's user made it
		}
		if err := d.in.store.SaveWebhook(ctx, who, side, w.ID, models.NewWebhook{URL: d.upstream + u.Path, Note: w.Note, Kinds: w.Kinds}, now); err != nil {
			return fmt.Errorf("point webhook %s at the sample upstream: %w", w.Note, err)
		}
	}
	return nil
}

// demoHabits are how the keys call that get traffic, by their names.
var demoHabits = map[string]demoCaller{
	"ios-production":     {name: "prod", perDay: 28_000, growth: 0.4},
	"android-production": {name: "prod", perDay: 16_000, growth: 0.4},
	"laptop":             {name: "prod", perDay: 2400, growth: 0.4, burst: demoBurst},
	"tracker-eu":         {name: "prod", perDay: 4200, growth: 0.9},
	"board":              {name: "prod", perDay: 500, growth: -2},
	"northwind":          {name: "prod", perDay: 1900, growth: -0.3},
	"fjord-kiosk":        {name: "prod", perDay: 700, growth: 0.2},
}

// findCallers looks up the keys that get traffic.
func (d *demoData) findCallers(ctx context.Context) error {
	owner, _, err := d.in.store.AccountByEmail(ctx, demoPeople[0].email)
	if err != nil {
		return err
	}
	customers := []models.CustomerRef{{CustomerID: demoNorthwind}, {CustomerID: demoFjord}}
	for _, email := range []string{demoPeople[1].email, demoCustomers[0].email, demoCustomers[1].email} {
		a, _, err := d.in.store.AccountByEmail(ctx, email)
		if models.KindOf(err) == models.KindNotFound {
			continue // the demo's user deleted it
		}
		if err != nil {
			return err
		}
		customers = append(customers, models.CustomerRef{AccountID: a.ID})
	}
	d.callers = nil
	for _, who := range customers {
		rows, err := d.in.store.CustomerKeys(ctx, owner.ID, who)
		if err != nil {
			return err
		}
		for _, row := range rows {
			habit, ok := demoHabits[row.Name]
			if s := row.Status(time.Now()); !ok || s != models.KeyActive && s != models.KeyRotating {
				continue
			}
			if err := d.addCaller(ctx, owner.ID, row.ID, habit); err != nil {
				return err
			}
		}
	}
	return nil
}

// addCaller lets a key call what it may.
func (d *demoData) addCaller(ctx context.Context, owner models.AccountID, key models.KeyID, habit demoCaller) error {
	detail, err := d.in.store.Key(ctx, owner, key)
	if err != nil {
		return err
	}
	for _, call := range detail.Calls {
		if call.StageName == habit.name && call.State == models.MemberActive {
			habit.key, habit.plan, habit.stage = key, call.PlanID, call.StageID
			d.callers = append(d.callers, habit)
		}
	}
	return nil
}
