package transport

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Check is how targets are asked by themselves, without a caller. The zero of a field is its default.
type Check struct {
	Path      string        // of a GET, below the target's own
	Interval  time.Duration // default 10 s
	Timeout   time.Duration // default 2 s
	Unhealthy int           // answers in a row that take a target out, default 3
	Healthy   int           // answers in a row that bring it back, default 2
}

// Defaults of Check.
const (
	defaultInterval  = 10 * time.Second
	defaultTimeout   = 2 * time.Second
	defaultUnhealthy = 3
	defaultHealthy   = 2

	maxChecks     = 64       // under way at once, of all pools
	maxCheckBytes = 64 << 10 // of an answer to one that are read, so that its connection can be used again
)

func (c *Check) interval() time.Duration { return or(c.Interval, defaultInterval) }

func or[T comparable](value, otherwise T) T {
	if value == *new(T) {
		return otherwise
	}
	return value
}

// RunChecks asks the targets of pools by themselves until ctx ends. Pools returns those that are now; changed tells that they are others.
func (p *Proxy) RunChecks(ctx context.Context, pools func() map[*Pool]bool, changed <-chan struct{}) {
	var group sync.WaitGroup
	defer group.Wait()
	running := map[*Pool]context.CancelFunc{}
	defer func() {
		for _, stop := range running {
			stop()
		}
	}()
	for {
		now := pools()
		for pool, stop := range running {
			if !now[pool] {
				stop()
				delete(running, pool)
			}
		}
		for pool := range now {
			if pool.spec.Check == nil || running[pool] != nil {
				continue
			}
			checking, stop := context.WithCancel(ctx)
			running[pool] = stop
			group.Go(func() { p.checkPool(checking, pool) })
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// checkPool asks the targets of a pool until ctx ends. Its rounds are spread by chance, so that the checks of many stages do not come at once.
func (p *Proxy) checkPool(ctx context.Context, pool *Pool) {
	interval := pool.spec.Check.interval()
	timer := time.NewTimer(rand.N(interval/10 + 1))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		p.checkAll(ctx, pool)
		timer.Reset(interval*9/10 + rand.N(interval/5))
	}
}

func (p *Proxy) checkAll(ctx context.Context, pool *Pool) {
	var group sync.WaitGroup
	defer group.Wait()
	for _, t := range pool.targets {
		select {
		case p.checks <- struct{}{}:
		case <-ctx.Done():
			return
		}
		group.Go(func() {
			defer func() { <-p.checks }()
			p.checkTarget(ctx, pool, t)
		})
	}
}

func (p *Proxy) checkTarget(ctx context.Context, pool *Pool, t *Target) {
	c := pool.spec.Check
	err := p.ask(ctx, c, t)
	if ctx.Err() != nil {
		return // the stage is gone, or its settings are
	}
	h, good := t.health, err == nil
	if good != h.down.Load() {
		h.streak.Store(0)
		return
	}
	enough := or(c.Unhealthy, defaultUnhealthy)
	if good {
		enough = or(c.Healthy, defaultHealthy)
	}
	if int(h.streak.Add(1)) < enough {
		return
	}
	h.streak.Store(0)
	h.down.Store(!good)
	h.changed()
	if good {
		p.log.Info("upstream target answers its checks again", "target", t.carrier.reach.String())
		return
	}
	p.log.Warn("upstream target does not answer its checks as it should", "target", t.carrier.reach.String(), "error", err)
}

// ask returns nil for an answer 2xx or 3xx in time.
func (p *Proxy) ask(ctx context.Context, c *Check, t *Target) error {
	ctx, cancel := context.WithTimeout(ctx, or(c.Timeout, defaultTimeout))
	defer cancel()
	var u url.URL
	setPath(&u, c.Path)
	x := &Exchange{client: ctx}
	defer context.AfterFunc(ctx, x.ClientGone)()
	o := &outgoing{
		x: x, verb: http.MethodGet, target: t, path: u.EscapedPath(),
		header: http.Header{"User-Agent": {"Gatehouse-Health-Check"}, "Accept": {"*/*"}},
	}
	rep, err := t.carrier.send(o, &attempt{})
	if err != nil {
		return err
	}
	defer rep.close()
	if rep.body != nil {
		_, _ = io.CopyN(io.Discard, rep.body, maxCheckBytes) // what it says does not matter, only that the connection can be used again
	}
	if rep.status < 200 || rep.status > 399 {
		return fmt.Errorf("it answered with status %d", rep.status)
	}
	return nil
}
