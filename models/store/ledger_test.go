package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// escrow is a gateway's side of one bucket.
type escrow struct {
	*world
	bucket models.QuotaBucket
	seq    uint64
}

func (w *world) quotaPlan(name string, q limit.Quota, st models.Stage) models.Plan {
	terms := termsOf(name, st)
	terms.Quota = &q
	return w.publish(terms)
}

func (w *world) escrow(key models.Key, plan models.Plan, q limit.Quota) *escrow {
	window := q.Window(w.now).Start.Unix() / 86400
	return &escrow{world: w, seq: 1 << 32, bucket: models.QuotaBucket{KeyID: key.ID, PlanID: plan.ID, Period: q.Period, Offset: q.Offset, Window: window}}
}

func (e *escrow) ask(in models.QuotaAsk) models.QuotaGrant {
	e.t.Helper()
	e.seq++
	in.Bucket, in.Seq, in.Holders = e.bucket, e.seq, 1
	return e.send(in)
}

func (e *escrow) send(in models.QuotaAsk) models.QuotaGrant {
	e.t.Helper()
	grants, err := e.Exchange(e.t.Context(), []models.QuotaAsk{in})
	ok(e.t, err)
	return grants[0]
}

func (e *escrow) charge(plan models.PlanID, n int64) {
	e.t.Helper()
	ok(e.t, e.CommitUsage(e.t.Context(), models.UsageBatch{Charged: []models.QuotaUse{{KeyID: e.bucket.KeyID, PlanID: plan, Day: e.now.Unix() / 86400, Used: n}}}))
}

func join(want int64) models.QuotaAsk { return models.QuotaAsk{Join: true, Ask: limit.Ask{Want: want}} }

func counted(ask models.QuotaAsk) models.QuotaAsk {
	ask.Recount = true
	return ask
}

func daily(most int64) limit.Quota { return limit.Quota{Limit: most, Period: limit.PeriodDay} }

func TestRightsAreNeverMoreThanTheQuota(t *testing.T) {
	w := newWorld(t)
	p := w.quotaPlan("Gold", daily(40), w.stage("prod"))
	e := w.escrow(w.customerKey("key", p), p, daily(40))
	e.charge(p.ID, 10)
	g := e.ask(join(1))
	if g.Recount || g.Err != nil || g.Elsewhere != 10 || g.Granted < 1 {
		t.Fatalf("first: %+v", g)
	}
	for range 60 { // spends all that it gets
		used := g.Granted
		g = e.ask(models.QuotaAsk{Ask: limit.Ask{Used: used, Want: 1}})
	}
	if g.Granted != 30 || g.Available != 0 {
		t.Errorf("at the end %+v, want the 30 that were left", g)
	}
}

func TestAnAnswerThatWasLostCostsNothing(t *testing.T) {
	w := newWorld(t)
	p := w.quotaPlan("Gold", daily(100), w.stage("prod"))
	e := w.escrow(w.customerKey("key", p), p, daily(100))
	first := models.QuotaAsk{Bucket: e.bucket, Join: true, Ask: limit.Ask{Seq: e.seq + 1, Want: 3, Holders: 1}}
	g := e.send(first)
	if again := e.send(first); again.Granted != g.Granted || again.Err != nil || again.Recount {
		t.Errorf("the same ask again: %+v, want %+v", again, g)
	}
	e.seq++
	if g = e.ask(join(3)); !g.Recount {
		t.Fatalf("joined over rights that were granted: %+v, want a count first", g)
	}
	if g = e.ask(counted(join(3))); g.Err != nil || g.Used != 0 || g.Available != 100-g.Granted {
		t.Errorf("after the count: %+v", g)
	}
	e.seq = 2 << 32 // another start, without settling
	if g = e.ask(join(1)); !errors.Is(g.Err, limit.ErrForgot) {
		t.Errorf("another start: %+v, want %v", g, limit.ErrForgot)
	}
}

// A gateway that used a grant before its commit was certain would use rights that a crash then takes back (RELIABILITY 2.12, 3).
func TestRegressionNobodyUsesRightsWhoseCommitFailed(t *testing.T) {
	w := newWorld(t)
	p := w.quotaPlan("Gold", daily(100), w.stage("prod"))
	e := w.escrow(w.customerKey("key", p), p, daily(100))
	for _, statement := range []string{
		`CREATE TABLE broken (id INTEGER REFERENCES keys (id) DEFERRABLE INITIALLY DEFERRED)`,
		`CREATE TRIGGER breaks AFTER INSERT ON quota_holders BEGIN INSERT INTO broken VALUES (1); END`,
	} {
		ok(t, store.Writer(w.Store).Exec(statement).Error)
	}
	ask := models.QuotaAsk{Bucket: e.bucket, Join: true, Ask: limit.Ask{Seq: e.seq + 1, Want: 3, Holders: 1}}
	if grants, err := w.Exchange(t.Context(), []models.QuotaAsk{ask}); err == nil || grants != nil {
		t.Fatalf("%+v, %v: want an error and no grants", grants, err)
	}
	ok(t, store.Writer(w.Store).Exec(`DROP TRIGGER breaks`).Error)
	if g := e.send(ask); g.Err != nil || g.Available != 100-g.Granted {
		t.Errorf("afterwards: %+v", g)
	}
}

func TestOtherWindowsAreCountedAnew(t *testing.T) {
	w := newWorld(t)
	p := w.quotaPlan("Gold", daily(100), w.stage("prod"))
	e := w.escrow(w.customerKey("key", p), p, daily(100))
	g := e.ask(join(5))
	e.ask(models.QuotaAsk{Ask: limit.Ask{Used: 5}}) // spends 5 and gives the rest back
	e.charge(p.ID, 5)
	monthly := limit.Quota{Limit: 30, Period: limit.PeriodMonth}
	p.InForce.Quota = &monthly
	_, err := w.SaveDraft(t.Context(), w.asOwner(), p.ID, "", p.InForce, w.later())
	ok(t, err)
	_, err = w.PublishPlan(t.Context(), w.asOwner(), p.ID, w.later())
	ok(t, err)
	if g = e.ask(models.QuotaAsk{Ask: limit.Ask{Used: 5, Want: 1}}); g.Granted != 5 || g.Quota != monthly || g.Recount {
		t.Errorf("old windows: %+v, want nothing granted", g)
	}
	m := w.escrow(models.Key{ID: e.bucket.KeyID}, p, monthly)
	if g = m.ask(join(1)); !g.Recount {
		t.Fatalf("new windows: %+v, want a count first", g)
	}
	if g = m.ask(counted(join(1))); g.Err != nil || g.Elsewhere != 5 || g.Available != 25-g.Granted {
		t.Errorf("new windows, counted: %+v, want 25 in all", g)
	}
}

func TestAStartSettlesWhatWasHeld(t *testing.T) {
	for _, exact := range []bool{true, false} {
		w := newWorld(t)
		p := w.quotaPlan("Gold", daily(100), w.stage("prod"))
		key := w.customerKey("key", p)
		e := w.escrow(key, p, daily(100))
		_, err := w.Resume(t.Context(), "a")
		ok(t, err)
		held := e.ask(join(5)).Granted
		e.charge(p.ID, 2)
		if r, err := w.Resume(t.Context(), "b"); err != nil || r.Epoch != 2 || r.Boot != "" {
			t.Errorf("resume before anything was settled: %+v, %v", r, err)
		}
		got, err := w.SettleHoldings(t.Context(), exact)
		ok(t, err)
		want := models.Settlement{Holdings: 1, Returned: held - 2}
		if !exact {
			want.Returned, want.Doubt = 0, held-2
		}
		if got != want {
			t.Errorf("exact %v: %+v, want %+v", exact, got, want)
		}
		if r, err := w.Resume(t.Context(), "c"); err != nil || r.Boot != "b" {
			t.Errorf("resume after that: %+v, %v", r, err)
		}
		e.seq = 3 << 32
		if g := e.ask(join(1)); g.Err != nil || g.Used != 2 || g.Elsewhere != want.Doubt {
			t.Errorf("exact %v: joined with %+v", exact, g)
		}
		if n, err := w.ReleaseDoubt(t.Context(), w.asOwner(), key.ID, p.ID, w.later()); err != nil || n != want.Doubt {
			t.Errorf("released %d, %v; want %d", n, err, want.Doubt)
		}
	}
}

func TestAnExtensionCountsOnce(t *testing.T) {
	w := newWorld(t)
	p := w.quotaPlan("Gold", daily(10), w.stage("prod"))
	key := w.customerKey("key", p)
	e := w.escrow(key, p, daily(10))
	e.charge(p.ID, 8)
	in := models.Extension{Form: "one", Window: e.bucket.Window, Add: true, N: 5}
	for range 2 {
		ok(t, w.GrantExtra(t.Context(), w.asOwner(), key.ID, p.ID, in, w.later()))
	}
	g := e.ask(join(1))
	if g.Recount {
		g = e.ask(counted(join(1)))
	}
	if g.Limit != 15 || g.Elsewhere != 8 {
		t.Errorf("after 5 more: %+v", g)
	}
	stale := models.Extension{Form: "two", Window: e.bucket.Window, N: 0}
	wantKind(t, "stale form", w.GrantExtra(t.Context(), w.asOwner(), key.ID, p.ID, stale, w.later()), models.KindConflict)
	stale.Extra = 5
	ok(t, w.GrantExtra(t.Context(), w.asOwner(), key.ID, p.ID, stale, w.later()))
	if q, err := w.QuotaStanding(t.Context(), key.ID, p.ID, w.now); err != nil || q.Remaining() != 0 || q.Extra != -2 {
		t.Errorf("after remaining 0: %+v, %v", q, err)
	}
}

func TestABatchCountsOnce(t *testing.T) {
	w := newWorld(t)
	_, err := w.Resume(t.Context(), "a")
	ok(t, err)
	cell := models.UsageCell{KeyID: 1, StageID: 1, Minute: 60, Outcome: models.OutcomeOpen, Count: 3}
	b := models.UsageBatch{To: models.JournalPosition{Segment: 1, Offset: 64}, Cells: []models.UsageCell{cell}}
	for range 2 {
		ok(t, w.CommitUsage(t.Context(), b))
	}
	wrong := models.UsageBatch{From: models.JournalPosition{Segment: 7}, To: models.JournalPosition{Segment: 8}, Cells: b.Cells}
	if err := w.CommitUsage(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), "does not go on") {
		t.Errorf("a batch from elsewhere: %v", err)
	}
	if n := count(t, w.Store, `SELECT sum(n) FROM usage_open`); n != 3 {
		t.Errorf("%d open, want 3", n)
	}
	if n, err := w.AbortOpen(t.Context()); err != nil || n != 3 {
		t.Errorf("aborted %d, %v; want 3", n, err)
	}
	if n := count(t, w.Store, `SELECT count(*) FROM usage_open`) + count(t, w.Store, `SELECT sum(o0) FROM usage_days`); n != 0 {
		t.Errorf("%d still open", n)
	}
	if n := count(t, w.Store, `SELECT sum(o6) FROM usage_days WHERE kind = 1`); n != 3 {
		t.Errorf("%d aborted, want 3", n)
	}
}

func TestTheNextStartIsToldTheTimeThatHasCome(t *testing.T) {
	w := newWorld(t)
	first, err := w.Resume(t.Context(), "a")
	ok(t, err)
	if !first.Mark.Time.IsZero() {
		t.Errorf("before anything was kept: %v", first.Mark)
	}
	want := models.TimeMark{Time: w.now, Behind: 90 * time.Minute}
	ok(t, w.KeepTime(t.Context(), want))
	next, err := w.Resume(t.Context(), "b")
	ok(t, err)
	if next.Mark != want {
		t.Errorf("got %v, want %v", next.Mark, want)
	}
}

func BenchmarkExchange(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(map[int]string{1: "1", 100: "100"}[n], func(b *testing.B) {
			w := newBenchWorld(b)
			for round := uint64(1); b.Loop(); round++ {
				asks := make([]models.QuotaAsk, n)
				for i := range asks {
					asks[i] = models.QuotaAsk{Bucket: models.QuotaBucket{KeyID: models.KeyID(i + 1), PlanID: w.plan, Period: limit.PeriodDay, Window: w.day},
						Ask: limit.Ask{Seq: round, Used: int64(round - 1), Want: 1, Keep: 0}}
				}
				if _, err := w.s.Exchange(b.Context(), asks); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type benchWorld struct {
	s    *store.Store
	plan models.PlanID
	day  int64
}

func newBenchWorld(b *testing.B) benchWorld {
	s := storetest.Open(b)
	f := newFixture(b, s)
	if err := store.Writer(s).Exec(`UPDATE plans SET quota_limit = 1000000, quota_period = 1, quota_offset = 0`).Error; err != nil {
		b.Fatal(err)
	}
	return benchWorld{s: s, plan: f.plan, day: time.Now().Unix() / 86400}
}
