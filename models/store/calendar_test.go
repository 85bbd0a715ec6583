package store_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// desk is a gateway at the ledger of a world whose clock stands where a test sets it.
type desk struct {
	*world
	seq uint64
	key models.Key
}

func newDesk(t *testing.T) *desk { return &desk{world: newWorld(t), seq: 1 << 32} }

// at sets the clock.
func (d *desk) at(when string) {
	d.t.Helper()
	t, err := time.Parse(time.DateTime, when)
	ok(d.t, err)
	d.now = t
}

func (d *desk) bucket(plan models.PlanID, q limit.Quota) models.QuotaBucket {
	return models.QuotaBucket{KeyID: d.key.ID, PlanID: plan, Period: q.Period, Offset: q.Offset, Window: q.Window(d.now).Start.Unix() / 86400}
}

// spend has the key call until it has called n times or is refused, and returns how often it was let through. What it does not use it gives back.
func (d *desk) spend(plan models.PlanID, q limit.Quota, n int64) int64 {
	d.t.Helper()
	b := d.bucket(plan, q)
	g := d.exchange(models.QuotaAsk{Bucket: b, Join: true, Ask: limit.Ask{Want: n, Holders: 1}})
	n = min(n, g.Granted-g.Used+g.Refunded)
	d.charge(plan, d.now, n)
	d.exchange(models.QuotaAsk{Bucket: b, Ask: limit.Ask{Used: g.Used + n, Refunded: g.Refunded, Holders: 1}})
	return n
}

// giveBack returns rights that were spent in a bucket, as the answers to their requests were failures.
func (d *desk) giveBack(b models.QuotaBucket, day time.Time, n int64) {
	d.t.Helper()
	g := d.exchange(models.QuotaAsk{Bucket: b, Join: true, Ask: limit.Ask{Holders: 1}})
	d.charge(b.PlanID, day, -n)
	d.exchange(models.QuotaAsk{Bucket: b, Ask: limit.Ask{Used: g.Used, Refunded: g.Refunded + n, Holders: 1}})
}

// charge meters what was spent on a day.
func (d *desk) charge(plan models.PlanID, day time.Time, n int64) {
	d.t.Helper()
	ok(d.t, d.CommitUsage(d.t.Context(), models.UsageBatch{Charged: []models.QuotaUse{{KeyID: d.key.ID, PlanID: plan, Day: day.Unix() / 86400, Used: n}}}))
}

// exchange asks the ledger as the gateway does: once more, with everything metered, where it wants that.
func (d *desk) exchange(ask models.QuotaAsk) models.QuotaGrant {
	d.t.Helper()
	for {
		d.seq++
		ask.Seq = d.seq
		grants, err := d.Exchange(d.t.Context(), []models.QuotaAsk{ask})
		ok(d.t, err)
		if !grants[0].Recount {
			ok(d.t, grants[0].Err)
			return grants[0]
		}
		ask.Recount = true
	}
}

// republish gives a plan another quota.
func (d *desk) republish(p models.Plan, q limit.Quota) {
	d.t.Helper()
	terms := p.InForce
	terms.Quota = &q
	_, err := d.SaveDraft(d.t.Context(), d.asOwner(), p.ID, "", terms, d.now)
	ok(d.t, err)
	_, err = d.PublishPlan(d.t.Context(), d.asOwner(), p.ID, d.now)
	ok(d.t, err)
}

// A window ends at 00:00 UTC of the day that the calendar says, with everything that was granted for it; what is given back later goes where it was spent.
func TestAQuotaEndsWithItsWindow(t *testing.T) {
	for name, tt := range map[string]struct {
		period      limit.Period
		offset      int
		begin, last string // of the window: its first day, and its last second
	}{
		"day":                             {limit.PeriodDay, 0, "2026-07-14", "2026-07-14 23:59:59"},
		"leap day":                        {limit.PeriodDay, 0, "2028-02-29", "2028-02-29 23:59:59"},
		"last day of the year":            {limit.PeriodDay, 0, "2026-12-31", "2026-12-31 23:59:59"},
		"week over the end of a year":     {limit.PeriodWeek, 0, "2026-12-28", "2027-01-03 23:59:59"},
		"week from Sunday, over leap day": {limit.PeriodWeek, 6, "2028-02-27", "2028-03-04 23:59:59"},
		"month of 30 days":                {limit.PeriodMonth, 0, "2026-11-01", "2026-11-30 23:59:59"},
		"December":                        {limit.PeriodMonth, 0, "2026-12-01", "2026-12-31 23:59:59"},
		"February":                        {limit.PeriodMonth, 0, "2027-02-01", "2027-02-28 23:59:59"},
		"February of a leap year":         {limit.PeriodMonth, 0, "2028-02-01", "2028-02-29 23:59:59"},
		"from the 28th to February":       {limit.PeriodMonth, 27, "2027-01-28", "2027-02-27 23:59:59"},
		"from 28 February":                {limit.PeriodMonth, 27, "2027-02-28", "2027-03-27 23:59:59"},
		"from 28 February, over leap day": {limit.PeriodMonth, 27, "2028-02-28", "2028-03-27 23:59:59"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			q := limit.Quota{Limit: 10, Period: tt.period, Offset: tt.offset}
			p := d.quotaPlan("Gold", q, d.stage("prod"))
			d.key = d.customerKey("key", p)
			d.at(tt.begin + " 00:00:00")
			first := d.now
			if got := d.spend(p.ID, q, 3); got != 3 {
				t.Fatalf("at the beginning: %d", got)
			}
			d.at(tt.last)
			last, old := d.now, d.bucket(p.ID, q)
			extension := models.Extension{Form: "one", Window: old.Window, Add: true, N: 5}
			ok(t, d.GrantExtra(t.Context(), d.asOwner(), d.key.ID, p.ID, extension, last))
			if got := d.spend(p.ID, q, 100); got != 12 {
				t.Errorf("in its last second %d were left, want 10 + 5 - 3", got)
			}

			d.now = last.Add(time.Second)
			if got := d.spend(p.ID, q, 7); got != 7 {
				t.Errorf("a second later: %d of 7", got)
			}
			d.giveBack(old, first, 2)
			d.giveBack(old, last, 4)
			if got := d.spend(p.ID, q, 100); got != 3 {
				t.Errorf("the window after it had %d left, want 3: nothing of the one before", got)
			}
			form := models.Extension{Form: "two", Window: old.Window, Add: true, N: 5}
			wantKind(t, "a form of the window before", d.GrantExtra(t.Context(), d.asOwner(), d.key.ID, p.ID, form, d.now), models.KindConflict)
			for when, want := range map[time.Time]models.QuotaStanding{last: {Used: 9, Extra: 5}, d.now: {Used: 10}} {
				got, err := d.QuotaStanding(t.Context(), d.key.ID, p.ID, when)
				if err != nil || got.Used != want.Used || got.Extra != want.Extra || got.Doubt+got.Carried != 0 {
					t.Errorf("at %v: %+v, %v; want %+v", when, got, err, want)
				}
			}
			d.now = last
			if got := d.spend(p.ID, q, 100); got != 6 {
				t.Errorf("a clock that goes back finds %d in the window before, want the 6 that came back", got)
			}
		})
	}
}

// What was used counts in the windows that a change makes, also where those begin in another month or year, and each begins anew at its end.
func TestAnotherPeriodCountsWhatWasUsedInIt(t *testing.T) {
	d := newDesk(t)
	day, month := daily(10), limit.Quota{Limit: 30, Period: limit.PeriodMonth}
	week, late := limit.Quota{Limit: 20, Period: limit.PeriodWeek}, limit.Quota{Limit: 25, Period: limit.PeriodMonth, Offset: 27}
	p := d.quotaPlan("Gold", day, d.stage("prod"))
	d.key = d.customerKey("key", p)
	spend := func(when string, q limit.Quota, ask, want int64) {
		t.Helper()
		d.at(when)
		if got := d.spend(p.ID, q, ask); got != want {
			t.Errorf("%s: %d passed, want %d", when, got, want)
		}
	}
	spend("2026-11-30 12:00:00", day, 100, 10)
	spend("2026-12-20 12:00:00", day, 5, 5)
	spend("2026-12-31 12:00:00", day, 6, 6)
	d.republish(p, month)
	spend("2026-12-31 23:00:00", month, 4, 4)   // of 30 - 5 - 6
	d.republish(p, week)                        // from Monday the 28th
	spend("2026-12-31 23:59:59", week, 2, 2)    // of 20 - 6 - 4
	spend("2027-01-01 00:00:00", week, 3, 3)    // the same week
	d.republish(p, month)                       // of another year
	spend("2027-01-02 12:00:00", month, 1, 1)   // of 30 - 3
	d.republish(p, week)                        // back to it, within the window
	spend("2027-01-03 23:59:59", week, 100, 4)  // 20 - 6 - 4 - 2 - 3 - 1
	spend("2027-01-04 00:00:00", week, 1, 1)    // the next one
	d.republish(p, late)                        // from 28 December
	spend("2027-01-05 00:00:00", late, 100, 4)  // 25 - 6 - 4 - 2 - 3 - 1 - 4 - 1
	spend("2027-01-27 23:59:59", late, 1, 0)    // its last second
	spend("2027-01-28 00:00:00", late, 25, 25)  // to 27 February
	d.republish(p, day)                         // in the middle of the day
	spend("2027-01-28 00:00:01", day, 1, 0)     // 10 - 25
	spend("2027-01-29 00:00:00", day, 100, 10)  // the next
	d.republish(p, month)                       // of January: 1 + 3 + 4 + 1 + 4 + 25 + 10 are more than 30
	spend("2027-01-31 23:59:59", month, 1, 0)   // the last second of January
	spend("2027-02-01 00:00:00", month, 30, 30) // February
	d.republish(p, late)                        // from 28 January: 25 + 10 + 30
	spend("2027-02-27 23:59:59", late, 1, 0)    // its last second
	spend("2027-02-28 00:00:00", late, 100, 25) // from 28 February on
}

// However often a key is moved there and back, with its count or without: a plan counts what was charged on it in the window, and what the key brought when it
// came last with its count; never more than the quota, never less than is left.
func TestAKeyThatIsMovedThereAndBackIsCountedOnce(t *testing.T) {
	type move struct {
		with  bool // its count
		spend int64
		want  int64 // of those that pass
	}
	for name, tt := range map[string]struct {
		when  string
		moves []move // A, B, A, B, …; the first is no move
	}{
		"without its count":        {"2026-06-10 12:00:00", []move{{false, 4, 4}, {false, 6, 6}, {false, 100, 6}, {false, 100, 4}}},
		"with its count":           {"2026-06-10 12:00:00", []move{{false, 4, 4}, {true, 3, 3}, {true, 2, 2}, {true, 100, 1}, {true, 100, 0}}},
		"there with, back without": {"2026-06-10 12:00:00", []move{{false, 4, 4}, {true, 3, 3}, {false, 100, 6}, {true, 100, 0}}},
		"there without, back with": {"2026-06-10 12:00:00", []move{{false, 4, 4}, {false, 3, 3}, {true, 100, 3}, {false, 100, 7}}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			q := limit.Quota{Limit: 10, Period: limit.PeriodMonth}
			prod, beta := d.stage("prod"), d.stage("beta")
			plans := []models.Plan{d.quotaPlan("A", q, prod), d.quotaPlan("B", q, beta)}
			d.key = d.customerKey("key", plans[0])
			d.at(tt.when)
			for i, m := range tt.moves {
				from, to := plans[(i+1)%2], plans[i%2]
				if i > 0 {
					ok(t, d.MoveKey(t.Context(), d.asOwner(), d.key.ID, from.ID, to.ID, m.with, d.later()))
				}
				if got := d.spend(to.ID, q, m.spend); got != m.want {
					t.Errorf("move %d to %s: %d passed, want %d", i, to.Name(), got, m.want)
				}
			}
			d.at("2026-07-01 00:00:00")
			if got := d.spend(plans[(len(tt.moves)-1)%2].ID, q, 100); got != 10 {
				t.Errorf("in the next window %d passed, want 10", got)
			}
		})
	}
}

// The same at random, with days, months' ends and other plans between: no window of a plan admits more than its quota.
func TestNoHistoryOfMovesAndDaysPassesAQuota(t *testing.T) {
	d := newDesk(t)
	q := limit.Quota{Limit: 10, Period: limit.PeriodMonth, Offset: 27}
	plans := []models.Plan{d.quotaPlan("A", q, d.stage("a")), d.quotaPlan("B", q, d.stage("b")), d.quotaPlan("C", q, d.stage("c"))}
	d.at("2027-12-30 12:00:00")
	rapid.Check(t, func(rt *rapid.T) {
		d.key = d.customerKey("key", plans[0])
		on := 0
		admitted := map[models.QuotaBucket]int64{}
		for range rapid.IntRange(2, 8).Draw(rt, "steps") {
			d.now = d.now.Add(time.Duration(rapid.IntRange(1, 9*24).Draw(rt, "hours")) * time.Hour)
			if to := rapid.IntRange(0, 2).Draw(rt, "plan"); to != on {
				ok(t, d.MoveKey(t.Context(), d.asOwner(), d.key.ID, plans[on].ID, plans[to].ID, rapid.Bool().Draw(rt, "with its count"), d.now))
				on = to
			}
			b := d.bucket(plans[on].ID, q)
			admitted[b] += d.spend(b.PlanID, q, rapid.Int64Range(1, 12).Draw(rt, "calls"))
			standing, err := d.QuotaStanding(t.Context(), d.key.ID, b.PlanID, d.now)
			if err != nil || standing.Used != admitted[b] || admitted[b] > q.Limit {
				rt.Fatalf("%d admitted of %d, and it stands at %+v, %v", admitted[b], q.Limit, standing, err)
			}
			if left := d.spend(b.PlanID, q, 0); left != 0 {
				rt.Fatalf("%d passed that nobody asked for", left)
			}
		}
	})
}
