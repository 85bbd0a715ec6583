package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/store/storetest"
)

// slugs lists the catalog as somebody sees it.
func (w *world) slugs(viewer models.AccountID, p models.Page) (slugs []string) {
	w.t.Helper()
	list, err := w.CatalogAPIs(w.t.Context(), viewer, p)
	ok(w.t, err)
	for _, e := range list.Items {
		slugs = append(slugs, e.Slug)
	}
	return slugs
}

// Who sees what: published plans of deployed stages, and hidden plans by invitation alone.
func TestTheCatalogShowsWhatAViewerMaySubscribeTo(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	see := func(viewer models.AccountID, want bool) {
		t.Helper()
		if got := len(w.slugs(viewer, models.Page{})) == 1; got != want {
			t.Errorf("%d sees the API: %t", viewer, got)
		}
		_, err := w.CatalogAPI(ctx, viewer, "echo")
		if want && err != nil || !want && viewer != w.owner.ID && models.KindOf(err) != models.KindNotFound {
			t.Errorf("%d reads the page: %v", viewer, err)
		}
	}
	bare := w.bareStage("prod")
	p := w.plan("Free", bare)
	see(0, false) // nothing is deployed
	see(w.owner.ID, false)
	_, err := w.Deploy(ctx, w.asOwner(), w.api.ID, bare.ID, "", w.later())
	ok(t, err)
	see(0, true)
	ok(t, w.RetirePlan(ctx, w.asOwner(), p.ID, w.later()))
	see(0, false)
	w.draft(termsOf("Draft", bare))
	see(0, false)

	terms := termsOf("Secret", bare)
	terms.Audience = models.AudienceInvited
	secret := w.publish(terms)
	see(0, false)
	see(w.developer.ID, false)
	see(w.owner.ID, true)
	ok(t, w.SetPlanInvitations(ctx, w.asOwner(), secret.ID, []string{w.developer.Email}, w.later()))
	see(w.developer.ID, true)
	see(w.stranger().ID, false)
	page, err := w.CatalogAPI(ctx, w.developer.ID, "echo")
	if err != nil || len(page.Plans) != 1 || !page.Plans[0].Invited {
		t.Errorf("got %+v, %v", page.Plans, err)
	}
	_, _, err = w.CatalogPlan(ctx, 0, secret.ID)
	wantKind(t, "a hidden plan", err, models.KindNotFound)
	_, _, err = w.CatalogPlan(ctx, 0, p.ID)
	wantKind(t, "a retired plan", err, models.KindConflict)
	cp, api, err := w.CatalogPlan(ctx, w.developer.ID, secret.ID)
	if err != nil || cp.PlanID != secret.ID || api.Slug != "echo" {
		t.Errorf("got %+v of %+v, %v", cp, api, err)
	}

	// Who has an app on a plan goes on reading what it opens.
	made := w.subscribe(secret, "App")
	ok(t, w.SetPlanInvitations(ctx, w.asOwner(), secret.ID, nil, w.later()))
	if page, err := w.CatalogAPI(ctx, w.developer.ID, "echo"); err != nil || len(page.Stages) != 1 || len(page.Plans) != 0 {
		t.Errorf("a subscriber sees %+v, %v", page, err)
	}
	ok(t, w.CancelSubscription(ctx, w.asDeveloper(), made.Subscription.ID, w.later()))
	see(w.developer.ID, false)
}

// A stage that only a hidden plan opens stays hidden too.
func TestTheCatalogHidesStagesThatNoVisiblePlanOpens(t *testing.T) {
	w := newWorld(t)
	prod, internal := w.stage("prod"), w.stage("internal")
	w.plan("Free", prod)
	terms := termsOf("Secret", internal)
	terms.Audience = models.AudienceInvited
	w.publish(terms)
	for viewer, want := range map[models.AccountID]int{0: 1, w.developer.ID: 1, w.owner.ID: 2} {
		page, err := w.CatalogAPI(t.Context(), viewer, "echo")
		if err != nil || len(page.Stages) != want || len(page.Plans) != want {
			t.Errorf("%d sees %d stages and %d plans, %v; want %d", viewer, len(page.Stages), len(page.Plans), err, want)
		}
	}
}

func TestAnAPIsPageComparesItsPlans(t *testing.T) {
	w := newWorld(t)
	prod, beta := w.stage("prod"), w.stage("beta")
	echo := w.api
	w.api = w.newAPI(w.owner, "other")
	elsewhere := w.stage("prod")
	w.api = echo
	methods, err := w.Methods(t.Context(), w.owner.ID, echo.ID)
	ok(t, err)
	free := termsOf("Free", prod)
	free.Price = "€0"
	free.Stages[0].Excluded = []models.MethodID{methods[1].ID}
	free.Stages[0].Throttles = []models.MethodThrottle{{MethodID: methods[0].ID, Throttle: limit.Throttle{Rate: 1, Burst: 1}}}
	first, second := w.publish(free), w.plan("Growth", prod, beta, elsewhere)
	page, err := w.CatalogAPI(t.Context(), 0, "echo")
	ok(t, err)
	if page.OwnerName != w.owner.Name || len(page.Stages) != 2 || len(page.Stages[0].Methods) != 2 || page.Stages[0].Deployment == 0 {
		t.Errorf("got %+v", page)
	}
	want := []models.CatalogPlan{
		{PlanID: first.ID, Version: 1, Terms: first.InForce, Stages: []models.CatalogPlanStage{{StageID: prod.ID, StageName: "prod", Opened: 1, Total: 2,
			Limited: []models.MethodLimit{{Method: methods[0], Throttle: free.Stages[0].Throttles[0]}}, Excluded: []models.Method{methods[1]}}}},
		{PlanID: second.ID, Version: 1, Terms: second.InForce, OtherStages: []string{"OTHER · prod"}, Stages: []models.CatalogPlanStage{
			{StageID: prod.ID, StageName: "prod", Opened: 2, Total: 2}, {StageID: beta.ID, StageName: "beta", Opened: 2, Total: 2}}},
	}
	if diff := cmp.Diff(want, page.Plans); diff != "" {
		t.Errorf("plans (-want +got):\n%s", diff)
	}
	list, err := w.CatalogAPIs(t.Context(), 0, models.Page{})
	ok(t, err)
	entry := models.CatalogEntry{APIID: echo.ID, Slug: "echo", Name: "ECHO", OwnerName: w.owner.Name, Methods: 2, Plans: []models.PlanPrice{{Name: first.InForce.Name, Price: "€0"}, {Name: "Growth"}}}
	if diff := cmp.Diff(entry, list.Items[0]); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
}

func TestTheCatalogIsPagedBySlug(t *testing.T) {
	w := newWorld(t)
	var stages []models.Stage
	for _, slug := range []string{"delta", "alpha", "charlie", "bravo"} {
		w.api = w.newAPI(w.owner, slug)
		stages = append(stages, w.stage("prod"))
	}
	w.plan("All", stages...)
	list, err := w.CatalogAPIs(t.Context(), 0, models.Page{Limit: 3})
	ok(t, err)
	if diff := cmp.Diff([]string{"alpha", "bravo", "charlie"}, w.slugs(0, models.Page{Limit: 3})); diff != "" {
		t.Errorf("first page (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"delta"}, w.slugs(0, models.Page{Limit: 3, After: list.Next})); diff != "" {
		t.Errorf("second page (-want +got):\n%s", diff)
	}
	_, err = w.CatalogAPIs(t.Context(), 0, models.Page{After: "../x"})
	wantField(t, "a place that is none", err, "after")
	_, err = w.CatalogAPI(t.Context(), 0, "nothing")
	wantKind(t, "no such API", err, models.KindNotFound)
	_, _, err = w.CatalogPlan(t.Context(), 0, 5)
	wantKind(t, "no such plan", err, models.KindNotFound)
	if got := w.slugs(storetest.Developer(t, w.Store).ID, models.Page{}); len(got) != 4 {
		t.Errorf("a developer sees %v", got)
	}
}
