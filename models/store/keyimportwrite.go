package store

import (
	"bytes"
	"slices"

	"gatehouse/models"
)

// update prepares what a line changes of a key that the owner made.
func (i *keyImport) update(k models.Key, r models.KeyImport) (isChanged bool, problem string) {
	next := r.Over(k)
	plans := plansOf(i.on[k.ID])
	wanted := r.Plans
	if len(wanted) == 0 {
		wanted = plans
	}
	leaving, joining := without(plans, wanted), without(wanted, plans)
	if next == k && len(leaving) == 0 && len(joining) == 0 {
		return false, ""
	}
	if err := k.CheckAlive(); err != nil {
		return false, models.Sentence(err)
	}
	if !next.ExpiresAt.Equal(k.ExpiresAt) {
		if err := models.CheckExpiry(next.ExpiresAt, i.t.now); err != nil {
			return false, "Expires: " + models.Sentence(err)
		}
	}
	if len(leaving)+len(joining) > 0 {
		if problem := i.checkPlans(wanted, i.on[k.ID]); problem != "" {
			return false, problem
		}
	}
	i.changed = append(i.changed, []any{next.Name, next.Description, next.CustomerID, next.Enabled, nullMillis(next.ExpiresAt), millis(i.t.now), int64(k.ID)})
	for _, plan := range leaving {
		i.leaving = append(i.leaving, membershipID{k.ID, plan})
	}
	i.join(k.ID, joining)
	i.undos = append(i.undos, undo{key: k.ID, before: keyBefore{Settings: settingsOf(k)}, after: keyAfter{Settings: settingsOf(next), Joined: joining}, leaving: leaving})
	return true, ""
}

func plansOf(memberships []models.Membership) []models.PlanID {
	ids := make([]models.PlanID, len(memberships))
	for i, m := range memberships {
		ids[i] = m.PlanID
	}
	return ids
}

// without returns the ids that are not among others.
func without(ids, others []models.PlanID) []models.PlanID {
	return slices.DeleteFunc(slices.Clone(ids), func(id models.PlanID) bool { return slices.Contains(others, id) })
}

// switchKey prepares what a line changes of a developer's key: whether it may call by the owner's plans.
func (i *keyImport) switchKey(k models.Key, r models.KeyImport) (isChanged bool, problem string) {
	if !r.Given.Enabled || r.Enabled == isEnabled(k, i.on[k.ID]) {
		return false, ""
	}
	if err := k.CheckAlive(); err != nil {
		return false, models.Sentence(err)
	}
	i.switched = append(i.switched, keySwitch{k, r.Enabled})
	u := undo{key: k.ID, after: keyAfter{Blocked: !r.Enabled}}
	for _, m := range i.on[k.ID] {
		u.before.Blocks = append(u.before.Blocks, planBlock{m.PlanID, m.State == models.MemberBlocked})
	}
	i.undos = append(i.undos, u)
	return true, ""
}

// write does what was prepared. R1 was asked with all that a key is on, in the same transaction; the unique index has the last word.
func (i *keyImport) write() error {
	if i.id != 0 {
		if err := i.keepUndos(); err != nil {
			return err
		}
	}
	var leaves, joins, stages, switches [][]any
	for _, m := range i.leaving {
		leaves = append(leaves, []any{int64(m.key), int64(m.plan)})
	}
	for _, m := range i.joining {
		joins = append(joins, []any{int64(m.key), int64(m.plan), millis(i.t.now)})
		for _, stage := range i.plans[m.plan].InForce.StageIDs() {
			stages = append(stages, []any{int64(m.key), int64(stage), int64(m.plan)})
		}
	}
	for _, sw := range i.switched {
		switches = append(switches, []any{!sw.enabled, int64(sw.key.ID), int64(i.t.actor.AccountID)})
	}
	slices.SortFunc(i.secrets, func(a, b []any) int { return bytes.Compare(a[0].([]byte), b[0].([]byte)) })
	for _, step := range []struct {
		doing, statement string
		values           [][]any
	}{
		{"import keys", `INSERT INTO keys (id, owner_id, name, description, customer_id, enabled, source, created_at, expires_at, import_id)
			VALUES (?, ?, ?, ?, ?, ?, 'imported', ?, ?, ?)`, i.made},
		{"import values", `INSERT INTO key_secrets (digest, key_id, is_current, hint, last4, sealed, created_at) VALUES (?, ?, 1, ?, ?, ?, ?)`, i.secrets},
		{"change keys", `UPDATE keys SET unnamed = unnamed AND name = ?1, name = ?1, description = ?2, customer_id = ?3, enabled = ?4, expires_at = ?5, updated_at = ?6 WHERE id = ?7`, i.changed},
		{"close stages for keys", `DELETE FROM key_stages WHERE key_id = ? AND plan_id = ?`, leaves},
		{"take keys off plans", `DELETE FROM plan_keys WHERE key_id = ? AND plan_id = ?`, leaves},
		{"put keys on plans", `INSERT INTO plan_keys (key_id, plan_id, blocked, added_at) VALUES (?, ?, 0, ?)`, joins},
		{"open stages for keys", `INSERT INTO key_stages (key_id, stage_id, plan_id) VALUES (?, ?, ?)`, stages},
		{"block keys", `UPDATE plan_keys SET blocked = ? WHERE key_id = ? AND plan_id IN (SELECT id FROM plans WHERE owner_id = ?)`, switches},
	} {
		if err := i.t.runMany(step.doing, step.statement, step.values); err != nil {
			return err
		}
	}
	return nil
}
