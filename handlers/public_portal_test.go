package handlers_test

import (
	"bytes"
	"context"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/handlers"
	"gatehouse/handlers/session"
	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
	"gatehouse/static"
	"gatehouse/templates/htmlcheck"
	"gatehouse/web"
)

// password is everybody's in these tests; its hash is made once.
const password = "four words in a row"

var passwordHash = sync.OnceValues(func() (string, error) { return secret.NewQuickHasher().Hash(context.Background(), password) })

// portal is the whole portal over a real store, on a clock that the test moves.
type portal struct {
	t       *testing.T
	store   *store.Store
	clock   time.Time
	handler http.Handler
	log     bytes.Buffer
	facts   *handlers.SystemFacts // that the page of the system is given
}

func openPortal(t *testing.T) *portal {
	t.Helper()
	p := &portal{t: t, store: storetest.Open(t), clock: storetest.Now()}
	p.handler = p.serve(p.store)
	return p
}

// serve makes a portal's handler over a store, which may be a broken one.
func (p *portal) serve(s *store.Store) http.Handler {
	now := func() time.Time { return p.clock }
	site := &handlers.Site{
		Accounts: s, Sessions: session.New(s, secret.NewKeyring().CookieKeys(), false, now), Log: slog.New(slog.NewTextHandler(&p.log, nil)), Now: now,
		PublicURL: "https://portal.example.com", GatewayURL: "https://gateway.example.com", Brand: &handlers.Brand{Store: s},
	}
	passwords, throttle := secret.NewQuickHasher(), handlers.NewThrottle(p.clock)
	return web.Handler(site, web.Pages{
		Public: &handlers.Public{Store: s, Markdown: handlers.NewMarkdown()}, Catalog: &handlers.Catalog{Store: s, Operations: &handlers.Operations{}, Markdown: handlers.NewMarkdown(), Limits: freeLimits},
		Problems: &handlers.Problems{Docs: []handlers.ProblemDoc{{Slug: "throttled", Status: 429, Title: "Too many at once", Explanation: "Too fast.", WhatToDo: "Wait."}}},
		SignIn:   &handlers.SignIn{Store: s, Passwords: passwords, Throttle: throttle},
		Links:    &handlers.Links{Store: s, Passwords: passwords}, Me: &handlers.Me{Store: s, Passwords: passwords, Throttle: throttle}, Help: &handlers.Help{},
		Brand: site.Brand, Look: &handlers.Look{Store: s, Brand: site.Brand, Markdown: handlers.NewMarkdown()},
		System: p.system(s), Admin: &handlers.Admin{Store: s}, Audit: &handlers.Audit{Store: s},
	}, static.Handler())
}

// account makes an account that can sign in with password.
func (p *portal) account(role models.Role, email string) models.Account {
	p.t.Helper()
	hash, err := passwordHash()
	ok(p.t, err)
	a, err := p.store.CreateAccount(p.t.Context(), models.CommandLine(), models.NewAccount{Email: email, Name: "Test " + role.String(), PasswordHash: hash, Role: role}, p.clock)
	ok(p.t, err)
	return a
}

func (p *portal) link(in models.NewLink) string {
	p.t.Helper()
	token, _, err := p.store.CreateLink(p.t.Context(), models.CommandLine(), in, p.clock)
	ok(p.t, err)
	return token
}

// browser is one visitor: an address and a cookie.
type browser struct {
	portal  *portal
	address string
	cookie  string
}

func (p *portal) visitor() *browser { return &browser{portal: p, address: "198.51.100.7"} }

// signedIn is the browser of an account.
func (p *portal) signedIn(email string) *browser {
	p.t.Helper()
	b := p.visitor()
	if got := b.post("/signin", "email", email, "password", password); got.status != http.StatusSeeOther {
		p.t.Fatalf("sign in as %s: %d %s", email, got.status, got.text())
	}
	return b
}

// answer is what a browser got.
type answer struct {
	status   int
	location string
	body     string
	header   http.Header
}

func (b *browser) get(path string) answer { return b.send(http.MethodGet, path, nil) }

func (b *browser) post(path string, pairs ...string) answer {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.send(http.MethodPost, path, form)
}

func (b *browser) send(method, path string, form url.Values) answer {
	b.portal.t.Helper()
	r := httptest.NewRequestWithContext(b.portal.t.Context(), method, path, strings.NewReader(form.Encode()))
	r.RemoteAddr = b.address + ":40000"
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.cookie != "" {
		r.Header.Set("Cookie", b.cookie)
	}
	w := httptest.NewRecorder()
	b.portal.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.Name == "gatehouse" {
			b.cookie = c.Name + "=" + c.Value
		}
	}
	got := answer{status: w.Code, location: w.Header().Get("Location"), body: w.Body.String(), header: w.Header()}
	if strings.HasPrefix(got.header.Get("Content-Type"), "text/html") && got.location == "" {
		for _, problem := range htmlcheck.Page(got.body) {
			b.portal.t.Errorf("%s %s: %s", method, path, problem)
		}
	}
	return got
}

var (
	tagPattern   = regexp.MustCompile(`<[^>]*>`)
	spacePattern = regexp.MustCompile(`[\s\x{a0}]+`)
)

// text is what a person reads.
func (a answer) text() string {
	return spacePattern.ReplaceAllString(html.UnescapeString(tagPattern.ReplaceAllString(a.body, " ")), " ")
}

// same is the body without what is different in every answer.
func (a answer) same() string { return strings.ReplaceAll(a.body, a.header.Get("X-Request-Id"), "") }

func (a answer) has(t *testing.T, want ...string) {
	t.Helper()
	for _, text := range want {
		if !strings.Contains(a.text(), text) && !strings.Contains(a.body, text) {
			t.Errorf("the page does not have %q:\n%s", text, a.text())
		}
	}
}

func (a answer) hasNot(t *testing.T, unwanted ...string) {
	t.Helper()
	for _, text := range unwanted {
		if strings.Contains(a.body, text) {
			t.Errorf("the page has %q", text)
		}
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestRolesReachTheirPagesAlone is the matrix of these pages: a visitor is sent to sign in, an account of a lower role finds nothing.
func TestRolesReachTheirPagesAlone(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	p.account(models.RoleOwner, "owner@example.com")
	developer := p.account(models.RoleDeveloper, "developer@example.com")
	browsers := []*browser{p.visitor(), p.signedIn("developer@example.com"), p.signedIn("owner@example.com"), p.signedIn("admin@example.com")}
	id := developer.ID.String()
	const open, away, gone, form = 200, 303, 404, 422
	tests := []struct {
		method, path string
		want         [4]int // visitor, developer, owner, admin
	}{
		{"GET", "/", [4]int{open, open, open, open}},
		{"GET", "/apis", [4]int{open, open, open, open}},
		{"GET", "/apis/nothing", [4]int{gone, gone, gone, gone}},
		{"GET", "/apis/nothing/docs", [4]int{gone, gone, gone, gone}},
		{"GET", "/problems", [4]int{open, open, open, open}},
		{"GET", "/problems/throttled", [4]int{open, open, open, open}},
		{"GET", "/problems/nothing", [4]int{gone, gone, gone, gone}},
		{"GET", "/signin", [4]int{open, away, away, away}},
		{"GET", "/join", [4]int{open, away, away, away}},
		{"GET", "/setup/x", [4]int{gone, gone, gone, gone}},
		{"POST", "/invite/x", [4]int{gone, gone, gone, gone}},
		{"GET", "/me", [4]int{away, open, open, open}},
		{"POST", "/me", [4]int{away, form, form, form}},
		{"POST", "/me/password", [4]int{away, form, form, form}},
		{"POST", "/me/display", [4]int{away, away, away, away}},
		{"POST", "/theme", [4]int{away, away, away, away}},
		{"GET", "/admin/jobs", [4]int{away, gone, gone, open}},
		{"GET", "/admin/look", [4]int{away, gone, gone, open}},
		{"POST", "/admin/look/preview", [4]int{away, gone, gone, open}},
		{"GET", "/help/keys", [4]int{away, open, open, open}},
		{"POST", "/me/sessions/nothing/end", [4]int{away, gone, gone, gone}},
		{"GET", "/confirm", [4]int{away, open, open, open}},
		{"GET", "/owner/audit", [4]int{away, gone, open, open}},
		{"GET", "/admin/audit", [4]int{away, gone, gone, open}},
		{"GET", "/admin/accounts", [4]int{away, gone, gone, open}},
		{"GET", "/admin/accounts/" + id, [4]int{away, gone, gone, open}},
		{"GET", "/admin/accounts/aaaaaaaaaa", [4]int{away, gone, gone, gone}},
		{"GET", "/admin/accounts/1;drop", [4]int{away, gone, gone, gone}},
		{"POST", "/admin/accounts/" + id + "/role", [4]int{away, gone, gone, form}},
		{"POST", "/admin/accounts/" + id + "/reset-link", [4]int{away, gone, gone, open}},
		{"POST", "/admin/accounts/aaaaaaaaaa/disable", [4]int{away, gone, gone, gone}},
		{"GET", "/admin/invitations", [4]int{away, gone, gone, open}},
		{"POST", "/admin/invitations", [4]int{away, gone, gone, form}},
		{"GET", "/admin/settings", [4]int{away, gone, gone, open}},
		{"POST", "/admin/settings", [4]int{away, gone, gone, form}},
		{"POST", "/admin/accounts/" + id + "/enable", [4]int{away, gone, gone, away}},
		{"POST", "/admin/accounts/" + id + "/end-sessions", [4]int{away, gone, gone, away}}, // signs the developer out: last
	}
	for _, tt := range tests {
		for i, b := range browsers {
			if got := b.send(tt.method, tt.path, nil); got.status != tt.want[i] {
				t.Errorf("%s %s as %s: %d, want %d", tt.method, tt.path, [4]string{"visitor", "developer", "owner", "admin"}[i], got.status, tt.want[i])
			}
		}
	}
}

// TestFaultsOfOursTellANumberAlone: a broken database must not show what broke.
func TestFaultsOfOursTellANumberAlone(t *testing.T) {
	p := &portal{t: t, clock: storetest.Now()}
	p.handler = p.serve(storetest.Closed(t))
	for _, path := range []string{"/", "/apis", "/apis/weather", "/apis/weather/docs", "/join", "/setup/x", "/invite/x", "/reset/x"} {
		got := p.visitor().get(path)
		if got.status != http.StatusInternalServerError {
			t.Errorf("GET %s: %d, want 500", path, got.status)
		}
		got.has(t, got.header.Get("X-Request-Id"))
		got.hasNot(t, "sql", "database", "gorm")
	}
}

// Whoever reads the log must not be able to take over the account that a link was made for.
func TestTheTokenOfALinkIsNotLogged(t *testing.T) {
	p := &portal{t: t, clock: storetest.Now()}
	p.handler = p.serve(storetest.Closed(t))
	for _, route := range []string{"/setup/", "/invite/", "/reset/"} {
		for _, got := range []answer{p.visitor().get(route + "one-time-token"), p.visitor().post(route+"one-time-token", "password", password)} {
			if got.status != http.StatusInternalServerError {
				t.Errorf("%s: %d, want 500", route, got.status)
			}
		}
		if !strings.Contains(p.log.String(), "route="+route+":token") {
			t.Errorf("the log does not say that %s failed:\n%s", route, p.log.String())
		}
	}
	if strings.Contains(p.log.String(), "one-time-token") {
		t.Errorf("the token is in the log:\n%s", p.log.String())
	}
}

// A browser that leaves while its page is made is no fault of ours: nobody is woken for it.
func TestABrowserThatLeavesIsNotLogged(t *testing.T) {
	p := openPortal(t)
	owner := p.account(models.RoleOwner, "owner@example.com")
	b := p.signedIn(owner.Email)
	gone, leave := context.WithCancel(t.Context())
	leave()
	for _, path := range []string{"/", "/apis", "/me", "/admin/accounts"} {
		r := httptest.NewRequestWithContext(gone, http.MethodGet, path, nil)
		r.Header.Set("Cookie", b.cookie)
		p.handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	if p.log.Len() > 0 {
		t.Errorf("logged %s", p.log.String())
	}
}
