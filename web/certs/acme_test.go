package certs

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A CA allows few tries: however many clients ask for a host that gets no certificate, it is asked again only after a while.
func TestAHostThatGetsNoCertificateIsNotTriedByEachClient(t *testing.T) {
	var asked atomic.Int64
	ca := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		http.Error(w, "no", http.StatusForbidden)
	}))
	t.Cleanup(ca.Close)
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	var said logged
	c, err := Open(Config{Log: logTo(&said), Now: func() time.Time { return now }, ACME: &ACME{
		Directory: ca.URL, Cache: t.TempDir(), Hosts: func() []string { return nil }, Allowed: func(host string) bool { return host == "a.example.com" },
	}})
	if err != nil {
		t.Fatal(err)
	}
	c.issuer.manager.Client.HTTPClient = ca.Client()
	try := func(host string) error {
		_, err := c.issuer.certificate(context.Background(), host)
		return err
	}
	for range 20 {
		if err := try("a.example.com"); err == nil {
			t.Fatal("a certificate out of nothing")
		}
	}
	first := asked.Load()
	if first == 0 || first > 4 {
		t.Errorf("20 clients make %d requests of the CA", first)
	}
	if err := c.Trouble(); err == nil || !strings.Contains(err.Error(), "a.example.com") {
		t.Errorf("trouble: %v", err)
	}
	if _, problem := c.Standing("a.example.com"); problem == "" {
		t.Error("its owner is told nothing")
	}
	host := c.issuer.hosts["a.example.com"]
	now = now.Add(firstRetry)
	if _ = try("a.example.com"); host.failures != 2 {
		t.Error("it is not tried again when its time has come")
	}
	now = now.Add(firstRetry) // the second wait is longer
	if _ = try("a.example.com"); host.failures != 2 {
		t.Error("the wait does not grow")
	}
	_ = c.Reload()
	if _ = try("a.example.com"); host.failures != 1 {
		t.Error("a reload does not try at once")
	}
	if err := c.Trouble(); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("what the CA said is forgotten: %v", err)
	}
	if _, err := c.TLS().GetCertificate(helloFor("stranger.example.com")); err == nil {
		t.Error("a name that is not allowed gets something")
	}
}
