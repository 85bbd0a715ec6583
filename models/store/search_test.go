package store_test

import (
	"testing"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

func TestASearchStartsInAnIndex(t *testing.T) {
	s := storetest.Open(t)
	ctx := t.Context()
	owner := storetest.Owner(t, s)
	for what, ask := range map[string]func() error{
		"catalog":       func() error { _, err := s.SearchCatalog(ctx, owner.ID); return err },
		"deployment":    func() error { _, err := s.DeployedMethods(ctx, 5); return ignoreNotFound(err) },
		"guides":        func() error { _, err := s.SearchGuides(ctx, []models.APIID{5, 6}, "a", 5); return err },
		"apps":          func() error { _, err := s.SearchApps(ctx, owner.ID, "a", 5); return err },
		"subscriptions": func() error { _, err := s.SearchSubscriptions(ctx, owner.ID, "a", 5); return err },
		"own APIs":      func() error { _, err := s.SearchOwnAPIs(ctx, owner.ID, "a", 5); return err },
		"own plans":     func() error { _, err := s.SearchOwnPlans(ctx, owner.ID, "a", 5); return err },
	} {
		wantNoScan(t, s, what, func() { ok(t, ask()) })
	}
}

// A plan that one must not see must not be found, and one that an app of one's own is on must.
func TestACatalogSearchSeesWhatItsViewerMaySee(t *testing.T) {
	w := newWorld(t)
	public, private := w.plan("Public", w.stage("prod")), w.plan("Private", w.stage("beta"))
	w.subscribe(private, "App")
	terms := private.InForce
	terms.Audience = models.AudienceInvited
	_, err := w.SaveDraft(t.Context(), w.asOwner(), private.ID, "", terms, w.later())
	ok(t, err)
	_, err = w.PublishPlan(t.Context(), w.asOwner(), private.ID, w.later())
	ok(t, err)
	stranger := storetest.Developer(t, w.Store)
	for name, tt := range map[string]struct {
		viewer models.AccountID
		want   []models.PlanID
	}{
		"visitor":    {0, []models.PlanID{public.ID}},
		"stranger":   {stranger.ID, []models.PlanID{public.ID}},
		"owner":      {w.owner.ID, []models.PlanID{public.ID, private.ID}},
		"subscriber": {w.developer.ID, []models.PlanID{public.ID, private.ID}},
	} {
		hits, err := w.SearchCatalog(t.Context(), tt.viewer)
		ok(t, err)
		var got []models.PlanID
		for _, h := range hits {
			for _, p := range h.Plans {
				got = append(got, p.ID)
			}
		}
		if len(hits) != 1 || len(got) != len(tt.want) {
			t.Errorf("%s: %d APIs with the plans %v, want one with %v", name, len(hits), got, tt.want)
		}
	}
}

func TestJobsStartInAnIndex(t *testing.T) {
	s := storetest.Open(t)
	wantNoScan(t, s, "imports", func() { _, err := s.ImportJobs(t.Context(), models.Page{}); ok(t, err) })
	wantNoScan(t, s, "openings", func() { _, err := s.OpeningJobs(t.Context()); ok(t, err) }, "o") // only those under way
}
