package enforcement_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
	"gatehouse/models/limit"
)

func asQuote(r *http.Request) { r.Header.Set("X-Gatehouse-Quote", "1") }

type quoteAnswer struct {
	Would      string
	Problem    *problemBody
	Layer      string
	RetryAfter int64
	Limits     []quoteLimit
	RequestID  string
}

type quoteLimit struct {
	Layer                           string
	Limit, Remaining, Reset, Window int64
}

func quoteOf(t testing.TB, w *httptest.ResponseRecorder) (q quoteAnswer) {
	t.Helper()
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("a quote is answered %d %s: %s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &q); err != nil {
		t.Fatal(err)
	}
	if q.RequestID == "" || q.RequestID != w.Header().Get("X-Request-Id") {
		t.Errorf("request id %q in the body, %q in the header", q.RequestID, w.Header().Get("X-Request-Id"))
	}
	return q
}

func allLimits(t *models.Terms) {
	throttle(2, 4)(t)
	quota(10, limit.PeriodDay)(t)
}

// What a quote says is what the request is told that follows it.
func TestQuoteSaysWhatTheRequestWillBeTold(t *testing.T) {
	o := newOne(t, allLimits)
	o.publish(o.plan, func(t *models.Terms) {
		t.Stages[0].Throttles = []models.MethodThrottle{{MethodID: methodOf(o.stage, "GET /a"), Throttle: limit.Throttle{Rate: 1, Burst: 3}}}
	})
	catchUp(t, o.g)
	for i := range 40 {
		asked := in(o.g, "GET", "/echo/prod/a", o.value, asQuote)
		told := in(o.g, "GET", "/echo/prod/a", o.value)
		q := quoteOf(t, asked)
		if (q.Would == "admit") != (told.Code == http.StatusOK) {
			t.Fatalf("request %d: would %s, and was answered %d", i, q.Would, told.Code)
		}
		for _, name := range []string{"RateLimit", "RateLimit-Policy", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} {
			if a, b := asked.Header().Get(name), told.Header().Get(name); a != b || a == "" {
				t.Fatalf("request %d: %s is %q of the quote and %q of the request", i, name, a, b)
			}
		}
		if q.Would == "refuse" {
			p := problemOf(t, told.Header(), told.Body)
			p.RequestID = q.Problem.RequestID
			if diff := cmp.Diff(&p, q.Problem); diff != "" || q.Layer != p.Layer || fmt.Sprint(q.RetryAfter) != told.Header().Get("Retry-After") {
				t.Fatalf("request %d: layer %s, retry after %d (-request +quote):\n%s", i, q.Layer, q.RetryAfter, diff)
			}
		}
		o.clock.advance(500 * time.Millisecond)
	}
}

func TestQuoteTellsEveryLimit(t *testing.T) {
	o := newOne(t, allLimits)
	in(o.g, "GET", "/echo/prod/a", o.value)
	q := quoteOf(t, in(o.g, "GET", "/echo/prod/a", o.value, asQuote))
	want := []quoteLimit{{"plan", 4, 2, 1, 2}, {"quota", 10, 8, 43200, 86400}}
	if diff := cmp.Diff(want, q.Limits); diff != "" || q.Would != "admit" || q.Problem != nil {
		t.Errorf("would %s, problem %v (-want +got):\n%s", q.Would, q.Problem, diff)
	}
}

// However often it is asked, a quote spends nothing, counts nothing, sends nothing and leaves no receipt.
func TestQuotesSpendNothing(t *testing.T) {
	o := newOne(t, allLimits)
	withReceipts(t, o.world)
	o.g = o.gateway(t)
	seen := map[string]int{}
	for range 100 {
		w := in(o.g, "GET", "/echo/prod/a", o.value, asQuote)
		if w.Code == http.StatusOK {
			for _, l := range quoteOf(t, w).Limits {
				seen[fmt.Sprint(l.Layer, " ", l.Remaining)]++
			}
		}
		o.clock.advance(200 * time.Millisecond)
	}
	if len(seen) != 2 {
		t.Errorf("quotes differ although nothing else happened: %v", seen)
	}
	drain(t, o.g)
	if n := len(o.up.requests()); n != 0 {
		t.Errorf("%d quotes reached the upstream", n)
	}
	if len(o.cells) != 0 || len(o.charged) != 0 || len(o.seen) != 0 {
		t.Errorf("quotes are usage: %v, charged %v, seen %v", o.cells, o.charged, o.seen)
	}
	if got := o.receipts.Refusals(o.key, 10); len(got) != 0 {
		t.Errorf("quotes left %d receipts", len(got))
	}
	o.g = o.gateway(t)
	if got := o.spend(t, "/a"); got != 4 {
		t.Errorf("after the quotes %d requests pass at once, want 4", got)
	}
}

// A known key gets an answer, whatever is wrong; who has none is refused as ever.
func TestQuoteOfAKeyThatMayNotCall(t *testing.T) {
	refused := map[string]func(o *one, c *models.Credential){
		"key-revoked":            func(_ *one, c *models.Credential) { c.Revoked, c.Enabled = true, false },
		"key-expired":            func(o *one, c *models.Credential) { c.ExpiresAt = o.clock.now() },
		"key-disabled":           func(_ *one, c *models.Credential) { c.Enabled = false },
		"no-plan":                func(_ *one, c *models.Credential) { c.Plans = nil },
		"subscription-pending":   func(_ *one, c *models.Credential) { c.Plans[0].State = models.MemberPending },
		"subscription-suspended": func(_ *one, c *models.Credential) { c.Plans[0].State = models.MemberSuspended },
		"key-blocked":            func(_ *one, c *models.Credential) { c.Plans[0].State = models.MemberBlocked },
	}
	for slug, with := range refused {
		t.Run(slug, func(t *testing.T) {
			o := newOne(t, allLimits)
			o.change(o.key, func(c *models.Credential) { with(o, c) })
			catchUp(t, o.g)
			q := quoteOf(t, in(o.g, "GET", "/echo/prod/a", o.value, asQuote))
			if q.Would != "refuse" || q.Problem == nil || !strings.HasSuffix(q.Problem.Type, "/"+slug) || q.Problem.Status != http.StatusForbidden {
				t.Errorf("would %s: %+v", q.Would, q.Problem)
			}
		})
	}
	o := newOne(t, allLimits)
	for value, want := range map[string]string{"": "key-missing", "x": "key-malformed"} {
		if got := slugOf(t, in(o.g, "GET", "/echo/prod/a", value, asQuote)); got != want {
			t.Errorf("key %q: got %q, want %q", value, got, want)
		}
	}
	if got := slugOf(t, in(o.g, "GET", "/echo/prod/none", o.value, asQuote)); got != "path-unknown" {
		t.Errorf("unknown path: got %q", got)
	}
}

func TestQuotesHaveTheirOwnLimit(t *testing.T) {
	tests := []struct {
		name  string
		terms func(*models.Terms)
		want  int
	}{
		{"the plan's rate", throttle(3, 100), 3},
		{"at most 10", throttle(5000, 10000), 10},
		{"without a throttle", nil, 10},
		{"a plan that lets nothing pass", throttle(0, 0), 1},
		{"a slow plan", throttle(0.5, 1), 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := newOne(t, tt.terms)
			passed := 0
			for range 50 {
				w := in(o.g, "GET", "/echo/prod/a", o.value, asQuote)
				if w.Code == http.StatusOK {
					passed++
				} else if got := w.Header().Get("Retry-After"); got == "" || slugOf(t, w) != "quotes-throttled" {
					t.Fatalf("answered %d, retry after %q", w.Code, got)
				}
			}
			if passed != tt.want {
				t.Errorf("%d quotes at once, want %d", passed, tt.want)
			}
			drain(t, o.g)
			if n := o.count(o.key, models.OutcomeThrottled); n != 0 {
				t.Errorf("%d quotes too many are usage", n)
			}
		})
	}
}

func TestQuoteIsAskedForByEveryValueBut0(t *testing.T) {
	o := newOne(t, allLimits)
	for _, value := range []string{"1", "true", "", "yes"} {
		q := quoteOf(t, in(o.g, "GET", "/echo/prod/a", o.value, func(r *http.Request) { r.Header.Set("X-Gatehouse-Quote", value) }))
		if q.Would != "admit" {
			t.Errorf("%q: would %s", value, q.Would)
		}
		o.clock.advance(time.Second)
	}
	if w := in(o.g, "GET", "/echo/prod/a", o.value, func(r *http.Request) { r.Header.Set("X-Gatehouse-Quote", "0") }); w.Code != http.StatusOK {
		t.Errorf("0: answered %d", w.Code)
	}
	some := o.up.requests()
	if len(some) != 1 {
		t.Fatalf("the upstream got %d requests, want the one that was no quote", len(some))
	}
	if some[0].Header["X-Gatehouse-Quote"] != nil {
		t.Error("the upstream got the header")
	}
}

func TestQuoteOfAMethodWithoutKeyDoesNotReachTheUpstream(t *testing.T) {
	o := newOne(t, nil)
	o.world.stage(func() { o.stage.Throttle = &limit.Throttle{Rate: 1, Burst: 1} })
	catchUp(t, o.g)
	for _, want := range []string{"admit", "admit", "refuse"} {
		if want == "refuse" {
			in(o.g, "GET", "/echo/prod/open", "")
		}
		if q := quoteOf(t, in(o.g, "GET", "/echo/prod/open", "", asQuote)); q.Would != want {
			t.Errorf("would %s, want %s", q.Would, want)
		}
	}
	if n := len(o.up.requests()); n != 1 {
		t.Errorf("the upstream got %d requests, want 1", n)
	}
}

// Over a network, with a body that nobody reads, and while the key calls as fast as it can.
func TestQuotesAndCallsAtOnce(t *testing.T) {
	o := newOne(t, quota(200, limit.PeriodDay))
	o.clock = nil
	o.g = o.gateway(t)
	url := serve(t, o.g)
	var group sync.WaitGroup
	for w := range 4 {
		group.Go(func() {
			for range 100 {
				r, _ := http.NewRequestWithContext(t.Context(), "POST", url+"/echo/prod/a", strings.NewReader("body"))
				r.Header.Set("X-Api-Key", o.value)
				if w%2 == 0 {
					asQuote(r)
				}
				res, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				res.Body.Close()
			}
		})
	}
	group.Wait()
	if n := len(o.up.requests()); n != 200 {
		t.Errorf("the upstream got %d requests, want 200", n)
	}
	drain(t, o.g)
	if n := o.chargedTo(o.key, o.plan); n != 200 {
		t.Errorf("charged %d, want 200", n)
	}
}

func TestPagesMayAskForQuotes(t *testing.T) {
	o := newOne(t, nil)
	w := in(o.g, "OPTIONS", "/echo/prod/a", "", func(r *http.Request) {
		r.Header.Set("Origin", "https://app.example.com")
		r.Header.Set("Access-Control-Request-Method", "GET")
		r.Header.Set("Access-Control-Request-Headers", "x-api-key, x-gatehouse-quote")
	})
	if got := w.Header().Get("Access-Control-Allow-Headers"); !strings.Contains(got, "x-gatehouse-quote") {
		t.Errorf("allowed headers: %q", got)
	}
}
