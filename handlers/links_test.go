package handlers_test

import (
	"net/http"
	"testing"
	"time"

	"gatehouse/models"
)

// TestSetupMakesTheFirstAdministratorOnce: the link of an empty installation leads to the first API, and works for nobody after that.
func TestSetupMakesTheFirstAdministratorOnce(t *testing.T) {
	p := openPortal(t)
	token := p.link(models.NewLink{Kind: models.LinkSetup, Role: models.RoleAdmin})
	b := p.visitor()
	for range 3 { // programs that look into messages open links, too
		if got := b.get("/setup/" + token); got.status != http.StatusOK {
			t.Fatalf("opening the link: %d", got.status)
		}
	}
	got := b.post("/setup/"+token, "name", "Ada", "email", "ada", "password", "short")
	if got.status != http.StatusUnprocessableEntity {
		t.Errorf("a mistake: %d, want 422", got.status)
	}
	got.has(t, `value="Ada"`, `value="ada"`, "Enter an e-mail address", "Use at least 12 characters")
	got = b.post("/setup/"+token, "name", "Ada", "email", "ada@example.com", "password", password)
	if got.location != "/owner/apis/new" {
		t.Fatalf("setting up leads to %q: %s", got.location, got.text())
	}
	if got := b.get("/admin/accounts"); got.status != http.StatusOK {
		t.Errorf("the first account is no administrator: %d", got.status)
	}
	for _, got := range []answer{p.visitor().get("/setup/" + token), p.visitor().post("/setup/"+token, "name", "Eve", "email", "eve@example.com", "password", password)} {
		if got.status != http.StatusNotFound {
			t.Errorf("the used link: %d, want 404", got.status)
		}
	}
}

// TestInvitationDecidesAddressAndRole: who accepts chooses a name and a password, nothing else.
func TestInvitationDecidesAddressAndRole(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	token := p.link(models.NewLink{Kind: models.LinkInvite, Email: "olga@example.com", Role: models.RoleOwner})
	b := p.visitor()
	b.get("/invite/"+token).has(t, "olga@example.com", "publish APIs")
	if got := b.post("/invite/"+token, "name", "", "password", password); got.status != http.StatusUnprocessableEntity {
		t.Errorf("no name: %d, want 422", got.status)
	}
	got := b.post("/invite/"+token, "name", "Olga", "password", password, "email", "eve@example.com", "role", "admin")
	if got.location != "/owner" {
		t.Fatalf("accepting leads to %q: %s", got.location, got.text())
	}
	b.get("/me").has(t, "olga@example.com", "API owner")
	if got := p.visitor().get("/invite/" + token); got.status != http.StatusNotFound {
		t.Errorf("the used link: %d, want 404", got.status)
	}
}

// TestResetLinkWorksOnceAndEndsSessions: whoever is in with the old password is out.
func TestResetLinkWorksOnceAndEndsSessions(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	person := p.account(models.RoleDeveloper, "dan@example.com")
	inside := p.signedIn("dan@example.com")
	token := p.link(models.NewLink{Kind: models.LinkReset, AccountID: person.ID})
	b := p.visitor()
	b.get("/reset/"+token).has(t, "dan@example.com")
	if got := b.post("/reset/"+token, "password", "password1234"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a weak password: %d, want 422", got.status)
	}
	got := b.post("/reset/"+token, "password", "another row of words")
	if got.location != "/signin" {
		t.Fatalf("setting the password leads to %q: %s", got.location, got.text())
	}
	if got := inside.get("/me"); got.status != http.StatusSeeOther {
		t.Errorf("the earlier session: %d, want to be ended", got.status)
	}
	if got := p.visitor().post("/signin", "email", "dan@example.com", "password", password); got.status != http.StatusUnprocessableEntity {
		t.Errorf("the old password: %d, want 422", got.status)
	}
	if got := p.visitor().post("/signin", "email", "dan@example.com", "password", "another row of words"); got.status != http.StatusSeeOther {
		t.Errorf("the new password: %d, want to come in", got.status)
	}
	if got := p.visitor().post("/reset/"+token, "password", "a third row of words"); got.status != http.StatusNotFound {
		t.Errorf("the used link: %d, want 404", got.status)
	}
}

// TestLinksAreForWhatTheyAreFor: a link of one kind opens no page of another, and none after its time.
func TestLinksAreForWhatTheyAreFor(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	person := p.account(models.RoleDeveloper, "dan@example.com")
	tokens := map[string]string{
		"/invite/": p.link(models.NewLink{Kind: models.LinkInvite, Email: "olga@example.com", Role: models.RoleAdmin}),
		"/reset/":  p.link(models.NewLink{Kind: models.LinkReset, AccountID: person.ID}),
	}
	for _, page := range []string{"/setup/", "/invite/", "/reset/"} {
		for kind, token := range tokens {
			want := http.StatusNotFound
			if page == kind {
				want = http.StatusOK
			}
			if got := p.visitor().get(page + token); got.status != want {
				t.Errorf("%s with the token of %s: %d, want %d", page, kind, got.status, want)
			}
			if page != kind {
				if got := p.visitor().post(page+token, "name", "Eve", "email", "eve@example.com", "password", password); got.status != http.StatusNotFound {
					t.Errorf("posting to %s with the token of %s: %d, want 404", page, kind, got.status)
				}
			}
		}
	}
	p.clock = p.clock.Add(8 * 24 * time.Hour)
	for kind, token := range tokens {
		got := p.visitor().get(kind + token)
		if got.status != http.StatusNotFound {
			t.Errorf("%s after its time: %d, want 404", kind, got.status)
		}
		got.has(t, "does not work any more", map[string]string{"/invite/": "/signin", "/reset/": "/forgot"}[kind])
	}
}
