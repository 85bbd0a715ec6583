package e2e

import (
	"testing"
)

// An owner rehearses what he typed beside the form, with and without scripts: nothing that he typed is lost, nothing is saved, and the report says it all.
func TestOwnerRehearsesWhatIsInTheForm(t *testing.T) {
	t.Parallel()
	p, _ := startDemo(t)
	for name, l := range map[string]look{"with scripts": desktop, "on a phone": phone, "without scripts": {width: 1440, height: 900, scheme: "light", noScript: true}} {
		t.Run(name, func(t *testing.T) {
			b := newBrowser(t, l)
			b.signIn(p.portal, "owner@example.com")
			b.open(p.portal + "/owner/plans")
			b.press("Free")
			plan := b.path()
			b.fill("Price shown to developers (optional)", "Nothing")
			b.fill("Burst", "5")
			b.fill("Requests", "300")
			b.press("Rehearse")
			b.see("Last 30 days")
			b.see("The draft would have refused")
			b.see("Rehearsed: 5 rps · burst 5 · 300 requests a day")
			b.see("laptop")
			if got := eval[string](b, "document.querySelector('#f-price').value + ' ' + document.querySelector('#f-burst').value"); b.path() != plan || got != "Nothing 5" {
				t.Errorf("after the rehearsal the form on %s holds %q", b.path(), got)
			}
			b.accessible()
			if !l.noScript {
				b.fill("Burst", "6")
				b.see("The form was changed since.")
			}
			b.press("Open report")
			b.see("In short")
			b.see("What is left out")
			b.accessible()
			b.press("Back to the editor")
			if got := eval[string](b, "document.querySelector('#f-price').value"); got != "Free" {
				t.Errorf("a rehearsal saved the price %q", got)
			}
			b.press("Review and publish")
			b.see("The draft would have refused")
			b.accessible()
		})
	}
}
