package notify_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"gatehouse/handlers"
	"gatehouse/jobs/notify"
	"gatehouse/models"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mailServer is a real SMTP server that takes mails, or does not.
type mailServer struct {
	mu     sync.Mutex
	mails  []string
	to     []string
	login  string // of the session that sent last; "": none was needed
	rcpt   error  // answer to RCPT TO, once
	data   error  // answer to DATA, once
	leave  bool   // goes away in the middle of the next mail
	server *smtp.Server
}

func (m *mailServer) NewSession(c *smtp.Conn) (smtp.Session, error) { return &session{m: m, c: c}, nil }

type session struct {
	m  *mailServer
	c  *smtp.Conn
	as string
	to string
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "portal" || password != "s3cret" {
			return smtp.ErrAuthFailed
		}
		s.as = user
		return nil
	}), nil
}

func (s *session) Mail(string, *smtp.MailOptions) error { return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	err := s.m.rcpt
	s.m.rcpt, s.to = nil, to
	return err
}

func (s *session) Data(r io.Reader) error {
	s.m.mu.Lock()
	leave, err := s.m.leave, s.m.data
	s.m.leave, s.m.data = false, nil
	s.m.mu.Unlock()
	if leave {
		_, _ = io.ReadFull(r, make([]byte, 100))
		return s.c.Close()
	}
	text, readErr := io.ReadAll(r)
	if err != nil {
		return err // as it is: the server answers with its code
	}
	if readErr != nil {
		return readErr
	}
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.m.mails, s.m.to, s.m.login = append(s.m.mails, string(text)), append(s.m.to, s.to), s.as
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// startMail runs the server on a free port; with a certificate it offers STARTTLS, and roots trust it.
func startMail(t *testing.T, withTLS bool) (m *mailServer, at notify.Server) {
	t.Helper()
	return startMailOn(t, withTLS, false)
}

func startMailOn(t *testing.T, withTLS, implicit bool) (m *mailServer, at notify.Server) {
	t.Helper()
	m = &mailServer{}
	m.server = smtp.NewServer(m)
	m.server.Domain, m.server.AllowInsecureAuth = "mail.test", false
	at = notify.Server{Host: "127.0.0.1", From: mail.Address{Name: "Example API", Address: "api@example.com"}}
	if withTLS {
		certificate, roots := selfSigned(t)
		m.server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
		at.TLS = &tls.Config{RootCAs: roots}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	at.Port = l.Addr().(*net.TCPAddr).Port
	if at.Implicit = implicit; implicit {
		l = tls.NewListener(l, m.server.TLSConfig)
	}
	go func() { _ = m.server.Serve(l) }() // ends with Close
	t.Cleanup(func() { _ = m.server.Close() })
	return m, at
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	ok(t, err)
	parsed, err := x509.ParseCertificate(der)
	ok(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// bench is a worker over a real store, on a clock that the test moves.
type bench struct {
	t *testing.T
	*store.Store
	*notify.Worker
	clock     time.Time
	owner     models.Account
	developer models.Account
}

func newBench(t *testing.T, mailer notify.Mailer) *bench {
	t.Helper()
	b := &bench{t: t, Store: storetest.Open(t), clock: storetest.Now()}
	b.owner, b.developer = storetest.Owner(t, b.Store), storetest.Developer(t, b.Store)
	mails := &handlers.Mails{PublicURL: "https://portal.example.com", Digest: func(text string) (d [32]byte) { copy(d[:], text); return d }}
	b.Worker = notify.New(notify.Config{Store: b.Store, Mail: mailer, Write: mails.Write, Dial: new(net.Dialer).DialContext, Now: func() time.Time { return b.clock }})
	return b
}

// next delivers one and returns how the newest message of the channel stands.
func (b *bench) next(by models.Channel) {
	b.t.Helper()
	some, err := b.Worker.Next(b.t.Context(), by)
	ok(b.t, err)
	if !some {
		b.t.Fatal("nothing was due")
	}
}

func (b *bench) newest() models.Message {
	b.t.Helper()
	list, err := b.Outbox(b.t.Context(), "", models.Page{})
	ok(b.t, err)
	return list.Items[0]
}

// invite queues a mail to an address without an account.
func (b *bench) invite(email string) {
	b.t.Helper()
	_, _, err := b.CreateLink(b.t.Context(), models.CommandLine(), models.NewLink{Kind: models.LinkInvite, Email: email, Role: models.RoleDeveloper, Mail: true}, b.clock)
	ok(b.t, err)
}

func smtpTo(t *testing.T, at notify.Server) *notify.SMTP {
	t.Helper()
	s, err := notify.NewSMTP(at)
	ok(t, err)
	return s
}

func TestAMailReachesARealServerOverSTARTTLSWithAPassword(t *testing.T) {
	server, at := startMail(t, true)
	at.User, at.Password = "portal", "s3cret"
	b := newBench(t, smtpTo(t, at))
	b.invite("nora@example.com")
	b.next(models.ByMail)
	if len(server.mails) != 1 || server.to[0] != "nora@example.com" || server.login != "portal" {
		t.Fatalf("%d mails to %v by %q: %+v", len(server.mails), server.to, server.login, b.newest())
	}
	parsed, err := mail.ReadMessage(strings.NewReader(server.mails[0]))
	ok(t, err)
	sent := b.newest()
	if sent.State != models.MessageSent || !sent.Forgotten || sent.Subject != "You are invited to Gatehouse" {
		t.Errorf("noted as %+v", sent)
	}
	if got, want := parsed.Header.Get("Message-ID"), "<"+sent.ID.String()+"@example.com>"; got != want {
		t.Errorf("Message-ID %s, want %s", got, want)
	}
	for name, want := range map[string]string{"From": `"Example API" <api@example.com>`, "Auto-Submitted": "auto-generated", "List-Unsubscribe": ""} {
		if got := parsed.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	parts := partsOf(t, parsed)
	for kind, text := range parts {
		if !strings.Contains(text, "https://portal.example.com/invite/") || !strings.Contains(text, "You are invited to Gatehouse") {
			t.Errorf("the %s part lacks link or title:\n%s", kind, text)
		}
	}
	if len(parts) != 2 {
		t.Errorf("parts %v", parts)
	}
}

// RFC 8314: TLS from the first byte, with the password behind it. Who listens elsewhere under the name is found out by the certificate.
func TestAMailTravelsOverImplicitTLSToTheServerThatWasMeant(t *testing.T) {
	server, at := startMailOn(t, true, true)
	at.User, at.Password = "portal", "s3cret"
	trusted, stranger := at, at
	stranger.TLS = nil // the system's roots do not know it
	for _, tt := range []struct {
		at    notify.Server
		state models.MessageState
	}{{stranger, models.MessageWaiting}, {trusted, models.MessageSent}} {
		b := newBench(t, smtpTo(t, tt.at))
		b.invite("nora@example.com")
		b.next(models.ByMail)
		if got := b.newest(); got.State != tt.state {
			t.Errorf("%+v, want %s", got, tt.state)
		}
	}
	if len(server.mails) != 1 || server.login != "portal" {
		t.Errorf("%d mails by %q", len(server.mails), server.login)
	}
}

// A password that the server refuses is the operator's to mend: nothing is given up meanwhile.
func TestARefusedPasswordKeepsMailsWaiting(t *testing.T) {
	server, at := startMail(t, true)
	at.User, at.Password = "portal", "wrong"
	b := newBench(t, smtpTo(t, at))
	b.invite("nora@example.com")
	b.next(models.ByMail)
	if got := b.newest(); got.State != models.MessageWaiting || strings.Contains(got.Reason, "wrong") || len(server.mails) != 0 {
		t.Errorf("%+v", got)
	}
}

// Whatever people write arrives as they wrote it, by lines that every server takes (RFC 5321 4.5.3.1.6): a line of one dot ends no mail, and a long one is not cut.
func TestATextArrivesAsItWasWritten(t *testing.T) {
	server, at := startMail(t, true)
	text := "Hello\n.\n..two\n.QUIT\nFrom here\n" + strings.Repeat("å long line ", 400) + "\nblank \n\ttab\n=3D is no =\n"
	subject := strings.Repeat("Ünïcode – 統計 ", 20)
	_, err := smtpTo(t, at).Send(t.Context(), models.Mail{ID: "x", To: models.Receiver{Email: "nora@example.com", Name: "Nora Ödegård"}, Subject: subject, Text: text, HTML: "<p>" + text + "</p>"})
	ok(t, err)
	for line := range strings.SplitSeq(server.mails[0], "\n") {
		if len(strings.TrimSuffix(line, "\r")) > 998 {
			t.Errorf("a line of %d bytes", len(line))
		}
		if strings.ContainsFunc(line, func(r rune) bool { return r > 126 }) {
			t.Errorf("not ASCII: %q", line)
		}
	}
	parsed, err := mail.ReadMessage(strings.NewReader(server.mails[0]))
	ok(t, err)
	got, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
	if err != nil || strings.Join(strings.Fields(got), " ") != strings.TrimSpace(subject) {
		t.Errorf("subject %q, %v", got, err)
	}
	if plain := strings.ReplaceAll(partsOf(t, parsed)["text/plain"], "\r\n", "\n"); strings.TrimSpace(plain) != strings.TrimSpace(text) {
		t.Errorf("the text came as %q", plain)
	}
}

// partsOf are the bodies of a mail by their kind.
func partsOf(t *testing.T, m *mail.Message) map[string]string {
	t.Helper()
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	ok(t, err)
	parts := map[string]string{}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return parts
		}
		ok(t, err)
		kind, _, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		ok(t, err)
		var body io.Reader = p
		if p.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			body = quotedprintable.NewReader(p)
		}
		text, err := io.ReadAll(body)
		ok(t, err)
		parts[kind] = string(text)
	}
}

// A password must not travel in clear: who listens would send in our name.
func TestAPasswordIsNotSentWithoutTLS(t *testing.T) {
	server, at := startMail(t, false)
	at.User, at.Password = "portal", "s3cret"
	b := newBench(t, smtpTo(t, at))
	b.invite("nora@example.com")
	b.next(models.ByMail)
	if got := b.newest(); got.State != models.MessageWaiting || len(server.mails) != 0 {
		t.Errorf("sent in clear: %+v", got)
	}
}

func TestWhatAServerRefusesForNowIsTriedAgain(t *testing.T) {
	server, at := startMail(t, true)
	b := newBench(t, smtpTo(t, at))
	greylisted := func() {
		server.rcpt = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Greylisted, come back later"}
	}
	for name, trouble := range map[string]func(){
		"greylisting":                    greylisted,
		"a server that goes away midway": func() { server.leave = true },
		"a full disk": func() {
			server.data = &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "Full"}
		},
	} {
		server.mails = nil
		b.clock = b.clock.Add(time.Hour)
		b.invite("nora@example.com")
		trouble()
		b.next(models.ByMail)
		waiting := b.newest()
		if waiting.State != models.MessageWaiting || waiting.Due.Sub(b.clock) < time.Minute || waiting.Due.Sub(b.clock) > 2*time.Minute {
			t.Fatalf("%s: %+v", name, waiting)
		}
		if some, err := b.Worker.Next(t.Context(), models.ByMail); some || err != nil {
			t.Errorf("%s: tried before it is due (%v)", name, err)
		}
		b.clock = waiting.Due
		b.next(models.ByMail)
		if got := b.newest(); got.State != models.MessageSent || got.Attempts != 2 || len(server.mails) != 1 {
			t.Errorf("%s, second try: %+v, %d mails", name, got, len(server.mails))
		}
	}
}

func TestWhatAServerRefusesForGoodIsGivenUp(t *testing.T) {
	server, at := startMail(t, true)
	b := newBench(t, smtpTo(t, at))
	for status, trouble := range map[int]*error{550: &server.rcpt, 554: &server.data} { // the receiver, the text
		b.clock = b.clock.Add(time.Hour)
		b.invite("nobody@example.com")
		*trouble = &smtp.SMTPError{Code: status, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "Not wanted here"}
		b.next(models.ByMail)
		got := b.newest()
		_, attempts, err := b.OutboxMail(t.Context(), got.ID)
		ok(t, err)
		if got.State != models.MessageFailed || !strings.Contains(got.Reason, "Not wanted here") || len(attempts) != 1 || attempts[0].Status != status {
			t.Errorf("%d: %+v, %+v", status, got, attempts)
		}
	}
}

func TestWithoutAServerMailsAreKeptWithTheirLinks(t *testing.T) {
	b := newBench(t, nil)
	b.invite("nora@example.com")
	b.next(models.ByMail)
	if got := b.newest(); got.State != models.MessageKept || !strings.HasPrefix(got.Data.Link, "/invite/") {
		t.Errorf("%+v", got)
	}
}

// DECISIONS 37: with a server nobody is mailed at an address that may be somebody else's, but for what proves it.
func TestNobodyIsMailedAtAnAddressThatIsNotProved(t *testing.T) {
	server, at := startMail(t, true)
	b := newBench(t, smtpTo(t, at))
	_, _, err := b.CreateWebhook(t.Context(), storetest.Actor(b.developer), models.SideDeveloper, models.NewWebhook{URL: "https://example.com", Kinds: []models.NoticeKind{models.NoticeQuota}}, b.clock)
	ok(t, err)
	_, _, err = b.CreateLink(t.Context(), models.CommandLine(), models.NewLink{Kind: models.LinkReset, AccountID: b.developer.ID, Mail: true}, b.clock)
	ok(t, err)
	b.next(models.ByMail)
	if len(server.mails) != 1 {
		t.Errorf("%d mails for a new password: %+v", len(server.mails), b.newest())
	}
}

// A name that somebody chose is text in a mail, whatever is in it.
func TestNoNameBecomesAHeaderField(t *testing.T) {
	server, at := startMail(t, true)
	s := smtpTo(t, at)
	good := models.Mail{ID: "x", To: models.Receiver{Email: "nora@example.com", Name: `Nora "<boss@example.com>", évil`}, Subject: "Hello =?utf-8?q?x?= „world“", Text: "t", HTML: "<p>t</p>"}
	if _, err := s.Send(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	parsed, err := mail.ReadMessage(strings.NewReader(server.mails[0]))
	ok(t, err)
	to, err := parsed.Header.AddressList("To")
	ok(t, err)
	subject, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
	if err != nil || len(to) != 1 || to[0].Address != "nora@example.com" || to[0].Name != good.To.Name || !strings.Contains(subject, "„world“") {
		t.Errorf("to %v, subject %q, %v", to, subject, err)
	}
	for _, break_ := range []string{"a\r\nBcc: all@example.com", "a\nBcc: all@example.com", "a\x00"} {
		for _, bad := range []models.Mail{{ID: "x", To: good.To, Subject: break_}, {ID: "x", To: models.Receiver{Email: "nora@example.com", Name: break_}, Subject: "s"},
			{ID: "x", To: models.Receiver{Email: "nora@example.com" + break_}, Subject: "s"}, {ID: break_, To: good.To, Subject: "s"}, {ID: "x", To: good.To, Subject: "s", Unsubscribe: break_}} {
			if _, err := s.Send(t.Context(), bad); err == nil {
				t.Errorf("sent %+v", bad)
			}
		}
	}
	if len(server.mails) != 1 {
		t.Errorf("%d mails", len(server.mails))
	}
}

func TestAServersAddressIsRead(t *testing.T) {
	for address, want := range map[string]notify.Server{
		"smtp://mail.example.com":                      {Host: "mail.example.com", Port: 587},
		"smtps://u:p%40ss@mail.example.com":            {Host: "mail.example.com", Port: 465, User: "u", Password: "p@ss", Implicit: true},
		"smtp://user%40example.com:p@[2001:db8::1]:25": {Host: "2001:db8::1", Port: 25, User: "user@example.com", Password: "p"},
	} {
		if got, err := notify.ParseServer(address); err != nil || got != want {
			t.Errorf("%s: %+v, %v", address, got, err)
		}
	}
	for _, address := range []string{"", "mail.example.com", "http://mail.example.com", "smtp://", "smtp://h:0", "smtp://h/x", "smtp://h?x=1", "smtp://u:se%zzcret@h"} {
		if _, err := notify.ParseServer(address); err == nil || strings.Contains(err.Error(), "cret") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// receiver is a program that is told by webhooks and checks signatures with the specification's own library.
func receiver(t *testing.T, secret *string, status *int) (*httptest.Server, *[]http.Header) {
	t.Helper()
	var got []http.Header
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		hook, err := standardwebhooks.NewWebhook(*secret)
		if err != nil {
			t.Error(err)
		} else if err := hook.VerifyIgnoringTimestamp(body, r.Header); err != nil {
			t.Errorf("the library says: %v", err)
		}
		got = append(got, r.Header.Clone())
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(*status)
		_, _ = io.WriteString(w, "thanks\x00"+strings.Repeat("x", 3*models.MaxWebhookAnswer))
	}))
	t.Cleanup(s.Close)
	return s, &got
}

func TestAWebhookIsSignedAsTheSpecificationSays(t *testing.T) {
	b := newBench(t, nil)
	ctx, as := t.Context(), storetest.Actor(b.developer)
	var secret string
	status := http.StatusInternalServerError
	server, got := receiver(t, &secret, &status)
	hook, v, err := b.CreateWebhook(ctx, as, models.SideDeveloper, models.NewWebhook{URL: server.URL + "/hook", Kinds: []models.NoticeKind{models.NoticeKeyRotated}}, b.clock)
	ok(t, err)
	secret = v.Reveal()
	ok(t, b.TestWebhook(ctx, as, models.SideDeveloper, hook.ID, b.clock))
	b.next(models.ByWebhook)
	_, err = b.RotateWebhook(ctx, as, models.SideDeveloper, hook.ID, b.clock)
	ok(t, err)
	b.clock, status = b.clock.Add(10*time.Second), http.StatusFound
	b.next(models.ByWebhook) // signed by both: who has the old secret alone knows it, too
	b.clock, status = b.clock.Add(2*time.Minute), http.StatusNoContent
	b.next(models.ByWebhook)
	if n := len(*got); n != 3 || (*got)[0].Get("webhook-id") != (*got)[2].Get("webhook-id") || (*got)[0].Get("webhook-timestamp") == (*got)[2].Get("webhook-timestamp") {
		t.Fatalf("%d calls: %v", n, *got)
	}
	list, err := b.Deliveries(ctx, b.developer.ID, models.SideDeveloper, hook.ID, models.Page{})
	ok(t, err)
	m, attempts, err := b.WebhookDelivery(ctx, b.developer.ID, models.SideDeveloper, hook.ID, list.Items[0].ID)
	ok(t, err)
	if m.State != models.MessageSent || len(attempts) != 3 || attempts[0].Status != 500 || len(attempts[0].Answer) > models.MaxWebhookAnswer || strings.Contains(attempts[0].Answer, "\x00") ||
		!strings.Contains(attempts[1].Problem, "redirects are not followed") || attempts[2].Problem != "" {
		t.Errorf("%+v: %+v", m, attempts)
	}
}

func TestAWebhookThatTakesNothingIsDisabled(t *testing.T) {
	b := newBench(t, nil)
	ctx, as := t.Context(), storetest.Actor(b.developer)
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	address := "http://" + dead.Addr().String() + "/?token=hush"
	ok(t, dead.Close())
	hook, _, err := b.CreateWebhook(ctx, as, models.SideDeveloper, models.NewWebhook{URL: address, Kinds: []models.NoticeKind{models.NoticeKeyRotated}}, b.clock)
	ok(t, err)
	for range 40 {
		if hook, err = b.Webhook(ctx, b.developer.ID, models.SideDeveloper, hook.ID); err != nil || !hook.DisabledAt.IsZero() {
			break
		}
		ok(t, b.TestWebhook(ctx, as, models.SideDeveloper, hook.ID, b.clock))
		for some := true; some && err == nil; {
			some, err = b.Worker.Next(ctx, models.ByWebhook)
		}
		ok(t, err)
		b.clock = b.clock.Add(4 * time.Hour)
	}
	if after := hook.DisabledAt.Sub(hook.FailingSince); hook.DisabledAt.IsZero() || after < models.WebhookPatience || after > models.WebhookPatience+5*time.Hour {
		t.Fatalf("disabled %v after it began to fail: %+v", after, hook)
	}
	if strings.Contains(hook.DisabledWhy, "hush") {
		t.Errorf("the address is told: %s", hook.DisabledWhy)
	}
	b.next(models.ByMail)
	if got := b.newest(); got.Kind != models.NoticeWebhookDisabled || !strings.Contains(got.Subject, "disabled") {
		t.Errorf("its owner is told: %+v", got)
	}
}

// A stop waits for what is under way, or it would be told twice.
func TestAStopFinishesWhatIsUnderWay(t *testing.T) {
	b := newBench(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	as := storetest.Actor(b.developer)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel() }))
	defer server.Close()
	hook, _, err := b.CreateWebhook(ctx, as, models.SideDeveloper, models.NewWebhook{URL: server.URL, Kinds: []models.NoticeKind{models.NoticeKeyRotated}}, b.clock)
	ok(t, err)
	ok(t, b.TestWebhook(ctx, as, models.SideDeveloper, hook.ID, b.clock))
	ok(t, b.Worker.Run(ctx))
	list, err := b.Deliveries(t.Context(), b.developer.ID, models.SideDeveloper, hook.ID, models.Page{})
	ok(t, err)
	if list.Items[0].State != models.MessageSent {
		t.Errorf("%+v", list.Items[0])
	}
}
