package jobs

import (
	"context"
	"log/slog"
	"runtime"
	"time"

	"gatehouse/models"
	"gatehouse/models/rehearsal"
)

// ChangeNoticeStore is where notices stand. The store implements it, and documents it.
type ChangeNoticeStore interface {
	TellChanges(ctx context.Context, now time.Time) error
	UncountedChanges(ctx context.Context) ([]models.UncountedChange, error)
	UncountedReceivers(ctx context.Context, id models.ChangeNoticeID) ([]models.UncountedReceiver, error)
	KeepChangeNumbers(ctx context.Context, id models.ChangeNoticeID, some []models.UncountedReceiver, now time.Time) error
}

// Arrivals are what a plan's keys sent; see enforcement/recording.
type Arrivals interface {
	Read(ctx context.Context, plan models.PlanID, from time.Time, visit func(arrivals []models.Arrival, done float64) error) (models.Recorded, error)
}

// ChangeNotices brings notices to their receivers, and tells each subscriber of a plan what a change of its terms would have meant for his own calls.
type ChangeNotices struct {
	Store    ChangeNoticeStore
	Arrivals Arrivals // nil: nothing is recorded, and nobody gets numbers
	Log      *slog.Logger
	Now      func() time.Time
}

// noticeDays is how many days of calls the numbers are of.
const noticeDays = 30

// Run works until ctx ends. All that it has done is in the records: the next process goes on where one was killed.
func (n *ChangeNotices) Run(ctx context.Context) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		if err := n.Work(ctx); err != nil && ctx.Err() == nil {
			n.Log.Error("tell people of changes", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Work does what there is to do.
func (n *ChangeNotices) Work(ctx context.Context) error {
	if err := n.Store.TellChanges(ctx, n.Now()); err != nil {
		return err
	}
	notices, err := n.Store.UncountedChanges(ctx)
	for _, one := range notices {
		if err == nil {
			err = n.count(ctx, one)
		}
	}
	return err
}

// count replays what all keys of the plan sent, once, and tells each subscription its own part.
func (n *ChangeNotices) count(ctx context.Context, one models.UncountedChange) error {
	var from time.Time
	var of map[models.KeyID]rehearsal.Key
	if n.Arrivals != nil && !one.Cancelled && rehearsal.Differ(one.Before, one.After) {
		var err error
		if from, of, err = n.replay(ctx, one); err != nil {
			return err
		}
	}
	for {
		some, err := n.Store.UncountedReceivers(ctx, one.ID)
		if err != nil || len(some) == 0 {
			return err
		}
		for i := range some {
			some[i].Numbers = numbersOf(from, some[i].Keys, of)
		}
		if err := n.Store.KeepChangeNumbers(ctx, one.ID, some, n.Now()); err != nil {
			return err
		}
	}
}

func (n *ChangeNotices) replay(ctx context.Context, one models.UncountedChange) (from time.Time, of map[models.KeyID]rehearsal.Key, err error) {
	from = n.Now().UTC().AddDate(0, 0, -noticeDays)
	replay := rehearsal.New(one.Before, one.After, from)
	covered, err := n.Arrivals.Read(ctx, one.PlanID, from, func(arrivals []models.Arrival, _ float64) error {
		replay.Add(arrivals)
		runtime.Gosched() // the gateway runs on the same cores
		return nil
	})
	if err != nil || covered.Since.IsZero() {
		return time.Time{}, nil, err
	}
	result := replay.Result(1 << 30)
	of = make(map[models.KeyID]rehearsal.Key, len(result.Keys))
	for _, k := range result.Keys {
		of[k.KeyID] = k
	}
	if covered.Since.After(from) {
		from = covered.Since
	}
	return from, of, nil
}

func numbersOf(from time.Time, keys []models.KeyID, of map[models.KeyID]rehearsal.Key) models.ChangeNumbers {
	out := models.ChangeNumbers{From: from}
	for _, id := range keys {
		k := of[id]
		before, after := k.Today.All(), k.Draft.All()
		out.Offered += k.Requests
		out.BeforeLeast, out.BeforeMost = out.BeforeLeast+before.Low, out.BeforeMost+before.High
		out.AfterLeast, out.AfterMost = out.AfterLeast+after.Low, out.AfterMost+after.High
	}
	return out
}
