package enforcement

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"gatehouse/enforcement/keyring"
	"gatehouse/models"
)

// Load learns everything: topology, keys, levels of throttles, and what the process before wrote into the journal. It may be tried again after
// an error, not after success.
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
	all, err := g.readDocuments(ctx, &topology)
	if err != nil {
		return fmt.Errorf("load the gateway: %w", err)
	}
	s := compile(topology, nil, g.config.APIsURL, g.proxy, g.config.Hosts, all)
	exact, resumed, err := g.recover(ctx)
	if err != nil {
		return fmt.Errorf("load the gateway: %w", err)
	}
	keys := &keyring.Ring{}
	err = g.config.Source.Credentials(ctx, func(c models.Credential) error {
		keys.Put(c)
		return nil
	})
	if err != nil {
		return fmt.Errorf("load the gateway: keys: %w", err)
	}
	if err := g.loadLevels(ctx, s, keys, exact, resumed); err != nil {
		return fmt.Errorf("load the gateway: %w", err)
	}
	g.version, g.keys = version, keys
	g.warm.Store(g.clock() + int64(g.config.Warm))
	g.install(s)
	return nil
}

// CatchUp applies the changes that the gateway has not seen. When it returns nil, they hold on the next request (R8), but for the keys of imports, which
// Learn brings. Calls wait for each other, so that nothing older ever replaces something newer. Before Load it does nothing: Load will see the changes.
func (g *Gateway) CatchUp(ctx context.Context) error {
	g.changes.Lock()
	defer g.changes.Unlock()
	if g.current.Load() == nil {
		return nil
	}
	ctx = context.WithoutCancel(ctx) // the change is made: that whoever made it went away does not unmake it
	for {
		changes, err := g.config.Source.ChangesSince(ctx, g.version)
		if err == nil && len(changes) == 0 {
			g.failing.Store(nil)
			g.see(false)
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
	var keys []models.KeyID
	var imports []learning
	for _, c := range changes {
		switch c.Kind {
		case models.ChangeKey:
			keys = append(keys, models.KeyID(c.ID))
		case models.ChangeImport:
			imports = append(imports, learning{id: models.ImportID(c.ID)})
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
	if err := g.reload(ctx, keys); err != nil {
		return err
	}
	g.learning = append(g.learning, imports...)
	g.version = changes[len(changes)-1].Version
	g.cutRefused(true)
	return nil
}

// recompile installs the topology that is now. Each key asks the ledger by the new terms of its plan before it is admitted by them.
func (g *Gateway) recompile(ctx context.Context) error {
	topology, err := g.config.Source.Topology(ctx)
	if err != nil {
		return fmt.Errorf("read topology: %w", err)
	}
	all, err := g.readDocuments(ctx, &topology)
	if err != nil {
		return err
	}
	g.install(compile(topology, g.current.Load(), g.config.APIsURL, g.proxy, g.config.Hosts, all))
	return nil
}

// sight is what metrics tell of changes.
type sight struct {
	version  atomic.Int64
	whole    atomic.Int64 // when the gateway knew of every change, on the clock of throttles
	topology atomic.Int64 // when it compiled the topology; the same
}

// see notes that the gateway knows everything as of now, or has a new topology. g.changes is held.
func (g *Gateway) see(topology bool) {
	now := g.clock()
	if topology {
		g.sight.topology.Store(now)
	}
	g.sight.version.Store(g.version)
	g.sight.whole.Store(now)
}

// reload makes keys what they are now.
func (g *Gateway) reload(ctx context.Context, ids []models.KeyID) error {
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	there := make(map[models.KeyID]bool, len(ids))
	err := g.config.Source.CredentialsOf(ctx, ids, func(c models.Credential) error {
		there[c.KeyID] = true
		g.keys.Put(c)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	for _, id := range ids {
		if !there[id] {
			g.keys.Remove(id, g.escrow.forget)
		}
	}
	return nil
}

// learning is an import that was brought to life, and up to where the gateway knows its keys.
type learning struct {
	id    models.ImportID
	after models.KeyID
}

// Learn makes the gateway know the keys of the imports that CatchUp came across. When it returns nil, all of them hold on the next request. It takes some keys at
// a time: a million take seconds, and no other change, such as a revocation, waits for them. Several calls share the work.
func (g *Gateway) Learn(ctx context.Context) error {
	for {
		if more, err := g.learnSome(ctx); err != nil || !more {
			return err
		}
	}
}

// learnSome reads and puts some keys under the lock of changes, so that what it read cannot be older than a change that was applied meanwhile.
func (g *Gateway) learnSome(ctx context.Context) (more bool, err error) {
	g.changes.Lock()
	defer g.changes.Unlock()
	if len(g.learning) == 0 {
		return false, nil
	}
	l := &g.learning[0]
	ids, err := g.config.Source.ImportedKeys(ctx, l.id, l.after)
	if err == nil {
		err = g.reload(ctx, ids)
	}
	switch {
	case err != nil:
		return false, fmt.Errorf("learn the keys of import %s: %w", l.id, err)
	case len(ids) == 0:
		g.learning = g.learning[1:]
	default:
		l.after = ids[len(ids)-1]
	}
	return len(g.learning) > 0, nil
}

// logBroken logs each stage that is not served once.
func (g *Gateway) logBroken(s *snapshot) {
	broken := map[models.StageID]string{}
	for id, st := range s.stages {
		reason := st.broken
		if reason == "" && st.canary != nil && st.canary.broken != "" {
			reason = "its canary: " + st.canary.broken
		}
		if reason == "" {
			continue
		}
		broken[id] = reason
		if g.broken[id] != reason {
			g.config.Log.Error("stage is not served", "api", st.api.id.String(), "stage", st.name, "reason", reason)
		}
	}
	g.broken = broken
}
