package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
)

// rotated is a key of the world's developer with an old value.
func (w *world) rotated(how models.Rotation) (models.KeyID, [32]byte) {
	w.t.Helper()
	made := w.subscribe(w.plan("Free", w.stage("prod")), "App")
	old := w.digests(made.Key.ID)[0].Digest
	_, _, err := w.RotateKey(w.t.Context(), w.asDeveloper(), made.Key.ID, how, w.later())
	ok(w.t, err)
	return made.Key.ID, old
}

func (w *world) oldValue(id models.KeyID) models.OldValue {
	w.t.Helper()
	values, err := w.OldValues(w.t.Context(), w.developer.ID, id, w.now)
	ok(w.t, err)
	if len(values) != 1 {
		w.t.Fatalf("%d old values, want 1", len(values))
	}
	return values[0]
}

func TestCallersOfAnOldValueAreAddedUpAndBounded(t *testing.T) {
	w := newWorld(t)
	id, old := w.rotated(models.Rotation{Overlap: models.OverlapDay})
	if v := w.oldValue(id); len(v.Callers) != 0 || v.Others.Requests != 0 || !v.Replaced.Equal(w.now) || !v.Stops().Equal(w.now.Add(24*time.Hour)) {
		t.Errorf("unused: %+v", v)
	}
	at := w.later()
	caller := func(n int, after time.Duration) models.Caller {
		return models.Caller{Address: fmt.Sprintf("192.0.2.%d", n), UserAgent: "curl/8", First: at.Add(after), Last: at.Add(after + time.Second), Requests: 2}
	}
	note := func(callers ...models.Caller) {
		t.Helper()
		ok(t, w.NoteValueUses(t.Context(), []models.ValueUse{{Digest: [32]byte{9}, Callers: callers}, {Digest: old, Last: at, Callers: callers}}))
	}
	note(caller(1, 0))
	note(caller(1, time.Minute))
	want := []models.Caller{{Address: "192.0.2.1", UserAgent: "curl/8", First: at, Last: at.Add(time.Minute + time.Second), Requests: 4}}
	if diff := cmp.Diff(want, w.oldValue(id).Callers); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for n := 2; n <= models.MaxCallers+3; n++ {
		note(caller(n, time.Hour))
	}
	note(caller(1, 2*time.Hour), caller(100, 2*time.Hour))
	v := w.oldValue(id)
	if len(v.Callers) != models.MaxCallers || v.Callers[0].Address != "192.0.2.1" || v.Callers[0].Requests != 6 {
		t.Errorf("%d callers, the last one %+v", len(v.Callers), v.Callers[0])
	}
	if v.Others.Requests != 8 || !v.Others.Last.Equal(at.Add(2*time.Hour+time.Second)) {
		t.Errorf("others: %+v, want 8 requests", v.Others)
	}
	if _, err := w.OldValues(t.Context(), w.owner.ID, id, w.now); models.KindOf(err) != models.KindNotFound {
		t.Errorf("the owner of the plan, whose key it is not, got %v", err)
	}
}

func TestCallersAreForgottenSevenDaysAfterTheValueStopped(t *testing.T) {
	w := newWorld(t)
	id, old := w.rotated(models.Rotation{Overlap: models.OverlapDay})
	stops := w.now.Add(24 * time.Hour)
	ok(t, w.NoteValueUses(t.Context(), []models.ValueUse{{Digest: old, Last: w.now, Callers: []models.Caller{{Address: "192.0.2.1", First: w.now, Last: w.now, Requests: 1}}}}))
	w.now = stops.Add(models.CallersKept)
	ok(t, w.PruneCallers(t.Context(), w.now.Add(-time.Millisecond)))
	w.now = w.now.Add(-time.Millisecond)
	if v := w.oldValue(id); len(v.Callers) != 1 {
		t.Errorf("forgotten too early: %+v", v)
	}
	w.now = w.now.Add(2 * time.Millisecond)
	ok(t, w.PruneCallers(t.Context(), w.now))
	if values, err := w.OldValues(t.Context(), w.developer.ID, id, w.now); err != nil || len(values) != 0 {
		t.Errorf("%+v, %v", values, err)
	}
	if values, err := w.OldValues(t.Context(), w.developer.ID, id, stops); err != nil || len(values) != 1 || len(values[0].Callers) != 0 {
		t.Errorf("the callers are kept: %+v, %v", values, err)
	}
}

// DECISIONS 40: two hours after its last use, not after the rotation, and never after its deadline.
func TestAnUnusedValueStopsIfItsOwnerWantsIt(t *testing.T) {
	w := newWorld(t)
	id, old := w.rotated(models.Rotation{Overlap: models.OverlapDay, UntilUnused: true})
	made := w.subscribe(w.plan("Other", w.stage("beta")), "Other")
	other := made.Key.ID
	_, _, err := w.RotateKey(t.Context(), w.asDeveloper(), other, models.Rotation{Overlap: models.OverlapDay}, w.now)
	ok(t, err)
	used := w.now.Add(time.Hour)
	ok(t, w.NoteValueUses(t.Context(), []models.ValueUse{{Digest: old, Last: used}}))
	if v := w.oldValue(id); !v.Stops().Equal(used.Add(models.UnusedFor)) {
		t.Errorf("stops on %v, want two hours after %v", v.Stops(), used)
	}
	w.now = used.Add(models.UnusedFor - time.Millisecond)
	ok(t, w.StopUnusedValues(t.Context(), w.now))
	if got := w.digests(id); w.stopped(got, old) {
		t.Error("stopped too early")
	}
	w.now = used.Add(models.UnusedFor)
	w.wantChange(models.ChangeKey, int64(id), func() { ok(t, w.StopUnusedValues(t.Context(), w.now)) })
	if got := w.digests(id); !w.stopped(got, old) {
		t.Errorf("works still: %+v", got)
	}
	w.wantEvent("key.stop_unused", id.String(), w.owner.ID)
	if v := w.oldValue(other); !v.Stops().After(w.now) {
		t.Error("a value whose owner does not want it stopped")
	}
	ok(t, w.NoteValueUses(t.Context(), []models.ValueUse{{Digest: old, Last: w.now}})) // told late
	if got := w.digests(id); !w.stopped(got, old) {
		t.Error("a late use revived it")
	}
}
