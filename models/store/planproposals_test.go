package store_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// What happens to a plan is proposed to the changelog of what it opens, and published by nobody but the owner.
func TestChangesOfPlansAreProposedAndNotPublished(t *testing.T) {
	w := newWorld(t)
	ctx, actor := t.Context(), w.asOwner()
	prod := w.stage("prod")
	titles := func() (out []string) {
		t.Helper()
		proposed, err := w.ChangelogProposals(ctx, w.owner.ID, w.api.ID)
		ok(t, err)
		for _, e := range proposed {
			out = append(out, e.Title)
		}
		published, err := w.Changelog(ctx, w.api.ID)
		ok(t, err)
		if len(published) > 0 {
			t.Errorf("published unasked: %+v", published)
		}
		return out
	}
	wants := func(newest string, n int) {
		t.Helper()
		if got := titles(); len(got) != n || got[0] != newest {
			t.Errorf("proposed are %q, want %d with %q first", got, n, newest)
		}
	}
	p := w.plan("Growth", prod)
	wants("New plan: Growth", 1)
	change := func(rate float64) models.Terms {
		terms := termsOf("Growth", prod)
		terms.Throttle = &limit.Throttle{Rate: rate, Burst: int64(rate)}
		return terms
	}
	_, err := w.SaveDraft(ctx, actor, p.ID, "", change(5), w.later())
	ok(t, err)
	_, err = w.PublishPlan(ctx, actor, p.ID, w.later())
	ok(t, err)
	wants("New plan: Growth", 1) // nobody was told of anything
	_, err = w.SaveDraft(ctx, actor, p.ID, "", change(6), w.later())
	ok(t, err)
	_, err = w.PublishPlan(ctx, actor, p.ID, w.later(), models.TermsChange{What: "Rate", Before: "5 rps", After: "6 rps"})
	ok(t, err)
	wants("The plan Growth has changed", 2)

	_, err = w.SaveDraft(ctx, actor, p.ID, "", change(7), w.later())
	ok(t, err)
	at := w.now.Add(48 * time.Hour)
	_, err = w.SchedulePlan(ctx, actor, p.ID, at, []models.TermsChange{{What: "Rate", Before: "6 rps", After: "7 rps"}}, w.later())
	ok(t, err)
	n, err := w.AnnouncedChange(ctx, p.ID)
	ok(t, err)
	if !n.TakesAt.Equal(at) || len(n.Changes) != 1 {
		t.Errorf("announced is %+v", n)
	}
	wants("The plan Growth has changed", 2)
	w.now = at
	ok(t, w.PublishDuePlans(ctx, w.later()))
	wants("The plan Growth has changed", 3)
	proposed, err := w.ChangelogProposals(ctx, w.owner.ID, w.api.ID)
	ok(t, err)
	if proposed[0].Body != "- Rate: 6 rps → 7 rps" {
		t.Errorf("it says %q", proposed[0].Body)
	}
	_, err = w.AnnouncedChange(ctx, p.ID)
	wantKind(t, "what was announced is in force", err, models.KindNotFound)

	ok(t, w.EndPlan(ctx, actor, p.ID, w.now.Add(72*time.Hour), w.later()))
	if got := titles(); len(got) != 4 || !strings.HasPrefix(got[0], "The plan Growth ends on ") {
		t.Errorf("proposed are %q", got)
	}
	ok(t, w.RetirePlan(ctx, actor, p.ID, w.later()))
	wants("The plan Growth takes no new subscribers", 5)

	hidden := termsOf("Hidden", prod)
	hidden.Audience = models.AudienceInvited
	ok(t, w.RetirePlan(ctx, actor, w.publish(hidden).ID, w.later()))
	wants("The plan Growth takes no new subscribers", 5)
}

// A scheduled version that cannot come is told to its owner, on his first page and by mail, until he decides anew.
func TestAFailedPublicationIsTold(t *testing.T) {
	w := newWorld(t)
	ctx, actor := t.Context(), w.asOwner()
	prod, beta := w.stage("prod"), w.stage("beta")
	p := w.plan("Growth", prod)
	next := termsOf("Growth", prod, beta)
	next.Throttle = &limit.Throttle{Rate: 5, Burst: 5}
	_, err := w.SaveDraft(ctx, actor, p.ID, "", next, w.later())
	ok(t, err)
	_, err = w.SchedulePlan(ctx, actor, p.ID, w.now.Add(48*time.Hour), nil, w.later())
	ok(t, err)
	failed, err := w.FailedPublications(ctx, w.owner.ID)
	ok(t, err)
	if len(failed) > 0 {
		t.Errorf("failed already: %+v", failed)
	}
	ok(t, w.DeleteStage(ctx, actor, w.api.ID, beta.ID, w.later()))
	if failed, err = w.FailedPublications(ctx, w.owner.ID); err != nil || len(failed) != 1 || failed[0].PlanID != p.ID || !strings.Contains(failed[0].Reason, "One of its stages was deleted.") {
		t.Errorf("failed are %+v, %v", failed, err)
	}
	mails, err := w.Outbox(ctx, "", models.Page{})
	ok(t, err)
	var told []models.NoticeKind
	for _, m := range mails.Items {
		told = append(told, m.Kind)
	}
	if len(told) == 0 || told[0] != models.NoticePlanFailed {
		t.Errorf("told are %q", told)
	}
	_, err = w.PublishPlan(ctx, actor, p.ID, w.later())
	ok(t, err)
	if failed, err = w.FailedPublications(ctx, w.owner.ID); err != nil || len(failed) > 0 {
		t.Errorf("failed still: %+v, %v", failed, err)
	}
}
