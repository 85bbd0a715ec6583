package models

import "time"

// StageSettings is how a stage proxies, beyond upstream, timeout and throttle. The zero value is the plain stage: one upstream, nothing changed, nothing
// kept. They act at once, without a deployment.
type StageSettings struct {
	Targets     StageTargets      `json:",omitzero"`
	Timeouts    StageTimeouts     `json:",omitzero"`
	Limits      StageLimits       `json:",omitzero"`
	Variables   map[string]string `json:",omitzero"` // stands for ${stageVariables.name} in upstream addresses and header values
	Canary      *Canary           `json:",omitzero"` // nil: all callers get the stage's deployment
	Request     []HeaderRule      `json:",omitzero"` // for the upstream, in this order
	Response    []HeaderRule      `json:",omitzero"` // for callers, in this order
	CORS        *CORS             `json:",omitzero"` // nil: preflights are answered for every origin, answers are the upstream's
	Cache       *StageCache       `json:",omitzero"` // nil: nothing is kept
	Maintenance *Maintenance      `json:",omitzero"` // nil: it is served
	Validation  RequestValidation `json:",omitzero"`
	TLS         UpstreamTLS       `json:",omitzero"`

	AuthorizerEpoch int64 `json:",omitzero"` // a flush raises it: what authorizers said of the stage's callers under another one does not hold any more

	Methods map[string]MethodSetting `json:",omitzero"` // by Method.Name, or AllMethods, whose throttle is Stage.Throttle
	Notes   StageNotes               `json:",omitzero"`
}

// StageTargets is how the requests of a stage are spread over its upstream and others like it.
type StageTargets struct {
	Weight  int      // of the stage's Upstream, 1..1000; 0 means 1
	Others  []Target // at most 15
	Retries int      // how often a request that may be sent again is tried on another connection or target, 1..5; 0 means 1, NoRetries none
	Health  *HealthCheck
	Breaker Breaker
}

// NoRetries is StageTargets.Retries of a stage whose requests are sent once.
const NoRetries = -1

// Target is a further upstream.
type Target struct {
	URL    string // as Stage.Upstream
	Weight int    // 0..1000; 0: it gets nothing
}

// HealthCheck asks each target by itself. The zero of a field is its default.
type HealthCheck struct {
	Path      string        // of a GET, below the target's own path
	Interval  time.Duration // 1 s to 10 min, default 10 s
	Timeout   time.Duration // 100 ms to 1 min, default 2 s
	Unhealthy int           // answers in a row that take a target out, 1..10, default 3; anything but 2xx and 3xx is one
	Healthy   int           // answers in a row that bring it back, 1..10, default 2
}

// Breaker takes a target out that fails for callers. The zero of a field is its default.
type Breaker struct {
	Off      bool
	Failures int           // in a row (unreachable, timeout; where there is another target also 502, 503, 504), 1..1000, default 5
	Pause    time.Duration // how long it gets nothing then, 1 s to 10 min, default 10 s; one request tries it after that. An only target is tried sooner
}

// StageTimeouts are more bounds of time than Stage.Timeout. The zero of a field is its default.
type StageTimeouts struct {
	Connect time.Duration // to a target, 100 ms to 1 min, default 10 s
	Idle    time.Duration // between two parts of an answer, 1 s to 1 h, default 5 min
	Stream  time.Duration // of a WebSocket or a stream of events in all, 1 min to 30 d, default none
}

// StageLimits are bounds of size. The zero of a field is the operator's default.
type StageLimits struct {
	MaxBody int64 // bytes of a request's body, 1..1<<40
}

// Canary sends a part of the callers to another deployment.
type Canary struct {
	Percent    float64           // of requests, 0..100, by key, so that a caller stays where it is; without a key by request
	Deployment DeploymentID      // of the same API
	Variables  map[string]string // in place of the stage's own of these names
}

// HeaderAction is what a rule does.
type HeaderAction string

// The actions of header rules.
const (
	HeaderSet    HeaderAction = "set"    // in place of all of its name
	HeaderAdd    HeaderAction = "add"    // beside those of its name
	HeaderRemove HeaderAction = "remove" // all of its name
)

// HeaderRule changes one header.
type HeaderRule struct {
	Action HeaderAction
	Name   string
	Value  string // of set and add; may contain ${stageVariables.name} and ${requestId}
}

// CORS says which pages of browsers may call. The gateway answers preflights and puts the headers on every answer, its refusals included, in place of the
// upstream's.
type CORS struct {
	Origins     []string      // such as https://app.example.com, https://*.example.com, or * alone
	Headers     []string      // that pages may send; empty: whatever they ask for
	Expose      []string      // that pages may read, beside those of limits and request id
	MaxAge      time.Duration // for which a browser remembers, 0..24 h
	Credentials bool          // pages may send cookies along; not with *
}

// StageCache keeps answers to GET and HEAD. The key is always part of what an answer is kept under.
type StageCache struct {
	TTL     time.Duration // of answers that do not say it themselves, 1 s to 1 h
	Methods []MethodID    // empty: all GET methods
	Vary    []string      // request headers that make answers different
	MaxBody int64         // bytes of an answer that is kept, 1 KiB..16 MiB, default 1 MiB
	Bypass  bool          // callers may ask past it with Cache-Control: no-cache
	Epoch   int64         // a purge raises it: what was kept under another one is not answered with any more

	// What the management API's method settings say, by Method.Name; see Life.
	Named     map[string]time.Duration `json:",omitzero"` // in place of TTL and Methods; 0: nothing is kept
	OnlyNamed bool                     `json:",omitzero"` // nothing but those is kept
}

// Maintenance answers 503 instead of the upstream.
type Maintenance struct {
	Until   time.Time // for Retry-After; zero: not known
	Message string    // for callers, at most 200 characters
}

// RequestValidation compares requests with the deployed OpenAPI document.
type RequestValidation struct {
	Parameters bool // of path, query and header
	Body       bool
}

// UpstreamTLS is how a stage meets upstreams that speak TLS.
type UpstreamTLS struct {
	CA          string              // PEM of what is trusted instead of the system's; empty: the system's
	ServerName  string              // that the certificate must have; empty: the address's
	Certificate ClientCertificateID // what the gateway shows; 0: nothing
	Insecure    bool                // the certificate is not looked at
}

// StagePart is a part of a stage that its owner changes by itself; events name it.
type StagePart string

// The parts of a stage.
const (
	StageBasics      StagePart = "update" // upstream, timeout and throttle
	StageUpstream    StagePart = "upstream"
	StageVariables   StagePart = "variables"
	StageCanary      StagePart = "canary"
	StageHeaders     StagePart = "headers"
	StageCORS        StagePart = "cors"
	StageCaching     StagePart = "cache"
	StageBounds      StagePart = "limits" // of bodies, and what is compared with the document
	StageMaintenance StagePart = "maintenance"
)
