package store

import (
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"gatehouse/models"
)

// heldRow is a stage that a key may call already.
type heldRow struct {
	StageID   models.StageID
	APIName   string `gorm:"column:api_name"`
	StageName string
	PlanID    models.PlanID
	PlanName  string
}

func (r heldRow) held() models.HeldStage {
	return models.HeldStage{StageID: r.StageID, StageName: r.APIName + " · " + r.StageName, PlanID: r.PlanID, PlanName: r.PlanName}
}

// held reads the stages that a key may call, by which plan: those rows that count.
func (t *tx) held(key models.KeyID) ([]models.HeldStage, error) {
	rows, err := selectAll[heldRow](t.DB, "stages of key", `SELECT ks.stage_id, a.name AS api_name, s.name AS stage_name, ks.plan_id, p.name AS plan_name
		FROM key_stages ks JOIN plan_stages ps ON ps.plan_id = ks.plan_id AND ps.stage_id = ks.stage_id JOIN stages s ON s.id = ks.stage_id JOIN apis a ON a.id = s.api_id JOIN plans p ON p.id = ks.plan_id
		WHERE ks.key_id = ? AND p.ended = 0 ORDER BY api_name, stage_name`, key)
	held := make([]models.HeldStage, len(rows))
	for i, r := range rows {
		held[i] = r.held()
	}
	return held, err
}

// member is a key that joins a plan.
type member struct {
	key          models.KeyID
	subscription models.SubscriptionID // zero when the plan's owner puts it there
	blocked      bool
}

// join puts keys on a plan in force. R1 is asked first, for the sentence; the unique index on key_stages has the last word, and rows there that do not
// count give way.
func (t *tx) join(p models.Plan, members ...member) error {
	for _, m := range members {
		held, err := t.held(m.key)
		if err != nil {
			return err
		}
		if err := models.CheckOnePlanPerStage(held, p.ID, p.InForce.StageIDs()); err != nil {
			if elsewhere := (*models.HeldElsewhere)(nil); errors.As(err, &elsewhere) {
				elsewhere.Key = m.key
			}
			return err
		}
		blocked, err := t.isBlocked(m, p)
		if err != nil {
			return err
		}
		err = t.run("put key on plan", `INSERT INTO plan_keys (plan_id, key_id, subscription_id, blocked, added_at) VALUES (?, ?, ?, ?, ?)`,
			p.ID, m.key, nullID(m.subscription), blocked, millis(t.now))
		if isDuplicate(err) {
			return models.Conflict(fmt.Sprintf("This key is on the plan %s already.", p.Name()))
		}
		if err != nil {
			return err
		}
		if err := t.inheritOverride(m, p.ID); err != nil {
			return err
		}
		err = t.run("open stages for key", `INSERT INTO key_stages (key_id, stage_id, plan_id) SELECT ?, stage_id, plan_id FROM plan_stages WHERE plan_id = ?`,
			m.key, p.ID)
		if err != nil {
			return err
		}
	}
	return nil
}

// isBlocked reports whether a developer's key joins a plan blocked: the plan's owner blocked it on another one, and it shall not get around
// that by a new subscription.
func (t *tx) isBlocked(m member, p models.Plan) (bool, error) {
	if m.blocked || m.subscription == 0 {
		return m.blocked, nil
	}
	return selectOne[bool](t.DB, "blocks of key", `SELECT EXISTS (SELECT 1 FROM plan_keys WHERE key_id = ? AND blocked = 1
		AND (SELECT owner_id FROM plans WHERE id = plan_id) = ?)`, m.key, p.OwnerID)
}

// leave takes a key off a plan.
func (t *tx) leave(key models.KeyID, plan models.PlanID) error {
	if err := t.run("close stages for key", `DELETE FROM key_stages WHERE key_id = ? AND plan_id = ?`, key, plan); err != nil {
		return err
	}
	return t.run("take key off plan", `DELETE FROM plan_keys WHERE plan_id = ? AND key_id = ?`, plan, key)
}

// keysChanged tells the gateway of keys.
func (t *tx) keysChanged(keys ...models.KeyID) error {
	ids := make([]int64, len(keys))
	for i, k := range keys {
		ids[i] = int64(k)
	}
	return t.changed(models.ChangeKey, ids...)
}

type membershipRow struct {
	PlanID         models.PlanID
	PlanName       string
	KeyID          models.KeyID
	SubscriptionID sql.NullInt64
	State          sql.NullString // of the subscription
	Blocked        bool
	AddedAt        int64
	EndsAt         sql.NullInt64 // of the plan
	Ended          bool          // the plan
}

func (r membershipRow) membership() models.Membership {
	m := models.Membership{
		PlanID: r.PlanID, PlanName: r.PlanName, KeyID: r.KeyID, SubscriptionID: models.SubscriptionID(r.SubscriptionID.Int64),
		State: models.MemberState(models.SubscriptionState(r.State.String), r.Blocked), AddedAt: timeOf(r.AddedAt), PlanEndsAt: nullTime(r.EndsAt),
	}
	if r.Ended {
		m.State = models.MemberEnded
	}
	return m
}

// anyOwner stands for no narrowing to somebody's plans. It is not the zero id, which is nobody's and must find nothing.
const anyOwner models.AccountID = -1

// membershipsOf reads the plans of an owner, or of any, that keys are on, newest membership first.
func membershipsOf(db *gorm.DB, owner models.AccountID, keys ...models.KeyID) (map[models.KeyID][]models.Membership, error) {
	query := `SELECT pk.plan_id, p.name AS plan_name, pk.key_id, pk.subscription_id, s.state, pk.blocked, pk.added_at, p.ends_at, p.ended
		FROM plan_keys pk CROSS JOIN plans p ON p.id = pk.plan_id LEFT JOIN subscriptions s ON s.id = pk.subscription_id
		WHERE pk.key_id IN ? AND (p.deleted_at IS NULL OR pk.subscription_id IS NOT NULL) `
	args := []any{keys}
	if owner != anyOwner {
		query, args = query+`AND p.owner_id = ? `, append(args, owner)
	}
	rows, err := selectAll[membershipRow](db, "memberships", query+`ORDER BY pk.added_at DESC, pk.plan_id`, args...)
	of := make(map[models.KeyID][]models.Membership, len(keys))
	for _, r := range rows {
		of[r.KeyID] = append(of[r.KeyID], r.membership())
	}
	if err != nil || len(rows) == 0 {
		return of, err
	}
	overrides, err := overridesWhere(db, `x.key_id IN ? ORDER BY x.key_id, x.plan_id`, keys)
	for _, o := range overrides {
		for i := range of[o.KeyID] {
			if m := &of[o.KeyID][i]; m.PlanID == o.PlanID {
				m.Override = &o
			}
		}
	}
	return of, err
}
