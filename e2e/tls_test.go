package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// authority signs the certificates of a test.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	a.cert, a.key = a.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "Test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

func (a *authority) sign(c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(30*24*time.Hour)
	parent, by := a.cert, a.key
	if parent == nil {
		parent, by = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
	if err != nil {
		a.t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return made, key
}

// write writes NAME.crt and NAME.key.
func (a *authority) write(folder, name string, hosts ...string) {
	a.t.Helper()
	c := &x509.Certificate{DNSNames: hosts, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	made, key := a.sign(c)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{".key": {Type: "PRIVATE KEY", Bytes: der}, ".crt": {Type: "CERTIFICATE", Bytes: made.Raw}} {
		if err := os.WriteFile(filepath.Join(folder, name+path), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
}

// client trusts the authority, and finds every host at an address of this machine.
func (a *authority) client(address string) *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	jar, err := cookiejar.New(nil)
	if err != nil {
		a.t.Fatal(err)
	}
	dial := &net.Dialer{}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dial.DialContext(ctx, network, address)
	}
	a.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// nameServer answers for the names of a test.
type nameServer struct {
	mu      sync.Mutex
	texts   map[string]string
	address string
}

func newNameServer(t *testing.T) *nameServer {
	t.Helper()
	stream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{texts: map[string]string{}, address: stream.Addr().String()}
	packets, err := net.ListenPacket("udp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stream.Close(); packets.Close() })
	go func() {
		for b := make([]byte, 1500); ; {
			n, from, err := packets.ReadFrom(b)
			if err != nil {
				return
			}
			if answer, err := s.answer(b[:n]); err == nil {
				_, _ = packets.WriteTo(answer, from)
			}
		}
	}()
	go func() {
		for {
			conn, err := stream.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

// serve answers on a connection, where each message has its length before it.
func (s *nameServer) serve(conn net.Conn) {
	defer conn.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		query := make([]byte, int(size[0])<<8|int(size[1]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		answer, err := s.answer(query)
		if err != nil {
			return
		}
		if _, err := conn.Write(append([]byte{byte(len(answer) >> 8), byte(len(answer))}, answer...)); err != nil {
			return
		}
	}
}

func (s *nameServer) set(name, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts[name+"."] = text
}

func (s *nameServer) answer(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	m.Response, m.Additionals = true, nil
	s.mu.Lock()
	text, known := s.texts[m.Questions[0].Name.String()]
	s.mu.Unlock()
	header := dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 1}
	switch kind := m.Questions[0].Type; {
	case kind == dnsmessage.TypeTXT && known:
		m.Answers = []dnsmessage.Resource{{Header: header, Body: &dnsmessage.TXTResource{TXT: []string{text}}}}
	case kind == dnsmessage.TypeA:
		m.Answers = []dnsmessage.Resource{{Header: header, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
	case kind == dnsmessage.TypeTXT:
		m.RCode = dnsmessage.RCodeNameError
	}
	return m.Pack()
}

// The whole way of a name over real TLS and real DNS: an owner brings it, proves it, and it leads to his stage and nowhere else, with its certificate.
func TestACustomDomainOverTLSLeadsToItsStageOnceItIsProved(t *testing.T) {
	t.Parallel()
	made, err := worldFolder()
	if err != nil {
		t.Fatal(err)
	}
	a, names, folder := newAuthority(t), newNameServer(t), t.TempDir()
	w := &world{T: t, data: filepath.Join(t.TempDir(), "world"), origin: newOrigin(t)}
	copyFolder(t, w.data, made)
	a.write(folder, "own")
	w.process = w.serve("--tls-dir", folder, "--dns-resolver", names.address)
	if !strings.HasPrefix(w.portal, "https://") || !strings.HasPrefix(w.gateway, "https://") {
		t.Fatalf("with certificates the addresses are %s and %s", w.portal, w.gateway)
	}
	ana := &person{t: t, base: w.portal, client: a.client(strings.TrimPrefix(w.portal, "https://"))}
	signedIn := ana.post("/signin", "email", "ana@example.com", "password", password)
	if cookies := signedIn.Cookies(); signedIn.StatusCode != http.StatusSeeOther || len(cookies) == 0 || !strings.HasPrefix(cookies[0].Name, "__Host-") || !cookies[0].Secure {
		t.Fatalf("sign in over TLS: %s %v", signedIn.Status, cookies)
	}
	s := w.api(ana, "echo", "GET /open")
	path := "/owner/apis/" + s.id + "/stages/" + s.stage + "/domains"
	ana.done(ana.post(path, "host", "api.example.test", "base_path", "/v1"))
	waiting := ana.page(path)

	gateway := strings.TrimPrefix(w.gateway, "https://")
	call := func(target string) (int, string) {
		t.Helper()
		answer, err := a.client(gateway).Get(target)
		if err != nil {
			return 0, err.Error()
		}
		defer answer.Body.Close()
		return answer.StatusCode, answer.Proto
	}
	_, port, _ := net.SplitHostPort(gateway)
	domain := "https://api.example.test:" + port
	if status, said := call(domain + "/v1/open"); status != 0 {
		t.Errorf("before it has a certificate: %d %s", status, said)
	}
	a.write(folder, "domain", "api.example.test")
	if err := w.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	w.eventually("the new certificate", func() bool { status, _ := call(domain + "/v1/open"); return status == http.StatusNotFound })
	names.set("_gatehouse.api.example.test", find(t, `(gatehouse=[a-z2-7]{26})`, waiting))
	check := find(t, `(`+path+`/[0-9a-z]{10}/check)`, waiting)
	w.eventually("the proof", func() bool {
		ana.done(ana.post(check))
		return strings.Contains(ana.page(path), ">Active<")
	})
	if status, proto := call(domain + "/v1/open"); status != http.StatusForbidden || proto != "HTTP/2.0" {
		t.Errorf("the domain: got %d by %s", status, proto)
	}
	for _, elsewhere := range []string{"/open", "/echo/prod/open", "/v1/echo/prod/open", "/signin"} {
		if status, _ := call(domain + elsewhere); status != http.StatusNotFound {
			t.Errorf("%s below the domain: got %d", elsewhere, status)
		}
	}
	if status, _ := call(w.gateway + "/echo/prod/open"); status != http.StatusForbidden {
		t.Errorf("the gateway's own address: got %d", status)
	}
	if page := ana.page("/owner/apis/" + s.id); !strings.Contains(page, domain+"/v1") {
		t.Error("the API's page does not show the domain")
	}
}

// pebble is an ACME server of its own, built once. It is in a module of its own.
var pebble = sync.OnceValues(func() (string, error) {
	dir, err := builds()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "pebble")
	build := exec.Command("go", "build", "-o", path, "github.com/letsencrypt/pebble/v2/cmd/pebble")
	build.Dir = "pebble"
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build pebble: %w\n%s", err, out)
	}
	return path, nil
})

// startPebble runs an ACME server whose certificates last for a time, and which finds hosts at two ports of this machine. It returns its directory, the file
// of the CA of its own address, and a client for its management.
func (a *authority) startPebble(names *nameServer, httpPort, tlsPort string, lasting time.Duration) (directory, trust string) {
	a.t.Helper()
	path, err := pebble()
	if err != nil {
		a.t.Fatal(err)
	}
	folder := a.t.TempDir()
	a.write(folder, "pebble")
	trust = filepath.Join(folder, "ca.pem")
	if err := os.WriteFile(trust, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	listen, manage := freePort(a.t), freePort(a.t)
	config := fmt.Sprintf(`{"pebble": {"listenAddress": %q, "managementListenAddress": %q, "certificate": %q, "privateKey": %q, "httpPort": %s, "tlsPort": %s,
		"retryAfter": {"authz": 1, "order": 1}, "keyAlgorithm": "ecdsa", "profiles": {"default": {"description": "the only one", "validityPeriod": %d}}}}`,
		listen, manage, filepath.Join(folder, "pebble.crt"), filepath.Join(folder, "pebble.key"), httpPort, tlsPort, int(lasting.Seconds()))
	file := filepath.Join(folder, "pebble.json")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		a.t.Fatal(err)
	}
	said := &output{}
	cmd := exec.Command(path, "-config", file, "-dnsserver", names.address)
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0", "PEBBLE_AUTHZREUSE=0")
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if a.t.Failed() {
			a.t.Logf("what pebble said:\n%s", said)
		}
	})
	for range 500 {
		if strings.Contains(said.String(), "ACME directory available") {
			return "https://" + listen + "/dir", trust
		}
		time.Sleep(20 * time.Millisecond)
	}
	a.t.Fatalf("pebble did not start:\n%s", said)
	return "", ""
}

// acmeWorld is a program that obtains its certificates from a pebble which finds hosts at two ports of this machine.
type acmeWorld struct {
	*process
	data, portal, gateway string
}

// newACMEWorld starts both; ports says at which ports of the program its CA looks, given those of the portal and of plain HTTP.
func newACMEWorld(t *testing.T, lasting time.Duration, ports func(portal, plain string) (httpPort, tlsPort string)) acmeWorld {
	t.Helper()
	a, names := newAuthority(t), newNameServer(t)
	w := acmeWorld{data: t.TempDir(), portal: freePort(t), gateway: freePort(t)}
	plain := freePort(t)
	portOf := func(address string) string { _, port, _ := net.SplitHostPort(address); return port }
	httpPort, tlsPort := ports(portOf(w.portal), portOf(plain))
	directory, trust := a.startPebble(names, httpPort, tlsPort, lasting)
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	w.process = startBinary(t, path, []string{"SSL_CERT_FILE=" + trust}, "serve", "--data", w.data, "--acme", "--acme-directory", directory, "--acme-email", "ops@example.com", "--http-redirect", plain,
		"--public-url", "https://dev.example.test:"+portOf(w.portal), "--gateway-url", "https://gate.example.test:"+portOf(w.gateway), "--portal-listen", w.portal, "--gateway-listen", w.gateway)
	return w
}

// A CA that reaches port 80 alone, as of a gateway at another port than 443, is answered there.
func TestCertificatesAreObtainedThroughPlainHTTPToo(t *testing.T) {
	t.Parallel()
	w := newACMEWorld(t, time.Hour*24*90, func(_, plain string) (string, string) { return plain, "1" })
	w.eventually("a certificate", func() bool { _, of := serial(w.gateway, "gate.example.test"); return of == "gate.example.test" })
	w.stop()
}

// serial is the number of the certificate that a host shows, and who says that it is one.
func serial(address, host string) (number, names string) {
	conn, err := tls.Dial("tcp", address, &tls.Config{ServerName: host, InsecureSkipVerify: true}) // its root is made anew by each pebble
	if err != nil {
		return "", err.Error()
	}
	defer conn.Close()
	leaf := conn.ConnectionState().PeerCertificates[0]
	return leaf.SerialNumber.String(), strings.Join(leaf.DNSNames, " ")
}

// Against a real ACME server: the portal's host by tls-alpn-01 at its own port, the gateway's at another port, each with its own certificate, renewed in time,
// and kept over a restart with nobody but their owner able to read the keys.
func TestCertificatesAreObtainedByACMEAndRenewed(t *testing.T) {
	t.Parallel()
	p := newACMEWorld(t, time.Minute, func(portal, _ string) (string, string) { return "1", portal })
	data, portal, gateway := p.data, p.portal, p.gateway
	var first string
	p.eventually("a certificate", func() bool {
		var of string
		first, of = serial(portal, "dev.example.test")
		return of == "dev.example.test"
	})
	p.eventually("the gateway's", func() bool { _, of := serial(gateway, "gate.example.test"); return of == "gate.example.test" })
	if number, said := serial(gateway, "stranger.example.test"); number != "" {
		t.Errorf("a name that nobody here has gets a certificate of %s", said)
	}
	p.eventually("its renewal", func() bool { now, of := serial(portal, "dev.example.test"); return of != "" && now != first })
	answer, err := http.Get(p.ops + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	if metrics := text(t, answer); !strings.Contains(metrics, `gatehouse_certificate_expiry_seconds{name="dev.example.test"}`) {
		t.Error("its end is in no metric")
	}
	files, err := filepath.Glob(filepath.Join(data, "acme", "*"))
	if err != nil || len(files) < 3 {
		t.Fatalf("kept: %v, %v", files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
	p.stop()
}
