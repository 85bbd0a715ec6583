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

// A plan ends while its keys move, join others, are published into others and come back: each key has the stage once or not at all, whatever was first,
// and whoever was told that it has it does.
func TestAPlanThatEndsAmongRequestsLeavesOnePlanPerStage(t *testing.T) {
	const many = 12
	w := newWorld(t)
	ctx, owner := t.Context(), w.asOwner()
	prod := w.stage("prod")
	ending, next := w.plan("Ending", prod), w.plan("Next", prod)
	var keys []models.KeyID
	var subs []models.Subscribed
	for i := range many {
		keys = append(keys, w.customerKey(fmt.Sprint("k", i), ending).ID)
		subs = append(subs, w.subscribe(ending, fmt.Sprint("a", i)))
	}
	opening := w.plan("Opening", w.stage("own"))
	for _, k := range keys[:3] {
		ok(t, w.AddKeyToPlan(ctx, owner, k, opening.ID, w.later()))
	}
	_, err := w.SaveDraft(ctx, owner, opening.ID, "", termsOf("Opening", w.stage("own-too"), prod), w.later())
	ok(t, err)
	before, after := w.now, w.now.Add(time.Hour)
	ok(t, w.EndPlan(ctx, owner, ending.ID, after, before))
	moved, joined := make([]bool, many), make([]bool, many)
	now := func(i int) time.Time { // the clocks of requests that are under way at the end
		if i%2 == 0 {
			return before
		}
		return after
	}
	race(t, 5*many+2, func(i int) (err error) {
		switch n := i / 5; {
		case i == 5*many:
			return w.EndDuePlans(ctx, after)
		case i == 5*many+1:
			_, err = w.PublishPlan(ctx, owner, opening.ID, after)
		case i%5 == 0:
			err = w.MoveKey(ctx, owner, keys[n], ending.ID, next.ID, n%3 == 0, now(n))
			moved[n] = err == nil
		case i%5 == 1:
			err = w.AddKeyToPlan(ctx, owner, keys[n], next.ID, now(n))
			joined[n] = err == nil
		case i%5 == 2:
			_, err = w.ImportKeys(ctx, owner, models.NewImport{}, []models.KeyImport{{Line: 2, ID: keys[n], Name: "k", Plans: []models.PlanID{ending.ID, next.ID}}}, now(n))
		case i%5 == 3:
			_, err = w.MoveSubscription(ctx, owner, subs[n].Subscription.ID, next.ID, true, now(n))
		default:
			_, _, err = w.Subscribe(ctx, w.asDeveloper(), models.NewSubscription{PlanID: next.ID, AppID: subs[n].App.ID}, now(n))
		}
		if models.KindOf(err) == models.KindInvalid || models.KindOf(err) == models.KindNotFound { // an import's line; a plan that the key has left
			err = models.Conflict("refused")
		}
		return err
	})
	ok(t, w.EndDuePlans(ctx, after))
	wantR1(t, w.Store)
	for i, k := range keys {
		d, err := w.Key(ctx, w.owner.ID, k)
		ok(t, err)
		on := func(plan models.PlanID) bool {
			return slices.ContainsFunc(d.Memberships, func(m models.Membership) bool { return m.PlanID == plan && m.State == models.MemberActive })
		}
		if (moved[i] || joined[i]) && !on(next.ID) {
			t.Errorf("key %d was put on the next plan and is on %+v", i, d.Memberships)
		}
		if on(ending.ID) {
			t.Errorf("key %d is active on the plan that has ended", i)
		}
	}
}

// A key moves to and fro while others take its stage and owners block and free it: it is on exactly one of the plans at any moment that is looked at.
func TestAMovingKeyIsOnExactlyOneOfThePlans(t *testing.T) {
	w := newWorld(t)
	ctx, owner := t.Context(), w.asOwner()
	prod := w.stage("prod")
	plans := []models.PlanID{w.plan("One", prod).ID, w.plan("Two", prod).ID, w.plan("Three", prod).ID}
	k := w.customerKey("Acme")
	ok(t, w.AddKeyToPlan(ctx, owner, k.ID, plans[0], w.later()))
	done := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			c, err := w.Credential(ctx, k.ID)
			if err != nil || len(c.Plans) != 1 {
				t.Errorf("the key is on %+v, %v", c.Plans, err)
				return
			}
		}
	})
	race(t, 60, func(i int) error {
		from, to := plans[i%3], plans[(i+1+i/3%2)%3]
		var err error
		switch i % 4 {
		case 0:
			err = w.AddKeyToPlan(ctx, owner, k.ID, to, w.now)
		case 1:
			err = w.SetKeyEnabled(ctx, owner, k.ID, i%8 == 1, w.now)
		default:
			err = w.MoveKey(ctx, owner, k.ID, from, to, i%2 == 0, w.now)
		}
		if models.KindOf(err) == models.KindNotFound { // it has left already
			err = models.Conflict("refused")
		}
		return err
	})
	close(done)
	watcher.Wait()
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
	store.SetAtOnce(w.Store, rapid.SampledFrom([]int{1, 500}).Draw(rt, "rows at once"))
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
		"add":    func() error { return m.AddKeyToPlan(ctx, owner, pick(m, m.own, "own key"), plan(), m.later()) },
		"remove": func() error { return m.RemoveKeyFromPlan(ctx, owner, pick(m, m.own, "own key"), plan(), m.later()) },
		"move key": func() error {
			return m.MoveKey(ctx, owner, pick(m, m.own, "own key"), plan(), plan(), withCount(), m.later())
		},
		"import": func() error {
			_, err := m.ImportKeys(ctx, owner, models.NewImport{}, []models.KeyImport{{Line: 2, ID: pick(m, m.own, "own key"), Name: "own", Plans: []models.PlanID{plan(), plan()}}}, m.later())
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
