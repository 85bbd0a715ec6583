package e2e

import (
	"strings"
	"testing"
)

// TestAnOperationIsTriedFromItsPage: a visitor is told what is missing; a developer fills in the form beside the operation, sees the code follow, sends the
// request with a key chosen by its name, and reads the answer, with scripts and without.
func TestAnOperationIsTriedFromItsPage(t *testing.T) {
	t.Parallel()
	p, _ := startDemo(t)
	for name, l := range map[string]look{"without scripts": {width: 1440, height: 900, scheme: "light", noScript: true}, "on a dark phone": phone} {
		t.Run(name, func(t *testing.T) {
			b := newBrowser(t, l)
			const page = "/apis/echo/docs/get-status"
			b.open(p.portal + page)
			b.see("Sign in to send requests from this page")
			b.accessible()
			b.press("Sign in")
			b.fill("E-mail address", "developer@example.com")
			b.fill("Password", "open-the-gate-26")
			b.press("Sign in")
			if b.path() != page {
				t.Fatalf("signing in leads to %s", b.path())
			}
			b.fill("code *", "418")
			if l.noScript {
				b.press("Update code")
			}
			b.until("the code to follow", `document.querySelector('#op-curl-code').textContent.includes('/status/418')`)
			b.press("Send request")
			b.until("the answer", `document.querySelector('#try-answer .st')?.textContent.includes('418')`)
			b.see("of the quota left; it resets on")
			if b.path() != page || !strings.Contains(b.text("#op-curl-code"), "/status/418") {
				t.Errorf("the page is %s with the code %s", b.path(), b.text("#op-curl-code"))
			}
			b.accessible()

			b.open(p.portal + "/apis/echo/docs/echo-post")
			b.fill("body", `{"tried": "<b>" }`)
			b.press("Send request")
			b.see(`"tried": "<b>"`)
			b.accessible()
		})
	}
}
