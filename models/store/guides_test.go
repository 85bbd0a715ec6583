package store_test

import (
	"testing"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// R9: a guide of another owner's API is not there, for no use case.
func TestNoGuideOfOthersIsFound(t *testing.T) {
	w := newWorld(t)
	ctx, now := t.Context(), w.later()
	g, err := w.CreateGuide(ctx, w.asOwner(), w.api.ID, models.Guide{Title: "One", Text: "text"}, now)
	ok(t, err)
	for name, who := range map[string]models.Account{"owner": storetest.Owner(t, w.Store), "developer": w.developer, "admin": storetest.Admin(t, w.Store)} {
		a := storetest.Actor(who)
		for what, use := range map[string]func() error{
			"Guides":      func() error { _, err := w.Guides(ctx, who.ID, w.api.ID); return err },
			"Guide":       func() error { _, err := w.Guide(ctx, who.ID, w.api.ID, g.ID); return err },
			"CreateGuide": func() error { _, err := w.CreateGuide(ctx, a, w.api.ID, models.Guide{Title: "Two"}, now); return err },
			"SaveGuide": func() error {
				return w.SaveGuide(ctx, a, w.api.ID, g.ID, models.Guide{Title: "Mine", Version: 1}, now)
			},
			"MoveGuide":   func() error { return w.MoveGuide(ctx, a, w.api.ID, g.ID, true, now) },
			"DeleteGuide": func() error { return w.DeleteGuide(ctx, a, w.api.ID, g.ID, now) },
		} {
			if err := use(); models.KindOf(err) != models.KindNotFound {
				t.Errorf("%s by another %s: %v, want not found", what, name, err)
			}
		}
	}
	other := w.newAPI(w.owner, "other")
	if _, err := w.Guide(ctx, w.owner.ID, other.ID, g.ID); models.KindOf(err) != models.KindNotFound {
		t.Errorf("a guide below another API: %v, want not found", err)
	}
	if _, err := w.PublishedGuide(ctx, w.api.ID, g.Slug); models.KindOf(err) != models.KindNotFound {
		t.Errorf("a draft: %v, want not found", err)
	}
}

func TestGuidesStartInAnIndex(t *testing.T) {
	s := storetest.Open(t)
	ctx := t.Context()
	for what, ask := range map[string]func() error{
		"guides":    func() error { _, err := s.Guides(ctx, 5, 6); return ignoreNotFound(err) },
		"guide":     func() error { _, err := s.Guide(ctx, 5, 6, 7); return ignoreNotFound(err) },
		"published": func() error { _, err := s.PublishedGuides(ctx, 6); return err },
		"one":       func() error { _, err := s.PublishedGuide(ctx, 6, "x"); return ignoreNotFound(err) },
		"look":      func() error { _, err := s.Look(ctx); return err },
		"image":     func() error { _, err := s.LookFile(ctx, "x"); return ignoreNotFound(err) },
	} {
		wantNoScan(t, s, what, func() { ok(t, ask()) })
	}
}
