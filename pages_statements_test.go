package main

import (
	"context"
	"database/sql"
	"log/slog"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatehouse/models/store/storetest"
)

// statements is a log that keeps what the database is asked for.
type statements struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (s *statements) Enabled(context.Context, slog.Level) bool { return true }

func (s *statements) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "sql" {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.seen[a.Value.String()] = true
		}
		return true
	})
	return nil
}

func (s *statements) WithAttrs([]slog.Attr) slog.Handler { return s }
func (s *statements) WithGroup(string) slog.Handler      { return s }

// take returns what was asked for since the last call.
func (s *statements) take() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for text := range s.seen {
		all = append(all, text)
	}
	clear(s.seen)
	return all
}

// reading is how a statement begins that only reads.
var reading = regexp.MustCompile(`^\s*(SELECT|WITH)\b`)

// smallTables do not grow with what people do.
func smallTables() []string {
	return []string{"settings", "look", "look_files", "journal", "progress", "sqlite_master", "sqlite_schema", "goose_db_version",
		"plan_openings", // one at a time
		"usage_open",    // what is being answered at this moment
	}
}

// explainer says what statements read from end to end.
type explainer struct {
	testing.TB
	db      *sql.DB
	growing []string
	aliases map[string]*regexp.Regexp // of each growing table: where a statement names it
}

func newExplainer(t testing.TB, file string) *explainer {
	t.Helper()
	db, err := sql.Open(storetest.Driver(), "file:"+(&url.URL{Path: file}).EscapedPath()+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	x := &explainer{TB: t, db: db, aliases: map[string]*regexp.Regexp{}}
	rows, err := db.QueryContext(t.Context(), `SELECT name FROM sqlite_master WHERE type = 'table'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(smallTables(), name) {
			x.growing = append(x.growing, name)
			x.aliases[name] = regexp.MustCompile(`(?:FROM|JOIN|,)\s+"?` + name + `"?\s+(?:AS\s+)?([a-z_]+)`)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return x
}

// tableOf is the growing table that a statement calls by a name, if that is one.
func (x *explainer) tableOf(statement, name string) (string, bool) {
	for _, table := range x.growing {
		if table == name {
			return table, true
		}
		if !strings.Contains(statement, table) {
			continue
		}
		for _, m := range x.aliases[table].FindAllStringSubmatch(statement, -1) {
			if m[1] == name {
				return table, true
			}
		}
	}
	return "", false
}

// scans are the growing tables that a statement reads from end to end.
func (x *explainer) scans(statement string) (tables []string) {
	x.Helper()
	values := make([]any, strings.Count(statement, "?"))
	rows, err := x.db.QueryContext(x.Context(), "EXPLAIN QUERY PLAN "+statement, values...)
	if err != nil {
		x.Fatalf("%v: %s", err, statement)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			x.Fatal(err)
		}
		words := strings.Fields(detail)
		if words[0] != "SCAN" || strings.Contains(detail, "VIRTUAL TABLE") {
			continue
		}
		if table, ok := x.tableOf(statement, words[1]); ok {
			tables = append(tables, table)
		}
	}
	if err := rows.Err(); err != nil {
		x.Fatal(err)
	}
	return tables
}

// readNoTableThatGrows: whatever a page asks for starts in an index, and every list and every usage answers, and is light.
func readNoTableThatGrows(t *testing.T, p *portal, asked *statements, folder string) {
	x := newExplainer(t, filepath.Join(folder, databaseFile))
	known := map[string]bool{}
	asked.take() // what the start asks for
	for _, g := range slices.Concat(p.pages(t), p.variants()) {
		w := p.get(g.reader, g.path)
		if w.Code != g.status {
			t.Errorf("GET %s answers %q %d, want %d", g.path, g.reader, w.Code, g.status)
		}
		weigh(t, g.path, w)
		for _, statement := range asked.take() {
			if known[statement] || !reading.MatchString(statement) {
				continue
			}
			known[statement] = true
			for _, table := range x.scans(statement) {
				t.Errorf("GET %s reads all of %s: %s", g.path, table, statement)
			}
		}
	}
	if len(known) < 100 {
		t.Errorf("%d statements were looked at: does the log still have them?", len(known))
	}
}
