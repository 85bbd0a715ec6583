package handlers_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/enforcement"
	"gatehouse/handlers"
	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/store/storetest"
)

// keptReceipts are the receipts that a test gives, by id. One without a key is not kept any more.
type keptReceipts map[string]models.Receipt

func (k keptReceipts) Receipt(id string) (models.Receipt, error) {
	r, found := k[id]
	switch {
	case !found:
		return r, models.NotFound("request")
	case r.KeyID == 0:
		return r, models.Gone("The receipt of this request is not kept any more: newer ones took its place.")
	}
	return r, nil
}

func (k keptReceipts) Refusals(key models.KeyID, n int) (out []models.Receipt) {
	for _, r := range k {
		if r.KeyID == key && !r.Outcome.Admitted() {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b models.Receipt) int { return b.At.Compare(a.At) })
	return out[:min(n, len(out))]
}

// problemDocs are the gateway's own, as main hands them in.
func problemDocs() (docs []handlers.ProblemDoc) {
	for _, p := range enforcement.Problems() {
		docs = append(docs, handlers.ProblemDoc{Slug: p.Slug, Status: p.Status, Title: p.Title, Explanation: p.Explanation, WhatToDo: p.WhatToDo})
	}
	return docs
}

const receiptID = "0123456789abcdef0123456789abcdef"

// refusal is a receipt of a request with a key to the API's stage prod, on a plan.
func (p *developerPortal) refusal(made models.Subscribed, plan models.Plan, change func(*models.Receipt)) models.Receipt {
	p.t.Helper()
	methods, err := p.store.Methods(p.t.Context(), p.owner.ID, p.api.ID)
	ok(p.t, err)
	r := models.Receipt{ID: receiptID, At: p.clock, KeyID: made.Key.ID, AppID: made.App.ID, PlanID: plan.ID, PlanVersion: 1, APIID: p.api.ID, StageID: p.prod.ID,
		MethodID: methods[1].ID, Method: methods[1].Name(), Outcome: models.OutcomeDenied, Status: 403}
	change(&r)
	return r
}

func throttled(l limit.Layer, rate float64, burst int64, reset, after time.Duration) func(*models.Receipt) {
	return func(r *models.Receipt) {
		r.Outcome, r.Problem, r.Status, r.Layer, r.RetryAfter = models.OutcomeThrottled, "throttled", 429, l, after
		*r.Limits.Of(limit.LayerPlan) = models.ReceiptLimit{Limited: true, Rate: 50, Limit: 100, Remaining: 100}
		*r.Limits.Of(limit.LayerQuota) = models.ReceiptLimit{Limited: true, Limit: 10_000, Remaining: 9000, Reset: 12 * time.Hour, Period: limit.PeriodDay}
		*r.Limits.Of(l) = models.ReceiptLimit{Limited: true, Rate: rate, Limit: burst, Reset: reset}
	}
}

func denied(problem string) func(*models.Receipt) {
	return func(r *models.Receipt) { r.Problem = problem }
}

// Each rule is told in words, with the numbers of that one request.
func TestReceiptSaysWhichRuleAnswered(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.free, "Acme")
	b := p.signedIn("developer@example.com")
	quota := func(limits, remaining int64, reset time.Duration) func(*models.Receipt) {
		return func(r *models.Receipt) {
			r.Outcome, r.Problem, r.Status, r.Layer, r.RetryAfter = models.OutcomeQuota, "quota-exceeded", 429, limit.LayerQuota, reset
			*r.Limits.Of(limit.LayerQuota) = models.ReceiptLimit{Limited: true, Limit: limits, Remaining: remaining, Reset: reset, Period: limit.PeriodDay}
		}
	}
	since := func(problem string, ago time.Duration) func(*models.Receipt) {
		return func(r *models.Receipt) { r.Problem, r.Since = problem, r.At.Add(-ago) }
	}
	admitted := func(o models.Outcome, problem string, status int) func(*models.Receipt) {
		return func(r *models.Receipt) {
			r.Outcome, r.Problem, r.Status, r.Latency, r.BytesIn, r.BytesOut = o, problem, status, 43*time.Millisecond, 12, 3456
			*r.Limits.Of(limit.LayerQuota) = models.ReceiptLimit{Limited: true, Limit: 10_000, Remaining: 9999, Reset: 12 * time.Hour, Period: limit.PeriodDay}
		}
	}
	tests := []struct {
		name   string
		change func(*models.Receipt)
		want   []string
	}{
		{"the plan's rate", throttled(limit.LayerPlan, 50, 100, 1994*time.Millisecond, 14*time.Millisecond), []string{"Throttled by the plan's rate", "Refused", "429",
			"The plan Free allows each key 50 requests a second, with bursts of 100. When this request came, the bucket held 0.3 tokens, and a request takes one. Nothing was charged.",
			"The same request would have passed 14 ms later, had no other come meanwhile.", "0.3 of 100", "99.7", "2 s later", "9,000 of 10,000", "3 Mar 2026, 00:00 UTC",
			"Growth", "50 requests a second, bursts of 100", "/subscriptions/" + made.Subscription.ID.String() + "/change", "/problems/throttled", "/usage?key=", "Free, version 1", "2 Mar 2026, 12:00:00 UTC"}},
		{"a level that is nearly one", throttled(limit.LayerPlan, 50, 100, 1980*time.Millisecond+1, 1), []string{"the bucket held 0.99 tokens", "would have passed 0.1 ms later"}},
		{"an empty bucket", throttled(limit.LayerPlan, 0.01, 1, 100*time.Second, 100*time.Second), []string{
			"The plan Free allows each key 1 request every 1 minute 40 seconds, one at a time. When this request came, the bucket held no token", "1 min 40 s later"}},
		{"the plan's rate for the method", throttled(limit.LayerMethod, 2, 4, 1900*time.Millisecond, 400*time.Millisecond), []string{"Throttled by the plan's rate for this method",
			"The plan Free allows each key 2 requests a second of GET /users/{id}, with bursts of 4. When", "400 ms later"}},
		{"the stage's rate", throttled(limit.LayerStage, 500, 1000, 2*time.Second, 2*time.Millisecond), []string{"Throttled by the stage's rate",
			"The stage prod of Echo API takes 500 requests a second, with bursts of 1,000, from all its callers together.", "no plan changes it"}},
		{"the account's rate", throttled(limit.LayerAccount, 5, 10, 1990*time.Millisecond, 190*time.Millisecond), []string{"Throttled by the publishing account's rate",
			"The account that publishes Echo API takes 5 requests a second, with bursts of 10, from all callers of all its APIs together.", "no plan changes it"}},
		{"a rate of 0", throttled(limit.LayerPlan, 0, 0, 0, 0), []string{"Refused by a rate of 0", "a rate or a burst of 0 refuses every request", "waiting does not help"}},
		{"two limits at once", func(r *models.Receipt) {
			throttled(limit.LayerMethod, 2, 4, 1900*time.Millisecond, 400*time.Millisecond)(r)
			*r.Limits.Of(limit.LayerPlan) = models.ReceiptLimit{Limited: true, Rate: 1, Limit: 1, Reset: 700 * time.Millisecond}
		}, []string{"This limit would have let it pass 400 ms later, and all of them 700 ms later, had no other request come meanwhile."}},
		{"the quota", quota(10_000, 0, 12*time.Hour), []string{"The quota is used up", "The plan Free includes 10,000 requests a day for each key. All 10,000 were used, 0 remained. Nothing was charged.",
			"The same request would have passed 12 h later: the count starts anew on 3 Mar 2026, 00:00 UTC.", "0 of 10,000"}},
		{"an extended quota", quota(10_500, 0, 12*time.Hour), []string{"includes 10,000 requests a day for each key, and this key had 500 extra in this period. All 10,500 were used"}},
		{"a quota of 0", quota(0, 0, 0), []string{"Refused by a quota of 0", "includes no requests", "waiting does not help"}},
		{"expired", since("key-expired", 90*time.Second), []string{"The API key is expired", "The key expired on 2 Mar 2026, 11:58 UTC, 1 min 30 s before this request.", "#settings"}},
		{"replaced", since("key-replaced", 2*time.Hour), []string{"an old value of the key: it was replaced by a rotation, and stopped working on 2 Mar 2026, 10:00 UTC, 2 h before this request.", "/callers"}},
		{"revoked", denied("key-revoked"), []string{"The key was revoked, which is final.", "/keys/new"}},
		{"disabled", denied("key-disabled"), []string{"The key was switched off when the request came."}},
		{"no plan", func(r *models.Receipt) { r.Problem, r.PlanID, r.PlanVersion = "no-plan", 0, 0 }, []string{"The key was on no plan that opens the stage prod of Echo API.", "Compare the API's plans", "Growth", "Scale"}},
		{"plan over", denied("plan-ended"), []string{"The plan Free, by which the key called the stage prod of Echo API, had ended."}},
		{"not approved", denied("subscription-pending"), []string{"The subscription to the plan Free was not approved yet.", "Open the subscription"}},
		{"suspended", denied("subscription-suspended"), []string{"was suspended by the plan's owner"}},
		{"blocked", denied("key-blocked"), []string{"The owner of the plan Free had blocked this key on it."}},
		{"left out", denied("operation-not-in-plan"), []string{"The plan Free, version 1, opens the stage prod of Echo API, but leaves out GET /users/{id}.", "Growth"}},
		{"the ledger", func(r *models.Receipt) { r.Problem, r.Status = "ledger-busy", 503 }, []string{"The ledger of quotas is busy", "did not answer in a quarter of a second", "503"}},
		{"under way", func(r *models.Receipt) { r.Outcome, r.Status = models.OutcomeOpen, 0 }, []string{"Let through, without an end on record", "it is still under way, or the gateway stopped before it ended", "none yet"}},
		{"success", admitted(models.OutcomeSuccess, "", 200), []string{"Let through, and answered 200", "Passed", "passed every limit of the plan Free, and the API answered 200 after 43 ms.", "It took one request of the quota.", "3.5 kB", "12 B",
			"As they were behind this request"}},
		{"unreachable", admitted(models.OutcomeUpstream, "upstream-unreachable", 502), []string{"The upstream cannot be reached", "No connection to the API's own server could be made", "It took one request of the quota."}},
		{"too slow", admitted(models.OutcomeUpstream, "upstream-timeout", 504), []string{"did not begin to answer within the stage's timeout"}},
		{"broken off", admitted(models.OutcomeUpstream, "", 200), []string{"The API broke off its answer", "began to answer 200 after 43 ms, but broke off in the middle of its answer"}},
		{"left", admitted(models.OutcomeAborted, "", 200), []string{"Let through, and broken off", "The client went away before the answer was complete"}},
		{"cut", admitted(models.OutcomeAborted, "key-revoked", 403), []string{"The API key is revoked", "and was forwarded. The key was revoked"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p.kept[receiptID] = p.refusal(made, p.free, tt.change)
			got := b.get("/requests/" + receiptID)
			if got.status != http.StatusOK {
				t.Fatalf("status %d", got.status)
			}
			got.has(t, tt.want...)
		})
	}
}

func TestReceiptTellsOfGivingBack(t *testing.T) {
	p := openDeveloperPortal(t)
	terms := models.NewTerms("Delivered")
	terms.Charge, terms.Quota, terms.Stages = models.ChargeDelivered, &limit.Quota{Limit: 10, Period: limit.PeriodDay}, []models.PlanStage{{StageID: p.beta.ID}}
	plan, err := p.store.CreatePlan(t.Context(), storetest.Actor(p.owner), terms, p.clock)
	ok(t, err)
	plan, err = p.store.PublishPlan(t.Context(), storetest.Actor(p.owner), plan.ID, p.clock)
	ok(t, err)
	made := p.subscribe(plan, "Acme")
	p.kept[receiptID] = p.refusal(made, plan, func(r *models.Receipt) {
		r.Outcome, r.Status, r.StageID = models.OutcomeServerError, 503, p.beta.ID
		*r.Limits.Of(limit.LayerQuota) = models.ReceiptLimit{Limited: true, Limit: 10, Remaining: 9}
	})
	p.signedIn("developer@example.com").get("/requests/"+receiptID).has(t, "The plan charges delivered answers alone: this request was given back to the quota.")
}

// What another plan would have done depends on every request before, but not where that plan has no limit at all.
func TestOnlyAPlanWithoutLimitsCertainlyPasses(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.free, "Acme")
	terms := models.NewTerms("Unlimited")
	terms.Stages = []models.PlanStage{{StageID: p.prod.ID}}
	plan, err := p.store.CreatePlan(t.Context(), storetest.Actor(p.owner), terms, p.clock)
	ok(t, err)
	_, err = p.store.PublishPlan(t.Context(), storetest.Actor(p.owner), plan.ID, p.clock)
	ok(t, err)
	b := p.signedIn("developer@example.com")
	show := func(change func(*models.Receipt)) string {
		p.kept[receiptID] = p.refusal(made, p.free, change)
		return b.get("/requests/" + receiptID).text()
	}
	late := throttled(limit.LayerPlan, 50, 100, 2*time.Second, 14*time.Millisecond)
	if got := show(late); strings.Count(got, "would have passed it") != 2 || !strings.Contains(got, "The plan Unlimited would have passed it.") {
		t.Errorf("a throttled request: %s", got)
	}
	if got := show(func(r *models.Receipt) {
		late(r)
		*r.Limits.Of(limit.LayerStage) = models.ReceiptLimit{Limited: true, Rate: 1, Limit: 9, Remaining: 9}
	}); strings.Contains(got, "would have passed it") || !strings.Contains(got, "Unlimited") {
		t.Errorf("with a stage that limits all: %s", got)
	}
	if got := show(denied("operation-not-in-plan")); strings.Contains(got, "would have passed it") {
		t.Errorf("not refused by a limit: %s", got)
	}
	if got := show(denied("key-revoked")); strings.Contains(got, "Other plans") {
		t.Errorf("no plan helps a revoked key: %s", got)
	}
}

// loggedReceipts are a request log that has each receipt of a test, of requests that took so long.
type loggedReceipts struct {
	models.RequestLog
	kept keptReceipts
	took time.Duration
}

// Entry implements models.RequestLog.
func (l loggedReceipts) Entry(_ context.Context, id string) (models.LogEntry, error) {
	r, err := l.kept.Receipt(id)
	return models.LogEntry{Receipt: r, Total: l.took, Gateway: l.took}, err
}

// Which of its second's requests one was, and whether a plan with limits would have passed it, is said where the recording of the key's calls proves it.
func TestReceiptSaysWhatTheRecordingProves(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.free, "Acme")
	terms := models.NewTerms("Meagre")
	terms.Throttle, terms.Quota, terms.Stages = &limit.Throttle{Rate: 100, Burst: 200}, &limit.Quota{Limit: 10, Period: limit.PeriodDay}, []models.PlanStage{{StageID: p.prod.ID}}
	plan, err := p.store.CreatePlan(t.Context(), storetest.Actor(p.owner), terms, p.clock)
	ok(t, err)
	_, err = p.store.PublishPlan(t.Context(), storetest.Actor(p.owner), plan.ID, p.clock)
	ok(t, err)
	p.clock = p.clock.Add(10 * time.Minute)
	refusal := p.refusal(made, p.free, throttled(limit.LayerPlan, 5, 10, 1940*time.Millisecond, 140*time.Millisecond))
	refusal.At = p.clock.Add(200 * time.Millisecond)
	p.kept[receiptID] = refusal
	arrival := models.Arrival{KeyID: made.Key.ID, PlanID: p.free.ID, StageID: p.prod.ID, MethodID: refusal.MethodID, Second: p.clock.Unix(), Admitted: 10, Throttled: 1}
	earlier := arrival
	earlier.Second, earlier.Admitted, earlier.Throttled = arrival.Second-300, 1, 0
	over := arrival
	over.Second, over.Admitted, over.Throttled, over.OverQuota = arrival.Second-150, 0, 0, 1
	ok(t, p.recorder.Keep([]models.Arrival{earlier, over, arrival}))
	cell := models.UsageCell{KeyID: made.Key.ID, PlanID: p.free.ID, StageID: p.prod.ID, MethodID: refusal.MethodID, Minute: p.clock.Truncate(time.Minute).Unix(), Outcome: models.OutcomeSuccess, Count: 10}
	refused := cell
	refused.Outcome, refused.Count = models.OutcomeThrottled, 1
	ok(t, p.store.CommitUsage(t.Context(), models.UsageBatch{Cells: []models.UsageCell{cell, refused}}))
	b := p.signedIn("developer@example.com")
	path := "/requests/" + receiptID
	b.get(path).hasNot(t, "In that second", "would have passed it") // how long it took is not known
	p.receipts.Log = loggedReceipts{kept: p.kept, took: time.Millisecond}
	b.get(path).hasNot(t, "In that second", "would have passed it") // of a second that may not be over
	p.clock = p.clock.Add(5 * time.Second)
	got := b.get(path)
	got.says(t, "In that second this key sent 11 requests on the plan: 10 passed, 1 was refused. This was the 11th of them.", "The plans ", " would have passed it.", "is certain", "Meagre 100 requests a second, bursts of 200 · 10 requests a day not certain")
	if n := strings.Count(got.text(), "would have passed it"); n != 3 {
		t.Errorf("said %d times", n)
	}
	used := strings.Repeat("c", 32)
	p.kept[used] = p.refusal(made, p.free, func(r *models.Receipt) {
		r.ID, r.At, r.Outcome, r.Problem, r.Status, r.Layer, r.RetryAfter = used, time.Unix(over.Second, 5e8), models.OutcomeQuota, "quota-exceeded", 429, limit.LayerQuota, time.Hour
		*r.Limits.Of(limit.LayerQuota) = models.ReceiptLimit{Limited: true, Limit: 10_000, Reset: time.Hour, Period: limit.PeriodDay}
	})
	b.get("/requests/"+used).says(t, "The quota is used up", "The plans ", " would have passed it.")
	refusal.Limits.Of(limit.LayerStage).Limited = true // and empty: what the stage lets pass to all is no plan's
	p.kept[receiptID] = refusal
	b.get(path).hasNot(t, "would have passed it")
	*refusal.Limits.Of(limit.LayerStage) = models.ReceiptLimit{}
	p.kept[receiptID] = refusal
	in := models.NewOverride{Throttle: &limit.Throttle{Rate: 5, Burst: 10}, Reason: "Why not", EndsAt: p.clock.AddDate(0, 0, 1)}
	ok(t, p.store.SetKeyOverride(t.Context(), storetest.Actor(p.owner), made.Key.ID, p.free.ID, in, refusal.At.Add(-time.Minute)))
	got = b.get(path)
	got.says(t, "10 passed, 1 was refused.")
	got.hasNot(t, "This was the") // its limits changed a minute before
	denied := cell
	denied.Outcome, denied.Count = models.OutcomeDenied, 1
	ok(t, p.store.CommitUsage(t.Context(), models.UsageBatch{Cells: []models.UsageCell{denied}}))
	b.get(path).hasNot(t, "would have passed it") // what was denied, another plan might have counted
}

func TestReceiptIsHiddenFromAllButTheOwnersOfKeyAndAPI(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.free, "Acme")
	p.account(models.RoleOwner, "rival@example.com")
	p.account(models.RoleDeveloper, "other@example.com")
	p.account(models.RoleAdmin, "admin@example.com")
	p.kept[receiptID] = p.refusal(made, p.free, throttled(limit.LayerPlan, 50, 100, 2*time.Second, 14*time.Millisecond))
	gone := strings.Repeat("e", 32)
	p.kept[gone] = models.Receipt{}
	path := "/requests/" + receiptID
	p.signedIn("owner@example.com").get(path).has(t, "Throttled by the plan's rate", "API owner", "/owner/keys/"+made.Key.ID.String(), "developer@example.com", "/owner/plans/"+p.free.ID.String(), "/owner/usage?key=")
	unknown := "/requests/" + strings.Repeat("f", 32)
	for _, who := range []string{"rival", "other", "admin"} {
		b := p.signedIn(who + "@example.com")
		theirs, none := b.get(path), b.get(unknown)
		if theirs.status != http.StatusNotFound || none.status != http.StatusNotFound || theirs.same() != none.same() {
			t.Errorf("%s: %d, and %d for a request that is not there", who, theirs.status, none.status)
		}
		none.has(t, "There is no receipt of such a request for you.")
		if got := b.get("/requests/" + gone); got.status != http.StatusGone {
			t.Errorf("one that is not kept any more: %d", got.status)
		} else {
			got.has(t, "Not kept any more", "newer ones took its place")
		}
	}
	if got := p.visitor().get(path); got.status != http.StatusSeeOther || got.location != "/signin?next=%2Frequests%2F"+receiptID {
		t.Errorf("a visitor: %d to %q", got.status, got.location)
	}
	b := p.signedIn("developer@example.com")
	for _, hostile := range []string{strings.ToUpper(receiptID), receiptID + "0", receiptID[1:], "%30" + receiptID, receiptID + "%2f", receiptID + "/", "..%2F..%2Fkeys", strings.Repeat("a", 8000), "%00", "%ff%fe", "' OR 1=1 --", "<script>alert(1)</script>"} {
		if got := b.get("/requests/" + strings.ReplaceAll(strings.ReplaceAll(hostile, " ", "%20"), "<", "%3C")); got.status != http.StatusNotFound || strings.Contains(got.body, "<script>alert") {
			t.Errorf("%.40s: %d", hostile, got.status)
		}
	}
}

// The owner of an API sees what concerns it, and not whose a key is that is on none of his plans.
func TestReceiptOfAStrangersKeyNamesItByItsIDAlone(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.free, "Zanzibar")
	rival := p.account(models.RoleOwner, "rival@example.com")
	api, err := p.store.CreateAPI(t.Context(), storetest.Actor(rival), models.NewAPI{Name: "Rival API", Slug: "rival", KeySource: models.DefaultKeySource(), Methods: []models.Method{{Verb: "GET", Path: "/x", KeyRequired: true}}}, p.clock)
	ok(t, err)
	p.kept[receiptID] = p.refusal(made, models.Plan{}, func(r *models.Receipt) { r.Problem, r.APIID, r.StageID, r.PlanVersion = "no-plan", api.ID, 0, 0 })
	got := p.signedIn("rival@example.com").get("/requests/" + receiptID)
	got.has(t, "is on no plan", made.Key.ID.String(), "none of yours", "Rival API")
	got.hasNot(t, "Zanzibar", made.Key.Hint, "developer@example.com")
	p.signedIn("developer@example.com").get("/requests/"+receiptID).has(t, "Zanzibar")
	if got := p.signedIn("owner@example.com").get("/requests/" + receiptID); got.status != http.StatusNotFound {
		t.Errorf("the owner of the key's plan sees what it does elsewhere: %d", got.status)
	}
}

func TestKeyPagesListTheNewestRefusals(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.free, "Acme")
	b, owner := p.signedIn("developer@example.com"), p.signedIn("owner@example.com")
	own, owners := "/keys/"+made.Key.ID.String(), "/owner/keys/"+made.Key.ID.String()
	for _, got := range []answer{b.get(own), owner.get(owners)} {
		got.has(t, "Newest refusals", "No refusal of this key is on record.", "Older ones may be missing")
	}
	id := func(i int) string { return fmt.Sprintf("%032x", i) }
	for i := range 14 {
		p.kept[id(i)] = p.refusal(made, p.free, func(r *models.Receipt) {
			throttled(limit.LayerPlan, 50, 100, 2*time.Second, 14*time.Millisecond)(r)
			r.ID, r.At = id(i), p.clock.Add(time.Duration(i)*time.Minute-time.Hour)
			if i == 13 {
				r.APIID, r.Problem, r.Outcome, r.Layer = 1, "no-plan", models.OutcomeDenied, limit.LayerNone // of an API that is not this owner's
			}
		})
	}
	got := b.get(own)
	got.has(t, "The API key is on no plan for this stage", "Throttled by the plan's rate", "GET /users/{id} · Echo API · prod", "/requests/"+id(13), "/requests/"+id(4), "Older ones may be missing")
	got.hasNot(t, "/requests/"+id(3), "No refusal of this key")
	got = owner.get(owners)
	got.has(t, "/requests/"+id(12), "/requests/"+id(3))
	got.hasNot(t, "/requests/"+id(13), "/requests/"+id(2), "on no plan for this stage")
}

// Where no receipts are kept, nothing promises any.
func TestPagesDoWithoutReceipts(t *testing.T) {
	p := openOwnerPortal(t) // its pages have none
	w := p.world(p.owner, "weather", nil)
	key, _, err := p.store.CreateCustomerKey(t.Context(), storetest.Actor(p.owner), models.NewCustomerKey{Name: "Customer", Plans: []models.PlanID{w.plan.ID}}, p.clock)
	ok(t, err)
	p.signedIn("owner@example.com").get("/owner/keys/"+key.ID.String()).hasNot(t, "Newest refusals")
}

func TestRefusedTestRequestLeadsToItsReceipt(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.growth, "Acme")
	b := p.signedIn("developer@example.com")
	detail, err := p.store.OwnKey(t.Context(), p.developer.ID, made.Key.ID)
	ok(t, err)
	call := detail.Calls[0].StageID.String() + "." + detail.Calls[0].Methods[0].ID.String()
	path := "/keys/" + made.Key.ID.String() + "/try"
	for instance, want := range map[string]string{
		"https://portal.example.com/requests/" + receiptID: `href="/requests/` + receiptID + `"`, "https://portal.example.com/requests/../apis": `href="/requests/..%2Fapis"`, "https://evil.example/requests/x": "", "": "",
	} {
		p.answer = answered(429, `{"detail":"Too fast.","instance":"`+instance+`"}`, "Content-Type", "application/problem+json")
		got := b.fragment(path, "call", call)
		got.has(t, "Too fast.", want)
		if want == "" {
			got.hasNot(t, "See the numbers")
		}
	}
}
