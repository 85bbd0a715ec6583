package e2e

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The whole way of an owner's own name where certificates come by ACME: from the page of domains over the proof by DNS to a certificate and a call.
func TestACustomDomainGetsItsCertificateByACME(t *testing.T) {
	t.Parallel()
	made, err := worldFolder()
	if err != nil {
		t.Fatal(err)
	}
	a, names := newAuthority(t), newNameServer(t)
	w := &world{T: t, data: filepath.Join(t.TempDir(), "world"), origin: newOrigin(t)}
	copyFolder(t, w.data, made)
	portal, gateway := freePort(t), freePort(t)
	_, portalPort, _ := net.SplitHostPort(portal)
	_, gatewayPort, _ := net.SplitHostPort(gateway)
	directory, trust := a.startPebble(names, "1", portalPort, 24*time.Hour)
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	w.process = startBinary(t, path, []string{"SSL_CERT_FILE=" + trust}, "serve", "--data", w.data, "--allow-upstream", "127.0.0.1/32", "--dns-resolver", names.address,
		"--acme", "--acme-directory", directory, "--acme-email", "ops@example.com", "--public-url", "https://dev.example.test:"+portalPort, "--gateway-url", "https://gate.example.test:"+gatewayPort,
		"--portal-listen", portal, "--gateway-listen", gateway)
	shows := func(address, host string) bool { _, of := serial(address, host); return of == host }
	w.eventually("the portal's certificate", func() bool { return shows(portal, "dev.example.test") })

	client := func(address string) *http.Client { // its root is made anew by each pebble
		c := a.client(address)
		c.Transport.(*http.Transport).TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
		return c
	}
	ana := &person{t: t, base: w.portal, client: client(portal)}
	ana.done(ana.post("/signin", "email", "ana@example.com", "password", password))
	s := w.api(ana, "echo", "GET /open")
	domains := "/owner/apis/" + s.id + "/stages/" + s.stage + "/domains"
	ana.done(ana.post(domains, "host", "api.example.test", "base_path", "/v1"))
	waiting := ana.page(domains)
	if shows(gateway, "api.example.test") {
		t.Error("a name that nobody has proved gets a certificate")
	}
	names.set("_gatehouse.api.example.test", find(t, `(gatehouse=[a-z2-7]{26})`, waiting))
	check := find(t, `(`+domains+`/[0-9a-z]{10}/check)`, waiting)
	w.eventually("the proof", func() bool {
		ana.done(ana.post(check))
		return strings.Contains(ana.page(domains), ">Active<")
	})
	w.eventually("the domain's certificate", func() bool { return shows(gateway, "api.example.test") })
	answer, err := client(gateway).Get("https://api.example.test:" + gatewayPort + "/v1/open")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusForbidden || !strings.Contains(string(body), "/problems/key-missing") {
		t.Errorf("got %d %s", answer.StatusCode, body)
	}
}
