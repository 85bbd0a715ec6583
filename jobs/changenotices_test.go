package jobs_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/jobs"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// bookOfNotices is a ChangeNoticeStore in memory.
type bookOfNotices struct {
	notice models.UncountedChange
	left   []models.UncountedReceiver
	kept   []models.UncountedReceiver
}

func (b *bookOfNotices) TellChanges(context.Context, time.Time) error { return nil }

func (b *bookOfNotices) UncountedChanges(context.Context) ([]models.UncountedChange, error) {
	if len(b.left) == 0 {
		return nil, nil
	}
	return []models.UncountedChange{b.notice}, nil
}

func (b *bookOfNotices) UncountedReceivers(context.Context, models.ChangeNoticeID) ([]models.UncountedReceiver, error) {
	return append([]models.UncountedReceiver(nil), b.left[:min(2, len(b.left))]...), nil
}

func (b *bookOfNotices) KeepChangeNumbers(_ context.Context, _ models.ChangeNoticeID, some []models.UncountedReceiver, _ time.Time) error {
	b.kept, b.left = append(b.kept, some...), b.left[len(some):]
	return nil
}

// recorded is what arrived.
type recorded struct {
	since    time.Time
	arrivals []models.Arrival
	reads    int
}

func (r *recorded) Read(_ context.Context, _ models.PlanID, _ time.Time, visit func([]models.Arrival, float64) error) (models.Recorded, error) {
	r.reads++
	return models.Recorded{Since: r.since}, visit(r.arrivals, 0)
}

// Each subscriber gets the numbers of his own keys, all of a plan by one reading of the recording.
func TestANoticeTellsEachSubscriberHisOwnNumbers(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	slow := models.Terms{Throttle: &limit.Throttle{Rate: 1, Burst: 2}, Stages: []models.PlanStage{{StageID: 1}}}
	free := models.Terms{Stages: []models.PlanStage{{StageID: 1}}}
	receivers := func() []models.UncountedReceiver {
		return []models.UncountedReceiver{{AccountID: 1, SubscriptionID: 11, Keys: []models.KeyID{1, 2}}, {AccountID: 2, SubscriptionID: 12, Keys: []models.KeyID{3}}, {AccountID: 2, SubscriptionID: 13}}
	}
	at := now.Add(-time.Hour).Unix()
	since := now.AddDate(0, 0, -3)
	for name, c := range map[string]struct {
		notice   models.UncountedChange
		recorded *recorded
		want     []models.ChangeNumbers
		reads    int
	}{
		"tighter": {models.UncountedChange{Before: free, After: slow}, &recorded{since: since, arrivals: []models.Arrival{{KeyID: 1, StageID: 1, Second: at, Admitted: 10}, {KeyID: 2, StageID: 1, Second: at, Admitted: 1}, {KeyID: 3, StageID: 1, Second: at, Admitted: 2}}},
			[]models.ChangeNumbers{{From: since, Offered: 11, AfterLeast: 8, AfterMost: 8}, {From: since, Offered: 2}, {From: since}}, 1},
		"another price":    {models.UncountedChange{Before: free, After: free}, &recorded{since: since}, make([]models.ChangeNumbers, 3), 0},
		"taken back":       {models.UncountedChange{Before: free, After: slow, Cancelled: true}, &recorded{since: since}, make([]models.ChangeNumbers, 3), 0},
		"nothing recorded": {models.UncountedChange{Before: free, After: slow}, &recorded{}, make([]models.ChangeNumbers, 3), 1},
		"no recording":     {models.UncountedChange{Before: free, After: slow}, nil, make([]models.ChangeNumbers, 3), 0},
	} {
		t.Run(name, func(t *testing.T) {
			book := &bookOfNotices{notice: c.notice, left: receivers()}
			work := jobs.ChangeNotices{Store: book, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }}
			if c.recorded != nil {
				work.Arrivals = c.recorded
			}
			for range 2 {
				if err := work.Work(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			var got []models.ChangeNumbers
			for _, r := range book.kept {
				got = append(got, r.Numbers)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("numbers (-want +got):\n%s", diff)
			}
			if c.recorded != nil && c.recorded.reads != c.reads {
				t.Errorf("the recording was read %d times, want %d", c.recorded.reads, c.reads)
			}
		})
	}
}
