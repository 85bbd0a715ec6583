package store

import (
	"context"
	"reflect"
	"strings"
	"time"

	"gatehouse/models"
)

// ImportAPI makes an API of what a document says by the management API, authorizers and parts included. Errors as CreateAPI, SaveAuthorizer and, with AWS's words,
// those of Method.CheckDetails and DeploymentParts.Check. It is all made, or nothing.
func (s *Store) ImportAPI(ctx context.Context, actor models.Actor, in models.APIImport, now time.Time) (a models.API, err error) {
	made, err := in.New().Clean()
	if err != nil {
		return a, err
	}
	if in.Methods, err = models.CleanMethods(in.Methods); err != nil {
		return a, err
	}
	packed, err := packDocument(in.Document)
	if err != nil {
		return a, err
	}
	err = s.changeOwn(ctx, actor, now, func(t *tx) error {
		if a, err = t.makeAPI(made, packed); err != nil {
			return err
		}
		methods, err := t.importParts(a, in, nil, nil, true)
		if err != nil {
			return err
		}
		if err := t.putMethods(a.ID, methods, 0); err != nil {
			return err
		}
		after := detailedFacts(a)
		after["methods"] = len(methods)
		return t.event("api.create", apiObject(a), nil, after)
	})
	return a, err
}

// PutAPI makes an API what a document says by the management API. With overwrite it is that alone, else what the document does not say stays. Methods and resources
// that stay keep their ids, and plans what they say of them; authorizers that the document does not name stay, since stages may ask them. Errors as ImportAPI.
func (s *Store) PutAPI(ctx context.Context, actor models.Actor, id models.APIID, in models.APIImport, overwrite bool, now time.Time) (a models.API, changes models.ImportChanges, err error) {
	if in.Methods, err = models.CleanMethods(in.Methods); err != nil {
		return a, changes, err
	}
	packed, err := packDocument(in.Document)
	if err != nil {
		return a, changes, err
	}
	err = s.changeAPI(ctx, actor, id, now, func(t *tx, before models.API) error {
		a = before
		in.Apply(&a, overwrite)
		present, removed, err := methodsOf(t.DB, id)
		if err != nil {
			return err
		}
		tree, err := treeOf(t.DB, id)
		if err != nil {
			return err
		}
		methods, err := t.importParts(a, in, present, removed, overwrite)
		if err != nil {
			return err
		}
		var next []models.Method
		if next, changes = models.PutMethods(present, removed, methods, overwrite); len(next) > models.MaxMethods {
			_, err := models.CleanMethods(next)
			return err
		}
		if err := firstError(t.replaceMethods(id, next), t.keepDocument(id, packed, in.Reading), t.touchAPI(id)); err != nil {
			return err
		}
		if overwrite {
			if err := t.forgetResources(id, resourcesWithout(tree, next)); err != nil {
				return err
			}
		}
		before.Undeployed = true
		if err := t.saveAPI(before, &a); err != nil {
			return err
		}
		a.HasDocument, a.UpdatedAt = true, t.now
		return t.event("api.import", apiObject(a), facts{"methods": len(present)}, facts{"methods": len(next), "overwrite": overwrite,
			"added": someNames(changes.Added), "changed": someNames(changes.Changed), "removed": someNames(changes.Removed)})
	})
	return a, changes, err
}

// resourcesWithout lists the resources that no method is of or below.
func resourcesWithout(tree *models.ResourceTree, methods []models.Method) (gone []models.Resource) {
	used := map[string]bool{"/": true}
	for _, m := range methods {
		for path := models.ResourcePath(m.Path); path != "" && !used[path]; path = path[:strings.LastIndexByte(path, '/')] {
			used[path] = true
		}
	}
	for _, r := range tree.Below("/") {
		if !used[r.Path] {
			gone = append(gone, r)
		}
	}
	return gone
}

// importParts writes the authorizers and parts of an import, and returns its methods with the ids of what they name. Present and removed are the methods that there
// are.
func (t *tx) importParts(a models.API, in models.APIImport, present, removed []models.Method, overwrite bool) ([]models.Method, error) {
	authorizers, err := t.importAuthorizers(a, in.Authorizers)
	if err != nil {
		return nil, err
	}
	before, err := draftParts(t.DB, a.ID)
	if err != nil {
		return nil, err
	}
	after := in.Into(a.ID, before, overwrite)
	nameParts(&after)
	methods := in.Named(after, authorizers)
	for _, m := range methods {
		if err := firstError(m.CheckDetails(), m.References(after)); err != nil {
			return nil, models.Invalid("methods", m.Name()+": "+models.Sentence(err))
		}
	}
	next, _ := models.PutMethods(present, removed, methods, overwrite)
	return methods, t.saveParts(a, before, &after, next)
}

// importAuthorizers makes or changes authorizers by name, and returns their ids in order.
func (t *tx) importAuthorizers(a models.API, all []models.Authorizer) ([]models.AuthorizerID, error) {
	rows, err := selectAll[authorizerRow](t.DB, "authorizers", authorizerQuery+`WHERE z.api_id = ?`, a.ID)
	if err != nil {
		return nil, err
	}
	byName := map[string]authorizerRow{}
	for _, r := range rows {
		byName[r.Name] = r
	}
	ids := make([]models.AuthorizerID, len(all))
	for i, in := range all {
		row, known := byName[in.Name]
		in.APIID = a.ID
		if !known {
			if in, err = in.Clean(); err != nil {
				return nil, err
			}
			if in, err = t.makeAuthorizer(a, in, nil); err != nil {
				return nil, err
			}
			ids[i] = in.ID
			continue
		}
		was, err := row.authorizer()
		if err != nil {
			return nil, err
		}
		if in, err = was.Imported(in).Clean(); err != nil {
			return nil, err
		}
		if ids[i] = was.ID; reflect.DeepEqual(in, was) {
			continue
		}
		if _, err := t.saveAuthorizer(a, row, in, nil, authorizerFacts(was)); err != nil {
			return nil, err
		}
	}
	return ids, nil
}
