package store_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

var update = flag.Bool("update", false, "write migrations/schema.sql anew")

// Without it a reviewer would read a schema that no database has.
func TestSchemaFileIsWhatTheMigrationsMake(t *testing.T) {
	const file = "../../migrations/schema.sql"
	got := schema(t, storetest.Open(t))
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, string(want)); diff != "" {
		t.Errorf("run go test ./models/store -run Schema -update (-database +file):\n%s", diff)
	}
}

func schema(t *testing.T, s *store.Store) string {
	t.Helper()
	var statements []string
	err := store.Writer(s).Raw(`SELECT sql FROM sqlite_master
		WHERE sql IS NOT NULL AND tbl_name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite%'
		ORDER BY tbl_name, type = 'trigger', type = 'index', name`).Scan(&statements).Error
	if err != nil {
		t.Fatal(err)
	}
	return "-- What the migrations amount to, by table. Made by go test ./models/store -run Schema -update; do not edit.\n\n" +
		strings.Join(statements, ";\n\n") + ";\n"
}
