package store

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"gatehouse/models"
)

// StageNamed reads a stage of an API by its name.
func (s *Store) StageNamed(ctx context.Context, owner models.AccountID, api models.APIID, name string) (models.Stage, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedAPI(db, owner, api); err != nil {
		return models.Stage{}, err
	}
	row, err := selectOne[stageRow](db, "stage", stageQuery+`WHERE s.name = ? AND s.api_id = ?`, name, api)
	return row.stage(), err
}

// stageNamed is StageNamed in a use case; ok is false if there is none.
func (t *tx) stageNamed(api models.APIID, name string) (st models.Stage, ok bool, err error) {
	row, err := selectOne[stageRow](t.DB, "stage", stageQuery+`WHERE s.name = ? AND s.api_id = ?`, name, api)
	if models.KindOf(err) == models.KindNotFound {
		return models.Stage{}, false, nil
	}
	return row.stage(), err == nil, err
}

// OpenStage makes a stage that serves st.Deployment from the beginning, with tags. Errors as CreateStage, and Invalid at "deployment" where that is none of the
// API's, and at "tags".
func (s *Store) OpenStage(ctx context.Context, actor models.Actor, api models.APIID, st models.Stage, tags models.ResourceTags, now time.Time) (made models.Stage, err error) {
	err = s.changeServed(ctx, actor, api, now, func(t *tx, a models.API) error {
		if made, err = t.openStage(a, st); err != nil {
			return err
		}
		return t.putResourceTags(models.ResourceStage, int64(made.ID), stageObject(a, made).name, nil, tags)
	})
	return made, err
}

// openStage makes a stage with its deployment.
func (t *tx) openStage(a models.API, st models.Stage) (models.Stage, error) {
	if st.Timeout == 0 {
		st.Timeout = models.DefaultTimeout
	}
	if err := st.Check(); err != nil {
		return st, err
	}
	st.ID, st.APIID, st.CreatedAt, st.UpdatedAt, st.Timeout = newID[models.Stage](), a.ID, t.now, t.now, st.Timeout.Truncate(time.Millisecond)
	st.Settings.Cache = withEpoch(nil, st.Settings.Cache, t.now)
	d, err := t.serveable(st)
	if err != nil {
		return st, err
	}
	if err := t.checkSettings(a, models.Stage{}, st); err != nil {
		return st, err
	}
	bare := st
	bare.Deployment = 0
	if err := firstError(t.insertStage(bare), t.point(st, d)); err != nil {
		return st, err
	}
	if err := t.event("stage.create", stageObject(a, st), nil, stageFacts(st)); err != nil {
		return st, err
	}
	st.Number, st.DeployedAt = d.Number, t.now
	return st, t.event("stage.point", stageObject(a, st), facts{"deployment": 0}, facts{"deployment": d.Number})
}

// serveable reads the deployment that a stage is to serve.
func (t *tx) serveable(st models.Stage) (models.Deployment, error) {
	d, err := deploymentOf(t.DB, st.APIID, st.Deployment)
	if models.KindOf(err) == models.KindNotFound {
		return d, models.Invalid("deployment", "Choose a deployment of this API.")
	}
	return d, firstError(err, t.checkAuthorizers(d))
}

// ReviseStage changes several parts of a stage at once, its deployment among them: all of them or none. Change gets the stage as it is; it may be called several
// times. Errors as ChangeStage and PointStage, Invalid at "deployment" where that is none of the API's, and change's own.
func (s *Store) ReviseStage(ctx context.Context, actor models.Actor, api models.APIID, id models.StageID, change func(*models.Stage) error, now time.Time) (st models.Stage, err error) {
	err = s.changeServed(ctx, actor, api, now, func(t *tx, a models.API) error {
		st, err = t.reviseStage(a, id, change)
		return err
	})
	return st, err
}

func (t *tx) reviseStage(a models.API, id models.StageID, change func(*models.Stage) error) (models.Stage, error) {
	before, err := stageOf(t.DB, a.ID, id)
	if err != nil {
		return before, err
	}
	st, err := stageOf(t.DB, a.ID, id) // change may write into the slices and maps of its copy
	if err != nil {
		return st, err
	}
	if err := change(&st); err != nil {
		return st, err
	}
	st.ID, st.APIID, st.Name, st.Number, st.DeployedAt, st.UpdatedAt = before.ID, before.APIID, before.Name, before.Number, before.DeployedAt, before.UpdatedAt
	st.Timeout = st.Timeout.Truncate(time.Millisecond)
	st.Settings.Cache = withEpoch(before.Settings.Cache, st.Settings.Cache, t.now)
	if st.Deployment != before.Deployment {
		d, err := t.serveable(st)
		if err != nil {
			return st, err
		}
		if err := t.point(st, d); err != nil {
			return st, err
		}
		if err := t.event("stage.point", stageObject(a, st), facts{"deployment": before.Number}, facts{"deployment": d.Number}); err != nil {
			return st, err
		}
		st.Number, st.DeployedAt, st.UpdatedAt = d.Number, t.now, t.now
	}
	served := before
	served.Deployment, served.Number, served.DeployedAt, served.UpdatedAt = st.Deployment, st.Number, st.DeployedAt, st.UpdatedAt
	if reflect.DeepEqual(served, st) {
		return st, nil
	}
	st.UpdatedAt = t.now
	return st, t.saveStage(a, before, st, "stage.update")
}

// checkAnswered refuses a deployment with a method that nobody would answer: the stage has no upstream, and the method no integration. Conflict at
// "integration".
func checkAnswered(st models.Stage, d models.Deployment) error {
	if st.Upstream != "" {
		return nil
	}
	for _, m := range d.Methods {
		if m.Integration == nil {
			return conflictAt("integration", fmt.Sprintf("Nobody would answer %s: it has no integration, and the stage %s has no upstream.", m.Name(), st.Name))
		}
	}
	return nil
}
