package storetest

import (
	"context"
	"database/sql"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/store"
)

// Large is usage of very many keys, as SeedLarge wrote it.
type Large struct {
	Keys, Days int
	Spread     bool // over all plans, customers and developers; or else all are one owner's, on his busiest plan
}

// MillionKeys is what the promise about reading usage is made for: 90 million rows of days, about 13 GB, and 5 GB more while they are written.
func MillionKeys() Large { return Large{Keys: 1_000_000, Days: 90} }

// GrownKeys make Many to 100,000 keys with 10 million rows of usage.
func GrownKeys() Large { return Large{Keys: 90_000, Days: 95, Spread: true} }

// The ids of the keys are spread evenly over all that there are, so that rows are written in the order of their table and read at random.
const (
	firstLarge = 101_559_956_668_416 // 36^9
	spanLarge  = 3_656_158_440_062_976 - firstLarge
	chunkLarge = 20_000 // keys of one transaction
)

// largeSums are the columns of a day that are not 0, in the order in which days writes them.
func largeSums() []string { return []string{"o1", "o3", "o7", "bytes_in", "bytes_out", "l5", "l6"} }

// largeZeros are those that are.
func largeZeros() (zeros []string) {
	zeros = []string{"o0", "o2", "o4", "o5", "o6", "o8", "o9", "throttled_seconds"}
	for i := range models.NumLatencies {
		if i != 5 && i != 6 {
			zeros = append(zeros, "l"+strconv.Itoa(int(i)))
		}
	}
	return zeros
}

// Key returns the id of one of the keys, 0 <= i < Keys.
func (l Large) Key(i int) models.KeyID {
	step := spanLarge / int64(l.Keys)
	return models.KeyID(firstLarge + step/2 + int64(i)*step)
}

// Through is the end of the days: the day of Now is the last one.
func (l Large) Through() time.Time { return Now().Truncate(24*time.Hour).AddDate(0, 0, 1) }

// SeedLarge adds keys to a seeded file, each with usage on each day. It writes rows as they are, past the store's use cases, by which it would take days;
// the file must not be open.
func SeedLarge(t testing.TB, path string, made Seeded, l Large) {
	t.Helper()
	began := time.Now()
	db, err := sql.Open(Driver(), "file:"+(&url.URL{Path: path}).EscapedPath())
	if err != nil {
		t.Fatalf("open %s: %v", path, err)
	}
	db.SetMaxOpenConns(1)
	defer db.Close()
	w := largeWriter{TB: t, ctx: t.Context(), db: db, made: made, Large: l}
	for _, pragma := range []string{"journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE", "foreign_keys = OFF", "cache_size = -400000"} {
		w.exec("PRAGMA " + pragma)
	}
	steps := []struct {
		name string
		do   func()
	}{{"places", w.places}, {"keys", w.keys}, {"days", w.days}, {"months", w.months}}
	if l.Spread {
		steps = append(steps, w.spreadSteps()...)
	}
	for _, step := range steps {
		step.do()
		t.Logf("seed %-16s %8v", step.name, time.Since(began).Round(time.Second))
	}
	w.exec("PRAGMA locking_mode = NORMAL")
	w.exec("PRAGMA journal_mode = DELETE")
}

// Driver is the name in database/sql of the SQLite driver that the store uses; the other may be registered, and not work.
func Driver() string {
	if strings.Contains(store.Driver, "cgo") {
		return "sqlite3"
	}
	return "sqlite"
}

type largeWriter struct {
	testing.TB
	ctx  context.Context
	db   *sql.DB
	made Seeded
	Large
}

func (w largeWriter) exec(statement string, args ...any) {
	w.Helper()
	if _, err := w.db.ExecContext(w.ctx, statement, args...); err != nil {
		w.Fatalf("%.60s: %v", statement, err)
	}
}

// places says of each key whose it is and what it calls: the table large, which is forgotten with the connection.
func (w largeWriter) places() {
	w.exec(`CREATE TEMP TABLE large (i INTEGER PRIMARY KEY, id INTEGER, plan INTEGER, stage INTEGER, method INTEGER, owner INTEGER, app INTEGER, account INTEGER, customer TEXT)`)
	w.exec(`WITH RECURSIVE n (i, id) AS (SELECT 0, ?1 UNION ALL SELECT i + 1, id + ?2 FROM n WHERE i + 1 < ?3)
		INSERT INTO large SELECT i, id, ?4, ?5, ?6, ?7, NULL, 0, '' FROM n`,
		int64(w.Key(0)), int64(w.Key(1)-w.Key(0)), w.Keys, int64(w.made.Plan), int64(w.made.Stage), int64(w.made.Method), int64(w.made.Owner.ID))
	if w.Spread {
		w.spread()
	}
	w.exec(`CREATE UNIQUE INDEX temp.large_ids ON large (id)`)
}

// keys makes the keys, their values' hashes and memberships, in chunks.
func (w largeWriter) keys() {
	created, used := w.made.Now.AddDate(0, 0, -w.Days).UnixMilli(), w.made.Now.UnixMilli()
	for from := 0; from < w.Keys; from += chunkLarge {
		run := func(statement string, args ...any) {
			w.exec(statement+` FROM large WHERE i >= ?1 AND i < ?2`, append([]any{from, from + chunkLarge}, args...)...)
		}
		w.exec("BEGIN")
		run(`INSERT INTO keys (id, owner_id, app_id, name, description, customer_id, enabled, source, created_at, last_used_at)
			SELECT id, owner, app, printf('large-%07d', i), '', customer, 1, 'imported', ?3, ?4`, created, used)
		run(`INSERT INTO key_secrets (digest, key_id, is_current, hint, last4, created_at)
			SELECT randomblob(32), id, 1, printf('larg…%04d', i % 10000), printf('%04d', i % 10000), ?3`, created)
		run(`INSERT INTO plan_keys (plan_id, key_id, subscription_id, blocked, added_at) SELECT plan, id, app, 0, ?3`, created)
		run(`INSERT INTO key_stages (key_id, stage_id, plan_id) SELECT id, stage, plan`)
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
func (w largeWriter) days() {
	indexes := w.dropIndexes("usage_days")
	// By method a key has several rows a day; a key of one method is the least that a key that calls has.
	statement := `WITH RECURSIVE d (n, start) AS (SELECT 0, ?3 UNION ALL SELECT n + 1, start + 86400 FROM d WHERE n + 1 < ?4),
			x (id, start, calls, plan, stage, method) AS (SELECT k.id, d.start, 1 + (k.id / 3 + d.n * 13) % 200, plan, stage, method FROM large k CROSS JOIN d WHERE k.i >= ?1 AND k.i < ?2)
		INSERT INTO usage_days (kind, id, start, plan_id, stage_id, method_id, ` + strings.Join(slices.Concat(largeSums(), largeZeros()), ", ") + `)
		SELECT 1, id, start, plan, stage, method, calls, calls % 4, calls % 3, calls * 80, calls * 900, calls - calls / 3, calls / 3` + strings.Repeat(", 0", len(largeZeros())) + ` FROM x ORDER BY id, start`
	first := w.Through().AddDate(0, 0, -w.Days).Unix()
	began := time.Now()
	for from := 0; from < w.Keys; from += chunkLarge {
		w.exec("BEGIN")
		w.exec(statement, from, from+chunkLarge, first, w.Days)
		w.exec("COMMIT")
		if done := from + chunkLarge; done%(10*chunkLarge) == 0 {
			w.Logf("%d keys after %v", done, time.Since(began).Round(time.Second))
		}
	}
	for _, index := range indexes {
		w.exec(index)
	}
}

// months makes what each key called in each of the months that its days lie in.
func (w largeWriter) months() {
	w.exec(`INSERT OR IGNORE INTO usage_customers (id, owner_id, account_id, name)
		SELECT ?1 + abs(random()) % ?2, ?3, account, customer FROM (SELECT DISTINCT account, customer FROM large)`, firstLarge, spanLarge, int64(w.made.Owner.ID))
	end := w.Through()
	for month := end.AddDate(0, 0, -w.Days); month.Before(end); month = time.Date(month.Year(), month.Month()+1, 1, 0, 0, 0, 0, time.UTC) {
		first := time.Date(month.Year(), month.Month(), 1, 0, 0, 0, 0, time.UTC).Unix() / 86400
		w.exec(`INSERT INTO usage_key_months (plan_id, month, key_id, requests, refused, charged, owner_id, customer_id)
			SELECT l.plan, ?1, l.id, 1000 + (l.id / 3) % 5000, l.id % 90, 1000 + (l.id / 3) % 5000, ?2, c.id
			FROM large l JOIN usage_customers c ON c.owner_id = ?2 AND c.account_id = l.account AND c.name = l.customer WHERE true ORDER BY l.plan, l.id`, first, int64(w.made.Owner.ID))
	}
}
