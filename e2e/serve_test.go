package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/sample"
)

// upstream is the sample API on this machine.
func upstream(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(sample.Handler())
	t.Cleanup(s.Close)
	return s.URL
}

// person is somebody at a plain HTTP client with cookies, as a script would be.
type person struct {
	t      *testing.T
	client *http.Client
	base   string
}

func newPerson(t *testing.T, base string) *person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t: t, base: base, client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (p *person) get(path string) *http.Response {
	p.t.Helper()
	answer, err := p.client.Get(p.base + path)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { answer.Body.Close() })
	return answer
}

func (p *person) post(path string, pairs ...string) *http.Response {
	p.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	answer, err := p.client.PostForm(p.base+path, form)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { answer.Body.Close() })
	return answer
}

func TestTwoServersCannotShareADataFolder(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	start(t, "serve", "--data", data)
	_, stderr, status := command(t, "", "serve", "--data", data, "--portal-listen", "127.0.0.1:0", "--gateway-listen", "127.0.0.1:0", "--management-listen", "", "--ops-listen", "")
	if status != 1 || !strings.Contains(stderr, "another Gatehouse is serving") {
		t.Errorf("status %d: %s", status, stderr)
	}
}

func TestAccountsMadeBesideARunningServerCanSignInAtOnce(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := start(t, "serve", "--data", data)
	out, stderr, status := command(t, "lantern over the moat\n", "account", "create", "--data", data, "--email", "ana@example.com", "--password-stdin", "--role", "owner", "--json")
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	var made struct{ ID, Email, Role string }
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.Role != "owner" || made.Email != "ana@example.com" {
		t.Fatalf("%s: %v", out, err)
	}
	ana := newPerson(t, p.portal)
	if answer := ana.post("/signin", "email", "ana@example.com", "password", "lantern over the moat"); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("sign in: got %s", answer.Status)
	}
	if answer := ana.get("/owner"); answer.StatusCode != http.StatusOK {
		t.Errorf("overview: got %s", answer.Status)
	}
	if _, stderr, status := command(t, "", "account", "disable", "--data", data, "--email", "ana@example.com"); status != 0 {
		t.Fatalf("disable: %s", stderr)
	}
	if answer := ana.get("/owner"); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("a disabled account's session: got %s, want to be sent to sign in", answer.Status)
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	p := start(t, "serve", "--data", t.TempDir())
	for _, tt := range []struct{ name, header, value string }{
		{"another site, new browser", "Sec-Fetch-Site", "cross-site"},
		{"another port of this host", "Sec-Fetch-Site", "same-site"},
		{"another site, old browser", "Origin", "https://evil.example"},
		{"a hidden origin", "Origin", "null"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := http.NewRequest(http.MethodPost, p.portal+"/signin", strings.NewReader("email=a@example.com&password=x"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set(tt.header, tt.value)
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			page := text(t, answer)
			if answer.StatusCode != http.StatusForbidden {
				t.Errorf("got %s", answer.Status)
			}
			if id := answer.Header.Get("X-Request-Id"); id == "" || !strings.Contains(page, id) || !strings.HasPrefix(answer.Header.Get("Content-Security-Policy"), "default-src 'none'") {
				t.Errorf("the refusal lacks the headers or the number of every page: %v", answer.Header)
			}
		})
	}
}

func TestEveryPortalAnswerCarriesItsSecurityHeaders(t *testing.T) {
	t.Parallel()
	p := start(t, "serve", "--data", t.TempDir())
	for _, path := range []string{"/", "/apis", "/signin", "/join", "/problems", "/nothing", "/owner", "/static/nothing.css"} {
		answer, err := http.Get(p.portal + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		for name, want := range map[string]string{"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "X-Request-Id": ""} {
			if got := answer.Header.Get(name); got == "" || !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s: got %q", path, name, got)
			}
		}
		if policy := answer.Header.Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %s", path, policy)
		}
	}
}

func TestNoSecretOfARunIsInTheLogOrTheDatabase(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := start(t, "serve", "--data", data)
	const password = "a canary in a mine 7"
	if _, stderr, status := command(t, password+"\n", "account", "create", "--data", data, "--email", "ana@example.com", "--password-stdin", "--role", "owner"); status != 0 {
		t.Fatal(stderr)
	}
	ana := newPerson(t, p.portal)
	ana.post("/signin", "email", "ana@example.com", "password", password)
	ana.post("/signin", "email", "ana@example.com", "password", "wrong "+password)
	p.stop()
	files, _ := filepath.Glob(filepath.Join(data, "*"))
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err == nil && strings.Contains(string(content), "canary in a mine") {
			t.Errorf("%s holds a password", name)
		}
	}
	if strings.Contains(p.stderr.String()+p.stdout.String(), "canary in a mine") {
		t.Error("the log holds a password")
	}
}

func TestTheDemoKeepsItsDataAndItsCurl(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "demo")
	var lines []string
	for range 2 {
		p := start(t, "demo", "--data", data)
		line := p.line(`(?m)^(curl .+)$`)
		status, head, body := curl(t, line)
		if status != http.StatusOK || head.Get("X-RateLimit-Remaining") == "" || !strings.Contains(body, `"url"`) {
			t.Errorf("%s: got %d %v %s", line, status, head, body)
		}
		if strings.Contains(body, "demokey") {
			t.Error("the upstream saw the key")
		}
		lines = append(lines, strings.ReplaceAll(line, p.gateway, "GATEWAY"))
		p.stop()
	}
	if lines[0] != lines[1] {
		t.Errorf("the line changed:\n%s\n%s", lines[0], lines[1])
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr, status := command(t, "", "demo", "--data", other, "--fresh"); status != 1 || !strings.Contains(stderr, "will not be touched") {
		t.Errorf("a folder that is no demo's: status %d: %s", status, stderr)
	}
}
