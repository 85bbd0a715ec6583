package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
)

// TestStatementsAreTheOwnersAndTheDevelopersAlone: what is billed is read by those whom it concerns, and says the same to both.
func TestStatementsAreTheOwnersAndTheDevelopersAlone(t *testing.T) {
	p := openDeveloperPortal(t)
	p.account(models.RoleOwner, "stranger@example.com")
	made := p.subscribe(p.growth, "Acme")
	owner, developer, stranger := p.signedIn("owner@example.com"), p.signedIn("developer@example.com"), p.signedIn("stranger@example.com")
	owner.get("/owner/statements").says(t, "No month yet")
	developer.get("/statements").says(t, "No closed month yet")
	if lines := strings.Split(strings.TrimSpace(owner.get("/owner/statements.csv").body), "\n"); len(lines) != 1 {
		t.Errorf("a file without a month: %q", lines)
	}
	today := p.clock
	p.clock = time.Date(2026, time.February, 27, 12, 0, 0, 0, time.UTC)
	p.record(made.Key.ID, p.growth, 1_234, models.OutcomeSuccess)
	p.clock = today
	owner.get("/owner/statements").says(t, "February 2026", "Closing", "March 2026", "Running")
	ok(t, p.store.CloseMonths(t.Context(), p.clock))

	owner.get("/owner/statements").says(t, "Closed", "/owner/statements?month=2026-02", "/owner/statements.csv?month=2026-02")
	page := owner.get("/owner/statements?month=2026-02")
	page.says(t, "Statements of February 2026", "developer@example.com", "1,234")
	file := owner.get("/owner/statements.csv?month=2026-02")
	want := "month,customer_id,customer,email,plan_id,plan,key_id,key,charged,admitted,refunded,refused,extra,closed_at"
	lines := strings.Split(strings.TrimSpace(file.body), "\n")
	if strings.TrimSpace(lines[0]) != want || len(lines) != 2 || !strings.Contains(lines[1], ","+made.Key.ID.String()+",Acme key,1234,1234,0,0,0,") {
		t.Errorf("the file: %s", file.body)
	}
	owner.get("/owner/statements.json").says(t, `"charged":1234`, `"month":"2026-02"`)
	customer := strings.Split(lines[1], ",")[1]
	one := "month=2026-02&customer=" + customer
	owner.get("/owner/statements?"+one).says(t, "Statement of February 2026", "Acme key", "Growth", "1,234", "By operation", "Echo API · prod",
		"/owner/usage?customer="+customer)
	developer.get("/statements").says(t, "February 2026", "1,234", "/statements?month=2026-02&amp;customer="+customer)
	developer.get("/statements?"+one).says(t, "Statement of February 2026", "Acme key", "1,234")

	stranger.get("/owner/statements").says(t, "No month yet", "Create an API first.")
	for who, path := range map[*browser]string{stranger: "/owner/statements?" + one, owner: "/owner/statements?month=2026-03", developer: "/statements?month=2026-02&customer=x"} {
		if got := who.get(path); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	if got := stranger.get("/statements?" + one); got.status != http.StatusNotFound {
		t.Errorf("a stranger's own: %d", got.status)
	}
}
