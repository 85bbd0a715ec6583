package store

import (
	"database/sql"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// putQuotaInForce writes the quota of p.InForce where the ledger reads it. When the windows become others, what was counted for them is out of date.
func (t *tx) putQuotaInForce(p models.Plan) error {
	before, err := newLedger(t.Statement.Context, t.DB).termsOf(p.ID)
	if err != nil {
		return err
	}
	var after limit.Quota
	if p.InForce.Quota != nil {
		after = *p.InForce.Quota
	}
	valid := after.IsSet()
	err = t.run("put quota in force", `UPDATE plans SET quota_limit = ?, quota_period = ?, quota_offset = ? WHERE id = ?`,
		sql.NullInt64{Int64: after.Limit, Valid: valid}, sql.NullInt64{Int64: int64(after.Period), Valid: valid}, sql.NullInt64{Int64: int64(after.Offset), Valid: valid}, p.ID)
	same := before.quota.Period == after.Period && before.quota.Offset == after.Offset
	if err != nil || same || p.Version == 1 { // nothing was ever charged on a plan that is published for the first time
		return err
	}
	return t.run("change windows", `UPDATE plans SET quota_epoch = quota_epoch + 1, quota_day = ? WHERE id = ?`, dayOf(t.now), p.ID)
}
