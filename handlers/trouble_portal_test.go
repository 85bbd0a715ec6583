package handlers_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/enforcement"
	"gatehouse/enforcement/journal"
	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// flaky is a store that the gateway cannot reach while something is away.
type flaky struct {
	*store.Store
	changes, ledger error
}

func (f *flaky) ChangesSince(ctx context.Context, version int64) ([]models.Change, error) {
	if f.changes != nil {
		return nil, f.changes
	}
	return f.Store.ChangesSince(ctx, version)
}

func (f *flaky) Exchange(ctx context.Context, asks []models.QuotaAsk) ([]models.QuotaGrant, error) {
	if f.ledger != nil {
		return nil, f.ledger
	}
	return f.Store.Exchange(ctx, asks)
}

func (f *flaky) CommitUsage(ctx context.Context, b models.UsageBatch) error {
	if f.ledger != nil {
		return f.ledger
	}
	return f.Store.CommitUsage(ctx, b)
}

// openTroubled is a portal with a real gateway over records that the test takes away, and a function that calls with a key of the developer.
func openTroubled(t *testing.T) (p *developerPortal, records *flaky, g *enforcement.Gateway, call func() string) {
	t.Helper()
	p = openDeveloperPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	terms := models.NewTerms("Wide")
	terms.Quota, terms.Stages = &limit.Quota{Limit: 1_000_000, Period: limit.PeriodDay}, []models.PlanStage{{StageID: p.prod.ID}}
	wide, err := p.store.CreatePlan(t.Context(), storetest.Actor(p.owner), terms, p.clock)
	ok(t, err)
	wide, err = p.store.PublishPlan(t.Context(), storetest.Actor(p.owner), wide.ID, p.clock)
	ok(t, err)
	_, value, err := p.store.Subscribe(t.Context(), storetest.Actor(p.developer), models.NewSubscription{PlanID: wide.ID, AppName: "Acme", KeyName: "k"}, p.clock)
	ok(t, err)
	j, err := journal.Open(journal.Config{Dir: filepath.Join(t.TempDir(), "journal"), SegmentSize: 64 << 10, Most: 3 * 64 << 10, Log: slog.New(slog.DiscardHandler)})
	ok(t, err)
	t.Cleanup(func() { ok(t, j.Close()) })
	records = &flaky{Store: p.store}
	g = enforcement.New(enforcement.Config{Source: records, Ledger: records, Books: records, Journal: j, Keyring: p.ring, Log: slog.New(slog.DiscardHandler)})
	p.site.Gateway = g
	return p, records, g, func() string { return g.Admit("echo", "prod", "GET", "/get", value.Reveal()) }
}

var errGone = errors.New("the database is away")

// DECISIONS 61: what the gateway refuses is said on every page of those who can do something about it, as long as it does.
func TestPagesSayWhatTheGatewayRefuses(t *testing.T) {
	p, records, g, call := openTroubled(t)
	developer, owner, admin := p.signedIn("developer@example.com"), p.signedIn("owner@example.com"), p.signedIn("admin@example.com")
	const alert, status = `class="banner bad" role="alert"`, `class="banner warn" role="status"`
	saysNothing := func() {
		t.Helper()
		for _, b := range []*browser{developer, owner, admin} {
			b.get("/home").hasNot(t, `class="banner`)
		}
	}
	says := func(title, text, operator, toDeveloper, link string) {
		t.Helper()
		for _, path := range []string{"/owner", "/home", "/me", "/nothing-here"} {
			owner.get(path).says(t, alert, title, text, "Tell your administrator", link)
			admin.get(path).says(t, alert, title, text, operator, link)
		}
		admin.get("/admin/accounts").says(t, alert, operator)
		for _, path := range []string{"/home", "/keys", "/apps", "/usage"} {
			if toDeveloper == "" {
				developer.get(path).hasNot(t, `class="banner`)
				continue
			}
			got := developer.get(path)
			got.says(t, status, title, toDeveloper, link)
			got.hasNot(t, operator)
		}
		developer.get("/me").hasNot(t, `class="banner`)
		p.visitor().get("/signin").hasNot(t, `class="banner`)
	}

	says("The gateway is not ready.", "refused with 503 not-ready", "server's log", "Your calls get 503 not-ready", "/problems/not-ready")
	ok(t, g.Load(t.Context()))
	saysNothing()

	records.changes = errGone
	if g.CatchUp(t.Context()) == nil {
		t.Fatal("the gateway learned of changes")
	}
	says("The gateway does not learn of changes.", "does not hold yet", "server's log", "", "")
	records.changes = nil
	ok(t, g.CatchUp(t.Context()))
	saysNothing()

	records.ledger = errGone
	if got := call(); got != "ledger-away" {
		t.Fatalf("the call: %q", got)
	}
	says("The database of quotas cannot be written.", "503 ledger-away", "free space", "Calls can get 503 ledger-away", "/problems/ledger-away")
	records.ledger = nil
	if got := call(); got != "" {
		t.Fatalf("the call: %q", got)
	}
	saysNothing()

	records.ledger = errGone // the key has rights in hand, but usage is not committed
	for i := 0; g.Trouble() != "journal-full"; i++ {
		if got := call(); got == "ledger-away" {
			records.ledger = nil
		} else if i > 100_000 {
			t.Fatalf("the journal takes everything; the call: %q, the trouble: %q", got, g.Trouble())
		}
	}
	says("The gateway cannot write down what it admits.", "503 journal-full", "free space", "Calls can get 503 journal-full", "/problems/journal-full")
	records.ledger = nil
	ok(t, g.Commit(t.Context()))
	for deadline := time.Now().Add(time.Minute); g.Trouble() != ""; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the trouble does not end: %v", g.Ready())
		}
	}
	saysNothing()

	g.Leave()
	says("The server is being stopped.", "refused with 503 not-ready", "Nothing that is counted is lost", "New calls get 503 not-ready", "")
}

// A full disk is when people have to see pages: what only notes that they are here is left out then.
func TestPagesAreShownWhereNothingCanBeWritten(t *testing.T) {
	p := openDeveloperPortal(t)
	b := p.signedIn("developer@example.com")
	p.site.Accounts = readOnly{p.store}
	p.clock = p.clock.Add(time.Hour)
	if got := b.get("/home"); got.status != http.StatusOK || !strings.Contains(got.body, "</html>") {
		t.Errorf("status %d", got.status)
	}
}

// readOnly is a store that cannot note who is here.
type readOnly struct{ *store.Store }

func (readOnly) MarkSeen(context.Context, models.AccountID, time.Time) error { return errGone }
