package handlers_test

import (
	"net/http"
	"regexp"
	"testing"

	"gatehouse/models"
)

var endPattern = regexp.MustCompile(`/me/sessions/([0-9a-f]{16})/end`)

// TestPasswordChangeProvesTheOldOneAndEndsOtherSessions: a borrowed browser cannot take the account, and a thief is out.
func TestPasswordChangeProvesTheOldOneAndEndsOtherSessions(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	here, there := p.signedIn("admin@example.com"), p.signedIn("admin@example.com")
	tests := []struct {
		name, current, word string
		want                []string
	}{
		{"wrong current one", "wrong words in a row", "another row of words", []string{"This is not your password"}},
		{"weak new one", password, "password1234", []string{"among the first"}},
		{"both", "wrong words in a row", "brief", []string{"This is not your password", "Use at least 12 characters"}},
	}
	for _, tt := range tests {
		got := here.post("/me/password", "current", tt.current, "password", tt.word)
		if got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d, want 422", tt.name, got.status)
		}
		got.has(t, tt.want...)
		got.hasNot(t, tt.word, password)
	}
	planted := &browser{portal: p, address: here.address, cookie: here.cookie}
	if got := here.post("/me/password", "current", password, "password", "another row of words"); got.location != "/me" {
		t.Fatalf("changing the password: %d %s", got.status, got.text())
	}
	here.get("/me").has(t, "Your password is changed")
	for name, b := range map[string]*browser{"another session": there, "this session's earlier cookie": planted} {
		if got := b.get("/me"); got.status != http.StatusSeeOther {
			t.Errorf("%s: %d, want to be ended", name, got.status)
		}
	}
}

// TestPasswordOfASessionIsNotGuessed: tries of the current password are held back like signing in.
func TestPasswordOfASessionIsNotGuessed(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	b := p.signedIn("admin@example.com")
	for range 5 {
		b.post("/confirm", "password", "wrong words in a row")
	}
	for path, field := range map[string]string{"/confirm": "password", "/me/password": "current"} {
		if got := b.post(path, field, password); got.status != http.StatusTooManyRequests {
			t.Errorf("POST %s: %d, want 429", path, got.status)
		}
	}
}

// TestSessionsAreListedAndEnded: everybody sees their own browsers and ends them one by one or all at once.
func TestSessionsAreListedAndEnded(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	p.account(models.RoleDeveloper, "dan@example.com")
	here, there, third := p.signedIn("dan@example.com"), p.signedIn("dan@example.com"), p.signedIn("dan@example.com")
	stranger := p.signedIn("admin@example.com")
	handles := endPattern.FindAllStringSubmatch(here.get("/me").body, -1)
	if len(handles) != 3 {
		t.Fatalf("%d sessions are listed, want 3", len(handles))
	}
	var ended int
	for _, h := range handles {
		if got := stranger.post("/me/sessions/" + h[1] + "/end"); got.status != http.StatusNotFound {
			t.Errorf("a stranger ends the session: %d", got.status)
		}
	}
	if got := here.post("/me/sessions/end"); got.location != "/me" {
		t.Fatalf("ending the others: %d", got.status)
	}
	for _, b := range []*browser{there, third} {
		if b.get("/me").status == http.StatusSeeOther {
			ended++
		}
	}
	if ended != 2 {
		t.Errorf("%d of the two other sessions have ended", ended)
	}
	here.get("/me").has(t, "2 other sessions ended.")
	last := endPattern.FindStringSubmatch(here.get("/me").body)
	if got := here.post("/me/sessions/" + last[1] + "/end"); got.location != "/signin" {
		t.Errorf("ending one's own session leads to %q", got.location)
	}
	if got := here.get("/me"); got.status != http.StatusSeeOther {
		t.Errorf("one's own ended session: %d", got.status)
	}
}

// TestProfileKeepsWhatWasTyped.
func TestProfileKeepsWhatWasTyped(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	b := p.signedIn("admin@example.com")
	got := b.post("/me", "name", "line\nbreak")
	if got.status != http.StatusUnprocessableEntity {
		t.Errorf("a name with a line break: %d, want 422", got.status)
	}
	got.has(t, "a line break or control character is in the name")
	if got := b.post("/me", "name", "  Ada <b> "); got.location != "/me" {
		t.Fatalf("renaming: %d", got.status)
	}
	b.get("/me").has(t, `value="Ada &lt;b&gt;"`)
}
