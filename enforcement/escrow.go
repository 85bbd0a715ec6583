package enforcement

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/enforcement/crash"
	"gatehouse/enforcement/keyring"
	"gatehouse/models"
)

// Ledger hands out the rights of quotas (RELIABILITY 2.2). The store implements it.
type Ledger interface {
	// Exchange answers asks in their order. An error says that it is not known which of them were heard, and does no harm: all numbers
	// are cumulative.
	Exchange(ctx context.Context, asks []models.QuotaAsk) ([]models.QuotaGrant, error)
}

const (
	// DefaultPatience is how long a request without a right in hand waits for one, unless Config says otherwise (DECISIONS 48).
	DefaultPatience = 250 * time.Millisecond
	// warmPatience is that while the gateway is warming up: nobody has a right in hand yet, and all ask at once.
	warmPatience = 2 * time.Second
	// exchangeTime is what one call of the ledger may take.
	exchangeTime = 5 * time.Second
	// idleTime is how long a key keeps rights that it does not use.
	idleTime = 10 * time.Second
)

// escrow gets rights for keys from the ledger before they are needed, and for requests that wait for one. One exchange is under way at a time:
// whatever comes up meanwhile goes with the next, so that there is one call of the ledger for all that wait, and no waiting for company.
type escrow struct {
	g      *Gateway
	refill *inbox
	due    atomic.Bool           // there is something to exchange
	works  atomic.Bool           // somebody does
	epoch  uint32                // of this process: the upper half of the numbers of asks
	away   atomic.Pointer[error] // why the ledger did not answer last; nil: it did

	mu      sync.Mutex // of what follows: for those that wait, and never taken by a key that holds rights
	waiting map[holding]*waiters
	orphans []models.QuotaAsk // of keys that were forgotten

	exchange sync.Mutex // of what follows: held by the one exchange
	asked    uint32     // how many asks there were
	holdings map[holding]*lease
}

// holding names what a key holds on a plan.
type holding struct {
	key  models.KeyID
	plan models.PlanID
}

// waiters are requests that wait for the same holding.
type waiters struct {
	n    int64
	done chan struct{} // closed when the ledger answered
	err  error         // why it did not; to be read after done
}

// lease is what the escrow remembers of a holding that has rights in hand, or has something to report.
type lease struct {
	used  int64 // when it was looked at last
	since time.Time
	idle  time.Time // since when it is not used
	rate  float64   // requests a second
}

func newEscrow(g *Gateway) *escrow {
	return &escrow{g: g, refill: newInbox(), waiting: map[holding]*waiters{}, holdings: map[holding]*lease{}}
}

// want notes that a key is about to run out of rights. It must not be forgotten: if there is no room, the next request says it again.
func (x *escrow) want(key models.KeyID) bool {
	ok := x.refill.put(uint64(key))
	x.call()
	return ok
}

// call has everything exchanged that is due.
func (x *escrow) call() {
	x.due.Store(true)
	if x.works.CompareAndSwap(false, true) {
		go x.work()
	}
}

// work serves until nothing is due. It looks once more after it has said that it does not work any more: whoever called before that left it to this worker.
func (x *escrow) work() {
	for {
		for x.due.Swap(false) {
			x.serve(nil)
		}
		x.works.Store(false)
		if !x.due.Load() || !x.works.CompareAndSwap(false, true) {
			return
		}
	}
}

// wait returns when the ledger has answered for a holding: nil, why it did not, or the end of ctx. N is how many rights are waited for.
func (x *escrow) wait(ctx context.Context, h holding, n int64) error {
	x.mu.Lock()
	w := x.waiting[h]
	if w == nil {
		w = &waiters{done: make(chan struct{})}
		x.waiting[h] = w
	}
	w.n += n
	x.mu.Unlock()
	x.call()
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sweep gives back what keys do not use. While the ledger is away it asks whether it is back. Run calls it each second.
func (x *escrow) sweep() {
	x.exchange.Lock()
	back := x.unused()
	if len(back) == 0 && x.away.Load() != nil {
		back = x.refused()
	}
	x.exchange.Unlock()
	if len(back) > 0 {
		x.serve(back)
	}
}

// serve serves all that wait, all that are about to run out, and the holdings that are to be given back.
func (x *escrow) serve(back []holding) {
	x.exchange.Lock()
	defer x.exchange.Unlock()
	waiting, orphans := x.take()
	t := turn{x: x}
	for h, w := range waiting {
		t.add(h, w.n, true)
	}
	x.refill.drain(func(key uint64) { t.addWanting(models.KeyID(key)) })
	for _, h := range back {
		if waiting[h] == nil {
			t.add(h, 0, false)
		}
	}
	t.asks = append(t.asks, orphans...)
	err := t.exchange()
	for _, w := range waiting {
		w.err = err
		close(w.done)
	}
}

// take takes what came up since the last turn.
func (x *escrow) take() (map[holding]*waiters, []models.QuotaAsk) {
	x.mu.Lock()
	defer x.mu.Unlock()
	waiting, orphans := x.waiting, x.orphans
	x.waiting, x.orphans = map[holding]*waiters{}, nil
	return waiting, orphans
}

// unused returns the holdings that nobody used for a while, or that their keys may not use any more. It takes the rate of the others.
func (x *escrow) unused() (back []holding) {
	now := x.g.config.Now()
	for h, l := range x.holdings {
		e, ok := x.g.keys.ByKey(h.key)
		if !ok {
			delete(x.holdings, h)
			continue
		}
		m := e.Member(h.plan)
		used, gone, held := m.Used, m.State != keyring.Active || e.Status() != keyring.Enabled, m.Held()
		e.Unlock()
		if used != l.used {
			l.measure(used, now)
			continue
		}
		if gone && held > 0 || now.Sub(l.idle) >= idleTime || now.Before(l.idle) {
			back = append(back, h)
		}
	}
	return back
}

// refused returns one holding that has nothing in hand: the ledger refuses it. If there is none, nobody is refused.
func (x *escrow) refused() []holding {
	for h := range x.holdings {
		e, ok := x.g.keys.ByKey(h.key)
		if !ok {
			continue
		}
		m := e.Member(h.plan)
		empty := m != nil && m.Held() == 0
		e.Unlock()
		if empty {
			return []holding{h}
		}
	}
	x.away.Store(nil)
	return nil
}

// measure notes how fast a holding is used: half of what it is now, half of what it was.
func (l *lease) measure(used int64, now time.Time) {
	if d := now.Sub(l.since).Seconds(); d > 0 {
		l.rate = (l.rate + max(0, float64(used-l.used))/d) / 2
	}
	l.used, l.since, l.idle = used, now, now
}

// forget is for a key that is about to be: what it holds is reported by the next turn. It is called under the entry's lock.
func (x *escrow) forget(e *keyring.Entry) {
	var asks []models.QuotaAsk
	e.Members(func(m *keyring.Member) {
		for _, c := range e.Closed() {
			if c.Plan == m.Plan {
				asks = append(asks, e.AskOf(c))
			}
		}
		if a := e.Ask(m, false, 0); !a.Join {
			asks = append(asks, a)
		}
	})
	x.mu.Lock()
	defer x.mu.Unlock()
	x.orphans = append(x.orphans, asks...)
}

// number numbers an ask: numbers rise over the life of the process, and from one process to the next.
func (x *escrow) number() uint64 {
	x.asked++
	return uint64(x.epoch)<<32 | uint64(x.asked)
}

// giveBack returns everything that is held, for an ordered stop. Requests must have ended.
func (x *escrow) giveBack() error {
	x.exchange.Lock()
	defer x.exchange.Unlock()
	t := turn{x: x}
	for h := range x.holdings {
		t.add(h, 0, false)
	}
	_, orphans := x.take()
	t.asks = append(t.asks, orphans...)
	return t.exchange()
}

// turn is one exchange: asks, and where their answers belong.
type turn struct {
	x    *escrow
	asks []models.QuotaAsk
	from []asker // of the first asks; orphans have none
}

// asker is the part of an entry that an ask speaks for.
type asker struct {
	holding
	closed *keyring.Closed // nil: the window that is now
}

// add asks for a holding: for its windows that are left, then for the one that is now.
func (t *turn) add(h holding, want int64, keep bool) {
	e, ok := t.x.g.keys.ByKey(h.key)
	if !ok {
		return
	}
	defer e.Unlock()
	t.addMember(e, e.Member(h.plan), want, keep)
}

// addWanting asks for those holdings of a key that are about to run out.
func (t *turn) addWanting(key models.KeyID) {
	e, ok := t.x.g.keys.ByKey(key)
	if !ok {
		return
	}
	defer e.Unlock()
	e.Members(func(m *keyring.Member) {
		if m.Wants() {
			t.addMember(e, m, 1, true)
		}
	})
}

func (t *turn) addMember(e *keyring.Entry, m *keyring.Member, want int64, keep bool) {
	if m == nil || m.Shape == 0 && len(e.Closed()) == 0 {
		return
	}
	h := holding{e.Key(), m.Plan}
	for _, c := range e.Closed() {
		if c.Plan == m.Plan {
			t.push(e.AskOf(c), asker{h, &c})
		}
	}
	if m.Shape == 0 {
		return
	}
	p := t.x.g.current.Load().plans[m.Plan]
	a := e.Ask(m, keep && p != nil && m.Version == p.version, want)
	if l := t.x.holdings[h]; l != nil {
		a.Rate = l.rate
	}
	a.Holders = 1
	t.push(a, asker{h, nil})
}

func (t *turn) push(a models.QuotaAsk, from asker) {
	t.asks, t.from = append(t.asks, a), append(t.from, from)
}

// exchange asks the ledger, and asks again what it would not answer before a count.
func (t *turn) exchange() error {
	ctx, cancel := context.WithTimeout(context.Background(), exchangeTime)
	defer cancel()
	counts, err := t.once(ctx)
	if err != nil || len(counts) == 0 {
		return err
	}
	// The holdings have given up what they held, so that nothing is admitted between the commit and the count.
	if err := t.x.g.Commit(ctx); err != nil {
		return err
	}
	again := turn{x: t.x}
	for h, c := range counts {
		again.add(h, c.want, false)
	}
	for i := range again.asks {
		again.asks[i].Recount, again.asks[i].At = true, counts[again.from[i].holding].version
	}
	_, err = again.once(ctx)
	return err
}

// recount is what a holding wants whose count must be taken anew, and the version of the terms under which it must.
type recount struct{ want, version int64 }

// once asks the ledger. It returns the holdings whose count must be taken anew, with what they want.
func (t *turn) once(ctx context.Context) (counts map[holding]recount, err error) {
	if len(t.asks) == 0 {
		return nil, nil
	}
	for i := range t.asks {
		t.asks[i].Seq = t.x.number()
	}
	crash.At("escrow.ask")
	grants, err := t.x.g.config.Ledger.Exchange(ctx, t.asks)
	crash.At("escrow.granted")
	if err != nil {
		t.x.away.Store(&err)
		t.fail()
		return nil, err
	}
	t.x.away.Store(nil)
	if t.newer(grants) {
		// The ledger answered by terms that the gateway has not seen. It sees them first, so that no request falls between.
		if err := t.x.g.CatchUp(ctx); err != nil {
			t.fail()
			return nil, err
		}
	}
	counts = map[holding]recount{}
	for i, from := range t.from {
		if t.take(&t.asks[i], &grants[i], from) {
			counts[from.holding] = recount{max(counts[from.holding].want, t.asks[i].Want), grants[i].Version}
		}
	}
	return counts, nil
}

// newer reports whether the ledger knows newer terms of a plan than the gateway, or of another override of a key.
func (t *turn) newer(grants []models.QuotaGrant) bool {
	s := t.x.g.current.Load()
	for i, from := range t.from {
		if p := s.plans[from.plan]; grants[i].Stale || p != nil && int64(p.version) < grants[i].Version {
			return true
		}
	}
	return false
}

// fail leaves everything as it is, so that it is asked again.
func (t *turn) fail() {
	for _, from := range t.from {
		if e, ok := t.x.g.keys.ByKey(from.key); ok {
			if m := e.Member(from.plan); m != nil {
				m.Unasked()
				t.x.lease(from.holding, m)
			}
			e.Unlock()
		}
	}
	t.x.mu.Lock()
	defer t.x.mu.Unlock()
	t.x.orphans = append(t.x.orphans, t.asks[len(t.from):]...)
}

// take puts an answer where it belongs. It returns true when the count must be taken anew first.
func (t *turn) take(a *models.QuotaAsk, g *models.QuotaGrant, from asker) (recount bool) {
	e, ok := t.x.g.keys.ByKey(from.key)
	if !ok {
		return false
	}
	defer e.Unlock()
	m := e.Member(from.plan)
	switch {
	case m == nil:
		return false
	case g.Err != nil:
		t.x.g.config.Log.Error("the ledger does not believe what a key spent", "key", from.key.String(), "plan", from.plan.String(), "error", g.Err)
		if from.closed != nil {
			e.Reported(*from.closed)
		} else {
			e.Forsake(m)
		}
		return false
	case g.Recount:
		m.Unasked()
		e.Ask(m, false, 0)
		return true
	case from.closed != nil:
		e.Reported(*from.closed)
		return false
	}
	e.Take(m, a, g)
	t.x.lease(from.holding, m)
	if a.Keep == 0 && a.Want == 0 && m.Held() == 0 {
		delete(t.x.holdings, from.holding)
	}
	return false
}

// lease remembers a holding, so that it is given back when nobody uses it.
func (x *escrow) lease(h holding, m *keyring.Member) {
	now := x.g.config.Now()
	if l := x.holdings[h]; l != nil {
		l.measure(m.Used, now)
		return
	}
	x.holdings[h] = &lease{used: m.Used, since: now, idle: now}
}
