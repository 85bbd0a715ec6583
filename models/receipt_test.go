package models_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// What a receipt says of the future is what the gateway would have done: the same arithmetic decides at that instant, and a microsecond earlier.
func TestRefusedRequestWouldHavePassedExactlyThen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const now = int64(time.Hour)
		throttle := func(label string) (limit.Throttle, limit.Bucket, int64) {
			of := limit.Throttle{Rate: rapid.SampledFrom([]float64{0.01, 0.3, 1, 7, 50, 1000}).Draw(t, label+" rate"), Burst: rapid.Int64Range(1, 20).Draw(t, label+" burst")}
			b := of.Compile()
			return of, b, b.Owing(now, time.Duration(rapid.Int64Range(0, int64(of.Fill())).Draw(t, label+" debt")))
		}
		var of [5]limit.Throttle
		var l limit.Layers
		of[0], l.Method.Bucket, l.Method.TAT = throttle("method")
		of[1], l.Plan.Bucket, l.Plan.TAT = throttle("plan")
		of[2], l.Stage.Bucket, _ = throttle("stage")
		l.Stage.State = new(limit.Shared)
		l.Stage.State.Store(l.Stage.Bucket.Owing(now, time.Duration(rapid.Int64Range(0, int64(of[2].Fill())).Draw(t, "stage's debt"))))
		l.Quota = limit.Allowance{Limited: true, Final: true, Limit: 9, Held: rapid.Int64Range(0, 1).Draw(t, "left"), ResetIn: time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(t, "window"))}
		at := func(after time.Duration) (limit.Decision, limit.Layers) {
			again := l // a refusal spends nothing
			shared := new(limit.Shared)
			shared.Store(l.Stage.State.Load())
			again.Stage.State = shared
			if after >= l.Quota.ResetIn {
				again.Quota.Held = again.Quota.Limit
			}
			d := limit.Decide(now+int64(after), &again)
			return d, again
		}
		d, asked := at(0)
		if d.Allowed() {
			return
		}
		r := models.Receipt{Layer: d.Layer, RetryAfter: d.RetryAfter}
		for layer := limit.LayerMethod; layer <= limit.LayerQuota; layer++ {
			g := asked.Gauge(layer)
			*r.Limits.Of(layer) = models.ReceiptLimit{Limited: g.Limited, Rate: of[layer-1].Rate, Limit: g.Limit, Remaining: g.Remaining, Reset: g.Reset}
		}
		wait, ok := r.PassesAfter()
		if !ok {
			t.Fatalf("it never passes: %+v", r)
		}
		if d, _ := at(wait); !d.Allowed() {
			t.Errorf("after %v %v still refuses, for %v more", wait, d.Layer, d.RetryAfter)
		}
		if early := wait - time.Microsecond; early > 0 {
			if d, _ := at(early); d.Allowed() {
				t.Errorf("it passes before %v", wait)
			}
		}
	})
}

func TestWhatWaitingDoesNotCureNeverPasses(t *testing.T) {
	throttled := models.Receipt{Layer: limit.LayerPlan, RetryAfter: time.Second}
	*throttled.Limits.Of(limit.LayerPlan) = models.ReceiptLimit{Limited: true, Rate: 1, Limit: 1}
	withStage, withQuota, closed, denied := throttled, throttled, throttled, throttled
	*withStage.Limits.Of(limit.LayerStage) = models.ReceiptLimit{Limited: true}
	*withQuota.Limits.Of(limit.LayerQuota) = models.ReceiptLimit{Limited: true, Reset: time.Hour}
	closed.RetryAfter, denied.Layer = 0, limit.LayerNone
	for name, r := range map[string]models.Receipt{"a stage that refuses everything": withStage, "a quota of 0": withQuota, "a rate of 0": closed, "no limit refused": denied} {
		if wait, ok := r.PassesAfter(); ok {
			t.Errorf("%s: passes after %v", name, wait)
		}
	}
	if wait, ok := throttled.PassesAfter(); !ok || wait != time.Second {
		t.Errorf("got %v, %v", wait, ok)
	}
}
