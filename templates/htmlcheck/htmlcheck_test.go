package htmlcheck_test

import (
	"strings"
	"testing"

	"gatehouse/templates/htmlcheck"
)

// A check that finds nothing would let every page through.
func TestFindsWhatPagesMustNotHave(t *testing.T) {
	tests := []struct{ name, html, want string }{
		{"style attribute", `<p style="color:red">x</p>`, "attribute style"},
		{"event attribute", `<p onclick="x()">x</p>`, "attribute onclick"},
		{"inline script", `<script>x()</script>`, "inline script"},
		{"id twice", `<p id="a">x</p><p id="a">y</p>`, `id "a" twice`},
		{"input without label", `<input id="a" name="a">`, "no label"},
		{"button without name", `<button type="button"><svg></svg></button>`, "no text"},
		{"link without name", `<a href="/x"></a>`, "no text"},
		{"button without type", `<button>Go</button>`, "needs a type"},
		{"form without action", `<form method="post"></form>`, "method and an action"},
		{"empty aria-current", `<a href="/x" aria-current>x</a>`, "empty aria-current"},
		{"script link", `<a href=" JavaScript:x()">x</a>`, "runs a script"},
		{"head cell without scope", `<table><tr><th>x</th></tr></table>`, "needs a scope"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := htmlcheck.Fragment(tt.html)
			if len(got) != 1 || !strings.Contains(got[0], tt.want) {
				t.Errorf("got %q, want one problem with %q", got, tt.want)
			}
		})
	}
}

func TestAcceptsGoodMarkup(t *testing.T) {
	const good = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>x</title><script src="/x.js" defer></script></head>` +
		`<body><main><h1>x &amp; y</h1><form method="get" action="/x"><label for="a">A</label><input id="a" name="a" required>` +
		`<label><input type="radio" name="b"> B</label><button type="submit" aria-label="Go"><svg></svg></button></form></main></body></html>`
	if got := htmlcheck.Page(good); len(got) > 0 {
		t.Errorf("got %q", got)
	}
}

func TestPageNeedsItsParts(t *testing.T) {
	got := strings.Join(htmlcheck.Page(`<html><body><a href="#none">x</a></body></html>`), "\n")
	for _, want := range []string{"0 h1", "one title and one main", "no lang", `points at "none"`} {
		if !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
}
