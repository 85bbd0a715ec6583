package handlers_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

func TestAlertsAreMadeChangedMutedAndDeleted(t *testing.T) {
	p := openNoticePortal(t, true)
	nora := p.account(models.RoleDeveloper, "nora@example.com")
	p.account(models.RoleDeveloper, "otto@example.com")
	app, err := p.store.CreateApp(t.Context(), storetest.Actor(nora), "Acme", p.clock)
	ok(t, err)
	p.clock = p.clock.Add(time.Second) // so that the new one is the last of the list
	b := p.signedIn("nora@example.com")
	b.get("/alerts").says(t, "A key has used 50 %, 80 % and 100 % of its quota", "A key expires in 14, 3 and 1 days", "Your e-mail address is not confirmed", "Never")
	b.get("/alerts/new").says(t, "App Acme", "Throttling")
	bad := b.post("/alerts", "kind", "throttled", "levels", "many", "minutes", "15", "scope", "app:aaaaaaaaaa")
	if bad.status != http.StatusUnprocessableEntity {
		t.Fatalf("%d", bad.status)
	}
	bad.says(t, "Enter whole numbers")
	b.post("/alerts", "kind", "throttled", "levels", "500", "minutes", "15", "scope", "app:"+app.ID.String()).says(t, "Enter whole percent from 1 to 100", "Choose e-mail, webhooks or both")
	if got := b.post("/alerts", "kind", "throttled", "levels", "20", "minutes", "15", "scope", "app:"+app.ID.String(), "mail", "on"); got.location != "/alerts" {
		t.Fatalf("%d %s", got.status, got.text())
	}
	list := b.get("/alerts")
	list.says(t, "20 % of requests are throttled, over 15 minutes", "Keys of the app Acme")
	paths := regexp.MustCompile(`/alerts/[a-z0-9]{10}`).FindAllString(list.body, -1)
	path := paths[len(paths)-1]
	b.get(path).says(t, "It has told nobody yet")
	if got := b.post(path, "kind", "errors", "levels", "30", "minutes", "60", "webhook", "on"); got.location != path {
		t.Fatalf("%d %s", got.status, got.text())
	}
	b.get("/alerts").says(t, "30 % of requests are throttled, over 60 minutes") // its kind stays
	b.post(path+"/mute", "for", "forever")
	b.get(path).says(t, "Nobody is told until you say so")
	b.get("/alerts").says(t, "Muted")
	b.post(path+"/mute", "for", "0")
	b.get("/alerts").hasNot(t, "Muted")
	for _, other := range []string{path, "/owner" + path} {
		if got := p.signedIn("otto@example.com").get(other); got.status != http.StatusNotFound {
			t.Errorf("another's %s: %d", other, got.status)
		}
	}
	b.post(path + "/delete")
	if got := b.get(path); got.status != http.StatusNotFound {
		t.Errorf("deleted: %d", got.status)
	}
	for levels, problem := range map[string]string{"61": "Enter whole minutes from 1 to 60", "3, 5": "Enter one number", "": "Enter a number of minutes"} {
		again := b.post("/alerts", "kind", "minutes", "levels", levels, "mail", "on")
		if again.status != http.StatusUnprocessableEntity {
			t.Errorf("%q: %d", levels, again.status)
		}
		again.says(t, problem)
	}
	if got := b.post("/alerts", "kind", "minutes", "levels", "10", "minutes", "5", "mail", "on"); got.location != "/alerts" {
		t.Fatalf("%d %s", got.status, got.text())
	}
	list = b.get("/alerts")
	list.says(t, "Requests are throttled in 10 minutes of an hour")
	for _, path := range regexp.MustCompile(`/alerts/[a-z0-9]{10}`).FindAllString(list.body, -1) {
		if one := b.get(path); strings.Contains(one.text(), "throttled in 10") {
			one.hasNot(t, "Share of the last")
		}
	}
	hooks, _, err := p.store.CreateWebhook(t.Context(), storetest.Actor(nora), models.SideDeveloper, models.NewWebhook{URL: "https://example.com/hook", Kinds: []models.NoticeKind{models.NoticeQuota}}, p.clock)
	ok(t, err)
	ok(t, p.store.EnableWebhook(t.Context(), storetest.Actor(nora), models.SideDeveloper, hooks.ID, false, p.clock))
	b.get("/alerts").says(t, "A webhook takes nothing")
}
