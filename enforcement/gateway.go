package enforcement

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/secret"
)

// Source is where the gateway learns what it enforces. The store implements it.
type Source interface {
	// Version is the number of the newest change.
	Version(ctx context.Context) (int64, error)
	// ChangesSince returns the changes after version in order; at most 1,000 a call.
	ChangesSince(ctx context.Context, version int64) ([]models.Change, error)
	Topology(ctx context.Context) (models.Topology, error)
	// Credentials calls fn for every key that is not revoked.
	Credentials(ctx context.Context, fn func(models.Credential) error) error
	CredentialsOfPlan(ctx context.Context, plan models.PlanID, fn func(models.Credential) error) error
	// Credential returns one key, also a revoked one; an error of models.KindNotFound when it is deleted.
	Credential(ctx context.Context, id models.KeyID) (models.Credential, error)
}

// Sink keeps usage. A batch is committed whole or not at all.
type Sink interface {
	CommitUsage(ctx context.Context, batch models.UsageBatch) error
}

// Levels keeps the levels of throttles over an ordered stop. LoadLevels forgets what it returns.
type Levels interface {
	SaveLevels(ctx context.Context, levels []models.ThrottleLevel) error
	LoadLevels(ctx context.Context) ([]models.ThrottleLevel, error)
}

// Digester hashes a presented key value as it is stored. It must not allocate. *secret.Keyring implements it.
type Digester interface {
	Digest(value string) secret.Digest
}

// Config is what a Gateway needs.
type Config struct {
	Source  Source
	Sink    Sink
	Levels  Levels
	Keyring Digester

	KeyPrefix   secret.Prefix    // of generated keys; zero: "gwk1"
	ProblemURL  string           // beginning of problem type URIs, such as https://portal.example/problems/
	Policy      AddressPolicy    // which upstreams may be dialled
	HideCookies []string         // cookies that are none of an upstream's business: the portal's session; nil: "gatehouse", "__Host-gatehouse"
	Log         *slog.Logger     // nil: slog.Default()
	Now         func() time.Time // nil: time.Now
}

// Gateway is the data plane, an http.Handler. It answers 503 until Load succeeded. All methods are safe for concurrent use.
type Gateway struct{ config Config }

// New returns a gateway that knows nothing yet.
func New(c Config) *Gateway { return &Gateway{c} }

var errUnfinished = errors.New("enforcement: not loaded")

func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "not ready", http.StatusServiceUnavailable)
}

// Load learns everything: topology, keys with their counts, levels. It may be tried again after an error.
func (g *Gateway) Load(ctx context.Context) error { return errUnfinished }

// CatchUp applies the changes that the gateway has not seen. When it returns nil, they hold on the next request (R8).
func (g *Gateway) CatchUp(ctx context.Context) error { return errUnfinished }

// Run polls for changes and commits usage until ctx ends; then it returns nil. What is not committed yet is left to Drain.
func (g *Gateway) Run(ctx context.Context) error { return errUnfinished }

// Drain stops in order: new requests get 503, requests under way are waited for until ctx ends and cut off then, streams are
// closed at once, then levels and usage are saved. Call it beside http.Server.Shutdown, which closes the listener.
func (g *Gateway) Drain(ctx context.Context) error { return errUnfinished }

// Call sends a request in the name of a key, for the portal's first call. r.URL.Path is /{api}/{stage}/…; no credential is
// needed. It is throttled, metered and answered like any other. At most 1 MiB of the answer's body is kept.
func (g *Gateway) Call(ctx context.Context, key models.KeyID, r *http.Request) (*http.Response, error) {
	return nil, errUnfinished
}

// Limits is where a key stands on a plan at this instant.
type Limits struct {
	Quota    limit.Quota // zero: none
	Used     int64       // charged in Window
	Left     int64       // of the quota; 0..Quota.Limit
	Window   limit.Span  // of the quota that is now
	Throttle *limit.Throttle
	Level    float64 // tokens in the plan's bucket, 0..Burst
}

// Limits returns where a key stands on a plan, for pages. ok is false when the gateway does not know the key on that plan.
func (g *Gateway) Limits(key models.KeyID, plan models.PlanID) (l Limits, ok bool) { return l, false }

// Ready returns nil when requests are served, else the reason.
func (g *Gateway) Ready() error { return errUnfinished }

// Register adds the gateway's metrics to r. It panics when called twice with the same registry.
func (g *Gateway) Register(r prometheus.Registerer) {}
