package enforcement

import (
	"fmt"
	"sync/atomic"
	"time"

	"gatehouse/enforcement/authorizer"
	"gatehouse/enforcement/keyring"
	"gatehouse/enforcement/transport"
	"gatehouse/enforcement/validation"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// snapshot is a topology made ready for requests. It never changes, but for what its parts remember: the levels of the buckets of stages and accounts,
// which pass from one snapshot to the next, the windows of quotas, and when a stage was last warned about.
type snapshot struct {
	apis     map[string]*api // by id and by slug; where an id and a slug are equal, the id wins
	stages   map[models.StageID]*stage
	plans    map[models.PlanID]*plan
	accounts map[models.AccountID]*account
	hosts    *hosts // nil: paths alone lead somewhere
	number   uint64 // rises from one to the next
}

// account is an owner whose APIs share a throttle.
type account struct {
	id       models.AccountID
	throttle limit.Throttle // for words; the bucket decides
	shared   limit.SharedLayer
}

type api struct {
	id      models.APIID
	slug    string
	name    string
	account *account // nil: its owner has no throttle
	stages  map[string]*stage

	authorizers map[models.AuthorizerID]*authorizer.Authorizer
}

// stage is a stage with what is deployed to it.
type stage struct {
	id        models.StageID
	name      string
	api       *api
	plain     bool                       // the fast lane may serve it
	broken    string                     // why it is not served; empty: it is
	pool      *transport.Pool            // its upstreams; nil: it is broken, or has none of its own
	origins   map[origin]*transport.Pool // of its integrations
	insecure  bool                       // certificates of upstreams are not looked at
	shows     time.Time                  // until when the certificate holds that its upstreams are shown; zero: they are shown none
	timeout   time.Duration
	idle      time.Duration // for each part of an answer; 0: the default
	maxBody   int64         // bytes of a request; 0: as the operator says
	streamMax time.Duration // 0: as the operator says
	key       models.KeySource
	methods   []*method
	routes    routes
	throttle  limit.Throttle // for words; the bucket decides
	shared    limit.SharedLayer
	grants    map[models.PlanID]*grant
	asks      *asks     // nil: nobody is asked about its callers
	epoch     int64     // of what is kept of that
	life      *life     // nil: nothing is announced of it
	policies  *policies // nil: requests and answers are passed on as they are
	count     *stageCount

	canary      *stage // what a part of the callers gets in place of it; nil: nobody does
	canaryShare uint64 // of 1<<32
	deployment  string // of a canary: its id; else empty

	warned atomic.Int64 // Unix seconds of the last warning about the upstream
}

// mayWarn keeps an upstream that is down from filling the log: one warning a second is enough to see why.
func (st *stage) mayWarn(second int64) bool {
	last := st.warned.Load()
	return last != second && st.warned.CompareAndSwap(last, second)
}

// grant is what a plan opens of a stage.
type grant struct {
	plan  *plan
	rules []rule // by method.index; nil: the plan treats all methods alike
}

// rule is what a plan says of one method.
type rule struct {
	excluded bool
	throttle limit.Throttle
	bucket   limit.Bucket // unlimited unless the plan limits the method
}

// plan is a usage plan's version in force.
type plan struct {
	id        models.PlanID
	name      string
	throttle  *limit.Throttle
	bucket    limit.Bucket
	delivered bool  // charge by models.ChargeDelivered
	endsAt    int64 // Unix nanoseconds; 0: it has no end
	quota     quota
	version   uint32 // of the terms
	snapshot  uint64 // the number of the one that it is of
	base      *plan  // of which this is what one key has; nil: it is the plan of all others
}

// ended reports whether the plan opens nothing any more.
func (p *plan) ended(at instant) bool { return p.endsAt != 0 && at.reached >= p.endsAt }

// quota is a limit.Quota that remembers the window that is now. The zero limit.Quota is none.
type quota struct {
	limit.Quota
	shape keyring.Shape
	last  atomic.Uint64 // a window: its first day, and its end in the upper half; empty at first
}

// window is a quota's window in Unix days, the end excluded.
type window struct{ first, end int32 }

// at returns the window that a day is in.
func (q *quota) at(day int32) window {
	last := q.last.Load()
	if w := (window{int32(last), int32(last >> 32)}); day >= w.first && day < w.end {
		return w
	}
	return q.windowOf(day)
}

func (q *quota) windowOf(day int32) window {
	span := q.Window(time.Unix(int64(day)*secondsPerDay, 0).UTC())
	w := window{keyring.Day(span.Start), keyring.Day(span.End)}
	q.last.Store(uint64(uint32(w.first)) | uint64(uint32(w.end))<<32)
	return w
}

const secondsPerDay = 86400

// compile makes a snapshot. What is broken is not served, and breaks nothing else. Before is the snapshot until now, or nil; pages is where the addresses of
// APIs' public pages begin.
func compile(t models.Topology, before *snapshot, pages string, proxy *transport.Proxy, own Hosts, all documents) *snapshot {
	s := &snapshot{
		apis:     map[string]*api{},
		stages:   map[models.StageID]*stage{},
		plans:    map[models.PlanID]*plan{},
		accounts: map[models.AccountID]*account{},
	}
	if before != nil {
		s.number = before.number + 1
	}
	for _, in := range t.Accounts {
		s.accounts[in.ID] = &account{in.ID, in.Throttle, limit.SharedLayer{Bucket: in.Throttle.Compile(), State: before.accountLevel(in.ID)}}
	}
	compiled := make([]*api, len(t.APIs))
	for i := range t.APIs {
		compiled[i] = s.compileAPI(&t.APIs[i], &compiler{before, pages, proxy, all})
		s.apis[t.APIs[i].Slug] = compiled[i]
	}
	for _, a := range compiled {
		s.apis[a.id.String()] = a
	}
	for i := range t.Plans {
		s.compilePlan(&t.Plans[i])
	}
	s.hosts = s.compileHosts(own, t.Domains)
	return s
}

// compiler is what stages are compiled with.
type compiler struct {
	before *snapshot // nil: there is none
	pages  string    // where the addresses of APIs' public pages begin
	proxy  *transport.Proxy

	documents documents
}

func (s *snapshot) compileAPI(in *models.GatewayAPI, c *compiler) *api {
	a := &api{id: in.ID, slug: in.Slug, name: in.Name, account: s.accounts[in.OwnerID], stages: map[string]*stage{}}
	a.compileAuthorizers(in.Authorizers, c.before)
	for i := range in.Stages {
		st := c.stage(&in.Stages[i], a, false)
		if in.Stages[i].Throttle != nil {
			st.throttle = *in.Stages[i].Throttle
			st.shared = limit.SharedLayer{Bucket: st.throttle.Compile(), State: c.before.stageLevel(st.id)}
		}
		st.deprecate(in, c.pages)
		if st.canary = compileCanary(&in.Stages[i], st, c); st.canary != nil {
			st.canary.deprecate(in, c.pages)
		}
		st.limitMethods(&in.Stages[i], c.before)
		if a.authorizers != nil {
			st.asks = c.before.asksOf(st)
			if st.canary != nil {
				st.canary.asks = st.asks
			}
		}
		st.plain = st.isPlain()
		a.stages[st.name] = st
		s.stages[st.id] = st
	}
	return a
}

// deprecate puts together what is announced of the stage and of its methods.
func (st *stage) deprecate(in *models.GatewayAPI, pages string) {
	if len(in.Deprecations) == 0 {
		return
	}
	var whole *models.Deprecation
	own := map[models.MethodID]*models.Deprecation{}
	for i := range in.Deprecations {
		switch d := &in.Deprecations[i]; {
		case d.StageID == st.id:
			whole = d
		case d.StageID == 0:
			own[d.MethodID] = d
		}
	}
	st.life = lifeOf(pages, in.Slug, whole)
	for _, m := range st.methods {
		m.life = lifeOf(pages, in.Slug, own[m.id], whole)
	}
}

// stageLevel returns the level of a stage's bucket, which outlives snapshots; before may be nil.
func (before *snapshot) stageLevel(id models.StageID) *limit.Shared {
	if before != nil {
		if st := before.stages[id]; st != nil && st.shared.State != nil {
			return st.shared.State
		}
	}
	return new(limit.Shared)
}

// accountLevel is stageLevel for an account.
func (before *snapshot) accountLevel(id models.AccountID) *limit.Shared {
	if before != nil {
		if a := before.accounts[id]; a != nil {
			return a.shared.State
		}
	}
	return new(limit.Shared)
}

// accountLayer is the throttle of everything that the stage's owner publishes.
func (st *stage) accountLayer() limit.SharedLayer {
	if st.api.account == nil {
		return limit.SharedLayer{}
	}
	return st.api.account.shared
}

// stage compiles a stage without its canary, or the canary.
func (c *compiler) stage(in *models.GatewayStage, a *api, canary bool) *stage {
	st := &stage{
		id: in.ID, name: in.Name, api: a, timeout: in.Timeout, key: in.KeySource, grants: map[models.PlanID]*grant{}, insecure: in.Settings.TLS.Insecure, shows: endOf(in.Certificate),
		idle: in.Settings.Timeouts.Idle,
	}
	st.epoch = in.Settings.AuthorizerEpoch
	st.maxBody, st.streamMax = in.Settings.Limits.MaxBody, in.Settings.Timeouts.Stream
	if st.timeout <= 0 {
		st.timeout = models.DefaultTimeout
	}
	var err error
	if in.Upstream != "" {
		if st.pool, err = poolOf(in, in.Settings.Variables, c.proxy, c.before.pool(in.ID, canary)); err != nil {
			st.broken = err.Error()
		}
	}
	if err := in.KeySource.Check(); err != nil {
		st.broken = fmt.Sprintf("where the key is read is not valid: %v", err)
	}
	if st.policies, err = compilePolicies(in, c.documents); err != nil {
		st.broken = err.Error()
	}
	if in.Broken != "" {
		st.broken = in.Broken
	}
	schemas := validation.NewModels(in.Parts.Models)
	for i := range in.Methods {
		m := &in.Methods[i]
		compiled := &method{id: m.ID, index: i, name: m.Name(), keyRequired: m.KeyRequired, path: m.Path, authorizer: a.authorizerOf(m.Authorizer), scopes: m.Scopes}
		c.integrate(in, st, m, compiled, canary)
		if compiled.wanted, err = compileWanted(m, &in.Parts, schemas); err != nil {
			st.broken = err.Error()
		}
		st.methods = append(st.methods, compiled)
		st.routes.add(m.Verb, m.Path, compiled)
	}
	return st
}

func (s *snapshot) compilePlan(in *models.GatewayPlan) {
	t := &in.Terms
	p := &plan{id: in.ID, version: uint32(in.Version), snapshot: s.number, name: t.Name, throttle: t.Throttle, delivered: t.Charge == models.ChargeDelivered}
	if !in.EndsAt.IsZero() {
		p.endsAt = in.EndsAt.UnixNano()
	}
	if t.Throttle != nil {
		p.bucket = t.Throttle.Compile()
	}
	if t.Quota != nil {
		p.quota.Quota, p.quota.shape = *t.Quota, keyring.ShapeOf(*t.Quota)
	}
	s.plans[p.id] = p
	for i := range t.Stages {
		for st := s.stages[t.Stages[i].StageID]; st != nil; st = st.canary {
			st.grants[p.id] = &grant{plan: p, rules: st.rulesOf(&t.Stages[i])}
		}
	}
}

// rulesOf leaves out what a plan says of methods that are not deployed.
func (st *stage) rulesOf(in *models.PlanStage) []rule {
	if len(in.Throttles) == 0 && len(in.Excluded) == 0 {
		return nil
	}
	rules := make([]rule, len(st.methods))
	for _, m := range st.methods {
		for _, t := range in.Throttles {
			if t.MethodID == m.id {
				rules[m.index].throttle, rules[m.index].bucket = t.Throttle, t.Throttle.Compile()
			}
		}
		for _, id := range in.Excluded {
			rules[m.index].excluded = rules[m.index].excluded || id == m.id
		}
	}
	return rules
}

// ruleOf returns what the grant says of a method; nil: nothing.
func (g *grant) ruleOf(m *method) *rule {
	if g.rules == nil {
		return nil
	}
	return &g.rules[m.index]
}
