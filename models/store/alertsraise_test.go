package store_test

import (
	"fmt"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// called meters requests of a key in the present minute, charged where they were admitted.
func (w *world) called(key models.KeyID, plan models.PlanID, stage models.StageID, outcome models.Outcome, n int64) {
	w.t.Helper()
	b := models.UsageBatch{Cells: []models.UsageCell{{KeyID: key, PlanID: plan, StageID: stage, Minute: w.now.Truncate(time.Minute).Unix(), Outcome: outcome, Count: n}}}
	if outcome.Admitted() {
		b.Charged = []models.QuotaUse{{KeyID: key, PlanID: plan, Day: w.now.Unix() / 86400, Used: n}}
	}
	ok(w.t, w.CommitUsage(w.t.Context(), b))
}

// told are the kinds and levels of the notices that alerts queued since the last call.
func (w *world) told() []models.Message {
	w.t.Helper()
	ok(w.t, w.RaiseAlerts(w.t.Context(), w.now))
	var all []models.Message
	for {
		d, err := w.ClaimMessage(w.t.Context(), models.ByMail, w.now.Add(25*time.Hour), lease) // also what gathers
		if models.KindOf(err) == models.KindNotFound {
			return all
		}
		ok(w.t, err)
		ok(w.t, w.FinishMessage(w.t.Context(), d, models.Delivered{State: models.MessageSent}, w.now))
		for _, m := range d.Messages {
			if m.Data.AlertID != 0 {
				all = append(all, m)
			}
		}
	}
}

func (w *world) wantTold(what string, levels ...int64) []models.Message {
	w.t.Helper()
	got := w.told()
	var have []int64
	for _, m := range got {
		have = append(have, m.Data.Level)
	}
	if len(have) != len(levels) {
		w.t.Fatalf("%s: told %v, want %v", what, have, levels)
	}
	for i := range levels {
		if have[i] != levels[i] {
			w.t.Fatalf("%s: told %v, want %v", what, have, levels)
		}
	}
	return got
}

func (w *world) meteredPlan(stage models.Stage, most int64) models.Plan {
	w.t.Helper()
	terms := termsOf("Metered", stage)
	terms.Quota = &limit.Quota{Limit: most, Period: limit.PeriodDay}
	return w.publishedTerms(terms)
}

func (w *world) publishedTerms(terms models.Terms) models.Plan {
	w.t.Helper()
	p, err := w.CreatePlan(w.t.Context(), w.asOwner(), terms, w.later())
	ok(w.t, err)
	p, err = w.PublishPlan(w.t.Context(), w.asOwner(), p.ID, w.later())
	ok(w.t, err)
	return p
}

// Each level is told once per key and window, also when what was told is looked at by another process: nothing is in memory.
func TestAQuotasLevelIsToldOnceInAWindow(t *testing.T) {
	w := newWorld(t)
	stage := w.stage("prod")
	p := w.meteredPlan(stage, 100)
	made := w.subscribe(p, "App")
	w.told()
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeSuccess, 49)
	w.wantTold("below all levels")
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeSuccess, 36)
	m := w.wantTold("two levels at once", 80)[0]
	if d := m.Data; m.AccountID != w.developer.ID || d.Used != 85 || d.Limit != 100 || d.Key != made.Key.Name || d.Plan != "Metered" || !d.To.After(w.now) {
		t.Errorf("told %+v", m)
	}
	w.wantTold("looked again")
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeSuccess, 15)
	w.wantTold("all of it", 100)
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeQuota, 15)
	w.wantTold("refused since")
	w.now = w.now.Add(24 * time.Hour)
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeSuccess, 50)
	w.wantTold("the next window", 50)
}

// Keys are looked at each with the plan that it called by, also where several call by one plan.
func TestEachKeyThatCalledIsLookedAtOnItsOwnPlan(t *testing.T) {
	w := newWorld(t)
	prod, beta := w.stage("prod"), w.stage("beta")
	first, second := w.meteredPlan(prod, 100), w.meteredPlan(beta, 1000)
	want := map[models.KeyID]models.PlanID{}
	for i := range 6 {
		p, stage, n := first, prod, int64(90)
		if i%2 == 1 {
			p, stage, n = second, beta, 900
		}
		made := w.subscribe(p, fmt.Sprintf("App %d", i))
		w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeSuccess, n)
		want[made.Key.ID] = p.ID
	}
	for _, m := range w.told() {
		if m.Data.Level != 80 || want[m.Data.KeyID] != m.Data.PlanID {
			t.Errorf("told %+v", m.Data)
		}
		delete(want, m.Data.KeyID)
	}
	if len(want) != 0 {
		t.Errorf("nobody was told of %v", want)
	}
}

func TestAMutedAlertTellsNobodyAndItsMomentPasses(t *testing.T) {
	w := newWorld(t)
	stage := w.stage("prod")
	p := w.meteredPlan(stage, 100)
	made := w.subscribe(p, "App")
	alerts, err := w.Alerts(t.Context(), w.developer.ID, models.SideDeveloper)
	ok(t, err)
	if len(alerts) != 2 || alerts[0].Kind != models.AlertQuota {
		t.Fatalf("a new account has %+v", alerts)
	}
	ok(t, w.MuteAlert(t.Context(), w.asDeveloper(), models.SideDeveloper, alerts[0].ID, w.now.Add(time.Hour), w.now))
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeSuccess, 60)
	w.wantTold("muted")
	w.now = w.now.Add(2 * time.Hour)
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeSuccess, 1)
	w.wantTold("after it was muted, of a level that passed meanwhile")
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeSuccess, 20)
	w.wantTold("the next level", 80)
}

func TestAnOwnerIsToldOfCustomersInScope(t *testing.T) {
	w := newWorld(t)
	stage := w.stage("prod")
	p, other := w.meteredPlan(stage, 100), w.plan("Other", w.stage("beta"))
	made := w.subscribe(p, "App")
	ctx := t.Context()
	ok(t, w.CreateAlert(ctx, w.asOwner(), models.SideOwner, models.NewAlert{Kind: models.AlertQuota, Levels: []int64{90}, PlanID: other.ID, Mail: true}, w.now))
	ok(t, w.CreateAlert(ctx, w.asOwner(), models.SideOwner, models.NewAlert{Kind: models.AlertQuota, Levels: []int64{70}, APIID: w.api.ID, Mail: true}, w.now))
	wantKind(t, "another's plan", w.CreateAlert(ctx, w.asDeveloper(), models.SideOwner, models.NewAlert{Kind: models.AlertQuota, Levels: []int64{70}, PlanID: p.ID, Mail: true}, w.now), models.KindInvalid)
	wantKind(t, "another's app", w.CreateAlert(ctx, w.asOwner(), models.SideDeveloper, models.NewAlert{Kind: models.AlertQuota, Levels: []int64{70}, AppID: made.App.ID, Mail: true}, w.now), models.KindInvalid)
	w.told()
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeSuccess, 95)
	owners := 0
	for _, m := range w.told() {
		if m.AccountID == w.owner.ID {
			owners++
			if m.Data.Level != 70 || m.Data.Href != "/owner/keys/"+made.Key.ID.String() {
				t.Errorf("told %+v", m.Data)
			}
		}
	}
	if owners != 1 {
		t.Errorf("the owner is told %d times, want once", owners)
	}
}

// A share is told when it comes over its level, and again after it was below; of a handful of requests none is told.
func TestAShareIsToldOncePerEpisode(t *testing.T) {
	w := newWorld(t)
	stage := w.stage("prod")
	p := w.plan("Free", stage)
	made := w.subscribe(p, "App")
	ok(t, w.CreateAlert(t.Context(), w.asDeveloper(), models.SideDeveloper, models.NewAlert{Kind: models.AlertThrottled, Levels: []int64{20}, Minutes: 5, Mail: true}, w.now))
	ok(t, w.CreateAlert(t.Context(), w.asDeveloper(), models.SideDeveloper, models.NewAlert{Kind: models.AlertErrors, Levels: []int64{50}, Minutes: 5, AppID: made.App.ID, Mail: true}, w.now))
	w.told()
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeThrottled, 10)
	w.wantTold("of ten requests")
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeSuccess, 30)
	if d := w.wantTold("a quarter", 20)[0].Data; d.Refused != 10 || d.Requests != 40 || d.Name != "your keys" {
		t.Errorf("told %+v", d)
	}
	w.now = w.now.Add(time.Minute)
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeThrottled, 10)
	w.wantTold("it goes on")
	w.now = w.now.Add(6 * time.Minute)
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeSuccess, 100)
	w.wantTold("it is over")
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeUpstream, 200)
	if d := w.wantTold("errors", 50)[0].Data; d.Failed != 200 || d.Name != "App" {
		t.Errorf("told %+v", d)
	}
	w.now = w.now.Add(6 * time.Minute)
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeThrottled, 100)
	w.wantTold("another episode", 20)
}

// A minute counts in which anything was refused, however little; what is told is how many there were.
func TestThrottledMinutesOfAnHourAreToldOncePerEpisode(t *testing.T) {
	w := newWorld(t)
	stage := w.stage("prod")
	p := w.plan("Free", stage)
	made := w.subscribe(p, "App")
	ok(t, w.CreateAlert(t.Context(), w.asDeveloper(), models.SideDeveloper, models.NewAlert{Kind: models.AlertMinutes, Levels: []int64{3}, Mail: true}, w.now))
	ok(t, w.CreateAlert(t.Context(), w.asOwner(), models.SideOwner, models.NewAlert{Kind: models.AlertMinutes, Levels: []int64{60}, Mail: true}, w.now))
	alerts, err := w.Alerts(t.Context(), w.owner.ID, models.SideOwner)
	ok(t, err)
	if a := alerts[0]; a.Kind != models.AlertMinutes || a.Minutes != 60 || a.Levels[0] != 60 {
		t.Errorf("kept as %+v", a)
	}
	w.told()
	minute := func() {
		w.now = w.now.Add(2 * time.Minute)
		w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeSuccess, 500)
		w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeThrottled, 1)
	}
	minute()
	minute()
	w.wantTold("two minutes")
	minute()
	m := w.wantTold("three minutes", 3)[0]
	if d := m.Data; m.Kind != models.NoticeThrottled || d.Minutes != 3 || d.Refused != 3 || d.Requests != 1503 {
		t.Errorf("told %+v", m)
	}
	minute()
	w.wantTold("it goes on")
	w.now = w.now.Add(58 * time.Minute)
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeSuccess, 1)
	w.wantTold("an hour later")
	minute()
	minute()
	minute()
	w.wantTold("another episode", 3)
}

func TestExpiryAndDisuseAreToldByDays(t *testing.T) {
	w := newWorld(t)
	made := w.subscribe(w.plan("Free", w.stage("prod")), "App")
	ctx := t.Context()
	ok(t, w.CreateAlert(ctx, w.asDeveloper(), models.SideDeveloper, models.NewAlert{Kind: models.AlertUnused, Levels: []int64{10}, Mail: true}, w.now))
	ok(t, w.SetKeyExpiry(ctx, w.asDeveloper(), made.Key.ID, w.now.AddDate(0, 0, 15), w.now))
	w.told()
	var levels []int64
	var last models.NoticeKind
	for range 17 * 8 {
		w.now = w.now.Add(3 * time.Hour)
		for _, m := range w.told() {
			levels, last = append(levels, m.Data.Level), m.Kind
		}
	}
	want := []int64{14, 10, 3, 1, 0}
	if len(levels) != len(want) || last != models.NoticeKeyExpired {
		t.Fatalf("told %v, last %s; want %v", levels, last, want)
	}
	for i := range want {
		if levels[i] != want[i] {
			t.Fatalf("told %v, want %v", levels, want)
		}
	}
}

func TestAlertsLookThroughIndexes(t *testing.T) {
	w := newWorld(t)
	stage := w.stage("prod")
	p := w.meteredPlan(stage, 100)
	made := w.subscribe(p, "App")
	ctx := t.Context()
	for _, kind := range []models.AlertKind{models.AlertThrottled, models.AlertMinutes, models.AlertErrors, models.AlertUnused} {
		ok(t, w.CreateAlert(ctx, w.asDeveloper(), models.SideDeveloper, models.NewAlert{Kind: kind, Levels: []int64{1}, Mail: true}, w.now))
		ok(t, w.CreateAlert(ctx, w.asOwner(), models.SideOwner, models.NewAlert{Kind: kind, Levels: []int64{1}, Mail: true}, w.now))
	}
	w.now = w.now.Add(2 * time.Hour)
	w.called(made.Key.ID, p.ID, stage.ID, models.OutcomeSuccess, 90)
	wantNoScan(t, w.Store, "a look of alerts", func() { ok(t, w.RaiseAlerts(ctx, w.now)) }, "x", "json_each")
	wantNoScan(t, w.Store, "the page of alerts", func() { _, err := w.Alerts(ctx, w.developer.ID, models.SideDeveloper); ok(t, err) })
	if n := count(t, w.Store, `SELECT count(*) FROM alert_firings`); n == 0 {
		t.Error("nothing was told of")
	}
}
