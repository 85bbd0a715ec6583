package models_test

import (
	"slices"
	"testing"

	"gatehouse/models"
)

// TestAPutSaysAllOfItsMethods: a page's import keeps what its owner changed by hand, and the management API's is what its owner says.
func TestAPutSaysAllOfItsMethods(t *testing.T) {
	method := func(id int, verb, path string, key bool) models.Method {
		return models.Method{ID: models.MethodID(id), Verb: verb, Path: path, KeyRequired: key}
	}
	present := []models.Method{method(1, "GET", "/a", true), method(2, "GET", "/b/{id}", true), method(3, "GET", "/c", true), method(4, "GET", "/d", false)}
	removed := []models.Method{method(9, "POST", "/a", true)}
	imported := []models.Method{method(0, "POST", "/a", false), method(0, "GET", "/a", false), method(0, "GET", "/b/{other}", true), method(0, "GET", "/d", false)}
	names := func(methods []models.Method) (all []string) {
		for _, m := range methods {
			all = append(all, m.Name())
		}
		return all
	}
	for _, c := range []struct {
		overwrite                     bool
		next, added, changed, removed []string
	}{
		{false, []string{"POST /a", "GET /a", "GET /b/{other}", "GET /d", "GET /c"}, []string{"POST /a", "GET /b/{other}"}, []string{"GET /a"}, []string{"GET /b/{id}"}},
		{true, []string{"POST /a", "GET /a", "GET /b/{other}", "GET /d"}, []string{"POST /a", "GET /b/{other}"}, []string{"GET /a"}, []string{"GET /b/{id}", "GET /c"}},
	} {
		next, changes := models.PutMethods(present, removed, imported, c.overwrite)
		if !slices.Equal(names(next), c.next) || !slices.Equal(names(changes.Added), c.added) || !slices.Equal(names(changes.Changed), c.changed) || !slices.Equal(names(changes.Removed), c.removed) {
			t.Errorf("overwrite %v: %q, added %q, changed %q, removed %q", c.overwrite, names(next), names(changes.Added), names(changes.Changed), names(changes.Removed))
		}
		if next[0].ID != 9 || next[1].ID != 1 || next[1].KeyRequired || next[2].ID != 0 || next[3].ID != 4 {
			t.Errorf("overwrite %v: %+v", c.overwrite, next)
		}
	}
}
