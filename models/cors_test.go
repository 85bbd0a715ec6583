package models

import (
	"testing"
	"time"
)

func TestOriginsAreNamedAsBrowsersSendThem(t *testing.T) {
	for _, good := range []string{"https://example.com", "https://EXAMPLE.com", "http://localhost:3000", "https://*.example.com", "https://*.example.com:8443", "http://*.localhost", "https://[::1]:8443"} {
		if _, problem := ParseOrigin(good); problem != "" {
			t.Errorf("%s is refused: %s", good, problem)
		}
	}
	for _, bad := range []string{
		"", "null", "example.com", "https://", "https://example.com/", "https://example.com/a", "https://example.com?a", "https://example.com#a", "https://a@example.com", "ftp://example.com",
		"https://example.com:443", "http://example.com:80", "https://example.com:", "https://*.com", "https://*", "https://*.*.example.com", "https://a.*.example.com", "https://*example.com", "*",
		"https://exa mple.com",
	} {
		if _, problem := ParseOrigin(bad); problem == "" {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestCORSThatBrowsersRefuseIsRefused(t *testing.T) {
	for name, c := range map[string]CORS{
		"origins":     {},
		"credentials": {Origins: []string{"*"}, Credentials: true},
		"headers":     {Origins: []string{"*"}, Headers: []string{"X Team"}},
		"expose":      {Origins: []string{"*"}, Expose: []string{"*"}},
		"max_age":     {Origins: []string{"*"}, MaxAge: 25 * time.Hour},
	} {
		var e *Error
		if err := c.Check(); err == nil {
			t.Errorf("%s: %+v is taken", name, c)
		} else if e, _ = err.(*Error); e.Fields[name] == "" { //nolint:errorlint // Check returns no other
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (CORS{Origins: []string{"*", "https://example.com"}}).Check(); err == nil {
		t.Error("all origins and one more are taken")
	}
}
