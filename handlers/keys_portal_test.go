package handlers_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

func TestNewKeyIsShownOnceAndCountsAgainstThePlan(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.growth, "Acme")
	b := p.signedIn("developer@example.com")
	app := "/apps/" + made.App.ID.String()
	b.get(app+"/keys/new").says(t, "The key will be on the plan Growth")
	got := b.post(app+"/keys", "name", "staging", "expires", "2026-09-01")
	page := b.get(got.location)
	if page.shownSecret() == "" {
		t.Fatalf("the key is not shown: %d to %q", got.status, got.location)
	}
	page.says(t, "1 Sep 2026, 00:00")
	b.get(app).says(t, "2 of 2 keys")
	b.get(app+"/keys/new").says(t, "This app has all the keys it may have", "The plan Growth allows an app 2")
	if got := b.post(app+"/keys", "name", "third"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("one key too many: %d", got.status)
	}
}

func TestNewKeyKeepsWhatWasTyped(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.growth, "Acme")
	b := p.signedIn("developer@example.com")
	tests := []struct{ name, key, expires, field, want string }{
		{"no name", "", "2030-01-01", `value="2030-01-01"`, "Enter a name."},
		{"no day", "staging", "soon", `value="staging"`, "Enter a day such as"},
		{"a day that is over", "staging", "2020-01-01", `value="2020-01-01"`, "Choose a time in the future"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := b.post("/apps/"+made.App.ID.String()+"/keys", "name", tt.key, "expires", tt.expires)
			if got.status != http.StatusUnprocessableEntity {
				t.Fatalf("status %d", got.status)
			}
			got.says(t, tt.field, tt.want)
		})
	}
}

func TestRotationKeepsTheOldValueForTheChosenTime(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.growth, "Acme")
	p.record(made.Key.ID, p.growth, 40, models.OutcomeSuccess)
	b := p.signedIn("developer@example.com")
	key := "/keys/" + made.Key.ID.String()
	b.get(key+"/rotate").says(t, "40 calls came with this key in the last 24 hours", `value="24h" checked`)
	if got := b.post(key+"/rotate", "overlap", "forever"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("an overlap that nobody offered: %d", got.status)
	}
	got := b.post(key+"/rotate", "overlap", "1h")
	page := b.get(got.location)
	if page.shownSecret() == "" {
		t.Fatal("the new value is not shown")
	}
	page.says(t, "Rotated", "has a new value", "The value from before the rotation works until 2 Mar 2026, 13:00", "for 1 h more")
	if got := b.post(key + "/stop-old"); got.status != http.StatusSeeOther {
		t.Fatalf("stopping the old value: %d", got.status)
	}
	page = b.get(key)
	page.says(t, "Only the new one works now")
	page.hasNot(t, "The value from before the rotation works")
}

func TestRevokedKeyIsGreyedAndStays(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.growth, "Acme")
	b := p.signedIn("developer@example.com")
	key := "/keys/" + made.Key.ID.String()
	b.get(key+"/revoke").says(t, "Revoke Acme key?", "Nothing called with this key in the last 24 hours", "Calls of Echo API · prod")
	if got := b.post(key + "/revoke"); got.location != "/apps/"+made.App.ID.String() {
		t.Fatalf("revoking: %d to %q", got.status, got.location)
	}
	b.get("/apps/"+made.App.ID.String()).says(t, `<tr class="off">`, "Revoked 2 Mar 2026", "0 of 2")
	page := b.get(key)
	page.says(t, "Revoked on 2 Mar 2026", "Make a new key.")
	page.hasNot(t, key+"/rotate", key+"/try", ">Limits<", "can be sent at once")
}

func TestExpiryIsExplainedAndCanBeMoved(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.growth, "Acme")
	b := p.signedIn("developer@example.com")
	key := "/keys/" + made.Key.ID.String()
	b.post(key+"/expiry", "expires", "2026-03-05")
	b.get(key).says(t, "This key stops working in 2 days, on 5 Mar 2026", "stops working on 5 Mar 2026, 00:00")
	b.get("/home").says(t, "The key Acme key stops working in 2 days")
	p.clock = p.clock.AddDate(0, 0, 5)
	b = p.signedIn("developer@example.com")
	expired := b.get(key)
	expired.says(t, "Expired", "Set a later day, and it works again.")
	expired.hasNot(t, "can be sent at once now")
	b.post(key+"/expiry", "expires", "")
	b.get(key).says(t, "The key works until you revoke it.", "Active")
	got := b.post(key+"/expiry", "expires", "1999-01-01")
	if got.status != http.StatusUnprocessableEntity {
		t.Fatalf("a day that is over: %d", got.status)
	}
	got.says(t, `value="1999-01-01"`, "Choose a time in the future")
}

func TestRenamingKeepsWhatWasTyped(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.growth, "Acme")
	b := p.signedIn("developer@example.com")
	long := strings.Repeat("n", 81)
	for _, path := range []string{"/keys/" + made.Key.ID.String() + "/rename", "/apps/" + made.App.ID.String() + "/rename"} {
		got := b.post(path, "name", long)
		if got.status != http.StatusUnprocessableEntity {
			t.Fatalf("%s: %d", path, got.status)
		}
		got.says(t, `value="`+long+`"`, "at most 80 characters")
		if got := b.post(path, "name", "Better"); got.status != http.StatusSeeOther {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	b.get("/keys?q=bett").says(t, "Better")
	b.get("/keys?q=worse").says(t, "No key matches")
}

func TestTestRequestGoesWhereTheKeyMayAndShowsLimits(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.growth, "Acme")
	b := p.signedIn("developer@example.com")
	key := "/keys/" + made.Key.ID.String()
	detail, err := p.store.OwnKey(t.Context(), p.developer.ID, made.Key.ID)
	ok(t, err)
	var call string
	for _, c := range detail.Calls {
		for _, m := range c.Methods {
			if c.StageName == "beta" && m.Path == "/users/{id}" {
				call = c.StageID.String() + "." + m.ID.String()
			}
		}
	}
	p.answer = answered(200, `{"a":"<script>"}`, "Content-Type", "application/json", "RateLimit-Policy", `"quota";q=10000;w=86400`, "RateLimit", `"quota";r=9999;t=3600`, "Set-Cookie", "x=y")
	got := b.fragment(key+"/try", "call", call)
	if len(p.calls) != 1 || p.calls[0].Method != "GET" || p.calls[0].URL.Path != "/echo/beta/users/1" {
		t.Fatalf("the gateway got %v", p.calls)
	}
	got.says(t, "200", "9,999 of 10,000 requests of the quota left", "in 1 h.", "&lt;script&gt;")
	got.hasNot(t, "<html", "Set-Cookie", "<script>")
	page := b.post(key+"/try", "call", call)
	page.says(t, "Send again", "Back to the key", "9,999 of 10,000")
	for _, foreign := range []string{"", "x", p.prod.ID.String() + ".aaaaaaaaaa", "aaaaaaaaaa" + call[10:]} {
		if got := b.fragment(key+"/try", "call", foreign); got.status != http.StatusNotFound {
			t.Errorf("call %q: %d, want 404", foreign, got.status)
		}
	}
	if len(p.calls) != 2 {
		t.Errorf("%d calls went out, want 2", len(p.calls))
	}
}

func TestTestRequestExplainsRefusalsAndSilence(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.ask, "Batch")
	b := p.signedIn("developer@example.com")
	detail, err := p.store.OwnKey(t.Context(), p.developer.ID, made.Key.ID)
	ok(t, err)
	call := detail.Calls[0].StageID.String() + "." + detail.Calls[0].Methods[0].ID.String()
	path := "/keys/" + made.Key.ID.String() + "/try"
	p.answer = answered(403, `{"title":"Waiting","detail":"The owner has not approved this yet."}`, "Content-Type", "application/problem+json")
	b.fragment(path, "call", call).says(t, "403", "The owner has not approved this yet.")
	p.answer = answered(200, "\x89PNG\x00", "Content-Type", "image/png")
	b.fragment(path, "call", call).says(t, "it is not text and is not shown")
	p.answer = func(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded }
	b.fragment(path, "call", call).says(t, "No answer", "Nothing came within 10 s")
	p.answer = nil
	if got := b.post(path, "call", call); got.status != http.StatusInternalServerError {
		t.Errorf("a fault of the gateway: %d, want 500", got.status)
	}
}

func TestKeyMadeByAnOwnerIsOnTheOwnersPage(t *testing.T) {
	p := openDeveloperPortal(t)
	key, _, err := p.store.CreateCustomerKey(t.Context(), storetest.Actor(p.owner), models.NewCustomerKey{Name: "Customer", Plans: []models.PlanID{p.growth.ID}}, p.clock)
	ok(t, err)
	if got := p.signedIn("owner@example.com").get("/keys/" + key.ID.String()); got.location != "/owner/keys/"+key.ID.String() {
		t.Errorf("%d to %q", got.status, got.location)
	}
}

func TestKeyListPagesAndSearches(t *testing.T) {
	p := openDeveloperPortal(t)
	for i := range 3 {
		p.clock = p.clock.Add(time.Second)
		p.subscribe(p.free, "App "+string(rune('A'+i)))
	}
	b := p.signedIn("developer@example.com")
	b.get("/keys").says(t, "App A key", "App B key", "App C key")
	got := b.get("/keys?q=App+B")
	got.says(t, "App B key")
	got.hasNot(t, "App A key")
}
