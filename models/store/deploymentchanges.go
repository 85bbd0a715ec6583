package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"gatehouse/models"
)

func deploymentObject(a models.API, d models.Deployment) object {
	return object{kind: "deployment", id: d.ID.String(), name: fmt.Sprintf("%s · #%d", a.Name, d.Number), owner: a.OwnerID}
}

// CreateDeployment takes a snapshot of the draft (R3). With the name of a stage, arrange gets that stage, or a new one of which it has only the name, and says what
// the stage is to be like with the deployment that was made; it may be called several times. Errors as ReviseStage and OpenStage; Invalid at "draft" where the
// draft has none, Conflict at "integration" where nobody would answer one of them.
func (s *Store) CreateDeployment(ctx context.Context, actor models.Actor, api models.APIID, note, stage string, arrange func(st *models.Stage, made models.DeploymentID) error, now time.Time) (d models.Deployment, err error) {
	if err := models.CheckDescription(note); err != nil {
		return d, err
	}
	err = s.changeServed(ctx, actor, api, now, func(t *tx, a models.API) error {
		if err := t.checkDeployable(api); err != nil {
			return err
		}
		if d, err = t.snapshot(a, note); err != nil {
			return err
		}
		if err := t.run("note deployment", `UPDATE apis SET undeployed = 0 WHERE id = ?`, api); err != nil {
			return err
		}
		if stage == "" {
			return firstError(t.checkSomeUpstream(d), t.event("deployment.create", deploymentObject(a, d), nil, facts{"note": d.Note, "methods": len(d.Methods)}))
		}
		st, found, err := t.stageNamed(api, stage)
		if err != nil {
			return err
		}
		if found {
			_, err = t.reviseStage(a, st.ID, func(st *models.Stage) error { return arrange(st, d.ID) })
			return err
		}
		st = models.Stage{Name: stage}
		if err := arrange(&st, d.ID); err != nil {
			return err
		}
		_, err = t.openStage(a, st)
		return err
	})
	return d, err
}

func (t *tx) checkDeployable(api models.APIID) error {
	n, err := selectOne[int](t.DB, "methods", `SELECT count(*) FROM methods WHERE api_id = ? AND removed_at IS NULL`, api)
	if err == nil && n == 0 {
		return models.Invalid("draft", "The API has no methods yet. Add one or import a document, then deploy.")
	}
	return err
}

// checkSomeUpstream refuses a deployment for no stage yet that no stage of the API could serve: none has an upstream, and a method has no integration.
func (t *tx) checkSomeUpstream(d models.Deployment) error {
	n, err := selectOne[int](t.DB, "stages", `SELECT count(*) FROM stages WHERE api_id = ? AND upstream <> ''`, d.APIID)
	if err != nil || n > 0 {
		return err
	}
	return checkAnswered(models.Stage{}, d)
}

// DeploymentsBefore reads at most so many of an API's deployments below a number, newest first, without methods and parts; number 0: from the newest on.
func (s *Store) DeploymentsBefore(ctx context.Context, owner models.AccountID, api models.APIID, number, most int) ([]models.Deployment, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedAPI(db, owner, api); err != nil {
		return nil, err
	}
	if number == 0 {
		number = math.MaxInt
	}
	rows, err := selectAll[deploymentRow](db, "deployments", `SELECT d.id, d.api_id, d.number, d.note, 'null' AS methods, d.key_place, d.key_name, d.key_forward, d.created_at, d.created_by
		FROM deployments d WHERE d.api_id = ? AND d.number < ? ORDER BY d.number DESC LIMIT ?`, api, number, most)
	deployments := make([]models.Deployment, len(rows))
	for i, r := range rows {
		if deployments[i], err = r.deployment(); err != nil {
			return nil, err
		}
	}
	return deployments, err
}

// DescribeDeployment changes the note of a deployment: change gets it as it is. All else of a deployment never changes (R3).
func (s *Store) DescribeDeployment(ctx context.Context, actor models.Actor, api models.APIID, id models.DeploymentID, change func(note string) (string, error), now time.Time) (d models.Deployment, err error) {
	err = s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		if d, err = deploymentOf(t.DB, api, id); err != nil {
			return err
		}
		before := d.Note
		if d.Note, err = change(before); err != nil {
			return err
		}
		if err := models.CheckDescription(d.Note); err != nil || d.Note == before {
			return err
		}
		return firstError(t.run("describe deployment", `UPDATE deployments SET note = ? WHERE id = ?`, d.Note, id),
			t.event("deployment.update", deploymentObject(a, d), facts{"note": before}, facts{"note": d.Note}))
	})
	return d, err
}

// DeleteDeployment deletes a deployment that no stage and no canary serves. The histories of stages lose it, too.
func (s *Store) DeleteDeployment(ctx context.Context, actor models.Actor, api models.APIID, id models.DeploymentID, now time.Time) error {
	return s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		d, err := deploymentOf(t.DB, api, id)
		if err != nil {
			return err
		}
		stages, err := selectAll[string](t.DB, "stages", `SELECT name FROM stages WHERE deployment_id = ? OR canary_id = ? ORDER BY created_at, id`, id, id)
		if err != nil {
			return err
		}
		if len(stages) > 0 {
			return models.Conflict(fmt.Sprintf("Callers of the stage %s get this deployment. Point the stage at another one first.", stages[0]))
		}
		return firstError(t.run("delete deployment", `DELETE FROM deployments WHERE id = ?`, id),
			t.event("deployment.delete", deploymentObject(a, d), facts{"deployment": d.Number, "note": d.Note, "methods": len(d.Methods)}, nil))
	})
}
