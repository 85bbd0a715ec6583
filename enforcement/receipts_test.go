package enforcement_test

import (
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/enforcement/receipt"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// withReceipts has the gateways of a world keep receipts.
func withReceipts(t testing.TB, w *world) {
	t.Helper()
	ring, err := receipt.Open(receipt.Config{Path: filepath.Join(t.TempDir(), "receipts"), Size: receipt.MinSize, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ring.Close() })
	w.receipts = ring
}

func receiptOf(t testing.TB, w *world, h http.Header) models.Receipt {
	t.Helper()
	r, err := w.receipts.Receipt(h.Get("X-Request-Id"))
	if err != nil {
		t.Fatalf("receipt %q: %v", h.Get("X-Request-Id"), err)
	}
	return r
}

func TestRefusalLeavesAReceiptWithItsNumbers(t *testing.T) {
	o := newOne(t, allLimits)
	withReceipts(t, o.world)
	o.publish(o.plan, func(t *models.Terms) {
		t.Stages[0].Throttles = []models.MethodThrottle{{MethodID: methodOf(o.stage, "GET /a"), Throttle: limit.Throttle{Rate: 0.5, Burst: 2}}}
	})
	o.g = o.gateway(t)
	for o.get(t, "/a?secret=1") == "" {
	}
	o.clock.advance(500 * time.Millisecond)
	w := in(o.g, "GET", "/echo/prod/a?secret=1", o.value)
	p := problemOf(t, w.Header(), w.Body)
	got := receiptOf(t, o.world, w.Header())
	if want := "https://portal.example/requests/" + got.ID; p.Instance != want {
		t.Errorf("the body's instance is %q, want %q", p.Instance, want)
	}
	want := models.Receipt{
		ID: p.RequestID, At: o.clock.now(), KeyID: o.key, AppID: o.keys[o.key].AppID, PlanID: o.plan, PlanVersion: 2, APIID: o.apis[0].ID, StageID: o.stage.ID,
		MethodID: methodOf(o.stage, "GET /a"), Method: "GET /a", Outcome: models.OutcomeThrottled, Problem: "throttled", Status: 429,
		Layer: limit.LayerMethod, RetryAfter: 1500 * time.Millisecond,
	}
	*want.Limits.Of(limit.LayerMethod) = models.ReceiptLimit{Limited: true, Rate: 0.5, Limit: 2, Reset: 3500 * time.Millisecond}
	*want.Limits.Of(limit.LayerPlan) = models.ReceiptLimit{Limited: true, Rate: 2, Limit: 4, Remaining: 3, Reset: 500 * time.Millisecond}
	*want.Limits.Of(limit.LayerQuota) = models.ReceiptLimit{Limited: true, Limit: 10, Remaining: 8, Reset: 12*time.Hour - 500*time.Millisecond, Period: limit.PeriodDay}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if level := got.Limits.Of(limit.LayerMethod).Level(); level != 0.25 {
		t.Errorf("the bucket held %v tokens, want 0.25", level)
	}
	if some := o.receipts.Refusals(o.key, 10); len(some) != 2 || some[0].ID != got.ID {
		t.Errorf("%d refusals are listed", len(some))
	}
}

func TestRefusalsOfAKnownKeyLeaveReceiptsAndOthersDoNot(t *testing.T) {
	tests := []struct {
		want string
		with func(o *one, c *models.Credential)
	}{
		{"key-revoked", func(_ *one, c *models.Credential) { c.Revoked, c.Enabled = true, false }},
		{"key-expired", func(o *one, c *models.Credential) { c.ExpiresAt = o.clock.now().Add(-time.Hour) }},
		{"no-plan", func(_ *one, c *models.Credential) { c.Plans = nil }},
		{"key-blocked", func(_ *one, c *models.Credential) { c.Plans[0].State = models.MemberBlocked }},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			o := newOne(t, nil)
			withReceipts(t, o.world)
			o.change(o.key, func(c *models.Credential) { tt.with(o, c) })
			o.g = o.gateway(t)
			got := receiptOf(t, o.world, in(o.g, "GET", "/echo/prod/a", o.value).Header())
			if got.Problem != tt.want || got.Status != 403 || got.Outcome != models.OutcomeDenied || got.KeyID != o.key || got.Limits != (models.ReceiptLimits{}) {
				t.Errorf("got %+v", got)
			}
			if expired := o.clock.now().Add(-time.Hour); tt.want == "key-expired" && !got.Since.Equal(expired) {
				t.Errorf("expired %v, want %v", got.Since, expired)
			}
		})
	}
	o := newOne(t, nil)
	withReceipts(t, o.world)
	o.g = o.gateway(t)
	for _, value := range []string{"", "x", strings.Repeat("k", 42)} {
		w := in(o.g, "GET", "/echo/prod/a", value)
		if p := problemOf(t, w.Header(), w.Body); p.Instance != "" || p.RequestID == "" {
			t.Errorf("key %q: instance %q, request %q", value, p.Instance, p.RequestID)
		}
		if _, err := o.receipts.Receipt(w.Header().Get("X-Request-Id")); models.KindOf(err) != models.KindNotFound {
			t.Errorf("key %q: %v", value, err)
		}
	}
}

func TestAdmissionLeavesAReceiptOfItsEnd(t *testing.T) {
	o := newOne(t, allLimits)
	withReceipts(t, o.world)
	var during models.Receipt
	up := newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		during, _ = o.receipts.Receipt(r.Header.Get("X-Request-Id"))
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "short and stout")
	})
	o.world.stage(func() { o.stage.Upstream = up.url })
	o.g = o.gateway(t)
	w := in(o.g, "GET", "/echo/prod/a", o.value)
	got := receiptOf(t, o.world, w.Header())
	if during.Outcome != models.OutcomeOpen || during.ID != got.ID || during.Status != 0 {
		t.Errorf("while it was open: %+v", during)
	}
	if got.Outcome != models.OutcomeClientError || got.Status != http.StatusTeapot || got.Problem != "" || got.BytesOut != 15 || got.Latency <= 0 ||
		got.Limits.Of(limit.LayerQuota).Remaining != 9 {
		t.Errorf("got %+v", got)
	}
}

func TestUpstreamFailureIsOnTheReceiptThatTheAnswerNames(t *testing.T) {
	o := newOne(t, nil)
	withReceipts(t, o.world)
	o.world.stage(func() { o.stage.Upstream = "http://" + closedPort(t) })
	o.g = o.gateway(t)
	w := in(o.g, "GET", "/echo/prod/a", o.value)
	p, got := problemOf(t, w.Header(), w.Body), receiptOf(t, o.world, w.Header())
	if p.Instance != "https://portal.example/requests/"+got.ID || got.Problem != "upstream-unreachable" || got.Status != 502 || got.Outcome != models.OutcomeUpstream {
		t.Errorf("instance %q, receipt %+v", p.Instance, got)
	}
}

// 10^5 refusals at once (a part of them, unless all is asked for), over all the processors there are: exactly the bounded number of receipts, each whole, and everybody else's still there.
func TestFloodOfRefusalsIsBounded(t *testing.T) {
	o := newOne(t, throttle(0, 0))
	withReceipts(t, o.world)
	other, value := o.addKey(o.plan)
	o.g = o.gateway(t)
	first := in(o.g, "GET", "/echo/prod/a", value)
	var group sync.WaitGroup
	var mu sync.Mutex
	named := map[string]bool{}
	for range 8 {
		group.Go(func() {
			for range flood(100_000) / 8 {
				w := in(o.g, "GET", "/echo/prod/a", o.value)
				if strings.Contains(w.Body.String(), "/requests/") {
					mu.Lock()
					named[w.Header().Get("X-Request-Id")] = true
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	if len(named) != 100 {
		t.Errorf("%d receipts, want 100", len(named))
	}
	for id := range named {
		if r, err := o.receipts.Receipt(id); err != nil || r.KeyID != o.key || r.Problem != "throttled" {
			t.Errorf("%s: %v, %+v", id, err, r)
		}
	}
	if r := receiptOf(t, o.world, first.Header()); r.KeyID != other {
		t.Errorf("the other key's receipt is of %v", r.KeyID)
	}
}

// Neither to ask whether a receipt is due allocates, nor to write one.
func TestRefusalAllocatesNoMoreWithReceipts(t *testing.T) {
	refuse := func(kept bool, pause time.Duration) float64 {
		o := newOne(t, throttle(0, 0))
		if kept {
			withReceipts(t, o.world)
		}
		o.g = o.gateway(t)
		send := func() {
			o.clock.advance(pause)
			in(o.g, "GET", "/echo/prod/a", o.value)
		}
		for range 200 { // by then the key's share is used up, if no time passes
			send()
		}
		least := testing.AllocsPerRun(1, send)
		for range 100 { // now and then a pool is empty
			least = min(least, testing.AllocsPerRun(1, send))
		}
		return least
	}
	without := refuse(false, 0)
	for name, pause := range map[string]time.Duration{"each leaves one": time.Second, "none is due": 0} {
		if got := refuse(true, pause); got > without {
			t.Errorf("%s: %v allocations, want %v as without", name, got, without)
		}
	}
}

func BenchmarkRefusal(b *testing.B) {
	for _, kept := range []bool{false, true} {
		name := map[bool]string{false: "without", true: "with a receipt"}[kept]
		b.Run(name, func(b *testing.B) {
			o := newOne(b, throttle(0, 0))
			if kept {
				withReceipts(b, o.world)
			}
			o.g = o.gateway(b)
			b.ReportAllocs()
			for b.Loop() {
				o.clock.advance(time.Second) // so that each is due
				in(o.g, "GET", "/echo/prod/a", o.value)
			}
		})
	}
}
