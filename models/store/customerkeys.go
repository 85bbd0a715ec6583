package store

import (
	"context"
	"slices"
	"time"

	"gatehouse/models"
	"gatehouse/models/secret"
)

// This file has what an owner does with the keys that he made for customers, and with developers' keys on his plans.

// CreateCustomerKey makes a key that an owner gives to a customer, on some of his plans. Fields as models.NewCustomerKey.
func (s *Store) CreateCustomerKey(ctx context.Context, actor models.Actor, in models.NewCustomerKey, now time.Time) (k models.Key, v secret.Value, err error) {
	if in, err = in.Clean(now); err != nil {
		return k, v, err
	}
	err = s.changeOwn(ctx, actor, now, func(t *tx) error {
		k, v, err = s.newKey(t, models.Key{OwnerID: actor.AccountID, Name: in.Name, Description: in.Description, CustomerID: in.CustomerID, ExpiresAt: in.ExpiresAt})
		if err != nil {
			return err
		}
		var plans []string
		for _, id := range slices.Compact(slices.Sorted(slices.Values(in.Plans))) {
			p, err := t.joinOwn(k.ID, id)
			if err != nil {
				return err
			}
			plans = append(plans, p.Name())
		}
		if err := t.keysChanged(k.ID); err != nil {
			return err
		}
		after := keyFacts(k)
		after["plans"] = plans
		return t.keyEvent("key.create", k, nil, after)
	})
	if err != nil {
		return models.Key{}, secret.Value{}, err
	}
	return k, v, nil
}

// joinOwn puts a key of the actor's on a plan of his.
func (t *tx) joinOwn(key models.KeyID, plan models.PlanID) (models.Plan, error) {
	p, err := ownedPlan(t.DB, t.actor.AccountID, plan)
	if err != nil {
		return p, err
	}
	if err := p.CheckJoin(); err != nil {
		return p, err
	}
	return p, t.join(p, member{key: key})
}

// UpdateCustomerKey changes what an owner notes of a key that he made. Fields as models.NewCustomerKey.
func (s *Store) UpdateCustomerKey(ctx context.Context, actor models.Actor, id models.KeyID, in models.CustomerKeySettings, now time.Time) error {
	in, err := in.Clean()
	if err != nil {
		return err
	}
	return s.changeCustomerKey(ctx, actor, id, now, func(t *tx, k models.Key) error {
		after := k
		after.Name, after.Description, after.CustomerID = in.Name, in.Description, in.CustomerID
		if after == k {
			return nil
		}
		err := t.run("change key", `UPDATE keys SET unnamed = unnamed AND name = ?, name = ?, description = ?, customer_id = ?, updated_at = ? WHERE id = ?`,
			in.Name, in.Name, in.Description, in.CustomerID, millis(t.now), id)
		if err != nil {
			return err
		}
		if err := t.keysChanged(id); err != nil {
			return err
		}
		return t.keyEvent("key.update", k, keyFacts(k), keyFacts(after))
	})
}

// changeCustomerKey runs a use case on a key that the actor made for a customer. A developer's key that he sees on his plans goes with its
// subscription.
func (s *Store) changeCustomerKey(ctx context.Context, actor models.Actor, id models.KeyID, now time.Time, fn func(*tx, models.Key) error) error {
	return s.change(ctx, actor, now, func(t *tx) error {
		k, _, err := t.visibleKey(id)
		if err != nil {
			return err
		}
		if !t.made(k) {
			return models.Conflict("This key belongs to a developer's app. Move or end its subscription instead.")
		}
		return fn(t, k)
	})
}

// made reports whether the actor made the key for a customer. A developer's key has no such owner, and nobody is not him.
func (t *tx) made(k models.Key) bool { return k.OwnerID != 0 && k.OwnerID == t.actor.AccountID }

// visibleKey reads a key for an owner: one that he made, or one that is on plans of his, which are returned.
func (t *tx) visibleKey(id models.KeyID) (models.Key, []models.Membership, error) {
	row, err := selectOne[keyRow](t.DB, "key", keyQuery+`WHERE k.id = ?`, id)
	if err != nil {
		return models.Key{}, nil, err
	}
	memberships, err := membershipsOf(t.DB, t.actor.AccountID, id)
	if err != nil {
		return models.Key{}, nil, err
	}
	k := row.key()
	if !t.made(k) && len(memberships[id]) == 0 {
		return models.Key{}, nil, models.NotFound("key")
	}
	return k, memberships[id], nil
}

// SetKeyEnabled switches a key off or on: one that the actor made, everywhere; a developer's key, on the actor's plans only.
func (s *Store) SetKeyEnabled(ctx context.Context, actor models.Actor, id models.KeyID, enabled bool, now time.Time) error {
	return s.change(ctx, actor, now, func(t *tx) error {
		k, memberships, err := t.visibleKey(id)
		if err != nil {
			return err
		}
		return t.setEnabled(k, memberships, enabled)
	})
}

func (t *tx) setEnabled(k models.Key, memberships []models.Membership, enabled bool) error {
	if err := k.CheckAlive(); err != nil {
		return err
	}
	was := isEnabled(k, memberships)
	if was == enabled {
		return nil
	}
	var err error
	if k.OwnerID != 0 {
		err = t.run("switch key", `UPDATE keys SET enabled = ?, updated_at = ? WHERE id = ?`, enabled, millis(t.now), k.ID)
	} else {
		err = t.run("block key", `UPDATE plan_keys SET blocked = ? WHERE key_id = ? AND plan_id IN (SELECT id FROM plans WHERE owner_id = ?)`,
			!enabled, k.ID, t.actor.AccountID)
	}
	if err != nil {
		return err
	}
	if err := t.keysChanged(k.ID); err != nil {
		return err
	}
	action, state := "key.disable", models.KeyWasBlocked
	if enabled {
		action, state = "key.enable", models.KeyWasLetIn
	}
	for _, m := range memberships {
		if m.State == models.MemberEnded {
			continue
		}
		if err := t.tellKeyOn(models.NoticeKeyBlocked, k.AppID, k, m.PlanID, m.PlanName, models.NoticeData{State: state}); err != nil {
			return err
		}
	}
	return t.event(action, object{kind: "key", id: k.ID.String(), name: k.Name, owner: t.actor.AccountID}, facts{"enabled": was}, facts{"enabled": enabled})
}

// isEnabled reports whether a key is switched on, as the owner of the memberships' plans sees it.
func isEnabled(k models.Key, memberships []models.Membership) bool {
	return k.Enabled && !slices.ContainsFunc(memberships, func(m models.Membership) bool { return m.State == models.MemberBlocked })
}

// AddKeyToPlan puts a key that the actor made on a plan of his.
func (s *Store) AddKeyToPlan(ctx context.Context, actor models.Actor, key models.KeyID, plan models.PlanID, now time.Time) error {
	return s.changeCustomerKey(ctx, actor, key, now, func(t *tx, k models.Key) error {
		if err := k.CheckAlive(); err != nil {
			return err
		}
		p, err := t.joinOwn(key, plan)
		if err != nil {
			return err
		}
		if err := t.keysChanged(key); err != nil {
			return err
		}
		return t.keyEvent("key.add_to_plan", k, nil, facts{"plan": p.Name()})
	})
}

// RemoveKeyFromPlan takes a key that the actor made off a plan. Its counters there stay as they were (DECISIONS 9).
func (s *Store) RemoveKeyFromPlan(ctx context.Context, actor models.Actor, key models.KeyID, plan models.PlanID, now time.Time) error {
	return s.changeCustomerKey(ctx, actor, key, now, func(t *tx, k models.Key) error {
		p, err := t.leaveOwn(key, plan)
		if err != nil {
			return err
		}
		if err := t.keysChanged(key); err != nil {
			return err
		}
		return t.keyEvent("key.remove_from_plan", k, facts{"plan": p.Name()}, nil)
	})
}

// leaveOwn takes a key of the actor's off a plan that it is on.
func (t *tx) leaveOwn(key models.KeyID, plan models.PlanID) (models.Plan, error) {
	p, err := onePlan(t.DB, `JOIN plan_keys pk ON pk.plan_id = p.id WHERE p.id = ? AND p.owner_id = ? AND pk.key_id = ?`, plan, t.actor.AccountID, key)
	if err != nil {
		return p, err
	}
	return p, t.leave(key, plan)
}

// MoveKey moves a key that the actor made from one plan to another. It is on one of them at any moment, and the stages that it leaves are free for
// it. Counters start at 0 on the other plan, or where they were; with its count, what it was charged on the first one counts there, too, until the
// open window ends (DECISIONS 10).
func (s *Store) MoveKey(ctx context.Context, actor models.Actor, key models.KeyID, from, to models.PlanID, withCount bool, now time.Time) error {
	return s.changeCustomerKey(ctx, actor, key, now, func(t *tx, k models.Key) error {
		if err := k.CheckAlive(); err != nil {
			return err
		}
		counted, err := t.countedWith(key, from)
		if err != nil {
			return err
		}
		left, err := t.leaveOwn(key, from)
		if err != nil {
			return err
		}
		joined, err := t.joinOwn(key, to)
		if err != nil {
			return err
		}
		if withCount {
			if err := t.carry(key, to, counted); err != nil {
				return err
			}
		}
		if err := t.keysChanged(key); err != nil {
			return err
		}
		return t.keyEvent("key.move", k, facts{"plan": left.Name()}, facts{"plan": joined.Name(), "withCount": withCount})
	})
}
