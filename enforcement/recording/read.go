package recording

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"time"

	"gatehouse/models"
)

// Read calls visit with a plan's arrivals of from and later, some at a time, each key's in the order of time but for stragglers of a second or two,
// and with the share (0..1) of the recording that was read before them. They are visit's until it returns; its error ends the reading. What is added
// meanwhile is not read.
func (r *Recorder) Read(ctx context.Context, plan models.PlanID, from time.Time, visit func(arrivals []models.Arrival, done float64) error) (models.Recorded, error) {
	return r.read(ctx, plan, everyKey, from, forever, visit)
}

// ReadKeys is Read for some of the plan's keys. It takes a few nanoseconds for each arrival of the others.
func (r *Recorder) ReadKeys(ctx context.Context, plan models.PlanID, keys []models.KeyID, from time.Time, visit func(arrivals []models.Arrival, done float64) error) (models.Recorded, error) {
	some := slices.Clone(keys)
	slices.Sort(some)
	return r.read(ctx, plan, someKeys{slices.Compact(some)}, from, forever, visit)
}

// forever is later than all arrivals.
const forever = math.MaxInt64

// ReadAround returns what one key sent on a plan in the seconds of from to until, both of them included. It reads no segment that has none of them; what it says is missing is
// missing in them, but for what is lost, which may have been at another time.
func (r *Recorder) ReadAround(ctx context.Context, plan models.PlanID, key models.KeyID, from, until time.Time) (arrivals []models.Arrival, covered models.Recorded, err error) {
	last := until.Unix()
	covered, err = r.read(ctx, plan, someKeys{[]models.KeyID{key}}, from, last, func(some []models.Arrival, _ float64) error {
		for _, a := range some {
			if a.Second <= last {
				arrivals = append(arrivals, a)
			}
		}
		return nil
	})
	covered.Gaps = slices.DeleteFunc(covered.Gaps, func(g models.Gap) bool { return g.Since.Unix() > last })
	return arrivals, covered, err
}

// keyFilter says whose arrivals are read.
type keyFilter interface{ has(key models.KeyID) bool }

type allKeys struct{}

func (allKeys) has(models.KeyID) bool { return true }

// everyKey reads all.
var everyKey allKeys

// someKeys are in order.
type someKeys struct{ keys []models.KeyID }

func (s someKeys) has(key models.KeyID) bool {
	_, ok := slices.BinarySearch(s.keys, key)
	return ok
}

func (r *Recorder) read(ctx context.Context, plan models.PlanID, keys keyFilter, from time.Time, last int64, visit func(arrivals []models.Arrival, done float64) error) (models.Recorded, error) {
	segments, live, covered := r.snapshot(plan, keys, from)
	segments = slices.DeleteFunc(segments, func(s segment) bool { return s.first > last })
	batch := make([]models.Arrival, 0, batchSize)
	done := 0.0
	counting := func(arrivals []models.Arrival) error {
		for i := range arrivals {
			covered.Requests += arrivals[i].Requests()
		}
		if err := visit(arrivals, done); err != nil {
			return err
		}
		return ctx.Err()
	}
	var buffer []byte
	for i, s := range segments {
		if err := ctx.Err(); err != nil {
			return covered, err
		}
		var err error
		buffer, err = r.readSegment(s, plan, keys, from.Unix(), buffer, batch, counting)
		switch {
		case errors.Is(err, fs.ErrNotExist): // forgotten meanwhile
			covered.Lost -= s.lost
			covered.Since = time.Unix(s.until+1, 0).UTC()
		case errors.Is(err, errDamaged):
			covered.Damaged++
			r.config.Log.Warn("a part of the recording is damaged", "segment", s.number, "plan", plan)
		case err != nil:
			return covered, fmt.Errorf("read the recording: %w", err)
		}
		done = float64(i+1) / float64(len(segments)+1)
	}
	for some := range slices.Chunk(live, batchSize) {
		if err := counting(some); err != nil {
			return covered, err
		}
	}
	return covered, nil
}

func (r *Recorder) readSegment(s segment, plan models.PlanID, keys keyFilter, from int64, buffer []byte, batch []models.Arrival, visit visitArrivals) ([]byte, error) {
	f, err := os.Open(r.path(s.number, "segment"))
	if err != nil {
		return buffer, err
	}
	defer f.Close()
	p, ok, err := s.find(f, plan)
	if err != nil || !ok {
		return buffer, err
	}
	if buffer, err = p.read(f, buffer); err != nil {
		return buffer, err
	}
	return buffer, readPart(buffer, plan, keys, from, batch, visit)
}

// snapshot is what there is of a plan at this moment: segments, and a copy of what is in none yet.
func (r *Recorder) snapshot(plan models.PlanID, keys keyFilter, from time.Time) (segments []segment, live []models.Arrival, covered models.Recorded) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var since, until int64
	part := func(s, u int64) {
		if since == 0 {
			since = s
		} else if first := max(until+1, from.Unix()); s > first {
			covered.Gaps = append(covered.Gaps, models.Gap{Since: time.Unix(first, 0).UTC(), Until: time.Unix(s, 0).UTC()})
		}
		until = max(until, u)
	}
	for _, s := range r.segments {
		part(s.since, s.until)
		if s.last >= from.Unix() {
			segments = append(segments, s)
			covered.Lost += s.lost
		}
	}
	for _, t := range []*tail{r.old, r.tail} {
		if t == nil {
			continue
		}
		part(t.since, t.until)
		covered.Lost += t.lost
		for i := range t.arrivals {
			if a := &t.arrivals[i]; a.PlanID == plan && a.Second >= from.Unix() && keys.has(a.KeyID) {
				live = append(live, *a)
			}
		}
	}
	covered.Lost += r.lost
	if since != 0 {
		covered.Since, covered.Until = time.Unix(max(since, from.Unix()), 0).UTC(), r.config.Now().UTC()
	}
	return segments, order(live), covered
}
