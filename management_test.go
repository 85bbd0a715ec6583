package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheManagementAPIIsNotOpenedToOtherMachinesUnencrypted(t *testing.T) {
	dir := t.TempDir()
	tls := []string{"--tls-cert", filepath.Join(dir, "c.pem"), "--tls-key", filepath.Join(dir, "k.pem")}
	for _, test := range []struct {
		args []string
		good bool
	}{
		{nil, true},
		{[]string{"--management-listen", ""}, true},
		{[]string{"--management-listen", "localhost:8082"}, true},
		{[]string{"--management-listen", "[::1]:8082"}, true},
		{[]string{"--management-listen", ":8082"}, false},
		{[]string{"--management-listen", "0.0.0.0:8082"}, false},
		{[]string{"--management-listen", "10.0.0.1:8082"}, false},
		{[]string{"--management-listen", "manage.example.com:8082"}, false},
		{[]string{"--management-listen", ":8082", "--management-insecure"}, true},
		{append([]string{"--management-listen", ":8082"}, tls...), true},
		{append([]string{"--management-listen", ":8082", "--tls-listeners", "portal,gateway"}, tls...), false},
		{append([]string{"--management-listen", ":8082", "--tls-listeners", "management"}, tls...), true},
	} {
		c, err := parsed(t, nil, test.args...)
		if err != nil {
			t.Fatal(err)
		}
		err = c.validate()
		if test.good != (err == nil) || err != nil && (!strings.Contains(err.Error(), "--management-listen") || !strings.Contains(err.Error(), "--management-insecure")) {
			t.Errorf("%v: %v", test.args, err)
		}
	}
	for _, bad := range [][]string{{"--management-listen", "8082"}, {"--account-id", "12345678901"}, {"--account-id", "12345678901x"}, {"--management-url", "manage.example.com"},
		{"--management-url", "https://example.com/manage"}, append([]string{"--management-url", "http://example.com"}, tls...)} {
		c, err := parsed(t, nil, bad...)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.validate(); err == nil || !strings.Contains(err.Error(), bad[0]+":") || strings.Contains(err.Error(), "--management-insecure") {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// served runs everything on free ports until the test ends.
func served(t *testing.T, data string, more ...string) *instance {
	t.Helper()
	p, _, _ := testProgram(nil)
	c, _, err := p.serveConfig(append([]string{"--data", data, "--portal-listen", "127.0.0.1:0", "--gateway-listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0", "--ops-listen", "",
		"--receipts", "1MB", "--request-log", "4MB", "--recording", "1MB"}, more...))
	if err != nil {
		t.Fatal(err)
	}
	in, err := open(t.Context(), c, slog.New(slog.DiscardHandler), false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- in.run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return in
}

// sign signs a request without a body by Signature Version 4.
func sign(r *http.Request, id, secret string, now time.Time) {
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return hex.EncodeToString(sum[:])
	}
	stamp, day := now.UTC().Format("20060102T150405Z"), now.UTC().Format("20060102")
	r.Header.Set("X-Amz-Date", stamp)
	canonical := strings.Join([]string{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, "host:" + r.URL.Host, "x-amz-date:" + stamp, "", "host;x-amz-date", hash("")}, "\n")
	scope := day + "/" + region + "/apigateway/aws4_request"
	key := []byte("AWS4" + secret)
	for _, part := range strings.Split(scope, "/") {
		key = mac(key, part)
	}
	signature := hex.EncodeToString(mac(key, strings.Join([]string{"AWS4-HMAC-SHA256", stamp, scope, hash(canonical)}, "\n")))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+id+"/"+scope+", SignedHeaders=host;x-amz-date, Signature="+signature)
}

// asked sends a signed GET and returns the status and the text of the answer.
func asked(t *testing.T, client *http.Client, base, id, secret string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/account", nil)
	if err != nil {
		t.Fatal(err)
	}
	sign(r, id, secret, time.Now())
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// A command is another process: it opens the records itself, beside the server.
func TestAnAccessKeyMadeBesideARunningServerWorksAtOnceAndStopsWithinASecond(t *testing.T) {
	t.Parallel()
	data := withOwner(t)
	in := served(t, data)
	made := commandJSON(t, "", "credential", "create", "--data", data, "--account", "olga@example.com")
	id, secret := made["accessKeyId"].(string), made["secretAccessKey"].(string)
	if status, text := asked(t, http.DefaultClient, in.config.management.url, id, secret); status != http.StatusOK {
		t.Fatalf("a new key: %d %s", status, text)
	}
	if status, _ := asked(t, http.DefaultClient, in.config.management.url, id, strings.Repeat("x", 40)); status != http.StatusForbidden {
		t.Errorf("with another secret: %d", status)
	}
	list := commandJSON(t, "", "credential", "list", "--data", data)["credentials"].([]any)
	if used := list[0].(map[string]any); used["lastUsedFrom"] != "127.0.0.1" || used["lastUsedAt"] == nil {
		t.Errorf("its use is not noted: %v", used)
	}
	commandJSON(t, "", "credential", "revoke", "--data", data, id)
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		status, text := asked(t, http.DefaultClient, in.config.management.url, id, secret)
		if status == http.StatusForbidden {
			break
		}
		if since := time.Since(began); since > 1500*time.Millisecond {
			t.Fatalf("a revoked key still works after %s: %d %s", since, status, text)
		}
	}
	if n := sumOf(t, in, "gatehouse_management_requests_total"); n < 3 {
		t.Errorf("%v requests were counted", n)
	}
}

// sumOf is what a counter says, over all its labels.
func sumOf(t *testing.T, in *instance, name string) (sum float64) {
	t.Helper()
	answer := httptest.NewRecorder()
	in.operations().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(answer.Body.String()) {
		if rest, ok := strings.CutPrefix(line, name+"{"); ok {
			_, value, _ := strings.Cut(strings.TrimSpace(rest), "} ")
			var n float64
			for _, digit := range value {
				n = n*10 + float64(digit-'0')
			}
			sum += n
		}
	}
	return sum
}

func TestTheManagementAPISpeaksTLS(t *testing.T) {
	t.Parallel()
	data := withOwner(t)
	made := commandJSON(t, "", "credential", "create", "--data", data, "--account", "olga@example.com")
	source := httptest.NewTLSServer(nil)
	source.Close()
	pair := source.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, keyFile := filepath.Join(t.TempDir(), "c.pem"), filepath.Join(t.TempDir(), "k.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, keyFile: {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := served(t, data, "--management-listen", "0.0.0.0:0", "--tls-cert", cert, "--tls-key", keyFile)
	if !strings.HasPrefix(in.config.management.url, "https://127.0.0.1:") {
		t.Fatalf("its address is %s", in.config.management.url)
	}
	roots := x509.NewCertPool()
	roots.AddCert(source.Certificate())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	t.Cleanup(client.CloseIdleConnections)
	if status, text := asked(t, client, in.config.management.url, made["accessKeyId"].(string), made["secretAccessKey"].(string)); status != http.StatusOK {
		t.Errorf("over TLS: %d %s", status, text)
	}
	plain := strings.Replace(in.config.management.url, "https:", "http:", 1)
	if answer, err := http.Get(plain + "/account"); err == nil {
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			t.Error("it answers over plain HTTP, too")
		}
	}
}

func TestTheAddressesOfEverythingArePrinted(t *testing.T) {
	c := config{publicURL: "http://127.0.0.1:8080", gatewayURL: "http://127.0.0.1:8081", management: managementSettings{listen: "127.0.0.1:8082"}}
	c.finishURLs()
	if got, want := c.addresses(), "Portal   http://127.0.0.1:8080\nGateway  http://127.0.0.1:8081\nManagement  http://127.0.0.1:8082\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c.management = managementSettings{}
	c.finishURLs()
	if text := c.addresses(); strings.Contains(text, "Management") {
		t.Errorf("without one: %q", text)
	}
}
