package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
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
			b.sendFile()
		})
	}
}

// sendFile sends the body of the operation that is open as a form with a file, which the sample sends back.
func (b *browser) sendFile() {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "letter.txt")
	if err := os.WriteFile(file, []byte("carried by hand"), 0o600); err != nil {
		b.t.Fatal(err)
	}
	eval[bool](b, "(() => { const s = document.querySelector('select[name=type]'); s.value = 'multipart/form-data'; s.dispatchEvent(new Event('input', { bubbles: true })); s.dispatchEvent(new Event('change', { bubbles: true })); return true })()")
	if b.look.noScript {
		b.press("Update code")
	}
	b.until("a field for a file", "document.querySelector('input[type=file]')")
	b.fill("note", "with a note")
	b.mark("the file", "document.querySelector('input[type=file]')")
	b.do(chromedp.SetUploadFiles(chromedp.CSS("[data-e2e]"), []string{file}))
	b.press("Send request")
	b.see("carried by hand")
	b.see("with a note")
	b.until("the code to name the file", `document.querySelector('#op-curl-code').textContent.includes('letter.txt')`)
	b.accessible()
}
