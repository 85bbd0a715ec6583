package handlers

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"
	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestRangesEndWithTheBucketThatHoldsNow(t *testing.T) {
	now := at("2026-03-04T15:04:05Z")
	for name, want := range map[string]struct {
		from, to string
		step     time.Duration
		buckets  int
	}{
		"1h":  {"2026-03-04T14:05:00Z", "2026-03-04T15:05:00Z", time.Minute, 60},
		"24h": {"2026-03-03T15:30:00Z", "2026-03-04T15:30:00Z", 30 * time.Minute, 48},
		"7d":  {"2026-02-25T18:00:00Z", "2026-03-04T18:00:00Z", 3 * time.Hour, 56},
		"30d": {"2026-02-03T00:00:00Z", "2026-03-05T00:00:00Z", 24 * time.Hour, 30},
		"90d": {"2025-12-05T00:00:00Z", "2026-03-05T00:00:00Z", 24 * time.Hour, 90},
	} {
		v := parseRange(url.Values{"range": {name}}, now)
		if v.Name != name || !v.From.Equal(at(want.from)) || !v.To.Equal(at(want.to)) || time.Duration(v.Step) != want.step || v.buckets() != want.buckets {
			t.Errorf("%s: got %v to %v by %v, %d buckets", name, v.From, v.To, time.Duration(v.Step), v.buckets())
		}
		if v.complete() != want.buckets-1 {
			t.Errorf("%s: got %d complete buckets, want all but the last", name, v.complete())
		}
		if before := v.From.Sub(v.wanted().From); before != time.Duration(want.buckets)*want.step {
			t.Errorf("%s: compares with %v before it", name, before)
		}
	}
}

func TestRangeThatCannotBeReadIsTheDefault(t *testing.T) {
	now := at("2026-03-04T15:04:05Z")
	for _, query := range []string{"", "range=2y", "from=1&to=2", "from=x&to=y", "from=1772636645&to=1772636645", "from=9223372036854775807&to=-9223372036854775808", "from=-9223372036854775808&to=9223372036854775807"} {
		q, _ := url.ParseQuery(query)
		if v := parseRange(q, now); v.Name != defaultRange {
			t.Errorf("%q: got %q", query, v.Name)
		}
	}
}

// A bar leads to the same time in finer steps as long as they are stored, and nowhere after that.
func TestBarsZoomIntoWhatIsStored(t *testing.T) {
	now := at("2026-03-04T15:04:05Z")
	for _, test := range []struct {
		name, rangeName, bucket, want string
		step                          time.Duration
	}{
		{"a day of this week", "30d", "2026-03-03T00:00:00Z", "/u?from=2026-03-03T00%3A00%3A00Z&plan=abc&to=2026-03-04T00%3A00%3A00Z", 15 * time.Minute},
		{"a day of this month", "30d", "2026-02-10T00:00:00Z", "/u?from=2026-02-10T00%3A00%3A00Z&plan=abc&to=2026-02-11T00%3A00%3A00Z", 30 * time.Minute},
		{"a day of which only the sum is left", "90d", "2026-01-10T00:00:00Z", "", 0},
		{"half an hour", "24h", "2026-03-04T12:00:00Z", "/u?from=2026-03-04T12%3A00%3A00Z&plan=abc&to=2026-03-04T12%3A30%3A00Z", time.Minute},
		{"a minute", "1h", "2026-03-04T15:00:00Z", "", 0},
		{"what is to come", "24h", "2026-03-04T16:00:00Z", "", 0},
	} {
		v := parseRange(url.Values{"range": {test.rangeName}}, now)
		got := v.zoomLinks("/u", url.Values{"plan": {"abc"}, "range": {"24h"}, "key": {""}})(at(test.bucket))
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
			continue
		}
		if got == "" {
			continue
		}
		u, _ := url.Parse(got)
		if z := parseRange(u.Query(), now); time.Duration(z.Step) != test.step || !z.From.Equal(at(test.bucket)) || z.Name != "" {
			t.Errorf("%s: opens %v by %v", test.name, z.From, time.Duration(z.Step))
		}
	}
}

func TestChartFillsGapsAndCountsEveryOutcomeOnce(t *testing.T) {
	now := at("2026-03-04T15:04:05Z")
	v := parseRange(url.Values{"range": {"1h"}}, now)
	var busy models.UsagePoint
	busy.Start = at("2026-03-04T15:02:00Z")
	for o := range busy.Counts {
		busy.Counts[o] = int64(o + 1)
	}
	busy.Latency[models.LatencyBucket(40*time.Millisecond)] = 10
	f := figuresOf([]models.UsagePoint{busy}, v, nil, logPlace{})
	if f.Empty || len(f.Requests.Points) != 60 || len(f.Outcomes) != int(models.NumOutcomes) {
		t.Fatalf("got %d points and %d outcomes", len(f.Requests.Points), len(f.Outcomes))
	}
	sum := 0.0
	for i, p := range f.Requests.Points {
		if p.Missing {
			t.Errorf("point %d is missing: no requests are zero requests", i)
		}
		for _, value := range p.Values {
			sum += value
		}
	}
	if sum != float64(busy.Total()) {
		t.Errorf("the bars hold %v requests, want %d", sum, busy.Total())
	}
	if got := f.Requests.Points[57].Values; !cmp.Equal(got, []float64{1 + 2, 3, 4 + 7 + 10, 8 + 9, 5 + 6}) {
		t.Errorf("got groups %v", got)
	}
	answers := 0
	for _, p := range f.Latency.Points {
		if !p.Missing {
			answers++
		}
	}
	if answers != 1 {
		t.Errorf("latency is drawn in %d buckets, want a gap where nothing was answered", answers)
	}
	var outcomes int64
	for _, o := range f.Outcomes {
		outcomes += o.Count
	}
	if outcomes != busy.Total() {
		t.Errorf("the outcomes list %d requests, want %d", outcomes, busy.Total())
	}
}

// The bucket that is not over would make every page of a busy API say that traffic fell.
func TestChangesLeaveOutTheBucketThatIsNotOver(t *testing.T) {
	now := at("2026-03-04T15:04:05Z")
	v := parseRange(url.Values{"range": {"1h"}}, now)
	var points []models.UsagePoint
	for start := v.wanted().From; start.Before(v.To); start = start.Add(time.Minute) {
		p := models.UsagePoint{Start: start}
		p.Counts[models.OutcomeSuccess] = 10
		if !start.Before(v.From) {
			p.Counts[models.OutcomeSuccess] = 15
		}
		points = append(points, p)
	}
	f := figuresOf(points, v, nil, logPlace{})
	if got := f.Tiles[0]; got.Delta != "50\u00a0%" || got.Exact != "900" {
		t.Errorf("got %q of %s, want 50 %% more", got.Delta, got.Exact)
	}
	if got := len(f.Tiles[0].Spark); got != 59 {
		t.Errorf("the small line has %d points, want the complete ones", got)
	}
}

func TestNothingIsSaidOfNothing(t *testing.T) {
	f := figuresOf(nil, parseRange(nil, at("2026-03-04T15:04:05Z")), nil, logPlace{})
	if !f.Empty || len(f.Outcomes) != 0 || f.Tiles[1].Value != "–" || f.Tiles[3].Value != "–" || f.Tiles[0].Delta != "" {
		t.Errorf("got %+v", f.Tiles)
	}
	if !strings.Contains(f.Requests.Finding, "No requests") {
		t.Errorf("got finding %q", f.Requests.Finding)
	}
}

// A page that is left open is judged again every few minutes: whoever lost the right to see it sees no more.
func TestLivePageIsDrawnEveryFiveSecondsAndEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &Request{Site: &Site{Now: time.Now}}
		drawn, sent := 0, 0
		reply := r.live(func(_ context.Context, now time.Time) (templ.Component, error) {
			if drawn++; !now.Equal(time.Now()) {
				t.Errorf("drawn for %v at %v", now, time.Now())
			}
			return templ.NopComponent, nil
		})
		begin := time.Now()
		if err := reply.stream(t.Context(), func(templ.Component) error { sent++; return nil }); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != liveFor || drawn != sent || drawn < 59 || drawn > 60 {
			t.Errorf("drawn %d times, sent %d times in %v", drawn, sent, took)
		}
		fault := errors.New("fault")
		failing := r.live(func(context.Context, time.Time) (templ.Component, error) { return nil, fault })
		if err := failing.stream(t.Context(), nil); !errors.Is(err, fault) {
			t.Errorf("got %v, want the fault", err)
		}
	})
}
