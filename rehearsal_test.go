package main

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/enforcement"
	"gatehouse/enforcement/journal"
	"gatehouse/enforcement/recording"
	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/rehearsal"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// theatre is a whole gateway on a clock of the test: records, journal, recording, and an upstream that fails when it is told to.
type theatre struct {
	*testing.T
	folder  string
	clock   atomic.Int64 // Unix nanoseconds; the gateway reads it beside the test
	began   time.Time
	store   *store.Store
	journal *journal.Journal
	records *recording.Recorder
	gateway *enforcement.Gateway
	plan    models.Plan
	key     models.KeyID
	refused int64 // of the requests that were sent
	sent    int64
	failed  int64
}

func newTheatre(t *testing.T, change func(*models.Terms)) *theatre {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("fail") {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(upstream.Close)
	h := &theatre{T: t, folder: t.TempDir(), began: time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)}
	h.set(h.began)
	h.open()
	ctx, s := t.Context(), h.store
	owner, err := s.CreateAccount(ctx, models.CommandLine(), models.NewAccount{Email: "owner@example.com", Name: "Owner", PasswordHash: "x", Role: models.RoleOwner}, h.now())
	h.ok(err)
	actor := models.Actor{AccountID: owner.ID, Role: owner.Role, Label: owner.Email}
	api, err := s.CreateAPI(ctx, actor, models.NewAPI{Name: "Echo", Slug: "echo", KeySource: models.DefaultKeySource(), Methods: []models.Method{
		{Verb: "GET", Path: "/get", KeyRequired: true}, {Verb: "GET", Path: "/slow", KeyRequired: true}}}, h.now())
	h.ok(err)
	stage, err := s.CreateStage(ctx, actor, api.ID, models.Stage{Name: "prod", Upstream: upstream.URL, Timeout: models.DefaultTimeout}, h.now())
	h.ok(err)
	_, err = s.Deploy(ctx, actor, api.ID, stage.ID, "", h.now())
	h.ok(err)
	methods, err := s.Methods(ctx, owner.ID, api.ID)
	h.ok(err)
	terms := models.NewTerms("Plan")
	terms.Throttle = &limit.Throttle{Rate: 4, Burst: 10}
	terms.Stages = []models.PlanStage{{StageID: stage.ID}}
	for _, m := range methods {
		if m.Path == "/slow" {
			terms.Stages[0].Throttles = []models.MethodThrottle{{MethodID: m.ID, Throttle: limit.Throttle{Rate: 1, Burst: 2}}}
		}
	}
	change(&terms)
	h.plan, err = s.CreatePlan(ctx, actor, terms, h.now())
	h.ok(err)
	h.plan, err = s.PublishPlan(ctx, actor, h.plan.ID, h.now())
	h.ok(err)
	key, _, err := s.CreateCustomerKey(ctx, actor, models.NewCustomerKey{Name: "Northwind", Plans: []models.PlanID{h.plan.ID}}, h.now())
	h.ok(err)
	h.key = key.ID
	t.Cleanup(h.close)
	return h
}

func (h *theatre) now() time.Time  { return time.Unix(0, h.clock.Load()).UTC() }
func (h *theatre) set(t time.Time) { h.clock.Store(t.UnixNano()) }

func (h *theatre) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// open opens all of it as serve does.
func (h *theatre) open() {
	h.Helper()
	log := slog.New(slog.DiscardHandler)
	c := portalConfig(h.folder)
	changed := func(ctx context.Context) error {
		if h.gateway == nil {
			return nil
		}
		return h.gateway.CatchUp(ctx)
	}
	s, ring, err := openRecords(h.Context(), c, log, changed)
	h.ok(err)
	in := &instance{config: c, log: log, store: s, now: h.now}
	in.openRecording(h.Context())
	in.journal, err = in.openJournal()
	h.ok(err)
	h.store, h.journal, h.records = s, in.journal, in.recorder
	h.gateway = enforcement.New(enforcement.Config{Source: s, Ledger: s, Books: s, Journal: h.journal, Recorder: in.arrivals(), Keyring: ring, Log: log, Now: in.now,
		Uptime: time.Hour + h.now().Sub(h.began), Policy: enforcement.AddressPolicy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	h.ok(h.gateway.Load(h.Context()))
}

func (h *theatre) close() {
	ctx := context.WithoutCancel(h.Context())
	for _, err := range []error{h.gateway.Drain(ctx), h.journal.Close(), h.records.Close(), h.store.Close()} {
		if err != nil {
			h.Error(err)
		}
	}
}

// kill ends it as kill -9 does: neither drained nor told the ledger what it holds; only the journal knows the last requests.
func (h *theatre) kill() {
	h.Helper()
	for _, err := range []error{h.journal.Close(), h.records.Close(), h.store.Close()} {
		h.ok(err)
	}
}

// call sends one request.
func (h *theatre) call(path string) {
	h.Helper()
	r, err := http.NewRequestWithContext(h.Context(), http.MethodGet, "/echo/prod"+path, nil)
	h.ok(err)
	answer, err := h.gateway.Call(h.Context(), h.key, r)
	h.ok(err)
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	h.sent++
	switch answer.StatusCode {
	case http.StatusTooManyRequests:
		h.refused++
	case http.StatusInternalServerError:
		h.failed++
	case http.StatusOK:
	default:
		h.Fatalf("%s: %d", path, answer.StatusCode)
	}
}

// second sends the requests of one second at these moments of it, in order.
func (h *theatre) second(at []time.Duration, path func(int) string) {
	h.Helper()
	start := h.now()
	for i, d := range at {
		h.set(start.Add(d))
		h.call(path(i))
	}
	h.set(start.Add(time.Second))
	h.ok(h.gateway.Commit(h.Context()))
}

// rehearse replays what was recorded under the same terms twice.
func (h *theatre) rehearse() rehearsal.Key {
	h.Helper()
	terms := h.plan.InForce
	replay := rehearsal.New(terms, terms, h.began)
	covered, err := h.records.Read(h.Context(), h.plan.ID, h.began, func(some []models.Arrival, _ float64) error {
		replay.Add(some)
		return nil
	})
	h.ok(err)
	if covered.Requests != h.sent || covered.Lost != 0 || covered.Damaged != 0 || len(covered.Gaps) > 0 {
		h.Errorf("recorded %+v, sent %d", covered, h.sent)
	}
	r := replay.Result(10)
	if r.Total.Refused() != h.refused {
		h.Errorf("%d really refused by the recording, clients saw %d", r.Total.Refused(), h.refused)
	}
	return r.Total
}

func spread(n int) (at []time.Duration) {
	for i := range n {
		at = append(at, time.Duration(i)*(time.Second/time.Duration(n)))
	}
	return at
}

// Requests that the real gateway decides are rehearsed as it decided them: spread over their seconds, or all at once, exactly; otherwise within the range. The
// gateway is stopped in order on the way, and the quota is used up.
func TestRehearsalOfTheSameLimitsSaysWhatReallyHappened(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	anyhow := func(n int) []time.Duration {
		at := make([]time.Duration, n)
		for i := range at {
			at[i] = time.Duration(i)*(time.Second/time.Duration(n)) + time.Duration(random.Int64N(int64(time.Second)/int64(n)))
		}
		return at
	}
	get := func(int) string { return "/get" }
	mixed := func(i int) string { return []string{"/get", "/slow"}[i%2] }
	for _, tt := range []struct {
		name  string
		when  func(int) []time.Duration
		path  func(int) string
		exact func(rehearsal.Range) int64 // nil: within the range
		quota int64
	}{
		{"spread evenly", spread, get, func(r rehearsal.Range) int64 { return r.Low }, 0},
		{"all at once", func(n int) []time.Duration { return make([]time.Duration, n) }, get, func(r rehearsal.Range) int64 { return r.High }, 0},
		{"spread evenly, with a quota", spread, get, func(r rehearsal.Range) int64 { return r.Low }, 60},
		{"all at once, with a quota", func(n int) []time.Duration { return make([]time.Duration, n) }, get, func(r rehearsal.Range) int64 { return r.High }, 60},
		{"two methods, spread evenly", spread, mixed, func(r rehearsal.Range) int64 { return r.Low }, 0},
		{"anyhow", anyhow, mixed, nil, 90},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newTheatre(t, func(terms *models.Terms) {
				if tt.quota > 0 {
					terms.Quota = &limit.Quota{Limit: tt.quota, Period: limit.PeriodDay}
				}
			})
			for i := range 30 {
				h.second(tt.when([]int{2, 12, 0, 4, 25, 1, 6}[i%7]), tt.path)
				if i == 15 {
					h.close()
					h.open()
				}
			}
			got := h.rehearse()
			r := got.Today.Refused
			if tt.exact != nil && tt.exact(r) != h.refused || h.refused < r.Low || h.refused > r.High || h.refused == 0 {
				t.Errorf("really refused %d of %d, rehearsed %+v", h.refused, h.sent, got.Today)
			}
			if tt.quota > 0 && (got.OverQuota == 0 || h.sent-h.refused != tt.quota) {
				t.Errorf("the quota of %d let %d pass, and refused %d", tt.quota, h.sent-h.refused, got.OverQuota)
			}
		})
	}
}

// Where only delivered answers count, what fails is given back, in the rehearsal as at the gateway.
func TestRehearsalGivesBackWhatTheUpstreamFailed(t *testing.T) {
	h := newTheatre(t, func(terms *models.Terms) {
		terms.Throttle, terms.Charge, terms.Quota = nil, models.ChargeDelivered, &limit.Quota{Limit: 40, Period: limit.PeriodDay}
	})
	for range 30 {
		h.second(spread(2), func(i int) string { return []string{"/get", "/get?fail"}[i%2] })
	}
	if h.failed != 30 || h.refused != 0 {
		t.Fatalf("%d failed and %d were refused: the test tests nothing", h.failed, h.refused)
	}
	if got := h.rehearse(); got.Today.Any() {
		t.Errorf("rehearsed %+v, and nothing was refused", got.Today)
	}
}

// A recording that cannot be had stops nothing: the gateway serves, and pages say that there are no rehearsals.
func TestServingGoesOnWithoutARecording(t *testing.T) {
	folder := t.TempDir()
	made := seedFolder(t, folder, storetest.Few())
	if err := os.WriteFile(filepath.Join(folder, recordingFolder), []byte("in the way"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := openPortal(t, folder, made)
	if err := p.in.gateway.Ready(); err != nil {
		t.Error(err)
	}
	if w := p.get(owner, "/owner/plans/"+p.Plan.String()); w.Code != http.StatusOK {
		t.Errorf("the editor answers %d", w.Code)
	} else {
		says(t, w.Body.String(), "what arrives cannot be recorded")
	}
}
