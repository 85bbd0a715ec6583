package e2e

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"
)

// unmet are the cases of h2spec that net/http answers otherwise. docs/gateway.md, "HTTP/2", has the reasons.
var unmet = map[string]bool{
	"http2/6.5.3/1": true, "http2/8.1.2.2/1": true, "http2/8.1.2.2/2": true,
	"http2/3.5/2": true, // without TLS alone
}

// The protocol suite of HTTP/2, over TLS and with prior knowledge. Each case has a connection of its own, so that they run beside each other.
func TestHTTP2IsSpokenAsItsSuiteDemands(t *testing.T) {
	t.Parallel()
	cert, key := selfSigned(t)
	for name, args := range map[string][]string{"TLS": {"--tls-cert", cert, "--tls-key", key, "--tls-listeners", "gateway"}, "prior knowledge": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, append([]string{"serve", "--data", t.TempDir()}, args...)...)
			c := suiteConfig(t, p.gateway)
			passed, skipped := 0, 0
			for id, err := range runSuite(c) {
				switch {
				case errors.Is(err, spec.ErrSkipped):
					skipped++
				case err == nil:
					passed++
				case !unmet[id]:
					t.Errorf("%s: %v", id, err)
				}
			}
			if passed < 142 {
				t.Errorf("%d passed, %d do not apply", passed, skipped)
			}
		})
	}
}

func suiteConfig(t *testing.T, address string) *config.Config {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return &config.Config{
		Host: u.Hostname(), Port: port, Path: "/", Timeout: time.Second, MaxHeaderLen: 4000, TLS: u.Scheme == "https", Insecure: true,
	}
}

// runSuite runs all cases and says of each what came of it, by its section, group and place.
func runSuite(c *config.Config) map[string]error {
	var mu sync.Mutex
	results, cases := map[string]error{}, map[string]*spec.TestCase{}
	var group sync.WaitGroup
	room := make(chan struct{}, 32)
	var run func(g *spec.TestGroup)
	run = func(g *spec.TestGroup) {
		for i, tc := range g.Tests {
			id := fmt.Sprintf("%s/%d", g.ID(), i+1)
			cases[id] = tc
			room <- struct{}{}
			group.Go(func() {
				err := runCase(c, tc)
				<-room
				mu.Lock()
				defer mu.Unlock()
				results[id] = err
			})
		}
		for _, below := range g.Groups {
			run(below)
		}
	}
	for _, g := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
		run(g)
	}
	group.Wait()
	for id, err := range results {
		// A case judges by what comes within a second, and whether that is before or behind the end of the connection: on a machine that does other things too
		// it is asked again, alone, and with more and more time.
		for tries := 1; tries <= againAlone && err != nil && !unmet[id] && !errors.Is(err, spec.ErrSkipped); tries++ {
			patient := *c
			patient.Timeout = time.Duration(tries) * 2 * time.Second
			err = runCase(&patient, cases[id])
			results[id] = err
		}
	}
	return results
}

// againAlone is how often a case that failed is asked again.
const againAlone = 10

func runCase(c *config.Config, tc *spec.TestCase) error {
	conn, err := spec.Dial(c)
	if err != nil {
		return err
	}
	defer conn.Close()
	return tc.Run(c, conn)
}

// selfSigned writes a certificate and its key.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	pair := s.TLS.Certificates[0]
	private, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
