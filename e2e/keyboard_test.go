package e2e

import (
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// keys presses keys one after the other, wherever the focus is.
func (b *browser) keys(keys string, options ...chromedp.KeyOption) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys, options...))
}

// at waits for the page of a path.
func (b *browser) at(path string) {
	b.t.Helper()
	b.until("the page "+path, "document.readyState === 'complete' && location.pathname === "+quoted(path))
}

func signedIn(t *testing.T, p *process, who string) *browser {
	t.Helper()
	b := newBrowser(t, desktop)
	b.signIn(p.portal, who+"@example.com")
	return b
}

func TestKeysLeadThroughThePortal(t *testing.T) {
	t.Parallel()
	p, _ := startDemo(t)
	b := signedIn(t, p, "developer")

	b.open(p.portal + "/home")
	b.keys("gk")
	b.at("/keys")
	b.keys("/")
	b.until("the focus in a search", "document.activeElement.matches('input[type=search]')")
	eval[bool](b, "(() => { document.activeElement.value = ''; return true })()") // a driven browser types also what a script has taken
	b.keys("gu?")                                                                 // typed into a field, they are letters
	if got := eval[string](b, "document.activeElement.value"); got != "gu?" || b.path() != "/keys" {
		t.Errorf("typed %q on %s, want gu? on /keys", got, b.path())
	}
	b.open(p.portal + "/keys")
	b.keys("?")
	b.until("the dialog of keys", "document.querySelector('dialog[open]')?.innerText.includes('Keyboard')")
	b.accessible()
	b.keys(kb.Escape)
	b.until("the dialog to close", "!document.querySelector('dialog[open]')")
	if b.path() != "/keys" {
		t.Errorf("the dialog led to %s", b.path())
	}

	// Who switched them off has Ctrl K, and no more.
	b.open(p.portal + "/me")
	eval[bool](b, "(() => { const box = document.querySelector('input[name=keys]'); if (box.checked) box.click(); box.form.requestSubmit(); return true })()")
	b.until("no keys", "document.readyState === 'complete' && !('keys' in document.body.dataset)")
	b.keys("gu")
	time.Sleep(300 * time.Millisecond) // for what must not happen
	b.at("/me")
	b.keys("k", chromedp.KeyModifiers(chromedp.ModifierCtrl))
	b.until("the search", "document.querySelector('dialog.palette[open]')")
}

func TestThePaletteFindsOpensAndKeepsKeysOutOfAddresses(t *testing.T) {
	t.Parallel()
	p, _ := startDemo(t)
	b := signedIn(t, p, "owner")

	b.open(p.portal + "/owner")
	b.keys("k", chromedp.KeyModifiers(chromedp.ModifierCtrl))
	b.until("the search", "document.querySelector('dialog.palette[open]') && document.activeElement.name === 'q'")
	b.keys("echo")
	b.until("something found", "[...document.querySelectorAll('dialog.palette a')].some(a => a.innerText.includes('Echo'))")
	b.accessible()
	b.keys(kb.ArrowDown)
	b.until("the first link to have the focus", "document.activeElement === document.querySelector('dialog.palette a')")
	b.keys(kb.ArrowUp)
	b.until("the field to have the focus again", "document.activeElement.name === 'q'")
	want := eval[string](b, "document.querySelector('dialog.palette a').pathname")
	b.keys(kb.Enter)
	b.at(want)

	b.keys("k", chromedp.KeyModifiers(chromedp.ModifierCtrl))
	b.until("the search", "document.querySelector('dialog.palette[open]') && document.activeElement.name === 'q'")
	eval[bool](b, "(() => { const q = document.activeElement; q.value = 'gwk1abcdefghijklmnopqrstuvwxyz01234567890123'; q.dispatchEvent(new Event('input', { bubbles: true })); return true })()")
	b.until("four characters of a key", "document.activeElement.value === '0123'")
	b.until("an answer", "performance.getEntriesByType('resource').some(r => r.name.includes('/search?q=0123'))")
	if eval[bool](b, "performance.getEntriesByType('resource').some(r => r.name.includes('abcdefgh'))") {
		t.Error("the key was in an address")
	}
}

// A click on a segment of a bar opens the calls of its time and outcome; a span that is dragged over opens on a page of its own.
func TestAChartOpensWhatIsClickedAndDraggedOver(t *testing.T) {
	t.Parallel()
	p, _ := startDemo(t)
	b := signedIn(t, p, "developer")

	b.open(p.portal + "/usage?range=24h")
	type point struct{ X, Y float64 }
	segment := eval[point](b, `(() => { const p = document.querySelector("#requests path[data-narrow*=throttled]"); p.scrollIntoView({ block: "center" });
		const r = p.ownerSVGElement.getBoundingClientRect(), m = p.getAttribute("d").match(/M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)/).slice(1).map(Number);
		return { X: r.x + (m[0] + m[2] / 2) * r.width / 1000, Y: r.y + (m[1] + m[3] / 2) * r.height / 224 } })()`)
	b.do(chromedp.MouseClickXY(segment.X, segment.Y))
	b.until("the log", "document.readyState === 'complete' && location.pathname === '/log'")
	if at := eval[string](b, "location.search"); !regexp.MustCompile(`^\?from=[^&]+&to=[^&]+&outcome=throttled%2Cover_quota$`).MatchString(at) {
		t.Errorf("a segment leads to the log with %s", at)
	}
	b.until("calls of that outcome alone", "document.querySelector('main').textContent.includes('Outcome: Throttled or Over quota')")

	b.open(p.portal + "/usage?range=7d")
	type rect struct{ X, Y, Width, Height float64 }
	plot := eval[rect](b, "(() => { const p = document.querySelector('ts-chart[data-zoom] .plot'); p.scrollIntoView({ block: 'center' }); const r = p.getBoundingClientRect(); return { X: r.x, Y: r.y, Width: r.width, Height: r.height } })()")
	y := plot.Y + plot.Height/2
	from, to := plot.X+plot.Width*.25, plot.X+plot.Width*.5
	b.do(chromedp.MouseEvent(chromedp.MousePressed, from, y, chromedp.ButtonLeft, chromedp.ClickCount(1)),
		chromedp.MouseEvent(chromedp.MouseMoved, (from+to)/2, y, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseMoved, to, y, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseReleased, to, y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
	b.until("a page of that span", "document.readyState === 'complete' && new URLSearchParams(location.search).has('from')")
	at, err := url.Parse(eval[string](b, "location.href"))
	if err != nil {
		t.Fatal(err)
	}
	begin, beginErr := time.Parse(time.RFC3339, at.Query().Get("from"))
	end, endErr := time.Parse(time.RFC3339, at.Query().Get("to"))
	if span := end.Sub(begin); beginErr != nil || endErr != nil || span < 40*time.Hour || span > 50*time.Hour {
		t.Errorf("a quarter of seven days led to %s", at)
	}
	b.accessible()
}
