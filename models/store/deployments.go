package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// deploymentsListed is how many deployments and releases a page lists, newest first.
const deploymentsListed = 100

type deploymentRow struct {
	ID         models.DeploymentID
	APIID      models.APIID `gorm:"column:api_id"`
	Number     int
	Note       string
	Methods    string
	Parts      string // JSON
	KeyPlace   string
	KeyName    string
	KeyForward bool
	CreatedAt  int64
	CreatedBy  string
}

const deploymentQuery = `SELECT d.id, d.api_id, d.number, d.note, d.methods, d.parts, d.key_place, d.key_name, d.key_forward, d.created_at, d.created_by FROM deployments d `

func (r deploymentRow) deployment() (models.Deployment, error) {
	methods, err := decodeMethods(r.Methods)
	if err != nil {
		return models.Deployment{}, err
	}
	parts, err := decodeParts([]byte(r.Parts))
	return models.Deployment{
		ID: r.ID, APIID: r.APIID, Number: r.Number, Note: r.Note, Methods: methods, Parts: parts,
		KeySource: models.KeySource{Place: models.KeyPlace(r.KeyPlace), Name: r.KeyName, Forward: r.KeyForward},
		CreatedAt: timeOf(r.CreatedAt), CreatedBy: r.CreatedBy,
	}, err
}

// decodeMethods reads the methods of a deployment.
func decodeMethods(text string) (methods []models.Method, err error) {
	if err := json.Unmarshal([]byte(text), &methods); err != nil {
		return nil, fmt.Errorf("read deployed methods: %w", err)
	}
	return methods, nil
}

// decodeParts reads what a deployment holds beside its methods; nothing: no parts.
func decodeParts(text []byte) (parts models.DeploymentParts, err error) {
	if len(text) == 0 {
		return parts, nil
	}
	if err := json.Unmarshal(text, &parts); err != nil {
		return parts, fmt.Errorf("read deployed parts: %w", err)
	}
	return parts, nil
}

func deploymentOf(db *gorm.DB, api models.APIID, id models.DeploymentID) (models.Deployment, error) {
	row, err := selectOne[deploymentRow](db, "deployment", deploymentQuery+`WHERE d.id = ? AND d.api_id = ?`, id, api)
	if err != nil {
		return models.Deployment{}, err
	}
	return row.deployment()
}

// Deployments reads an API's newest 100 deployments, newest first.
func (s *Store) Deployments(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Deployment, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedAPI(db, owner, api); err != nil {
		return nil, err
	}
	rows, err := selectAll[deploymentRow](db, "deployments", deploymentQuery+`WHERE d.api_id = ? ORDER BY d.number DESC LIMIT ?`, api, deploymentsListed)
	if err != nil {
		return nil, err
	}
	deployments := make([]models.Deployment, len(rows))
	for i, r := range rows {
		if deployments[i], err = r.deployment(); err != nil {
			return nil, err
		}
	}
	return deployments, nil
}

// Deployment reads a deployment of an API.
func (s *Store) Deployment(ctx context.Context, owner models.AccountID, api models.APIID, id models.DeploymentID) (models.Deployment, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedAPI(db, owner, api); err != nil {
		return models.Deployment{}, err
	}
	return deploymentOf(db, api, id)
}

// Deploy takes a snapshot of the draft (R3) and points a stage at it.
func (s *Store) Deploy(ctx context.Context, actor models.Actor, api models.APIID, stage models.StageID, note string, now time.Time) (d models.Deployment, err error) {
	if note, err = models.CleanNote(note); err != nil {
		return d, err
	}
	err = s.changeServed(ctx, actor, api, now, func(t *tx, a models.API) error {
		st, err := stageOf(t.DB, api, stage)
		if err != nil {
			return err
		}
		if d, err = t.snapshot(a, note); err != nil {
			return err
		}
		if err := t.point(st, d); err != nil {
			return err
		}
		if err := t.run("note deployment", `UPDATE apis SET undeployed = 0 WHERE id = ?`, api); err != nil {
			return err
		}
		return t.event("stage.deploy", stageObject(a, st), facts{"deployment": st.Number},
			facts{"deployment": d.Number, "note": d.Note, "methods": len(d.Methods)})
	})
	return d, err
}

func (t *tx) snapshot(a models.API, note string) (models.Deployment, error) {
	methods, _, err := methodsOf(t.DB, a.ID)
	if err != nil {
		return models.Deployment{}, err
	}
	if len(methods) == 0 {
		return models.Deployment{}, models.Conflict("The API has no methods yet. Add one or import a document, then deploy.")
	}
	methods = models.Resolved(methods, a.Authorizer)
	if err := a.KeySource.CheckKeys(methods); err != nil {
		return models.Deployment{}, err
	}
	last, err := selectOne[int](t.DB, "number", `SELECT coalesce(max(number), 0) FROM deployments WHERE api_id = ?`, a.ID)
	if err != nil {
		return models.Deployment{}, err
	}
	kept, err := deployedParts(t.DB, a.ID, methods)
	if err != nil {
		return models.Deployment{}, err
	}
	d := models.Deployment{ID: newID[models.Deployment](), APIID: a.ID, Number: last + 1, Note: note, Methods: methods, Parts: kept, KeySource: a.KeySource,
		CreatedAt: t.now, CreatedBy: t.actor.Label}
	text, err := json.Marshal(methods)
	if err != nil {
		return d, fmt.Errorf("write deployed methods: %w", err)
	}
	parts, err := json.Marshal(d.Parts)
	if err != nil {
		return d, fmt.Errorf("write deployed parts: %w", err)
	}
	return d, t.run("make deployment", `INSERT INTO deployments
		(id, api_id, number, note, methods, parts, document_id, key_place, key_name, key_forward, created_at, created_by)
		VALUES (?, ?, ?, ?, ?, ?, (SELECT document_id FROM apis WHERE id = ?), ?, ?, ?, ?, ?)`,
		d.ID, d.APIID, d.Number, d.Note, string(text), string(parts), d.APIID, string(d.KeySource.Place), d.KeySource.Name, d.KeySource.Forward,
		millis(d.CreatedAt), d.CreatedBy)
}

// PointStage points a stage at a deployment that exists: a rollback, or a promotion from another stage.
func (s *Store) PointStage(ctx context.Context, actor models.Actor, api models.APIID, stage models.StageID, to models.DeploymentID, now time.Time) error {
	return s.changeServed(ctx, actor, api, now, func(t *tx, a models.API) error {
		st, err := stageOf(t.DB, api, stage)
		if err != nil {
			return err
		}
		d, err := deploymentOf(t.DB, api, to)
		if err != nil {
			return err
		}
		if st.Deployment == to {
			return models.Conflict(fmt.Sprintf("The stage %s has deployment %d already.", st.Name, d.Number))
		}
		if err := t.checkAuthorizers(d); err != nil {
			return err
		}
		if err := t.point(st, d); err != nil {
			return err
		}
		return t.event("stage.point", stageObject(a, st), facts{"deployment": st.Number}, facts{"deployment": d.Number})
	})
}

// point makes a stage serve a deployment and writes it in the stage's history, whose times differ also where clocks do not.
func (t *tx) point(st models.Stage, d models.Deployment) error {
	if err := checkAnswered(st, d); err != nil {
		return err
	}
	if err := t.checkDocuments(st, d.ID, true); models.KindOf(err) == models.KindInvalid {
		return models.Conflict(models.Sentence(err))
	} else if err != nil {
		return err
	}
	if err := st.Settings.CheckKey(d.KeySource); err != nil {
		return models.Conflict("A header rule of the stage " + st.Name + " is in the way of this deployment's API keys. Change the rule first: " + models.Sentence(err))
	}
	err := t.run("write release", `INSERT INTO releases (stage_id, at, deployment_id, released_by)
		VALUES (?, max(?, (SELECT coalesce(max(at), 0) + 1 FROM releases WHERE stage_id = ?)), ?, ?)`, st.ID, millis(t.now), st.ID, d.ID, t.actor.Label)
	if err != nil {
		return err
	}
	err = t.run("point stage", `UPDATE stages SET deployment_id = ?, deployed_at = ?, updated_at = ? WHERE id = ?`, d.ID, millis(t.now), millis(t.now), st.ID)
	if err != nil {
		return err
	}
	return t.changed(models.ChangeTopology)
}

// Releases reads the newest 100 entries of a stage's deployment history, newest first.
func (s *Store) Releases(ctx context.Context, owner models.AccountID, stage models.StageID) ([]models.Release, error) {
	type row struct {
		DeploymentID models.DeploymentID
		Number       int
		Note         string
		At           int64
		ReleasedBy   string
	}
	db := s.read.WithContext(ctx)
	if _, err := selectOne[int](db, "stage", `SELECT 1 FROM stages s JOIN apis a ON a.id = s.api_id WHERE s.id = ? AND a.owner_id = ?`, stage, owner); err != nil {
		return nil, err
	}
	rows, err := selectAll[row](db, "releases", `SELECT r.deployment_id, d.number, d.note, r.at, r.released_by
		FROM releases r JOIN deployments d ON d.id = r.deployment_id WHERE r.stage_id = ? ORDER BY r.at DESC LIMIT ?`, stage, deploymentsListed)
	releases := make([]models.Release, len(rows))
	for i, r := range rows {
		releases[i] = models.Release{Deployment: r.DeploymentID, Number: r.Number, Note: r.Note, At: timeOf(r.At), By: r.ReleasedBy, Current: i == 0}
	}
	return releases, err
}
