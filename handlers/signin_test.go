package handlers_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
)

// TestSignInDoesNotTellWhichAddressExists: who guesses addresses learns nothing from the answers.
func TestSignInDoesNotTellWhichAddressExists(t *testing.T) {
	p := openPortal(t)
	admin := p.account(models.RoleAdmin, "admin@example.com")
	p.account(models.RoleDeveloper, "known@example.com")
	gone := p.account(models.RoleDeveloper, "gone@example.com")
	ok(t, p.store.SetAccountDisabled(t.Context(), models.Actor{AccountID: admin.ID, Role: models.RoleAdmin}, gone.ID, true, p.clock))
	try := func(email, word string) answer {
		got := p.visitor().post("/signin", "email", email, "password", word)
		got.body = strings.ReplaceAll(got.same(), email, "ADDRESS")
		return got
	}
	want := try("known@example.com", "wrong words in a row")
	if want.status != http.StatusUnprocessableEntity {
		t.Fatalf("a wrong password: %d, want 422", want.status)
	}
	for name, got := range map[string]answer{
		"unknown address":  try("nobody@example.com", "wrong words in a row"),
		"disabled account": try("gone@example.com", password),
		"empty password":   try("known@example.com", ""),
		"no address":       try("not an address", "wrong words in a row"),
	} {
		if name == "no address" {
			got.body = strings.ReplaceAll(got.body, "not an address", "ADDRESS")
		}
		if got.status != want.status || got.body != want.body {
			t.Errorf("%s: another answer than to a wrong password: %d\n%s", name, got.status, got.text())
		}
		if got.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: a cookie was set", name)
		}
	}
}

// TestSignInKeepsTheAddressAndNeverThePassword: what was typed is not lost, and a password is in no page.
func TestSignInKeepsTheAddressAndNeverThePassword(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	got := p.visitor().post("/signin", "email", "admin@example.com", "password", "typed-in-vain-12", "next", "/keys")
	got.has(t, `value="admin@example.com"`, `value="/keys"`, "do not belong together")
	got.hasNot(t, "typed-in-vain-12")
	if cache := got.header.Get("Cache-Control"); cache != "no-store" {
		t.Errorf("Cache-Control %q, want no-store", cache)
	}
}

// TestSignInGivesANewSession: a cookie that was planted before is worth nothing afterwards, and neither is one after signing out.
func TestSignInGivesANewSession(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	first := p.signedIn("admin@example.com")
	planted := &browser{portal: p, address: first.address, cookie: first.cookie}
	if got := first.post("/signin", "email", "admin@example.com", "password", password); got.status != http.StatusSeeOther {
		t.Fatalf("sign in again: %d", got.status)
	}
	if first.cookie == planted.cookie {
		t.Error("the session kept its cookie")
	}
	if got := planted.get("/me"); got.status != http.StatusSeeOther {
		t.Errorf("the earlier cookie: %d, want to be sent to sign in", got.status)
	}
	kept := &browser{portal: p, address: first.address, cookie: first.cookie}
	if got := first.post("/signout"); got.location != "/" {
		t.Errorf("signing out leads to %q", got.location)
	}
	if got := kept.get("/me"); got.status != http.StatusSeeOther {
		t.Errorf("the cookie of an ended session: %d, want to be sent to sign in", got.status)
	}
}

// TestGoingOnStaysOnThisSite: ?next= leads to paths of the portal and nowhere else (SEC-53).
func TestGoingOnStaysOnThisSite(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	p.account(models.RoleDeveloper, "inside@example.com") // not the account that signs in again and again: it keeps ten sessions
	b := p.signedIn("inside@example.com")
	for next, want := range map[string]string{
		"/keys?new=1":                "/keys?new=1",
		"/apis/a/subscribe?plan=b#c": "/apis/a/subscribe?plan=b#c",
		"":                           "/home",
		"keys":                       "/home",
		"//evil.example":             "/home",
		"///evil.example":            "/home",
		"/\\evil.example":            "/home",
		"\\\\evil.example":           "/home",
		"https://evil.example":       "/home",
		"https:evil.example":         "/home",
		"javascript:alert(1)":        "/home",
		" //evil.example":            "/home",
		"/\t/evil.example":           "/home",
		"/\n/evil.example":           "/home",
		"http:///evil.example":       "/home",
		"/a\r\nSet-Cookie: x=y":      "/home",
		"/%zz":                       "/home",
		"?next=/keys":                "/home",
		"//user@evil.example":        "/home",
		"\x00//evil.example":         "/home",
	} {
		if got := b.get("/signin?next=" + url.QueryEscape(next)); got.location != want {
			t.Errorf("next=%q leads to %q, want %q", next, got.location, want)
		}
		if got := p.visitor().post("/signin", "email", "admin@example.com", "password", password, "next", next); got.location != want {
			t.Errorf("signing in with next=%q leads to %q, want %q", next, got.location, want)
		}
	}
}

// TestGuessingIsHeldBackAndItsVictimIsNot: after a few wrong passwords a network waits, longer and longer, while the account's person
// comes in from elsewhere at once.
func TestGuessingIsHeldBackAndItsVictimIsNot(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	guesser := p.visitor()
	for i := range 100 {
		got := guesser.post("/signin", "email", "admin@example.com", "password", "wrong words in a row")
		want := http.StatusUnprocessableEntity
		if i >= 5 {
			want = http.StatusTooManyRequests
		}
		if got.status != want {
			t.Fatalf("try %d: %d, want %d", i+1, got.status, want)
		}
	}
	if got := guesser.post("/signin", "email", "admin@example.com", "password", password); got.status != http.StatusTooManyRequests {
		t.Errorf("the right password while waiting: %d, want 429: else guessing goes on", got.status)
	}
	elsewhere := &browser{portal: p, address: "203.0.113.9"}
	if got := elsewhere.post("/signin", "email", "admin@example.com", "password", password); got.status != http.StatusSeeOther {
		t.Errorf("the person from elsewhere: %d, want to come in", got.status)
	}
	p.clock = p.clock.Add(time.Second)
	if got := guesser.post("/signin", "email", "admin@example.com", "password", password); got.status != http.StatusSeeOther {
		t.Errorf("the right password after the wait: %d, want to come in", got.status)
	}
}

// TestJoinMakesAnAccountAndGoesOn: from a plan's button to the subscription in one form.
func TestJoinMakesAnAccountAndGoesOn(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	b := p.visitor()
	b.get("/join?next=%2Fapis%2Fa%2Fsubscribe%3Fplan%3Db").has(t, `value="/apis/a/subscribe?plan=b"`)
	got := b.post("/join", "name", "Nora", "email", "nora@example.com", "password", password, "next", "/apis/a/subscribe?plan=b")
	if got.location != "/apis/a/subscribe?plan=b" {
		t.Fatalf("joining leads to %q: %s", got.location, got.text())
	}
	b.get("/me").has(t, "nora@example.com", "Developer since", "Welcome, Nora")
}

// TestJoinKeepsWhatWasTyped: a refused form comes back with sentences at its fields, without the password.
func TestJoinKeepsWhatWasTyped(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	tests := []struct {
		name                string
		person, email, word string
		want                string
	}{
		{"short password", "Nora", "nora@example.com", "tooshort", "Use at least 12 characters"},
		{"common password", "Nora", "nora@example.com", "password1234", "among the first"},
		{"password of the address", "Nora", "nora.quisling@example.com", "nora.quisling@example.com", "little more than your name"},
		{"no address", "Nora", "nora", password, "Enter an e-mail address"},
		{"no name", " ", "nora@example.com", password, "Enter a name"},
		{"taken", "Nora", "ADMIN@example.com", password, "There is an account with this e-mail address already"},
		{"markup", `<script>alert(1)</script>"`, "nora", password, "&lt;script&gt;alert(1)&lt;/script&gt;&#34;"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := p.visitor().post("/join", "name", tt.person, "email", tt.email, "password", tt.word)
			if got.status != http.StatusUnprocessableEntity {
				t.Errorf("status %d, want 422", got.status)
			}
			got.has(t, tt.want, `value="`+tt.email+`"`)
			if tt.word != tt.email {
				got.hasNot(t, tt.word)
			}
			got.hasNot(t, "<script>alert")
		})
	}
}

// TestJoinRespectsTheSetting: a closed portal says why and what to do, and takes no form.
func TestJoinRespectsTheSetting(t *testing.T) {
	p := openPortal(t)
	p.visitor().get("/join").has(t, "Nobody has an account here yet")
	admin := p.account(models.RoleAdmin, "admin@example.com")
	for mode, want := range map[models.SignUp]string{models.SignUpInvited: "by invitation here", models.SignUpClosed: "not made here at the moment"} {
		ok(t, p.store.SaveSettings(t.Context(), models.Actor{AccountID: admin.ID, Role: models.RoleAdmin}, models.Settings{SignUp: mode}, p.clock))
		p.visitor().get("/join").has(t, want)
		got := p.visitor().post("/join", "name", "Nora", "email", "nora@example.com", "password", password)
		if got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: joining answers %d, want 422", mode, got.status)
		}
		got.has(t, want)
	}
	if _, _, err := p.store.AccountByEmail(context.WithoutCancel(t.Context()), "nora@example.com"); models.KindOf(err) != models.KindNotFound {
		t.Errorf("an account was made: %v", err)
	}
}

// TestConfirmProvesThePassword: only the right password leads on.
func TestConfirmProvesThePassword(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	b := p.signedIn("admin@example.com")
	if got := b.post("/confirm", "password", "wrong words in a row", "next", "/owner/keys/export"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a wrong password: %d, want 422", got.status)
	}
	if got := b.post("/confirm", "password", password, "next", "//evil.example"); got.location != "/home" {
		t.Errorf("going on leads to %q", got.location)
	}
	if got := b.post("/confirm", "password", password, "next", "/owner/keys/export"); got.location != "/owner/keys/export" {
		t.Errorf("going on leads to %q", got.location)
	}
}

// TestAFormThatWasSentSignedOutIsNotLostInSilence: its sender is told, and comes back to the page it stood on, if that is one of ours.
func TestAFormThatWasSentSignedOutIsNotLostInSilence(t *testing.T) {
	p := openPortal(t)
	for referer, next := range map[string]string{
		"https://portal.example.com/me?tab=1": "/me?tab=1",
		"https://evil.example.com/me":         "",
		"":                                    "",
		"https://portal.example.com//evil":    "",
	} {
		request := httptest.NewRequest(http.MethodPost, "https://portal.example.com/me", strings.NewReader("name=Dan"))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Referer", referer)
		answer := httptest.NewRecorder()
		p.handler.ServeHTTP(answer, request)
		to, err := url.Parse(answer.Header().Get("Location"))
		ok(t, err)
		if answer.Code != http.StatusSeeOther || to.Path != "/signin" || to.Query().Get("next") != next || to.Query().Get("unsent") == "" {
			t.Errorf("from %q: %d to %s", referer, answer.Code, to)
		}
	}
	p.visitor().get("/signin?unsent=1&next=%2Fme").has(t, "was not saved", `value="/me"`)
}
