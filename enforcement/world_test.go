package enforcement_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/enforcement"
	"gatehouse/enforcement/journal"
	"gatehouse/enforcement/receipt"
	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/secret"
)

// world is the records that a gateway stands on, in memory: source, sink and levels at once.
type world struct {
	mu      sync.Mutex
	version int64
	changes []models.Change
	owners  []models.GatewayAccount // with a throttle
	apis    []models.GatewayAPI
	domains []models.GatewayDomain
	plans   map[models.PlanID]*models.GatewayPlan
	keys    map[models.KeyID]*models.Credential
	cells   map[cell]int64
	bytes   map[cell][2]int64
	seconds map[cell]int64
	charged map[charge]int64
	levels  map[models.ThrottleLevel]models.ThrottleLevel // by name
	seen    map[models.KeyID]time.Time
	fault   error // of every method
	counts  map[models.QuotaBucket]*count
	epochs  map[models.PlanID]int // rises with each change of a plan's windows

	ledgerFault error // of Exchange alone
	ledgerPause time.Duration
	mostJournal int64 // bytes; 0: enough
	exchanges   int
	resumption  models.Resumption
	journalDir  string
	journal     *journal.Journal
	boot        [16]byte // zero: the machine's

	ring   *secret.Keyring
	policy enforcement.AddressPolicy
	nextID int64
	clock  *clock // nil: the real one

	receipts *receipt.Ring // nil: none are kept
	readings map[models.DocumentID][]byte
}

// owner is whose everything is.
const owner models.AccountID = 77

type cell struct {
	key     models.KeyID
	plan    models.PlanID
	method  models.MethodID
	outcome models.Outcome
}

type charge struct {
	key  models.KeyID
	plan models.PlanID
	day  int64
}

// clock is a virtual clock.
type clock struct {
	nanos atomic.Int64
	start time.Time
}

func newClock(at string) *clock {
	t, err := time.Parse(time.DateTime, at)
	if err != nil {
		panic(err)
	}
	c := &clock{start: t}
	c.nanos.Store(t.UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.nanos.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

func newWorld() *world {
	return &world{
		plans: map[models.PlanID]*models.GatewayPlan{}, keys: map[models.KeyID]*models.Credential{},
		counts: map[models.QuotaBucket]*count{}, epochs: map[models.PlanID]int{},
		cells: map[cell]int64{}, bytes: map[cell][2]int64{}, seconds: map[cell]int64{}, charged: map[charge]int64{}, levels: map[models.ThrottleLevel]models.ThrottleLevel{}, seen: map[models.KeyID]time.Time{},
		ring: secret.NewKeyring(), policy: enforcement.AddressPolicy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	}
}

func id[T any](w *world) models.ID[T] {
	w.nextID++
	return models.NewID[T](uint64(w.nextID))
}

func (w *world) note(kind models.ChangeKind, id int64) {
	w.version++
	w.changes = append(w.changes, models.Change{Version: w.version, Kind: kind, ID: id})
}

// addAPI deploys methods ("GET /a" needs a key, "open GET /b" does not) to a stage "prod".
func (w *world) addAPI(slug, upstream string, methods ...string) *models.GatewayStage {
	w.mu.Lock()
	defer w.mu.Unlock()
	st := models.GatewayStage{
		ID: id[models.Stage](w), Name: "prod", Upstream: upstream, Timeout: 10 * time.Second, KeySource: models.DefaultKeySource(),
	}
	for _, m := range methods {
		st.Methods = append(st.Methods, w.method(m))
	}
	w.apis = append(w.apis, models.GatewayAPI{ID: id[models.API](w), OwnerID: owner, Slug: slug, Name: slug, Stages: []models.GatewayStage{st}})
	w.note(models.ChangeTopology, 0)
	return &w.apis[len(w.apis)-1].Stages[0]
}

func (w *world) method(s string) models.Method {
	parts := strings.Fields(s)
	m := models.Method{ID: id[models.Method](w), KeyRequired: parts[0] != "open"}
	if !m.KeyRequired {
		parts = parts[1:]
	}
	m.Verb, m.Path = parts[0], parts[1]
	return m
}

func methodOf(st *models.GatewayStage, name string) models.MethodID {
	for _, m := range st.Methods {
		if m.Name() == name {
			return m.ID
		}
	}
	panic("no method " + name)
}

// addPlan publishes a plan that opens the stages; with changes its terms first.
func (w *world) addPlan(name string, with func(*models.Terms), stages ...*models.GatewayStage) models.PlanID {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := models.NewTerms(name)
	for _, s := range stages {
		t.Stages = append(t.Stages, models.PlanStage{StageID: s.ID})
	}
	if with != nil {
		with(&t)
	}
	p := &models.GatewayPlan{ID: id[models.Plan](w), Version: 1, Terms: t}
	w.plans[p.ID] = p
	w.note(models.ChangePlan, int64(p.ID))
	return p.ID
}

func throttle(rate float64, burst int64) func(*models.Terms) {
	return func(t *models.Terms) { t.Throttle = &limit.Throttle{Rate: rate, Burst: burst} }
}

func quota(n int64, p limit.Period) func(*models.Terms) {
	return func(t *models.Terms) { t.Quota = &limit.Quota{Limit: n, Period: p} }
}

// publish changes a plan's terms.
func (w *world) publish(id models.PlanID, with func(*models.Terms)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := *w.plans[id]
	p.Version++
	before := p.Terms.Quota
	with(&p.Terms)
	if after := p.Terms.Quota; (before == nil) != (after == nil) || before != nil && (before.Period != after.Period || before.Offset != after.Offset) {
		w.epochs[id]++
	}
	w.plans[id] = &p
	w.note(models.ChangePlan, int64(id))
}

// end says when a plan ends; the zero time takes it back.
func (w *world) end(id models.PlanID, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := *w.plans[id]
	p.EndsAt = at
	w.plans[id] = &p
	w.note(models.ChangeTopology, 0)
}

// addKey makes an enabled key on the plans and returns its value.
func (w *world) addKey(plans ...models.PlanID) (models.KeyID, string) {
	value := secret.Generate(secret.Prefix{}).Reveal()
	w.mu.Lock()
	defer w.mu.Unlock()
	c := &models.Credential{
		KeyID: id[models.Key](w), AppID: id[models.App](w), Enabled: true,
		Secrets: []models.CredentialSecret{{Digest: w.ring.Digest(value)}},
	}
	for _, p := range plans {
		c.Plans = append(c.Plans, models.CredentialPlan{PlanID: p, State: models.MemberActive})
	}
	w.keys[c.KeyID] = c
	w.note(models.ChangeKey, int64(c.KeyID))
	return c.KeyID, value
}

// change edits a key; nil deletes it.
func (w *world) change(id models.KeyID, with func(*models.Credential)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if with == nil {
		delete(w.keys, id)
	} else {
		c := *w.keys[id]
		c.Plans = append([]models.CredentialPlan(nil), c.Plans...)
		c.Secrets = append([]models.CredentialSecret(nil), c.Secrets...)
		with(&c)
		w.keys[id] = &c
	}
	w.note(models.ChangeKey, int64(id))
}

// limitOwner gives everything together a throttle; nil takes it away.
func (w *world) limitOwner(t *limit.Throttle) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.owners = nil
	if t != nil {
		w.owners = []models.GatewayAccount{{ID: owner, Throttle: *t}}
	}
	w.note(models.ChangeTopology, 0)
}

// stage edits a stage's deployment.
func (w *world) stage(with func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	with()
	w.note(models.ChangeTopology, 0)
}

func (w *world) breakDown(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = err
}

// ledgerFails breaks the ledger alone; nil mends it.
func (w *world) ledgerFails(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ledgerFault = err
}

func (w *world) Version(context.Context) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.version, w.fault
}

func (w *world) ChangesSince(_ context.Context, v int64) ([]models.Change, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var some []models.Change
	for _, c := range w.changes {
		if c.Version > v && len(some) < 1000 {
			some = append(some, c)
		}
	}
	return some, w.fault
}

func (w *world) Topology(context.Context) (models.Topology, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := models.Topology{Accounts: append([]models.GatewayAccount(nil), w.owners...), Domains: append([]models.GatewayDomain(nil), w.domains...)}
	for _, a := range w.apis {
		a.Stages = append([]models.GatewayStage(nil), a.Stages...)
		t.APIs = append(t.APIs, a)
	}
	for _, p := range w.plans {
		t.Plans = append(t.Plans, *p)
	}
	return t, w.fault
}

func (w *world) Reading(_ context.Context, id models.DocumentID) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.readings[id], w.fault
}

func (w *world) Credentials(_ context.Context, fn func(models.Credential) error) error {
	return w.each(func(*models.Credential) bool { return true }, fn)
}

func (w *world) each(which func(*models.Credential) bool, fn func(models.Credential) error) error {
	w.mu.Lock()
	var some []models.Credential
	for _, c := range w.keys {
		if which(c) {
			some = append(some, *c)
		}
	}
	fault := w.fault
	w.mu.Unlock()
	for _, c := range some {
		if err := fn(c); err != nil {
			return err
		}
	}
	return fault
}

func (w *world) CredentialsOf(_ context.Context, ids []models.KeyID, fn func(models.Credential) error) error {
	return w.each(func(c *models.Credential) bool { return slices.Contains(ids, c.KeyID) }, fn)
}

// ImportedKeys hands out two at a time: a change of many is read in parts.
func (w *world) ImportedKeys(_ context.Context, _ models.ImportID, after models.KeyID) (ids []models.KeyID, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(w.keys)) {
		if id > after && len(ids) < 2 {
			ids = append(ids, id)
		}
	}
	return ids, w.fault
}

func (w *world) CommitUsage(_ context.Context, b models.UsageBatch) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault != nil {
		return w.fault
	}
	for _, c := range b.Cells {
		name := cell{c.KeyID, c.PlanID, c.MethodID, c.Outcome}
		w.cells[name] += c.Count
		w.seconds[name] += c.ThrottledSeconds
		w.bytes[name] = [2]int64{w.bytes[name][0] + c.BytesIn, w.bytes[name][1] + c.BytesOut}
	}
	for _, c := range b.Charged {
		w.charged[charge{c.KeyID, c.PlanID, c.Day}] += c.Used
	}
	for _, l := range b.LastUsed {
		w.seen[l.KeyID] = l.At
	}
	for _, l := range b.Levels {
		w.levels[models.ThrottleLevel{KeyID: l.KeyID, PlanID: l.PlanID, StageID: l.StageID, MethodID: l.MethodID, AccountID: l.AccountID}] = l
	}
	w.resumption.Position, w.resumption.Ordered = b.To, b.Ordered
	return nil
}

func (w *world) KeepTime(_ context.Context, m models.TimeMark) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault == nil {
		w.resumption.Mark = m
	}
	return w.fault
}

func (w *world) LoadLevels(context.Context) (levels []models.ThrottleLevel, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.levels {
		levels = append(levels, l)
	}
	return levels, w.fault
}

// count is how often requests of a key ended so, over all plans and methods. It is up to date after a commit.
func (w *world) count(key models.KeyID, o models.Outcome) (n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, c := range w.cells {
		if name.key == key && name.outcome == o {
			n += c
		}
	}
	return n
}

// chargedTo is what a key was charged on a plan on all days.
func (w *world) chargedTo(key models.KeyID, plan models.PlanID) (n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, c := range w.charged {
		if name.key == key && name.plan == plan {
			n += c
		}
	}
	return n
}

var errAway = errors.New("the records are away")

// config is what a gateway of the world needs.
func (w *world) config(t testing.TB) enforcement.Config {
	c := enforcement.Config{
		Source: w, Ledger: w, Books: w, Journal: w.openJournal(t), Keyring: w.ring, ProblemURL: "https://portal.example/problems/", Policy: w.policy,
		Log: slog.New(slog.DiscardHandler), Patience: time.Minute, // a busy machine may need longer than the default
	}
	if w.clock != nil {
		c.Now, c.Uptime = w.clock.now, time.Hour+w.clock.now().Sub(w.clock.start)
	}
	c.Receipts, c.ReceiptURL = w.receipts, "https://portal.example/requests/"
	return c
}

// gateway returns a gateway that knows the world.
func (w *world) gateway(t testing.TB, options ...func(*enforcement.Config)) *enforcement.Gateway {
	t.Helper()
	c := w.config(t)
	for _, option := range options {
		option(&c)
	}
	g := enforcement.New(c)
	if err := g.Load(context.Background()); err != nil {
		t.Fatal(err)
	}
	return g
}

func catchUp(t testing.TB, g *enforcement.Gateway) {
	t.Helper()
	if err := g.CatchUp(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func drain(t testing.TB, g *enforcement.Gateway) {
	t.Helper()
	if err := stopGateway(context.Background(), g); err != nil {
		t.Fatal(err)
	}
}

// serve listens on loopback.
func serve(t testing.TB, h http.Handler, with ...func(*http.Server)) string {
	t.Helper()
	return serveOn(t, h, isFast(), with...)
}

// serveOn is serve on a lane.
func serveOn(t testing.TB, h http.Handler, fast bool, with ...func(*http.Server)) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config = enforcement.NewServer(enforcement.AnswerRefused(h, "https://portal.example/problems/"), slog.New(slog.DiscardHandler))
	if _, ok := h.(*enforcement.Gateway); ok {
		s.Config.Handler = h // it answers itself, and counts
	}
	for _, change := range with {
		change(s.Config)
	}
	s.Listener = listen(t, s.Config, h, s.Listener, fast)
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

// upstream is a server that records what it gets.
type upstream struct {
	url string
	mu  sync.Mutex
	got []*http.Request
}

func newUpstream(t testing.TB, h http.HandlerFunc) *upstream {
	t.Helper()
	u := &upstream{}
	u.url = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.mu.Lock()
		u.got = append(u.got, r)
		u.mu.Unlock()
		if h != nil {
			h(w, r)
		}
	}))
	return u
}

func (u *upstream) requests() []*http.Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]*http.Request(nil), u.got...)
}

// in runs a request through the gateway's handler, without a network in front.
func in(g http.Handler, verb, target, key string, with ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(verb, target, nil)
	if key != "" {
		r.Header.Set("X-Api-Key", key)
	}
	for _, fn := range with {
		fn(r)
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

// problemOf reads the problem of an answer; its zero value is none.
type problemBody struct {
	Type, Title, Detail, Message, RequestID, Layer, Instance string
	Status                                                   int
}

func problemOf(t testing.TB, h http.Header, body io.Reader) (p problemBody) {
	t.Helper()
	if h.Get("Content-Type") != "application/problem+json" {
		return p
	}
	if err := json.NewDecoder(body).Decode(&p); err != nil {
		t.Fatalf("read problem: %v", err)
	}
	return p
}

// slugOf is the end of a problem's type, "" for an answer of the upstream.
func slugOf(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	p := problemOf(t, w.Header(), w.Body)
	const base = "https://portal.example/problems/"
	if p.Type == "" {
		return ""
	}
	if len(p.Type) < len(base) || p.Type[:len(base)] != base {
		t.Fatalf("type = %q", p.Type)
	}
	return p.Type[len(base):]
}

// metrics returns the gateway's metrics, by name, with the values of their labels.
func metrics(t testing.TB, g *enforcement.Gateway) map[string][]string {
	t.Helper()
	r := prometheus.NewRegistry()
	g.Register(r)
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string][]string{}
	for _, m := range all {
		labels[m.GetName()] = nil
		for _, sample := range m.GetMetric() {
			for _, label := range sample.GetLabel() {
				labels[m.GetName()] = append(labels[m.GetName()], label.GetValue())
			}
		}
	}
	return labels
}
