package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/models"
)

// TestPlansStandSideBySide: limits, what differs by operation, and a way to each plan; a visitor sees no plan that is for invited people.
func TestPlansStandSideBySide(t *testing.T) {
	p := openPortal(t)
	_, plans := p.weather()
	page := p.visitor().get("/apis/weather/plans")
	page.has(t, "Plans of Weather API", "Free", "Growth", "10,000 requests a month", "GET /forecast on prod", "1 rps, burst 1", "POST /stations on prod", "Not included", "Included",
		"Sign in", "/signin?next=%2Fapis%2Fweather%2Fplans", "Ask to subscribe", plans["Free"].ID.String())
	page.hasNot(t, "Friends")
	if got := strings.Count(page.body, `class="btn pri sm"`); got != 1 {
		t.Errorf("%d primary buttons, want 1", got)
	}
	if got := p.visitor().get("/apis/nothing/plans"); got.status != http.StatusNotFound {
		t.Errorf("of no API: %d", got.status)
	}
	p.visitor().get("/apis/weather").has(t, `href="/apis/weather/plans"`)
}

// TestPlansSayWhatTheyWouldHaveRefusedOfOnesOwnCalls: each app's traffic is replayed through every plan, and nobody else's.
func TestPlansSayWhatTheyWouldHaveRefusedOfOnesOwnCalls(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.growth, "Acme")
	ok(t, p.recorder.Keep([]models.Arrival{{KeyID: made.Key.ID, PlanID: p.growth.ID, StageID: p.prod.ID, MethodID: 1, Second: p.clock.AddDate(0, 0, -3).Unix(), Admitted: 50}}))
	got := p.signedIn("developer@example.com").get("/apis/echo/plans")
	// 10 of 50 at once pass on Free; spread over the second, 4 more come back meanwhile.
	got.says(t, "Refused of what Acme sent", "36 to 40 of 50", "none of 50", "50 calls of this app, replayed")
	got.hasNot(t, "Sign in")
	p.account(models.RoleDeveloper, "other@example.com")
	p.signedIn("other@example.com").get("/apis/echo/plans").hasNot(t, "Acme")
}
