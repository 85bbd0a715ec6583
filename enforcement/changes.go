package enforcement

import (
	"context"
	"fmt"

	"gatehouse/enforcement/keyring"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// Load learns everything: topology, keys with their counts, levels of throttles. It may be tried again after an error, not after
// success.
func (g *Gateway) Load(ctx context.Context) error {
	g.changes.Lock()
	defer g.changes.Unlock()
	// The version first: what changes while the rest is read is applied once more, which does no harm.
	version, err := g.config.Source.Version(ctx)
	if err != nil {
		return fmt.Errorf("load the gateway: version: %w", err)
	}
	topology, err := g.config.Source.Topology(ctx)
	if err != nil {
		return fmt.Errorf("load the gateway: topology: %w", err)
	}
	s := compile(topology, nil, nil)
	keys := &keyring.Ring{}
	book := keyring.Book{Now: g.config.Now(), Quota: s.quotaInForce}
	err = g.config.Source.Credentials(ctx, func(c models.Credential) error {
		keys.Put(c, book)
		return nil
	})
	if err != nil {
		return fmt.Errorf("load the gateway: keys: %w", err)
	}
	if err := g.loadLevels(ctx, s, keys); err != nil {
		return fmt.Errorf("load the gateway: %w", err)
	}
	g.version, g.keys = version, keys
	g.logBroken(s)
	g.current.Store(s)
	return nil
}

// CatchUp applies the changes that the gateway has not seen. When it returns nil, they hold on the next request (R8). Calls wait for
// each other, so that nothing older ever replaces something newer. Before Load it does nothing: Load will see the changes.
func (g *Gateway) CatchUp(ctx context.Context) error {
	g.changes.Lock()
	defer g.changes.Unlock()
	if g.current.Load() == nil {
		return nil
	}
	ctx = context.WithoutCancel(ctx) // the change is made: that whoever made it went away does not unmake it
	for {
		changes, err := g.config.Source.ChangesSince(ctx, g.version)
		if err == nil && len(changes) == 0 && len(g.recounts) == 0 {
			g.failing.Store(nil)
			return nil
		}
		if err == nil {
			err = g.apply(ctx, changes)
		}
		if err != nil {
			err = fmt.Errorf("apply changes after %d: %w", g.version, err)
			g.failing.Store(&err)
			return err
		}
	}
}

// apply makes some changes hold. The topology goes first, so that a key never points at a plan that is not there yet.
func (g *Gateway) apply(ctx context.Context, changes []models.Change) error {
	var topology bool
	keys := map[models.KeyID]bool{}
	for _, c := range changes {
		switch c.Kind {
		case models.ChangeKey:
			keys[models.KeyID(c.ID)] = true
		case models.ChangeTopology, models.ChangePlan:
			topology = true
		default:
			return fmt.Errorf("change %d is of the kind %q, which this version does not know", c.Version, c.Kind)
		}
	}
	if topology {
		if err := g.recompile(ctx); err != nil {
			return err
		}
	}
	for id := range keys {
		if err := g.reload(ctx, id); err != nil {
			return err
		}
	}
	if len(g.recounts) > 0 {
		if err := g.recount(ctx); err != nil {
			return err
		}
	}
	if len(changes) > 0 {
		g.version = changes[len(changes)-1].Version
		g.cutRefused(true)
	}
	return nil
}

// recompile installs the topology that is now. Where a plan's quota has other windows than before, its keys' counts are to be taken anew;
// until that is done, each key is held to the quota that its count is of.
func (g *Gateway) recompile(ctx context.Context) error {
	topology, err := g.config.Source.Topology(ctx)
	if err != nil {
		return fmt.Errorf("read topology: %w", err)
	}
	before := g.current.Load()
	if g.recounts == nil {
		g.recounts = map[models.PlanID][]limit.Quota{}
	}
	for i := range topology.Plans {
		id := topology.Plans[i].ID
		was, is := before.quotaInForce(id), quotaInForce(&topology.Plans[i].Terms)
		if keyring.ShapeOf(was) != keyring.ShapeOf(is) {
			g.recounts[id] = append(g.recounts[id], was)
		}
	}
	s := compile(topology, before, g.recounts)
	g.logBroken(s)
	g.current.Store(s)
	return nil
}

// quotaInForce returns a plan's quota; zero: none, or no such plan.
func (s *snapshot) quotaInForce(id models.PlanID) limit.Quota {
	if p := s.plans[id]; p != nil {
		return p.quotas[0].Quota
	}
	return limit.Quota{}
}

// reload makes a key what it is now.
func (g *Gateway) reload(ctx context.Context, id models.KeyID) error {
	counted, err := g.put(ctx, id, keyring.Book{Now: g.config.Now(), Quota: g.current.Load().quotaInForce})
	if err != nil || counted {
		return err
	}
	// The key came back to a plan whose windows have changed since.
	g.commits.Lock()
	defer g.commits.Unlock()
	if err := g.commit(ctx); err != nil {
		return err
	}
	_, err = g.put(ctx, id, g.committedBook())
	return err
}

func (g *Gateway) put(ctx context.Context, id models.KeyID, book keyring.Book) (counted bool, err error) {
	c, err := g.config.Source.Credential(ctx, id)
	if models.KindOf(err) == models.KindNotFound {
		g.keys.Remove(id)
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read key %s: %w", id, err)
	}
	return g.keys.Put(c, book), nil
}

// recount takes the counts of plans' keys anew. Usage is committed first, and nothing is committed until the counts are taken: what the
// records say and what was noted since are then together all that was charged.
func (g *Gateway) recount(ctx context.Context) error {
	g.commits.Lock()
	defer g.commits.Unlock()
	if err := g.commit(ctx); err != nil {
		return err
	}
	book := g.committedBook()
	for id := range g.recounts {
		err := g.config.Source.CredentialsOfPlan(ctx, id, func(c models.Credential) error {
			g.keys.Put(c, book)
			return nil
		})
		if err != nil {
			return fmt.Errorf("read keys of plan %s: %w", id, err)
		}
	}
	g.recounts = nil
	return nil
}

// committedBook is for counts that are read from the records after a commit, under the lock of commits.
func (g *Gateway) committedBook() keyring.Book {
	return keyring.Book{
		Now: g.config.Now(), Quota: g.current.Load().quotaInForce, Committed: true, Generation: g.meter.Generation(),
	}
}

// logBroken logs each stage that is not served once.
func (g *Gateway) logBroken(s *snapshot) {
	broken := map[models.StageID]string{}
	for id, st := range s.stages {
		if st.broken == "" {
			continue
		}
		broken[id] = st.broken
		if g.broken[id] != st.broken {
			g.config.Log.Error("stage is not served", "api", st.api.id.String(), "stage", st.name, "reason", st.broken)
		}
	}
	g.broken = broken
}
