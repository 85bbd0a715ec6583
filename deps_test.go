package main

import (
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// importRule forbids the packages below from to reach the packages below to, directly or by way of others.
type importRule struct {
	from   string
	to     []string
	except []string // packages below from that the rule does not bind
	why    string
}

const module = "gatehouse"

// importRules is the table of who may import whom (docs/architecture.md). "std" in to means: everything but the standard library and from itself.
var importRules = []importRule{
	{from: "gatehouse/models/limit", to: []string{"std"}, why: "arithmetic is tested in microseconds and leans on nothing"},
	{from: "gatehouse/enforcement", to: []string{"gorm.io", "github.com/gin-gonic", "github.com/a-h/templ", "gatehouse/models/store", "gatehouse/handlers", "gatehouse/web", "gatehouse/templates"},
		why: "the hot path cannot touch the database or the pages, not even by mistake"},
	{from: "gatehouse/templates", to: []string{"gatehouse/models", "gatehouse/handlers", "gatehouse/enforcement", "gatehouse/web", "gorm.io", "github.com/gin-gonic"},
		why: "a page shows only what was chosen for it"},
	{from: "gatehouse/static", to: []string{"gatehouse/models", "gatehouse/handlers", "gatehouse/templates"}, why: "files know nothing of their readers"},
	{from: "gatehouse/handlers", to: []string{"gatehouse/models/store", "gatehouse/enforcement", "gatehouse/web", "gorm.io"},
		why: "a handler names the few methods that it calls; main hands the store and the gateway in"},
	{from: "gatehouse/models/store", to: []string{"gatehouse/handlers", "gatehouse/web", "gatehouse/enforcement", "gatehouse/templates", "gatehouse/jobs", "github.com/gin-gonic"},
		why: "records know nothing of pages and of the gateway"},
	{from: "gatehouse/web", to: []string{"gatehouse/models/store", "gatehouse/enforcement", "gorm.io"}, why: "the edge lists routes and guards, nothing else"},
	{from: "gatehouse/jobs", to: []string{"gorm.io", "github.com/gin-gonic", "gatehouse/models/store", "gatehouse/handlers", "gatehouse/web", "gatehouse/enforcement", "gatehouse/templates"},
		why: "background work declares what it calls; main hands the store in"},
	{from: "gatehouse/migrations", to: []string{"std"}, why: "SQL files alone"},
}

type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Deps       []string
}

func TestImportRulesHold(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Imports,Deps", "./...").Output()
	if err != nil {
		t.Fatalf("list packages: %v", err)
	}
	packages := map[string]listed{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("read list: %v", err)
		}
		packages[p.ImportPath] = p
	}
	for _, rule := range importRules {
		for path, p := range packages {
			if !below(path, rule.from) || slices.ContainsFunc(rule.except, func(e string) bool { return below(path, e) }) || strings.HasSuffix(path, "test") {
				continue
			}
			for _, dep := range p.Deps {
				if forbidden(rule, packages[dep], dep) {
					t.Errorf("%s must not reach %s: %s", path, dep, rule.why)
				}
			}
		}
	}
	for _, path := range []string{"gatehouse/models"} {
		for _, dep := range packages[path].Imports {
			if !packages[dep].Standard && dep != "gatehouse/models/limit" {
				t.Errorf("%s must not import %s: the vocabulary is the standard library and its own arithmetic", path, dep)
			}
		}
	}
	for path, p := range packages {
		if strings.HasPrefix(path, module+"/handlers") && slices.Contains(p.Imports, "github.com/gin-gonic/gin") && path != "gatehouse/handlers" {
			t.Errorf("%s must not import gin: it stays in handlers and web", path)
		}
	}
}

func below(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

func forbidden(rule importRule, dep listed, path string) bool {
	for _, to := range rule.to {
		if to == "std" && !dep.Standard && !below(path, rule.from) || to != "std" && below(path, to) {
			return true
		}
	}
	return false
}

// What makes tests quick at the price of what the product promises is in tests alone.
func TestShortcutsOfTestsAreTakenByTestsAlone(t *testing.T) {
	shortcuts := map[string]string{"Unsynced": "models/store/", "NewQuickHasher": "models/secret/"} // and where they are
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for name, home := range shortcuts {
			if !strings.HasPrefix(path, home) && strings.Contains(string(text), name) {
				t.Errorf("%s takes the shortcut %s", path, name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
