package enforcement_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/enforcement"
	"gatehouse/enforcement/requestlog"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// withLog has a gateway keep a request log.
func withLog(t testing.TB, w *world) (*requestlog.Log, func(*enforcement.Config)) {
	t.Helper()
	c := requestlog.Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Now: w.clock.now}
	if w.receipts != nil {
		c.Names = w.receipts.Names()
	}
	l, err := requestlog.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, func(c *enforcement.Config) { c.RequestLog, c.Names = l, l.Names() }
}

// entries are those of the world's API, the oldest first.
func entries(t testing.TB, l *requestlog.Log, api models.APIID) []models.LogEntry {
	t.Helper()
	l.Flush()
	page, err := l.Entries(t.Context(), models.LogQuestion{APIs: []models.APIID{api}, Limit: 200})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(page.Entries)
	return page.Entries
}

func TestRequestLogHasEachRequestWithItsReceipt(t *testing.T) {
	for _, receipts := range []bool{true, false} {
		t.Run(fmt.Sprintf("receipts=%v", receipts), func(t *testing.T) {
			o := newOne(t, allLimits)
			if receipts {
				withReceipts(t, o.world)
			}
			l, option := withLog(t, o.world)
			o.g = o.gateway(t, option)
			var ids []string
			call := func(target, key string, with ...func(*http.Request)) {
				w := in(o.g, "GET", target, key, with...)
				ids = append(ids, w.Header().Get("X-Request-Id"))
				o.clock.advance(time.Millisecond)
			}
			call("/echo/prod/a?city=Berlin&n=1", o.value, func(r *http.Request) { r.Header.Set("Accept-Language", "de") })
			for range 5 {
				call("/echo/prod/a", o.value)
			}
			call("/echo/prod/a", "gwk1nobodysnobodysnobodysnobodysnobody0001")
			call("/echo/prod/nowhere", o.value)
			call("/nowhere/prod/a", o.value)                                                                // no stage: no entry
			call("/echo/prod/a", o.value, func(r *http.Request) { r.Header.Set("X-Gatehouse-Quote", "1") }) // no call: no entry
			got := entries(t, l, o.apis[0].ID)
			if len(got) != 8 {
				t.Fatalf("%d entries, want 8", len(got))
			}
			first, throttled := got[0], got[5]
			if first.ID != ids[0] || first.Path != "/echo/prod/a" || first.Query != "city=…&n=…" || first.Status != 200 || first.Outcome != models.OutcomeSuccess || first.KeyID != o.key ||
				first.Method != "GET /a" || first.PlanID != o.plan || first.Latency <= 0 {
				t.Errorf("the first: %+v", first)
			}
			if i := slices.IndexFunc(first.RequestHeaders, func(h models.LogHeader) bool { return h.Name == "X-Api-Key" }); i < 0 || !first.RequestHeaders[i].Hidden {
				t.Errorf("headers: %+v", first.RequestHeaders)
			}
			if throttled.Status != 429 || throttled.Layer == limit.LayerNone || throttled.RetryAfter <= 0 || throttled.Sent == 0 || throttled.Problem != "throttled" {
				t.Errorf("the throttled one: %+v", throttled)
			}
			if receipts {
				kept := receiptOf(t, o.world, http.Header{"X-Request-Id": {ids[5]}})
				if kept.Layer != throttled.Layer || kept.RetryAfter != throttled.RetryAfter || kept.Limits != throttled.Limits {
					t.Errorf("the receipt says %+v, the log %+v", kept, throttled.Receipt)
				}
			}
			if got[6].KeyID != 0 || got[6].Status != 403 || got[7].Status != 404 || got[7].Path != "/echo/prod/nowhere" {
				t.Errorf("without a key: %+v, without a path: %+v", got[6], got[7])
			}
			for i, e := range got {
				if found, err := l.Entry(t.Context(), e.ID); err != nil || found.ID != ids[i] {
					t.Errorf("%d by its id: %v", i, err)
				}
			}
			if _, err := l.Entry(t.Context(), ids[8]); models.KindOf(err) != models.KindNotFound && models.KindOf(err) != models.KindGone {
				t.Errorf("one that was not kept: %v", err)
			}
			if text := fmt.Sprintf("%+v", got); strings.Contains(text, o.value) || strings.Contains(text, "Berlin") || strings.Contains(text, "nobodysnobodys") {
				t.Error("a key or a value of the query is kept")
			}
		})
	}
}

// A flood of admissions leaves a sample, and failures are kept beside it.
func TestRequestLogSamplesAdmissionsAndKeepsFailures(t *testing.T) {
	o := newOne(t, nil)
	status := http.StatusOK
	o.up = newUpstream(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	o.stage.Upstream = o.up.url
	l, option := withLog(t, o.world)
	o.g = o.gateway(t, option)
	for range 50 {
		in(o.g, "GET", "/echo/prod/a", o.value)
	}
	status = http.StatusServiceUnavailable
	for range 30 {
		in(o.g, "GET", "/echo/prod/a", o.value)
	}
	counts := map[int]int{}
	for _, e := range entries(t, l, o.apis[0].ID) {
		counts[e.Status]++
	}
	if counts[200] != 10 || counts[503] != 30 {
		t.Errorf("kept by status: %v", counts)
	}
}
