package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// treeOf makes the tree of an API's resources.
func treeOf(db *gorm.DB, api models.APIID) (*models.ResourceTree, error) {
	type row struct {
		ID   models.ResourceID
		Path sql.NullString
	}
	rows, err := selectAll[row](db, "resources", `SELECT id, path FROM resources WHERE api_id = ? ORDER BY id`, api)
	if err != nil {
		return nil, err
	}
	paths, err := selectAll[string](db, "paths of methods", `SELECT DISTINCT path FROM methods WHERE api_id = ? AND removed_at IS NULL ORDER BY path`, api)
	if err != nil {
		return nil, err
	}
	kept := make([]models.KeptResource, len(rows))
	for i, r := range rows {
		kept[i] = models.KeptResource{ID: r.ID, Path: r.Path.String}
	}
	return models.NewResourceTree(api, kept, paths), nil
}

// methodsBelow reads the methods of a draft whose path is a resource's, and with below also those of the resources in it, in order.
func methodsBelow(db *gorm.DB, api models.APIID, path string, below bool) ([]models.Method, error) {
	where, args := `path IN (?, ?)`, []any{api, path, path + "/"}
	if below {
		low, high := prefixRange(path + "/")
		where, args = `(path = ? OR path >= ? AND path < ?)`, []any{api, path, low, high}
	}
	rows, err := selectAll[methodRow](db, "methods", `SELECT id, api_id, verb, path, summary, key_required, authorizer_id, no_authorizer, scopes, details
		FROM methods WHERE api_id = ? AND removed_at IS NULL AND `+where+` ORDER BY position, id`, args...)
	if err != nil {
		return nil, err
	}
	methods := make([]models.Method, len(rows))
	for i, r := range rows {
		if methods[i], err = r.method(); err != nil {
			return nil, err
		}
	}
	return methods, nil
}

// Resources lists the resources of an API's draft by path, with their methods.
func (s *Store) Resources(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Resource, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedAPI(db, owner, api); err != nil {
		return nil, err
	}
	tree, err := treeOf(db, api)
	if err != nil {
		return nil, err
	}
	methods, _, err := methodsOf(db, api)
	return tree.With(tree.Below("/"), methods), err
}

// Resource reads a resource of an API's draft, with its methods.
func (s *Store) Resource(ctx context.Context, owner models.AccountID, api models.APIID, id models.ResourceID) (models.Resource, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedAPI(db, owner, api); err != nil {
		return models.Resource{}, err
	}
	_, r, err := resourceOf(db, api, id)
	return r, err
}

func resourceOf(db *gorm.DB, api models.APIID, id models.ResourceID) (*models.ResourceTree, models.Resource, error) {
	tree, err := treeOf(db, api)
	if err != nil {
		return nil, models.Resource{}, err
	}
	r, err := tree.ByID(id)
	if err != nil {
		return tree, r, err
	}
	r.Methods, err = methodsBelow(db, api, r.Path, false)
	return tree, r, err
}

// keepResources writes where resources are.
func (t *tx) keepResources(api models.APIID, kept []models.KeptResource) error {
	values := make([][]any, len(kept))
	for i, k := range kept {
		values[i] = []any{int64(api), int64(k.ID), nullText(k.Path)}
	}
	return t.runMany("keep resources", `INSERT INTO resources (api_id, id, path) VALUES (?, ?, ?) ON CONFLICT (api_id, id) DO UPDATE SET path = excluded.path`, values)
}

// CreateResource makes a resource in another one; the errors are those of ResourceTree.Place.
func (s *Store) CreateResource(ctx context.Context, actor models.Actor, api models.APIID, parent models.ResourceID, part string, now time.Time) (r models.Resource, err error) {
	err = s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		tree, err := treeOf(t.DB, api)
		if err != nil {
			return err
		}
		path, err := tree.Place(parent, part, "")
		if err != nil {
			return err
		}
		if err := models.CheckMethod("ANY", path); err != nil {
			return err
		}
		if n, err := selectOne[int](t.DB, "resources", `SELECT count(*) FROM resources WHERE api_id = ?`, api); err != nil {
			return err
		} else if n >= models.MaxResources {
			return models.Conflict(fmt.Sprintf("An API has at most %d resources.", models.MaxResources))
		}
		r = models.Resource{ID: tree.Draw(path), Parent: parent, Path: path}
		if err := t.keepResources(api, []models.KeptResource{{ID: r.ID, Path: path}}); err != nil {
			return err
		}
		return t.event("api.path_add", apiObject(a), nil, facts{"path": path})
	})
	return r, err
}

// MoveResource gives a resource another place, with all that is below it. Resources and methods keep their ids. Change may be called several times; the other
// errors are those of ResourceTree.Move.
func (s *Store) MoveResource(ctx context.Context, actor models.Actor, api models.APIID, id models.ResourceID, change func(models.Resource, *models.ResourcePlace) error, now time.Time) (r models.Resource, err error) {
	err = s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		tree, from, err := resourceOf(t.DB, api, id)
		if err != nil {
			return err
		}
		r = from
		was := models.ResourcePlace{Parent: from.Parent, Part: from.Part()}
		to := was
		if err := change(from, &to); err != nil || to == was {
			return err
		}
		moved, err := tree.Move(from, to)
		if err != nil {
			return err
		}
		methods, err := methodsBelow(t.DB, api, from.Path, true)
		if err != nil {
			return err
		}
		if err := firstError(t.keepResources(api, moved), t.moveMethods(api, from.Path, moved[0].Path, methods)); err != nil {
			return err
		}
		if _, r, err = resourceOf(t.DB, api, id); err != nil {
			return err
		}
		return t.event("api.path_move", apiObject(a), facts{"path": from.Path}, facts{"path": r.Path, "methods": len(methods)})
	})
	return r, err
}

// moveMethods gives methods another beginning of their paths. One that was removed from there gives way: its usage is called by what it was, and a mark.
func (t *tx) moveMethods(api models.APIID, from, to string, methods []models.Method) error {
	if len(methods) == 0 {
		return nil
	}
	var aside, moved [][]any
	for _, m := range methods {
		path := to + m.Path[len(from):]
		aside = append(aside, []any{int64(api), m.Verb, path})
		moved = append(moved, []any{path, int64(m.ID)})
	}
	return firstError(
		t.runMany("put removed methods aside", `UPDATE methods SET path = path || ' (removed ' || id || ')' WHERE api_id = ? AND verb = ? AND path = ? AND removed_at IS NOT NULL`, aside),
		t.runMany("move methods", `UPDATE methods SET path = ? WHERE id = ?`, moved),
		t.touchAPI(api))
}

// DeleteResource deletes a resource with all that is below it, methods included. Plans and usage go on knowing these.
func (s *Store) DeleteResource(ctx context.Context, actor models.Actor, api models.APIID, id models.ResourceID, now time.Time) error {
	return s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		tree, r, err := resourceOf(t.DB, api, id)
		if err != nil {
			return err
		}
		if r.Path == "/" {
			return models.Invalid("resourceId", "Root resource cannot be deleted.")
		}
		methods, err := methodsBelow(t.DB, api, r.Path, true)
		if err != nil {
			return err
		}
		var gone [][]any
		for _, m := range methods {
			gone = append(gone, []any{millis(t.now), int64(m.ID)})
		}
		if err := firstError(t.runMany("remove methods", `UPDATE methods SET removed_at = ? WHERE id = ?`, gone), t.forgetResources(api, tree.Below(r.Path)), t.keepAbove(tree, api, r.Parent)); err != nil {
			return err
		}
		if len(methods) > 0 {
			if err := t.touchAPI(api); err != nil {
				return err
			}
		}
		return t.event("api.path_remove", apiObject(a), facts{"path": r.Path, "methods": someNames(methods)}, nil)
	})
}

// forgetResources deletes resources. The id of one that came from elsewhere is noted, so that no other gets it.
func (t *tx) forgetResources(api models.APIID, resources []models.Resource) error {
	var forgotten [][]any
	var gone []models.KeptResource
	for _, r := range resources {
		if r.ID == models.DerivedResourceID(api, r.Path, 0) {
			forgotten = append(forgotten, []any{int64(api), int64(r.ID)})
		} else {
			gone = append(gone, models.KeptResource{ID: r.ID})
		}
	}
	return firstError(t.runMany("forget resources", `DELETE FROM resources WHERE api_id = ? AND id = ?`, forgotten), t.keepResources(api, gone))
}

// keepAbove keeps a resource and those that it is in, when what they were there for goes away: only who made them or deletes them makes them go.
func (t *tx) keepAbove(tree *models.ResourceTree, api models.APIID, id models.ResourceID) error {
	r, err := tree.ByID(id)
	if err != nil {
		return err
	}
	var kept []models.KeptResource
	for _, above := range tree.Above(r.Path) {
		kept = append(kept, models.KeptResource{ID: above.ID, Path: above.Path})
	}
	return t.keepResources(api, kept)
}
