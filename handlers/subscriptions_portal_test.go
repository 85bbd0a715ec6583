package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

func TestSubscriptionSaysItsTermsInWords(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.growth, "Acme")
	p.used[made.Key.ID] = 642_000
	got := p.signedIn("developer@example.com").get("/subscriptions/" + made.Subscription.ID.String())
	got.says(t, "100 requests at once", "50 a second", "Each key may make 1,000,000", "642,000", "7 of 100 requests can be sent at once now", "Change plan", "Subscribed")
}

func TestPlanIsChangedAfterAComparison(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.growth, "Acme")
	b := p.signedIn("developer@example.com")
	path := "/subscriptions/" + made.Subscription.ID.String()
	got := b.get(path + "/change")
	got.says(t, "Your plan", "Choose Free", "Ask with another app", "50 rps", "5 rps")
	question := b.get(path + "/change?to=" + p.free.ID.String())
	question.says(t, "Change Acme from Growth to Free?", "Counts begin at 0", "1 stage that Growth opens can no longer be called")
	done := b.post(path+"/change", "to", p.free.ID.String())
	if done.status != http.StatusSeeOther || !strings.HasPrefix(done.location, "/subscriptions/") {
		t.Fatalf("changing: %d to %q\n%s", done.status, done.location, done.text())
	}
	b.get(done.location).says(t, "Free", "The new limits hold from the next request on.")
	b.get(path).says(t, "Ended")
	for _, to := range []string{"", "x", "aaaaaaaaaa"} {
		if got := b.post(done.location+"/change", "to", to); got.status != http.StatusNotFound && got.status != http.StatusUnprocessableEntity {
			t.Errorf("to %q: %d", to, got.status)
		}
	}
}

// Flow 8 of the design: both plans stand side by side with what the app's own calls met on each, and the question says it again.
func TestPlansAreComparedOnOnesOwnTraffic(t *testing.T) {
	p := openDeveloperPortal(t)
	made, other := p.subscribe(p.growth, "Acme"), p.subscribe(p.growth, "Other")
	b := p.signedIn("developer@example.com")
	path := "/subscriptions/" + made.Subscription.ID.String() + "/change"
	b.get(path).says(t, "No traffic has been recorded yet")
	var some []models.Arrival
	for i, key := range []models.KeyID{made.Key.ID, other.Key.ID} {
		some = append(some, models.Arrival{KeyID: key, PlanID: p.growth.ID, StageID: p.prod.ID, MethodID: 1, Second: p.clock.AddDate(0, 0, -3).Unix(), Admitted: int64(50 + i)})
	}
	ok(t, p.recorder.Keep(some))
	p.clock = p.clock.Add(11 * time.Minute) // what was found is kept for ten
	got := b.get(path)
	// 10 of 50 at once pass on Free; spread over the second, 4 more come back meanwhile.
	got.says(t, "50 calls of this app, replayed through the limits of each plan", "Your own calls refused", "none of 50", "36 to 40 of 50")
	got.hasNot(t, "of 51")
	b.get(path+"?to="+p.free.ID.String()).says(t, "of 50 calls, today's limits refuse none; these would refuse 36 to 40.")
}

func TestChangeToAPlanThatAsksIsRefusedInWords(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.growth, "Acme")
	b := p.signedIn("developer@example.com")
	got := b.post("/subscriptions/"+made.Subscription.ID.String()+"/change", "to", p.ask.ID.String())
	if got.status != http.StatusUnprocessableEntity {
		t.Fatalf("changing to a plan that asks: %d to %q", got.status, got.location)
	}
	got.says(t, "Change Acme from Growth to Scale?", "owner")
}

func TestCancellingNamesWhatStops(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.growth, "Acme")
	p.record(made.Key.ID, p.growth, 1_204, models.OutcomeSuccess)
	b := p.signedIn("developer@example.com")
	path := "/subscriptions/" + made.Subscription.ID.String()
	b.get(path+"/cancel").says(t, "1,204 calls came with the app's keys in the last 24 hours", "The key Acme key on Echo API")
	if got := b.post(path + "/cancel"); got.location != "/apps/"+made.App.ID.String() {
		t.Fatalf("cancelling: %d to %q", got.status, got.location)
	}
	b.get("/apps/"+made.App.ID.String()).says(t, "Growth ended", "This app is on no plan")
	b.get("/keys/"+made.Key.ID.String()).says(t, "On no plan", "This key is on no plan, so it may call nothing")
}

func TestRefusalSaysWhyAndWhatNext(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.ask, "Batch")
	b := p.signedIn("developer@example.com")
	path := "/subscriptions/" + made.Subscription.ID.String()
	b.get(path).says(t, "Waiting for approval", "until the owner approves")
	_, err := p.store.DecideSubscription(t.Context(), storetest.Actor(p.owner), made.Subscription.ID, models.Refuse, "Tell us more", p.clock)
	ok(t, err)
	got := b.get(path)
	got.says(t, "Refused", "Reason: Tell us more.", "You may ask again", "/apis/echo")
	got.hasNot(t, path+"/cancel", path+"/change")
}

func TestPlanWithRoomForFewerKeysSaysWhatToRevoke(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.growth, "Acme")
	_, _, err := p.store.CreateKey(t.Context(), storetest.Actor(p.developer), models.NewKey{AppID: made.App.ID, Name: "second"}, p.clock)
	ok(t, err)
	b := p.signedIn("developer@example.com")
	path := "/subscriptions/" + made.Subscription.ID.String() + "/change"
	b.get(path).says(t, "Revoke 1 key first")
	b.get(path+"?to="+p.free.ID.String()).says(t, "Free allows 1 key for an app; Acme has 2.")
	if got := b.post(path, "to", p.free.ID.String()); got.status != http.StatusUnprocessableEntity {
		t.Errorf("too many keys: %d", got.status)
	}
}

func TestRequestThatWaitsCanBecomeAnOpenPlan(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.ask, "Batch")
	b := p.signedIn("developer@example.com")
	got := b.post("/subscriptions/"+made.Subscription.ID.String()+"/change", "to", p.free.ID.String())
	if got.status != http.StatusSeeOther {
		t.Fatalf("%d: %s", got.status, got.text())
	}
	b.get(got.location).says(t, "Free", "Active")
}
