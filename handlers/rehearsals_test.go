package handlers

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// tape is a recording that goes on until the test lets it end.
type tape struct {
	mu      sync.Mutex
	reading int
	most    int
	end     chan struct{}
}

func (f *tape) Read(ctx context.Context, _ models.PlanID, _ time.Time, visit func([]models.Arrival, float64) error) (models.Recorded, error) {
	f.count(1)
	defer f.count(-1)
	for {
		if err := visit([]models.Arrival{{KeyID: 1, PlanID: 1, Second: time.Now().Unix(), Admitted: 1}}, 0.5); err != nil {
			return models.Recorded{}, err
		}
		select {
		case <-f.end:
			return models.Recorded{Requests: 1}, nil
		case <-ctx.Done():
			return models.Recorded{}, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func (f *tape) ReadKeys(ctx context.Context, plan models.PlanID, _ []models.KeyID, from time.Time, visit func([]models.Arrival, float64) error) (models.Recorded, error) {
	return f.Read(ctx, plan, from, visit)
}

func (f *tape) count(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reading += n
	f.most = max(f.most, f.reading)
}

// terms are different ones for each n.
func burstOf(n int64) models.Terms {
	return models.Terms{Throttle: &limit.Throttle{Rate: 1, Burst: n}}
}

func rehearsing(t *testing.T, test func(*testing.T, *Rehearsals, *tape)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &tape{end: make(chan struct{})}
		r := NewRehearsals(f, time.Now, slog.New(slog.DiscardHandler))
		test(t, r, f)
		r.Close()
	})
}

func TestAFewRehearsalsRunAtOnceAndTheOthersWaitInTurn(t *testing.T) {
	rehearsing(t, func(t *testing.T, r *Rehearsals, f *tape) {
		var ids []string
		for i := range mostRunning + mostWaiting {
			v := r.Ask(models.AccountID(i+1), 1, models.Terms{}, burstOf(1))
			if want := rehearsalWaiting; i >= mostRunning && v.state != want || i < mostRunning && v.state != rehearsalRunning {
				t.Fatalf("rehearsal %d is in state %d", i, v.state)
			}
			ids = append(ids, v.id)
		}
		if v := r.Ask(999, 1, models.Terms{}, burstOf(1)); v.state != rehearsalBusy {
			t.Errorf("one too many is in state %d", v.state)
		}
		if v := r.Ask(1, 1, models.Terms{}, burstOf(1)); v.id != ids[0] || v.state != rehearsalRunning {
			t.Errorf("asked again: %+v", v)
		}
		close(f.end)
		for i, id := range ids {
			r.Wait(t.Context(), id)
			if v := r.Look(models.AccountID(i+1), 1, id); v.state != rehearsalDone || v.result.Total.Requests == 0 {
				t.Errorf("rehearsal %d ended in state %d", i, v.state)
			}
		}
		if f.most != mostRunning {
			t.Errorf("%d ran at once", f.most)
		}
	})
}

func TestRehearsalThatNobodyWaitsForEnds(t *testing.T) {
	rehearsing(t, func(t *testing.T, r *Rehearsals, f *tape) {
		left, watched := r.Ask(1, 1, models.Terms{}, burstOf(1)), r.Ask(2, 1, models.Terms{}, burstOf(1))
		for range int(rehearsalPatient/time.Second) + 5 {
			time.Sleep(time.Second)
			r.Look(2, 1, watched.id)
		}
		synctest.Wait()
		if v := r.Look(1, 1, left.id); v.state != rehearsalNone {
			t.Errorf("nobody asked, and it is in state %d", v.state)
		}
		if v := r.Look(2, 1, watched.id); v.state != rehearsalRunning || v.share != 0.5 {
			t.Errorf("somebody waits, and it is %+v", v)
		}
	})
}

// Who tries many numbers has the last ones rehearsed, and does not take everybody's turn.
func TestOneAccountHasFewRehearsalsUnderWay(t *testing.T) {
	rehearsing(t, func(t *testing.T, r *Rehearsals, f *tape) {
		var ids []string
		for i := range int64(5) {
			ids = append(ids, r.Ask(1, 1, models.Terms{}, burstOf(i)).id)
			time.Sleep(2 * time.Second)
			synctest.Wait()
		}
		for i, id := range ids {
			if v := r.Look(1, 1, id); (v.state == rehearsalRunning) != (i >= len(ids)-mostOfOne) {
				t.Errorf("rehearsal %d is in state %d", i, v.state)
			}
		}
	})
}

func TestResultIsKeptForAWhileAndMadeAnewWhenItIsOld(t *testing.T) {
	rehearsing(t, func(t *testing.T, r *Rehearsals, f *tape) {
		close(f.end)
		id := r.Ask(1, 1, models.Terms{}, burstOf(1)).id
		r.Wait(t.Context(), id)
		first := r.Ask(1, 1, models.Terms{}, burstOf(1))
		if first.state != rehearsalDone {
			t.Fatalf("state %d", first.state)
		}
		for name, v := range map[string]rehearsed{"of another account": r.Look(2, 1, id), "of another plan": r.Look(1, 2, id), "of other terms": r.Of(1, 1, models.Terms{}, burstOf(2))} {
			if v.state != rehearsalNone {
				t.Errorf("%s: found", name)
			}
		}
		time.Sleep(rehearsalFresh + time.Second)
		if v := r.Look(1, 1, id); v.at != first.at {
			t.Errorf("looked at, and changed")
		}
		r.Ask(1, 1, models.Terms{}, burstOf(1))
		r.Wait(t.Context(), id)
		if v := r.Look(1, 1, id); !v.at.After(first.at) {
			t.Errorf("an old result is given for a new one")
		}
		time.Sleep(rehearsalKept + time.Second)
		if v := r.Look(1, 1, id); v.state != rehearsalNone {
			t.Errorf("kept for ever")
		}
		for i := range int64(mostKept + 50) {
			r.Wait(t.Context(), r.Ask(1, 1, models.Terms{}, burstOf(10+i)).id)
		}
		if len(r.runs) > mostKept {
			t.Errorf("%d results are kept", len(r.runs))
		}
	})
}

func TestCloseEndsWhatRunsAndWhatWaits(t *testing.T) {
	rehearsing(t, func(t *testing.T, r *Rehearsals, f *tape) {
		for i := range mostRunning + 3 {
			r.Ask(models.AccountID(i+1), 1, models.Terms{}, burstOf(1))
		}
		r.Close()
		if f.reading != 0 {
			t.Errorf("%d still read", f.reading)
		}
	})
}
