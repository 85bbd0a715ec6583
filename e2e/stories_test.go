package e2e

import (
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"gatehouse/sample"
)

var updatePictures = flag.Bool("update-pictures", false, "write the README's screenshot anew")

const (
	ownerPassword     = "lantern over the moat"
	developerPassword = "a bridge made of words"
)

// TestThreePeopleDoTheirWholeJob is the main job of the product in a real browser, against the real binary: an owner publishes a plan, a developer subscribes and
// copies a key, an app calls the gateway until the plan refuses it, and both see it in their charts.
func TestThreePeopleDoTheirWholeJob(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]look{"with scripts": desktop, "without scripts": {width: 1440, height: 900, scheme: "light", noScript: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, "serve", "--data", t.TempDir(), "--allow-upstream", "127.0.0.1/32")
			owner := newBrowser(t, l)
			publish(owner, p, upstream(t))
			developer := newBrowser(t, l)
			key, line := subscribe(developer, p)
			callUntilRefused(t, p, key, line)
			seeTheChart(developer, p)
			rotate(t, developer, p, key)
			seeTheCustomer(owner, p)
		})
	}
}

// publish sets the installation up by its one-time link, makes an API from a document with a stage, and publishes a plan.
func publish(b *browser, p *process, upstream string) {
	b.open(p.line(`(http\S+/setup/\S+)`))
	b.accessible()
	b.fill("Name", "Ana Ruiz")
	b.fill("E-mail address", "ana@example.com")
	b.fill("Password", ownerPassword)
	b.press("Create administrator")

	b.see("your first API")
	b.fill("Or paste it", "")
	b.paste("Or paste it", string(sample.Document()))
	b.fill("Name in addresses", "echo")
	b.fill("Stage", "prod")
	b.fill("Upstream", upstream)
	b.press("Create API")
	b.see("Echo API")
	b.see("/status/{code}")
	b.see("#1")
	b.accessible()

	b.open(p.portal + "/owner/plans/new")
	b.fill("Name", "Starter")
	b.fill("Price shown to developers", "Free")
	b.fill("Rate", "0.1")
	b.fill("Burst", "3")
	b.fill("Requests", "1000")
	b.press("Preview")
	b.see("3 requests at once")
	b.tick("Echo API · prod")
	b.press("Review and publish")
	b.see("Publish")
	b.press("Publish")
	b.see("Published")
	b.accessible()
}

// subscribe finds the API in the catalog without an account, signs up on the way, and returns the key and the curl line that it is shown with.
func subscribe(b *browser, p *process) (key, line string) {
	b.open(p.portal + "/")
	b.press("Browse APIs")
	b.press("Echo API")
	b.see("An idle key may send 3 requests at once")
	b.accessible()
	b.press("Subscribe")
	b.fill("Name", "Mira Okafor")
	b.fill("E-mail address", "mira@example.com")
	b.fill("Password", developerPassword)
	b.press("Create account")
	b.see("Subscribe to Echo API")
	b.accessible()
	b.fill("Name of your app", "Acme Mobile")
	b.press("Subscribe")
	b.see("is ready")
	b.accessible()
	key = eval[string](b, `document.body.innerText.match(/gwk1[0-9A-Za-z]{38}/)[0]`)
	line = strings.Join(strings.Fields(strings.ReplaceAll(b.shown("curl "), "\\\n", " ")), " ")
	return key, line
}

// callUntilRefused pastes the curl line until the plan's burst of three is used up.
func callUntilRefused(t *testing.T, p *process, key, line string) {
	t.Helper()
	if !strings.Contains(line, key) || !strings.Contains(line, p.gateway) {
		t.Fatalf("the line does not work as it stands: %s", line)
	}
	for i := range 3 {
		status, head, body := curl(t, line)
		if status != http.StatusOK || head.Get("X-RateLimit-Remaining") == "" {
			t.Fatalf("call %d: %d %v %s", i+1, status, head, body)
		}
	}
	status, head, body := curl(t, line)
	if status != http.StatusTooManyRequests || head.Get("Retry-After") == "" || !strings.Contains(body, `"message":"Too Many Requests"`) {
		t.Fatalf("the fourth call: %d %v %s", status, head, body)
	}
	if strings.Contains(body, key) {
		t.Error("the refusal repeats the key")
	}
}

func seeTheChart(b *browser, p *process) {
	b.open(p.portal + "/usage?range=1h")
	b.reloadUntil("Throttled")
	b.see("Requests by outcome")
	b.accessible()
	if text := b.text("main"); !strings.Contains(text, "429") {
		b.t.Error("the refusal is not on the page")
	}
}

// rotate gives the key a new value with an overlap and checks that both work, then stops the old one.
func rotate(t *testing.T, b *browser, p *process, old string) {
	t.Helper()
	b.open(p.portal + "/keys")
	b.press("production")
	b.press("Rotate")
	b.press("Rotate")
	b.see("has a new value")
	key := eval[string](b, `document.body.innerText.match(/gwk1[0-9A-Za-z]{38}/)[0]`)
	if key == old {
		t.Fatal("the value did not change")
	}
	call := func(value string) int {
		status, _, _ := curl(t, "curl -H 'x-api-key: "+value+"' "+p.gateway+"/echo/prod/get")
		return status
	}
	for _, value := range []string{old, key} {
		if status := call(value); status != http.StatusOK && status != http.StatusTooManyRequests {
			t.Errorf("a value within the overlap: got %d", status)
		}
	}
	b.open(p.portal + b.path())
	b.press("Stop the old value now")
	if status := call(old); status != http.StatusForbidden {
		t.Errorf("the stopped value: got %d", status)
	}
}

func seeTheCustomer(b *browser, p *process) {
	b.open(p.portal + "/owner/usage?range=1h")
	b.reloadUntil("Starter")
	b.accessible()
	b.open(p.portal + "/owner/subscriptions?state=all")
	b.see("Mira Okafor")
	b.open(p.portal + "/owner/audit")
	b.see("Starter")
	b.accessible()
}

// paste puts a long text into a field at once.
func (b *browser) paste(label, text string) {
	b.t.Helper()
	b.mark("the field "+quoted(label), "field("+quoted(label)+")")
	eval[bool](b, "(() => { document.querySelector('[data-e2e]').value = "+quoted(text)+"; return true })()")
}

// shown returns the text of the visible code block that begins with a word.
func (b *browser) shown(begin string) string {
	b.t.Helper()
	find := "[...document.querySelectorAll('pre')].find(e => e.getBoundingClientRect().height > 0 && e.textContent.trim().startsWith(" + quoted(begin) + "))"
	b.until("code that begins with "+begin, find)
	return eval[string](b, find+".textContent")
}

// reloadUntil reloads a page until it shows a text: usage is written once a second.
func (b *browser) reloadUntil(text string) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for !eval[bool](b, "document.querySelector('main').innerText.includes("+quoted(text)+")") {
		if time.Now().After(deadline) {
			b.fail("the page does not come to show " + text)
		}
		time.Sleep(200 * time.Millisecond)
		b.do(chromedp.Reload())
	}
}

// TestThePictureOfTheReadme draws the screenshot that the README shows; with -update-pictures it is kept.
func TestThePictureOfTheReadme(t *testing.T) {
	t.Parallel()
	p, _ := startDemo(t)
	b := newBrowser(t, desktop)
	b.signIn(p.portal, "developer@example.com")
	b.open(p.portal + "/usage")
	b.see("Requests by outcome")
	name := filepath.Join("artifacts", "usage.png")
	if *updatePictures {
		name = filepath.Join("..", "docs", "images", "usage.png")
	}
	b.clip(name, 1440, 1200)
	if info, err := os.Stat(name); err != nil || info.Size() < 20_000 {
		t.Errorf("no picture: %v", err)
	}
}
