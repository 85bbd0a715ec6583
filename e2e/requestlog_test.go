package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// demoKey is what the demo prints.
const demoKey = "demokeyforeverybodytotry0001"

// Who asks "why 429?" clicks the row, and who looks for a failing call filters, opens it and copies it: with scripts and without.
func TestAFailingCallIsFoundExplainedAndCopied(t *testing.T) {
	t.Parallel()
	p, _ := startDemo(t)
	w := &world{T: t, process: p}
	for range 3 {
		w.ask("/echo/prod/status/503?city=hidden", demoKey)
	}
	for _, l := range []look{desktop, phone, {width: 1440, height: 900, scheme: "light", noScript: true}} {
		t.Run(fmt.Sprintf("%d %s scripts=%v", l.width, l.scheme, !l.noScript), func(t *testing.T) {
			b := newBrowser(t, l)
			b.signIn(p.portal, "developer@example.com")
			b.open(p.portal + "/log?outcome=server_error")
			if l.noScript {
				b.reloadUntil("/echo/prod/status/503")
			} else {
				b.see("/echo/prod/status/503") // it comes by itself
				b.accessible()
			}
			b.press("/echo/prod/status/503")
			b.see("Let through, and answered 503")
			b.see("Where the time went")
			if curl := b.text("#curl"); !strings.Contains(curl, "/echo/prod/status/503?city=") || !strings.Contains(curl, "x-api-key: $ECHO_KEY") || strings.Contains(curl, "hidden") || strings.Contains(curl, demoKey) {
				t.Errorf("curl: %s", curl)
			}
			if !l.noScript {
				b.accessible()
			}
		})
	}
	// What happens while the page is open is seen without a reload, and a page that is paused stays.
	b := newBrowser(t, desktop)
	b.signIn(p.portal, "developer@example.com")
	b.open(p.portal + "/log?path=later")
	b.see("No request fits")
	w.ask("/echo/prod/anything/later", demoKey)
	b.see("/echo/prod/anything/later")
	b.press("Live")
	b.see("Paused")
	b.press("Request log")
	b.see("Live")
}
