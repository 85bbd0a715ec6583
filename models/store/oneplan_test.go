package store_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/models"
	"gatehouse/models/store"
)

// race runs fn in parallel and returns how many calls succeeded; the others must be conflicts.
func race(t *testing.T, n int, fn func(i int) error) int {
	t.Helper()
	var won atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			switch err := fn(i); {
			case err == nil:
				won.Add(1)
			case models.KindOf(err) != models.KindConflict:
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	close(start)
	wg.Wait()
	return int(won.Load())
}

// R1 and SEC-40: of many that want the same stage for the same key at once, one has it.
func TestOneOfManyAtOnceHasTheStage(t *testing.T) {
	const many = 50
	w := newWorld(t)
	prod, beta := w.stage("prod"), w.stage("beta")
	plans := make([]models.Plan, many)
	for i := range plans {
		plans[i] = w.plan(fmt.Sprint("Plan ", i), prod)
	}
	base := w.plan("Base", beta)
	made := w.subscribe(base, "App")
	if won := race(t, many, func(i int) error {
		_, _, err := w.Subscribe(t.Context(), w.asDeveloper(), models.NewSubscription{PlanID: plans[i].ID, AppID: made.App.ID}, w.now)
		return err
	}); won != 1 {
		t.Errorf("%d subscriptions won", won)
	}
	k := w.customerKey("Acme", base)
	if won := race(t, many, func(i int) error { return w.AddKeyToPlan(t.Context(), w.asOwner(), k.ID, plans[i].ID, w.now) }); won != 1 {
		t.Errorf("%d additions won", won)
	}
	moving := w.subscribe(base, "Moving")
	if won := race(t, many, func(i int) error {
		_, err := w.MoveSubscription(t.Context(), w.asOwner(), moving.Subscription.ID, plans[i].ID, i%2 == 0, w.now)
		return err
	}); won != 1 {
		t.Errorf("%d moves won", won)
	}
	same := w.subscribe(w.plan("Same", beta), "Same")
	if won := race(t, many, func(int) error {
		_, _, err := w.Subscribe(t.Context(), w.asDeveloper(), models.NewSubscription{PlanID: plans[0].ID, AppID: same.App.ID}, w.now)
		return err
	}); won != 1 {
		t.Errorf("%d of one subscription won", won)
	}
	wantR1(t, w.Store)
}

// Publishing takes part in the race: of all drafts that open a stage for one key, one becomes a version.
func TestOneOfManyPublicationsHasTheStage(t *testing.T) {
	const many = 20
	w := newWorld(t)
	prod := w.stage("prod")
	k := w.customerKey("Acme")
	plans := make([]models.Plan, many)
	for i := range plans {
		own := w.stage(fmt.Sprint("own-", i))
		plans[i] = w.plan(fmt.Sprint("Plan ", i), own)
		ok(t, w.AddKeyToPlan(t.Context(), w.asOwner(), k.ID, plans[i].ID, w.later()))
		_, err := w.SaveDraft(t.Context(), w.asOwner(), plans[i].ID, "", termsOf(fmt.Sprint("Plan ", i), own, prod), w.later())
		ok(t, err)
	}
	if won := race(t, many, func(i int) error {
		_, err := w.PublishPlan(t.Context(), w.asOwner(), plans[i].ID, w.now)
		return err
	}); won != 1 {
		t.Errorf("%d publications won", won)
	}
	wantR1(t, w.Store)
}

// R1 by the database alone: what slips past the rule is refused by the index.
func TestTheIndexHasTheLastWordOnOnePlanPerStage(t *testing.T) {
	w := newWorld(t)
	prod := w.stage("prod")
	one, two := w.plan("One", prod), w.plan("Two", prod)
	k := w.customerKey("Acme", one)
	if err := store.Writer(w.Store).Exec(`INSERT INTO key_stages (key_id, stage_id, plan_id) VALUES (?, ?, ?)`, k.ID, prod.ID, two.ID).Error; err == nil {
		t.Error("the database let a key have a stage twice")
	}
}

// KeysPerApp holds when many ask at once.
func TestOneOfManyKeysAtOnceIsMade(t *testing.T) {
	w := newWorld(t)
	made := w.subscribe(w.plan("Free", w.stage("prod")), "App") // two keys an app
	if won := race(t, 30, func(i int) error {
		_, _, err := w.CreateKey(t.Context(), w.asDeveloper(), models.NewKey{AppID: made.App.ID, Name: "k"}, w.now)
		return err
	}); won != 1 {
		t.Errorf("%d keys were made", won)
	}
}

// Any order of use cases leaves key_stages equal to what memberships and terms amount to, never a key on two plans of a stage, and
// whatever is refused changes nothing.
func TestAnyInterleavingKeepsOnePlanPerStage(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := newMachine(rt, newWorld(t))
		defer m.Close()
		rt.Repeat(m.actions())
	})
}

// machine plays owner and developer on things of its own run.
type machine struct {
	*world
	rt            *rapid.T
	stages        []models.Stage
	plans         []models.PlanID
	apps          []models.AppID
	subscriptions []models.SubscriptionID
	keys          []models.KeyID // the developer's
	own           []models.KeyID // the owner's
}

func newMachine(rt *rapid.T, w *world) *machine {
	m := &machine{world: w, rt: rt}
	for i := range 3 {
		m.stages = append(m.stages, w.stage(fmt.Sprint("s", i)))
	}
	for i := range 3 {
		m.plans = append(m.plans, w.plan(fmt.Sprint("p", i), m.stages[i]).ID)
	}
	m.keep(w.subscribe(models.Plan{ID: m.plans[0]}, "a0"), nil)
	m.own = append(m.own, w.customerKey("own").ID)
	return m
}

// keep remembers what a subscription made.
func (m *machine) keep(made models.Subscribed, err error) error {
	if err == nil {
		m.subscriptions = append(m.subscriptions, made.Subscription.ID)
		if !slices.Contains(m.apps, made.App.ID) {
			m.apps = append(m.apps, made.App.ID)
		}
		if !slices.Contains(m.keys, made.Key.ID) {
			m.keys = append(m.keys, made.Key.ID)
		}
	}
	return err
}

func pick[T any](m *machine, from []T, what string) T {
	return from[rapid.IntRange(0, len(from)-1).Draw(m.rt, what)]
}

// do fails on anything but success and errors for people.
func (m *machine) do(err error) {
	if err != nil && models.KindOf(err) == models.KindNone {
		m.rt.Fatalf("a fault: %v", err)
	}
}

func (m *machine) terms(name string) models.Terms {
	var stages []models.Stage
	for _, st := range m.stages {
		if rapid.Bool().Draw(m.rt, "open "+st.Name) {
			stages = append(stages, st)
		}
	}
	terms := termsOf(name, stages...)
	terms.Audience = rapid.SampledFrom([]models.Audience{models.AudienceAnyone, models.AudienceAsk}).Draw(m.rt, "audience")
	return terms
}

func (m *machine) actions() map[string]func(*rapid.T) {
	ctx, owner, developer := m.t.Context(), m.asOwner(), m.asDeveloper()
	plan := func() models.PlanID { return pick(m, m.plans, "plan") }
	subscription := func() models.SubscriptionID { return pick(m, m.subscriptions, "subscription") }
	withCount := func() bool { return rapid.Bool().Draw(m.rt, "with count") }
	actions := map[string]func() error{
		"publish": func() error {
			id := plan()
			if _, err := m.SaveDraft(ctx, owner, id, "", m.terms("p"), m.later()); err != nil {
				return err
			}
			_, err := m.PublishPlan(ctx, owner, id, m.later())
			return err
		},
		"new plan": func() error {
			p, err := m.CreatePlan(ctx, owner, m.terms("p"), m.later())
			if err == nil {
				m.plans = append(m.plans, p.ID)
			}
			return err
		},
		"retire": func() error { return m.RetirePlan(ctx, owner, plan(), m.later()) },
		"end": func() error {
			in := rapid.Int64Range(0, 5).Draw(m.rt, "seconds to the end")
			now := m.later()
			return m.EndPlan(ctx, owner, plan(), now.Add(time.Duration(in)*time.Second), now)
		},
		"keep":          func() error { return m.KeepPlan(ctx, owner, plan(), m.later()) },
		"note the ends": func() error { return m.EndDuePlans(ctx, m.later()) },
		"subscribe": func() error {
			made, _, err := m.Subscribe(ctx, developer, models.NewSubscription{PlanID: plan(), AppID: pick(m, m.apps, "app")}, m.later())
			return m.keep(made, err)
		},
		"subscribe a new app": func() error {
			made, _, err := m.Subscribe(ctx, developer, models.NewSubscription{PlanID: plan(), AppName: "a"}, m.later())
			return m.keep(made, err)
		},
		"cancel": func() error { return m.CancelSubscription(ctx, developer, subscription(), m.later()) },
		"decide": func() error {
			d := rapid.SampledFrom([]models.Decision{models.Approve, models.Refuse, models.Suspend, models.Resume, models.End}).Draw(m.rt, "decision")
			_, err := m.DecideSubscription(ctx, owner, subscription(), d, "because", m.later())
			return err
		},
		"change plan": func() error {
			sub, err := m.ChangePlan(ctx, developer, subscription(), plan(), m.later())
			return m.keepMoved(sub, err)
		},
		"move subscription": func() error {
			sub, err := m.MoveSubscription(ctx, owner, subscription(), plan(), withCount(), m.later())
			return m.keepMoved(sub, err)
		},
		"new key": func() error {
			k, _, err := m.CreateKey(ctx, developer, models.NewKey{AppID: pick(m, m.apps, "app"), Name: "k"}, m.later())
			if err == nil {
				m.keys = append(m.keys, k.ID)
			}
			return err
		},
		"revoke": func() error { return m.RevokeKey(ctx, developer, pick(m, m.keys, "key"), m.later()) },
		"block": func() error {
			return m.SetKeyEnabled(ctx, owner, pick(m, m.keys, "key"), rapid.Bool().Draw(m.rt, "on"), m.later())
		},
		"add":      func() error { return m.AddKeyToPlan(ctx, owner, pick(m, m.own, "own key"), plan(), m.later()) },
		"remove":   func() error { return m.RemoveKeyFromPlan(ctx, owner, pick(m, m.own, "own key"), plan(), m.later()) },
		"move key": func() error { return m.MoveKey(ctx, owner, pick(m, m.own, "own key"), plan(), plan(), withCount(), m.later()) },
		"import": func() error {
			_, err := m.ImportKeys(ctx, owner, []models.KeyImport{{Line: 2, ID: pick(m, m.own, "own key"), Name: "own", Plans: []models.PlanID{plan(), plan()}}}, m.later())
			return err
		},
		"delete stage": func() error {
			i := rapid.IntRange(0, len(m.stages)-1).Draw(m.rt, "stage")
			name := m.stages[i].Name
			if err := m.DeleteStage(ctx, owner, m.api.ID, m.stages[i].ID, m.later()); err != nil {
				return err
			}
			m.stages[i] = m.stage(name)
			return nil
		},
	}
	checked := map[string]func(*rapid.T){"": func(rt *rapid.T) { wantR1(m.t, m.Store) }}
	for name, action := range actions {
		checked[name] = func(rt *rapid.T) { m.do(action()) }
	}
	return checked
}

func (m *machine) keepMoved(sub models.Subscription, err error) error {
	if err == nil {
		m.subscriptions = append(m.subscriptions, sub.ID)
	}
	return err
}
