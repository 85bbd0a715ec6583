package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// Tags are their owner's, and go with what they are on.
func TestTagsBelongToTheirThing(t *testing.T) {
	w := newWorld(t)
	tags := models.ResourceTags{"team": "pets", "env": ""}
	ok(t, w.SetResourceTags(t.Context(), w.asOwner(), models.ResourceAPI, int64(w.api.ID), tags, w.later()))
	got, err := w.ResourceTags(t.Context(), models.ResourceAPI, int64(w.api.ID))
	ok(t, err)
	if diff := cmp.Diff(tags, got); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	other := storetest.Owner(t, w.Store)
	err = w.SetResourceTags(t.Context(), storetest.Actor(other), models.ResourceAPI, int64(w.api.ID), nil, w.later())
	if models.KindOf(err) != models.KindNotFound {
		t.Errorf("another owner's tags: got %v, want not found", err)
	}
	for _, bad := range []string{"", "aws:x", "gatehouse:nosuch", "a\x00"} {
		err := w.SetResourceTags(t.Context(), w.asOwner(), models.ResourceAPI, int64(w.api.ID), models.ResourceTags{bad: "x"}, w.later())
		if models.KindOf(err) != models.KindInvalid {
			t.Errorf("tag %q: got %v, want a refusal", bad, err)
		}
	}
	ok(t, w.DeleteAPI(t.Context(), w.asOwner(), w.api.ID, w.later()))
	if got, err = w.ResourceTags(t.Context(), models.ResourceAPI, int64(w.api.ID)); err != nil || len(got) != 0 {
		t.Errorf("tags of a deleted API: got %v, %v", got, err)
	}
}
