package handlers_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
)

// Somebody in Tokyo must not have to add nine hours to every time, nor guess in which zone it is.
func TestTimesAreInTheZoneOfTheAccountWhichThePageNames(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	b := p.signedIn("admin@example.com")
	b.get("/me").has(t, "Times in UTC")
	for _, wrong := range []string{"Local", "Nowhere/Land", "../../etc/passwd", strings.Repeat("x", 300)} {
		got := b.post("/me/display", "zone", wrong)
		if got.status != http.StatusUnprocessableEntity {
			t.Errorf("zone %q: %d, want 422", wrong, got.status)
		}
		got.has(t, "Choose a time zone", `value="`+wrong+`"`)
	}
	b.sees(b.post("/me/display", "zone", "Asia/Tokyo", "theme", "dark")).has(t, "Saved", `value="Asia/Tokyo"`, "Times in Asia/Tokyo, now UTC+9", "JST")
	b.get("/admin/audit").has(t, p.clock.Add(9*time.Hour).Format("2 Jan 2006, 15:04:05")+" JST")
	p.signedIn("admin@example.com").get("/me").has(t, "Asia/Tokyo")
	p.visitor().get("/apis").has(t, "Times in UTC")
}

// A page that turns dark after it was painted light flashes; one that the server writes does not.
func TestTheThemeIsInThePageFromTheStart(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleDeveloper, "developer@example.com")
	b := p.signedIn("developer@example.com")
	b.get("/me").hasNot(t, "data-theme=")
	b.post("/theme", "theme", "dark")
	b.get("/me").has(t, `data-theme="dark"`)
	b.post("/theme", "theme", "light")
	b.get("/apis").has(t, `data-theme="light"`)
	if got := b.post("/theme", "theme", "pink"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("an unknown theme: %d, want 422", got.status)
	}
	got := p.visitor().post("/theme", "theme", "dark")
	if got.location != "/" || !strings.HasPrefix(got.header.Get("Set-Cookie"), "theme=dark; Path=/; Max-Age=") {
		t.Errorf("a stranger's theme: sent to %q with cookie %q", got.location, got.header.Get("Set-Cookie"))
	}
	stranger := &browser{portal: p, address: "198.51.100.7", cookie: "theme=dark"}
	stranger.get("/apis").has(t, `data-theme="dark"`)
	(&browser{portal: p, address: "198.51.100.7", cookie: `theme=x"><script>`}).get("/apis").hasNot(t, "data-theme=")
}

// The theme's form must not be a way off this site.
func TestTheThemeLeadsBackToAPageOfThisSite(t *testing.T) {
	p := openPortal(t)
	for from, want := range map[string]string{"https://portal.example.com/apis?q=a": "/apis?q=a", "https://evil.example/x": "/", "": "/", "https://portal.example.com//evil.example": "/"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "https://portal.example.com/theme", strings.NewReader("theme=dark"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Referer", from)
		w := httptest.NewRecorder()
		p.handler.ServeHTTP(w, r)
		if got := w.Header().Get("Location"); got != want {
			t.Errorf("from %q: sent to %q, want %q", from, got, want)
		}
	}
}

// Speech input and some hands press letters by accident (WCAG 2.1.4): the keys can be switched off, and the page that lists them says so.
func TestSingleKeysCanBeSwitchedOff(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleOwner, "owner@example.com")
	b := p.signedIn("owner@example.com")
	b.get("/help/keys").has(t, "data-keys", "API owner", "Subscriptions", "<kbd>g</kbd>")
	b.post("/me/display", "zone", "UTC", "theme", "")
	got := b.get("/help/keys")
	got.has(t, "Single keys are switched off")
	got.hasNot(t, "data-keys")
	b.post("/me/display", "zone", "UTC", "theme", "", "keys", "on")
	b.get("/help/keys").has(t, "data-keys")
}
