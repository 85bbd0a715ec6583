package store_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/models"
)

// The heart of it: subscribe, have a key, and the key is on the plan in what the gateway is told.
func TestASubscriptionMakesAppKeyAndMembership(t *testing.T) {
	w := newWorld(t)
	p := w.plan("Free", w.stage("prod"))
	made, value, err := w.Subscribe(t.Context(), w.asDeveloper(), models.NewSubscription{PlanID: p.ID, AppName: " My app ", KeyName: "Production"}, w.later())
	ok(t, err)
	if made.App.Name != "My app" || made.Key.Name != "Production" || made.Attached || made.Subscription.State != models.SubscriptionActive {
		t.Errorf("got %+v", made)
	}
	if made.Key.Hint != value.Hint() || len(revealed(value)) != 42 {
		t.Errorf("the key's hint is %s, its value's %s", made.Key.Hint, value)
	}
	if got := w.state(made.Key.ID, p.ID); got != models.MemberActive {
		t.Errorf("the key is %q on the plan", got)
	}
	d, err := w.Key(t.Context(), w.developer.ID, made.Key.ID)
	ok(t, err)
	if len(d.Calls) != 1 || d.Calls[0].APISlug != "echo" || d.Calls[0].StageName != "prod" || len(d.Calls[0].Methods) != 2 || d.Calls[0].State != models.MemberActive {
		t.Errorf("the key may call %+v", d.Calls)
	}
	w.wantEvent("subscription.request", made.Subscription.ID.String(), w.owner.ID)
	wantR1(t, w.Store)
}

// A form that is sent twice would else give a developer two keys, and so two quotas, without his knowing.
func TestSubscribingTwiceMakesOneApp(t *testing.T) {
	w := newWorld(t)
	p := w.plan("Free", w.stage("prod"))
	made := w.subscribe(p, "My app")
	_, _, err := w.Subscribe(t.Context(), w.asDeveloper(), models.NewSubscription{PlanID: p.ID, AppName: "my APP"}, w.later())
	wantKind(t, "the second form", err, models.KindConflict)
	if got := count(t, w.Store, `SELECT count(*) FROM apps WHERE account_id = ?`, w.developer.ID); got != 1 {
		t.Errorf("there are %d apps", got)
	}
	w.subscribe(w.plan("Other", w.stage("beta")), "My app")
	ok(t, w.CancelSubscription(t.Context(), w.asDeveloper(), made.Subscription.ID, w.later()))
	w.subscribe(p, "My app")
}

func TestASubscriptionTellsTheGatewayOfItsKeys(t *testing.T) {
	w := newWorld(t)
	made := w.subscribe(w.plan("Free", w.stage("prod")), "App")
	other := w.plan("Other", w.stage("beta"))
	w.wantChange(models.ChangeKey, int64(made.Key.ID), func() {
		_, _, err := w.Subscribe(t.Context(), w.asDeveloper(), models.NewSubscription{PlanID: other.ID, AppID: made.App.ID}, w.later())
		ok(t, err)
	})
	w.wantChange(models.ChangeKey, int64(made.Key.ID), func() {
		ok(t, w.CancelSubscription(t.Context(), w.asDeveloper(), made.Subscription.ID, w.later()))
	})
}

// DECISIONS 64: the app's key goes along, and there is no new value to show.
func TestAnAppThatHasKeysBringsThemAlong(t *testing.T) {
	w := newWorld(t)
	one, two := w.plan("One", w.stage("prod")), w.plan("Two", w.stage("beta"))
	first := w.subscribe(one, "App")
	_, _, err := w.CreateKey(t.Context(), w.asDeveloper(), models.NewKey{AppID: first.App.ID, Name: "second"}, w.later())
	ok(t, err)
	made, value, err := w.Subscribe(t.Context(), w.asDeveloper(), models.NewSubscription{PlanID: two.ID, AppID: first.App.ID}, w.later())
	ok(t, err)
	if !made.Attached || !value.IsZero() || made.Key.Name != "second" {
		t.Errorf("got %+v with a value: %t", made, !value.IsZero())
	}
	if got := count(t, w.Store, `SELECT count(*) FROM plan_keys WHERE plan_id = ?`, two.ID); got != 2 {
		t.Errorf("%d keys joined, want 2", got)
	}
	_, _, err = w.Subscribe(t.Context(), w.asDeveloper(), models.NewSubscription{PlanID: two.ID, AppID: first.App.ID}, w.later())
	wantKind(t, "the same app again", err, models.KindConflict)
	wantR1(t, w.Store)
}

func TestExpiredAndRevokedKeysDoNotComeAlong(t *testing.T) {
	w := newWorld(t)
	one, two := w.plan("One", w.stage("prod")), w.plan("Two", w.stage("beta"))
	first := w.subscribe(one, "App")
	ok(t, w.SetKeyExpiry(t.Context(), w.asDeveloper(), first.Key.ID, w.now.Add(time.Minute), w.later()))
	second, _, err := w.CreateKey(t.Context(), w.asDeveloper(), models.NewKey{AppID: first.App.ID, Name: "second"}, w.later())
	ok(t, err)
	ok(t, w.RevokeKey(t.Context(), w.asDeveloper(), second.ID, w.later()))
	w.now = w.now.Add(time.Hour)
	made, value, err := w.Subscribe(t.Context(), w.asDeveloper(), models.NewSubscription{PlanID: two.ID, AppID: first.App.ID}, w.later())
	ok(t, err)
	if made.Attached || value.IsZero() || made.Key.ID == first.Key.ID || made.Key.Name != "App" {
		t.Errorf("got %+v", made)
	}
}

// DECISIONS 26: the key exists while the request waits, and works on approval without a further step.
func TestAPendingKeyWorksOnApproval(t *testing.T) {
	w := newWorld(t)
	p := w.asking("Partner", w.stage("prod"))
	made := w.subscribe(p, "App")
	if made.Subscription.State != models.SubscriptionPending || w.state(made.Key.ID, p.ID) != models.MemberPending {
		t.Fatalf("subscription %s, key %s", made.Subscription.State, w.state(made.Key.ID, p.ID))
	}
	if u, err := w.Undecided(t.Context(), w.owner.ID); u.Subscriptions != 1 || err != nil {
		t.Errorf("%+v wait, %v", u, err)
	}
	w.wantChange(models.ChangeKey, int64(made.Key.ID), func() {
		sub, err := w.DecideSubscription(t.Context(), w.asOwner(), made.Subscription.ID, models.Approve, "", w.later())
		ok(t, err)
		if sub.State != models.SubscriptionActive || sub.DecidedAt.IsZero() {
			t.Errorf("got %+v", sub)
		}
	})
	if got := w.state(made.Key.ID, p.ID); got != models.MemberActive {
		t.Errorf("the key is %q on the plan", got)
	}
	w.wantEvent("subscription.approve", made.Subscription.ID.String(), w.owner.ID)
}

// A pending subscription holds its stages already, or an approval could break R1.
func TestAPendingSubscriptionHoldsItsStages(t *testing.T) {
	w := newWorld(t)
	prod := w.stage("prod")
	made := w.subscribe(w.asking("Partner", prod), "App")
	_, _, err := w.Subscribe(t.Context(), w.asDeveloper(), models.NewSubscription{PlanID: w.plan("Free", prod).ID, AppID: made.App.ID}, w.later())
	wantKind(t, "a second plan for the stage", err, models.KindConflict)
	if err == nil || !strings.Contains(err.Error(), "ECHO · prod") || !strings.Contains(err.Error(), "Partner") {
		t.Errorf("the conflict does not name stage and plan: %v", err)
	}
	wantR1(t, w.Store)
}

func TestDecisionsMoveKeysOnAndOffThePlan(t *testing.T) {
	w := newWorld(t)
	p := w.asking("Partner", w.stage("prod"))
	decide := func(made models.Subscribed, d models.Decision, reason string) models.Subscription {
		t.Helper()
		sub, err := w.DecideSubscription(t.Context(), w.asOwner(), made.Subscription.ID, d, reason, w.later())
		ok(t, err)
		wantR1(t, w.Store)
		return sub
	}
	refused := w.subscribe(p, "Refused")
	if sub := decide(refused, models.Refuse, "not yet"); sub.Reason != "not yet" || sub.EndedAt.IsZero() || w.state(refused.Key.ID, p.ID) != "" {
		t.Errorf("refused: %+v, key %q", sub, w.state(refused.Key.ID, p.ID))
	}
	made := w.subscribe(p, "App")
	for _, step := range []struct {
		d    models.Decision
		want models.MembershipState
	}{{models.Approve, models.MemberActive}, {models.Suspend, models.MemberSuspended}, {models.Resume, models.MemberActive}, {models.End, ""}} {
		decide(made, step.d, "")
		if got := w.state(made.Key.ID, p.ID); got != step.want {
			t.Errorf("after %s the key is %q, want %q", step.d, got, step.want)
		}
	}
	_, err := w.DecideSubscription(t.Context(), w.asOwner(), made.Subscription.ID, models.Resume, "", w.later())
	wantKind(t, "resuming what has ended", err, models.KindConflict)
	_, err = w.DecideSubscription(t.Context(), w.asOwner(), w.subscribe(p, "No reason").Subscription.ID, models.Refuse, " ", w.later())
	wantField(t, "refusing without a reason", err, "reason")
	if d, err := w.Key(t.Context(), w.developer.ID, made.Key.ID); err != nil || len(d.Memberships) != 0 || d.Status(w.now) != models.KeyActive {
		t.Errorf("the key itself did not stay: %+v, %v", d, err)
	}
}

// Suspending must not be a matter of leaving and coming back.
func TestASuspendedDeveloperCannotComeBackByHimself(t *testing.T) {
	w := newWorld(t)
	p, other := w.plan("Free", w.stage("prod")), w.plan("Other", w.stage("beta"))
	made := w.subscribe(p, "App")
	_, err := w.DecideSubscription(t.Context(), w.asOwner(), made.Subscription.ID, models.Suspend, "unpaid", w.later())
	ok(t, err)
	wantKind(t, "cancel", w.CancelSubscription(t.Context(), w.asDeveloper(), made.Subscription.ID, w.later()), models.KindConflict)
	_, err = w.ChangePlan(t.Context(), w.asDeveloper(), made.Subscription.ID, other.ID, w.later())
	wantKind(t, "change plan", err, models.KindConflict)
	_, _, err = w.Subscribe(t.Context(), w.asDeveloper(), models.NewSubscription{PlanID: p.ID, AppName: "Another"}, w.later())
	wantKind(t, "another app", err, models.KindConflict)
	if n := count(t, w.Store, `SELECT count(*) FROM apps`); n != 1 {
		t.Errorf("%d apps: a refused subscription left its app behind", n)
	}
}

func TestWhoMaySubscribeToAPlan(t *testing.T) {
	w := newWorld(t)
	prod := w.stage("prod")
	terms := termsOf("Secret", prod)
	terms.Audience = models.AudienceInvited
	secret, retired := w.publish(terms), w.plan("Retired", prod)
	ok(t, w.RetirePlan(t.Context(), w.asOwner(), retired.ID, w.later()))
	try := func(p models.Plan) error {
		_, _, err := w.Subscribe(t.Context(), w.asDeveloper(), models.NewSubscription{PlanID: p.ID, AppName: "App"}, w.later())
		return err
	}
	wantKind(t, "an invited plan", try(secret), models.KindNotFound)
	wantKind(t, "a retired plan", try(retired), models.KindConflict)
	wantKind(t, "a draft", try(w.draft(termsOf("Draft", prod))), models.KindNotFound)
	ok(t, w.SetPlanInvitations(t.Context(), w.asOwner(), secret.ID, []string{strings.ToUpper(w.developer.Email), ""}, w.later()))
	ok(t, try(secret))
	_, _, err := w.Subscribe(t.Context(), w.asDeveloper(), models.NewSubscription{PlanID: secret.ID}, w.later())
	wantField(t, "neither app nor name", err, "app")
	_, _, err = w.Subscribe(t.Context(), models.CommandLine(), models.NewSubscription{PlanID: secret.ID, AppName: "x"}, w.later())
	if err == nil {
		t.Error("nobody subscribed")
	}
}

func TestChangingThePlanTakesTheKeysAlongAtOnce(t *testing.T) {
	w := newWorld(t)
	prod := w.stage("prod")
	free, growth := w.plan("Free", prod), w.plan("Growth", prod, w.stage("beta"))
	made := w.subscribe(free, "App")
	ok(t, w.SetKeyEnabled(t.Context(), w.asOwner(), made.Key.ID, false, w.later()))
	sub, err := w.ChangePlan(t.Context(), w.asDeveloper(), made.Subscription.ID, growth.ID, w.later())
	ok(t, err)
	if sub.State != models.SubscriptionActive || sub.PlanID != growth.ID || w.state(made.Key.ID, free.ID) != "" {
		t.Errorf("got %+v", sub)
	}
	if got := w.state(made.Key.ID, growth.ID); got != models.MemberBlocked {
		t.Errorf("a blocked key is %q after its developer changed the plan", got)
	}
	old, err := w.Subscription(t.Context(), w.developer.ID, made.Subscription.ID)
	ok(t, err)
	if old.State != models.SubscriptionEnded || !strings.Contains(old.Reason, "Growth") {
		t.Errorf("the old subscription is %+v", old.Subscription)
	}
	_, err = w.ChangePlan(t.Context(), w.asDeveloper(), sub.ID, growth.ID, w.later())
	wantKind(t, "the same plan", err, models.KindConflict)
	_, err = w.ChangePlan(t.Context(), w.asDeveloper(), sub.ID, w.asking("Partner", prod).ID, w.later())
	wantKind(t, "a plan that asks first", err, models.KindConflict)
	_, err = w.ChangePlan(t.Context(), w.asDeveloper(), made.Subscription.ID, free.ID, w.later())
	wantKind(t, "from an ended subscription", err, models.KindConflict)
	if w.state(made.Key.ID, growth.ID) == "" {
		t.Error("a refused change took the key off its plan")
	}
	wantR1(t, w.Store)
}

func TestOwnersMoveSubscriptionsInAnyState(t *testing.T) {
	w := newWorld(t)
	prod := w.stage("prod")
	partner, growth := w.asking("Partner", prod), w.plan("Growth", prod)
	made := w.subscribe(partner, "App")
	sub, err := w.MoveSubscription(t.Context(), w.asOwner(), made.Subscription.ID, growth.ID, false, w.later())
	ok(t, err)
	if sub.State != models.SubscriptionPending || w.state(made.Key.ID, growth.ID) != models.MemberPending {
		t.Errorf("a request that was moved is %s", sub.State)
	}
	ok(t, w.RetirePlan(t.Context(), w.asOwner(), partner.ID, w.later()))
	_, err = w.MoveSubscription(t.Context(), w.asOwner(), sub.ID, partner.ID, false, w.later())
	wantKind(t, "to a retired plan", err, models.KindConflict)
	_, err = w.MoveSubscription(t.Context(), w.asOwner(), made.Subscription.ID, growth.ID, false, w.later())
	wantKind(t, "an ended subscription", err, models.KindConflict)
	wantR1(t, w.Store)
}

func TestKeysPerAppIsAPromiseOfThePlan(t *testing.T) {
	w := newWorld(t)
	prod := w.stage("prod")
	terms := termsOf("Free", prod)
	terms.KeysPerApp = 1
	one, two := w.publish(terms), w.plan("Growth", w.stage("beta"))
	made := w.subscribe(two, "App")
	second, _, err := w.CreateKey(t.Context(), w.asDeveloper(), models.NewKey{AppID: made.App.ID, Name: "second"}, w.later())
	ok(t, err)
	_, _, err = w.CreateKey(t.Context(), w.asDeveloper(), models.NewKey{AppID: made.App.ID, Name: "third"}, w.later())
	wantKind(t, "a third key on a plan of two", err, models.KindConflict)
	_, err = w.ChangePlan(t.Context(), w.asDeveloper(), made.Subscription.ID, one.ID, w.later())
	wantKind(t, "two keys to a plan of one", err, models.KindConflict)
	ok(t, w.RevokeKey(t.Context(), w.asDeveloper(), second.ID, w.later()))
	_, err = w.ChangePlan(t.Context(), w.asDeveloper(), made.Subscription.ID, one.ID, w.later())
	ok(t, err)
	wantR1(t, w.Store)
}
