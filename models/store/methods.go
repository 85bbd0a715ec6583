package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

type methodRow struct {
	ID          models.MethodID
	APIID       models.APIID `gorm:"column:api_id"`
	Verb        string
	Path        string
	Summary     string
	KeyRequired bool
	Removed     bool

	AuthorizerID sql.NullInt64
	NoAuthorizer bool
	Scopes       string // separated by spaces
	Details      string // JSON; empty: none
}

func (r methodRow) method() (models.Method, error) {
	m := models.Method{ID: r.ID, Verb: r.Verb, Path: r.Path, Summary: r.Summary, KeyRequired: r.KeyRequired}
	m.Authorizer, m.NoAuthorizer = models.AuthorizerID(r.AuthorizerID.Int64), r.NoAuthorizer
	if r.Scopes != "" {
		m.Scopes = strings.Fields(r.Scopes)
	}
	if r.Details != "" {
		if err := json.Unmarshal([]byte(r.Details), &m.MethodDetails); err != nil {
			return m, fmt.Errorf("read details of method %s: %w", m.ID, err)
		}
	}
	return m, nil
}

// name is Method.Name.
func (r methodRow) name() string { return models.Method{Verb: r.Verb, Path: r.Path}.Name() }

// detailsText writes a method's details; empty: it has none.
func detailsText(d models.MethodDetails) (string, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("write details of a method: %w", err)
	}
	if string(text) == "{}" {
		return "", nil
	}
	return string(text), nil
}

// methodsOf reads the methods of an API's draft, in order, and those that were removed from it.
func methodsOf(db *gorm.DB, api models.APIID) (present, removed []models.Method, err error) {
	rows, err := selectAll[methodRow](db, "methods", `SELECT id, api_id, verb, path, summary, key_required, authorizer_id, no_authorizer, scopes, details,
		removed_at IS NOT NULL AS removed FROM methods WHERE api_id = ? ORDER BY position, id`, api)
	for _, r := range rows {
		m, err := r.method()
		if err != nil {
			return nil, nil, err
		}
		if r.Removed {
			removed = append(removed, m)
		} else {
			present = append(present, m)
		}
	}
	return present, removed, err
}

// putMethods makes methods, from a position on, or brings back the ones that have an id.
func (t *tx) putMethods(api models.APIID, methods []models.Method, position int) error {
	values := make([][]any, len(methods))
	for i, m := range methods {
		if m.ID == 0 {
			m.ID = newID[models.Method]()
		}
		details, err := detailsText(m.MethodDetails)
		if err != nil {
			return err
		}
		values[i] = []any{int64(m.ID), int64(api), m.Verb, m.Path, m.Summary, m.KeyRequired, nullID(m.Authorizer), m.NoAuthorizer, strings.Join(m.Scopes, " "), details, position + i}
	}
	return t.runMany("write methods", `INSERT INTO methods (id, api_id, verb, path, summary, key_required, authorizer_id, no_authorizer, scopes, details, position)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET summary = excluded.summary, key_required = excluded.key_required,
			authorizer_id = excluded.authorizer_id, no_authorizer = excluded.no_authorizer, scopes = excluded.scopes, details = excluded.details, position = excluded.position, removed_at = NULL`, values)
}

// touchAPI notes that the draft differs from what is deployed.
func (t *tx) touchAPI(api models.APIID) error {
	return t.run("note change of API", `UPDATE apis SET undeployed = 1, updated_at = ? WHERE id = ?`, millis(t.now), api)
}

// Methods reads the methods of an API's draft, in the document's order.
func (s *Store) Methods(ctx context.Context, owner models.AccountID, id models.APIID) ([]models.Method, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedAPI(db, owner, id); err != nil {
		return nil, err
	}
	present, _, err := methodsOf(db, id)
	return present, err
}

// replaceMethods makes next the draft's methods, in that order.
func (t *tx) replaceMethods(api models.APIID, next []models.Method) error {
	err := t.run("remove methods", `UPDATE methods SET removed_at = ? WHERE api_id = ? AND removed_at IS NULL`, millis(t.now), api)
	if err != nil {
		return err
	}
	return t.putMethods(api, next, 0)
}

// someNames names the first methods of many, for an event.
func someNames(methods []models.Method) []string {
	var names []string
	for i, m := range methods {
		if i == 20 {
			return append(names, fmt.Sprintf("and %d more", len(methods)-i))
		}
		names = append(names, m.Name())
	}
	return names
}

// AddMethod adds a method to the draft, at its end.
func (s *Store) AddMethod(ctx context.Context, actor models.Actor, api models.APIID, m models.Method, now time.Time) (models.Method, error) {
	clean, err := models.CleanMethods([]models.Method{m})
	if err != nil {
		return models.Method{}, methodProblem(m, err)
	}
	m = clean[0]
	err = s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		if m, err = t.addMethod(api, m); err != nil {
			return err
		}
		return t.event("method.add", apiObject(a), nil, facts{"method": m.Name(), "keyRequired": m.KeyRequired})
	})
	return m, err
}

// addMethod adds a method at the draft's end. One that was removed before comes back with its id.
func (t *tx) addMethod(api models.APIID, m models.Method) (models.Method, error) {
	present, removed, err := methodsOf(t.DB, api)
	if err != nil {
		return m, err
	}
	if i := slices.IndexFunc(present, m.SameRequests); i >= 0 {
		return m, conflictAt("path", "The API has "+present[i].Name()+" already, which answers the same requests.")
	}
	if len(present) == models.MaxMethods {
		return m, conflictAt("path", fmt.Sprintf("An API has at most %d methods.", models.MaxMethods))
	}
	m.ID = newID[models.Method]()
	if i := slices.IndexFunc(removed, func(r models.Method) bool { return r.Name() == m.Name() }); i >= 0 {
		m.ID = removed[i].ID
	}
	last, err := selectOne[int](t.DB, "position", `SELECT coalesce(max(position), -1) FROM methods WHERE api_id = ?`, api)
	if err != nil {
		return m, err
	}
	return m, firstError(t.putMethods(api, []models.Method{m}, last+1), t.touchAPI(api))
}

// methodProblem gives each field of a form its own sentence; a list of methods has only one.
func methodProblem(m models.Method, err error) error {
	if single := models.CheckMethod(m.Verb, m.Path); single != nil {
		return single
	}
	return err
}

// RemoveMethod removes a method from the draft. Plans and usage go on knowing it.
func (s *Store) RemoveMethod(ctx context.Context, actor models.Actor, api models.APIID, id models.MethodID, now time.Time) error {
	return s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		m, err := selectOne[methodRow](t.DB, "method", `SELECT id, verb, path FROM methods WHERE id = ? AND api_id = ? AND removed_at IS NULL`, id, api)
		if err != nil {
			return err
		}
		if err := t.run("remove method", `UPDATE methods SET removed_at = ? WHERE id = ?`, millis(t.now), id); err != nil {
			return err
		}
		if err := t.touchAPI(api); err != nil {
			return err
		}
		return t.event("method.remove", apiObject(a), facts{"method": m.name()}, nil)
	})
}

// SetKeyRequired says for some methods of the draft, or with no ids for all, whether callers must send a key.
func (s *Store) SetKeyRequired(ctx context.Context, actor models.Actor, api models.APIID, ids []models.MethodID, required bool, now time.Time) error {
	return s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		changed, err := t.methodsThat(api, ids, func(m models.Method) bool { return m.KeyRequired != required })
		if err != nil {
			return err
		}
		values := make([][]any, len(changed))
		for i, m := range changed {
			values[i] = []any{required, int64(m.ID)}
		}
		if len(changed) == 0 {
			return nil
		}
		if err := t.runMany("set key required", `UPDATE methods SET key_required = ? WHERE id = ?`, values); err != nil {
			return err
		}
		if err := t.touchAPI(api); err != nil {
			return err
		}
		return t.event("method.key_required", apiObject(a), facts{"required": !required},
			facts{"required": required, "methods": someNames(changed), "all": ids == nil})
	})
}

// methodsThat returns those of some methods of the draft, or with no ids of all, that a change is for.
func (t *tx) methodsThat(api models.APIID, ids []models.MethodID, is func(models.Method) bool) (found []models.Method, err error) {
	present, _, err := methodsOf(t.DB, api)
	if err != nil {
		return nil, err
	}
	asked := make(map[models.MethodID]bool, len(ids))
	for _, id := range ids {
		asked[id] = true
	}
	for _, m := range present {
		if (ids == nil || asked[m.ID]) && is(m) {
			found = append(found, m)
		}
		delete(asked, m.ID)
	}
	if len(asked) > 0 {
		return nil, models.NotFound("method")
	}
	return found, nil
}
