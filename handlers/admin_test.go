package handlers_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"gatehouse/models"
	"gatehouse/models/limit"
)

var linkPattern = regexp.MustCompile(`https://portal\.example\.com(/(?:reset|invite)/[A-Za-z0-9_-]+)`)

// TestAdministratorsManageAccounts: role, disable, enable, end sessions; each is felt at once, and each is in the audit log.
func TestAdministratorsManageAccounts(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	dan := p.account(models.RoleDeveloper, "dan@example.com")
	admin, person := p.signedIn("admin@example.com"), p.signedIn("dan@example.com")
	path := "/admin/accounts/" + dan.ID.String()
	admin.get("/admin/accounts?q=dan").has(t, "dan@example.com")
	admin.get("/admin/accounts?q=zz").has(t, "Nobody found")

	if got := admin.post(path+"/role", "role", "owner"); got.location != path {
		t.Fatalf("changing the role: %d %s", got.status, got.text())
	}
	if got := person.get("/owner/audit"); got.status != http.StatusOK {
		t.Errorf("the new role on the next page: %d", got.status)
	}
	if got := admin.post(path+"/role", "role", "king"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("an unknown role: %d, want 422", got.status)
	}
	admin.post(path + "/end-sessions")
	if got := person.get("/me"); got.status != http.StatusSeeOther {
		t.Errorf("an ended session: %d", got.status)
	}
	person = p.signedIn("dan@example.com")
	admin.post(path + "/disable")
	if got := person.get("/me"); got.status != http.StatusSeeOther {
		t.Errorf("the session of a disabled account: %d", got.status)
	}
	if got := admin.post(path + "/reset-link"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a reset link for a disabled account: %d, want 422", got.status)
	}
	admin.get(path).has(t, "Disabled", "Enable account")
	admin.post(path + "/enable")
	p.signedIn("dan@example.com")
	admin.get("/admin/audit?object="+dan.ID.String()).has(t, "changed the role of", "disabled", "enabled", "developer", "owner")
}

// TestAnAccountsThrottleIsSetByAdministrators: mistakes are said at their fields, what is saved is shown, and empty takes it away.
func TestAnAccountsThrottleIsSetByAdministrators(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	olga := p.account(models.RoleOwner, "olga@example.com")
	dan := p.account(models.RoleDeveloper, "dan@example.com")
	b := p.signedIn("admin@example.com")
	path := "/admin/accounts/" + olga.ID.String()
	b.get("/admin/accounts/"+dan.ID.String()).hasNot(t, "Save throttle")
	for _, tt := range []struct{ rate, burst, want string }{
		{"fast", "", "is not a number"}, {"", "10", "A burst needs a rate."}, {"-1", "", "cannot be negative"}, {"10", "1.5", "Enter a whole number"},
	} {
		got := b.post(path+"/throttle", "rate", tt.rate, "burst", tt.burst)
		if got.status != http.StatusUnprocessableEntity {
			t.Errorf("%+v: %d, want 422", tt, got.status)
		}
		got.has(t, tt.want, `value="`+tt.rate+`"`, `value="owner" checked`)
	}
	if got := b.post(path+"/throttle", "rate", "2.5"); got.location != path {
		t.Fatalf("saving: %d %s", got.status, got.text())
	}
	b.get(path).has(t, `value="2.5"`, `value="3"`)
	topology, err := p.store.Topology(t.Context())
	if err != nil || len(topology.Accounts) != 1 || topology.Accounts[0] != (models.GatewayAccount{ID: olga.ID, Throttle: limit.Throttle{Rate: 2.5, Burst: 3}}) {
		t.Errorf("the gateway is told %+v, %v", topology.Accounts, err)
	}
	b.post(path + "/throttle")
	b.get(path).hasNot(t, `value="2.5"`)
	b.get("/admin/audit?object="+olga.ID.String()).has(t, "changed the throttle of", "2.5")
	if got := p.signedIn("olga@example.com").post(path+"/throttle", "rate", "100"); got.status != http.StatusNotFound && got.status != http.StatusForbidden {
		t.Errorf("an owner's own throttle by himself: %d", got.status)
	}
}

// TestTheLastAdministratorStays: nobody locks everybody out, by whatever way.
func TestTheLastAdministratorStays(t *testing.T) {
	p := openPortal(t)
	ada := p.account(models.RoleAdmin, "admin@example.com")
	b := p.signedIn("admin@example.com")
	path := "/admin/accounts/" + ada.ID.String()
	for _, action := range []string{"/disable", "/role"} {
		got := b.post(path+action, "role", "developer")
		if got.status != http.StatusUnprocessableEntity {
			t.Errorf("POST %s: %d, want 422", action, got.status)
		}
		got.has(t, "Ask another administrator")
	}
	p.account(models.RoleAdmin, "second@example.com")
	b.post(path + "/end-sessions")
	if got := b.get("/me"); got.status != http.StatusOK {
		t.Errorf("ending one's own sessions ended this one: %d", got.status)
	}
}

// TestLinksAreShownOnceAndWork: the address is in the answer to the form and nowhere else.
func TestLinksAreShownOnceAndWork(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	dan := p.account(models.RoleDeveloper, "dan@example.com")
	b := p.signedIn("admin@example.com")
	tests := []struct {
		path  string
		form  []string
		where []string // pages that list the link
	}{
		{"/admin/accounts/" + dan.ID.String() + "/reset-link", nil, []string{"/admin/accounts/" + dan.ID.String(), "/admin/invitations", "/admin/audit"}},
		{"/admin/invitations", []string{"email", "ina@example.com", "role", "owner"}, []string{"/admin/invitations", "/admin/audit"}},
	}
	for _, tt := range tests {
		got := b.post(tt.path, tt.form...)
		link := linkPattern.FindStringSubmatch(got.body)
		if got.status != http.StatusOK || link == nil {
			t.Fatalf("POST %s: %d without a link: %s", tt.path, got.status, got.text())
		}
		if opened := p.visitor().get(link[1]); opened.status != http.StatusOK {
			t.Errorf("the link of %s opens %d", tt.path, opened.status)
		}
		for _, page := range tt.where {
			b.get(page).hasNot(t, strings.TrimPrefix(strings.TrimPrefix(link[1], "/reset/"), "/invite/"))
		}
	}
	b.get("/admin/invitations").has(t, "ina@example.com", "Invitation: API owner", "New password")
	b.get("/admin/invitations?q=zz").has(t, "No link found")
}

// TestInvitationsAreChecked: mistakes are said at their fields, and what was typed stays.
func TestInvitationsAreChecked(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	b := p.signedIn("admin@example.com")
	for email, want := range map[string]string{"ina": "Enter an e-mail address", "admin@example.com": "There is an account with this e-mail address already"} {
		got := b.post("/admin/invitations", "email", email, "role", "owner")
		if got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d, want 422", email, got.status)
		}
		got.has(t, want, `value="`+email+`"`)
	}
	b.post("/admin/invitations", "email", "ina@example.com", "role", "king").has(t, "Choose developer, owner or admin.")
}

// TestSettingsAreSaved.
func TestSettingsAreSaved(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	b := p.signedIn("admin@example.com")
	if got := b.post("/admin/settings", "sign_up", "sometimes"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("an unknown setting: %d, want 422", got.status)
	}
	if got := b.post("/admin/settings", "sign_up", "closed"); got.location != "/admin/settings" {
		t.Fatalf("saving: %d", got.status)
	}
	b.get("/admin/settings").has(t, `value="closed" checked`)
}
