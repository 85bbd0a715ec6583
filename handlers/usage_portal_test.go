package handlers_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

func TestUsageShowsFiguresOfTheScopeAlone(t *testing.T) {
	p := openDeveloperPortal(t)
	acme, batch := p.subscribe(p.growth, "Acme"), p.subscribe(p.free, "Batch")
	p.used[acme.Key.ID], p.used[batch.Key.ID] = 642_000, 12
	p.record(acme.Key.ID, p.growth, 1_000, models.OutcomeSuccess)
	p.record(batch.Key.ID, p.free, 7, models.OutcomeSuccess)
	b := p.signedIn("developer@example.com")
	b.get("/usage").says(t, "1,007", "Acme key", "Batch key", "642,000 / 1,000,000", `hx-sse:connect="/usage/live?range=24h"`)
	got := b.get("/usage?key=" + batch.Key.ID.String() + "&range=7d")
	got.says(t, "Batch key, the last 7 days", "12 / 10,000", "Free")
	got.hasNot(t, "642,000")
	b.get("/usage?app="+acme.App.ID.String()+"&range=90d").says(t, "Acme, the last 90 days")
	if got := b.get("/usage?of=key-" + batch.Key.ID.String() + "&range=7d"); got.location != "/usage?key="+batch.Key.ID.String()+"&range=7d" {
		t.Errorf("choosing a key leads to %q", got.location)
	}
}

func TestUsageNamesTheProblemAndTheWayOut(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.free, "Acme")
	p.used[made.Key.ID] = 50
	p.record(made.Key.ID, p.free, 41, models.OutcomeThrottled)
	b := p.signedIn("developer@example.com")
	b.get("/usage?range=1h").says(t, "Throttled between 12:00 and 12:01: 41 requests came faster than the rate and burst allow.",
		"/subscriptions/"+made.Subscription.ID.String()+"/change")
}

func TestUsageWaitsForTheFirstCallWithCode(t *testing.T) {
	p := openDeveloperPortal(t)
	b := p.signedIn("developer@example.com")
	b.get("/usage").says(t, "Nothing to show yet", "/apis")
	made := p.subscribe(p.free, "Acme")
	got := b.get("/usage")
	got.says(t, "Waiting for the first call", "https://gateway.example.com/echo/prod/get", "$ECHO_KEY", "/keys/"+made.Key.ID.String())
	p.record(made.Key.ID, p.free, 1, models.OutcomeSuccess)
	b.get("/usage").hasNot(t, "Waiting for the first call")
}

func TestUsageCanBePaused(t *testing.T) {
	p := openDeveloperPortal(t)
	p.subscribe(p.free, "Acme")
	b := p.signedIn("developer@example.com")
	b.get("/usage?range=1h").says(t, "/usage?range=1h&amp;live=off", "hx-sse:connect")
	got := b.get("/usage?range=1h&live=off")
	got.says(t, "Paused")
	got.hasNot(t, "hx-sse:connect")
}

// TestLiveUsageEndsWithTheBrowser: a stream that is left must not go on, and what it sends must be the parts of the page.
func TestLiveUsageEndsWithTheBrowser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := openDeveloperPortal(t)
		p.subscribe(p.free, "Acme")
		b := p.signedIn("developer@example.com")
		ctx, leave := context.WithCancel(t.Context())
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/usage/live?range=1h", nil)
		r.Header.Set("Cookie", b.cookie)
		w := httptest.NewRecorder()
		left := make(chan struct{})
		go func() {
			p.handler.ServeHTTP(w, r)
			close(left)
		}()
		time.Sleep(11 * time.Second) // of the test's clock
		leave()
		<-left
		if kind := w.Header().Get("Content-Type"); kind != "text/event-stream" {
			t.Fatalf("the stream is %q", kind)
		}
		if n := strings.Count(w.Body.String(), "data: "); n != 2 {
			t.Errorf("%d messages in 11 seconds, want one in 5", n)
		}
		for _, target := range []string{"#usage-tiles", "#usage-requests", "#problem", "#waiting", "#quotas", "#breakdowns"} {
			if !strings.Contains(w.Body.String(), `hx-target="`+target+`"`) {
				t.Errorf("no message replaces %s", target)
			}
		}
	})
}

func TestAppsListShowsPlansAndCalls(t *testing.T) {
	p := openDeveloperPortal(t)
	b := p.signedIn("developer@example.com")
	b.get("/apps").says(t, "No apps yet")
	got := b.post("/apps", "name", "")
	if got.status != http.StatusUnprocessableEntity {
		t.Fatalf("an app without a name: %d", got.status)
	}
	got.says(t, "Enter a name.")
	got = b.post("/apps", "name", "Acme")
	b.get(got.location).says(t, "Acme is there. Subscribe it to a plan to get a key.", "This app is on no plan")
	made := p.subscribe(p.growth, "Batch")
	p.record(made.Key.ID, p.growth, 1_204, models.OutcomeSuccess)
	b.get("/apps").says(t, "Acme", "Batch", "Growth", "1,204")
	b.get("/apps?q=Ba").hasNot(t, "Acme")
	b.get("/apps?q=zz").says(t, "No app is called that")
	ok(t, p.store.RevokeKey(t.Context(), storetest.Actor(p.developer), made.Key.ID, p.clock))
	b.get("/apps").says(t, "0 keys")
}

func TestUsageOfOneMethodLeadsBackToAll(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.free, "Acme")
	method := p.meter(made.Key.ID, p.free, 5, models.OutcomeSuccess)
	b := p.signedIn("developer@example.com")
	b.get("/usage").says(t, "/usage?method="+method.String()+"&amp;range=24h")
	b.get("/usage?method="+method.String()).says(t, "Only POST /post", `href="/usage?range=24h"`)
	if got := b.get("/usage?method=x"); got.status != http.StatusNotFound {
		t.Errorf("a method that is none: %d", got.status)
	}
}

// TestUsageIsDownloadedAsItIsShown: the columns' names are promised, and a name that a spreadsheet would run is text.
func TestUsageIsDownloadedAsItIsShown(t *testing.T) {
	p := openDeveloperPortal(t)
	acme := p.subscribe(p.growth, "Acme")
	p.record(acme.Key.ID, p.growth, 41, models.OutcomeSuccess)
	ok(t, p.store.RenameKey(t.Context(), storetest.Actor(p.developer), acme.Key.ID, "=HYPERLINK(1)", p.clock))
	b := p.signedIn("developer@example.com")
	series := b.get("/usage.csv?range=1h").body
	lines := strings.Split(strings.TrimSpace(series), "\n")
	if want := "from,to,requests,open,success,redirect,client_error,server_error,upstream_failed,aborted,throttled,over_quota,denied,bytes_in,bytes_out,throttled_seconds,p50_ms,p95_ms,p99_ms,upstream_mean_ms,gateway_mean_ms"; strings.TrimSpace(lines[0]) != want {
		t.Errorf("columns are\n%s, want\n%s", lines[0], want)
	}
	if len(lines) != 61 || !strings.Contains(series, ",41,0,41,") {
		t.Errorf("%d lines of an hour: %s", len(lines), series)
	}
	if got := b.get("/usage.csv?range=1h&part=key").body; !strings.Contains(got, ",'=HYPERLINK(1),") {
		t.Errorf("a name that is a formula: %s", got)
	}
	b.get("/usage.json?range=1h&plan="+p.growth.ID.String()).says(t, `"by_method"`, `"requests": 41`, `"upstream_mean_ms": null`)
	for _, path := range []string{"/usage.csv?part=x", "/usage.csv?key=x", "/usage.json?plan=" + p.free.ID.String()} {
		if got := b.get(path); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.status)
		}
	}
}

// TestUsageIsNarrowedAndCompared: every control is in the URL.
func TestUsageIsNarrowedAndCompared(t *testing.T) {
	p := openDeveloperPortal(t)
	acme, batch := p.subscribe(p.growth, "Acme"), p.subscribe(p.free, "Batch")
	p.record(acme.Key.ID, p.growth, 1_000, models.OutcomeSuccess)
	p.record(batch.Key.ID, p.free, 7, models.OutcomeSuccess)
	p.used[acme.Key.ID], p.used[batch.Key.ID] = 1_000, 7
	b := p.signedIn("developer@example.com")
	b.get("/usage").says(t, "By plan", "plan="+p.free.ID.String()+"&amp;range=24h", "When calls come", "Busiest: Mon 12:00 with 1,007", "Requests per second", "/usage.csv?range=24h", `name="from"`)
	got := b.get("/usage?plan=" + p.free.ID.String() + "&compare=on")
	got.says(t, "All keys, plan Free", "Compared with before", "/usage?plan="+p.free.ID.String()+"&amp;range=24h", "Batch key")
	got.hasNot(t, "1,007")
	b.get("/usage?api=echo&from=2026-03-02T11:00&to=2026-03-02T13:00").says(t, "the 2 hours from 2 Mar 2026, 11:00")
	if got := b.get("/usage?api=nothing"); got.status != http.StatusNotFound {
		t.Errorf("an API that is not there: %d", got.status)
	}
}
