package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
	"gatehouse/models/limit"
)

type stageRow struct {
	ID           models.StageID
	APIID        models.APIID `gorm:"column:api_id"`
	Name         string
	Upstream     string
	Rate         sql.NullFloat64
	Burst        sql.NullInt64
	TimeoutMs    int64
	Settings     stageSettings
	DeploymentID sql.NullInt64
	Number       sql.NullInt64
	DeployedAt   sql.NullInt64
	CreatedAt    int64
	UpdatedAt    int64
}

const stageQuery = `SELECT s.id, s.api_id, s.name, s.upstream, s.rate, s.burst, s.timeout_ms, s.settings, s.deployment_id, d.number, s.deployed_at, s.created_at, s.updated_at
	FROM stages s LEFT JOIN deployments d ON d.id = s.deployment_id `

func (r stageRow) stage() models.Stage {
	return models.Stage{
		ID: r.ID, APIID: r.APIID, Name: r.Name, Upstream: r.Upstream, Timeout: time.Duration(r.TimeoutMs) * time.Millisecond,
		Deployment: models.DeploymentID(r.DeploymentID.Int64), Number: int(r.Number.Int64),
		DeployedAt: nullTime(r.DeployedAt), CreatedAt: timeOf(r.CreatedAt), UpdatedAt: timeOf(r.UpdatedAt), Throttle: throttleOf(r.Rate, r.Burst), Settings: models.StageSettings(r.Settings),
	}
}

// stageSettings is a column of JSON.
type stageSettings models.StageSettings

// Scan implements sql.Scanner.
func (s *stageSettings) Scan(value any) error {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("a stage's settings are no text but %T", value)
	}
	*s = stageSettings{}
	if err := json.Unmarshal([]byte(text), (*models.StageSettings)(s)); err != nil {
		return fmt.Errorf("read a stage's settings: %w", err)
	}
	return nil
}

// Value implements driver.Valuer.
func (s stageSettings) Value() (driver.Value, error) {
	text, err := json.Marshal(models.StageSettings(s))
	return string(text), err
}

// canaryOf is the deployment of a stage's canary, if it has one.
func canaryOf(st models.Stage) (id sql.NullInt64) {
	if c := st.Settings.Canary; c != nil {
		id = nullID(c.Deployment)
	}
	return id
}

// throttleOf reads what throttleColumns stored.
func throttleOf(rate sql.NullFloat64, burst sql.NullInt64) *limit.Throttle {
	if !rate.Valid {
		return nil
	}
	return &limit.Throttle{Rate: rate.Float64, Burst: burst.Int64}
}

// throttleColumns stores a throttle.
func throttleColumns(t *limit.Throttle) (rate sql.NullFloat64, burst sql.NullInt64) {
	if t != nil {
		rate, burst = sql.NullFloat64{Float64: t.Rate, Valid: true}, sql.NullInt64{Int64: t.Burst, Valid: true}
	}
	return rate, burst
}

// stagesOf reads the stages of some APIs, oldest first.
func stagesOf(db *gorm.DB, apis ...models.APIID) ([]models.Stage, error) {
	rows, err := selectAll[stageRow](db, "stages", stageQuery+`WHERE s.api_id IN ? ORDER BY s.created_at, s.id`, apis)
	stages := make([]models.Stage, len(rows))
	for i, r := range rows {
		stages[i] = r.stage()
	}
	return stages, err
}

// stageOf reads a stage of an API whose owner was asked for.
func stageOf(db *gorm.DB, api models.APIID, id models.StageID) (models.Stage, error) {
	row, err := selectOne[stageRow](db, "stage", stageQuery+`WHERE s.id = ? AND s.api_id = ?`, id, api)
	return row.stage(), err
}

func stageObject(a models.API, s models.Stage) object {
	return object{kind: "stage", id: s.ID.String(), name: a.Name + " · " + s.Name, owner: a.OwnerID}
}

// throttleFacts is what an event tells of a throttle; nothing of none.
func throttleFacts(t *limit.Throttle) facts {
	if t == nil {
		return facts{}
	}
	return facts{"rate": t.Rate, "burst": t.Burst}
}

// Stages reads an API's stages, oldest first.
func (s *Store) Stages(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Stage, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedAPI(db, owner, api); err != nil {
		return nil, err
	}
	return stagesOf(db, api)
}

// Stage reads a stage of an API.
func (s *Store) Stage(ctx context.Context, owner models.AccountID, api models.APIID, id models.StageID) (models.Stage, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedAPI(db, owner, api); err != nil {
		return models.Stage{}, err
	}
	return stageOf(db, api, id)
}

// CreateStage names a stage. Callers reach it once something is deployed to it. No timeout means the default one.
func (s *Store) CreateStage(ctx context.Context, actor models.Actor, api models.APIID, st models.Stage, now time.Time) (models.Stage, error) {
	if st.Timeout == 0 {
		st.Timeout = models.DefaultTimeout
	}
	if err := st.Check(); err != nil {
		return models.Stage{}, err
	}
	err := s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		st = models.Stage{ID: newID[models.Stage](), APIID: api, Name: st.Name, Upstream: st.Upstream, Throttle: st.Throttle,
			Timeout: st.Timeout.Truncate(time.Millisecond), Settings: st.Settings, CreatedAt: t.now, UpdatedAt: t.now}
		if err := t.checkSettings(a, models.Stage{}, st); err != nil {
			return err
		}
		if err := t.insertStage(st); err != nil {
			return err
		}
		return t.event("stage.create", stageObject(a, st), nil, stageFacts(st))
	})
	return st, err
}

func (t *tx) insertStage(st models.Stage) error {
	rate, burst := throttleColumns(st.Throttle)
	err := t.run("make stage", `INSERT INTO stages (id, api_id, name, upstream, rate, burst, timeout_ms, settings, canary_id, certificate_id, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		st.ID, st.APIID, st.Name, st.Upstream, rate, burst, st.Timeout.Milliseconds(), stageSettings(st.Settings), canaryOf(st), nullID(st.Settings.TLS.Certificate), millis(st.CreatedAt), millis(st.UpdatedAt))
	if isDuplicate(err) {
		return conflictAt("name", "The API has a stage of this name already.")
	}
	return err
}

// DeleteStage deletes a stage and takes it off all plans. Its usage stays.
func (s *Store) DeleteStage(ctx context.Context, actor models.Actor, api models.APIID, id models.StageID, now time.Time) error {
	return s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		st, err := stageOf(t.DB, api, id)
		if err != nil {
			return err
		}
		if err := t.detach(a.OwnerID, []models.StageID{id}); err != nil {
			return err
		}
		if err := t.run("delete stage", `DELETE FROM stages WHERE id = ?`, id); err != nil {
			return err
		}
		if err := t.changed(models.ChangeTopology); err != nil {
			return err
		}
		return t.event("stage.delete", stageObject(a, st), stageFacts(st), nil)
	})
}

type stageChoiceRow struct {
	StageID   models.StageID
	APIID     models.APIID `gorm:"column:api_id"`
	APIName   string       `gorm:"column:api_name"`
	APISlug   string       `gorm:"column:api_slug"`
	StageName string
	Deployed  bool
	Methods   sql.NullString
}

func (r stageChoiceRow) choice() models.StageChoice {
	return models.StageChoice{StageID: r.StageID, APIID: r.APIID, APIName: r.APIName, APISlug: r.APISlug, StageName: r.StageName, Deployed: r.Deployed}
}

// stageChoices reads an owner's stages by API and stage name, with more columns of a deployment AS d.
func stageChoices(db *gorm.DB, owner models.AccountID, more string) ([]stageChoiceRow, error) {
	return selectAll[stageChoiceRow](db, "stages", `SELECT s.id AS stage_id, a.id AS api_id, a.name AS api_name, a.slug AS api_slug, s.name AS stage_name, s.deployment_id IS NOT NULL AS deployed`+more+`
		FROM apis a JOIN stages s ON s.api_id = a.id LEFT JOIN deployments d ON d.id = s.deployment_id
		WHERE a.owner_id = ? ORDER BY a.name COLLATE NOCASE, a.id, s.created_at, s.id`, owner)
}

// StageNames is StageChoices without their methods, which are much to read.
func (s *Store) StageNames(ctx context.Context, owner models.AccountID) ([]models.StageChoice, error) {
	rows, err := stageChoices(s.read.WithContext(ctx), owner, "")
	choices := make([]models.StageChoice, len(rows))
	for i, r := range rows {
		choices[i] = r.choice()
	}
	return choices, err
}

// MethodName says how a method of an owner's is called, also one that was removed.
func (s *Store) MethodName(ctx context.Context, owner models.AccountID, id models.MethodID) (string, error) {
	return selectOne[string](s.read.WithContext(ctx), "method", `SELECT m.verb || ' ' || m.path FROM methods m JOIN apis a ON a.id = m.api_id WHERE m.id = ? AND a.owner_id = ?`, id, owner)
}

// StageChoices reads the stages that an owner's plans may open, by API and stage name. A stage to which nothing is deployed comes with the
// draft's methods.
func (s *Store) StageChoices(ctx context.Context, owner models.AccountID) ([]models.StageChoice, error) {
	db := s.read.WithContext(ctx)
	rows, err := stageChoices(db, owner, `, d.methods`)
	if err != nil {
		return nil, err
	}
	choices := make([]models.StageChoice, len(rows))
	for i, r := range rows {
		choices[i] = r.choice()
		if r.Methods.Valid {
			choices[i].Methods, err = decodeMethods(r.Methods.String)
		} else {
			choices[i].Methods, _, err = methodsOf(db, r.APIID)
		}
		if err != nil {
			return nil, err
		}
	}
	return choices, nil
}
