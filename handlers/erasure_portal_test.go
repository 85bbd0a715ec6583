package handlers_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// Who deletes their account proves their password and reads what stops; afterwards its keys are revoked, nobody can sign in, and the owner's pages and the audit log name nobody.
func TestDeletedAccountNamesNobody(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	made := p.subscribe(w.plan, "Ana's shop")
	ok(t, p.store.AddCustomerNote(t.Context(), storetest.Actor(p.owner), models.CustomerRef{AccountID: p.developer.ID}, "Ana pays late", p.clock))
	b := p.signedIn("developer@example.com")
	b.get("/me").has(t, "/me/data", "/me/delete")
	file := b.get("/me/data")
	var data models.AccountData
	if err := json.Unmarshal([]byte(file.body), &data); err != nil {
		t.Fatal(err)
	}
	if data.Email != "developer@example.com" || len(data.Apps) != 1 || len(data.Apps[0].Keys) != 1 || data.Apps[0].Subscriptions[0].Plan != "echo plan" || len(data.Events) == 0 || strings.Contains(file.body, "pays late") {
		t.Errorf("data: %s", file.body)
	}
	b.get("/me/delete").has(t, "Delete your account?", "Ana&#39;s shop: ", "1 subscription")
	b.post("/me/delete", "current", "not the password").again(t, "This is not your password.")
	if got := b.post("/me/delete", "current", password); got.location != "/" {
		t.Fatalf("%d to %q\n%s", got.status, got.location, got.text())
	}
	if got := b.get("/me"); got.status != http.StatusSeeOther {
		t.Errorf("still signed in: %d", got.status)
	}
	keys, err := p.store.Key(t.Context(), p.owner.ID, made.Key.ID)
	if err == nil && keys.RevokedAt.IsZero() {
		t.Errorf("the key still works")
	}
	o := p.signedIn("owner@example.com")
	for _, path := range []string{"/owner/audit", "/owner/customers/" + p.developer.ID.String(), "/owner/subscriptions/" + made.Subscription.ID.String(), "/owner/subscriptions?state=all"} {
		o.get(path).hasNot(t, "developer@example.com", "Ana&#39;s", "Ana pays", "Test developer", "Please")
	}
	o.get("/owner/customers/"+p.developer.ID.String()).has(t, "Deleted account")
}

// Whoever others depend on cannot go: an owner with plans in force, and the last administrator.
func TestAccountThatOthersDependOnIsNotDeleted(t *testing.T) {
	p := openOwnerPortal(t)
	p.world(p.owner, "echo", nil)
	b := p.signedIn("owner@example.com")
	b.get("/me/delete").has(t, "published plans that are in force (1)")
	b.post("/me/delete", "current", password).again(t, "End them first.")
	admin := p.account(models.RoleAdmin, "admin@example.com")
	a := p.signedIn("admin@example.com")
	a.post("/me/delete", "current", password).again(t, "This is the last administrator.")
	path := "/admin/accounts/" + p.developer.ID.String()
	a.post(path+"/delete", "confirm", "other@example.com").again(t, "Type the e-mail address of the account to confirm.")
	if got := a.post(path+"/delete", "confirm", "developer@example.com"); got.location != "/admin/accounts" {
		t.Errorf("an administrator: %d %s", got.status, got.text())
	}
	a.get("/admin/accounts").hasNot(t, "developer@example.com")
	gone := a.get(path)
	gone.has(t, "Deleted on")
	gone.hasNot(t, "Enable account", "Make a link")
	a.post(path+"/enable").again(t, "This account was deleted")
	a.post(path+"/reset-link").again(t, "This account is disabled")
	if got := a.post("/admin/accounts/"+admin.ID.String()+"/delete", "confirm", "admin@example.com"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("oneself: %d", got.status)
	}
}
