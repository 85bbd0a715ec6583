package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/enforcement"
	"gatehouse/enforcement/receipt"
	"gatehouse/enforcement/requestid"
	"gatehouse/enforcement/requestlog"
	"gatehouse/models"
	"gatehouse/models/openapi"
	"gatehouse/models/openapi/diff"
	"gatehouse/models/store/storetest"
)

// Readers of the portal.
const (
	visitor           = ""
	developer         = "developer@example.com"
	owner             = "owner@example.com"
	admin             = "admin@example.com"
	strangerDeveloper = "other-developer@example.com"
	strangerOwner     = "other-owner@example.com"
)

// portal is an instance on a seeded data folder, whose pages are asked for without sockets.
type portal struct {
	storetest.Seeded
	in          *instance
	cookies     map[string]string     // by reader
	request     string                // of the developer's key, with a receipt
	notice      models.ChangeNoticeID // that the developer was told
	alerts      map[string]string     // of each reader
	hooks       map[string][2]string  // a webhook of each reader, and a delivery to it
	mail        string                // in the outbox
	deprecation models.DeprecationID
	domain      models.DomainID
	certificate models.ClientCertificateID
	accessKey   string
	authorizer  models.AuthorizerID
	entry       models.ChangelogID
}

// seedFolder makes a data folder as serve finds it.
func seedFolder(t testing.TB, folder string, size storetest.Size) storetest.Seeded {
	t.Helper()
	s, _, err := openRecords(t.Context(), portalConfig(folder), slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	made := storetest.Seed(t, s, size)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return made
}

func portalConfig(folder string) config {
	c := config{data: folder, portalListen: "127.0.0.1:0", gatewayListen: "127.0.0.1:0", management: managementSettings{listen: "127.0.0.1:0", url: "http://127.0.0.1:8082"}, recording: leastRecording, receipts: receipt.MinSize, requestLog: requestlog.DefaultSize}
	c.finish()
	return c
}

// openPortal opens what serve opens, at the time of the seeding, and signs everybody in, until the end of the test.
func openPortal(t testing.TB, folder string, made storetest.Seeded) *portal {
	t.Helper()
	p := openPortalOnce(t, folder, made, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { p.close(t) })
	return p
}

func (p *portal) close(t testing.TB) {
	t.Helper()
	if err := p.in.close(); err != nil {
		t.Error(err)
	}
}

// openPortalOnce is openPortal for who closes it himself.
func openPortalOnce(t testing.TB, folder string, made storetest.Seeded, log *slog.Logger) *portal {
	t.Helper()
	in, err := open(t.Context(), portalConfig(folder), log, false)
	if err != nil {
		t.Fatal(err)
	}
	in.now = func() time.Time { return made.Now }
	in.site.Now = in.now
	p := &portal{Seeded: made, in: in, cookies: map[string]string{}}
	for _, reader := range []string{developer, owner, admin, strangerDeveloper, strangerOwner} {
		p.signIn(t, reader)
	}
	p.request = keepReceipt(t, in.receipts, models.Receipt{At: made.Now, KeyID: made.Key, AppID: made.App, PlanID: made.Plan, PlanVersion: 1, APIID: made.API, StageID: made.Stage,
		MethodID: made.Method, Method: "GET /orders", Outcome: models.OutcomeDenied, Problem: "key-disabled", Status: http.StatusForbidden})
	keepEntries(t, in.requestLog, made, p.request)
	p.notice = tellOfChange(t, in, made)
	p.hooks = map[string][2]string{developer: hookOf(t, in, made.Developer, models.SideDeveloper, made.Now), owner: hookOf(t, in, made.Owner, models.SideOwner, made.Now)}
	p.alerts = map[string]string{developer: alertOf(t, in, made.Developer, models.SideDeveloper, made.Now), owner: alertOf(t, in, made.Owner, models.SideOwner, made.Now)}
	mails, err := in.store.Outbox(t.Context(), "", models.Page{})
	if err != nil || len(mails.Items) == 0 {
		t.Fatalf("no mails: %v", err)
	}
	p.mail = mails.Items[0].ID.String()
	p.deprecation, p.entry = deprecateOne(t, in, made)
	p.domain = wantDomain(t, in, made)
	bringOne(t, in, made)
	p.certificate = certifyOne(t, in, made)
	p.authorizer = authorizeOne(t, in, made)
	p.accessKey = accessKeyOf(t, in, made)
	return p
}

// wantDomain asks for a domain for the stage, unless a process before has.
func wantDomain(t testing.TB, in *instance, made storetest.Seeded) models.DomainID {
	t.Helper()
	all, err := in.store.Domains(t.Context(), made.Owner.ID, made.API, made.Stage)
	if err == nil && len(all) == 0 {
		_, err = in.store.AddDomain(t.Context(), storetest.Actor(made.Owner), made.API, models.Domain{StageID: made.Stage, Host: "api.example.org"}, made.Now)
		if err == nil {
			all, err = in.store.Domains(t.Context(), made.Owner.ID, made.API, made.Stage)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return all[0].ID
}

// authorizeOne makes an authorizer of the API, unless a process before has.
func authorizeOne(t testing.TB, in *instance, made storetest.Seeded) models.AuthorizerID {
	t.Helper()
	all, err := in.store.Authorizers(t.Context(), made.Owner.ID, made.API)
	if err == nil && len(all) == 0 {
		var one models.Authorizer
		one, err = in.store.SaveAuthorizer(t.Context(), storetest.Actor(made.Owner), models.Authorizer{APIID: made.API, Name: "login", Kind: models.AuthorizerHTTP, TTL: time.Minute,
			HTTP: models.HTTPSettings{URL: "https://auth.example.com/check"}}, nil, made.Now)
		all = append(all, one)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all[0].ID
}

// accessKeyOf makes an access key, unless a process before has.
func accessKeyOf(t testing.TB, in *instance, made storetest.Seeded) string {
	t.Helper()
	keys, err := in.store.AccessKeys(t.Context(), made.Owner.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) > 0 {
		return keys[0].ID
	}
	k, _, err := in.store.CreateAccessKey(t.Context(), storetest.Actor(made.Owner), made.Owner.ID, models.NewAccessKey{Name: "deploy"}, made.Now)
	if err != nil {
		t.Fatal(err)
	}
	return k.ID
}

// certifyOne makes a client certificate that the stage shows, beside a canary and some of all other settings.
func certifyOne(t testing.TB, in *instance, made storetest.Seeded) models.ClientCertificateID {
	t.Helper()
	ctx, actor := t.Context(), storetest.Actor(made.Owner)
	pair, err := models.NewClientKeyPair("Gateway", made.Now)
	if err != nil {
		t.Fatal(err)
	}
	c, err := in.store.AddClientCertificate(ctx, actor, "Gateway", true, pair, made.Now)
	if err != nil {
		t.Fatal(err)
	}
	_, err = in.store.ChangeStage(ctx, actor, made.API, made.Stage, models.StageUpstream, func(st *models.Stage) error {
		st.Settings = models.StageSettings{TLS: models.UpstreamTLS{Certificate: c.ID}, Variables: map[string]string{"host": "example.com"}, CORS: &models.CORS{Origins: []string{"*"}},
			Request: []models.HeaderRule{{Action: models.HeaderRemove, Name: "X-Debug"}}, Cache: &models.StageCache{TTL: time.Minute}}
		for i := range models.MaxTargets {
			st.Settings.Targets.Others = append(st.Settings.Targets.Others, models.Target{URL: fmt.Sprintf("https://api-%d.example.com", i), Weight: 1})
		}
		return nil
	}, made.Now)
	if err == nil {
		_, err = in.store.StartCanary(ctx, actor, made.API, made.Stage, models.Canary{Percent: 5}, "", made.Now)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c.ID
}

// bringOne lets a document wait that takes away most of the API's operations, and changes the others.
func bringOne(t testing.TB, in *instance, made storetest.Seeded) {
	t.Helper()
	draft, err := in.store.Draft(t.Context(), made.Owner.ID, made.API)
	if err != nil {
		t.Fatal(err)
	}
	was, err := openapi.OpenReference(draft.Reading)
	if err != nil {
		t.Fatal(err)
	}
	before := diff.Side{Reference: was}
	d := openapi.Description{Format: "openapi 3.1.0", Title: "Newer", Version: "2"}
	for i, m := range draft.Methods {
		before.Calls = append(before.Calls, diff.Call{Verb: m.Verb, Path: m.Path, Summary: m.Summary, ID: m.ID.String()})
		if i%3 == 0 {
			d.Operations = append(d.Operations, openapi.Operation{Verb: m.Verb, Path: m.Path, Summary: m.Summary, Parameters: []openapi.Parameter{{Name: "since", In: "query", Required: true, Type: "string"}}})
		}
	}
	d.Operations = append(d.Operations, openapi.Operation{Verb: "GET", Path: "/brought", Slug: "brought"})
	reading, err := d.Pack()
	if err != nil {
		t.Fatal(err)
	}
	is, err := openapi.OpenReference(reading)
	if err != nil {
		t.Fatal(err)
	}
	found, err := diff.Compare(t.Context(), before, diff.Side{Reference: is, Calls: diff.Calls(is)})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]any{"diff": found})
	if err == nil {
		_, err = in.store.BringDocument(t.Context(), storetest.Actor(made.Owner), models.DocumentChange{APIID: made.API, Draft: draft.Digest, Diff: text, Document: []byte("openapi: 3.1.0"), Reading: reading}, made.Now)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// deprecateOne deprecates an operation of the API and writes of it, unless a process before has.
func deprecateOne(t testing.TB, in *instance, made storetest.Seeded) (models.DeprecationID, models.ChangelogID) {
	t.Helper()
	ctx, actor := t.Context(), storetest.Actor(made.Owner)
	all, err := in.store.Deprecations(ctx, made.API)
	if err == nil && len(all) == 0 {
		methods, methodsErr := in.store.Methods(ctx, made.Owner.ID, made.API)
		if methodsErr != nil {
			t.Fatal(methodsErr)
		}
		_, err = in.store.Deprecate(ctx, actor, models.Deprecation{APIID: made.API, MethodID: methods[0].ID, Since: made.Now, Sunset: made.Now.AddDate(0, 1, 0)}, made.Now)
		if err == nil {
			_, err = in.store.SaveChangelogEntry(ctx, actor, models.ChangelogEntry{APIID: made.API, Day: made.Now, Title: "Everything is faster", Body: "By half."}, made.Now)
		}
		if err == nil {
			all, err = in.store.Deprecations(ctx, made.API)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	entries, err := in.store.Changelog(ctx, made.API)
	if err != nil {
		t.Fatal(err)
	}
	return all[0].ID, entries[0].ID
}

// tellOfChange changes the price of the busiest plan, unless a process before has, and returns the notice of it.
func tellOfChange(t testing.TB, in *instance, made storetest.Seeded) models.ChangeNoticeID {
	t.Helper()
	ctx := t.Context()
	told := func() models.List[models.ChangeNoticeRow] {
		list, err := in.store.ChangeNotices(ctx, made.Developer.ID, models.Page{})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if list := told(); len(list.Items) > 0 {
		return list.Items[0].ID
	}
	actor := storetest.Actor(made.Owner)
	row, err := in.store.Plan(ctx, made.Owner.ID, made.Plan)
	if err == nil {
		terms := row.InForce
		terms.Price = "€49 a month"
		_, err = in.store.SaveDraft(ctx, actor, made.Plan, "", terms, made.Now)
	}
	if err == nil {
		_, err = in.store.PublishPlan(ctx, actor, made.Plan, made.Now, models.TermsChange{What: "Price", Before: row.InForce.Price, After: "€49 a month"})
	}
	if err == nil {
		err = in.changeNotices().Work(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	return told().Items[0].ID
}

// hookOf is a webhook of somebody's with something to deliver, and what that is.
func hookOf(t testing.TB, in *instance, a models.Account, side models.Side, now time.Time) [2]string {
	t.Helper()
	ctx, actor := t.Context(), storetest.Actor(a)
	hooks, err := in.store.Webhooks(ctx, a.ID, side)
	if err == nil && len(hooks) == 0 {
		var made models.Webhook
		made, _, err = in.store.CreateWebhook(ctx, actor, side, models.NewWebhook{URL: "https://hooks.example.com/" + string(side), Kinds: []models.NoticeKind{models.NoticeQuota}}, now)
		if err == nil {
			err = in.store.TestWebhook(ctx, actor, side, made.ID, now)
		}
		hooks = []models.Webhook{made}
	}
	if err != nil {
		t.Fatal(err)
	}
	list, err := in.store.Deliveries(ctx, a.ID, side, hooks[0].ID, models.Page{})
	if err != nil || len(list.Items) == 0 {
		t.Fatalf("no deliveries: %v", err)
	}
	return [2]string{hooks[0].ID.String(), list.Items[0].ID.String()}
}

// alertOf is an alert of somebody's.
func alertOf(t testing.TB, in *instance, a models.Account, side models.Side, now time.Time) string {
	t.Helper()
	alerts, err := in.store.Alerts(t.Context(), a.ID, side)
	if err == nil && len(alerts) == 0 {
		err = in.store.CreateAlert(t.Context(), storetest.Actor(a), side, models.NewAlert{Kind: models.AlertQuota, Levels: []int64{80}, Mail: true}, now)
		if err == nil {
			alerts, err = in.store.Alerts(t.Context(), a.ID, side)
		}
	}
	if err != nil || len(alerts) == 0 {
		t.Fatalf("no alerts: %v", err)
	}
	return alerts[0].ID.String()
}

// keepReceipt writes a receipt as the gateway does, and returns the id of its request.
func keepReceipt(t testing.TB, ring *receipt.Ring, r models.Receipt) string {
	t.Helper()
	place, ok := ring.Refusal(r.KeyID, 0)
	if !ok {
		t.Fatal("the key has left too many receipts")
	}
	var id [16]byte
	ring.Name(place, r.At.Unix(), &id)
	ring.Write(place, &r)
	return hex.EncodeToString(id[:])
}

// keepEntries writes a page of entries of the developer's key, the last of them of a request with a receipt.
func keepEntries(t testing.TB, log *requestlog.Log, made storetest.Seeded, last string) {
	t.Helper()
	for i := 59; i >= 0; i-- {
		e := seededEntry(log, made, made.Now.Add(-time.Duration(i)*time.Second), uint64(i))
		if i == 0 {
			if _, err := hex.Decode(e.ID[:], []byte(last)); err != nil {
				t.Fatal(err)
			}
			e.Receipt.Outcome, e.Receipt.Problem, e.Receipt.Status = models.OutcomeDenied, "key-disabled", http.StatusForbidden
		}
		if err := log.Keep(&e); err != nil {
			t.Fatal(err)
		}
	}
}

// seededEntry is a request of the developer's busiest key, as the gateway would have kept it.
func seededEntry(log *requestlog.Log, made storetest.Seeded, at time.Time, number uint64) requestlog.Entry {
	e := requestlog.Entry{
		Verb: http.MethodGet, Prefix: "/" + made.APISlug + "/prod", Path: "/orders/" + strconv.FormatUint(number%10_000, 10), Query: "limit=20", Peer: "192.0.2.7:4711",
		Total: 43 * time.Millisecond, Gateway: time.Millisecond,
		Receipt: models.Receipt{At: at, KeyID: made.Key, AppID: made.App, PlanID: made.Plan, PlanVersion: 1, APIID: made.API, StageID: made.Stage, MethodID: made.Method, Method: "GET /orders",
			Outcome: models.OutcomeSuccess, Status: http.StatusOK, Latency: 40 * time.Millisecond, BytesOut: 1234},
		Request:  requestlog.AppendHeaders(nil, http.Header{"Accept": {"application/json"}, "User-Agent": {"orders/1.4"}, "X-Api-Key": {"hidden"}}),
		Response: requestlog.AppendHeaders(nil, http.Header{"Content-Type": {"application/json"}, "X-Ratelimit-Limit": {"10000"}}),
	}
	log.Names().Write(requestid.ID{Part: requestid.None, Second: uint32(at.Unix()), Number: number}, &e.ID)
	return e
}

func (p *portal) signIn(t testing.TB, reader string) {
	t.Helper()
	form := url.Values{"email": {reader}, "password": {p.Password}}
	r := httptest.NewRequest(http.MethodPost, p.in.config.publicURL+"/signin", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	w := httptest.NewRecorder()
	p.in.portal.Handler.ServeHTTP(w, r)
	cookies := w.Result().Cookies()
	if w.Code != http.StatusSeeOther || len(cookies) == 0 {
		t.Fatalf("%s could not sign in: %d", reader, w.Code)
	}
	p.cookies[reader] = cookies[0].Name + "=" + cookies[0].Value
}

// get asks for a page. A live page is left as soon as it begins.
func (p *portal) get(reader, path string) *answer {
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	r := httptest.NewRequest(http.MethodGet, p.in.config.publicURL+path, nil).WithContext(ctx)
	if cookie := p.cookies[reader]; cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	w := &answer{ResponseRecorder: httptest.NewRecorder(), leave: leave}
	p.in.portal.Handler.ServeHTTP(w, r)
	return w
}

// answer records a page, and leaves streams.
type answer struct {
	*httptest.ResponseRecorder
	leave func()
}

// Flush is called when a stream has begun.
func (a *answer) Flush() {
	a.ResponseRecorder.Flush()
	a.leave()
}

// page is a page of the list of routes, with its ids filled in.
type page struct {
	route, reader, path string
	status              int // that it answers
}

var (
	routePattern = regexp.MustCompile(`\bg\.(?:get|form)\("([^"]+)"`)
	placePattern = regexp.MustCompile(`:[a-z]+`)
)

// pages are all pages in web/routes.go, each for whom it is. A new one is among them by itself, unless its path has a place of a new kind.
func (p *portal) pages(t testing.TB) []page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("web", "routes.go"))
	if err != nil {
		t.Fatal(err)
	}
	var out []page
	for _, match := range routePattern.FindAllStringSubmatch(string(text), -1) {
		out = append(out, p.page(t, match[1]))
	}
	if len(out) < 50 {
		t.Fatalf("found only %d pages in web/routes.go: have its routes another form now?", len(out))
	}
	return out
}

func (p *portal) page(t testing.TB, route string) page {
	t.Helper()
	one := page{route: route, reader: developer, status: http.StatusOK}
	switch {
	case strings.HasPrefix(route, "/owner"):
		one.reader = owner
	case strings.HasPrefix(route, "/admin"):
		one.reader = admin
	case route == "/", route == "/search", route == "/signin", route == "/join", route == "/forgot", strings.HasPrefix(route, "/problems"), route == "/llms.txt", strings.HasPrefix(route, "/apis") && !strings.HasSuffix(route, "/subscribe") && !strings.HasSuffix(route, "/ask"), strings.HasSuffix(route, "/:token"):
		one.reader = visitor
	}
	places := p.places(one.reader)
	switch route { // pages of a thing in a certain state
	case "/owner/plans/:plan/publish":
		places[":plan"] = p.NewPlan.String()
	case "/owner/plans/:plan/rehearsal/:run":
		one.status = http.StatusSeeOther // it is over: back to the editor
	case "/owner/plans/:plan/delete":
		places[":plan"] = p.DraftPlan.String()
	case "/owner/imports/:import/report":
		one.status = http.StatusNotFound // it was imported at once
	case "/apis/:slug/ask":
		one.status = http.StatusNotFound // no plan there has a waiting list
	case "/invite/:token":
		places[":token"] = p.InviteToken
	case "/reset/:token":
		places[":token"] = p.ResetToken
	case "/verify/:token", "/unsubscribe/:token":
		places[":token"], one.status = "x", http.StatusNotFound // it was not made here
	case "/setup/:token":
		places[":token"], one.status = "x", http.StatusNotFound // somebody has an account
	}
	one.path = placePattern.ReplaceAllStringFunc(route, func(place string) string {
		value := places[place]
		if value == "" {
			t.Fatalf("what does %s stand for in the route %s? Say it in places.", place, route)
		}
		return value
	})
	switch route {
	case "/owner/keys/:key/move":
		one.path += "?from=" + p.Plan.String()
	case "/owner/customers/of":
		one.path += "?id=cus_000000"
	}
	return one
}

// places say what a route's places stand for.
func (p *portal) places(reader string) map[string]string {
	m := map[string]string{
		":slug": p.APISlug, ":name": enforcement.Problems()[0].Slug, ":api": p.API.String(), ":stage": p.Stage.String(), ":deployment": p.Deployment.String(), ":plan": p.Plan.String(),
		":run": "0123456789", ":app": p.App.String(), ":key": p.Key.String(), ":subscription": p.Subscription.String(), ":account": p.Developer.ID.String(),
		":guide": p.Guide.String(), ":request": p.request, ":notice": p.notice.String(), ":deprecation": p.deprecation.String(), ":domain": p.domain.String(), ":entry": p.entry.String(), ":import": p.Import.String(), ":op": "operation0", ":model": "Order", ":item": "brought", ":certificate": p.certificate.String(), ":accesskey": p.accessKey, ":authorizer": p.authorizer.String(),
	}
	if reader == visitor {
		m[":guide"] = "first-call"
	}
	if reader == owner {
		m[":key"] = p.CustomerKey.String()
	}
	m[":alert"] = p.alerts[reader]
	m[":webhook"], m[":message"] = p.hooks[reader][0], p.hooks[reader][1]
	if reader == admin {
		m[":message"] = p.mail
	}
	return m
}

// about reports whether the page is about one thing, which strangers must not see.
func (g page) about() bool {
	return g.reader != visitor && placePattern.MatchString(g.route) && !strings.HasPrefix(g.route, "/apis/")
}

// TestEveryPageOfAGrownPortal asks for every page of a portal in which each list is longer than a page shows, and weighs what it gets.
func TestEveryPageOfAGrownPortal(t *testing.T) {
	folder := t.TempDir()
	made := seedFolder(t, folder, storetest.Few())
	asked := &statements{seen: map[string]bool{}}
	p := openPortalOnce(t, folder, made, slog.New(asked))
	t.Cleanup(func() { p.close(t) })
	t.Run("answers whom it is for and nobody else", func(t *testing.T) { everyPageAnswers(t, p) })
	t.Run("reads no table that grows from end to end", func(t *testing.T) { readNoTableThatGrows(t, p, asked, folder) })
}

func everyPageAnswers(t *testing.T, p *portal) {
	for _, g := range p.pages(t) {
		t.Run(strings.ReplaceAll(g.route, "/", "·"), func(t *testing.T) {
			want := func(reader string, status int) {
				t.Helper()
				w := p.get(reader, g.path)
				if w.Code != status {
					t.Errorf("GET %s answers %q %d, want %d", g.path, reader, w.Code, status)
				}
				if kind := w.Header().Get("Content-Type"); w.Code == http.StatusOK && !strings.HasPrefix(kind, "text/") && !strings.Contains(g.route, "/openapi.") && !strings.HasSuffix(g.route, "/data") && !strings.HasSuffix(g.route, ".json") && !strings.HasSuffix(g.route, "/diff/document") && kind != "application/atom+xml; charset=utf-8" {
					t.Errorf("GET %s answers %q with %s", g.path, reader, kind)
				}
			}
			want(g.reader, g.status)
			if g.reader == visitor {
				return
			}
			want(visitor, http.StatusSeeOther)
			switch {
			case g.reader == developer && g.about():
				want(strangerDeveloper, http.StatusNotFound)
				want(admin, http.StatusNotFound) // not even an administrator
			case g.reader == owner && g.about():
				want(strangerOwner, http.StatusNotFound)
				want(admin, http.StatusNotFound)
				want(developer, http.StatusNotFound)
			case g.reader == owner:
				want(developer, http.StatusNotFound)
			case g.reader == admin:
				want(owner, http.StatusNotFound)
				want(developer, http.StatusNotFound)
			}
		})
	}
}

// variant is a page with something in its query.
func (p *portal) variant(reader, path string, query ...string) page {
	q := url.Values{}
	for i := 0; i < len(query); i += 2 {
		q.Set(query[i], query[i+1])
	}
	return page{route: path + "?" + q.Encode(), reader: reader, path: path + "?" + q.Encode(), status: http.StatusOK}
}

// variants are lists searched, filtered and far from their beginning, and usage of all kinds over all ranges.
func (p *portal) variants() []page {
	var out []page
	add := func(reader, path string, query ...string) { out = append(out, p.variant(reader, path, query...)) }
	deep := strconv.FormatInt(p.Now.Add(-time.Hour*36).UnixMilli(), 36) + ".0"
	list := func(reader, path string, searches ...string) {
		add(reader, path, "after", deep)
		for _, q := range searches {
			add(reader, path, "q", q)
			add(reader, path, "q", q, "after", deep)
		}
	}
	out = append(out, page{route: "/requests/:request of a customer", reader: owner, path: "/requests/" + p.request, status: http.StatusOK})
	out = append(out, page{route: "/owner/keys/:key of a developer", reader: owner, path: "/owner/keys/" + p.Key.String(), status: http.StatusOK})
	add(visitor, "/apis", "q", "orders")
	add(visitor, "/apis", "after", "api-0001")
	list(developer, "/apps", "App 0000", "zebra")
	list(developer, "/keys", "production-0000", "zebra", p.Key.String())
	list(owner, "/owner/apis", "orders api 000", "zebra")
	list(owner, "/owner/plans", "free 00", "zebra")
	list(owner, "/owner/keys", "customer-00000", "customer", "cus_0000", "zebra", p.CustomerKey.String())
	list(owner, "/owner/subscriptions", "App 0000", "person-0000", "free", "zebra")
	list(owner, fmt.Sprintf("/owner/plans/%s/usage", p.Plan), "customer-00000", "zebra")
	list(owner, "/owner/audit")
	for _, one := range [][]string{{"path", "nowhere"}, {"status", "5xx"}, {"outcome", "throttled"}, {"range", "1h"}, {"key", p.Key.String()}} {
		add(developer, "/log", one...)
		add(owner, "/owner/log", one...)
	}
	list(admin, "/admin/audit")
	list(admin, "/admin/accounts", "person-0000", "zebra")
	list(admin, "/admin/invitations", "guest-00")
	for _, state := range []models.PlanState{models.PlanDraft, models.PlanPublished, models.PlanRetired} {
		add(owner, "/owner/plans", "state", string(state))
	}
	for _, state := range []models.KeyStatus{models.KeyActive, models.KeyDisabled, models.KeyExpired, models.KeyRevoked} {
		add(owner, "/owner/keys", "status", string(state))
		add(owner, "/owner/keys", "status", string(state), "plan", p.Plan.String())
	}
	for _, state := range []models.SubscriptionState{models.SubscriptionPending, models.SubscriptionActive, models.SubscriptionSuspended, models.SubscriptionRefused, models.SubscriptionEnded} {
		add(owner, "/owner/subscriptions", "state", string(state))
		add(owner, "/owner/subscriptions", "state", string(state), "plan", p.Plan.String())
	}
	for _, reader := range []string{owner, admin} {
		path := "/" + strings.TrimSuffix(reader, "@example.com") + "/audit"
		add(reader, path, "actor", "person-0000")
		add(reader, path, "action", "key.")
		add(reader, path, "action", "plan.retire")
		add(reader, path, "object", p.Plan.String())
		add(reader, path, "credential", p.accessKey)
		add(reader, path, "from", p.Now.AddDate(0, 0, -2).Format(time.DateOnly), "to", p.Now.AddDate(0, 0, -1).Format(time.DateOnly))
		add(reader, path, "actor", "zebra", "action", "key.", "from", p.Now.AddDate(0, 0, -2).Format(time.DateOnly))
	}
	for _, span := range []string{"1h", "24h", "7d", "30d", "90d"} {
		add(developer, "/usage", "range", span)
		add(developer, "/usage", "range", span, "key", p.Key.String())
		add(developer, "/usage", "range", span, "app", p.App.String())
		add(owner, "/owner/analytics", "range", span)
		add(owner, "/owner/analytics", "range", span, "plan", p.Plan.String(), "api", p.API.String())
		add(owner, "/owner/usage", "range", span)
		add(owner, "/owner/usage", "range", span, "plan", p.Plan.String())
		add(owner, "/owner/usage", "range", span, "key", p.CustomerKey.String())
		add(owner, "/owner/usage", "range", span, "api", p.API.String())
		add(owner, "/owner/usage", "range", span, "stage", p.Stage.String(), "method", p.Method.String())
	}
	return out
}
