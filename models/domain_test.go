package models_test

import (
	"testing"

	"gatehouse/models"
)

func TestHostsAreComparedFolded(t *testing.T) {
	for host, want := range map[string]string{
		"api.example.com": "api.example.com", "API.Example.COM": "api.example.com", "api.example.com.": "api.example.com", "api.example.com:8443": "api.example.com",
		"API.example.com.:80": "api.example.com", "127.0.0.1:80": "127.0.0.1", "[::1]:80": "::1", "[::1]": "::1", "::1": "::1", "": "", ":80": "", ".": "", "a..": "a.",
	} {
		if got := models.FoldHost(host); got != want {
			t.Errorf("%q: got %q, want %q", host, got, want)
		}
	}
	if n := testing.AllocsPerRun(10, func() { models.FoldHost("api.example.com:8443") }); n != 0 {
		t.Errorf("folding allocates %v times", n)
	}
}

func TestADomainIsAHostThatSomebodyCanOwn(t *testing.T) {
	for _, tt := range []struct{ host, base, wantHost, wantBase string }{
		{" API.Example.com. ", "", "api.example.com", ""},
		{"xn--bcher-kva.example", "v1/", "xn--bcher-kva.example", "/v1"},
		{"a.b.c.example.com:443", "/a/b-c/~x", "a.b.c.example.com", "/a/b-c/~x"},
	} {
		d, err := models.Domain{Host: tt.host, BasePath: tt.base}.Clean()
		if err != nil || d.Host != tt.wantHost || d.BasePath != tt.wantBase {
			t.Errorf("%q %q: got %q %q, %v", tt.host, tt.base, d.Host, d.BasePath, err)
		}
	}
	for _, host := range []string{"", "localhost", "a.localhost", "gateway", "10.0.0.1", "[::1]:80", "*.example.com", "a_b.example.com", "-a.example.com", "bücher.example", "https://a.example.com", "a.example.com/x", "a..example.com", "a.example.com..", "exam ple.com"} {
		if _, err := (models.Domain{Host: host}).Clean(); err == nil {
			t.Errorf("%q is taken", host)
		}
	}
	for _, base := range []string{"/a/../b", "/.", "a b", "//a", "/a%2fb", "/{x}", "/a?b"} {
		if _, err := (models.Domain{Host: "a.example.com", BasePath: base}).Clean(); err == nil {
			t.Errorf("base path %q is taken", base)
		}
	}
}
