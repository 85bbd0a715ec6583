package models_test

import (
	"testing"

	"gatehouse/models"
)

// Clients keep ids: in state files, for years.
func TestIdsOfResourcesStayWhatTheyWere(t *testing.T) {
	api := models.NewID[models.API](1)
	for path, want := range map[string]string{"/": "qx23zcl6db", "/pets/{id}": "o84mo6h1c8"} {
		if got := models.DerivedResourceID(api, path, 0).String(); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestAnIdThatMovedAwayIsGivenToNoOtherResource(t *testing.T) {
	api := models.NewID[models.API](1)
	moved := models.DerivedResourceID(api, "/pets", 0)
	for _, kept := range [][]models.KeptResource{{{ID: moved, Path: "/animals"}}, {{ID: moved}}} {
		tree := models.NewResourceTree(api, kept, []string{"/pets/{id}", "/pets/"})
		seen := map[models.ResourceID]string{}
		for _, r := range tree.Below("/") {
			if seen[r.ID] != "" || r.Path == "/pets" && r.ID != models.DerivedResourceID(api, "/pets", 1) {
				t.Errorf("%s is %s, as is %q", r.Path, r.ID, seen[r.ID])
			}
			seen[r.ID] = r.Path
		}
	}
}

// Methods know paths alone: each part of them is a place.
func TestEveryPartOfAPathIsAResource(t *testing.T) {
	methods := []models.Method{{Verb: "GET", Path: "/a/b/{c}"}, {Verb: "GET", Path: "/a/b/"}, {Verb: "POST", Path: "/a/b"}, {Verb: "GET", Path: "/ab"}}
	var paths []string
	for _, m := range methods {
		paths = append(paths, m.Path)
	}
	tree := models.NewResourceTree(models.NewID[models.API](1), nil, paths)
	want := []struct {
		path    string
		methods int
	}{{"/", 0}, {"/a", 0}, {"/a/b", 2}, {"/a/b/{c}", 1}, {"/ab", 1}}
	all := tree.With(tree.Below("/"), methods)
	for i, w := range want {
		if len(all) != len(want) || all[i].Path != w.path || len(all[i].Methods) != w.methods {
			t.Fatalf("got %+v", all)
		}
	}
	if all[2].Parent != all[1].ID || all[1].Parent != tree.Root() || all[0].Parent != 0 {
		t.Errorf("got %+v", all)
	}
	if below := tree.Below("/a"); len(below) != 3 {
		t.Errorf("below /a are %+v", below)
	}
}
