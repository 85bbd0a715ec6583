package store_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/store/storetest"
)

func TestADraftReadsAsItWasMade(t *testing.T) {
	w := newWorld(t)
	st := w.stage("prod")
	methods, err := w.Methods(t.Context(), w.owner.ID, w.api.ID)
	ok(t, err)
	terms := termsOf(" Free ", st)
	terms.Throttle, terms.Quota = &limit.Throttle{Rate: 0.1, Burst: 1}, &limit.Quota{Limit: 0, Period: limit.PeriodWeek, Offset: 6}
	terms.Stages[0].Throttles = []models.MethodThrottle{{MethodID: methods[0].ID}}
	terms.Stages[0].Excluded = []models.MethodID{methods[1].ID}
	made := w.draft(terms)
	w.wantEvent("plan.create", made.ID.String(), w.owner.ID)
	got, err := w.Plan(t.Context(), w.owner.ID, made.ID)
	ok(t, err)
	if diff := cmp.Diff(made, got.Plan); diff != "" {
		t.Errorf("(-made +read):\n%s", diff)
	}
	if got.Name() != "Free" || got.State != models.PlanDraft || !cmp.Equal(got.Stages, []string{"ECHO · prod"}) {
		t.Errorf("got %+v", got)
	}
}

// DECISIONS 52: what is in force changes by publishing alone, and every version stays in the records.
func TestAPublishedPlanHasAtMostOneDraft(t *testing.T) {
	w := newWorld(t)
	ctx, actor := t.Context(), w.asOwner()
	prod := w.stage("prod")
	p := w.draft(termsOf("Free", prod))
	w.wantChange(models.ChangePlan, int64(p.ID), func() {
		var err error
		p, err = w.PublishPlan(ctx, actor, p.ID, w.later())
		ok(t, err)
	})
	if p.State != models.PlanPublished || p.Version != 1 || p.Draft != nil || p.InForce.Name != "Free" {
		t.Fatalf("got %+v", p)
	}
	_, err := w.PublishPlan(ctx, actor, p.ID, w.later())
	wantKind(t, "publishing nothing", err, models.KindConflict)

	next := termsOf("Free plus", prod)
	next.Quota = &limit.Quota{Limit: 5, Period: limit.PeriodDay}
	w.wantChange("", 0, func() {
		p, err = w.SaveDraft(ctx, actor, p.ID, "", next, w.later())
		ok(t, err)
	})
	if p.Draft == nil || p.InForce.Quota != nil || p.Name() != "Free" {
		t.Errorf("got %+v", p)
	}
	ok(t, w.DiscardDraft(ctx, actor, p.ID, w.later()))
	ok(t, w.DiscardDraft(ctx, actor, p.ID, w.later()))
	if row, err := w.Plan(ctx, w.owner.ID, p.ID); err != nil || row.Draft != nil {
		t.Errorf("got %+v, %v", row, err)
	}
	p, err = w.SaveDraft(ctx, actor, p.ID, "", p.InForce, w.later())
	if err != nil || p.Draft != nil {
		t.Errorf("a draft that changes nothing stayed: %+v, %v", p.Draft, err)
	}
	_, err = w.SaveDraft(ctx, actor, p.ID, "", next, w.later())
	ok(t, err)
	p, err = w.PublishPlan(ctx, actor, p.ID, w.later())
	ok(t, err)
	versions, err := w.PlanVersions(ctx, w.owner.ID, p.ID)
	ok(t, err)
	if len(versions) != 2 || versions[0].Version != 2 || versions[0].Terms.Name != "Free plus" || versions[1].Terms.Quota != nil || versions[0].PublishedBy != w.owner.Email {
		t.Errorf("versions are %+v", versions)
	}
}

func TestTermsNameOnlyTheOwnersStagesAndMethods(t *testing.T) {
	w := newWorld(t)
	mine := w.stage("prod")
	stranger := storetest.Owner(t, w.Store)
	other := w.newAPI(stranger, "other")
	foreign, err := w.CreateStage(t.Context(), storetest.Actor(stranger), other.ID, models.Stage{Name: "prod", Upstream: "https://example.com"}, w.later())
	ok(t, err)
	methods, err := w.Methods(t.Context(), stranger.ID, other.ID)
	ok(t, err)
	excluded, limited := termsOf("x", mine), termsOf("x", mine)
	excluded.Stages[0].Excluded = []models.MethodID{methods[0].ID}
	limited.Stages[0].Throttles = []models.MethodThrottle{{MethodID: methods[0].ID}}
	p := w.plan("Free", mine)
	for what, terms := range map[string]models.Terms{"a foreign stage": termsOf("x", foreign), "a stage that is none": termsOf("x", models.Stage{ID: 5}),
		"a foreign method left out": excluded, "a foreign method limited": limited} {
		_, err := w.CreatePlan(t.Context(), w.asOwner(), terms, w.later())
		wantField(t, what, err, "stages")
		_, err = w.SaveDraft(t.Context(), w.asOwner(), p.ID, "", terms, w.later())
		wantField(t, what, err, "stages")
	}
	_, err = w.CreatePlan(t.Context(), w.asOwner(), models.Terms{}, w.later())
	wantField(t, "empty terms", err, "name")
	_, err = w.PublishPlan(t.Context(), w.asOwner(), w.draft(termsOf("No stages")).ID, w.later())
	wantField(t, "no stages", err, "stages")
}

func TestARetiredPlanGoesOnForTheOnesItHas(t *testing.T) {
	w := newWorld(t)
	ctx, actor := t.Context(), w.asOwner()
	p := w.plan("Free", w.stage("prod"))
	made := w.subscribe(p, "App")
	_, err := w.SaveDraft(ctx, actor, p.ID, "", termsOf("Next"), w.later())
	ok(t, err)
	ok(t, w.RetirePlan(ctx, actor, p.ID, w.later()))
	row, err := w.Plan(ctx, w.owner.ID, p.ID)
	ok(t, err)
	if row.State != models.PlanRetired || row.Draft != nil || row.RetiredAt.IsZero() || row.Subscribers != 1 {
		t.Errorf("got %+v", row)
	}
	if w.state(made.Key.ID, p.ID) != models.MemberActive {
		t.Error("its subscriber lost the plan")
	}
	topology, err := w.Topology(ctx)
	if err != nil || len(topology.Plans) != 1 {
		t.Errorf("the gateway does not enforce it: %+v, %v", topology.Plans, err)
	}
	_, _, err = w.CreateKey(ctx, w.asDeveloper(), models.NewKey{AppID: made.App.ID, Name: "another"}, w.later())
	ok(t, err) // the app is a subscriber already
	wantKind(t, "retire again", w.RetirePlan(ctx, actor, p.ID, w.later()), models.KindConflict)
	_, err = w.SaveDraft(ctx, actor, p.ID, "", termsOf("Next"), w.later())
	wantKind(t, "draft", err, models.KindConflict)
	_, err = w.PublishPlan(ctx, actor, p.ID, w.later())
	wantKind(t, "publish", err, models.KindConflict)
	wantKind(t, "delete", w.DeletePlan(ctx, actor, p.ID, w.later()), models.KindConflict)
	wantKind(t, "add a key", w.AddKeyToPlan(ctx, actor, w.customerKey("k").ID, p.ID, w.later()), models.KindConflict)
}

func TestOnlyDraftsAreDeleted(t *testing.T) {
	w := newWorld(t)
	p := w.draft(termsOf("Draft"))
	wantKind(t, "discard", w.DiscardDraft(t.Context(), w.asOwner(), p.ID, w.later()), models.KindConflict)
	wantKind(t, "retire", w.RetirePlan(t.Context(), w.asOwner(), p.ID, w.later()), models.KindConflict)
	ok(t, w.DeletePlan(t.Context(), w.asOwner(), p.ID, w.later()))
	w.wantEvent("plan.delete", p.ID.String(), w.owner.ID)
	_, err := w.Plan(t.Context(), w.owner.ID, p.ID)
	wantKind(t, "read", err, models.KindNotFound)
}

// R1 at publication: the clash names key, stage and the other plan, and leaves everything as it was.
func TestPublishingAStageThatAKeyCallsElsewhereIsRefused(t *testing.T) {
	w := newWorld(t)
	prod, beta := w.stage("prod"), w.stage("beta")
	one, two := w.plan("One", prod), w.plan("Two", beta)
	k := w.customerKey("Acme", one, two)
	_, err := w.SaveDraft(t.Context(), w.asOwner(), two.ID, "", termsOf("Two", beta, prod), w.later())
	ok(t, err)
	_, err = w.PublishPlan(t.Context(), w.asOwner(), two.ID, w.later())
	wantKind(t, "publish", err, models.KindConflict)
	for _, word := range []string{"Acme", k.Hint, "ECHO · prod", "One"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v does not name %s", err, word)
		}
	}
	wantR1(t, w.Store)
	if p, err := w.Plan(t.Context(), w.owner.ID, two.ID); err != nil || p.Version != 1 || p.Draft == nil {
		t.Errorf("got %+v, %v", p.Plan, err)
	}
	ok(t, w.RevokeKey(t.Context(), w.asOwner(), k.ID, w.later())) // a key that cannot call stands in nobody's way
	_, err = w.PublishPlan(t.Context(), w.asOwner(), two.ID, w.later())
	ok(t, err)
	wantR1(t, w.Store)
}

func TestPublishingOpensAndClosesStagesForTheKeysOfThePlan(t *testing.T) {
	w := newWorld(t)
	prod, beta := w.stage("prod"), w.stage("beta")
	p := w.plan("One", prod)
	k := w.customerKey("Acme", p)
	_, err := w.SaveDraft(t.Context(), w.asOwner(), p.ID, "", termsOf("One", beta), w.later())
	ok(t, err)
	_, err = w.PublishPlan(t.Context(), w.asOwner(), p.ID, w.later())
	ok(t, err)
	wantR1(t, w.Store)
	d, err := w.Key(t.Context(), w.owner.ID, k.ID)
	if err != nil || len(d.Calls) != 1 || d.Calls[0].StageID != beta.ID {
		t.Errorf("the key may call %+v, %v", d.Calls, err)
	}
	ok(t, w.AddKeyToPlan(t.Context(), w.asOwner(), k.ID, w.plan("Two", prod).ID, w.later()))
}

func TestInvitationsAreCleanAndReplaced(t *testing.T) {
	w := newWorld(t)
	p := w.plan("Free", w.stage("prod"))
	ok(t, w.SetPlanInvitations(t.Context(), w.asOwner(), p.ID, []string{" B@example.com", "a@example.com", "b@EXAMPLE.com"}, w.later()))
	w.wantEvent("plan.invitations", p.ID.String(), w.owner.ID)
	got, err := w.PlanInvitations(t.Context(), w.owner.ID, p.ID)
	if diff := cmp.Diff([]string{"a@example.com", "b@example.com"}, got); diff != "" || err != nil {
		t.Errorf("(-want +got):\n%s, %v", diff, err)
	}
	err = w.SetPlanInvitations(t.Context(), w.asOwner(), p.ID, []string{"a@example.com", "nonsense"}, w.later())
	wantField(t, "nonsense", err, "emails")
	ok(t, w.SetPlanInvitations(t.Context(), w.asOwner(), p.ID, nil, w.later()))
	if got, err := w.PlanInvitations(t.Context(), w.owner.ID, p.ID); len(got) != 0 || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestTheListOfPlansCountsWhoIsOnThem(t *testing.T) {
	w := newWorld(t)
	prod := w.stage("prod")
	free, ask := w.plan("Free", prod), w.asking("Ask", prod)
	w.draft(termsOf("Later"))
	w.subscribe(free, "A")
	w.subscribe(ask, "B")
	w.subscribe(ask, "C")
	w.customerKey("Acme", free)
	type line struct {
		Name                       string
		Subscribers, Waiting, Keys int
	}
	lines := func(state models.PlanState, search string) (lines []line) {
		t.Helper()
		list, err := w.Plans(t.Context(), w.owner.ID, state, models.Page{Search: search})
		ok(t, err)
		for _, p := range list.Items {
			lines = append(lines, line{p.Name(), p.Subscribers, p.Waiting, p.Keys})
		}
		return lines
	}
	all := []line{{"Later", 0, 0, 0}, {"Ask", 2, 2, 2}, {"Free", 1, 0, 2}}
	if diff := cmp.Diff(all, lines("", "")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(all[1:], lines(models.PlanPublished, "")); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(all[2:], lines("", "fr")); diff != "" {
		t.Errorf("search (-want +got):\n%s", diff)
	}
}
