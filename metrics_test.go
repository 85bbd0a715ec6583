package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	yaml "github.com/pb33f/go-yaml"
	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/enforcement/cache"
	"gatehouse/web/certs"
)

// catalogue is a prometheus.Registerer that only notes what is registered, also what has no value yet.
type catalogue map[string]bool

var descName = regexp.MustCompile(`fqName: "([^"]+)"`)

func (c catalogue) Register(one prometheus.Collector) error {
	descs := make(chan *prometheus.Desc, 1000)
	one.Describe(descs)
	close(descs)
	for desc := range descs {
		if name := descName.FindStringSubmatch(desc.String())[1]; strings.HasPrefix(name, "gatehouse_") {
			c[name] = true
		}
	}
	return nil
}

func (c catalogue) MustRegister(some ...prometheus.Collector) {
	for _, one := range some {
		_ = c.Register(one)
	}
}

func (catalogue) Unregister(prometheus.Collector) bool { return false }

// everyMetric is what a server tells that has everything switched on.
func everyMetric(t *testing.T) catalogue {
	t.Helper()
	c := portalConfig(t.TempDir())
	c.requestLog, c.cacheSize = 4<<20, cache.MinSize
	in, err := open(t.Context(), c, slog.New(slog.DiscardHandler), false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.close() })
	in.certificates = new(certs.Certificates)
	all := catalogue{}
	in.register(all)
	return all
}

// Who is woken by a metric looks it up; who writes an alert trusts that it exists.
func TestTheManualListsEveryMetric(t *testing.T) {
	all := everyMetric(t)
	manual, err := os.ReadFile(filepath.Join("docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	told := catalogue{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(gatehouse_[a-z_]+)(?:\\{[a-z_,]+\\})?` \\|").FindAllSubmatch(manual, -1) {
		told[string(row[1])] = true
	}
	for name := range all {
		if !told[name] {
			t.Errorf("docs/operations.md has no row for %s", name)
		}
	}
	for name := range told {
		if !all[name] {
			t.Errorf("docs/operations.md has %s, which there is not", name)
		}
	}
	// Elsewhere they are only named.
	manuals, err := filepath.Glob(filepath.Join("docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range manuals {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`\bgatehouse_[a-z_]+\b`).FindAllString(string(text), -1) {
			if base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count"); !all[name] && !all[base] && !slices.Contains(notMetrics, name) {
				t.Errorf("%s names %s, which there is not", file, name)
			}
		}
	}
}

// notMetrics only look like some.
var notMetrics = []string{}

// rules is what a file of alert rules has.
type rules struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Alert, Expr, For    string
			Labels, Annotations map[string]string
		}
	}
}

// An alert that names a metric that is not there never fires; one that nobody can look up wakes somebody for nothing.
func TestAlertRulesNameMetricsThatExistAndWhatToDo(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("docs", "prometheus-rules.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var found rules
	if err := yaml.Unmarshal(text, &found); err != nil {
		t.Fatal(err)
	}
	manual, err := os.ReadFile(filepath.Join("docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	metrics, sections := everyMetric(t), map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^### (Gatehouse\w+)$`).FindAllSubmatch(manual, -1) {
		sections[strings.ToLower(string(m[1]))] = false
	}
	seen := map[string]bool{}
	for _, group := range found.Groups {
		for _, r := range group.Rules {
			if seen[r.Alert] {
				t.Errorf("%s is there twice", r.Alert)
			}
			seen[r.Alert] = true
			names := regexp.MustCompile(`\bgatehouse_[a-z_]+`).FindAllString(r.Expr, -1)
			for _, name := range names {
				base := regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(name, "")
				if !metrics[name] && !metrics[base] {
					t.Errorf("%s: there is no metric %s", r.Alert, name)
				}
			}
			if len(names) == 0 && !strings.Contains(r.Expr, `job="gatehouse"`) {
				t.Errorf("%s is about nothing of ours: %s", r.Alert, r.Expr)
			}
			if s := r.Labels["severity"]; s != "warning" && s != "critical" || r.Annotations["summary"] == "" {
				t.Errorf("%s: severity %q, summary %q", r.Alert, s, r.Annotations["summary"])
			}
			anchor := strings.TrimPrefix(r.Annotations["runbook"], "docs/operations.md#")
			if _, ok := sections[anchor]; !ok {
				t.Errorf("%s: docs/operations.md has no section %q", r.Alert, anchor)
			}
			sections[anchor] = true
		}
	}
	if len(seen) == 0 {
		t.Error("there are no rules")
	}
	for section, used := range sections {
		if !used {
			t.Errorf("docs/operations.md, %s: no rule leads there", section)
		}
	}
}
