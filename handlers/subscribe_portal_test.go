package handlers_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

var secretPattern = regexp.MustCompile(`<code id="secret"[^>]*>([A-Za-z0-9]{42})</code>`)

// shownSecret is the key value in a page, "" when there is none.
func (a answer) shownSecret() string {
	if m := secretPattern.FindStringSubmatch(a.body); m != nil {
		return m[1]
	}
	return ""
}

func TestSubscribingShowsTheKeyOnceWithCodeThatWorks(t *testing.T) {
	p := openDeveloperPortal(t)
	b := p.signedIn("developer@example.com")
	form := b.get("/apis/echo/subscribe?plan=" + p.free.ID.String())
	form.says(t, "Subscribe to Echo API", "An idle key may send", "10 requests at once", "10,000 requests a day", "Growth", `value="My first app"`)
	form.hasNot(t, "Message to the owner")
	got := b.post("/apis/echo/subscribe", "plan", p.free.ID.String(), "app", "new", "app_name", "Acme", "key_name", "ios")
	if got.status != http.StatusSeeOther || !strings.HasPrefix(got.location, "/keys/") || strings.Contains(got.body, "gwk1") {
		t.Fatalf("subscribing: %d to %q", got.status, got.location)
	}
	page := b.get(got.location)
	value := page.shownSecret()
	if value == "" {
		t.Fatalf("the key is not shown:\n%s", page.text())
	}
	page.says(t, "ios is ready", `curl https://gateway.example.com/echo/prod/get \ -H "x-api-key: `+value+`"`, "Send test request")
	if cache := page.header.Get("Cache-Control"); cache != "no-store" {
		t.Errorf("the page with the key may be cached: %q", cache)
	}
	again := b.get(got.location)
	again.hasNot(t, value)
	again.says(t, "was shown once and cannot be shown again", "/rotate", "$ECHO_KEY")
}

func TestSubscribeKeepsWhatWasTyped(t *testing.T) {
	p := openDeveloperPortal(t)
	b := p.signedIn("developer@example.com")
	got := b.post("/apis/echo/subscribe", "plan", p.ask.ID.String(), "app", "new", "app_name", " ", "key_name", "night", "message", "300 a second")
	if got.status != http.StatusUnprocessableEntity {
		t.Fatalf("an app without a name: %d", got.status)
	}
	got.says(t, "Enter a name.", `value="night"`, "300 a second", "Ask to subscribe")
	if apps, _ := p.store.Apps(t.Context(), p.developer.ID, models.Page{}); len(apps.Items) != 0 {
		t.Errorf("a refused form left %d apps", len(apps.Items))
	}
}

// TestAppOnAnotherPlanIsOfferedTheChange is R1 on the page: the clash is named before and after sending, and the change is one click away.
func TestAppOnAnotherPlanIsOfferedTheChange(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.growth, "Acme")
	b := p.signedIn("developer@example.com")
	change := "/subscriptions/" + made.Subscription.ID.String() + "/change?to=" + p.free.ID.String()
	b.get("/apis/echo/subscribe?plan="+p.free.ID.String()).says(t, "Calls Echo API · prod on Growth", change, "Change to Free")
	got := b.post("/apis/echo/subscribe", "plan", p.free.ID.String(), "app", made.App.ID.String())
	if got.status != http.StatusUnprocessableEntity {
		t.Fatalf("a second plan for a stage: %d to %q", got.status, got.location)
	}
	got.says(t, "Growth", change)
}

func TestAppWithAKeyGetsNoSecondOne(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.growth, "Acme")
	ok(t, p.store.CancelSubscription(t.Context(), storetest.Actor(p.developer), made.Subscription.ID, p.clock))
	b := p.signedIn("developer@example.com")
	got := b.post("/apis/echo/subscribe", "plan", p.free.ID.String(), "app", made.App.ID.String())
	if got.location != "/apps/"+made.App.ID.String() {
		t.Fatalf("subscribing an app that has a key: %d to %q\n%s", got.status, got.location, got.text())
	}
	b.get(got.location).says(t, "Acme is on Free now. Its key Acme key works for it")
}

func TestAskFirstPlanGivesAKeyThatWaits(t *testing.T) {
	p := openDeveloperPortal(t)
	b := p.signedIn("developer@example.com")
	b.get("/apis/echo/subscribe?plan="+p.ask.ID.String()).says(t, "Message to the owner", "Until it is approved the key answers 403")
	got := b.post("/apis/echo/subscribe", "plan", p.ask.ID.String(), "app", "new", "app_name", "Batch", "message", "nightly")
	page := b.get(got.location)
	if page.shownSecret() == "" {
		t.Fatal("the key of a waiting subscription is not shown")
	}
	page.says(t, "Waiting", "until then calls get 403")
	b.get("/home").says(t, "Waiting for approval", "until the owner approves")
}

func TestSubscribeRefusesPlansOfOthers(t *testing.T) {
	p := openDeveloperPortal(t)
	b := p.signedIn("developer@example.com")
	for _, plan := range []string{"", "aaaaaaaaaa", "x"} {
		if got := b.post("/apis/echo/subscribe", "plan", plan, "app", "new", "app_name", "Acme"); got.status != http.StatusNotFound {
			t.Errorf("plan %q: %d, want 404", plan, got.status)
		}
	}
	if got := b.get("/apis/nothing/subscribe"); got.status != http.StatusNotFound {
		t.Errorf("an API that is not there: %d", got.status)
	}
}
