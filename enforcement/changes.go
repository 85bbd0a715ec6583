package enforcement

import (
	"context"
	"fmt"
	"slices"

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
	s := compile(topology, nil)
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
		if err == nil && len(changes) == 0 {
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
	var keys []models.KeyID
	var imports []models.ImportID
	for _, c := range changes {
		switch c.Kind {
		case models.ChangeKey:
			keys = append(keys, models.KeyID(c.ID))
		case models.ChangeImport:
			imports = append(imports, models.ImportID(c.ID))
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
	for _, id := range imports {
		if err := g.loadImport(ctx, id); err != nil {
			return err
		}
	}
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
	s := compile(topology, g.current.Load())
	g.logBroken(s)
	g.current.Store(s)
	return nil
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

// loadImport learns of all keys that an import made, some at a time: nobody waits for it but who asked for the change, and those who made another one.
func (g *Gateway) loadImport(ctx context.Context, id models.ImportID) error {
	for after := models.KeyID(0); ; {
		ids, err := g.config.Source.ImportedKeys(ctx, id, after)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := g.reload(ctx, ids); err != nil {
			return err
		}
		after = ids[len(ids)-1]
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
