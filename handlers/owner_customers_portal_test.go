package handlers_test

import (
	"net/http"
	"testing"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// A developer who subscribed is a customer: the owner finds everything that concerns his plans on one page, suspends and resumes, and notes what nobody else reads.
func TestCustomerPageHasAllThatConcernsTheOwner(t *testing.T) {
	p := openOwnerPortal(t)
	w, others := p.world(p.owner, "echo", nil), p.world(p.stranger, "other", nil)
	made, foreign := p.subscribe(w.plan, "App"), p.subscribe(others.plan, "Elsewhere")
	b := p.signedIn("owner@example.com")
	path := "/owner/customers/" + p.developer.ID.String()
	list := b.get("/owner/customers")
	list.has(t, path, "developer@example.com", "1 subscription")
	b.get("/owner/customers?q=deve").has(t, path)
	b.get("/owner/customers?q=nobody").has(t, "No customer matches")
	page := b.get(path)
	page.has(t, "Key App key", "/owner/subscriptions/"+made.Subscription.ID.String(), "Quota this month", "/owner/keys/"+made.Key.ID.String()+"/plans/"+w.plan.ID.String()+"/override", "Extend this period", "requested App on echo plan")
	page.hasNot(t, "Elsewhere", foreign.Key.ID.String())

	b.sees(b.post(path+"/notes", "text", "Pays by invoice\n<b>not bold</b>")).has(t, "Pays by invoice", "&lt;b&gt;", "owner@example.com")
	b.post(path+"/notes", "text", " ").again(t, "Write something to note.")
	b.sees(b.post(path+"/suspend", "reason", "Unpaid")).has(t, "1 subscription suspended.", "Resume all")
	b.sees(b.post(path+"/resume")).has(t, "1 subscription resumed.", "Suspend all")

	p.signedIn("stranger@example.com").get(path).hasNot(t, "Pays by invoice", "App key") // whose customer it is, too
	if got := p.signedIn("developer@example.com").get(path); got.status != http.StatusNotFound {
		t.Errorf("the developer: %d", got.status)
	}
	p.account(models.RoleOwner, "third@example.com")
	if got := p.signedIn("third@example.com").get(path); got.status != http.StatusNotFound {
		t.Errorf("an owner who has no such customer: %d", got.status)
	}
}

// Keys that an owner made are found by their customer id, which may be any text.
func TestCustomerIDsHaveAPageToo(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	for _, id := range []string{"C/7 & sons", "c/7 & SONS", "B-1"} {
		_, _, err := p.store.CreateCustomerKey(t.Context(), storetest.Actor(p.owner), models.NewCustomerKey{Name: "Key of " + id, CustomerID: id, Plans: []models.PlanID{w.plan.ID}}, p.clock)
		ok(t, err)
	}
	b := p.signedIn("owner@example.com")
	list := b.get("/owner/customers?kind=keys")
	list.has(t, "B-1", "1 key", "2 keys", "/owner/customers/of?id=")
	b.get("/owner/customers?kind=keys&q=b").hasNot(t, "sons")
	page := b.get("/owner/customers/of?id=C%2F7+%26+sons")
	page.has(t, "Key of C/7", "Key of c/7", "Quota this month")
	page.hasNot(t, "B-1")
	b.sees(b.post("/owner/customers/of/notes", "id", "C/7 & sons", "text", "Call Ana")).has(t, "Call Ana")
	if got := p.signedIn("stranger@example.com").get("/owner/customers/of?id=B-1"); got.status != http.StatusNotFound {
		t.Errorf("a stranger: %d", got.status)
	}
}
