package store_test

import (
	"testing"
	"time"

	"gatehouse/models"
)

// calls commits that a key called a method.
func (w *world) calls(k models.KeyID, p models.Plan, st models.Stage, m models.MethodID, n int64, at time.Time) {
	w.t.Helper()
	ok(w.t, w.CommitUsage(w.t.Context(), models.UsageBatch{Cells: []models.UsageCell{{KeyID: k, PlanID: p.ID, StageID: st.ID, MethodID: m, Minute: at.Truncate(time.Minute).Unix(), Outcome: models.OutcomeSuccess, Count: n}}}))
}

// Who called what is deprecated in the last 30 days is told, once, and again 14, 3 and 1 days before it goes; who did not is not.
func TestWhoCallsWhatIsDeprecatedIsTold(t *testing.T) {
	w := newWorld(t)
	ctx, actor := t.Context(), w.asOwner()
	prod := w.stage("prod")
	p := w.plan("Free", prod)
	made := w.subscribe(p, "App")
	own := w.customerKey("Acme", p)
	methods, err := w.Methods(ctx, w.owner.ID, w.api.ID)
	ok(t, err)
	old := methods[0]
	w.calls(made.Key.ID, p, prod, old.ID, 3, w.now)
	w.calls(made.Key.ID, p, prod, old.ID, 4, w.now.Add(2*time.Minute))
	w.calls(made.Key.ID, p, prod, methods[1].ID, 9, w.now)
	w.calls(own.ID, p, prod, old.ID, 5, w.now.AddDate(0, 0, -20))
	w.calls(w.customerKey("Long ago", p).ID, p, prod, old.ID, 5, w.now.AddDate(0, 0, -31))

	sunset := w.now.AddDate(0, 0, 30).Truncate(time.Second)
	var d models.Deprecation
	w.wantChange(models.ChangeTopology, 0, func() {
		d, err = w.Deprecate(ctx, actor, models.Deprecation{APIID: w.api.ID, MethodID: old.ID, Since: w.now, Sunset: sunset, Note: "Use v2."}, w.now)
		ok(t, err)
	})
	w.wantEvent("deprecation.create", d.ID.String(), w.owner.ID)
	topology, err := w.Topology(ctx)
	ok(t, err)
	if all := topology.APIs[0].Deprecations; len(all) != 1 || all[0].MethodID != old.ID || !all[0].Sunset.Equal(sunset) || all[0].Note != "Use v2." {
		t.Errorf("the gateway is told %+v", all)
	}
	callers, err := w.Callers(ctx, w.owner.ID, d, 10, w.now.Add(time.Hour))
	ok(t, err)
	if callers.Keys != 2 || len(callers.Newest) != 2 || callers.Newest[0].KeyID != made.Key.ID || callers.Newest[0].Calls != 7 || callers.Newest[0].AppName != "App" || callers.Newest[1].Calls != 5 {
		t.Errorf("the callers are %+v", callers)
	}
	_, err = w.Deprecate(ctx, actor, models.Deprecation{APIID: w.api.ID, MethodID: old.ID, Since: w.now}, w.now)
	wantKind(t, "deprecate it twice", err, models.KindConflict)
	_, err = w.Deprecate(ctx, actor, models.Deprecation{APIID: w.api.ID, Since: w.now}, w.now)
	wantKind(t, "deprecate nothing", err, models.KindInvalid)

	told := func(want int) []models.ChangeNoticeRow {
		t.Helper()
		ok(t, w.TellChanges(ctx, w.now))
		list, err := w.ChangeNotices(ctx, w.developer.ID, models.Page{})
		ok(t, err)
		if len(list.Items) != want {
			t.Fatalf("%d notices, want %d: %+v", len(list.Items), want, list.Items)
		}
		return list.Items
	}
	if n := told(1)[0]; n.Kind != models.ChangeDeprecated || n.Subject != "GET /users of ECHO" || !n.TakesAt.Equal(sunset) || n.Note != "Use v2." {
		t.Errorf("the notice is %+v", n)
	}
	for i, before := range []int{15, 14, 13, 3, 2, 1, 0} {
		w.now = sunset.AddDate(0, 0, -before)
		w.calls(made.Key.ID, p, prod, old.ID, 1, w.now)
		for range 2 {
			ok(t, w.RemindOfSunsets(ctx, w.now))
		}
		if list := told([]int{1, 2, 2, 3, 3, 4, 4}[i]); before == 14 && list[0].Kind != models.ChangeSunsetNear {
			t.Errorf("%d days before, the newest is %+v", before, list[0])
		}
	}
	d.Sunset = sunset.AddDate(0, 1, 0)
	ok(t, w.ChangeDeprecation(ctx, actor, d, w.later()))
	told(5)
	d.Note = "Use v3."
	ok(t, w.ChangeDeprecation(ctx, actor, d, w.later()))
	told(5)
	w.wantChange(models.ChangeTopology, 0, func() { ok(t, w.KeepOperation(ctx, actor, w.api.ID, d.ID, w.later())) })
	if n := told(6)[0]; n.Kind != models.ChangeKept {
		t.Errorf("when it stays, the newest is %+v", n)
	}
	wantKind(t, "somebody else's", w.KeepOperation(ctx, w.asDeveloper(), w.api.ID, d.ID, w.now), models.KindNotFound)
}

// A caller of a stage is a caller of any of its operations.
func TestCallersOfAStageAreCountedOnce(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	prod := w.stage("prod")
	p := w.plan("Free", prod)
	made := w.subscribe(p, "App")
	methods, err := w.Methods(ctx, w.owner.ID, w.api.ID)
	ok(t, err)
	for _, m := range methods {
		w.calls(made.Key.ID, p, prod, m.ID, 2, w.now)
	}
	callers, err := w.Callers(ctx, w.owner.ID, models.Deprecation{APIID: w.api.ID, StageID: prod.ID}, 10, w.now)
	ok(t, err)
	if callers.Keys != 1 || len(callers.Newest) != 1 || callers.Newest[0].Calls != 4 {
		t.Errorf("the callers are %+v", callers)
	}
	wantNoScan(t, w.Store, "callers of a stage", func() {
		_, err := w.Callers(ctx, w.owner.ID, models.Deprecation{APIID: w.api.ID, StageID: prod.ID}, 10, w.now)
		ok(t, err)
	}, "u")
	wantNoScan(t, w.Store, "callers of a method", func() {
		_, err := w.Callers(ctx, w.owner.ID, models.Deprecation{APIID: w.api.ID, MethodID: methods[0].ID}, 10, w.now)
		ok(t, err)
	}, "u")
}
