package meter

import (
	"gatehouse/enforcement/journal"
	"gatehouse/models"
)

// Recorder keeps arrivals for rehearsals of plans. It is told before usage between the same two places of the journal is committed; when that
// commit fails, it is told again of the same and perhaps more, from the same place. What goes wrong with it is its own concern. It copies arrivals.
type Recorder interface {
	Add(from, to models.JournalPosition, arrivals []models.Arrival)
}

// arrivals are folded requests by second.
type arrivals struct {
	all   []models.Arrival
	index map[arrivalName]int32 // of all
	// latest is, for each cell of the batch, the arrival that it counted in last, plus one. The records of a minute are mostly of one or two seconds,
	// so that the index is seldom asked.
	latest []int32
}

// arrivalName is what an arrival counts for.
type arrivalName struct {
	key    models.KeyID
	plan   models.PlanID
	stage  models.StageID
	method models.MethodID
	second int64
}

func (a *arrivals) reset() {
	if a.index == nil || len(a.index) > spareCells {
		a.index, a.all, a.latest = map[arrivalName]int32{}, nil, nil
	}
	clear(a.index)
	a.all, a.latest = a.all[:0], a.latest[:0]
}

// of returns the arrival of a record of a cell, good until the next one is asked for.
func (a *arrivals) of(cell int32, r *journal.Record) *models.Arrival {
	for int(cell) >= len(a.latest) {
		a.latest = append(a.latest, 0)
	}
	if last := a.latest[cell]; last > 0 && a.all[last-1].Second == r.Second {
		return &a.all[last-1]
	}
	name := arrivalName{r.Key, r.Plan, r.Stage, r.Method, r.Second}
	i, ok := a.index[name]
	if !ok {
		i = int32(len(a.all))
		a.index[name] = i
		a.all = append(a.all, models.Arrival{KeyID: r.Key, PlanID: r.Plan, StageID: r.Stage, MethodID: r.Method, Second: r.Second})
	}
	a.latest[cell] = i + 1
	return &a.all[i]
}

// record counts a record, which is of a cell, among the arrivals. Requests of no plan and denied ones are none.
func (b *batch) record(cell int32, r *journal.Record) {
	if !b.recorded || r.Plan == 0 {
		return
	}
	switch {
	case r.Kind == journal.Admitted:
		b.arrivals.of(cell, r).Admitted++
	case r.Kind == journal.Finished && (r.Outcome == models.OutcomeServerError || r.Outcome == models.OutcomeUpstream):
		b.arrivals.of(cell, r).Failed++
	case r.Kind == journal.Refused && r.Outcome == models.OutcomeThrottled:
		b.arrivals.of(cell, r).Throttled += int64(r.Count)
	case r.Kind == journal.Refused && r.Outcome == models.OutcomeQuota:
		b.arrivals.of(cell, r).OverQuota += int64(r.Count)
	}
}
