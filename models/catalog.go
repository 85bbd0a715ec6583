package models

import (
	"crypto/tls"
	"time"

	"gatehouse/models/limit"
)

// This file is what the gateway is told: the topology (small: APIs, stages, methods, plans), one Credential per key (many), and the
// change log that says which of them to load again.

// ChangeKind says what a change touches.
type ChangeKind string

// The kinds of changes. A topology change recompiles the snapshot; a plan change does so too and sums the quota counters of the plan's keys
// again; a key change reloads one credential.
const (
	ChangeTopology ChangeKind = "topology"
	ChangePlan     ChangeKind = "plan"
	ChangeKey      ChangeKind = "key"
	ChangeImport   ChangeKind = "import" // all keys that an import made
)

// Change is an entry of the gapless change log. Only what the gateway enforces is in it (DECISIONS 65).
type Change struct {
	Version int64 // 1, 2, 3 …
	Kind    ChangeKind
	ID      int64 // PlanID or KeyID; zero for topology
}

// Topology is everything that the gateway needs but the keys.
type Topology struct {
	Accounts []GatewayAccount // whose APIs share a throttle
	APIs     []GatewayAPI
	Plans    []GatewayPlan // published, retired and ended ones
	Domains  []GatewayDomain
}

// GatewayDomain is a host name that leads to a stage, which may not be deployed.
type GatewayDomain struct {
	Host     string
	BasePath string
	Stage    StageID
}

// GatewayAccount is an owner with the throttle of everything that he publishes.
type GatewayAccount struct {
	ID       AccountID
	Throttle limit.Throttle
}

// GatewayAPI is an API with its deployed stages.
type GatewayAPI struct {
	ID      APIID
	OwnerID AccountID
	Slug    string
	Name    string
	Stages  []GatewayStage // none: nothing is deployed

	Deprecations []Deprecation       // of its operations and stages
	Authorizers  []GatewayAuthorizer // that its methods may name
}

// GatewayStage is a stage with the deployment that it points at.
type GatewayStage struct {
	ID        StageID
	Name      string
	Upstream  string // empty: the methods' integrations answer
	Timeout   time.Duration
	Throttle  *limit.Throttle
	Settings  StageSettings
	KeySource KeySource // as deployed
	Methods   []Method  // as deployed
	Parts     DeploymentParts
	Document  DocumentID     // as deployed, where requests are compared with it; 0: there is none, or they are not
	Canary    *GatewayCanary // what Settings.Canary names; nil: all callers get the stage's own deployment

	Certificate *tls.Certificate // what Settings.TLS.Certificate names; nil: nothing is shown
	Broken      string           // why the stage cannot be served, such as a client certificate whose key cannot be opened; empty: it can
}

// GatewayCanary is the deployment that a part of a stage's callers gets.
type GatewayCanary struct {
	KeySource KeySource
	Methods   []Method
	Parts     DeploymentParts
	Document  DocumentID
}

// Documents are those that the stage's requests are compared with.
func (s *GatewayStage) Documents() (ids []DocumentID) {
	if s.Document != 0 {
		ids = append(ids, s.Document)
	}
	if s.Canary != nil && s.Canary.Document != 0 {
		ids = append(ids, s.Canary.Document)
	}
	return ids
}

// GatewayPlan is a plan's version in force.
type GatewayPlan struct {
	ID      PlanID
	Version int
	EndsAt  time.Time // from then on it opens nothing; zero: it has no end
	Terms   Terms
}

// Credential is a key as the gateway knows it.
type Credential struct {
	KeyID     KeyID
	AppID     AppID
	Enabled   bool // false also when revoked
	Revoked   bool
	ExpiresAt time.Time          // zero: never
	Secrets   []CredentialSecret // the current one first
	Plans     []CredentialPlan
}

// RememberedValues is how many values that were replaced a Credential tells of, the newest ones. Their callers are told that the key was
// rotated; those of older ones that the value is not known. No value is ever used again, however old.
const RememberedValues = 5

// CredentialSecret is one value of a key.
type CredentialSecret struct {
	Digest  [32]byte  // HMAC of the value
	StopsAt time.Time // zero: it is the current one
}

// CredentialPlan is a membership.
type CredentialPlan struct {
	PlanID   PlanID
	State    MembershipState
	Override *Override // nil: the plan's limits are the key's
}

// ThrottleLevel is a bucket's state, kept over a stop (DECISIONS 55). KeyID is zero for a bucket that many keys share, a stage's, that of
// one of its methods, or an account's; MethodID is zero for a plan's or a stage's own bucket.
type ThrottleLevel struct {
	KeyID     KeyID
	PlanID    PlanID
	StageID   StageID
	MethodID  MethodID
	AccountID AccountID
	TAT       int64     // as the gateway has it: on the clock of this boot of the machine
	FullAt    time.Time // when the bucket would be full again
}
