package enforcement

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"gatehouse/enforcement/transport"
)

const (
	pollEvery   = 250 * time.Millisecond
	commitEvery = time.Second
	// commitShare is how much longer the pause behind a commit is than the commit, up to commitSeldom: of one core, committing takes a thirtieth. What a
	// thousand keys called costs a commit about the same whether they called once or a hundred times, so that waiting makes each call cheaper. Pages tell
	// of usage that much later; nothing is lost meanwhile.
	commitShare  = 30
	commitSeldom = 10 * time.Second
	// saveTime is what saving may take, also of a stop after its time for waiting is over.
	saveTime = 10 * time.Second
)

// Run polls for changes that other processes made and commits usage, until ctx ends; then it returns nil. What is not committed by
// then is left to Drain.
func (g *Gateway) Run(ctx context.Context) error {
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { g.cutInTime(ctx) })
	group.Go(func() { g.writeCallersEvery(ctx) })
	group.Go(func() { g.learnEvery(ctx) })
	group.Go(func() {
		g.proxy.RunChecks(ctx, func() map[*transport.Pool]bool { return g.current.Load().pools() }, g.installed)
	})
	poll, commit := time.NewTicker(pollEvery), time.NewTicker(commitEvery)
	defer poll.Stop()
	defer commit.Stop()
	var changes, refusals, usage grumble
	var due time.Time // of the next commit
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-poll.C:
			changes.note(ctx, g, "gateway does not learn of changes", g.CatchUp(ctx))
		case now := <-commit.C:
			if now.Before(due) {
				refusals.note(ctx, g, "refusals are not written down", g.keepUp(ctx))
			} else {
				begun := time.Now()
				usage.note(ctx, g, "usage is not committed; it is kept in the journal", g.Commit(ctx))
				due = time.Now().Add(pauseAfter(time.Since(begun)))
			}
			g.escrow.sweep()
		}
	}
}

// learnEvery learns the keys of imports that other processes made, until ctx ends.
func (g *Gateway) learnEvery(ctx context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var keys grumble
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			keys.note(ctx, g, "gateway does not learn of imported keys", g.Learn(ctx))
		}
	}
}

// grumble logs that something fails, and that it works again, but not each time.
type grumble struct{ failing bool }

func (b *grumble) note(ctx context.Context, g *Gateway, message string, err error) {
	switch failing := err != nil && ctx.Err() == nil; {
	case failing && !b.failing:
		g.config.Log.Error(message, "error", err)
		b.failing = true
	case err == nil && b.failing:
		g.config.Log.Info("over: " + message)
		b.failing = false
	}
}

// Commit hands the usage that is not committed yet to the books, as Run does each second, or less often where that is much. A commit that has begun comes to its end also when
// ctx does: else nobody would know whether it happened.
func (g *Gateway) Commit(ctx context.Context) error { return g.commit(ctx, false) }

func (g *Gateway) commit(ctx context.Context, ordered bool) error {
	g.commits.Lock()
	defer g.commits.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	return errors.Join(g.meter.Commit(ctx, g.moment(), ordered), g.keepTime(ctx, ordered))
}

// pauseAfter is how long the next commit waits when one took this long.
func pauseAfter(commit time.Duration) time.Duration { return min(commitShare*commit, commitSeldom) }

// keepUp does what of a commit cannot wait: counts of refusals go into the journal, the time into the books.
func (g *Gateway) keepUp(ctx context.Context) error {
	g.commits.Lock()
	defer g.commits.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	return errors.Join(g.meter.WriteDown(g.moment().Wall), g.keepTime(ctx, false))
}

// keepTime keeps the time that has come for the next start.
func (g *Gateway) keepTime(ctx context.Context, ordered bool) error {
	m, due := g.horizon.due(ordered)
	if !due {
		return nil
	}
	if err := g.config.Books.KeepTime(ctx, m); err != nil {
		g.horizon.urgent.Store(true)
		return fmt.Errorf("keep the time: %w", err)
	}
	g.horizon.keep(m)
	return nil
}

// Leave announces an ordered stop: requests are served as before, but each answer closes its connection, and Ready says why. Without it a
// client would find a connection closed on which it has just sent a request. A moment later it is time for EndStreams, beside http.Server.Shutdown, and
// then for Drain.
func (g *Gateway) Leave() { g.open.closing.Store(true) }

// ForgetUpstreams closes the connections to upstreams that carry no request: after a change of what may be dialled, new ones are judged anew.
func (g *Gateway) ForgetUpstreams() { g.proxy.CloseIdle() }

// EndStreams cuts what need not end by itself until done, and, when ctx ends, everything: who shuts a server down waits for what it serves.
func (g *Gateway) EndStreams(ctx, done context.Context) {
	tick := time.NewTicker(drainStep)
	defer tick.Stop()
	for {
		g.open.cut(ctx.Err() != nil)
		select {
		case <-done.Done():
			return
		case <-tick.C:
		}
	}
}

// Drain stops in order: new requests get 503, requests under way are waited for until ctx ends and cut off then, streams are cut
// off at once; then the rights in hand are given back and usage is saved, also when ctx has ended. Call it after http.Server.Shutdown: who still comes is refused.
func (g *Gateway) Drain(ctx context.Context) error {
	g.open.drain(ctx)
	g.proxy.CloseIdle()
	g.authorizers.CloseIdle()
	if g.cache != nil {
		g.cache.Close()
	}
	save, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	var err error
	if g.current.Load() != nil {
		err = g.escrow.giveBack()
	}
	if err := errors.Join(err, g.commit(save, err == nil), g.WriteCallers(save)); err != nil {
		return fmt.Errorf("stop the gateway: %w", err)
	}
	return nil
}
