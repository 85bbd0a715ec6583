package notify_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"gatehouse/enforcement"
	"gatehouse/handlers"
	"gatehouse/jobs/notify"
	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// delivered makes a webhook at an address, tests it once and returns how the delivery and the webhook stand.
func (b *bench) delivered(address string) (models.Message, []models.Attempt, models.Webhook) {
	b.t.Helper()
	ctx, as := b.t.Context(), storetest.Actor(b.developer)
	hook, _, err := b.CreateWebhook(ctx, as, models.SideDeveloper, models.NewWebhook{URL: address, Kinds: []models.NoticeKind{models.NoticeKeyRotated}}, b.clock)
	ok(b.t, err)
	ok(b.t, b.TestWebhook(ctx, as, models.SideDeveloper, hook.ID, b.clock))
	b.next(models.ByWebhook)
	list, err := b.Deliveries(ctx, b.developer.ID, models.SideDeveloper, hook.ID, models.Page{})
	ok(b.t, err)
	m, attempts, err := b.WebhookDelivery(ctx, b.developer.ID, models.SideDeveloper, hook.ID, list.Items[0].ID)
	ok(b.t, err)
	hook, err = b.Webhook(ctx, b.developer.ID, models.SideDeveloper, hook.ID)
	ok(b.t, err)
	return m, attempts, hook
}

// patient is a bench whose worker waits for answers, and dials, as the test says.
func patient(t *testing.T, patience time.Duration, policy *enforcement.AddressPolicy) *bench {
	t.Helper()
	b := newBench(t, nil)
	mails := &handlers.Mails{PublicURL: "https://portal.example.com", Digest: func(string) (d [32]byte) { return d }}
	c := notify.Config{Store: b.Store, Write: mails.Write, Dial: new(net.Dialer).DialContext, Patience: patience, Now: func() time.Time { return b.clock }}
	if policy != nil {
		c.Dial = policy.DialContext
	}
	b.Worker = notify.New(c)
	return b
}

func answering(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return s.URL
}

// Receivers check the time of a delivery, and its every byte, with the specification's own library.
func TestADeliveryIsVerifiedByTheSpecificationsLibrary(t *testing.T) {
	b := patient(t, 0, nil)
	b.clock = time.Now() // the library refuses what is older than five minutes
	var header http.Header
	var body []byte
	address := answering(t, func(_ http.ResponseWriter, r *http.Request) {
		header = r.Header
		body, _ = io.ReadAll(r.Body)
	})
	ctx, as := t.Context(), storetest.Actor(b.developer)
	hook, secret, err := b.CreateWebhook(ctx, as, models.SideDeveloper, models.NewWebhook{URL: address, Kinds: []models.NoticeKind{models.NoticeKeyRotated}}, b.clock)
	ok(t, err)
	ok(t, b.TestWebhook(ctx, as, models.SideDeveloper, hook.ID, b.clock))
	b.next(models.ByWebhook)
	check, err := standardwebhooks.NewWebhook(secret.Reveal())
	ok(t, err)
	if err := check.Verify(body, header); err != nil {
		t.Fatalf("the library says: %v", err)
	}
	stale := header.Clone()
	stale.Set("webhook-timestamp", "1700000000")
	other := header.Clone()
	other.Set("webhook-id", "msg_other")
	for what, err := range map[string]error{
		"another body":     check.Verify(bytes.Replace(body, []byte("test"), []byte("tess"), 1), header),
		"another time":     check.Verify(body, stale),
		"another id":       check.Verify(body, other),
		"a stranger's key": second(standardwebhooks.NewWebhook("whsec_"+strings.Repeat("QUJD", 8))).Verify(body, header),
	} {
		if err == nil {
			t.Errorf("the library takes %s", what)
		}
	}
}

func second[T any](v T, _ error) T { return v }

// An address that never answers holds up nobody for longer than its time; what it said before its time was over counts.
func TestASlowAddressIsTriedAgain(t *testing.T) {
	b := patient(t, 100*time.Millisecond, nil)
	m, attempts, hook := b.delivered(answering(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that it is noticed when the other side leaves
		<-r.Context().Done()
	}))
	if m.State != models.MessageWaiting || !m.Due.After(b.clock) || hook.Failures != 1 || attempts[0].Status != 0 || !strings.Contains(attempts[0].Problem, "did not answer") {
		t.Errorf("%+v, %+v, %+v", m, attempts, hook)
	}
	m, attempts, _ = b.delivered(answering(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "taken")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	if m.State != models.MessageSent || attempts[0].Status != http.StatusOK {
		t.Errorf("it said 200 and went on: %+v, %+v", m, attempts)
	}
}

// What is signed for one address is sent to no other.
func TestARedirectIsNotFollowed(t *testing.T) {
	b := patient(t, 0, nil)
	var reached atomic.Bool
	elsewhere := answering(t, func(http.ResponseWriter, *http.Request) { reached.Store(true) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		m, attempts, _ := b.delivered(answering(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere, status) }))
		if m.State != models.MessageWaiting || attempts[0].Status != status || !strings.Contains(attempts[0].Problem, "redirects are not followed") || reached.Load() {
			t.Errorf("%d: %+v, %+v, followed: %v", status, m, attempts, reached.Load())
		}
	}
}

// Standard Webhooks: 410 says that the receiver wants no more.
func TestAnAddressThatIsGoneIsDisabledAtOnce(t *testing.T) {
	b := patient(t, 0, nil)
	m, _, hook := b.delivered(answering(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }))
	if m.State != models.MessageFailed || hook.DisabledAt.IsZero() || hook.DisabledWhy != "It answered 410 Gone." {
		t.Errorf("%+v, %+v", m, hook)
	}
	b.next(models.ByMail)
	if got := b.newest(); got.Kind != models.NoticeWebhookDisabled {
		t.Errorf("its person is told %+v", got)
	}
}

// DECISIONS 35: the address that is really dialled is judged, by whatever name it was reached, and nothing is sent to a private one.
func TestAWebhookReachesNoPrivateAddress(t *testing.T) {
	var reached atomic.Bool
	address := answering(t, func(http.ResponseWriter, *http.Request) { reached.Store(true) })
	at := netip.MustParseAddrPort(strings.TrimPrefix(address, "http://"))
	b := patient(t, 0, &enforcement.AddressPolicy{})
	for _, name := range []string{address, strings.Replace(address, "127.0.0.1", "localhost", 1), strings.Replace(address, "127.0.0.1", "[::ffff:127.0.0.1]", 1), "http://169.254.169.254/latest/meta-data", "http://10.0.0.1:9", "http://[fd00::1]:9"} {
		m, attempts, _ := b.delivered(name)
		if m.State != models.MessageWaiting || attempts[0].Status != 0 || reached.Load() {
			t.Errorf("%s: %+v, %+v, reached: %v", name, m, attempts, reached.Load())
		}
	}
	own := patient(t, 0, &enforcement.AddressPolicy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Own: []netip.AddrPort{at}})
	if m, _, _ := own.delivered(address); m.State != models.MessageWaiting || reached.Load() {
		t.Errorf("our own listener: %+v", m)
	}
	allowed := patient(t, 0, &enforcement.AddressPolicy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if m, _, _ := allowed.delivered(address); m.State != models.MessageSent || !reached.Load() {
		t.Errorf("what the operator allows: %+v", m)
	}
}

// Of an answer without end no more is read, or kept, than a page shows; nor is a head without end.
func TestAnEndlessAnswerIsCutOff(t *testing.T) {
	b := patient(t, 0, nil)
	ended := make(chan struct{})
	m, attempts, _ := b.delivered(answering(t, func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		w.WriteHeader(http.StatusInternalServerError)
		for {
			if _, err := w.Write(bytes.Repeat([]byte("a"), 64<<10)); err != nil || r.Context().Err() != nil {
				return
			}
		}
	}))
	<-ended
	if m.State != models.MessageWaiting || len(attempts[0].Answer) != models.MaxWebhookAnswer {
		t.Errorf("%+v with %d bytes", m, len(attempts[0].Answer))
	}
	m, attempts, _ = b.delivered(answering(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 100 {
			w.Header().Add("X-Large", strings.Repeat("a", 1000))
		}
	}))
	if m.State != models.MessageWaiting || attempts[0].Status != 0 {
		t.Errorf("a head of 100 kB: %+v, %+v", m, attempts)
	}
}
