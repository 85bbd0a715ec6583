package transport

import (
	"crypto/tls"
	"math/bits"
	"net/url"
	"reflect"
	"slices"
	"sync/atomic"
	"time"
)

// PoolSpec is what a Pool is made of. The zero of a field is its default.
type PoolSpec struct {
	Targets []TargetSpec // at least one with a weight
	Retries int          // how often a request that may be sent again is
	Breaker Breaker
	Check   *Check // nil: nobody asks the targets by themselves

	Certificate *tls.Certificate // what targets are shown whose Reach says so
}

// TargetSpec is one upstream of a pool.
type TargetSpec struct {
	Reach  Reach
	Path   string // below which everything is: escaped, without a slash at its end
	Weight int    // its share; 0: it gets nothing
}

// Breaker takes a target out that fails for callers.
type Breaker struct {
	Failures int           // in a row that take it out; 0: none do
	Pause    time.Duration // for which it gets nothing then
}

// Pool is the upstreams of a stage. It never changes, but for the health of its targets and whose turn it is.
type Pool struct {
	spec    PoolSpec
	targets []*Target
	order   []uint8 // indexes of targets, each as often as its weight, evenly spread; nil: there is one target
	all     uint32  // the set of indexes in order
	turn    atomic.Uint32
	retries budget
}

// Target is one upstream of a pool.
type Target struct {
	carrier *carrier
	base    url.URL // what requests are sent to, without their own path
	path    string  // of base, escaped
	index   int     // of the pool
	health  *health // outlives pools
}

// Pick is a target that a request may be sent to. Exactly one of Serve and Release ends it.
type Pick struct {
	pool   *Pool
	target *Target
	trial  bool // the target was out: this request tries whether it is back
}

// NewPool makes the pool of a stage. Before is the one until now, or nil: what stays of it keeps its connections and its health.
func (p *Proxy) NewPool(spec PoolSpec, before *Pool) (*Pool, error) {
	shown := spec.Certificate
	spec.Certificate = nil // the targets tell it from others
	if before != nil && reflect.DeepEqual(before.spec, spec) {
		return before, nil
	}
	pool := &Pool{spec: spec}
	pool.retries.tokens.Store(retryReserve)
	var kept []*Target
	if before != nil {
		kept = slices.Clone(before.targets)
	}
	weights := make([]int, len(spec.Targets))
	for i, s := range spec.Targets {
		t := &Target{index: i, health: &health{}}
		var err error
		if t.carrier, err = p.carrier(s.Reach, shown); err != nil {
			return nil, err
		}
		t.base = url.URL{Scheme: s.Reach.scheme(), Host: s.Reach.host()}
		if err := setBase(&t.base, s.Path); err != nil {
			return nil, err
		}
		t.path = t.base.EscapedPath()
		if j := slices.IndexFunc(kept, func(k *Target) bool { return k.carrier.reach == s.Reach }); j >= 0 {
			t.health = kept[j].health
			kept = slices.Delete(kept, j, j+1)
		}
		if spec.Check == nil {
			t.health.down.Store(false) // nobody would say that it is up again
		}
		pool.targets, weights[i] = append(pool.targets, t), s.Weight
	}
	if len(spec.Targets) > 1 {
		pool.order = spread(weights)
		for _, i := range pool.order {
			pool.all |= 1 << i
		}
	}
	return pool, nil
}

func setBase(u *url.URL, escaped string) error {
	path, err := url.PathUnescape(escaped)
	u.Path, u.RawPath = path, escaped
	return err
}

// spread returns each index as often as its weight, the same ones as far from each other as can be.
func spread(weights []int) []uint8 {
	total, divisor := 0, 0
	for _, w := range weights {
		total, divisor = total+w, gcd(w, divisor)
	}
	if total == 0 {
		return nil
	}
	total /= divisor
	order, credit := make([]uint8, total), make([]int, len(weights))
	for i := range order {
		best := -1
		for j, w := range weights {
			credit[j] += w / divisor
			if w > 0 && (best < 0 || credit[j] > credit[best]) {
				best = j
			}
		}
		credit[best] -= total
		order[i] = uint8(best)
	}
	return order
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// Pick chooses a target whose turn it is among those that are in. Without one it returns how long it takes until that may change.
func (p *Pool) Pick(now int64) (pick Pick, wait time.Duration) { return p.pick(now, nil) }

// pick is Pick, rather another one than not.
func (p *Pool) pick(now int64, not *Target) (pick Pick, wait time.Duration) {
	if p.order == nil { // one target, or none with a weight
		t := p.targets[0]
		if trial, ok := t.health.enter(now); ok {
			return Pick{p, t, trial}, 0
		}
		return Pick{}, p.wait(now)
	}
	var tried uint32 // a set of indexes
	for i := uint(p.turn.Add(1)); tried != p.all; i++ {
		index := p.order[i%uint(len(p.order))]
		if tried&(1<<index) != 0 {
			continue
		}
		tried |= 1 << index
		t := p.targets[index]
		if t == not {
			continue
		}
		if trial, ok := t.health.enter(now); ok {
			return Pick{p, t, trial}, 0
		}
	}
	if not != nil {
		if trial, ok := not.health.enter(now); ok {
			return Pick{p, not, trial}, 0
		}
	}
	return Pick{}, p.wait(now)
}

// wait is how long it takes until a target may be in again.
func (p *Pool) wait(now int64) time.Duration {
	least := time.Duration(0)
	for i, t := range p.targets {
		if p.spec.Targets[i].Weight == 0 {
			continue
		}
		wait := time.Duration(t.health.until.Load() - now)
		if t.health.down.Load() && p.spec.Check != nil {
			wait = max(wait, p.spec.Check.interval())
		}
		if least == 0 || wait < least {
			least = max(1, wait)
		}
	}
	return max(time.Second, least)
}

// IsSet reports whether there is a target.
func (k Pick) IsSet() bool { return k.target != nil }

// Release gives a target back that nothing was sent to.
func (k Pick) Release() {
	if k.trial {
		k.target.health.trying.Store(false)
	}
}

// worked says that the target answered.
func (k Pick) worked() {
	h := k.target.health
	if k.trial {
		h.failed.Store(0)
		h.until.Store(0)
		h.paused.Store(0)
		h.trying.Store(false)
		h.changed()
	} else if h.failed.Load() != 0 && h.until.Load() == 0 {
		h.failed.Store(0)
	}
}

// declined says that the target answered that it cannot. That takes it out only where another one may do better: else one caller, who asks five times for what
// the upstream cannot do, would take it away from all others.
func (k Pick) declined(now int64) {
	if bits.OnesCount32(k.pool.all) > 1 {
		k.brokeDown(now)
		return
	}
	k.target.health.failures.Add(1)
	k.worked()
}

// brokeDown says that the target did not answer as it should.
func (k Pick) brokeDown(now int64) {
	h, b := k.target.health, &k.pool.spec.Breaker
	h.failures.Add(1)
	n := int(h.failed.Add(1))
	switch {
	case b.Failures == 0:
	case k.trial:
		h.until.Store(now + int64(k.pause()))
	case n >= b.Failures && h.until.Load() == 0 && h.until.CompareAndSwap(0, now+int64(k.pause())):
		h.changed()
	}
	if k.trial {
		h.trying.Store(false)
	}
}

// firstPause is the first one of an only target.
const firstPause = 500 * time.Millisecond

// pause is how long the target gets nothing from now on. Where there is no other one, callers get nothing either: it is tried soon, and each time that it fails
// again a pause is twice as long, up to the stage's.
func (k Pick) pause() time.Duration {
	most := k.pool.spec.Breaker.Pause
	if bits.OnesCount32(k.pool.all) > 1 {
		return most
	}
	return min(most, firstPause<<min(k.target.health.paused.Add(1)-1, 20))
}

// health is how a target does.
type health struct {
	until    atomic.Int64 // of the clock: it gets nothing before; from then on one request at a time tries it; 0: it is in
	failed   atomic.Int32 // for callers, in a row
	trying   atomic.Bool  // a request tries it
	paused   atomic.Int32 // pauses in a row
	down     atomic.Bool  // it does not answer checks as it should
	failures atomic.Int64 // for callers, ever
	streak   atomic.Int32 // answers to checks in a row that say the opposite of down
	since    atomic.Int64 // Unix time of the newest change between in and out; 0: there was none
}

// enter reports whether a request may be sent, and whether it is the one that tries.
func (h *health) enter(now int64) (trial, ok bool) {
	if h.down.Load() {
		return false, false
	}
	until := h.until.Load()
	if until == 0 {
		return false, true
	}
	if now < until || !h.trying.CompareAndSwap(false, true) {
		return false, false
	}
	if h.until.Load() != until { // another one tried meanwhile
		h.trying.Store(false)
		return h.enter(now)
	}
	return true, true
}

// changed notes that the target is in or out from now on.
func (h *health) changed() { h.since.Store(time.Now().Unix()) }

// State is what a target of a pool does.
type State struct {
	In       bool      // it gets requests
	Unwell   bool      // it does not answer checks as it should
	Trying   bool      // its pause is over: the next request tries it
	Since    time.Time // since when it is in or out; zero: since the start
	Failures int64     // for callers, ever
}

// States returns the state of each target.
func (p *Pool) States(now int64) []State {
	states := make([]State, len(p.targets))
	for i, t := range p.targets {
		h := t.health
		until := h.until.Load()
		states[i] = State{In: !h.down.Load() && until == 0, Unwell: h.down.Load(), Trying: until != 0 && now >= until, Failures: h.failures.Load()}
		if since := h.since.Load(); since != 0 {
			states[i].Since = time.Unix(since, 0).UTC()
		}
	}
	return states
}
