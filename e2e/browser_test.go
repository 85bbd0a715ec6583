package e2e

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"gatehouse/e2e/chromium"
)

//go:embed testdata/axe.min.js
var axe string

// patience bounds one step of a test; what takes longer is broken, also on a machine that does much else.
const patience = 90 * time.Second

// browser is one person's browser: its own cookies, one tab.
type browser struct {
	t     *testing.T
	ctx   context.Context
	look  look
	steps int // controls pressed
}

// look says how a browser shows pages.
type look struct {
	width, height int64
	scheme        string // "light" or "dark"
	noScript      bool
}

var (
	desktop = look{width: 1440, height: 900, scheme: "light"}
	phone   = look{width: 390, height: 844, scheme: "dark"}
)

// newBrowser starts Chromium.
func newBrowser(t *testing.T, l look) *browser {
	t.Helper()
	b := &browser{t: t, ctx: chromium.Start(t, l.width, l.height, l.scheme), look: l}
	if l.noScript {
		b.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			_, err := cdp.Call(ctx, tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
			return err
		}))
	}
	return b
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.fail(err)
	}
}

// fail ends the test with a picture of what the browser shows.
func (b *browser) fail(problem any) {
	b.t.Helper()
	folder := "artifacts"
	name := filepath.Join(folder, strings.NewReplacer("/", "-", " ", "-").Replace(b.t.Name())+".png")
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	at, _ := chromedp.Run(ctx, chromedp.Location())
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body ? document.body.innerText.slice(0, 1500) : ''"))
	if png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot()); err == nil && os.MkdirAll(folder, 0o755) == nil {
		_ = os.WriteFile(name, png, 0o644)
	}
	b.t.Fatalf("%v\nat %s (picture: e2e/%s)\n%s", problem, at, name, text)
}

// open goes to an address.
func (b *browser) open(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
}

// signIn signs somebody of the demo in.
func (b *browser) signIn(portal, email string) {
	b.t.Helper()
	b.open(portal + "/signin")
	b.fill("E-mail address", email)
	b.fill("Password", "open-the-gate-26")
	b.press("Sign in")
}

// eval runs a script of the test, which works even where the page's own scripts do not run.
func eval[T any](b *browser, script string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.fail(fmt.Errorf("evaluate %.80s: %w", script, err))
	}
	return v
}

func quoted(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

// until waits for a condition of the page.
func (b *browser) until(what, condition string) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for !eval[bool](b, "!!("+condition+")") {
		if time.Now().After(deadline) {
			b.fail("waited in vain for " + what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// see waits until the page shows a text.
func (b *browser) see(text string) {
	b.t.Helper()
	b.until("the text "+quoted(text), "document.body && document.body.innerText.replace(/\\s+/g,' ').includes("+quoted(text)+")")
}

// findScript finds what a person would: a link or button by its words, a field by its label. The last main dialog that is open wins.
const findScript = `
const root = document.querySelector('dialog[open]') || document;
const words = e => (e.getAttribute('aria-label') || e.innerText || e.value || '').replace(/\s+/g, ' ').trim();
const shown = e => { const r = e.getBoundingClientRect(); return r.width > 0 && r.height > 0 && getComputedStyle(e).visibility !== 'hidden'; };
const control = name => { const all = [...root.querySelectorAll('a[href], button, summary, input[type=submit]')].filter(shown);
  return all.find(e => words(e) === name && e.closest('main')) || all.find(e => words(e) === name) || all.find(e => words(e).startsWith(name) && e.closest('main')) || all.find(e => words(e).startsWith(name)); };
const field = name => { const l = [...root.querySelectorAll('label')].find(l => l.innerText.replace(/\s+/g, ' ').trim() === name) || [...root.querySelectorAll('label')].find(l => l.innerText.replace(/\s+/g, ' ').trim().startsWith(name));
  return l ? (l.control || l.querySelector('input,select,textarea')) : root.querySelector('[aria-label=' + JSON.stringify(name) + ']'); };
`

// mark tags what a script finds, so that the browser can act on it as a person does.
func (b *browser) mark(what, find string) {
	b.t.Helper()
	b.until(what, "(() => {"+findScript+"document.querySelectorAll('[data-e2e]').forEach(e => e.removeAttribute('data-e2e')); const e = "+find+
		"; if (e) e.setAttribute('data-e2e', ''); return !!e })()")
}

// press clicks a link or button by its words and waits for the page that follows, if one does.
func (b *browser) press(name string) {
	b.t.Helper()
	b.steps++
	// Found and clicked at once: a page that brings itself up to date may replace what was found.
	b.until("the control "+quoted(name), "(() => {"+findScript+"const e = control("+quoted(name)+"); if (e) { document.documentElement.setAttribute('data-left', ''); e.click() } return !!e })()")
	for range 20 { // a menu or a dialog leaves the page where it is
		if eval[bool](b, "!document.documentElement || !document.documentElement.hasAttribute('data-left') || !!document.querySelector('dialog[open], details.menu[open]')") {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.until("the page to load", "document.readyState === 'complete'")
}

// fill types into a field by its label, in place of what is there.
func (b *browser) fill(label, value string) {
	b.t.Helper()
	b.mark("the field "+quoted(label), "field("+quoted(label)+")")
	b.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := chromedp.Evaluate[bool]("(() => { const e = document.querySelector('[data-e2e]'); e.scrollIntoView(); e.focus(); if (e.select) e.select(); if ('value' in e) e.value = ''; return true })()")(ctx, tab)
		return err
	}))
	if value != "" {
		b.do(chromedp.SendKeys(chromedp.CSS("[data-e2e]"), value))
	}
}

// tick switches a box, radio button or card on, by its label.
func (b *browser) tick(label string) {
	b.t.Helper()
	b.mark("the box "+quoted(label), "field("+quoted(label)+")")
	eval[bool](b, "(() => { const e = document.querySelector('[data-e2e]'); if (!e.checked) e.click(); return true })()")
}

// text returns the text of the first element that a selector finds.
func (b *browser) text(selector string) string {
	b.t.Helper()
	b.until(selector, "document.querySelector("+quoted(selector)+")")
	return strings.TrimSpace(eval[string](b, "document.querySelector("+quoted(selector)+").textContent"))
}

// path returns the path of the page.
func (b *browser) path() string {
	b.t.Helper()
	return eval[string](b, "location.pathname")
}

// violation is what axe found.
type violation struct {
	ID    string   `json:"id"`
	Help  string   `json:"help"`
	Nodes []string `json:"nodes"`
}

// accessible fails the test when axe finds anything on the page, or when the page scrolls sideways.
func (b *browser) accessible() {
	b.t.Helper()
	if b.look.noScript {
		return // axe needs timers; the same pages are judged with scripts
	}
	eval[int](b, axe+";0")
	found := eval[[]violation](b, `axe.run(document, {runOnly: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']})
		.then(r => r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.target.join(' '))})))`)
	for _, v := range found {
		b.t.Errorf("%s: %s: %s at %v", b.path(), v.ID, v.Help, v.Nodes)
	}
	if wide := eval[int](b, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); wide > 0 {
		b.t.Errorf("%s scrolls sideways by %d pixels", b.path(), wide)
	}
}

// clip writes the top of the page to a file.
func (b *browser) clip(name string, width, height int64) {
	b.t.Helper()
	eval[bool](b, "document.fonts.ready.then(() => true)")
	b.do(chromedp.EmulateViewport(width, height))
	eval[bool](b, "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.fail(err)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(name, png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
