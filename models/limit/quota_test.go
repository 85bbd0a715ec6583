package limit_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/models/limit"
)

func TestWindow(t *testing.T) {
	tests := []struct {
		name            string
		period          limit.Period
		offset          int
		now, start, end string
	}{
		{"day", limit.PeriodDay, 0, "2026-03-01T12:30:00Z", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"},
		{"day, first instant", limit.PeriodDay, 0, "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"},
		{"day, last instant", limit.PeriodDay, 0, "2026-12-31T23:59:59.999999999Z", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"day, told in another zone", limit.PeriodDay, 0, "2026-03-01T01:00:00+02:00", "2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"},
		{"week starts on Monday", limit.PeriodWeek, 0, "2026-11-25T08:00:00Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"},
		{"week, on a Sunday", limit.PeriodWeek, 0, "2026-11-29T23:00:00Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"},
		{"week, from Saturday", limit.PeriodWeek, 5, "2026-11-25T08:00:00Z", "2026-11-21T00:00:00Z", "2026-11-28T00:00:00Z"},
		{"week, from Sunday, on a Sunday", limit.PeriodWeek, 6, "2026-11-29T00:00:00Z", "2026-11-29T00:00:00Z", "2026-12-06T00:00:00Z"},
		{"week over the year's end", limit.PeriodWeek, 0, "2027-01-01T00:00:00Z", "2026-12-28T00:00:00Z", "2027-01-04T00:00:00Z"},
		{"month", limit.PeriodMonth, 0, "2026-11-25T08:00:00Z", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"},
		{"month from the 28th, in a short February", limit.PeriodMonth, 27, "2026-03-01T00:00:00Z", "2026-02-28T00:00:00Z", "2026-03-28T00:00:00Z"},
		{"month from the 28th, on a leap day", limit.PeriodMonth, 27, "2028-02-29T12:00:00Z", "2028-02-28T00:00:00Z", "2028-03-28T00:00:00Z"},
		{"month from the 15th, before it, in January", limit.PeriodMonth, 14, "2027-01-14T23:59:59Z", "2026-12-15T00:00:00Z", "2027-01-15T00:00:00Z"},
		{"month from the 15th, on it", limit.PeriodMonth, 14, "2027-01-15T00:00:00Z", "2027-01-15T00:00:00Z", "2027-02-15T00:00:00Z"},
		{"offset out of range", limit.PeriodDay, 2, "2026-03-01T12:30:00Z", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"},
	}
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := limit.Quota{Limit: 1, Period: tt.period, Offset: tt.offset}.Window(at(tt.now))
			if want := (limit.Span{Start: at(tt.start), End: at(tt.end)}); !got.Start.Equal(want.Start) || !got.End.Equal(want.End) {
				t.Errorf("got %v to %v, want %v to %v", got.Start, got.End, want.Start, want.End)
			}
			if got.Start.Location() != time.UTC || got.End.Location() != time.UTC {
				t.Error("not in UTC")
			}
		})
	}
	if got := (limit.Quota{}).Window(time.Now()); got != (limit.Span{}) {
		t.Errorf("without a period: got %v", got)
	}
}

// Every instant is in exactly one window: a gap would count nowhere, an overlap twice.
func TestWindowsPartitionTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom([]limit.Period{limit.PeriodDay, limit.PeriodWeek, limit.PeriodMonth}).Draw(t, "period")
		offset := rapid.IntRange(0, p.MaxOffset()).Draw(t, "offset")
		now := time.Unix(rapid.Int64Range(-1e9, 8e9).Draw(t, "second"), rapid.Int64Range(0, 1e9-1).Draw(t, "nanosecond"))
		w := limit.Window(p, offset, now)
		if !w.Contains(now) {
			t.Fatalf("%v is not in its window %v", now.UTC(), w)
		}
		within := w.Start.Add(time.Duration(rapid.Int64Range(0, int64(w.End.Sub(w.Start))-1).Draw(t, "within")))
		if other := limit.Window(p, offset, within); other != w {
			t.Fatalf("%v is in %v, %v in %v", now.UTC(), w, within, other)
		}
		if next := limit.Window(p, offset, w.End); next.Start != w.End || w.Contains(w.End) {
			t.Fatalf("%v is followed by %v", w, next)
		}
		if previous := limit.Window(p, offset, w.Start.Add(-1)); previous.End != w.Start {
			t.Fatalf("%v follows %v", w, previous)
		}
		days := int(w.End.Sub(w.Start) / (24 * time.Hour))
		if ok := map[limit.Period]bool{limit.PeriodDay: days == 1, limit.PeriodWeek: days == 7, limit.PeriodMonth: days >= 28 && days <= 31}[p]; !ok {
			t.Fatalf("%v: a window of %d days", p, days)
		}
	})
}

func TestQuotaValidateNamesTheField(t *testing.T) {
	tests := []struct {
		name  string
		quota limit.Quota
		want  map[string]string
	}{
		{name: "ordinary", quota: limit.Quota{Limit: 1000, Period: limit.PeriodDay}},
		{name: "refuses everything", quota: limit.Quota{Period: limit.PeriodDay}},
		{name: "week, largest offset", quota: limit.Quota{Limit: 1, Period: limit.PeriodWeek, Offset: 6}},
		{name: "month, largest offset", quota: limit.Quota{Limit: limit.MaxQuota, Period: limit.PeriodMonth, Offset: 27}},
		{name: "day with an offset", quota: limit.Quota{Period: limit.PeriodDay, Offset: 2}, want: map[string]string{"offset": "must be 0"}},
		{name: "week, too late", quota: limit.Quota{Period: limit.PeriodWeek, Offset: 7}, want: map[string]string{"offset": "between 0 and 6 days for the period WEEK"}},
		{name: "month, too late", quota: limit.Quota{Period: limit.PeriodMonth, Offset: 28}, want: map[string]string{"offset": "between 0 and 27"}},
		{name: "before the start", quota: limit.Quota{Period: limit.PeriodMonth, Offset: -1}, want: map[string]string{"offset": "between 0"}},
		{name: "no period", quota: limit.Quota{Limit: -1}, want: map[string]string{"limit": "negative", "period": "DAY, WEEK or MONTH"}},
		{name: "unknown period", quota: limit.Quota{Limit: 1, Period: 9}, want: map[string]string{"period": "DAY, WEEK or MONTH"}},
		{name: "too large", quota: limit.Quota{Limit: limit.MaxQuota + 1, Period: limit.PeriodDay}, want: map[string]string{"limit": "at most 1,000,000,000,000"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkProblems(t, tt.quota.Validate(), tt.want) })
	}
}

func TestQuotaKeepsItsFormInJSON(t *testing.T) {
	for _, tt := range []struct {
		quota limit.Quota
		want  string
	}{
		{limit.Quota{Limit: 5, Period: limit.PeriodMonth, Offset: 2}, `{"limit":5,"period":"MONTH","offset":2}`},
		{limit.Quota{}, `{"limit":0,"period":"","offset":0}`},
	} {
		data, err := json.Marshal(tt.quota)
		if err != nil || string(data) != tt.want {
			t.Errorf("got %s, %v, want %s", data, err, tt.want)
		}
		var back limit.Quota
		if err := json.Unmarshal(data, &back); err != nil || back != tt.quota {
			t.Errorf("read back: got %v, %v, want %v", back, err, tt.quota)
		}
	}
	var q limit.Quota
	if err := json.Unmarshal([]byte(`{"period":"YEAR"}`), &q); err == nil {
		t.Error("a period that there is not was read")
	}
	if p, err := limit.ParsePeriod("week"); p != limit.PeriodWeek || err != nil {
		t.Errorf("ParsePeriod(week): got %v, %v", p, err)
	}
}

// DECISIONS 8: used is kept when the limit changes; what is left is never negative.
func TestRemainingIsAtLeastZero(t *testing.T) {
	q := limit.Quota{Limit: 100, Period: limit.PeriodDay}
	got := []int64{q.Remaining(0, 30), q.Remaining(50, 120), q.Remaining(0, 120), q.Remaining(-100, 0), limit.Quota{}.Remaining(0, 0)}
	if diff := cmp.Diff([]int64{70, 30, 0, 0, 0}, got); diff != "" {
		t.Errorf("remaining (-want +got):\n%s", diff)
	}
}
