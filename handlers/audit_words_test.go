package handlers

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
	"gatehouse/templates/admin"
	"gatehouse/templates/ui"
)

// TestChangesOfShowsWhatDiffers: value by value, with numbers as they are, and nothing that stayed the same.
func TestChangesOfShowsWhatDiffers(t *testing.T) {
	tests := []struct {
		name, before, after string
		want                []admin.Change
	}{
		{"nothing", "", "", nil},
		{"made", "", `{"name":"Free","keysPerApp":1}`, []admin.Change{{Name: "keysPerApp", After: "1"}, {Name: "name", After: "Free"}}},
		{"ended", `{"name":"Free"}`, "", []admin.Change{{Name: "name", Before: "Free"}}},
		{"changed", `{"name":"Free","throttle":{"Rate":50,"Burst":100}}`, `{"name":"Free","throttle":{"Rate":80,"Burst":100}}`,
			[]admin.Change{{Name: "throttle.Rate", Before: "50", After: "80"}}},
		{"large numbers", `{"quota":10000000}`, `{"quota":1000000000000}`, []admin.Change{{Name: "quota", Before: "10000000", After: "1000000000000"}}},
		{"lists", `{"stages":["a","b"]}`, `{"stages":["a"]}`, []admin.Change{{Name: "stages.2", Before: "b"}}},
		{"switches", `{"on":false}`, `{"on":true}`, []admin.Change{{Name: "on", Before: "no", After: "yes"}}},
		{"no object", `"a"`, `"b"`, []admin.Change{{Name: "value", Before: "a", After: "b"}}},
		{"nulls", `{"a":null}`, `{"a":1}`, []admin.Change{{Name: "a", After: "1"}}},
		{"what is no JSON", `{`, `{"a":1}`, []admin.Change{{Name: "a", After: "1"}, {Name: "value", Before: "{"}}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, changesOf(json.RawMessage(tt.before), json.RawMessage(tt.after))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// literalsOf are the string constants of the packages that write events, with the files that they stand in.
func literalsOf(t *testing.T, pattern string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	found := map[string]string{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if text, err := strconv.Unquote(l.Value); err == nil {
					found[text] = filepath.Base(name)
				}
			}
			return true
		})
	}
	return found
}

// TestActionsHaveWords: each action that the store can note reads as a sentence, and the filter of the audit log offers its kind. The actions are read from the store's source: a new
// one without words fails here.
func TestActionsHaveWords(t *testing.T) {
	shape := regexp.MustCompile(`^[a-z]{2,}\.[a-z_]+$`) // columns have aliases of one letter
	actions := map[string]string{}
	for text, file := range literalsOf(t, "../models/store/*.go") {
		switch {
		case text == "gatehouse.db":
		case shape.MatchString(text):
			actions[text] = file
		case text == "subscription.": // a decision follows
			for _, d := range []models.Decision{models.Approve, models.Refuse, models.Suspend, models.Resume, models.End} {
				actions[text+string(d)] = file
			}
		}
	}
	if len(actions) < 90 {
		t.Errorf("found %d actions alone", len(actions))
	}
	for action, file := range actions {
		if words := actionWords(action); strings.Contains(words, "(") {
			t.Errorf("%s, which %s notes, has no words: %q", action, file, words)
		}
		kind, _, _ := strings.Cut(action, ".")
		if !slices.ContainsFunc(auditActions(), func(o ui.Option) bool { return o.Value == kind+"." }) {
			t.Errorf("the filter does not offer %s, of %s", kind, action)
		}
	}
	if got := actionWords("kettle.boil_over"); got != "boil over (kettle)" {
		t.Errorf("an unknown action is said as %q", got)
	}
}

// TestChangesOfIsBounded: a document of thousands of methods does not fill the page.
func TestChangesOfIsBounded(t *testing.T) {
	var values []string
	for i := range 1000 {
		values = append(values, fmt.Sprintf(`"v%d":%d`, i, i))
	}
	got := changesOf(nil, json.RawMessage("{"+strings.Join(values, ",")+"}"))
	if want := (admin.Change{Name: "and more", After: "940\u00a0values"}); len(got) != maxChanges+1 || got[maxChanges] != want {
		t.Errorf("%d rows, the last one %v", len(got), got[len(got)-1])
	}
}

// TestEventsSayTheKindOnce: where the action or the name says what it was done to, the kind does not say it again.
func TestEventsSayTheKindOnce(t *testing.T) {
	for want, e := range map[string]models.Event{
		"wrote changelog entry Paging":           {Action: "changelog.create", ObjectKind: "changelog", ObjectID: "a", ObjectName: "Paging"},
		"deprecated GET /users":                  {Action: "deprecation.create", ObjectKind: "deprecation", ObjectID: "a", ObjectName: "GET /users"},
		"took back the deprecation of stage old": {Action: "deprecation.delete", ObjectKind: "deprecation", ObjectID: "a", ObjectName: "stage old"},
		"imported keys.csv":                      {Action: "key.import", ObjectKind: "import", ObjectID: "a", ObjectName: "keys.csv"},
		"imported 120 keys":                      {Action: "key.import", ObjectKind: "key", ObjectName: "120 keys"},
		"revoked key ios":                        {Action: "key.revoke", ObjectKind: "key", ObjectID: "a", ObjectName: "ios"},
		"imported a document into API Echo":      {Action: "api.import", ObjectKind: "api", ObjectID: "a", ObjectName: "Echo"},
	} {
		if got := strings.Join(strings.Fields(actionWords(e.Action)+" "+kindWords(e)+" "+e.ObjectName), " "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
