package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// crowd is a world with a plan that has more keys than one transaction writes, and a draft that opens the stage prod, which another plan opens, too.
type crowd struct {
	*world
	path        string
	ring        *secret.Keyring
	beta, prod  models.Stage
	plan, other models.Plan
	keys        []models.Key // of the plan, in the order of their ids
	between     func(n int)  // is called between two transactions of a publication
	whenEnding  func()       // is called between two transactions that end subscriptions

	mu   sync.Mutex // of held: who wrote is told of when others write already
	held map[string]int
}

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	c := &crowd{path: filepath.Join(t.TempDir(), "gatehouse.db"), ring: secret.NewKeyring(), held: map[string]int{}}
	c.world = newWorld(t, func(config *store.Config) { config.Path, config.Keyring, config.Held = c.path, c.ring, c.note })
	store.SetAtOnce(c.Store, 3)
	c.beta, c.prod = c.stage("beta"), c.stage("prod")
	c.plan, c.other = c.world.plan("Crowded", c.beta), c.world.plan("Other", c.prod)
	for i := range 8 {
		c.keys = append(c.keys, c.customerKey(fmt.Sprint("k", i), c.plan))
	}
	_, err := c.SaveDraft(t.Context(), c.asOwner(), c.plan.ID, "", termsOf("Crowded", c.beta, c.prod), c.later())
	ok(t, err)
	return c
}

// note is told of each transaction that has ended.
func (c *crowd) note(useCase string, _ time.Duration) {
	c.mu.Lock()
	c.held[useCase]++
	n := c.held[useCase]
	c.mu.Unlock()
	if useCase == "PublishPlan" && c.between != nil {
		c.between(n)
	}
	if useCase == "EndDuePlans" && c.whenEnding != nil {
		c.whenEnding()
	}
}

func (c *crowd) publish() error {
	_, err := c.PublishPlan(c.t.Context(), c.asOwner(), c.plan.ID, c.later())
	return err
}

// wantNothingAhead fails when rows that were written ahead are announced still.
func wantNothingAhead(t *testing.T, s *store.Store) {
	t.Helper()
	if n := count(t, s, `SELECT (SELECT count(*) FROM plan_openings) + (SELECT count(*) FROM opening_keys)`); n != 0 {
		t.Errorf("%d rows of openings are left", n)
	}
}

// wantPruned fails unless forgetting what does not count leaves what counts.
func wantPruned(t *testing.T, s *store.Store) {
	t.Helper()
	ok(t, s.PruneStages(t.Context()))
	wantR1(t, s)
	all, counts := count(t, s, `SELECT count(*) FROM key_stages`), count(t, s, `SELECT count(*) FROM key_stages ks JOIN plan_stages USING (plan_id, stage_id)
		JOIN plans p ON p.id = ks.plan_id WHERE p.ended = 0`)
	if all != counts {
		t.Errorf("%d rows of stages are kept, %d count", all, counts)
	}
}

// DECISIONS 50: no transaction writes the rows of all keys of a plan, and what nobody has to wait for is done later.
func TestAPlanOpensAndClosesStagesAFewKeysAtATime(t *testing.T) {
	c := newCrowd(t)
	ok(t, c.publish())
	if n := c.held["PublishPlan"]; n < 5 {
		t.Errorf("eight keys were written in %d transactions, three at a time", n)
	}
	wantR1(t, c.Store)
	wantNothingAhead(t, c.Store)
	ok(t, c.changeTerms(termsOf("Crowded", c.beta)))
	wantPruned(t, c.Store)
	if n := count(t, c.Store, `SELECT count(*) FROM key_stages WHERE stage_id = ?`, c.prod.ID); n != 0 {
		t.Errorf("%d keys call a stage that was closed", n)
	}
}

func (c *crowd) changeTerms(terms models.Terms) error {
	if _, err := c.SaveDraft(c.t.Context(), c.asOwner(), c.plan.ID, "", terms, c.later()); err != nil {
		return err
	}
	return c.publish()
}

// A closed stage is free at once, and opens again for those who did not take it elsewhere.
func TestAClosedStageIsFreeBeforeItIsForgotten(t *testing.T) {
	c := newCrowd(t)
	ok(t, c.publish())
	ok(t, c.changeTerms(termsOf("Crowded", c.beta)))
	wantR1(t, c.Store)
	ok(t, c.AddKeyToPlan(t.Context(), c.asOwner(), c.keys[4].ID, c.other.ID, c.later()))
	ok(t, c.importKey(models.KeyImport{Line: 2, ID: c.keys[5].ID, Name: "k5", Plans: []models.PlanID{c.plan.ID, c.other.ID}}))
	wantR1(t, c.Store)
	err := c.changeTerms(termsOf("Crowded", c.beta, c.prod))
	wantKind(t, "a stage that two keys have by now", err, models.KindConflict)
	ok(t, c.RemoveKeyFromPlan(t.Context(), c.asOwner(), c.keys[4].ID, c.other.ID, c.later()))
	ok(t, c.RemoveKeyFromPlan(t.Context(), c.asOwner(), c.keys[5].ID, c.other.ID, c.later()))
	ok(t, c.publish())
	wantPruned(t, c.Store)
}

func (c *crowd) importKey(row models.KeyImport) error {
	_, err := c.ImportKeys(c.t.Context(), c.asOwner(), models.NewImport{}, []models.KeyImport{row}, c.later())
	return err
}

// R1, where one of many keys calls the stage by another plan: nothing is published, the sentence says by which, and the stage stays free for the others.
func TestAConflictAmongManyKeysUndoesWhatWasWritten(t *testing.T) {
	for i := range 8 {
		c := newCrowd(t)
		ok(t, c.AddKeyToPlan(t.Context(), c.asOwner(), c.keys[i].ID, c.other.ID, c.later()))
		err := c.publish()
		wantKind(t, "publish", err, models.KindConflict)
		if text := models.Sentence(err); !strings.Contains(text, fmt.Sprint("k", i)) || !strings.Contains(text, "Other") {
			t.Errorf("the sentence is %q", text)
		}
		wantNothingAhead(t, c.Store)
		wantR1(t, c.Store)
		ok(t, c.AddKeyToPlan(t.Context(), c.asOwner(), c.keys[(i+1)%8].ID, c.other.ID, c.later()))
		wantPruned(t, c.Store)
	}
}

// meanwhile is something that others do while a plan opens a stage.
type meanwhile struct {
	name    string
	do      func(*crowd) error
	refuses bool // the publication, when it comes before its last transaction
}

func meanwhiles() []meanwhile {
	return []meanwhile{
		{"a key joins", func(c *crowd) error { c.customerKey("late", c.plan); return nil }, false},
		{"many keys join", func(c *crowd) error {
			for i := range 9 {
				c.customerKey(fmt.Sprint("late", i), c.plan)
			}
			return nil
		}, false},
		{"an app joins", func(c *crowd) error { c.subscribe(c.plan, "Late"); return nil }, false},
		{"a key is imported", func(c *crowd) error {
			return c.importKey(models.KeyImport{Line: 2, Value: "an-imported-value-0123456789", Name: "late", Enabled: true, Plans: []models.PlanID{c.plan.ID}})
		}, false},
		{"a key leaves", func(c *crowd) error {
			return c.RemoveKeyFromPlan(c.t.Context(), c.asOwner(), c.keys[1].ID, c.plan.ID, c.later())
		}, false},
		{"a key leaves and comes back", func(c *crowd) error {
			ok(c.t, c.RemoveKeyFromPlan(c.t.Context(), c.asOwner(), c.keys[6].ID, c.plan.ID, c.later()))
			return c.AddKeyToPlan(c.t.Context(), c.asOwner(), c.keys[6].ID, c.plan.ID, c.later())
		}, false},
		{"a key moves away", func(c *crowd) error {
			return c.MoveKey(c.t.Context(), c.asOwner(), c.keys[2].ID, c.plan.ID, c.other.ID, true, c.later())
		}, false},
		{"a key is revoked", func(c *crowd) error { return c.RevokeKey(c.t.Context(), c.asOwner(), c.keys[0].ID, c.later()) }, false},
		{"a key gets the stage elsewhere", func(c *crowd) error {
			return c.AddKeyToPlan(c.t.Context(), c.asOwner(), c.keys[0].ID, c.other.ID, c.later())
		}, true},
		{"an import gives a key the stage elsewhere", func(c *crowd) error {
			return c.importKey(models.KeyImport{Line: 2, ID: c.keys[7].ID, Name: "k7", Plans: []models.PlanID{c.plan.ID, c.other.ID}})
		}, true},
		{"the draft is changed", func(c *crowd) error {
			_, err := c.SaveDraft(c.t.Context(), c.asOwner(), c.plan.ID, "", termsOf("Crowded", c.prod), c.later())
			return err
		}, true},
		{"the plan is retired", func(c *crowd) error { return c.RetirePlan(c.t.Context(), c.asOwner(), c.plan.ID, c.later()) }, true},
		{"the plan ends", func(c *crowd) error { return c.EndPlan(c.t.Context(), c.asOwner(), c.plan.ID, c.now, c.now) }, true},
		{"the stage is deleted", func(c *crowd) error { return c.DeleteStage(c.t.Context(), c.asOwner(), c.api.ID, c.prod.ID, c.later()) }, true},
		{"the other plan opens the first stage", func(c *crowd) error {
			_, err := c.SaveDraft(c.t.Context(), c.asOwner(), c.other.ID, "", termsOf("Other", c.prod, c.beta), c.later())
			ok(c.t, err)
			_, err = c.world.PublishPlan(c.t.Context(), c.asOwner(), c.other.ID, c.later())
			return err
		}, false},
		{"rows that do not count are forgotten", func(c *crowd) error { return c.PruneStages(c.t.Context()) }, false},
	}
}

// Whatever is done between two transactions of a publication is done as if there were none, and the publication is in force for every key, or not at all.
func TestAnythingMayHappenWhileAPlanOpensAStage(t *testing.T) {
	for _, m := range meanwhiles() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			at := 1
			for !m.try(t, at) && at < 20 {
				at++
			}
			if at < 5 || at == 20 {
				t.Errorf("the publication had %d transactions", at)
			}
		})
	}
}

// try publishes and does m after so many of the publication's transactions. It reports whether that was after the last.
func (m meanwhile) try(t *testing.T, at int) (over bool) {
	c := newCrowd(t)
	before, done := c.held["PublishPlan"], false
	version := func() int {
		p, err := c.Plan(t.Context(), c.owner.ID, c.plan.ID)
		ok(t, err)
		return p.Version
	}
	c.between = func(n int) {
		if done || n != before+at {
			return
		}
		done, over = true, version() == 2
		if err := m.do(c); err != nil && !(over && m.refuses) { // then the plan has the stage
			t.Errorf("after %d transactions: %v", at, err)
		}
	}
	err := c.publish()
	if wanted := over || !m.refuses; (err == nil) != wanted || err != nil && models.KindOf(err) != models.KindConflict {
		t.Errorf("after %d transactions the publication says %v", at, err)
	}
	if published := err == nil; (version() >= 2) != published && m.name != "the stage is deleted" { // which is a version of its own, too
		t.Errorf("after %d transactions: version %d, publication %v", at, version(), err)
	}
	wantNothingAhead(t, c.Store)
	wantR1(t, c.Store)
	wantPruned(t, c.Store)
	return over
}

// Two plans that open the same stage to the same keys at once: one has it, the other is told.
func TestOfTwoPlansThatOpenAStageOneHasIt(t *testing.T) {
	for range 5 {
		c := newCrowd(t)
		rival := c.world.plan("Rival", c.stage("own"))
		for _, k := range c.keys {
			ok(t, c.AddKeyToPlan(t.Context(), c.asOwner(), k.ID, rival.ID, c.later()))
		}
		_, err := c.SaveDraft(t.Context(), c.asOwner(), rival.ID, "", termsOf("Rival", c.prod), c.later())
		ok(t, err)
		now := c.later()
		if won := race(t, 2, func(i int) error {
			_, err := c.PublishPlan(t.Context(), c.asOwner(), []models.PlanID{c.plan.ID, rival.ID}[i], now)
			return err
		}); won != 1 {
			t.Errorf("%d publications won", won)
		}
		wantNothingAhead(t, c.Store)
		wantPruned(t, c.Store)
	}
}

// A form that is sent twice: the second publication waits for its turn, and finds the draft published. The turn goes on to the next.
func TestADraftThatManyPublishAtOnceIsPublishedOnce(t *testing.T) {
	c := newCrowd(t)
	now := c.later()
	if won := race(t, 6, func(int) error {
		_, err := c.PublishPlan(t.Context(), c.asOwner(), c.plan.ID, now)
		return err
	}); won != 1 {
		t.Errorf("%d publications won", won)
	}
	wantNothingAhead(t, c.Store)
	for _, terms := range []models.Terms{termsOf("Crowded", c.beta), termsOf("Crowded", c.beta, c.prod)} {
		_, err := c.SaveDraft(t.Context(), c.asOwner(), c.plan.ID, "", terms, c.later())
		ok(t, err)
		ok(t, c.publish())
	}
	wantPruned(t, c.Store)
}

// A process that is killed in the middle of a publication published nothing: who looks at its records, and who starts on them, finds them as they were.
func TestAPublicationThatIsKilledIsUndone(t *testing.T) {
	c := newCrowd(t)
	var left []string
	before := c.held["PublishPlan"]
	c.between = func(n int) { left = append(left, copyOf(t, c.path, fmt.Sprintf("left-%d.db", n-before))) }
	ok(t, c.publish())
	if len(left) < 5 {
		t.Fatalf("the publication had only %d transactions", len(left))
	}
	for i, path := range left {
		s := storetest.Open(t, func(config *store.Config) { config.Path, config.Keyring = path, c.ring })
		store.SetAtOnce(s, 3)
		wantR1(t, s)
		p, err := s.Plan(t.Context(), c.owner.ID, c.plan.ID)
		ok(t, err)
		published := len(p.InForce.Stages) == 2
		if published != (i == len(left)-1) {
			t.Errorf("killed after %d of %d transactions: published %v", i+1, len(left), published)
		}
		if !published { // by a command beside, before a server starts
			ok(t, s.AddKeyToPlan(t.Context(), c.asOwner(), c.keys[3].ID, c.other.ID, c.later()))
			wantR1(t, s)
			ok(t, s.RemoveKeyFromPlan(t.Context(), c.asOwner(), c.keys[3].ID, c.other.ID, c.later()))
		}
		ok(t, s.ForgetOpenings(t.Context()))
		wantNothingAhead(t, s)
		wantPruned(t, s)
		if !published {
			_, err := s.PublishPlan(t.Context(), c.asOwner(), c.plan.ID, c.later())
			ok(t, err)
		}
		wantPruned(t, s)
	}
}

// copyOf copies a database while nobody writes, as kill -9 leaves it.
func copyOf(t *testing.T, path, name string) string {
	t.Helper()
	to := filepath.Join(filepath.Dir(path), name)
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		ok(t, err)
		ok(t, os.WriteFile(to+suffix, content, 0o600))
	}
	return to
}

// A plan with many subscriptions ends at one moment for everybody who looks, though its subscriptions are ended a few at a time; also after a kill.
func TestAPlanWithManySubscriptionsEndsAtOneMoment(t *testing.T) {
	c := newCrowd(t)
	ctx, owner := t.Context(), c.asOwner()
	var subs []models.Subscribed
	for i := range 8 {
		subs = append(subs, c.subscribe(c.plan, fmt.Sprint("app", i)))
	}
	waiting := c.world.asking("Waiting", c.stage("third"))
	for i := range 4 {
		c.subscribe(waiting, fmt.Sprint("w", i))
	}
	ends := c.now.Add(time.Hour)
	ok(t, c.EndPlan(ctx, owner, c.plan.ID, ends, c.now))
	ok(t, c.EndPlan(ctx, owner, waiting.ID, ends, c.now))
	c.now = ends
	wantEnded := func(s *store.Store) {
		t.Helper()
		for _, made := range subs {
			sub, err := s.Subscription(ctx, c.developer.ID, made.Subscription.ID)
			ok(t, err)
			if sub.State != models.SubscriptionEnded || !sub.EndedAt.Equal(ends) || !strings.HasPrefix(sub.Reason, "The plan Crowded ended on ") {
				t.Errorf("a subscription is %s at %s: %q", sub.State, sub.EndedAt, sub.Reason)
			}
		}
		for state, want := range map[models.SubscriptionState]int{"": 12, models.SubscriptionActive: 0, models.SubscriptionPending: 0, models.SubscriptionEnded: 12} {
			for _, search := range []string{"", "app", "Crowded"} {
				want := want
				if search != "" {
					want = min(want, 8)
				}
				list, err := s.OwnerSubscriptions(ctx, c.owner.ID, models.SubscriptionFilter{State: state}, models.Page{Search: search})
				ok(t, err)
				if len(list.Items) != want {
					t.Errorf("%d subscriptions are %q among %q, want %d", len(list.Items), state, search, want)
				}
			}
		}
		p, err := s.Plan(ctx, c.owner.ID, c.plan.ID)
		ok(t, err)
		u, err := s.Undecided(ctx, c.owner.ID)
		ok(t, err)
		if p.State != models.PlanEnded || p.Subscribers != 0 || p.Waiting != 0 || u.All() != 0 {
			t.Errorf("the plan is %s, with %d subscribers; %d wait", p.State, p.Subscribers, u.All())
		}
		_, err = s.DecideSubscription(ctx, owner, subs[7].Subscription.ID, models.Suspend, "", c.now)
		wantKind(t, "suspend", err, models.KindConflict)
		wantKind(t, "cancel", s.CancelSubscription(ctx, c.asDeveloper(), subs[7].Subscription.ID, c.now), models.KindConflict)
	}
	var left []string
	c.whenEnding = func() {
		wantEnded(c.Store)
		left = append(left, copyOf(t, c.path, fmt.Sprintf("ending-%d.db", len(left))))
	}
	ok(t, c.EndDuePlans(ctx, ends))
	c.whenEnding = nil
	if len(left) < 5 {
		t.Fatalf("twelve subscriptions were ended in %d transactions", len(left))
	}
	wantEnded(c.Store)
	for _, path := range left {
		s := storetest.Open(t, func(config *store.Config) { config.Path, config.Keyring = path, c.ring })
		store.SetAtOnce(s, 3)
		wantEnded(s)
		ok(t, s.EndDuePlans(ctx, c.later()))
		wantEnded(s)
		if n := count(t, s, `SELECT (SELECT count(*) FROM subscriptions WHERE state <> 'ended') + (SELECT count(*) FROM plans WHERE unfinished = 1)`); n != 0 {
			t.Errorf("%d subscriptions or plans are not finished", n)
		}
		wantPruned(t, s)
	}
}
