package authorizer

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"gatehouse/models"
)

// Outcome is what came of a question. The zero value is none: it allows nothing.
type Outcome uint8

// The outcomes.
const (
	Undecided    Outcome = iota
	Allowed              // the caller may
	Missing              // the request has nothing to be known by
	Invalid              // what it has is no good: forged, expired, of another issuer
	Denied               // the caller is known, and may not
	ScopeMissing         // his token does not reach this far
	Failed               // the authorizer could not be asked, or its answer could not be understood
	Busy                 // it is asked too often
)

// Verdict is an answer. It is shared by requests: nobody changes it.
type Verdict struct {
	Outcome   Outcome
	Reason    string  // for the caller: why not; without what he sent
	Cause     error   // of Failed, for the log
	Principal string  // who calls, as the authorizer names him; may be ""
	Values    []Value // about the caller, for the upstream
	KeyValue  string  // the value of the API key that he calls with
	KeyID     models.KeyID
	Until     time.Time // from when on the token does not hold any more; zero: not known

	scopes []string
	policy *policy // of a service that answered with one: it is asked for each request
}

// Scopes are those that the caller has.
func (v *Verdict) Scopes() []string { return v.scopes }

// Value is told the upstream as a header.
type Value struct {
	Header string // canonical: X-Authorizer-Email
	Text   string
}

// Question is one request that needs an answer. It is not kept.
type Question struct {
	Now       time.Time
	Header    http.Header
	Query     string // as the client wrote it
	Verb      string
	Path      string // canonical, below the stage
	API       models.APIID
	APIName   string // slug
	Stage     models.StageID
	StageName string
	Epoch     int64 // of the stage: what was kept under another one is not used any more
	Method    models.MethodID
	Resource  string   // the method's template: /users/{id}
	Address   string   // of the client: host and port, or host
	Scopes    []string // of which the caller must have one
	// MayAsk is asked before a question leaves this process, and may refuse it: it protects who is asked. Nil: it may.
	MayAsk func() bool
}

// Authorizer is one that is ready to be asked. It never changes; what it remembers passes on to the next one of its id.
type Authorizer struct {
	models.GatewayAuthorizer
	pattern *regexp.Regexp // nil: anything
	keys    *keySet        // of a JWT authorizer
	circuit *circuit       // of an HTTP one
}

// Compile makes an authorizer ready. One that contradicts itself refuses every request. Before is that of the same id until now, or nil.
func Compile(in models.GatewayAuthorizer, before *Authorizer) *Authorizer {
	a := &Authorizer{GatewayAuthorizer: in}
	if clean, err := in.Authorizer.Clean(); err != nil {
		a.Fault = "its settings are not valid: " + err.Error()
	} else {
		a.Authorizer = clean
	}
	if a.Fault != "" {
		return a
	}
	if p := a.Identity.Pattern; p != "" {
		a.pattern = regexp.MustCompile(`\A(?:` + p + `)\z`) // Clean compiled it
	}
	a.keys, a.circuit = newKeySet(a.JWT.Issuer, a.JWT.JWKS), &circuit{}
	if before == nil || before.Fault != "" {
		return a
	}
	if before.HTTP.URL == a.HTTP.URL {
		a.circuit = before.circuit
	}
	if before.keys.issuer == a.keys.issuer && before.keys.url == a.keys.url {
		a.keys = before.keys
		if before.Epoch != a.Epoch {
			a.keys.refreshSoon()
		}
	}
	return a
}

// Config is what a Pool needs.
type Config struct {
	Dial func(ctx context.Context, network, address string) (net.Conn, error) // judges what may be dialled
	Log  *slog.Logger                                                         // nil: slog.Default()
}

// Pool is what authorizers share: connections and kept answers.
type Pool struct {
	client  *http.Client
	log     *slog.Logger
	allowed *cache
	refused *cache
	flights singleflight.Group
	asked   atomic.Int64 // questions that left this process
}

// Bounds of what is kept.
const (
	mostAllowed      = 100_000
	mostAllowedBytes = 64 << 20
	mostRefused      = 10_000
	mostRefusedBytes = 4 << 20
	// refusedTTL is how long a refusal is kept: somebody may have mended what was wrong.
	refusedTTL = 10 * time.Second
)

// New returns a pool that knows nothing.
func New(c Config) *Pool {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	transport := &http.Transport{
		DialContext:            c.Dial,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return &Pool{
		// Whoever answers with a redirect is not followed: what is sent is meant for the address that the owner named.
		client:  &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		log:     c.Log,
		allowed: newCache(mostAllowed, mostAllowedBytes),
		refused: newCache(mostRefused, mostRefusedBytes),
	}
}

// CloseIdle closes the connections that carry no question.
func (p *Pool) CloseIdle() { p.client.CloseIdleConnections() }

// Asked is how many questions left this process so far.
func (p *Pool) Asked() int64 { return p.asked.Load() }

// Kept is how many answers are kept.
func (p *Pool) Kept() int { return p.allowed.len() + p.refused.len() }

// Ask decides about a request. It returns when there is an answer, when the authorizer had its time, or when ctx ends.
func (p *Pool) Ask(ctx context.Context, a *Authorizer, q *Question) *Verdict {
	if a == nil || a.Fault != "" {
		return &Verdict{Outcome: Failed, Reason: "It cannot be asked as it is set up."}
	}
	id, fault := a.identify(q)
	if fault != nil {
		return fault
	}
	var v *Verdict
	if a.Kind == models.AuthorizerJWT {
		v = p.verify(ctx, a, q, id)
	} else {
		v = p.consult(ctx, a, q, id)
	}
	if v.Outcome != Allowed {
		return v
	}
	if v.policy != nil && !v.policy.allows(q) {
		return &Verdict{Outcome: Denied, Reason: "The policy that the authorizer answered does not allow it.", Principal: v.Principal}
	}
	if len(q.Scopes) > 0 && !slices.ContainsFunc(q.Scopes, func(s string) bool { return slices.Contains(v.scopes, s) }) {
		return &Verdict{Outcome: ScopeMissing, Reason: "The token has none of the scopes that the operation asks for.", Principal: v.Principal}
	}
	return v
}
