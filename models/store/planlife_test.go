package store_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// An announced end is told to the gateway at once, can be changed and taken back, and changes nothing before its time.
func TestAnAnnouncedEndCanBeTakenBack(t *testing.T) {
	w := newWorld(t)
	ctx, actor := t.Context(), w.asOwner()
	p := w.plan("Free", w.stage("prod"))
	made := w.subscribe(p, "App")
	end := w.now.Add(time.Hour)
	w.wantChange(models.ChangeTopology, 0, func() { ok(t, w.EndPlan(ctx, actor, p.ID, end, w.later())) })
	w.wantEvent("plan.announce_end", p.ID.String(), w.owner.ID)
	topology, err := w.Topology(ctx)
	ok(t, err)
	if len(topology.Plans) != 1 || !topology.Plans[0].EndsAt.Equal(end) {
		t.Errorf("the gateway is told %+v", topology.Plans)
	}
	sub, err := w.Subscription(ctx, w.developer.ID, made.Subscription.ID)
	ok(t, err)
	if sub.State != models.SubscriptionActive || !sub.PlanEndsAt.Equal(end) || sub.PlanState != models.PlanPublished {
		t.Errorf("before the end the subscription is %+v", sub)
	}
	w.wantChange(models.ChangeTopology, 0, func() { ok(t, w.KeepPlan(ctx, actor, p.ID, w.later())) })
	w.wantEvent("plan.keep", p.ID.String(), w.owner.ID)
	w.now = end.Add(time.Hour)
	ok(t, w.EndDuePlans(ctx, w.now))
	if row, err := w.Plan(ctx, w.owner.ID, p.ID); err != nil || row.State != models.PlanPublished || !row.EndsAt.IsZero() {
		t.Errorf("the plan is %+v, %v", row, err)
	}
	wantKind(t, "an end before now", w.EndPlan(ctx, actor, p.ID, w.now.Add(-time.Second), w.now), models.KindInvalid)
	wantKind(t, "an end too far away", w.EndPlan(ctx, actor, p.ID, w.now.AddDate(11, 0, 0), w.now), models.KindInvalid)
	wantKind(t, "a draft", w.EndPlan(ctx, actor, w.draft(termsOf("Draft")).ID, w.now, w.now), models.KindConflict)
}

// From its end on a plan is ended everywhere: for who looks after the end was noted, and for whatever changes, noted or not.
func TestAnEndedPlanIsEndedEverywhere(t *testing.T) {
	for _, noted := range []bool{true, false} {
		w := newWorld(t)
		ctx, actor := t.Context(), w.asOwner()
		prod := w.stage("prod")
		p, next := w.plan("Free", prod), w.plan("Next", prod)
		active := w.subscribe(p, "Active")
		suspended := w.subscribe(p, "Suspended")
		_, err := w.DecideSubscription(ctx, actor, suspended.Subscription.ID, models.Suspend, "because", w.later())
		ok(t, err)
		own, imported := w.customerKey("Acme", p), w.customerKey("Imported", p)
		end := w.now.Add(time.Hour)
		ok(t, w.EndPlan(ctx, actor, p.ID, end, w.later()))
		w.now = end
		if noted {
			ok(t, w.EndDuePlans(ctx, w.now))
			w.wantEvent("plan.end", p.ID.String(), w.owner.ID)
		}
		_, _, err = w.Subscribe(ctx, w.asDeveloper(), models.NewSubscription{PlanID: p.ID, AppName: "Late"}, w.now)
		wantKind(t, "subscribe", err, models.KindConflict)
		_, err = w.SaveDraft(ctx, actor, p.ID, "", termsOf("Later", prod), w.now)
		wantKind(t, "change", err, models.KindConflict)
		wantKind(t, "add a key", w.AddKeyToPlan(ctx, actor, w.customerKey("Late").ID, p.ID, w.now), models.KindConflict)
		wantKind(t, "take back", w.KeepPlan(ctx, actor, p.ID, w.now), models.KindConflict)
		wantKind(t, "retire", w.RetirePlan(ctx, actor, p.ID, w.now), models.KindConflict)
		wantKind(t, "end", w.EndPlan(ctx, actor, p.ID, w.later(), w.now), models.KindConflict)
		_, err = w.DecideSubscription(ctx, actor, suspended.Subscription.ID, models.Resume, "", w.now)
		wantKind(t, "resume", err, models.KindConflict)
		// What it opened is free for other plans.
		_, _, err = w.Subscribe(ctx, w.asDeveloper(), models.NewSubscription{PlanID: next.ID, AppID: active.App.ID}, w.later())
		ok(t, err)
		ok(t, w.AddKeyToPlan(ctx, actor, own.ID, next.ID, w.later()))
		_, err = w.ImportKeys(ctx, actor, models.NewImport{}, []models.KeyImport{{Line: 2, ID: imported.ID, Name: "Imported", Plans: []models.PlanID{p.ID, next.ID}}}, w.later())
		ok(t, err)
		wantR1(t, w.Store)

		row, err := w.Plan(ctx, w.owner.ID, p.ID)
		ok(t, err)
		if row.State != models.PlanEnded || row.Subscribers != 0 || row.Keys != 4 {
			t.Errorf("the plan is %s with %d subscribers and %d keys", row.State, row.Subscribers, row.Keys)
		}
		for _, made := range []models.Subscribed{active, suspended} {
			sub, err := w.Subscription(ctx, w.developer.ID, made.Subscription.ID)
			ok(t, err)
			if sub.State != models.SubscriptionEnded || !sub.EndedAt.Equal(end) || !strings.HasPrefix(sub.Reason, "The plan Free ended on ") {
				t.Errorf("the subscription is %+v", sub.Subscription)
			}
		}
		k, err := w.Key(ctx, w.owner.ID, own.ID)
		ok(t, err)
		if len(k.Memberships) != 2 || k.Memberships[0].State != models.MemberActive || k.Memberships[1].State != models.MemberEnded {
			t.Errorf("the key's memberships are %+v", k.Memberships)
		}
		catalog, err := w.CatalogAPI(ctx, w.developer.ID, w.api.Slug)
		ok(t, err)
		if len(catalog.Plans) != 1 || catalog.Plans[0].PlanID != next.ID {
			t.Errorf("the catalog has %+v", catalog.Plans)
		}
		for state, want := range map[models.PlanState]int{models.PlanEnded: 1, models.PlanPublished: 1, models.PlanRetired: 0} {
			list, err := w.Plans(ctx, w.owner.ID, state, models.Page{})
			ok(t, err)
			if len(list.Items) != want {
				t.Errorf("%d plans are %s, want %d", len(list.Items), state, want)
			}
		}
	}
}

// An end that is now is at once.
func TestAPlanCanEndAtOnce(t *testing.T) {
	w := newWorld(t)
	p := w.plan("Free", w.stage("prod"))
	made := w.subscribe(p, "App")
	now := w.later()
	ok(t, w.EndPlan(t.Context(), w.asOwner(), p.ID, now, now))
	sub, err := w.Subscription(t.Context(), w.developer.ID, made.Subscription.ID)
	ok(t, err)
	if sub.State != models.SubscriptionEnded {
		t.Errorf("the subscription is %s", sub.State)
	}
}

// Who waits for a plan that takes nobody new can be refused or moved, not let in.
func TestNobodyIsLetIntoARetiredPlan(t *testing.T) {
	w := newWorld(t)
	ctx, actor := t.Context(), w.asOwner()
	terms := termsOf("Ask", w.stage("prod"))
	terms.Audience = models.AudienceAsk
	p, err := w.PublishPlan(ctx, actor, w.draft(terms).ID, w.later())
	ok(t, err)
	waiting, refused := w.subscribe(p, "Waiting"), w.subscribe(p, "Refused")
	ok(t, w.RetirePlan(ctx, actor, p.ID, w.later()))
	_, err = w.DecideSubscription(ctx, actor, waiting.Subscription.ID, models.Approve, "", w.later())
	wantKind(t, "approve", err, models.KindConflict)
	_, err = w.DecideSubscription(ctx, actor, refused.Subscription.ID, models.Refuse, "too late", w.later())
	ok(t, err)
	_, err = w.MoveSubscription(ctx, actor, waiting.Subscription.ID, w.plan("Other", w.stage("beta")).ID, false, w.later())
	ok(t, err)
}

// Of two who change the same draft, the second is told; over what he was told he may save.
func TestADraftIsNotOverwrittenUnseen(t *testing.T) {
	w := newWorld(t)
	ctx, actor := t.Context(), w.asOwner()
	prod := w.stage("prod")
	p := w.plan("Free", prod)
	seen := p.Current().Digest()
	first, err := w.SaveDraft(ctx, actor, p.ID, seen, termsOf("First", prod), w.later())
	ok(t, err)
	if first.DraftBy != actor.Label || !first.DraftAt.Equal(w.now) {
		t.Errorf("the draft was saved by %q at %s", first.DraftBy, first.DraftAt)
	}
	_, err = w.SaveDraft(ctx, actor, p.ID, seen, termsOf("Second", prod), w.later())
	wantKind(t, "over what was not seen", err, models.KindConflict)
	row, err := w.Plan(ctx, w.owner.ID, p.ID)
	ok(t, err)
	if row.Draft.Name != "First" || row.DraftBy != actor.Label {
		t.Errorf("the draft is %+v by %q", row.Draft, row.DraftBy)
	}
	_, err = w.SaveDraft(ctx, actor, p.ID, row.Current().Digest(), termsOf("Second", prod), w.later())
	ok(t, err)
	published, err := w.PublishPlan(ctx, actor, p.ID, w.later())
	ok(t, err)
	if published.DraftBy != "" || !published.DraftAt.IsZero() {
		t.Errorf("after publication the draft is by %q", published.DraftBy)
	}
}

// DECISIONS 10: the count stays behind unless it is carried over, also over two moves.
func TestAMoveCarriesTheCountIfItIsToldTo(t *testing.T) {
	w := newWorld(t)
	ctx, actor := t.Context(), w.asOwner()
	prod := w.stage("prod")
	plan := func(name string) models.Plan {
		terms := termsOf(name, prod)
		terms.Quota = &limit.Quota{Limit: 1000, Period: limit.PeriodMonth}
		p, err := w.PublishPlan(ctx, actor, w.draft(terms).ID, w.later())
		ok(t, err)
		return p
	}
	one, two, three := plan("One"), plan("Two"), plan("Three")
	k := w.customerKey("Acme", one)
	made := w.subscribe(one, "App")
	for _, key := range []models.KeyID{k.ID, made.Key.ID} {
		ok(t, w.CommitUsage(ctx, models.UsageBatch{Charged: []models.QuotaUse{{KeyID: key, PlanID: one.ID, Day: w.now.Unix() / 86400, Used: 40}}}))
	}
	carried := func(key models.KeyID, plan models.PlanID) int64 {
		q, err := w.QuotaStanding(ctx, key, plan, w.now)
		ok(t, err)
		return q.Carried
	}
	ok(t, w.MoveKey(ctx, actor, k.ID, one.ID, two.ID, true, w.later()))
	ok(t, w.MoveKey(ctx, actor, k.ID, two.ID, three.ID, true, w.later()))
	if got := carried(k.ID, three.ID); got != 40 {
		t.Errorf("after two moves %d are carried, want 40", got)
	}
	ok(t, w.MoveKey(ctx, actor, k.ID, three.ID, two.ID, false, w.later()))
	if got := carried(k.ID, two.ID); got != 0 {
		t.Errorf("without the count %d are carried", got)
	}
	sub, err := w.MoveSubscription(ctx, actor, made.Subscription.ID, two.ID, true, w.later())
	ok(t, err)
	if got := carried(made.Key.ID, two.ID); got != 40 {
		t.Errorf("the subscription's move carries %d, want 40", got)
	}
	_, err = w.MoveSubscription(ctx, actor, sub.ID, three.ID, false, w.later())
	ok(t, err)
	if got := carried(made.Key.ID, three.ID); got != 0 {
		t.Errorf("the subscription's move without the count carries %d", got)
	}
}
