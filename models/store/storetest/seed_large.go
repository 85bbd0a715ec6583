package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"gatehouse/models"
)

// Large is usage of very many keys, as SeedLarge wrote it.
type Large struct{ Keys, Days int }

// MillionKeys is what the promise about reading usage is made for: 90 million rows of days, about 13 GB, and 5 GB more while they are written.
func MillionKeys() Large { return Large{Keys: 1_000_000, Days: 90} }

// GrownKeys make Many to 100,000 keys with 10 million rows of usage.
func GrownKeys() Large { return Large{Keys: 90_000, Days: 110} }

// The ids of the keys are spread evenly over all that there are, so that rows are written in the order of their table and read at random.
const (
	firstLarge = 101_559_956_668_416 // 36^9
	spanLarge  = 3_656_158_440_062_976 - firstLarge
	chunkLarge = 20_000 // keys of one transaction
)

// Key returns the id of one of the keys, 0 <= i < Keys.
func (l Large) Key(i int) models.KeyID {
	step := spanLarge / int64(l.Keys)
	return models.KeyID(firstLarge + step/2 + int64(i)*step)
}

// Through is the end of the days: the day of Now is the last one.
func (l Large) Through() time.Time { return Now().Truncate(24*time.Hour).AddDate(0, 0, 1) }

// SeedLarge adds keys to the busiest plan of a seeded file, each with usage on each day. It writes rows as they are, past the store's use cases, by which
// it would take days; the file must not be open.
func SeedLarge(t testing.TB, path string, made Seeded, l Large) {
	t.Helper()
	began := time.Now()
	db, err := sql.Open(driver(), "file:"+(&url.URL{Path: path}).EscapedPath())
	if err != nil {
		t.Fatalf("open %s: %v", path, err)
	}
	db.SetMaxOpenConns(1)
	defer db.Close()
	w := largeWriter{TB: t, ctx: t.Context(), db: db}
	for _, pragma := range []string{"journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE", "foreign_keys = OFF", "cache_size = -400000"} {
		w.exec("PRAGMA " + pragma)
	}
	w.keys(made, l)
	t.Logf("seed keys  %8v", time.Since(began).Round(time.Second))
	indexes := w.dropIndexes("usage_days")
	w.days(made, l)
	t.Logf("seed days  %8v", time.Since(began).Round(time.Second))
	for _, index := range indexes {
		w.exec(index)
	}
	w.months(made, l)
	t.Logf("seed months %7v", time.Since(began).Round(time.Second))
	w.exec("PRAGMA locking_mode = NORMAL")
	w.exec("PRAGMA journal_mode = DELETE")
	t.Logf("seeded in  %8v", time.Since(began).Round(time.Second))
}

// driver is the SQLite driver of this build.
func driver() string {
	if slices.Contains(sql.Drivers(), "sqlite3") {
		return "sqlite3"
	}
	return "sqlite"
}

type largeWriter struct {
	testing.TB
	ctx context.Context
	db  *sql.DB
}

func (w largeWriter) exec(statement string, args ...any) {
	w.Helper()
	if _, err := w.db.ExecContext(w.ctx, statement, args...); err != nil {
		w.Fatalf("%.60s: %v", statement, err)
	}
}

// keys makes the keys, their values' hashes and memberships, in chunks.
func (w largeWriter) keys(made Seeded, l Large) {
	const numbers = `WITH RECURSIVE n (i, id) AS (SELECT ?1, ?2 UNION ALL SELECT i + 1, id + ?3 FROM n WHERE i + 1 < ?4) `
	created, used := made.Now.AddDate(0, 0, -l.Days).UnixMilli(), made.Now.UnixMilli()
	step := int64(l.Key(1) - l.Key(0))
	for from := 0; from < l.Keys; from += chunkLarge {
		part := []any{from, int64(l.Key(from)), step, min(l.Keys, from+chunkLarge)}
		run := func(statement string, args ...any) { w.exec(numbers+statement, append(slices.Clone(part), args...)...) }
		w.exec("BEGIN")
		run(`INSERT INTO keys (id, owner_id, name, description, customer_id, enabled, source, created_at, last_used_at)
			SELECT id, ?5, printf('large-%07d', i), '', '', 1, 'imported', ?6, ?7 FROM n`, int64(made.Owner.ID), created, used)
		run(`INSERT INTO key_secrets (digest, key_id, is_current, hint, last4, created_at)
			SELECT randomblob(32), id, 1, printf('larg…%04d', i % 10000), printf('%04d', i % 10000), ?5 FROM n`, created)
		run(`INSERT INTO plan_keys (plan_id, key_id, blocked, added_at) SELECT ?5, id, 0, ?6 FROM n`, int64(made.Plan), created)
		run(`INSERT INTO key_stages (key_id, stage_id, plan_id) SELECT id, ?5, ?6 FROM n`, int64(made.Stage), int64(made.Plan))
		w.exec("COMMIT")
	}
}

// dropIndexes drops a table's indexes and returns how to make them again: sorting once is faster than keeping them in order.
func (w largeWriter) dropIndexes(table string) (make []string) {
	rows, err := w.db.QueryContext(w.ctx, `SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL`, table)
	if err != nil {
		w.Fatal(err)
	}
	var names []string
	for rows.Next() {
		var name, statement string
		if err := rows.Scan(&name, &statement); err != nil {
			w.Fatal(err)
		}
		names, make = append(names, name), append(make, statement)
	}
	if err := rows.Err(); err != nil {
		w.Fatal(err)
	}
	for _, name := range names {
		w.exec("DROP INDEX " + name)
	}
	return make
}

// days makes each key's days, in the order of the table.
func (w largeWriter) days(made Seeded, l Large) {
	var zeros, zeroValues string // what is left over of the table's columns
	for _, column := range []string{"o0", "o2", "o4", "o5", "o6", "o8", "o9", "throttled_seconds"} {
		zeros, zeroValues = zeros+", "+column, zeroValues+", 0"
	}
	for i := range models.NumLatencies {
		if i != 5 && i != 6 {
			zeros, zeroValues = zeros+fmt.Sprintf(", l%d", i), zeroValues+", 0"
		}
	}
	// By method a key has several rows a day; a key of one method is the least that a key that calls has.
	statement := `WITH RECURSIVE d (n, start) AS (SELECT 0, ?3 UNION ALL SELECT n + 1, start + 86400 FROM d WHERE n + 1 < ?4),
			x (id, start, calls) AS (SELECT k.id, d.start, 1 + (k.id / 3 + d.n * 13) % 200 FROM keys k CROSS JOIN d WHERE k.id >= ?1 AND k.id < ?2 AND k.name LIKE 'large-%')
		INSERT INTO usage_days (kind, id, start, plan_id, stage_id, method_id, o1, o3, o7, bytes_in, bytes_out, l5, l6` + zeros + `)
		SELECT 1, id, start, ?5, ?6, ?7, calls, calls % 4, calls % 3, calls * 80, calls * 900, calls - calls / 3, calls / 3` + zeroValues + ` FROM x ORDER BY id, start`
	first := l.Through().AddDate(0, 0, -l.Days).Unix()
	began := time.Now()
	for from := 0; from < l.Keys; from += chunkLarge {
		to := min(l.Keys, from+chunkLarge)
		w.exec("BEGIN")
		w.exec(statement, int64(l.Key(from)), int64(l.Key(to)), first, l.Days, int64(made.Plan), int64(made.Stage), int64(made.Method))
		w.exec("COMMIT")
		if to%(10*chunkLarge) == 0 {
			w.Logf("%d keys after %v", to, time.Since(began).Round(time.Second))
		}
	}
}

// months makes what each key called in each of the months that its days lie in.
func (w largeWriter) months(made Seeded, l Large) {
	end := l.Through()
	for month := end.AddDate(0, 0, -l.Days); month.Before(end); month = time.Date(month.Year(), month.Month()+1, 1, 0, 0, 0, 0, time.UTC) {
		first := time.Date(month.Year(), month.Month(), 1, 0, 0, 0, 0, time.UTC).Unix() / 86400
		w.exec("BEGIN")
		w.exec(`INSERT INTO usage_key_months (plan_id, month, key_id, requests, refused)
			SELECT ?1, ?2, id, 1000 + (id / 3) % 5000, id % 90 FROM keys WHERE name LIKE 'large-%' ORDER BY id`, int64(made.Plan), first)
		w.exec("COMMIT")
	}
}
