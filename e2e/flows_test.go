package e2e

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"gatehouse/sample"
)

// flow is something that people come for, and the most steps that it may take: a step is a click or a form sent.
type flow struct {
	name  string
	steps int
	do    func(f *flowRun)
}

// flowRun is a flow under way in the demo.
type flowRun struct {
	*browser
	p *process
}

var flows = []flow{
	{"a developer gets from the landing page to a first 200", 5, firstCall},
	{"an owner gets from a document to a published plan", 5, firstPlan},
	{"an owner lets a developer in who has to be asked for", 3, approval},
	{"a developer rotates a key with an overlap", 3, rotation},
	{"a developer revokes a leaked key by its last four characters", 3, leaked},
	{"a developer learns why a call was refused", 1, whyRefused},
	{"an owner changes limits that have been rehearsed", 4, safeChange},
	{"a developer moves to a larger plan by his own traffic", 3, upgrade},
	{"an owner imports keys", 3, manyKeys},
	{"a developer finds a call that failed and repeats it", 3, failingCall},
}

// TestFlowsTakeFewSteps walks what people come for most often, and counts. Without scripts `make test` walks the way to the first call; `make test-all` walks all.
func TestFlowsTakeFewSteps(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]look{"with scripts": desktop, "without scripts": {width: 1440, height: 900, scheme: "light", noScript: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := startDemo(t)
			for i, f := range flows {
				if l.noScript && i > 0 && os.Getenv("GATEHOUSE_LOOKS") != "all" {
					break
				}
				t.Run(f.name, func(t *testing.T) {
					b := newBrowser(t, l)
					p := *p // its failures are this test's
					p.t = t
					f.do(&flowRun{b, &p})
					if b.steps > f.steps {
						t.Errorf("it took %d steps, more than %d", b.steps, f.steps)
					}
					t.Logf("%d steps", b.steps)
				})
			}
		})
	}
}

// as signs somebody of the demo in, which is no step: who comes back is.
func (f *flowRun) as(who string) {
	f.t.Helper()
	f.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, network.ClearBrowserCookies, cdp.Empty{})
		return err
	}))
	f.signIn(f.p.portal, who+"@example.com")
	f.steps = 0
}

func firstCall(f *flowRun) {
	f.open(f.p.portal + "/")
	f.press("Echo API")
	f.press("Subscribe")
	f.fill("Name", "Mira Okafor")
	f.fill("E-mail address", "mira@example.com")
	f.fill("Password", developerPassword)
	f.press("Create account")
	f.fill("Name of your app", "Acme Mobile")
	f.press("Subscribe")
	f.see("is ready")
	if f.look.noScript { // the answer would have a tab of its own, so that the key stays in sight
		eval[bool](f.browser, `(() => { document.querySelector('form[target]').removeAttribute('target'); return true })()`)
	}
	f.press("Send test request")
	f.see("200")
}

func firstPlan(f *flowRun) {
	f.as("owner")
	f.open(f.p.portal + "/owner/apis")
	f.press("New API")
	f.paste("Or paste it", string(sample.Document()))
	f.fill("Name in addresses", "second")
	f.fill("Stage", "prod")
	f.fill("Upstream", "https://example.com")
	f.press("Create API")
	f.see("#1")
	f.press("New plan")
	f.fill("Name", "Starter")
	f.tick("Echo API · prod")
	f.press("Review and publish")
	f.press("Publish")
	f.see("Published")
}

func approval(f *flowRun) {
	plan := f.plan("Scale")
	f.as("developer")
	f.open(f.p.portal + "/apis/echo/subscribe?app=new&plan=" + plan)
	f.fill("Name of the new app", "Reports")
	f.fill("Message to the owner", "Reports for our customers, 20 a second.")
	f.press("Ask to subscribe")
	f.see("Waiting")
	steps := f.steps
	f.as("owner")
	f.open(f.p.portal + "/owner/subscriptions")
	f.press("Approve")
	f.see("Reports")
	f.steps += steps
}

// plan returns the id of a plan of the demo.
func (f *flowRun) plan(name string) string {
	f.t.Helper()
	f.as("owner")
	f.open(f.p.portal + "/owner/plans")
	return eval[string](f.browser, `[...document.querySelectorAll('main a[href^="/owner/plans/"]')].find(a => a.innerText.trim() === `+quoted(name)+`).pathname.slice('/owner/plans/'.length)`)
}

// follow goes where a link leads that a script finds.
func (f *flowRun) follow(find string) {
	f.t.Helper()
	f.until("a link", find)
	to := eval[string](f.browser, "(e => e.href.baseVal || e.getAttribute('href'))("+find+")")
	f.open(f.p.portal + to)
	f.steps++
}

func rotation(f *flowRun) {
	f.as("developer")
	f.key("laptop")
	f.press("Rotate")
	f.press("Rotate")
	f.see("has a new value")
	f.see("old value")
}

// key opens the page of a key of the demo.
func (f *flowRun) key(name string) {
	f.t.Helper()
	f.open(f.p.portal + "/keys")
	f.press(name)
	f.steps = 0
}

func leaked(f *flowRun) {
	f.as("developer")
	f.key("ios-production")
	last := regexp.MustCompile(`…(\w{4})`).FindStringSubmatch(f.text("main"))
	if last == nil {
		f.fail("the page does not show the key's last characters")
	}
	f.open(f.p.portal + "/search?q=" + last[1])
	f.press("ios-production")
	f.press("Revoke")
	f.press("Revoke")
	f.see("Revoked")
}

func whyRefused(f *flowRun) {
	path := refusedInTheDemo(f.p)
	f.as("developer")
	f.open(f.p.portal + path)
	f.see("50 requests a second")
	f.see("would have passed")
}

func safeChange(f *flowRun) {
	f.as("owner")
	f.open(f.p.portal + "/owner/plans")
	f.press("Free")
	f.steps = 0
	f.fill("Burst", "7")
	f.press("Rehearse")
	f.see("The draft would have refused")
	f.press("Review and publish")
	f.press("Publish")
	f.see("Published")
}

func upgrade(f *flowRun) {
	f.as("developer")
	f.open(f.p.portal + "/home")
	f.follow(`[...document.querySelectorAll('a[href$="/change"]')].find(a => a.innerText.includes('Free'))`)
	f.see("Your own calls refused")
	f.press("Choose Growth")
	f.press("Change to Growth")
	f.see("Growth")
}

func manyKeys(f *flowRun) {
	plan := f.plan("Growth")
	file := filepath.Join(f.t.TempDir(), "customers.csv")
	if err := os.WriteFile(file, []byte(keysFile(3000, plan)+"Bad,short,\n"), 0o600); err != nil {
		f.t.Fatal(err)
	}
	f.open(f.p.portal + "/owner/keys/import")
	f.mark("the file", "field('CSV file')")
	f.do(chromedp.SetUploadFiles(chromedp.CSS("[data-e2e]"), []string{file}))
	f.press("Import")
	f.reach("Import the other 3,000 lines")
	f.press("Import the other 3,000 lines")
	f.reach("1 line was left out")
}

func failingCall(f *flowRun) {
	r, err := http.NewRequest(http.MethodGet, f.p.gateway+"/echo/prod/status/503", nil)
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("x-api-key", f.p.line(`(?m)^curl .*x-api-key: ([^']+)'`))
	for range 3 {
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			f.t.Fatal(err)
		}
		text(f.t, answer)
	}
	f.as("developer")
	f.open(f.p.portal + "/usage?range=1h")
	f.reloadUntil("Server error")
	f.follow(`[...document.querySelectorAll('a')].findLast(a => (a.href.baseVal || a.href).includes('/log?') && (a.href.baseVal || a.href).includes('server_error'))`)
	f.see("/status/503")
	f.press("/echo/prod/status/503")
	f.see("Copy as curl")
}
