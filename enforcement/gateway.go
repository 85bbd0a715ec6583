package enforcement

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/enforcement/accesslog"
	"gatehouse/enforcement/authorizer"
	"gatehouse/enforcement/cache"
	"gatehouse/enforcement/front"
	"gatehouse/enforcement/journal"
	"gatehouse/enforcement/keyring"
	"gatehouse/enforcement/meter"
	"gatehouse/enforcement/receipt"
	"gatehouse/enforcement/requestid"
	"gatehouse/enforcement/requestlog"
	"gatehouse/enforcement/trace"
	"gatehouse/enforcement/transport"
	"gatehouse/models"
	"gatehouse/models/secret"
)

// Source is where the gateway learns what it enforces. The store implements it.
type Source interface {
	// Version is the number of the newest change.
	Version(ctx context.Context) (int64, error)
	// ChangesSince returns the changes after version in order; at most 1,000 a call.
	ChangesSince(ctx context.Context, version int64) ([]models.Change, error)
	Topology(ctx context.Context) (models.Topology, error)
	// Reading returns what models/openapi read from a document; nothing if there is no such document, or it is yet to be read.
	Reading(ctx context.Context, id models.DocumentID) ([]byte, error)
	// Credentials calls fn for every key, also a revoked one.
	Credentials(ctx context.Context, fn func(models.Credential) error) error
	// CredentialsOf calls fn with those of some keys that are there, also revoked ones.
	CredentialsOf(ctx context.Context, ids []models.KeyID, fn func(models.Credential) error) error
	// ImportedKeys returns the keys that an import made, in the order of their ids, behind one of them; none at the end.
	ImportedKeys(ctx context.Context, id models.ImportID, after models.KeyID) ([]models.KeyID, error)
}

// Books keep what must outlive the process. The store implements it.
type Books interface {
	meter.Sink
	// Resume tells where the gateway stopped, and notes that it starts.
	Resume(ctx context.Context, boot string) (models.Resumption, error)
	// AbortOpen counts the requests that were under way when the gateway was killed as aborted.
	AbortOpen(ctx context.Context) (int64, error)
	// SettleHoldings takes back what the gateway held when it ended. Exact: everything that it admitted is committed.
	SettleHoldings(ctx context.Context, exact bool) (models.Settlement, error)
	LoadLevels(ctx context.Context) ([]models.ThrottleLevel, error)
	// KeepTime keeps what Resume tells the next start of the clock.
	KeepTime(ctx context.Context, m models.TimeMark) error
}

// Digester hashes a presented key value as it is stored. It must not allocate. *secret.Keyring implements it.
type Digester interface {
	Digest(value string) secret.Digest
}

// Config is what a Gateway needs.
type Config struct {
	Source  Source
	Ledger  Ledger
	Books   Books
	Journal *journal.Journal
	Keyring Digester

	Recorder  meter.Recorder // keeps arrivals for rehearsals; nil: nobody does
	ValueUses ValueUses      // nil: who presents old values is not kept

	KeyPrefix   secret.Prefix        // of generated keys; zero: "gwk1"
	ProblemURL  string               // beginning of problem type URIs, such as https://portal.example/problems/
	APIsURL     string               // beginning of APIs' public pages, such as https://portal.example/apis/
	ReceiptURL  string               // beginning of receipts' addresses, such as https://portal.example/requests/
	Receipts    *receipt.Ring        // nil: none are kept
	RequestLog  *requestlog.Log      // nil: no entries are kept
	AccessLog   *accesslog.Log       // nil: no lines are written
	Tracer      *trace.Tracer        // nil: nothing is traced
	Names       *requestid.Names     // of requests without a receipt; nil: those of Receipts, else random ones
	Hosts       Hosts                // names that lead elsewhere than a path does
	Policy      AddressPolicy        // which upstreams may be dialled
	CacheSize   int64                // bytes of answers that are kept for stages that want it; 0: none
	Bounds      *Bounds              // what clients may hold; nil: DefaultBounds
	Proxies     *front.Trust         // whose word about the client is believed; nil: nobody's
	HideCookies []string             // cookies that are none of an upstream's business: the portal's session; nil: "gatehouse", "__Host-gatehouse"
	Log         *slog.Logger         // nil: slog.Default()
	Now         func() time.Time     // nil: time.Now
	Patience    time.Duration        // how long a request without a right of its quota in hand waits for one; 0: DefaultPatience
	Warm        time.Duration        // after Load, while requests wait longer for the ledger: clients wait for an upgrade. 0: they never do
	Uptime      time.Duration        // of the machine, now: the clock of throttles goes on over restarts of the process. 0: the machine's
	Shift       func() time.Duration // by how much the wall clock is set wrong, for tests; nil: not at all
}

// Gateway is the data plane, an http.Handler. It answers 503 until Load succeeded. All methods are safe for concurrent use.
type Gateway struct {
	config     Config
	start      time.Time     // when the machine had been up for uptime
	uptime     int64         // nanoseconds
	virtual    bool          // the clock is not the system's
	since      time.Time     // of LevelsSince, set by Load
	clock      func() int64  // of throttles: nanoseconds since the machine was started
	keys       *keyring.Ring // set before current
	meter      *meter.Meter
	escrow     *escrow
	proxy      *transport.Proxy
	open       openRequests
	callers    callers
	quotes     quoteShares
	preflights *preflights
	cache      *cache.Cache // of answers; nil: none are kept
	counts     counts
	refusals   *refusals
	stages     stageCounts
	horizon    horizon
	bounds     atomic.Pointer[Bounds]
	clients    front.Tally // requests to methods that need no key, by address

	authorizers *authorizer.Pool

	current   atomic.Pointer[snapshot] // nil: not loaded
	installed chan struct{}            // current is another one

	changes   sync.Mutex // held by the one Load or CatchUp at a time
	version   int64      // of the newest change that is applied
	sight     sight
	warm      atomic.Int64              // until when it is warming up, on the clock of throttles
	broken    map[models.StageID]string // what was logged of stages that are not served
	insecure  map[models.StageID]bool   // which stages were warned of; by changes
	blind     atomic.Int32              // how many those are
	documents documents                 // by changes: that requests are compared with
	learning  []learning                // by changes: imports whose keys are not all known yet
	failing   atomic.Pointer[error]     // why changes cannot be applied; nil: they can
	commits   sync.Mutex                // held by the one commit of usage at a time
}

// New returns a gateway that knows nothing yet.
func New(c Config) *Gateway {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Patience == 0 {
		c.Patience = DefaultPatience
	}
	virtual := c.Now != nil
	if !virtual {
		c.Now = time.Now
	}
	if c.HideCookies == nil {
		c.HideCookies = []string{"gatehouse", "__Host-gatehouse"}
	}
	if c.Names == nil && c.Receipts != nil {
		c.Names = c.Receipts.Names()
	}
	if c.Uptime == 0 {
		c.Uptime = journal.Uptime()
	}
	g := &Gateway{
		config: c, start: c.Now(), uptime: int64(c.Uptime), virtual: virtual, refusals: refusalsOf(c.ProblemURL), meter: meter.New(c.Journal, c.Books, c.Recorder), preflights: newPreflights(),
		installed: make(chan struct{}, 1),
	}
	if c.CacheSize > 0 {
		g.cache = cache.New(c.CacheSize)
	}
	g.clock = func() int64 { return g.uptime + int64(time.Since(g.start)) } // one reading: time.Now takes two
	if virtual {
		g.clock = func() int64 { return g.uptime + int64(c.Now().Sub(g.start)) }
	}
	if c.Bounds == nil {
		b := DefaultBounds()
		c.Bounds = &b
	}
	g.SetBounds(*c.Bounds)
	g.escrow, g.horizon.log = newEscrow(g), c.Log
	g.proxy = transport.New(transport.Config{Dial: c.Policy.dialer().DialContext, HideCookies: c.HideCookies, Log: c.Log, Clock: g.clock})
	g.authorizers = authorizer.New(authorizer.Config{Dial: c.Policy.DialContext, Log: c.Log})
	return g
}

// SetBounds changes what callers may hold of the gateway, for requests that come from now on.
func (g *Gateway) SetBounds(b Bounds) { g.bounds.Store(&b) }

// Bounds returns what is in force.
func (g *Gateway) Bounds() Bounds { return *g.bounds.Load() }

// ServeHTTP answers one request to /{api}/{stage}/….
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{call: call{g: g, forwarded: g.config.Proxies.Resolve(r)}, w: w, r: r}
	if q.forwarded != nil {
		r.RemoteAddr = q.forwarded.Client
	}
	g.serve(q)
}

// serve is the life of a request.
func (g *Gateway) serve(q *request) {
	q.begin()
	if !g.open.enter(q) {
		q.refuse(problemNotReady)
		q.told()
		return
	}
	defer g.open.leave(q)
	defer q.close()
	defer q.end()

	switch p := q.judge(); {
	case p != problemNone:
		q.refuse(p)
	case q.isPreflight():
		q.answerPreflight()
	case q.isQuote():
		q.answerQuote()
	default:
		q.forward()
	}
}

// Admit decides one request as ServeHTTP does and, if it may pass, charges and counts it as open; nothing is sent. It returns "" or the
// slug of a Problem. This is the policy without HTTP, for what measures or compares it; path is canonical and below the stage.
func (g *Gateway) Admit(api, stage, verb, path, key string) string {
	for {
		s := g.current.Load()
		rt, p := g.routeIn(s, api, stage, verb, path)
		if p != problemNone {
			return p.entry().Slug
		}
		var d decision
		if rt.method.authorizer != nil {
			return problemUnauthorized.entry().Slug // there is no request to ask it about
		}
		if rt.method.keyRequired {
			g.decideValue(context.Background(), &d, g.now(), rt.stage, rt.method, key)
		} else {
			g.decideOpen(&d, g.now(), rt.stage, rt.method)
		}
		d.release()
		switch {
		case d.problem == problemNone:
			return ""
		case d.problem != problemNotReady || s == g.current.Load(): // as judge does
			return d.problem.entry().Slug
		}
	}
}

// Route is a method of a stage, as the topology was when it was found.
type Route struct {
	g *Gateway
	target
}

// Route finds what requests of a verb and path lead to, as Admit does. It returns "" or the slug of a Problem.
func (g *Gateway) Route(api, stage, verb, path string) (rt Route, slug string) {
	rt, p := g.routeIn(g.current.Load(), api, stage, verb, path)
	if p != problemNone {
		slug = p.entry().Slug
	}
	return rt, slug
}

func (g *Gateway) routeIn(s *snapshot, api, stage, verb, path string) (Route, problem) {
	rt := Route{g: g}
	if s == nil {
		return rt, problemNotReady
	}
	switch p := rt.find(s, api, stage, path); {
	case (p == problemNone || p == problemPathUnknown) && rt.inMaintenance():
		return rt, problemMaintenance
	case p != problemNone:
		return rt, p
	}
	if rt.method = rt.methods.method(verb); rt.method == nil {
		return rt, problemVerbUnknown
	}
	if rt.method.broken != "" {
		return rt, problemIntegration
	}
	return rt, problemNone
}

// Admit is Gateway.Admit for a value that is hashed already: what is left is the decision itself.
func (rt *Route) Admit(digest [32]byte) string {
	d := decision{digest: digest}
	if rt.method.authorizer != nil {
		return problemUnauthorized.entry().Slug
	}
	if rt.method.keyRequired {
		rt.g.decideKey(context.Background(), &d, rt.g.now(), rt.stage, rt.method, 0)
	} else {
		rt.g.decideOpen(&d, rt.g.now(), rt.stage, rt.method)
	}
	d.release()
	if d.problem == problemNone {
		return ""
	}
	return d.problem.entry().Slug
}
