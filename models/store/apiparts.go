package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// The kinds of parts that an API has beside its methods, in table api_parts.
const (
	partValidator = "validator"
	partModel     = "model"
	partResponse  = "response"
)

// draftParts reads the parts of an API's draft.
func draftParts(db *gorm.DB, api models.APIID) (p models.DeploymentParts, err error) {
	type row struct{ Kind, Name, Body string }
	rows, err := selectAll[row](db, "parts of API", `SELECT kind, name, body FROM api_parts WHERE api_id = ? ORDER BY kind, name`, api)
	if err != nil {
		return p, err
	}
	p = models.DeploymentParts{Validators: map[string]models.RequestValidator{}, Models: map[string]models.SchemaModel{}, Responses: map[string]models.GatewayResponse{}}
	for _, r := range rows {
		switch r.Kind {
		case partValidator:
			err = readPart(p.Validators, r.Name, r.Body)
		case partModel:
			err = readPart(p.Models, r.Name, r.Body)
		case partResponse:
			err = readPart(p.Responses, r.Name, r.Body)
		}
		if err != nil {
			return p, fmt.Errorf("read %s %q of API %s: %w", r.Kind, r.Name, api, err)
		}
	}
	return p, nil
}

func readPart[T any](to map[string]T, name, body string) error {
	var part T
	err := json.Unmarshal([]byte(body), &part)
	to[name] = part
	return err
}

// deployedParts is what a deployment of some methods keeps of the parts of a draft.
func deployedParts(db *gorm.DB, api models.APIID, methods []models.Method) (models.DeploymentParts, error) {
	p, err := draftParts(db, api)
	maps.DeleteFunc(p.Validators, func(id string, _ models.RequestValidator) bool {
		return !slices.ContainsFunc(methods, func(m models.Method) bool { return m.Request.Validator == id })
	})
	p.Validators, p.Models, p.Responses = orNil(p.Validators), orNil(p.Models), orNil(p.Responses) // a deployment without parts is written as it always was
	return p, err
}

func orNil[T any](m map[string]T) map[string]T {
	if len(m) == 0 {
		return nil
	}
	return m
}

// Parts reads the validators, models and gateway responses of an API's draft.
func (s *Store) Parts(ctx context.Context, owner models.AccountID, api models.APIID) (models.DeploymentParts, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedAPI(db, owner, api); err != nil {
		return models.DeploymentParts{}, err
	}
	return draftParts(db, api)
}

// ChangeParts changes the validators, models and gateway responses of an API's draft: change gets them as they are, may write into them, and its errors are
// returned. What methods name must stay: Conflict, with AWS's words. A model that the gateway cannot compile is Invalid at "schema". A new validator or model has no id and gets one; a validator's key is its id then. Callers see
// the change with the next deployment. Change may be called several times.
func (s *Store) ChangeParts(ctx context.Context, actor models.Actor, api models.APIID, change func(*models.DeploymentParts) error, now time.Time) (p models.DeploymentParts, err error) {
	tried := modelTrials{}
	for range maxTries {
		if p, err = s.changeParts(ctx, actor, api, change, tried, now); !s.tryModels(tried, err) {
			return p, err
		}
	}
	return p, models.Conflict("The API is being changed by somebody else. Try again in a moment.")
}

func (s *Store) changeParts(ctx context.Context, actor models.Actor, api models.APIID, change func(*models.DeploymentParts) error, tried modelTrials, now time.Time) (p models.DeploymentParts, err error) {
	err = s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		before, err := draftParts(t.DB, api)
		if err != nil {
			return err
		}
		p = models.DeploymentParts{Validators: maps.Clone(before.Validators), Models: maps.Clone(before.Models), Responses: maps.Clone(before.Responses)}
		if err := change(&p); err != nil {
			return err
		}
		if s.modelled != nil {
			if err := firstError(p.Check(), tried.ofChanged(before.Models, p.Models)); err != nil {
				return err
			}
		}
		methods, _, err := methodsOf(t.DB, api)
		if err != nil {
			return err
		}
		return t.saveParts(a, before, &p, methods)
	})
	return p, err
}

// saveParts makes other parts those of a draft, if its methods can do with them.
func (t *tx) saveParts(a models.API, before models.DeploymentParts, after *models.DeploymentParts, methods []models.Method) error {
	nameParts(after)
	if err := after.Check(); err != nil {
		return err
	}
	if err := after.CheckUsers(before, methods); err != nil {
		return err
	}
	var changed []string
	err := firstError(
		putParts(t, a.ID, partValidator, before.Validators, after.Validators, &changed),
		putParts(t, a.ID, partModel, before.Models, after.Models, &changed),
		putParts(t, a.ID, partResponse, before.Responses, after.Responses, &changed))
	if err != nil || len(changed) == 0 {
		return err
	}
	if err := t.touchAPI(a.ID); err != nil {
		return err
	}
	return t.event("api.parts", apiObject(a), nil, facts{"changed": changed})
}

// newParts writes the parts of a new API, which names them itself.
func (t *tx) newParts(api models.APIID, p models.DeploymentParts) error {
	p = models.DeploymentParts{Validators: maps.Clone(p.Validators), Models: maps.Clone(p.Models), Responses: maps.Clone(p.Responses)}
	nameParts(&p)
	if err := p.Check(); err != nil {
		return err
	}
	var written []string
	return firstError(putParts(t, api, partValidator, nil, p.Validators, &written), putParts(t, api, partModel, nil, p.Models, &written), putParts(t, api, partResponse, nil, p.Responses, &written))
}

// nameParts gives new validators and models their ids.
func nameParts(p *models.DeploymentParts) {
	for key, v := range p.Validators {
		if v.ID != "" {
			continue
		}
		delete(p.Validators, key)
		for v.ID = shortID(); p.Validators[v.ID].ID != ""; v.ID = shortID() {
		}
		p.Validators[v.ID] = v
	}
	for name, m := range p.Models {
		if m.ID == "" {
			m.ID = shortID()
			p.Models[name] = m
		}
	}
}

// shortID draws an id of six letters and digits, as AWS's validators and models have them.
func shortID() string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	var b [6]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	for i, x := range b {
		b[i] = digits[int(x)%len(digits)] // not quite even: an id is no secret
	}
	return string(b[:])
}

// putParts writes what differs, and adds to changed what that is.
func putParts[T any](t *tx, api models.APIID, kind string, before, after map[string]T, changed *[]string) error {
	var values, gone [][]any
	for _, name := range slices.Sorted(maps.Keys(after)) {
		old, had := before[name]
		was, wasErr := json.Marshal(old)
		body, err := json.Marshal(after[name])
		if err := firstError(wasErr, err); err != nil {
			return fmt.Errorf("write %s %q of API %s: %w", kind, name, api, err)
		}
		if !had || string(was) != string(body) {
			*changed, values = append(*changed, kind+" "+name), append(values, []any{int64(api), kind, name, string(body)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, ok := after[name]; !ok {
			*changed, gone = append(*changed, kind+" "+name+" (deleted)"), append(gone, []any{int64(api), kind, name})
		}
	}
	return firstError(
		t.runMany("write parts", `INSERT INTO api_parts (api_id, kind, name, body) VALUES (?, ?, ?, ?) ON CONFLICT (api_id, kind, name) DO UPDATE SET body = excluded.body`, values),
		t.runMany("delete parts", `DELETE FROM api_parts WHERE api_id = ? AND kind = ? AND name = ?`, gone))
}
