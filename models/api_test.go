package models_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// fields returns the names of the fields that an error marks.
func fields(err error) []string {
	e, ok := err.(*models.Error)
	if !ok {
		return nil
	}
	var names []string
	for name := range e.Fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func TestCheckMethodMarksWhatCannotBeRouted(t *testing.T) {
	for _, c := range []struct {
		name, verb, path string
		want             []string
	}{
		{"root", "GET", "/", nil},
		{"plain", "GET", "/users/{id}", nil},
		{"trailing slash", "POST", "/users/", nil},
		{"greedy at the end", "ANY", "/files/{proxy+}", nil},
		{"signs", "GET", "/a-b_c~d.e/x:y", nil},
		{"lower-case verb", "get", "/", []string{"verb"}},
		{"unknown verb", "TRACE", "/", []string{"verb"}},
		{"no slash", "GET", "users", []string{"path"}},
		{"empty", "GET", "", []string{"path"}},
		{"empty segment", "GET", "/a//b", []string{"path"}},
		{"only slashes", "GET", "//", []string{"path"}},
		{"dot segment", "GET", "/a/../b", []string{"path"}},
		{"greedy in the middle", "GET", "/{proxy+}/b", []string{"path"}},
		{"name twice", "GET", "/{id}/{id}", []string{"path"}},
		{"half a parameter", "GET", "/{id", []string{"path"}},
		{"parameter in a segment", "GET", "/v{id}", []string{"path"}},
		{"query", "GET", "/a?b", []string{"path"}},
		{"too long", "GET", "/" + strings.Repeat("a", 1024), []string{"path"}},
		{"both", "", "", []string{"path", "verb"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, fields(models.CheckMethod(c.verb, c.path))); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSlugifyAlwaysMakesASlug(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Draw(t, "name")
		if err := models.CheckSlug(models.Slugify(name)); err != nil {
			t.Fatalf("Slugify(%q) = %q: %v", name, models.Slugify(name), err)
		}
	})
	if got := models.Slugify("Weather & Tides, v2!"); got != "weather-tides-v2" {
		t.Errorf("got %q", got)
	}
}

func TestKeySourceRefusesHeadersThatHTTPUses(t *testing.T) {
	for _, c := range []struct {
		source models.KeySource
		want   []string
	}{
		{models.DefaultKeySource(), nil},
		{models.KeySource{Place: models.KeyInBearer}, nil},
		{models.KeySource{Place: models.KeyInQuery, Name: "api_key"}, nil},
		{models.KeySource{Place: models.KeyInQuery, Name: "a&b"}, []string{"key_name"}},
		{models.KeySource{Place: models.KeyInHeader, Name: "Cookie"}, []string{"key_name"}},
		{models.KeySource{Place: models.KeyInHeader, Name: "x key"}, []string{"key_name"}},
		{models.KeySource{Place: models.KeyInHeader}, []string{"key_name"}},
		{models.KeySource{}, []string{"key_place"}},
	} {
		if diff := cmp.Diff(c.want, fields(c.source.Check())); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.source, diff)
		}
	}
}

func TestStageCheckMarksEachField(t *testing.T) {
	good := models.Stage{Name: "prod", Upstream: "https://api.example.com/base", Timeout: models.DefaultTimeout}
	with := func(change func(*models.Stage)) models.Stage { s := good; change(&s); return s }
	for _, c := range []struct {
		name  string
		stage models.Stage
		want  []string
	}{
		{"good", good, nil},
		{"no name", with(func(s *models.Stage) { s.Name = "" }), []string{"name"}},
		{"slash in the name", with(func(s *models.Stage) { s.Name = "a/b" }), []string{"name"}},
		{"no scheme", with(func(s *models.Stage) { s.Upstream = "api.example.com" }), []string{"upstream"}},
		{"other scheme", with(func(s *models.Stage) { s.Upstream = "ftp://example.com" }), []string{"upstream"}},
		{"user", with(func(s *models.Stage) { s.Upstream = "https://u:p@example.com" }), []string{"upstream"}},
		{"query", with(func(s *models.Stage) { s.Upstream = "https://example.com/?a=b" }), []string{"upstream"}},
		{"empty query", with(func(s *models.Stage) { s.Upstream = "https://example.com/?" }), []string{"upstream"}},
		{"impatient", with(func(s *models.Stage) { s.Timeout = time.Millisecond }), []string{"timeout"}},
		{"negative rate", with(func(s *models.Stage) { s.Throttle = &limit.Throttle{Rate: -1, Burst: 1} }), []string{"rate"}},
		{"negative burst", with(func(s *models.Stage) { s.Throttle = &limit.Throttle{Rate: 1, Burst: -1} }), []string{"burst"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, fields(c.stage.Check())); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

// A document that is imported again must not change the ids by which plans and usage know methods, nor what the owner set by hand.
func TestImportKeepsIdsAndKeyRequired(t *testing.T) {
	present := []models.Method{
		{ID: 1, Verb: "GET", Path: "/a", Summary: "old", KeyRequired: false},
		{ID: 2, Verb: "GET", Path: "/b", KeyRequired: true},
	}
	removed := []models.Method{{ID: 3, Verb: "GET", Path: "/c", KeyRequired: false}}
	next, changes := models.MergeMethods(present, removed, []models.Method{
		{Verb: "GET", Path: "/c", KeyRequired: true},
		{Verb: "GET", Path: "/a", Summary: "new", KeyRequired: true},
		{Verb: "POST", Path: "/a", KeyRequired: true},
	})
	want := []models.Method{
		{ID: 3, Verb: "GET", Path: "/c", KeyRequired: true},
		{ID: 1, Verb: "GET", Path: "/a", Summary: "new", KeyRequired: false},
		{Verb: "POST", Path: "/a", KeyRequired: true},
	}
	if diff := cmp.Diff(want, next); diff != "" {
		t.Errorf("methods (-want +got):\n%s", diff)
	}
	wantChanges := models.ImportChanges{Added: []models.Method{want[0], want[2]}, Changed: []models.Method{want[1]}, Removed: []models.Method{present[1]}}
	if diff := cmp.Diff(wantChanges, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestCleanMethodsRefusesRepetitionAndTidiesSummaries(t *testing.T) {
	if _, err := models.CleanMethods([]models.Method{{Verb: "GET", Path: "/a"}, {Verb: "GET", Path: "/a"}}); !slices.Equal(fields(err), []string{"path"}) {
		t.Errorf("got %v, want an error at path", err)
	}
	got, err := models.CleanMethods([]models.Method{{Verb: "GET", Path: "/a", Summary: " two\n lines\x00 " + strings.Repeat("é", 300)}})
	if err != nil {
		t.Fatal(err)
	}
	if s := got[0].Summary; !strings.HasPrefix(s, "two lines é") || len([]rune(s)) > 200 {
		t.Errorf("got %q", s)
	}
}

func TestMethodsThatAnswerTheSameRequestsAreTold(t *testing.T) {
	get := func(path string) models.Method { return models.Method{Verb: "GET", Path: path} }
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"/a/{id}", "/a/{name}", true},
		{"/a/", "/a", true},
		{"/a/{id+}", "/a/{proxy+}", true},
		{"/a/{id}", "/a/{id+}", false},
		{"/a/{id}", "/a/id", false},
	} {
		if got := get(c.a).SameRequests(get(c.b)); got != c.want {
			t.Errorf("%s and %s: got %t", c.a, c.b, got)
		}
	}
	if get("/a").SameRequests(models.Method{Verb: "POST", Path: "/a"}) {
		t.Error("verbs were not compared")
	}
}
