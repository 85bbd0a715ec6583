package handlers_test

import (
	"strings"
	"testing"
)

// TestCodeIsShownInTheLanguageThatWasChosen: the choice works by an address alone and is remembered; what is no language is neither shown nor kept.
func TestCodeIsShownInTheLanguageThatWasChosen(t *testing.T) {
	p := openPortal(t)
	p.weather()
	b := p.visitor()
	checked := func(a answer) string {
		t.Helper()
		_, after, _ := strings.Cut(a.body, ` checked data-lang="`)
		lang, _, _ := strings.Cut(after, `"`)
		return lang
	}
	const path = "/apis/weather/docs/get-forecast"
	first := b.get(path)
	if got := checked(first); got != "curl" {
		t.Errorf("at first %q", got)
	}
	first.has(t, "requests.", "public class Main", "HttpRequestMessage", "curl_init", "Net::", "?lang=ruby")
	unknown := b.get(path + "?lang=<script>")
	if got := checked(unknown); got != "curl" || unknown.header.Get("Set-Cookie") != "" {
		t.Errorf("an unknown language shows %q and keeps %q", got, unknown.header.Get("Set-Cookie"))
	}
	ruby := b.get(path + "?lang=ruby")
	if got := checked(ruby); got != "ruby" {
		t.Errorf("?lang=ruby shows %q", got)
	}
	b.cookie, _, _ = strings.Cut(ruby.header.Get("Set-Cookie"), ";")
	for _, path := range []string{path, "/", "/apis/weather", "/apis/weather/docs?lang=nonsense"} {
		if got := checked(b.get(path)); got != "ruby" {
			t.Errorf("%s shows %q afterwards", path, got)
		}
	}
}
