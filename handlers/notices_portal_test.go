package handlers_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/handlers"
	"gatehouse/handlers/session"
	"gatehouse/jobs/notify"
	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
	"gatehouse/static"
	"gatehouse/web"
)

// noticePortal is a portal with a mail server that keeps what it takes, unless there is none.
type noticePortal struct {
	*portal
	worker *notify.Worker
	sent   []models.Mail
}

// Send implements notify.Mailer.
func (p *noticePortal) Send(_ context.Context, m models.Mail) (int, error) {
	p.sent = append(p.sent, m)
	return 250, nil
}

// CheckUpstream implements handlers.AddressChecker.
func (p *noticePortal) CheckUpstream(context.Context, string) error { return nil }

func openNoticePortal(t *testing.T, withServer bool) *noticePortal {
	t.Helper()
	ring := secret.NewKeyring()
	p := &noticePortal{portal: &portal{t: t, store: storetest.Open(t, func(c *store.Config) { c.Keyring = ring }), clock: storetest.Now()}}
	now := func() time.Time { return p.clock }
	s := p.store
	site := &handlers.Site{Accounts: s, Sessions: session.New(s, ring.CookieKeys(), false, now), Log: slog.New(slog.NewTextHandler(&p.log, nil)), Now: now,
		PublicURL: "https://portal.example.com", GatewayURL: "https://gateway.example.com", Brand: &handlers.Brand{Store: s}}
	mails := &handlers.Mails{PublicURL: site.PublicURL, Digest: func(text string) [32]byte { return ring.TokenDigest(text) }}
	c := notify.Config{Store: s, Write: mails.Write, Dial: new(net.Dialer).DialContext, Now: now}
	if withServer {
		site.MailSince, c.Mail = p.clock.AddDate(0, -1, 0), p
	}
	p.worker = notify.New(c)
	passwords, throttle := secret.NewQuickHasher(), handlers.NewThrottle(p.clock)
	p.handler = web.Handler(site, web.Pages{
		SignIn: &handlers.SignIn{Store: s, Passwords: passwords, Throttle: throttle}, Links: &handlers.Links{Store: s, Passwords: passwords}, Me: &handlers.Me{Store: s, Passwords: passwords, Throttle: throttle},
		Mails:    &handlers.MailPages{Store: s, Mails: mails, Throttle: handlers.NewThrottle(p.clock)},
		Alerts:   &handlers.Alerts{Store: s},
		Webhooks: &handlers.Webhooks{Store: s, Addresses: p, Body: notify.EventBody}, Outbox: &handlers.Outbox{Store: s, Mails: mails},
		Admin: &handlers.Admin{Store: s}, Audit: &handlers.Audit{Store: s}, Apps: &handlers.Apps{Store: s}, Keys: &handlers.Keys{Store: s}, Home: &handlers.Home{Store: s}, Help: &handlers.Help{}, Public: &handlers.Public{Store: s, Markdown: handlers.NewMarkdown()},
	}, static.Handler())
	return p
}

// deliver sends what is due and returns the newest mail.
func (p *noticePortal) deliver() models.Mail {
	p.t.Helper()
	for _, by := range []models.Channel{models.ByMail, models.ByWebhook} {
		for some := true; some; {
			var err error
			some, err = p.worker.Next(p.t.Context(), by)
			ok(p.t, err)
		}
	}
	if len(p.sent) == 0 {
		return models.Mail{}
	}
	return p.sent[len(p.sent)-1]
}

// linkIn is the path of the first link to a page of a kind.
func linkIn(t *testing.T, m models.Mail, page string) string {
	t.Helper()
	found := regexp.MustCompile(`https://portal\.example\.com(/` + page + `/\S+)`).FindStringSubmatch(m.Text)
	if found == nil || !strings.Contains(m.HTML, found[1]) {
		t.Fatalf("no link to %s in both parts of %q:\n%s", page, m.Subject, m.Text)
	}
	return found[1]
}

// The answer must not tell whether somebody has an account, and opening the link must not do what it is for.
func TestAForgottenPasswordIsReplacedByItsPersonAlone(t *testing.T) {
	p := openNoticePortal(t, true)
	person := p.account(models.RoleDeveloper, "nora@example.com")
	b := p.visitor()
	b.get("/signin").has(t, "/forgot")
	known, unknown := b.post("/forgot", "email", "Nora@example.com"), b.post("/forgot", "email", "nobody@example.com")
	if known.status != http.StatusOK || known.same() != unknown.same() {
		t.Errorf("the answers differ: %d and %d", known.status, unknown.status)
	}
	m := p.deliver()
	if len(p.sent) != 1 || m.To.Email != "nora@example.com" || m.Unsubscribe != "" {
		t.Fatalf("%d mails: %+v", len(p.sent), m.To)
	}
	link := linkIn(t, m, "reset")
	for range 2 {
		if got := b.get(link); got.status != http.StatusOK {
			t.Fatalf("opening the link: %d", got.status)
		}
	}
	if got := b.post(link, "password", "another row of words"); got.location != "/signin" {
		t.Fatalf("%d %s", got.status, got.text())
	}
	a, err := p.store.Account(t.Context(), person.ID)
	ok(t, err)
	if !a.Verified() {
		t.Error("who used the link reads the mail")
	}
	for range 5 {
		b.post("/forgot", "email", "nora@example.com")
	}
	if got := b.post("/forgot", "email", "nora@example.com"); got.status != http.StatusTooManyRequests {
		t.Errorf("the sixth time: %d", got.status)
	}
}

// SEC-24: a new address is proved before it counts, and the old one is told.
func TestAnAddressIsProvedByALinkThatActsOnAForm(t *testing.T) {
	p := openNoticePortal(t, true)
	ok(t, p.store.SaveSettings(t.Context(), models.CommandLine(), models.Settings{SignUp: models.SignUpOpen}, p.clock))
	p.account(models.RoleAdmin, "admin@example.com")
	b := p.visitor()
	if got := b.post("/join", "name", "Nora", "email", "nora@example.com", "password", "four words in a row"); got.location != "/home" {
		t.Fatalf("%d %s", got.status, got.text())
	}
	first := linkIn(t, p.deliver(), "verify")
	b.get("/me").says(t, "Confirm nora@example.com")
	b.get(first).says(t, "Confirm your address")
	b.get("/me").says(t, "Confirm nora@example.com") // a GET changes nothing
	if got := b.post(first); got.location != "/home" {
		t.Fatalf("%d %s", got.status, got.text())
	}
	b.get("/me/mails").says(t, "Confirmed")
	if got := b.post(first); got.status != http.StatusNotFound {
		t.Errorf("used twice: %d", got.status)
	}
	b.post("/me/verify", "email", "ADMIN@example.com").says(t, "There is an account with this e-mail address already")
	if got := b.post("/me/verify", "email", "nora@new.example.com"); got.location != "/me/mails" {
		t.Fatalf("%d %s", got.status, got.text())
	}
	second := linkIn(t, p.deliver(), "verify")
	b.post(second)
	told := p.deliver()
	if told.To.Email != "nora@example.com" || !strings.Contains(told.Text, "nora@new.example.com") {
		t.Errorf("the old address gets %q to %s", told.Subject, told.To.Email)
	}
	p.visitor().post("/signin", "email", "nora@new.example.com", "password", "four words in a row")
}

// DECISIONS 37: seven days of patience, then nothing that lasts; keys that exist go on.
func TestAnUnprovedAddressMakesNoKeysAfterAWeek(t *testing.T) {
	p := openNoticePortal(t, true)
	a := p.account(models.RoleDeveloper, "nora@example.com")
	app, err := p.store.CreateApp(t.Context(), storetest.Actor(a), "App", p.clock)
	ok(t, err)
	b := p.signedIn("nora@example.com")
	path := "/apps/" + app.ID.String() + "/keys"
	if got := b.post(path, "name", "first"); got.status != http.StatusSeeOther || got.location == "/me/mails" {
		t.Fatalf("on the first day: %d to %s", got.status, got.location)
	}
	p.clock = p.clock.Add(7 * 24 * time.Hour)
	b = p.signedIn("nora@example.com")
	if got := b.post(path, "name", "second"); got.location != "/me/mails" {
		t.Errorf("after a week: %d to %s", got.status, got.location)
	}
	b.get("/me/mails").says(t, "Confirm your e-mail address first")
}

// RFC 8058: a mail program posts for its person, without a session; a GET, as scanners send it, ends nothing.
func TestMailsEndWithOneClickAndWithoutASession(t *testing.T) {
	p := openNoticePortal(t, true)
	a := p.account(models.RoleDeveloper, "nora@example.com")
	ctx := t.Context()
	app, err := p.store.CreateApp(ctx, storetest.Actor(a), "App", p.clock)
	ok(t, err)
	key, _, err := p.store.CreateKey(ctx, storetest.Actor(a), models.NewKey{AppID: app.ID, Name: "ios"}, p.clock)
	ok(t, err)
	ok(t, p.store.AskVerify(ctx, storetest.Actor(a), a.Email, p.clock))
	b := p.visitor()
	b.post(linkIn(t, p.deliver(), "verify"))
	rotate := func() int {
		t.Helper()
		p.clock = p.clock.Add(2 * time.Hour)
		_, _, err := p.store.RotateKey(ctx, storetest.Actor(a), key.ID, models.Rotation{}, p.clock)
		ok(t, err)
		p.deliver()
		return len(p.sent)
	}
	before := rotate()
	m := p.sent[before-1]
	link := strings.TrimPrefix(m.Unsubscribe, "https://portal.example.com")
	if m.Subject != "The key ios has a new value" || link == m.Unsubscribe || linkIn(t, m, "unsubscribe") != link {
		t.Fatalf("%+v", m)
	}
	b.get(link).says(t, "End these mails?", "keys")
	if rotate() != before+1 {
		t.Error("a GET ended them")
	}
	b.post(link, "List-Unsubscribe", "One-Click").says(t, "No more of these mails")
	if n := rotate(); n != before+1 {
		t.Errorf("%d mails after the end, want %d", n, before+1)
	}
	b.post(link, "again", "1")
	if rotate() != before+2 {
		t.Error("they do not come again")
	}
	for _, forged := range []string{link[:len(link)-8] + "AAAAAAAA", strings.Replace(link, ".keys.", ".usage.", 1), "/unsubscribe/x", "/unsubscribe/a.b.c"} {
		if got := b.post(forged); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", forged, got.status)
		}
	}
	p.account(models.RoleOwner, "olga@example.com")
	p.signedIn("olga@example.com").get("/me/mails").says(t, "The week of your APIs")
	b = p.signedIn("nora@example.com")
	b.get("/me/mails").hasNot(t, "The week of your APIs") // a developer has none
	b.post("/me/mails", "topic", "usage", "topic", "plans")
	topics, err := p.store.MailTopics(ctx, a.ID)
	ok(t, err)
	if len(topics) != 3 {
		t.Errorf("refused topics %v", topics)
	}
}

func TestWithoutAServerAnAdministratorFindsMailsInTheOutbox(t *testing.T) {
	p := openNoticePortal(t, false)
	p.account(models.RoleAdmin, "admin@example.com")
	p.account(models.RoleDeveloper, "nora@example.com")
	p.visitor().get("/forgot").says(t, "An administrator can make you a link")
	_, _, err := p.store.CreateLink(t.Context(), models.CommandLine(), models.NewLink{Kind: models.LinkInvite, Email: "<b>@example.com", Role: models.RoleDeveloper, Mail: true}, p.clock)
	if err == nil {
		t.Error("an address that is none")
	}
	_, _, err = p.store.CreateLink(t.Context(), models.CommandLine(), models.NewLink{Kind: models.LinkInvite, Email: "olga@example.com", Role: models.RoleOwner, Mail: true}, p.clock)
	ok(t, err)
	b := p.signedIn("admin@example.com")
	b.get("/admin/accounts").says(t, "There is no mail server")
	b.get("/admin/outbox").says(t, "You are invited to Gatehouse", "olga@example.com", "Waiting")
	p.deliver()
	list := b.get("/admin/outbox?state=kept")
	list.says(t, "Kept here", "There is no mail server")
	path := regexp.MustCompile(`/admin/outbox/[a-z0-9]{10}`).FindString(list.body)
	mail := b.get(path)
	mail.says(t, "https://portal.example.com/invite/", "The link works once", "Copy")
	mail.hasNot(t, path+"/send")
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path+"/preview", nil)
	r.Header.Set("Cookie", b.cookie)
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	if policy := w.Header().Get("Content-Security-Policy"); w.Code != http.StatusOK || !strings.HasPrefix(policy, "sandbox; default-src 'none'") || strings.Contains(policy, "script") || !strings.Contains(w.Body.String(), "You are invited") {
		t.Errorf("preview: %d under %q", w.Code, policy)
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" { // it may hold a link that lets somebody in
		t.Errorf("a cache may keep the preview: %q", got)
	}
	for _, page := range []string{"/admin/outbox", path, path + "/preview"} {
		if got := p.signedIn("nora@example.com").get(page); got.status != http.StatusNotFound {
			t.Errorf("%s for a developer: %d", page, got.status)
		}
	}
}

func TestAnInvitationIsSentByMail(t *testing.T) {
	p := openNoticePortal(t, true)
	p.account(models.RoleAdmin, "admin@example.com")
	b := p.signedIn("admin@example.com")
	got := b.post("/admin/invitations", "email", "olga@example.com", "role", "owner", "by", "mail")
	if got.location != "/admin/invitations" {
		t.Fatalf("%d %s", got.status, got.text())
	}
	shown := b.get("/admin/invitations")
	shown.says(t, "on its way to olga@example.com")
	shown.hasNot(t, "/invite/")
	link := linkIn(t, p.deliver(), "invite")
	if got := p.visitor().post(link, "name", "Olga", "password", "four words in a row"); got.location != "/owner" {
		t.Fatalf("%d %s", got.status, got.text())
	}
	a, _, err := p.store.AccountByEmail(t.Context(), "olga@example.com")
	ok(t, err)
	if !a.Verified() {
		t.Error("the invitation came by mail, and its use proves nothing")
	}
}

func TestAWebhookIsMadeTestedAndResent(t *testing.T) {
	p := openNoticePortal(t, true)
	p.account(models.RoleOwner, "olga@example.com")
	p.account(models.RoleOwner, "otto@example.com")
	status := http.StatusTeapot
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer server.Close()
	b := p.signedIn("olga@example.com")
	b.get("/owner/webhooks").says(t, "No webhooks")
	b.get("/owner/webhooks/new").says(t, "subscription.requested")
	b.get("/webhooks/new").hasNot(t, "subscription.requested", "import.ended")
	bad := b.post("/owner/webhooks", "url", "nowhere", "note", "mine")
	if bad.status != http.StatusUnprocessableEntity {
		t.Fatalf("%d", bad.status)
	}
	bad.says(t, "Enter an address such as", "Choose at least one event", "mine")
	made := b.post("/owner/webhooks", "url", server.URL+"/hook", "kinds", "subscription.requested")
	value := regexp.MustCompile(`whsec_[A-Za-z0-9+/=]+`).FindString(strings.ReplaceAll(made.body, "&#43;", "+"))
	path := regexp.MustCompile(`/owner/webhooks/[a-z0-9]{10}`).FindString(made.body)
	if value == "" || path == "" {
		t.Fatalf("%d %s", made.status, made.text())
	}
	b.get(path).hasNot(t, value)
	if got := b.post(path + "/test"); got.location != path {
		t.Fatalf("%d %s", got.status, got.text())
	}
	p.deliver()
	page := b.get(path)
	page.says(t, "webhook.test", "Waiting", "Failing")
	delivery := regexp.MustCompile(path + `/deliveries/[a-z0-9]{10}`).FindString(page.body)
	b.get(delivery).says(t, "It answered 418", "webhook-signature", "This is a test")
	status = http.StatusOK
	p.clock = p.clock.Add(time.Minute)
	p.deliver()
	b.get(path).says(t, "Taken", "Works")
	if got := b.post(delivery + "/resend"); got.location != delivery {
		t.Fatalf("%d %s", got.status, got.text())
	}
	p.deliver()
	b.post(path + "/disable")
	b.get(path).says(t, "You stopped it", "Enable")
	b.post(path + "/enable")
	b.post(path+"/rotate").says(t, "whsec_", "The secret before this one signs, too")
	b.post(path, "url", server.URL+"/other", "kinds", "import.ended").says(t)
	b.get(path).says(t, "/other")
	for _, other := range []string{path, path + "/delete", delivery} {
		if got := p.signedIn("otto@example.com").get(other); got.status != http.StatusNotFound {
			t.Errorf("another's %s: %d", other, got.status)
		}
	}
	b.get(path+"/delete").says(t, "Delete this webhook?")
	if got := b.post(path + "/delete"); got.location != "/owner/webhooks" {
		t.Errorf("%d", got.status)
	}
}
