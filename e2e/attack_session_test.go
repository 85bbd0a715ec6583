package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// cookie returns the session that a person's browser carries.
func (p *person) cookie() string {
	p.t.Helper()
	at, _ := url.Parse(p.base)
	for _, c := range p.client.Jar.Cookies(at) {
		return c.Name + "=" + c.Value
	}
	return ""
}

// with is somebody who holds a copied cookie.
func (w *world) with(cookie string) *person {
	p := newPerson(w.T, w.portal)
	at, _ := url.Parse(w.portal)
	name, value, _ := strings.Cut(cookie, "=")
	p.client.Jar.SetCookies(at, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
	return p
}

func (w *world) signedIn(cookie string) bool {
	return w.with(cookie).get("/me").StatusCode == http.StatusOK
}

// slow is a form whose body is on its way: what it carries was judged when it began.
type slow struct {
	t    *testing.T
	c    net.Conn
	body string
}

func (w *world) slowly(cookie, path, body string) *slow {
	w.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(w.portal, "http://"))
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { c.Close() })
	// The answer to Expect says that the handler has begun to read the form, long after it looked at the session.
	fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n",
		path, strings.TrimPrefix(w.portal, "http://"), cookie, len(body))
	part := make([]byte, 1024)
	n, err := c.Read(part)
	if err != nil || !strings.HasPrefix(string(part[:n]), "HTTP/1.1 100") {
		w.Fatalf("%v %q", err, part[:n])
	}
	return &slow{w.T, c, body}
}

func (s *slow) end() string {
	s.t.Helper()
	fmt.Fprint(s.c, s.body)
	part := make([]byte, 64<<10)
	n, _ := s.c.Read(part)
	return string(part[:n])
}

func TestAttackAThiefsRequestUnderWayDoesNotSaveHisSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tt := range []struct {
		name string
		end  func(cookie string)
	}{
		{"sign-out", func(cookie string) { w.with(cookie).post("/signout") }},
		{"end the others", func(string) { w.done(w.dev, "/me/sessions/end") }},
		{"password change", func(string) { w.done(w.dev, "/me/password", "current", password, "password", password+"!") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cookie := w.signIn("dev").cookie()
			if !w.signedIn(cookie) {
				t.Fatal("not signed in")
			}
			late := w.slowly(cookie, "/me", "name=Dev+Eloper")
			tt.end(cookie)
			if answer := late.end(); strings.HasPrefix(answer, "HTTP/1.1 5") {
				t.Errorf("%.200s", answer)
			}
			if w.signedIn(cookie) {
				t.Error("the session is back")
			}
		})
	}
}

func (w *world) done(p *person, path string, pairs ...string) { p.done(p.post(path, pairs...)) }

func TestAttackACookieIsWorthNothingOnceItsPersonLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	planted := w.signIn("rival").cookie()
	victim := w.with(planted)
	victim.done(victim.post("/signout"))
	victim = w.with(planted)
	victim.done(victim.post("/signin", "email", "dev@example.com", "password", password))
	if w.signedIn(planted) || victim.cookie() == planted {
		t.Error("a session that was planted before signing in is signed in")
	}
	copied := victim.cookie()
	w.done(victim, "/signout")
	if w.signedIn(copied) {
		t.Error("a copied cookie works after sign-out")
	}
	for name, value := range map[string]string{"empty": "", "short": "x", "cut": copied[len("gatehouse=") : len(copied)-4], "flipped": copied[len("gatehouse="):len(copied)-1] + "!", "long": strings.Repeat("A", 8000), "not base64": "~~~", "another's name": w.rival.cookie()} {
		if answer := w.with("gatehouse=" + value).get("/me"); answer.StatusCode != http.StatusSeeOther {
			t.Errorf("a cookie that is %s: got %s", name, answer.Status)
		}
	}
	first, second := w.signIn("dev"), w.signIn("dev")
	w.done(first, "/me/password", "current", password, "password", "nine loud geese 52")
	if w.signedIn(second.cookie()) || !w.signedIn(first.cookie()) {
		t.Error("a password change ends all sessions but the one that made it")
	}
}

// Where a form leads after signing in is decided by a link that anybody can make.
func TestAttackNoLinkLeadsToAnotherSite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := 0
	for _, evil := range []string{"https://evil.example", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "/%09/evil.example", "/%2f/evil.example", "%2f%2fevil.example", "http:evil.example", "https:/evil.example", "javascript:alert(1)",
		"data:text/html,x", "/\r\nLocation: https://evil.example", "/%0d%0aLocation:%20https://evil.example", "\x00//evil.example", " //evil.example", "/ /evil.example", "/./\\evil.example", "/..//evil.example", "/.//evil.example", "/foo/..//evil.example", "//evil.example/%2e%2e", "/\u2215evil.example",
		"//\u3002evil.example", "http://127.0.0.1@evil.example", "/@evil.example", "?//evil.example", "#//evil.example", "evil.example", "/\x00/evil.example", "/;//evil.example", "/%5cevil.example", "/%5c%5cevil.example", "\t//evil.example", "//evil.example:80", "////evil.example", "/\xff/evil.example", "/\\/evil.example"} {
		for _, try := range []func() *http.Response{
			func() *http.Response { return w.dev.get("/signin?next=" + url.QueryEscape(evil)) },
			func() *http.Response { return w.dev.get("/join?next=" + url.QueryEscape(evil)) },
			func() *http.Response { return w.dev.post("/confirm", "next", evil, "password", password) },
		} {
			n++
			answer := try()
			text(t, answer)
			to := answer.Header.Get("Location")
			at, err := answer.Request.URL.Parse(to)
			clean := strings.NewReplacer("\\", "/", "\t", "", "\r", "", "\n", "").Replace(to)
			if answer.StatusCode != http.StatusSeeOther || err != nil || at.Host != answer.Request.URL.Host || strings.HasPrefix(clean, "//") || !strings.HasPrefix(to, "/") || len(answer.Header["Location"]) != 1 {
				t.Errorf("%q: %s leads to %q", evil, answer.Status, to)
			}
		}
	}
	t.Logf("%d ways", n)
}
