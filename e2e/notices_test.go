package e2e

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
)

// slowMail is a mail server that never answers the first mail: whoever sends it is killed meanwhile.
type slowMail struct {
	mu    sync.Mutex
	begun chan string // Message-IDs of mails as they come in
	first sync.Once
	taken []string
}

func (m *slowMail) NewSession(*smtp.Conn) (smtp.Session, error) { return &slowSession{m}, nil }

type slowSession struct{ m *slowMail }

func (s *slowSession) Mail(string, *smtp.MailOptions) error { return nil }
func (s *slowSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (s *slowSession) Reset()                               {}
func (s *slowSession) Logout() error                        { return nil }

func (s *slowSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	parsed, err := mail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		return err
	}
	id := parsed.Header.Get("Message-ID")
	hangs := false
	s.m.first.Do(func() { hangs = true })
	s.m.begun <- id
	if hangs {
		select {} // until its connection ends with the process; the test's end ends this
	}
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.m.taken = append(s.m.taken, id)
	return nil
}

// A mail that was claimed by a process which kill -9 ended is sent by the next one, under the same Message-ID, and once.
func TestANoticeSurvivesKillBetweenClaimAndAnswer(t *testing.T) {
	t.Parallel()
	m := &slowMail{begun: make(chan string, 10)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(m)
	server.Domain = "mail.test"
	go func() { _ = server.Serve(l) }() // ends with Close
	defer server.Close()
	folder := t.TempDir()
	args := []string{"serve", "--data", folder, "--smtp-url", "smtp://" + l.Addr().String(), "--mail-from", "Gatehouse <gatehouse@example.com>"}
	p := start(t, args...)
	if _, problem, status := command(t, "four words in a row\n", "account", "create", "--data", folder, "--email", "nora@example.com", "--password-stdin", "--role", "admin"); status != 0 {
		t.Fatal(problem)
	}
	if answer := newPerson(t, p.portal).post("/forgot", "email", "nora@example.com"); answer.StatusCode != http.StatusOK {
		t.Fatalf("asking for a new password: %d", answer.StatusCode)
	}
	before := <-m.begun
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.exited
	next := start(t, args...)
	if after := <-m.begun; after != before || before == "" {
		t.Errorf("the mail is %q after the kill, and was %q", after, before)
	}
	next.eventually("the note that it was sent", func() bool {
		answer, err := http.Get(next.ops + "/metrics")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		return err == nil && bytes.Contains(text, []byte(`gatehouse_notice_deliveries_total{channel="mail",state="sent"} 1`))
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.taken) != 1 {
		t.Errorf("it was taken %d times", len(m.taken))
	}
}

// A program took an event, and the gateway was killed before it noted so: the next process delivers it again, under the same id, by which the program knows it.
func TestAWebhooksEventSurvivesKillBetweenAnswerAndNote(t *testing.T) {
	taken, release := make(chan string, 10), make(chan struct{})
	var first sync.Once
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		taken <- r.Header.Get("webhook-id")
		first.Do(func() { <-release }) // the answer is not read any more: its reader is dead
	}))
	defer receiver.Close()
	folder := t.TempDir()
	args := []string{"serve", "--data", folder, "--allow-upstream", "127.0.0.1/32"}
	p := start(t, args...)
	if _, problem, status := command(t, "four words in a row\n", "account", "create", "--data", folder, "--email", "nora@example.com", "--password-stdin", "--role", "admin"); status != 0 {
		t.Fatal(problem)
	}
	nora := newPerson(t, p.portal)
	nora.done(nora.post("/signin", "email", "nora@example.com", "password", "four words in a row"))
	made := text(t, nora.post("/webhooks", "url", receiver.URL, "kinds", "key.rotated"))
	path := regexp.MustCompile(`/webhooks/[a-z0-9]{10}`).FindString(made)
	nora.done(nora.post(path + "/test"))
	before := <-taken
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.exited
	close(release)
	next := start(t, args...)
	if after := <-taken; after != before || before == "" {
		t.Errorf("the event is %q after the kill, and was %q", after, before)
	}
	again := newPerson(t, next.portal)
	again.done(again.post("/signin", "email", "nora@example.com", "password", "four words in a row"))
	next.eventually("the note that it was taken", func() bool { return strings.Contains(again.page(path), "Taken") })
}
