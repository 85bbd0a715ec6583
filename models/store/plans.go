package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

type planRow struct {
	ID          models.PlanID
	OwnerID     models.AccountID
	State       string
	Version     int
	Terms       sql.NullString // in force
	Draft       sql.NullString
	CreatedAt   int64
	UpdatedAt   int64
	PublishedAt sql.NullInt64
	RetiredAt   sql.NullInt64
	EndsAt      sql.NullInt64
	Ended       bool // its end was noted
	DraftBy     sql.NullString
	DraftAt     sql.NullInt64

	PublishAt     sql.NullInt64
	PublishBy     string
	PublishFailed string
}

const (
	planColumns = `p.id, p.owner_id, p.state, p.version, v.terms, p.draft, p.created_at, p.updated_at, p.published_at, p.retired_at,
		p.ends_at, p.ended, p.draft_by, p.draft_at, p.publish_at, p.publish_by, p.publish_failed`
	planTables = ` FROM plans p LEFT JOIN plan_versions v ON v.plan_id = p.id AND v.version = p.version `
	planQuery  = `SELECT ` + planColumns + planTables
)

func (r planRow) plan() (p models.Plan, err error) {
	p = models.Plan{ID: r.ID, OwnerID: r.OwnerID, State: models.PlanState(r.State), Version: r.Version, CreatedAt: timeOf(r.CreatedAt),
		UpdatedAt: timeOf(r.UpdatedAt), PublishedAt: nullTime(r.PublishedAt), RetiredAt: nullTime(r.RetiredAt),
		EndsAt: nullTime(r.EndsAt), DraftBy: r.DraftBy.String, DraftAt: nullTime(r.DraftAt),
		PublishAt: nullTime(r.PublishAt), PublishBy: r.PublishBy, PublishFailed: r.PublishFailed}
	if r.Ended {
		p.State = models.PlanEnded
	}
	if r.Terms.Valid {
		if p.InForce, err = decodeTerms(r.Terms.String); err != nil {
			return p, err
		}
	}
	if r.Draft.Valid {
		draft, err := decodeTerms(r.Draft.String)
		if err != nil {
			return p, err
		}
		p.Draft = &draft
	}
	return p, nil
}

func decodeTerms(text string) (terms models.Terms, err error) {
	if err := json.Unmarshal([]byte(text), &terms); err != nil {
		return terms, fmt.Errorf("read terms: %w", err)
	}
	return terms, nil
}

func encodeTerms(terms models.Terms) (string, error) {
	text, err := json.Marshal(terms)
	if err != nil {
		return "", fmt.Errorf("write terms: %w", err)
	}
	return string(text), nil
}

// onePlan reads the plan of a query that begins with planQuery.
func onePlan(db *gorm.DB, where string, args ...any) (models.Plan, error) {
	row, err := selectOne[planRow](db, "plan", planQuery+where, args...)
	if err != nil {
		return models.Plan{}, err
	}
	return row.plan()
}

// ownedPlan reads a plan of an owner that he did not delete; nobody else's is found (R9).
func ownedPlan(db *gorm.DB, owner models.AccountID, id models.PlanID) (models.Plan, error) {
	return onePlan(db, `WHERE p.id = ? AND p.owner_id = ? AND p.deleted_at IS NULL`, id, owner)
}

// planFor reads a plan that an actor may change: the system anybody's, everybody else their own.
func planFor(db *gorm.DB, actor models.Actor, id models.PlanID) (models.Plan, error) {
	if actor.IsSystem() {
		return planByID(db, id)
	}
	return ownedPlan(db, actor.AccountID, id)
}

// planByID reads anybody's plan; who asks must judge whether it may be seen.
func planByID(db *gorm.DB, id models.PlanID) (models.Plan, error) {
	return onePlan(db, `WHERE p.id = ?`, id)
}

func planObject(p models.Plan) object {
	return object{kind: "plan", id: p.ID.String(), name: p.Name(), owner: p.OwnerID}
}

// changePlan runs a use case on a plan of the actor's.
func (s *Store) changePlan(ctx context.Context, actor models.Actor, id models.PlanID, now time.Time, fn func(*tx, models.Plan) error) error {
	return s.change(ctx, actor, now, func(t *tx) error {
		p, err := planFor(t.DB, actor, id)
		if err != nil {
			return err
		}
		return fn(t, p)
	})
}

// CreatePlan makes a draft.
func (s *Store) CreatePlan(ctx context.Context, actor models.Actor, terms models.Terms, now time.Time) (p models.Plan, err error) {
	if terms, err = terms.Clean(); err != nil {
		return p, err
	}
	err = s.changeOwn(ctx, actor, now, func(t *tx) (err error) {
		if err = t.checkStages(actor.AccountID, terms); err == nil {
			p, err = t.addDraft(terms)
		}
		return err
	})
	return p, err
}

// addDraft makes a plan of the actor's that is a draft of terms.
func (t *tx) addDraft(terms models.Terms) (p models.Plan, err error) {
	text, err := encodeTerms(terms)
	if err != nil {
		return p, err
	}
	p = models.Plan{ID: newID[models.Plan](), OwnerID: t.actor.AccountID, State: models.PlanDraft, Draft: &terms,
		DraftBy: t.actor.Label, DraftAt: t.now, CreatedAt: t.now, UpdatedAt: t.now}
	err = t.run("make plan", `INSERT INTO plans (id, owner_id, state, name, version, draft, draft_by, draft_at, created_at, updated_at)
		VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?, ?)`, p.ID, p.OwnerID, string(p.State), terms.Name, text, nullText(p.DraftBy), millis(t.now), millis(t.now), millis(t.now))
	if err != nil {
		return p, err
	}
	return p, t.event("plan.create", planObject(p), nil, terms)
}

// checkStages refuses terms that open stages of others, or that name methods which are not their stage's; field "stages".
func (t *tx) checkStages(owner models.AccountID, terms models.Terms) error {
	type owned struct {
		ID    int64
		APIID models.APIID `gorm:"column:api_id"`
	}
	stages, err := selectAll[owned](t.DB, "stages", `SELECT s.id, s.api_id FROM stages s JOIN apis a ON a.id = s.api_id WHERE s.id IN ? AND a.owner_id = ?`,
		terms.StageIDs(), owner)
	if err != nil {
		return err
	}
	apiOf := make(map[models.StageID]models.APIID, len(stages))
	apis := make([]models.APIID, len(stages))
	for i, st := range stages {
		apiOf[models.StageID(st.ID)], apis[i] = st.APIID, st.APIID
	}
	methods, err := selectAll[owned](t.DB, "methods", `SELECT id, api_id FROM methods WHERE api_id IN ?`, apis)
	if err != nil {
		return err
	}
	apiOfMethod := make(map[models.MethodID]models.APIID, len(methods))
	for _, m := range methods {
		apiOfMethod[models.MethodID(m.ID)] = m.APIID
	}
	for _, st := range terms.Stages {
		api, ok := apiOf[st.StageID]
		for _, m := range st.Throttles {
			ok = ok && apiOfMethod[m.MethodID] == api
		}
		for _, m := range st.Excluded {
			ok = ok && apiOfMethod[m] == api
		}
		if !ok {
			return models.Invalid("stages", "One of these stages or methods does not exist any more. Reload the page and choose again.")
		}
	}
	return nil
}

// SaveDraft keeps changes that are not in force until they are published. A draft that says what is in force is no draft. Seen is the digest
// of the terms that the changes were made over: a draft that somebody else changed meanwhile is a Conflict; "" goes over whatever is there.
func (s *Store) SaveDraft(ctx context.Context, actor models.Actor, id models.PlanID, seen string, terms models.Terms, now time.Time) (
	p models.Plan, err error) {
	if terms, err = terms.Clean(); err != nil {
		return p, err
	}
	err = s.changePlan(ctx, actor, id, now, func(t *tx, before models.Plan) error {
		if err := firstError(before.CheckEdit(), before.CheckSeen(seen)); err != nil {
			return err
		}
		if err := t.checkStages(before.OwnerID, terms); err != nil {
			return err
		}
		p = before
		p.Draft, p.DraftBy, p.DraftAt = &terms, t.actor.Label, t.now
		if err := t.saveDraft(&p); err != nil {
			return err
		}
		return t.event("plan.save_draft", planObject(p), before.Current(), terms)
	})
	return p, err
}

// saveDraft writes p.Draft with who saved it, or takes it away where it equals what is in force.
func (t *tx) saveDraft(p *models.Plan) error {
	var text sql.NullString
	if p.Draft != nil {
		draft, err := encodeTerms(*p.Draft)
		if err != nil {
			return err
		}
		inForce, err := encodeTerms(p.InForce)
		if err != nil {
			return err
		}
		if text = nullText(draft); p.Version > 0 && draft == inForce {
			p.Draft, text = nil, sql.NullString{}
		}
	}
	if p.Draft == nil {
		p.DraftBy, p.DraftAt, p.PublishAt, p.PublishBy = "", time.Time{}, time.Time{}, ""
	}
	p.UpdatedAt = t.now
	return t.run("save draft", `UPDATE plans SET draft = ?, draft_by = ?, draft_at = ?, publish_at = ?, publish_by = ?, publish_failed = ?, name = ?, updated_at = ? WHERE id = ?`,
		text, nullText(p.DraftBy), nullMillis(p.DraftAt), nullMillis(p.PublishAt), p.PublishBy, p.PublishFailed, p.Name(), millis(t.now), p.ID)
}

// DiscardDraft forgets the changes to a published plan.
func (s *Store) DiscardDraft(ctx context.Context, actor models.Actor, id models.PlanID, now time.Time) error {
	return s.changePlan(ctx, actor, id, now, func(t *tx, p models.Plan) error {
		switch {
		case p.Version == 0:
			return models.Conflict("This plan was never published: there is nothing to go back to. Delete it instead.")
		case p.Draft == nil:
			return nil
		}
		if err := p.CheckEdit(); err != nil {
			return err
		}
		before := *p.Draft
		p.Draft = nil
		if err := t.saveDraft(&p); err != nil {
			return err
		}
		return t.event("plan.discard_draft", planObject(p), before, nil)
	})
}
