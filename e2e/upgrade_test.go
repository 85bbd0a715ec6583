package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// manager does what systemd does for a service with a socket unit: it holds the listening sockets, hands them to each process, and is told how it is.
type manager struct {
	t                    *testing.T
	files                []*os.File
	portal, gateway, ops string // addresses
	management           string // address
	notify               string // socket
	said                 *output
}

func newManager(t *testing.T) *manager {
	t.Helper()
	m := &manager{t: t, said: &output{}, notify: filepath.Join(t.TempDir(), "notify")}
	for _, address := range []*string{&m.portal, &m.gateway, &m.management, &m.ops} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		*address = l.Addr().String()
		file, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close() // the file holds it
		m.files = append(m.files, file)
		t.Cleanup(func() { _ = file.Close() })
	}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.notify, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := c.Read(b)
			if err != nil {
				return
			}
			fmt.Fprintf(m.said, "%s\n", b[:n])
		}
	}()
	return m
}

// start starts a server on the sockets. It does not wait until it is ready.
func (m *manager) start(args ...string) *process {
	m.t.Helper()
	path, err := binary()
	if err != nil {
		m.t.Fatal(err)
	}
	p := &process{t: m.t, stdout: &output{}, stderr: &output{}, exited: make(chan error, 1), portal: "http://" + m.portal, gateway: "https://" + m.gateway, management: "http://" + m.management, ops: "http://" + m.ops}
	// The sockets are for the process that has the number LISTEN_PID.
	p.cmd = exec.Command("sh", append([]string{"-c", `LISTEN_PID=$$ exec "$@"`, "sh", path, "serve"}, args...)...)
	p.cmd.Env = append(os.Environ(), "LISTEN_FDS=4", "LISTEN_FDNAMES=portal:gateway:management:ops", "NOTIFY_SOCKET="+m.notify)
	p.cmd.ExtraFiles, p.cmd.Stdout, p.cmd.Stderr = m.files, p.stdout, p.stderr
	if err := p.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	go func() { p.exited <- p.cmd.Wait() }()
	m.t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
			<-p.exited
		}
		if m.t.Failed() {
			m.t.Logf("what the program said:\n%s%s", p.stdout, p.stderr)
		}
	})
	return p
}

// writeCertificate writes a certificate for 127.0.0.1 and its key, and returns who trusts it.
func writeCertificate(t *testing.T, cert, key string) *x509.CertPool {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	pair := s.TLS.Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return pool
}

// An upgrade is a stop of the old server and a start of the new one, on sockets that systemd holds. Clients keep their connections, send requests that nobody may
// send twice, and notice nothing but a pause; what they did is counted to the unit.
func TestAnUpgradeLosesNoRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := w.api(w.owner, "steady", "POST /work")
	const quota = 1_000_000
	key := w.subscribe(w.dev, api, w.plan(w.owner, "All", []service{api}, "limited", "on", "quota", strconv.Itoa(quota), "period", "day")).value
	w.process.stop()

	dir := t.TempDir()
	cert, private := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	trusted := writeCertificate(t, cert, private)
	m := newManager(t)
	args := []string{"--data", w.data, "--allow-upstream", "127.0.0.1/32", "--tls-cert", cert, "--tls-key", private, "--tls-listeners", "gateway"}
	server := m.start(args...)
	server.eventually("readiness", server.ready)

	const busy = 2 * time.Millisecond
	var done, pages atomic.Int64
	var stop atomic.Bool
	var group sync.WaitGroup
	worker := func(pause time.Duration, fn func() error) {
		group.Go(func() {
			for !stop.Load() {
				if err := fn(); err != nil {
					t.Error(err)
					return
				}
				time.Sleep(pause)
			}
		})
	}
	send := func(client *http.Client, again bool) (*http.Response, error) {
		r, err := http.NewRequest(http.MethodPost, server.gateway+"/steady/prod/work", strings.NewReader("work"))
		if err != nil {
			return nil, err
		}
		if !again {
			r.GetBody = nil // the client cannot try again, whatever happens
		}
		r.Header.Set("X-Api-Key", key)
		return client.Do(r)
	}
	work := func(client *http.Client, again bool) func() error {
		return func() error {
			answer, err := send(client, again)
			if err != nil {
				return fmt.Errorf("after %d requests: %w", done.Load(), err)
			}
			defer answer.Body.Close()
			if text, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
				return fmt.Errorf("after %d requests: %s, %w: %s", done.Load(), answer.Status, err, text)
			}
			done.Add(1)
			return nil
		}
	}
	client := func(http2 bool) *http.Client {
		c := &http.Client{Timeout: 40 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}, ForceAttemptHTTP2: http2}}
		t.Cleanup(c.CloseIdleConnections)
		return c
	}
	for range 4 {
		worker(busy, work(client(false), false))
	}
	for range 2 {
		worker(time.Second/2, work(client(false), false)) // whose connections are idle when the stop begins
		worker(busy, work(client(true), true))            // what came behind a GOAWAY was not looked at: HTTP/2 has the client send it again
	}
	look := func(url string, status int) func() error {
		browser := client(false)
		return func() error {
			answer, err := browser.Get(url)
			if err != nil {
				return err
			}
			answer.Body.Close()
			if answer.StatusCode != status {
				return fmt.Errorf("%s: %s", url, answer.Status)
			}
			pages.Add(1)
			return nil
		}
	}
	worker(busy, look(server.portal+"/signin", http.StatusOK))
	worker(busy, look(server.management+"/restapis", http.StatusForbidden)) // nothing is signed

	if err := server.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	server.eventually("settings that were read again", func() bool { return strings.Contains(server.stderr.String(), "log files were read again") })
	for range 2 {
		before := done.Load()
		server.eventually("requests", func() bool { return t.Failed() || done.Load() > before+200 })
		next := m.start(args...) // both at once: the new one waits for the old one
		next.eventually("the wait for the server before", func() bool { return strings.Contains(next.stderr.String(), "waiting for the server") })
		server.stop()
		server = next
		server.eventually("readiness", server.ready)
	}
	before := done.Load()
	server.eventually("requests", func() bool { return t.Failed() || done.Load() > before+200 })
	stop.Store(true)
	group.Wait()
	if t.Failed() {
		return
	}
	answer, err := send(client(false), false)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if left, want := answer.Header.Get("X-Ratelimit-Remaining"), strconv.FormatInt(quota-done.Load()-1, 10); left != want {
		t.Errorf("after %d requests %s are left, want %s", done.Load()+1, left, want)
	}
	t.Logf("%d requests and %d pages over two upgrades", done.Load(), pages.Load())
	for _, word := range []string{"READY=1", "STOPPING=1", "RELOADING=1\nMONOTONIC_USEC=", "STATUS=Waiting for the server before this one"} {
		if !strings.Contains(m.said.String(), word) {
			t.Errorf("the service manager was not told %s:\n%s", word, m.said)
		}
	}
}
