package store

import (
	"slices"

	"gatehouse/models"
)

// countedWith returns the plans whose charges count for a key that is on a plan: this one, and those that it was moved from with its count. They are for
// carry, when the key is moved on.
func (t *tx) countedWith(key models.KeyID, plan models.PlanID) ([]models.PlanID, error) {
	plans, err := selectAll[models.PlanID](t.DB, "what a key carried", `SELECT e.value FROM plan_keys pk, json_each(pk.carry_plans) e WHERE pk.plan_id = ? AND pk.key_id = ?`, plan, key)
	return append(plans, plan), err
}

// carry lets what a key was charged on other plans count on the plan that it has just joined, in the window that is open. They are what countedWith
// returned before the key left.
func (t *tx) carry(key models.KeyID, to models.PlanID, from []models.PlanID) error {
	from = slices.DeleteFunc(from, func(id models.PlanID) bool { return id == to })
	err := t.run("carry count", `UPDATE plan_keys SET carry_plans = ?, carry_day = ? WHERE plan_id = ? AND key_id = ?`, numberList(from), dayOf(t.now), to, key)
	if err != nil {
		return err
	}
	return t.run("count anew", `UPDATE quota_buckets SET epoch = ? WHERE key_id = ? AND plan_id = ?`, notCounted, key, to)
}
