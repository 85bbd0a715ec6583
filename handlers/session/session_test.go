package session_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/handlers/session"
	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/models/store/storetest"
)

// visit opens the session of a request with the cookies, lets do change it, keeps it, and returns the cookies that a browser would have then.
func visit(t *testing.T, m *session.Manager, cookies []*http.Cookie, do func(*session.Session)) []*http.Cookie {
	t.Helper()
	return visitBy(t, m, http.MethodGet, cookies, do)
}

func visitBy(t *testing.T, m *session.Manager, verb string, cookies []*http.Cookie, do func(*session.Session)) []*http.Cookie {
	t.Helper()
	r := httptest.NewRequest(verb, "/", nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	s, err := m.Open(r)
	if err != nil {
		t.Fatal(err)
	}
	do(s)
	w := httptest.NewRecorder()
	if err := m.Keep(w, s); err != nil {
		t.Fatal(err)
	}
	if set := w.Result().Cookies(); len(set) > 0 {
		return set
	}
	return cookies
}

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func newManager(t *testing.T, secure bool) (*session.Manager, models.Account, *clock) {
	t.Helper()
	s := storetest.Open(t)
	c := &clock{now: time.Now().UTC()}
	return session.New(s, secret.NewKeyring().CookieKeys(), secure, c.Now), storetest.Developer(t, s), c
}

func TestSigningInChangesTheTokenSoThatAPlantedOneIsWorthNothing(t *testing.T) {
	m, account, _ := newManager(t, false)
	planted := visit(t, m, nil, func(s *session.Session) { s.Flash(session.Good, "hello") })
	signedIn := visit(t, m, planted, func(s *session.Session) { s.SignIn(account.ID) })
	if planted[0].Value == signedIn[0].Value {
		t.Error("the cookie did not change")
	}
	visit(t, m, planted, func(s *session.Session) {
		if s.Account() != 0 {
			t.Error("the planted cookie is signed in")
		}
	})
	visit(t, m, signedIn, func(s *session.Session) {
		if s.Account() != account.ID {
			t.Error("the new cookie is not signed in")
		}
	})
}

func TestSigningOutEndsTheSessionForEveryCopyOfTheCookie(t *testing.T) {
	m, account, _ := newManager(t, false)
	cookies := visit(t, m, nil, func(s *session.Session) { s.SignIn(account.ID) })
	cleared := visit(t, m, cookies, func(s *session.Session) { s.SignOut() })
	if cleared[0].MaxAge >= 0 {
		t.Error("the browser keeps its cookie")
	}
	visit(t, m, cookies, func(s *session.Session) {
		if s.Account() != 0 {
			t.Error("a kept copy of the cookie is still signed in")
		}
	})
}

func TestAFlashIsShownOnce(t *testing.T) {
	m, _, _ := newManager(t, false)
	cookies := visit(t, m, nil, func(s *session.Session) { s.Flash(session.Bad, "no") })
	visitBy(t, m, http.MethodHead, cookies, func(s *session.Session) {
		if _, text, ok := s.TakeFlash(); ok {
			t.Errorf("a HEAD took the message %q", text)
		}
	})
	cookies = visit(t, m, cookies, func(s *session.Session) {
		if kind, text, ok := s.TakeFlash(); !ok || kind != session.Bad || text != "no" {
			t.Errorf("got %q %q %v", kind, text, ok)
		}
	})
	visit(t, m, cookies, func(s *session.Session) {
		if _, text, ok := s.TakeFlash(); ok {
			t.Errorf("the message %q came twice", text)
		}
	})
}

func TestASecretIsShownOnceAndOnlyToItsSession(t *testing.T) {
	m, account, c := newManager(t, false)
	key := models.NewID[models.Key](7)
	mine := visit(t, m, nil, func(s *session.Session) { s.SignIn(account.ID) })
	other := visit(t, m, nil, func(s *session.Session) { s.SignIn(account.ID) })
	visit(t, m, mine, func(s *session.Session) {
		if err := s.PutSecret(key, secret.NewValue("a value that is secret")); err != nil {
			t.Fatal(err)
		}
	})
	take := func(cookies []*http.Cookie) (text string) {
		visit(t, m, cookies, func(s *session.Session) {
			value, ok, err := s.TakeSecret(key)
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				text = value.Reveal()
			}
		})
		return text
	}
	if got := take(other); got != "" {
		t.Error("another session got the secret")
	}
	visitBy(t, m, http.MethodHead, mine, func(s *session.Session) {
		if _, ok, err := s.TakeSecret(key); ok || err != nil {
			t.Errorf("a HEAD got the secret, whose page nobody sees: %v", err)
		}
	})
	if got := take(mine); got != "a value that is secret" {
		t.Errorf("got %q", got)
	}
	if got := take(mine); got != "" {
		t.Error("the secret came twice")
	}
	visit(t, m, mine, func(s *session.Session) {
		if err := s.PutSecret(key, secret.NewValue("too late for this one")); err != nil {
			t.Fatal(err)
		}
	})
	c.now = c.now.Add(11 * time.Minute)
	if got := take(mine); got != "" {
		t.Error("the secret was kept for more than ten minutes")
	}
}

func TestTheCookieTellsNothingAndStaysWithThePortal(t *testing.T) {
	for _, secure := range []bool{false, true} {
		m, account, _ := newManager(t, secure)
		c := visit(t, m, nil, func(s *session.Session) { s.SignIn(account.ID) })[0]
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != secure || c.Path != "/" || c.Domain != "" || strings.HasPrefix(c.Name, "__Host-") != secure {
			t.Errorf("secure=%v: %v", secure, c)
		}
	}
}

func TestAForgedOrGarbledCookieIsAnAnonymousVisitor(t *testing.T) {
	m, account, _ := newManager(t, false)
	good := visit(t, m, nil, func(s *session.Session) { s.SignIn(account.ID) })[0]
	for _, value := range []string{"", "x", good.Value + "x", good.Value[1:], strings.ToUpper(good.Value), strings.Repeat("A", 5000)} {
		visit(t, m, []*http.Cookie{{Name: good.Name, Value: value}}, func(s *session.Session) {
			if s.Account() != 0 {
				t.Errorf("%.20q is signed in", value)
			}
		})
	}
}

func TestAnOldSessionEnds(t *testing.T) {
	m, account, c := newManager(t, false)
	cookies := visit(t, m, nil, func(s *session.Session) { s.SignIn(account.ID) })
	for range 20 { // used twice a day, so never idle for long
		c.now = c.now.Add(11 * time.Hour)
		visit(t, m, cookies, func(*session.Session) {})
	}
	visit(t, m, cookies, func(s *session.Session) {
		if s.Account() != 0 {
			t.Error("a session of nine days is still signed in")
		}
	})
}
