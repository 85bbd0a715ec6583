package store

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"gatehouse/models"
)

// CreateMethod adds a method to a resource of the draft. Its errors are AWS's: Conflict if the resource has one of that verb, Invalid with the fields of
// Method.CheckDetails, and "authorizerId", "requestValidatorId", "requestModels" where what it names is not there.
func (s *Store) CreateMethod(ctx context.Context, actor models.Actor, api models.APIID, resource models.ResourceID, m models.Method, now time.Time) (models.Method, error) {
	err := s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		_, r, err := resourceOf(t.DB, api, resource)
		if err != nil {
			return err
		}
		if _, err := r.Method(m.Verb); err == nil {
			return models.Conflict("Method already exists for this resource")
		}
		m.Path = r.Path
		if err := firstError(models.CheckMethod(m.Verb, m.Path), t.checkMethod(api, m)); err != nil {
			return err
		}
		if m, err = t.addMethod(api, m); err != nil {
			return err
		}
		return t.event("method.add", apiObject(a), nil, methodFacts(m))
	})
	return m, err
}

// ChangeMethod changes a method of a resource of the draft. Change gets it as it is; verb and path stay. Change may be called several times; the other errors are
// those of CreateMethod. Callers see the change with the next deployment.
func (s *Store) ChangeMethod(ctx context.Context, actor models.Actor, api models.APIID, resource models.ResourceID, verb string, change func(*models.Method) error, now time.Time) (m models.Method, err error) {
	err = s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		before, err := t.methodAt(api, resource, verb)
		if err != nil {
			return err
		}
		if m, err = t.methodAt(api, resource, verb); err != nil { // change may write into the maps of its copy
			return err
		}
		if err := change(&m); err != nil {
			return err
		}
		m.ID, m.Verb, m.Path = before.ID, before.Verb, before.Path
		if reflect.DeepEqual(before, m) {
			return nil
		}
		if err := t.checkMethod(api, m); err != nil {
			return err
		}
		details, err := detailsText(m.MethodDetails)
		if err != nil {
			return err
		}
		err = firstError(t.run("change method", `UPDATE methods SET key_required = ?, authorizer_id = ?, no_authorizer = ?, scopes = ?, details = ? WHERE id = ?`,
			m.KeyRequired, nullID(m.Authorizer), m.NoAuthorizer, strings.Join(m.Scopes, " "), details, m.ID), t.touchAPI(api))
		if err != nil {
			return err
		}
		return t.event("method.change", apiObject(a), methodFacts(before), methodFacts(m))
	})
	return m, err
}

func (t *tx) methodAt(api models.APIID, resource models.ResourceID, verb string) (models.Method, error) {
	_, r, err := resourceOf(t.DB, api, resource)
	if err != nil {
		return models.Method{}, err
	}
	return r.Method(verb)
}

// checkMethod judges a method, and whether what it names is there.
func (t *tx) checkMethod(api models.APIID, m models.Method) error {
	if err := m.CheckDetails(); err != nil {
		return err
	}
	if _, err := m.MethodAuthorization.Clean(); err != nil {
		return err
	}
	if m.Authorizer != 0 {
		_, err := authorizerOf(t.DB, api, m.Authorizer)
		if models.KindOf(err) == models.KindNotFound {
			return models.InvalidAuthorizer()
		} else if err != nil {
			return err
		}
	}
	parts, err := draftParts(t.DB, api)
	if err != nil {
		return err
	}
	return m.References(parts)
}

// DeleteMethod removes a method of a resource from the draft. The resource stays. Plans and usage go on knowing the method.
func (s *Store) DeleteMethod(ctx context.Context, actor models.Actor, api models.APIID, resource models.ResourceID, verb string, now time.Time) error {
	return s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		tree, r, err := resourceOf(t.DB, api, resource)
		if err != nil {
			return err
		}
		m, err := r.Method(verb)
		if err != nil {
			return err
		}
		err = firstError(t.run("remove method", `UPDATE methods SET removed_at = ? WHERE id = ?`, millis(t.now), m.ID), t.keepAbove(tree, api, r.ID), t.touchAPI(api))
		if err != nil {
			return err
		}
		return t.event("method.remove", apiObject(a), facts{"method": m.Name()}, nil)
	})
}

// methodFacts is what events tell of a method. What mappings and templates make may hold secrets between owner and upstream, and is left out.
func methodFacts(m models.Method) facts {
	f := facts{"method": m.Name(), "keyRequired": m.KeyRequired}
	if m.Authorizer != 0 {
		f["authorizer"] = m.Authorizer
	}
	if m.NoAuthorizer {
		f["authorizer"] = "none"
	}
	if len(m.Scopes) > 0 {
		f["scopes"] = m.Scopes
	}
	if m.OperationName != "" {
		f["operation"] = m.OperationName
	}
	if r := m.Request; len(r.Parameters)+len(r.Models) > 0 || r.Validator != "" {
		f["request"] = r
	}
	if len(m.Responses) > 0 {
		f["responses"] = slices.Sorted(maps.Keys(m.Responses))
	}
	if i := m.Integration; i != nil {
		f["integration"] = facts{"kind": i.Kind, "verb": i.Verb, "url": i.URL, "timeout": i.Timeout.String(), "unchecked": i.Insecure,
			"parameters": slices.Sorted(maps.Keys(i.Parameters)), "templates": slices.Sorted(maps.Keys(i.Templates)), "responses": slices.Sorted(maps.Keys(i.Responses))}
	}
	return f
}
