package e2e

import (
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// idPattern is an id in a path: pages that differ by it are one page.
var idPattern = regexp.MustCompile(`/(?:[0-9a-z]{10}|[0-9a-f]{32})(/|$)`)

// document is the path of what is no page: a text, feed, description or table for programs, or a mail in its frame, which runs no script and so not axe.
var document = regexp.MustCompile(`\.(?:atom|csv|json|md|txt|yaml)(?:\?|$)|^/admin/outbox/ID/preview|/diff/document`)

// TestEveryPageIsAccessible follows every link of the demo as a visitor, developer, owner and administrator, and lets axe judge each kind of page, on a wide light
// screen and on a dark phone; with GATEHOUSE_LOOKS=all on a wide dark one and a light phone, too. A page that is broken, scrolls sideways or breaks a rule fails
// the test.
func TestEveryPageIsAccessible(t *testing.T) {
	t.Parallel()
	p, _ := startDemo(t, "--dns-resolver", "127.0.0.1:1")
	refused := refusedInTheDemo(p)
	useEverythingOfAStage(p)
	looks := map[string]look{"wide and light": desktop, "a dark phone": phone}
	if os.Getenv("GATEHOUSE_LOOKS") == "all" {
		looks["wide and dark"] = look{width: desktop.width, height: desktop.height, scheme: "dark"}
		looks["a light phone"] = look{width: phone.width, height: phone.height, scheme: "light"}
	}
	for name, l := range looks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := map[string]bool{}
			for _, who := range []string{"", "developer@example.com", "owner@example.com", "admin@example.com"} {
				b := newBrowser(t, l)
				from := []string{"/", "/signin", "/join", missing}
				if who != "" {
					b.signIn(p.portal, who)
					from = []string{b.path(), "/home", "/me", "/confirm", "/owner", "/admin/accounts", refused}
				}
				b.walk(p.portal, from, seen)
			}
			for _, kind := range []string{"/owner/apis/ID/authorizers/ID", "/owner/apis/ID/stages/ID/domains/ID/remove", "/owner/client-certificates/ID", "/admin/domains/ID/approve"} {
				if !seen[kind] {
					t.Errorf("nothing led to %s", kind)
				}
			}
			if len(seen) < 50 {
				t.Errorf("only %d kinds of pages were found: %v", len(seen), slices.Sorted(maps.Keys(seen)))
			}
		})
	}
}

// refusedInTheDemo calls faster than the demo's key may, and returns the path of the page about a refusal.
func refusedInTheDemo(p *process) (path string) {
	p.t.Helper()
	line := p.line(`(?m)^curl .*x-api-key: ([^']+)'`)
	var group sync.WaitGroup
	var mu sync.Mutex
	for range 4 {
		group.Go(func() {
			for range 200 {
				r, _ := http.NewRequest(http.MethodGet, p.gateway+"/echo/prod/get", nil)
				r.Header.Set("x-api-key", line)
				answer, err := http.DefaultClient.Do(r)
				if err != nil {
					continue
				}
				id := answer.Header.Get("X-Request-Id")
				if text(p.t, answer); answer.StatusCode == http.StatusTooManyRequests {
					mu.Lock()
					path = "/requests/" + id
					mu.Unlock()
					return
				}
			}
		})
	}
	group.Wait()
	if path == "" {
		p.t.Fatal("no call was refused")
	}
	return path
}

// useEverythingOfAStage sets up what the demo does not use, so that its pages have something to show.
func useEverythingOfAStage(p *process) {
	p.t.Helper()
	owner := newPerson(p.t, p.portal)
	owner.done(owner.post("/signin", "email", "owner@example.com", "password", "open-the-gate-26"))
	stage := find(p.t, `href="(/owner/apis/[0-9a-z]{10}/stages/[0-9a-z]{10})"`, owner.page("/owner/apis"))
	api := stage[:strings.Index(stage, "/stages/")]
	older := find(p.t, `value="([0-9a-z]{10})"[^>]*>#1`, owner.page(stage+"/variables"))
	for _, form := range [][]string{
		{stage + "/canary", "canary_deployment", older, "canary_percent", "5"},
		{stage + "/headers", "request_action_1", "set", "request_name_1", "X-Tenant", "request_value_1", "acme", "response_action_1", "remove", "response_name_1", "Server"},
		{stage + "/cors", "cors", "on", "origins", "https://app.example.com"},
		{stage + "/cache", "cache", "on", "ttl", "60"},
		{stage + "/domains", "host", "api.a-rather-long-name.example.com", "base_path", "/v1"},
		{stage + "/maintenance", "message", "We move to another database."},
		{"/owner/client-certificates/make", "made_name", "Gateway to billing"},
		{api + "/authorizers", "kind", "jwt", "name", "staff-login", "issuer", "https://1.1.1.1/tenant/v2.0", "ttl", "300", "leeway", "60"},
	} {
		owner.done(owner.post(form[0], form[1:]...))
	}
}

// missing is a page that is not there.
const missing = "/nothing-here"

// walk judges the pages and goes on to what they link to, each kind of page once.
func (b *browser) walk(portal string, paths []string, seen map[string]bool) {
	b.t.Helper()
	for len(paths) > 0 {
		path := paths[0]
		paths = paths[1:]
		kind := kindOf(path)
		if seen[kind] || document.MatchString(kind) {
			continue
		}
		b.open(portal + path)
		if at := kindOf(b.path()); at != strings.SplitN(kind, "?", 2)[0] {
			continue // sent on to sign in, or to what the role may see
		}
		if path != missing && strings.HasPrefix(eval[string](b, "document.title"), "Not found") {
			continue // hidden from this role
		}
		seen[kind] = true
		if strings.HasPrefix(eval[string](b, "document.title"), "Something failed") {
			b.t.Errorf("%s is broken", path)
		}
		b.accessible()
		paths = append(paths, eval[[]string](b, `[...document.querySelectorAll('a[href]')].filter(a => a.origin === location.origin && !a.hasAttribute('download')).map(a => a.pathname + a.search)`)...)
	}
}

// kindOf is a page without what tells one thing from another: ids, names, searches, places in a list.
func kindOf(path string) string {
	u, err := url.Parse(path)
	if err != nil {
		return path
	}
	kind := idPattern.ReplaceAllString(u.Path, "/ID$1")
	if strings.HasPrefix(kind, "/problems/") {
		kind = "/problems/NAME"
	}
	var keys []string
	for _, key := range []string{"op", "new"} { // these change what kind of page it is
		if u.Query().Has(key) {
			keys = append(keys, key)
		}
	}
	if len(keys) > 0 {
		kind += "?" + strings.Join(keys, "&")
	}
	return kind
}

func TestADoubleClickSendsAFormOnce(t *testing.T) {
	t.Parallel()
	p := start(t, "serve", "--data", t.TempDir())
	b := newBrowser(t, desktop)
	b.open(p.portal + p.line(`(?m)^http\S+(/setup/\S+)$`))
	// An event that a script makes sends nothing: it tells only whether the page would have.
	sends := eval[[]bool](b, `[0, 0].map(() => document.querySelector('main form').dispatchEvent(new SubmitEvent('submit', {bubbles: true, cancelable: true})))`)
	if !slices.Equal(sends, []bool{true, false}) {
		t.Errorf("two clicks sent the form: %v, want the first alone", sends)
	}
}

// TestARefusedFormIsAccessible sends what cannot be: the links from the summary to the fields are targets, too.
func TestARefusedFormIsAccessible(t *testing.T) {
	t.Parallel()
	p, _ := startDemo(t)
	b := newBrowser(t, phone)
	b.signIn(p.portal, "owner@example.com")
	b.open(p.portal + "/owner/plans/new")
	b.fill("Rate", "10x")
	b.fill("Requests", "many")
	b.press("Save draft")
	b.see("2 things need another look")
	b.accessible()
}
