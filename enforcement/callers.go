package enforcement

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"gatehouse/models"
)

// ValueUses keeps who presents values that were replaced, and stops those that nobody does. The store implements it.
type ValueUses interface {
	NoteValueUses(ctx context.Context, uses []models.ValueUse) error
	StopUnusedValues(ctx context.Context, now time.Time) error
}

// callers remembers who presented values that were replaced, until that is written. Requests with a key's current value never come here.
type callers struct {
	mu     sync.Mutex
	values map[[32]byte]*models.ValueUse
}

// note counts a call that presented an old value, by a client that calls itself agent: while it works, and after it stopped for as long as the store keeps callers.
func (c *callers) note(q *call, agent string) {
	d := &q.decision
	if d.stops == 0 || q.at.wall >= d.stops+int64(models.CallersKept) {
		return
	}
	address, _, err := net.SplitHostPort(q.peer)
	if err != nil {
		address = q.peer
	}
	at := time.Unix(0, q.at.wall).UTC()
	caller := models.Caller{Address: address, UserAgent: models.CleanUserAgent(agent), First: at, Last: at, Requests: 1}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.values == nil {
		c.values = map[[32]byte]*models.ValueUse{}
	}
	v := c.values[d.digest]
	if v == nil {
		v = &models.ValueUse{Digest: d.digest}
		c.values[d.digest] = v
	}
	if at.After(v.Last) {
		v.Last = at
	}
	addCaller(v, caller)
}

// addCaller keeps a value's callers apart while they are few, and so the memory that they take.
func addCaller(v *models.ValueUse, caller models.Caller) {
	same := func(o models.Caller) bool { return o.Address == caller.Address && o.UserAgent == caller.UserAgent }
	i := slices.IndexFunc(v.Callers, same)
	if i < 0 && len(v.Callers) >= models.MaxCallers {
		caller.Address, caller.UserAgent = "", ""
		i = slices.IndexFunc(v.Callers, same)
	}
	if i < 0 {
		v.Callers = append(v.Callers, caller)
	} else {
		v.Callers[i].Add(caller)
	}
}

// take returns what was noted since the last time.
func (c *callers) take() (uses []models.ValueUse) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.values {
		uses = append(uses, *v)
	}
	c.values = nil
	return uses
}

// putBack keeps what could not be written.
func (c *callers) putBack(uses []models.ValueUse) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.values == nil {
		c.values = map[[32]byte]*models.ValueUse{}
	}
	for _, u := range uses {
		v := c.values[u.Digest]
		if v == nil {
			c.values[u.Digest] = &u
			continue
		}
		if u.Last.After(v.Last) {
			v.Last = u.Last
		}
		for _, caller := range u.Callers {
			addCaller(v, caller)
		}
	}
}

// WriteCallers writes who presented old values, as Run does each second, and then stops the values that nobody uses: in this order, so that a use just now
// counts.
func (g *Gateway) WriteCallers(ctx context.Context) error {
	if g.config.ValueUses == nil {
		return nil
	}
	if uses := g.callers.take(); len(uses) > 0 {
		if err := g.config.ValueUses.NoteValueUses(ctx, uses); err != nil {
			g.callers.putBack(uses)
			return err
		}
	}
	return g.config.ValueUses.StopUnusedValues(ctx, g.Reached())
}

// writeCallersEvery does so each second, until ctx ends; what is left then is Drain's.
func (g *Gateway) writeCallersEvery(ctx context.Context) {
	tick := time.NewTicker(commitEvery)
	defer tick.Stop()
	var writing grumble
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			writing.note(ctx, g, "callers of old values are not written; they are kept in memory", g.WriteCallers(ctx))
		}
	}
}
