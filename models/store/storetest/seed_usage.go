package storetest

import (
	"time"

	"gatehouse/models"
)

// How the seeded keys call. Old days are seeded by the day and newer ones by the hour and by minutes, as far back as each is kept.
const (
	idleKeys    = 10 // one key of so many calls at all, each day
	hoursKept   = 35 // days
	minutesKept = 3  // days
	batchCells  = 20_000
)

// caller is a key that calls.
type caller struct {
	key     models.KeyID
	plan    models.PlanID
	stage   models.StageID
	methods []models.MethodID
	busy    bool // the developer's: around the clock
	steady  bool // every minute
}

// usage makes the past of the keys: a day at a time, forgetting as it goes what a portal of that age would have forgotten.
func (d *seeder) usage() {
	callers := d.callers()
	for day := d.size.Days - 1; day >= 0; day-- {
		w := usageWriter{d: d}
		start := Now().Truncate(24*time.Hour).AddDate(0, 0, -day)
		for i, c := range callers {
			for _, minute := range c.minutes(start, day, i) {
				if minute.Before(Now()) {
					d.call(&w, c, minute)
				}
			}
			w.batch.LastUsed = append(w.batch.LastUsed, models.LastUse{KeyID: c.key, At: start})
		}
		w.flush()
		d.must(d.PruneUsage(d.Context(), Now()))
	}
}

// callers are the keys that call, the busiest first.
func (d *seeder) callers() []caller {
	plans := map[models.PlanID]seededPlan{}
	for _, p := range d.offers {
		plans[p.id] = p
	}
	busy := map[models.KeyID]bool{}
	for _, id := range d.busy {
		busy[id] = true
	}
	var first, others []caller
	seen := 0
	err := d.Credentials(d.Context(), func(c models.Credential) error {
		if len(c.Plans) == 0 || c.Plans[0].State != models.MemberActive {
			return nil
		}
		p, ok := plans[c.Plans[0].PlanID]
		if !ok {
			return nil
		}
		a := d.apis[p.api]
		one := caller{key: c.KeyID, plan: p.id, stage: p.terms.Stages[seen%len(p.terms.Stages)].StageID, busy: busy[c.KeyID], steady: c.KeyID == d.made.Key}
		seen++
		for m := range 3 {
			one.methods = append(one.methods, a.methods[(seen+m*5)%len(a.methods)])
		}
		if one.busy {
			first = append(first, one)
		} else if seen%idleKeys == 0 || c.KeyID == d.made.CustomerKey {
			others = append(others, one)
		}
		return nil
	})
	d.must(err)
	return append(first, others...)
}

// minutes are when the caller calls on a day.
func (c caller) minutes(start time.Time, age, i int) (out []time.Time) {
	add := func(from, n int, every time.Duration) {
		for k := range n {
			out = append(out, start.Add(time.Duration(from)*time.Hour+time.Duration(k)*every))
		}
	}
	switch {
	case c.steady && age < minutesKept:
		add(0, 24*60, time.Minute)
	case c.busy && age < minutesKept:
		add(0, 144, 10*time.Minute)
	case c.busy && age < hoursKept:
		add(0, 24, time.Hour)
	case c.busy:
		add(0, 1, time.Hour)
	case age < minutesKept:
		add(i%12, 12, 11*time.Minute)
	case age < hoursKept:
		add(i%20, 3, time.Hour)
	default:
		add(i%24, 1, time.Hour)
	}
	return out
}

// call adds what one caller does in a minute: on each method mostly well, sometimes not.
func (d *seeder) call(w *usageWriter, c caller, minute time.Time) {
	for m, method := range c.methods {
		n := 1 + d.dice.Int64N(40)
		if !c.busy && m > 0 && d.dice.IntN(2) == 0 {
			continue
		}
		w.add(c, method, minute, models.OutcomeSuccess, n)
		switch d.dice.IntN(6) {
		case 0:
			w.add(c, method, minute, models.OutcomeClientError, 1+n/10)
		case 1:
			w.add(c, method, minute, models.OutcomeThrottled, 1+n/8)
		}
	}
}

// usageWriter commits what is added in large batches.
type usageWriter struct {
	d     *seeder
	batch models.UsageBatch
}

func (w *usageWriter) add(c caller, method models.MethodID, minute time.Time, outcome models.Outcome, n int64) {
	cell := models.UsageCell{KeyID: c.key, PlanID: c.plan, StageID: c.stage, MethodID: method, Minute: minute.Unix(), Outcome: outcome, Count: n, BytesIn: n * 80, BytesOut: n * 900}
	if outcome.Admitted() {
		cell.Latency[5], cell.Latency[6], cell.Latency[9] = n-n/2-n/10, n/2, n/10
		cell.Upstream, cell.Gateway, cell.Timed = time.Duration(n)*40*time.Millisecond, time.Duration(n)*90*time.Microsecond, n
		w.batch.Charged = append(w.batch.Charged, models.QuotaUse{KeyID: c.key, PlanID: c.plan, Day: minute.Unix() / 86400, Used: n})
	} else {
		cell.ThrottledSeconds = 1
	}
	w.batch.Cells = append(w.batch.Cells, cell)
	if len(w.batch.Cells) >= batchCells {
		w.flush()
	}
}

func (w *usageWriter) flush() {
	w.d.must(w.d.CommitUsage(w.d.Context(), w.batch))
	w.batch = models.UsageBatch{}
}
