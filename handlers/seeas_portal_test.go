package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"gatehouse/handlers"
	"gatehouse/models"
)

func noLimits(models.KeyID, models.PlanID) (handlers.KeyLimits, bool) {
	return handlers.KeyLimits{}, false
}

// Whoever sees the portal as a developer does sees their pages under a banner, can change nothing by any route, and is themselves again after 30 minutes.
func TestSeeingAsADeveloperChangesNothing(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	made := p.subscribe(w.plan, "App")
	b := p.signedIn("owner@example.com")
	path := "/owner/customers/" + p.developer.ID.String()
	b.get(path).has(t, path+"/see-as")
	if got := b.post(path + "/see-as"); got.location != "/home" {
		t.Fatalf("%d to %q\n%s", got.status, got.location, got.text())
	}
	for _, address := range []string{"/home", "/apps", "/keys", "/keys/" + made.Key.ID.String()} {
		b.get(address).has(t, "You see the portal as developer@example.com does.", "Leave", "/see-as/end")
	}
	b.get("/keys").has(t, "App key")
	for address, status := range map[string]int{"/owner": http.StatusNotFound, path: http.StatusNotFound, "/admin/accounts": http.StatusNotFound, "/me": http.StatusForbidden} {
		if got := b.get(address); got.status != status {
			t.Errorf("%s: %d, want %d", address, got.status, status)
		}
	}
	before, err := p.store.Version(t.Context())
	ok(t, err)
	posts := 0
	for _, route := range p.handler.(*gin.Engine).Routes() {
		if route.Method == http.MethodGet || route.Method == http.MethodHead || route.Path == "/see-as/end" || route.Path == "/signout" {
			continue
		}
		posts++
		address := strings.NewReplacer(":key", made.Key.ID.String(), ":app", made.App.ID.String(), ":subscription", made.Subscription.ID.String(), ":account", p.developer.ID.String(), ":plan", w.plan.ID.String()).Replace(route.Path)
		got := b.post(address, "name", "Changed")
		if got.status != http.StatusForbidden {
			t.Errorf("%s %s: %d", route.Method, address, got.status)
		}
		got.has(t, "can change nothing meanwhile")
	}
	if after, err := p.store.Version(t.Context()); err != nil || after != before || posts < 50 {
		t.Errorf("%d routes were tried; the gateway was told of %d changes", posts, after-before)
	}
	if got := b.post("/see-as/end"); got.location != path {
		t.Errorf("leaving: %d to %q", got.status, got.location)
	}
	b.get("/owner/audit").has(t, "began to see the portal as", "stopped seeing the portal as")
	b.post(path + "/see-as")
	p.clock = p.clock.Add(30*time.Minute + time.Second)
	b.get("/home").hasNot(t, "You see the portal as")
	b.get("/owner/audit").has(t, "stopped seeing the portal as")
}

// An owner sees nothing of other owners: of a developer who has to do with them, and of one who is no customer, he does not see the portal at all.
func TestSeeingAsEndsWhereOtherOwnersBegin(t *testing.T) {
	p := openOwnerPortal(t)
	w, others := p.world(p.owner, "echo", nil), p.world(p.stranger, "other", nil)
	b := p.signedIn("owner@example.com")
	path := "/owner/customers/" + p.developer.ID.String()
	if got := b.post(path + "/see-as"); got.status != http.StatusNotFound {
		t.Errorf("no customer: %d", got.status)
	}
	p.subscribe(w.plan, "App")
	b.post(path + "/see-as")
	b.get("/apps").has(t, "You see the portal as")
	p.subscribe(others.plan, "Elsewhere")
	b.get("/apps").hasNot(t, "You see the portal as", "Elsewhere")
	b.sees(b.post(path+"/see-as")).has(t, "An administrator can see the portal as they do.")
	p.account(models.RoleAdmin, "admin@example.com")
	a := p.signedIn("admin@example.com")
	a.sees(a.post("/admin/accounts/"+p.developer.ID.String()+"/see-as")).has(t, "You see the portal as")
	a.get("/apps").has(t, "Elsewhere")
}
