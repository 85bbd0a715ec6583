package handlers_test

import (
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/enforcement/requestid"
	"gatehouse/enforcement/requestlog"
	"gatehouse/handlers"
	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/secret"
	"gatehouse/models/store/storetest"
	"gatehouse/static"
	"gatehouse/web"
)

// logPortal is a portal with a real request log and two APIs of two owners.
type logPortal struct {
	*developerPortal
	log *requestlog.Log
	n   uint64
}

func openLogPortal(t *testing.T) *logPortal {
	t.Helper()
	p := &logPortal{developerPortal: openDeveloperPortal(t)}
	var err error
	p.log, err = requestlog.Open(requestlog.Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return p.clock }})
	ok(t, err)
	t.Cleanup(func() { ok(t, p.log.Close()) })
	s := p.store
	p.handler = web.Handler(p.site, web.Pages{
		SignIn: &handlers.SignIn{Store: s, Passwords: secret.NewQuickHasher(), Throttle: handlers.NewThrottle(p.clock)},
		Logs:   &handlers.Logs{Store: s, Log: p.log, Docs: problemDocs()}, Receipts: &handlers.Receipts{Store: s, Kept: p.kept, Log: p.log, Docs: problemDocs()},
		Admin: &handlers.Admin{Store: s, Log: p.log},
	}, static.Handler())
	return p
}

// call keeps a request of a key, some time before now, and returns its id.
func (p *logPortal) call(made models.Subscribed, plan models.Plan, ago time.Duration, path string, change func(*requestlog.Entry)) string {
	p.t.Helper()
	p.n++
	e := requestlog.Entry{
		Verb: "GET", Prefix: "/echo/prod", Path: path, Peer: "192.0.2.7:4711", Total: 43 * time.Millisecond, Gateway: time.Millisecond,
		Receipt: p.refusal(made, plan, func(r *models.Receipt) {
			r.At, r.Outcome, r.Status, r.Latency, r.BytesOut = p.clock.Add(-ago), models.OutcomeSuccess, 200, 30*time.Millisecond, 3456
		}),
		Request: requestlog.AppendHeaders(nil, http.Header{"Accept-Language": {"de"}, "X-Api-Key": {"gwk1abcdefghijklmnopqrstuvwxyzabcdef123456"}}), Response: requestlog.AppendHeaders(nil, http.Header{"Content-Type": {"text/plain"}}),
		KeyHeader: "x-api-key", Secret: "gwk1abcdefghijklmnopqrstuvwxyzabcdef123456",
	}
	if change != nil {
		change(&e)
	}
	p.log.Names().Write(requestid.ID{Part: requestid.None, Second: uint32(e.Receipt.At.Unix()), Number: p.n}, &e.ID)
	ok(p.t, p.log.Keep(&e))
	return fmt.Sprintf("%x", e.ID)
}

func (p *logPortal) other(email string) (models.Account, models.Subscribed) {
	p.t.Helper()
	a := p.account(models.RoleDeveloper, email)
	made, _, err := p.store.Subscribe(p.t.Context(), storetest.Actor(a), models.NewSubscription{PlanID: p.free.ID, AppName: "Other"}, p.clock)
	ok(p.t, err)
	return a, made
}

// A stranger's request is nowhere: not in a list, not by its id, not by a filter that names it (R9).
func TestRequestLogShowsNobodyWhatIsNotTheirs(t *testing.T) {
	p := openLogPortal(t)
	mine := p.subscribe(p.free, "Acme")
	_, theirs := p.other("other@example.com")
	p.account(models.RoleOwner, "rival@example.com")
	p.account(models.RoleAdmin, "admin@example.com")
	own, others := p.call(mine, p.free, time.Minute, "/mine", nil), p.call(theirs, p.free, time.Minute, "/theirs", nil)
	keyless := p.call(mine, p.free, time.Minute, "/nobody", func(e *requestlog.Entry) {
		e.Receipt.KeyID, e.Receipt.AppID, e.Receipt.PlanID, e.Receipt.Status, e.Receipt.Outcome, e.Receipt.Problem = 0, 0, 0, 403, models.OutcomeDenied, "key-missing"
	})
	b := p.signedIn("developer@example.com")
	got := b.get("/log")
	got.has(t, "/echo/prod/mine", "/requests/"+own)
	got.hasNot(t, "/theirs", others, "/nobody", keyless)
	for _, path := range []string{"/log?key=" + theirs.Key.ID.String(), "/requests/" + others, "/requests/" + keyless, "/log?plan=" + p.growth.ID.String(), "/log?app=" + theirs.App.ID.String(), "/log?app=" + mine.App.ID.String() + "&app=" + theirs.App.ID.String(), "/log?customer=" + mine.App.ID.String(), "/owner/log"} {
		if got := b.get(path); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	owner := p.signedIn("owner@example.com")
	owner.get("/owner/log").has(t, "/mine", "/theirs", "/nobody", "none known", "/owner/keys/"+mine.Key.ID.String())
	owner.get("/requests/"+keyless).has(t, "none that is known", "/echo/prod/nobody")
	owner.get("/log").has(t, "No requests yet")
	p.signedIn("admin@example.com").get("/owner/log").has(t, "No requests yet", "Create an API first.", `href="/owner/apis/new"`)
	for _, who := range []string{"rival", "admin"} {
		b := p.signedIn(who + "@example.com")
		got := b.get("/owner/log?key=" + mine.Key.ID.String())
		got.has(t, "No request fits")
		got.hasNot(t, own, "/mine", "Acme")
		for _, path := range []string{"/requests/" + own, "/requests/" + keyless, "/owner/log?api=echo", "/owner/log?plan=" + p.free.ID.String(), "/log?key=" + mine.Key.ID.String()} {
			if got := b.get(path); got.status != http.StatusNotFound {
				t.Errorf("%s for %s: %d", path, who, got.status)
			}
		}
	}
	if got := p.visitor().get("/log"); got.status != http.StatusSeeOther {
		t.Errorf("a visitor: %d", got.status)
	}
}

// Every filter is in the URL, and takes itself away.
func TestRequestLogIsNarrowedByItsURL(t *testing.T) {
	p := openLogPortal(t)
	made := p.subscribe(p.free, "Acme")
	p.call(made, p.free, 26*time.Hour, "/old", nil)
	p.call(made, p.free, 30*time.Minute, "/post", func(e *requestlog.Entry) { e.Verb = "POST" })
	p.call(made, p.free, time.Minute, "/fast", func(e *requestlog.Entry) {
		e.Receipt.Outcome, e.Receipt.Status, e.Receipt.Problem, e.Receipt.Layer = models.OutcomeThrottled, 429, "throttled", limit.LayerPlan
	})
	p.call(made, p.free, time.Second, "/new", nil)
	b := p.signedIn("developer@example.com")
	key := made.Key.ID.String()
	moment := func(ago time.Duration) string { return p.clock.Add(-ago).Format(time.RFC3339) }
	tests := []struct {
		query string
		want  string // the paths that are listed
		pill  string
	}{
		{"", "/new /fast /post /old", ""},
		{"?key=" + key, "/new /fast /post /old", "Key: "},
		{"?api=echo", "/new /fast /post /old", "API: echo"},
		{"?api=nowhere", "", "API: nowhere"},
		{"?outcome=throttled", "/fast", "Outcome: Throttled"},
		{"?outcome=throttled,over_quota", "/fast", "Outcome: Throttled or Over quota"},
		{"?status=429", "/fast", "Status: 429"},
		{"?status=2xx", "/new /post /old", "Status: 2xx"},
		{"?method=POST", "/post", "Method: POST"},
		{"?path=FAST", "/fast", "Path contains: FAST"},
		{"?range=1h", "/new /fast /post", "Last 1h"},
		{"?from=" + moment(time.Hour) + "&to=" + moment(2*time.Minute), "/post", "Before "},
		{"?range=1h&status=2xx", "/new /post", "Last 1h"},
	}
	for _, tt := range tests {
		got := b.get("/log" + tt.query)
		var listed []string
		for _, path := range []string{"/new", "/fast", "/post", "/old"} {
			if strings.Contains(got.body, ">/echo/prod"+path+"<") {
				listed = append(listed, path)
			}
		}
		if strings.Join(listed, " ") != tt.want {
			t.Errorf("%q lists %v, want %s", tt.query, listed, tt.want)
		}
		got.has(t, tt.pill)
	}
	b.get("/log?outcome=throttled&status=429").has(t, "/log?status=429", "/log?outcome=throttled", "/log/live?outcome=throttled&amp;status=429", "live=off")
	b.get("/log?status=429&live=off").has(t, "Paused")
	b.get("/log?status=404").has(t, "No request fits", "The log goes back to", "Clear filters")
	for query, want := range map[string]string{"?status=abc": "Enter a status such as 429 or 4xx.", "?outcome=odd": "There is no outcome", "?from=yesterday": "Enter a time such as",
		"?from=" + moment(0) + "&to=" + moment(time.Hour): "The end is not behind the beginning."} {
		if got := b.get("/log" + query); got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", query, got.status)
		} else {
			got.has(t, want)
		}
	}
	if got := b.get("/log?before=x"); got.status == http.StatusInternalServerError || got.status == http.StatusOK {
		t.Errorf("a place that is none: %d", got.status)
	}
}

func TestRequestLogIsPaged(t *testing.T) {
	p := openLogPortal(t)
	made := p.subscribe(p.free, "Acme")
	for i := range 120 {
		p.call(made, p.free, time.Hour-time.Duration(i)*time.Second, fmt.Sprintf("/n%d/", i), nil)
	}
	b := p.signedIn("developer@example.com")
	path, seen := "/log", 119
	for page := range 3 {
		got := b.get(path)
		for range min(50, seen+1) {
			if !strings.Contains(got.body, fmt.Sprintf(">/echo/prod/n%d/<", seen)) {
				t.Fatalf("page %d lacks %d", page, seen)
			}
			seen--
		}
		at := strings.Index(got.body, "/log?before=")
		if page == 2 {
			got.has(t, "The log goes back to", "Previous leads to the newest")
			break
		}
		end := strings.IndexByte(got.body[at:], '"')
		path = got.body[at : at+end]
		p.call(made, p.free, 0, "/later", nil) // moves no page
	}
	if seen != -1 {
		t.Errorf("%d were not seen", seen+1)
	}
}

// What a request's page adds to its receipt, and what it never has: the key.
func TestRequestPageTellsTimingsSizesAndHeadersAndNoKey(t *testing.T) {
	p := openLogPortal(t)
	made := p.subscribe(p.free, "Acme")
	id := p.call(made, p.free, time.Minute, "/users/7", func(e *requestlog.Entry) {
		e.Query, e.Receipt.BytesIn, e.Verb = "city=Berlin&token=hush", 12, "POST"
		e.Request = append(e.Request, requestlog.Header{Name: "User-Agent", Value: "curl/8"})
	})
	got := p.signedIn("developer@example.com").get("/requests/" + id)
	got.has(t, "Let through, and answered 200", "Where the time went", "43 ms", "30 ms", "Gateway", "Upstream", "3.5 kB", "192.0.2.7", "curl/8", "POST /echo/prod/users/7?city=…&token=…",
		"Accept-Language", "not kept", "X-Api-Key", "https://gateway.example.com/echo/prod/users/7?city=&token=", "x-api-key: $ECHO_KEY", "Values of the query are not kept.", "The body of 12 B is not kept.")
	got.hasNot(t, "gwk1abcdefghijklmnopqrstuvwxyzabcdef123456", "Berlin", "hush")
	// The receipt is there before the log has the entry, and says what comes.
	p.kept[receiptID] = p.refusal(made, p.free, throttled(limit.LayerPlan, 50, 100, 2*time.Second, 14*time.Millisecond))
	p.signedIn("developer@example.com").get("/requests/"+receiptID).has(t, "Throttled by the plan's rate", "a moment after the request has ended")
}

func TestAdministratorsChangeWhatTheLogKeeps(t *testing.T) {
	p := openLogPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	b := p.signedIn("admin@example.com")
	b.get("/admin/settings").has(t, "Request log", `value="7"`, `value="100"`, `value="10"`)
	if got := b.post("/admin/settings/log", "log_days", "0", "log_refusals", "x", "log_admissions", "10"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("nonsense: %d", got.status)
	} else {
		got.has(t, "Enter a whole number.", `value="x"`)
	}
	b.post("/admin/settings/log", "log_days", "91", "log_refusals", "1", "log_admissions", "1").has(t, "from 1 to 90")
	if got := b.post("/admin/settings/log", "log_days", "3", "log_refusals", "20", "log_admissions", "0"); got.status != http.StatusSeeOther {
		t.Fatalf("status %d", got.status)
	}
	want := models.LogSettings{Days: 3, Refusals: 20, Admissions: 0}
	if got := p.log.Settings(); got != want {
		t.Errorf("the log keeps %+v", got)
	}
	if s, err := p.store.Settings(t.Context()); err != nil || s.Log != want || s.SignUp != models.SignUpOpen {
		t.Errorf("the store keeps %+v: %v", s, err)
	}
	if p.log.Admission(1, 0) {
		t.Error("an admission is kept, though none shall be")
	}
	if got := p.signedIn("developer@example.com").post("/admin/settings/log", "log_days", "3"); got.status != http.StatusNotFound {
		t.Errorf("a developer: %d", got.status)
	}
}

// Where no log is kept, the pages say so.
func TestRequestLogPageWithoutALog(t *testing.T) {
	p := openLogPortal(t)
	s := p.store
	p.handler = web.Handler(p.site, web.Pages{SignIn: &handlers.SignIn{Store: s, Passwords: secret.NewQuickHasher(), Throttle: handlers.NewThrottle(p.clock)}, Logs: &handlers.Logs{Store: s}}, static.Handler())
	p.signedIn("developer@example.com").get("/log").has(t, "No log is kept")
}

// A bar of a page of usage, the problem and the row of an outcome lead to the requests behind them, where the log still has them and can be narrowed as the
// page is.
func TestUsageLeadsToTheRequestsBehindIt(t *testing.T) {
	p := openLogPortal(t)
	s := p.store
	p.handler = web.Handler(p.site, web.Pages{
		SignIn: &handlers.SignIn{Store: s, Passwords: secret.NewQuickHasher(), Throttle: handlers.NewThrottle(p.clock)},
		Logs:   &handlers.Logs{Store: s, Log: p.log, Docs: problemDocs()},
		Usage:  &handlers.Usage{Store: s, Limits: p.limits, Log: p.log}, OwnerUsage: &handlers.OwnerUsage{Store: s, Log: p.log},
	}, static.Handler())
	made := p.subscribe(p.free, "Acme")
	key, plan := made.Key.ID.String(), p.free.ID.String()
	p.record(made.Key.ID, p.free, 3, models.OutcomeServerError)
	p.record(made.Key.ID, p.free, 2, models.OutcomeThrottled)
	p.call(made, p.free, 0, "/status/503", func(e *requestlog.Entry) { e.Receipt.Outcome, e.Receipt.Status = models.OutcomeServerError, 503 })

	b := p.signedIn("developer@example.com")
	page := b.get("/usage?range=1h")
	page.has(t, "See these requests", `data-narrow="outcome=throttled%2Cover_quota"`)
	matches := func(a answer, pattern string) []string {
		t.Helper()
		m := regexp.MustCompile(pattern).FindStringSubmatch(a.body)
		if m == nil {
			t.Fatalf("nothing is like %s", pattern)
		}
		return m
	}
	matches(page, `<a href="/log\?from=[^"]*&amp;outcome=server_error&amp;to=[^"]*">Server error</a>`)
	minute := strings.ReplaceAll(p.clock.UTC().Truncate(time.Minute).Format(time.RFC3339), ":", "%3A")
	// What a script opens for the segment of an outcome: the bar's link in the table, narrowed.
	segment := func(a answer, log, narrow string) string {
		t.Helper()
		return html.UnescapeString(matches(a, `<th scope="row"><a href="(`+log+`)">`)[1] + "&" + matches(a, `<path class="b5xx" data-narrow="(`+narrow+`)"`)[1])
	}
	const failed = "outcome=server_error%2Cupstream_failed"
	b.get(segment(page, `/log\?from=`+minute+`&amp;to=[^"]*`, failed)).has(t, "/status/503")
	matches(b.get("/usage?range=1h&key="+key), `href="/log\?from=[^"]*&amp;key=`+key+`&amp;outcome=server_error`)
	method := p.meter(made.Key.ID, p.free, 4, models.OutcomeThrottled)
	p.call(made, p.free, 0, "/status/429", func(e *requestlog.Entry) {
		e.Receipt.Outcome, e.Receipt.Status, e.Receipt.MethodID, e.Receipt.StageID = models.OutcomeThrottled, 429, method, p.prod.ID
	})
	for _, scope := range []string{"plan=" + plan, "app=" + made.App.ID.String(), "api=echo", "key=" + key} {
		page := b.get("/usage?range=1h&" + scope)
		for _, link := range []string{matches(page, `<a href="(/log\?[^"]*)">See these requests`)[1], matches(page, `<a href="(/log\?[^"]*operation=[^"]*outcome=throttled[^"]*)">`)[1]} {
			if link = html.UnescapeString(link); !strings.Contains(link, scope) {
				t.Errorf("usage of %s leads to %s", scope, link)
			}
			b.get(link).has(t, "/status/429")
		}
	}
	b.get("/log?operation="+method.String()+"&stage="+p.prod.ID.String()).has(t, "Operation: POST /post", "Stage: Echo API · prod", "/status/429")
	segment(b.get("/usage?range=30d"), `/log\?from=[^"]*`, failed)
	b.get("/usage?range=30d").hasNot(t, ">Server error</a>") // the log does not reach back so far

	o := p.signedIn("owner@example.com")
	b.get("/log?app="+made.App.ID.String()).has(t, "/status/429", "App: Acme")
	ofCustomer := matches(o.get("/owner/usage?range=1h"), `href="/owner/usage\?(customer=[a-z0-9]+)&amp;range=1h">`)[1]
	o.get(segment(o.get("/owner/usage?range=1h&"+ofCustomer), `/owner/log\?`+ofCustomer+`&amp;from=[^"]*`, failed)).has(t, "/status/503", "Customer: ")
	segment(o.get("/owner/usage?range=1h&plan="+plan), `/owner/log\?from=[^"]*&amp;plan=`+plan+`&amp;to=[^"]*`, failed)
}
