package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// usageTable is one of the six tables of usage: by key or by plan, at one resolution.
type usageTable struct {
	name    string
	id      string   // the column that comes first in the key
	keys    []string // the primary key
	step    models.Step
	kept    time.Duration
	upsert  upsert
	discard string // deletes one row in which nothing is left
}

// usageTables are three resolutions by key, then the same by plan.
var usageTables = [...]usageTable{
	newUsageTable("usage_key_minutes", models.StepMinute, 3*24*time.Hour),
	newUsageTable("usage_key_hours", models.StepHour, 35*24*time.Hour),
	newUsageTable("usage_key_days", models.StepDay, 400*24*time.Hour),
	newUsageTable("usage_plan_minutes", models.StepMinute, 3*24*time.Hour),
	newUsageTable("usage_plan_hours", models.StepHour, 35*24*time.Hour),
	newUsageTable("usage_plan_days", models.StepDay, 400*24*time.Hour),
}

// numSums is the number of columns that add up: see sumColumns.
const numSums = 4 + models.NumLatencies

// sumColumns returns the columns that add up, in the order of usageEntry.sums.
func sumColumns() []string {
	columns := []string{"requests", "bytes_in", "bytes_out", "throttled_seconds"}
	for i := range models.NumLatencies {
		columns = append(columns, fmt.Sprintf("l%d", i))
	}
	return columns
}

func newUsageTable(name string, step models.Step, kept time.Duration) usageTable {
	t := usageTable{name: name, id: "plan_id", step: step, kept: kept, keys: []string{"plan_id", "start", "stage_id", "method_id", "outcome"}}
	if strings.HasPrefix(name, "usage_key_") {
		t.id = "key_id"
		t.keys = []string{"key_id", "start", "plan_id", "stage_id", "method_id", "outcome"}
	}
	sums := sumColumns()
	adds := make([]string, len(sums))
	for i, c := range sums {
		adds[i] = c + " = " + c + " + excluded." + c
	}
	columns := slices.Concat(t.keys, sums)
	t.upsert = newUpsert("INSERT INTO "+name+" ("+strings.Join(columns, ", ")+")", len(columns),
		"ON CONFLICT ("+strings.Join(t.keys, ", ")+") DO UPDATE SET "+strings.Join(adds, ", "))
	t.discard = "DELETE FROM " + name + " WHERE " + strings.Join(t.keys, " = ? AND ") + " = ? " +
		"AND requests = 0 AND bytes_in = 0 AND bytes_out = 0 AND throttled_seconds = 0"
	return t
}

// seconds returns the length of a row's time.
func (t *usageTable) seconds() int64 { return int64(time.Duration(t.step) / time.Second) }

// usageTableFor returns the table that answers for the scope at the coarsest resolution that divides the step.
func usageTableFor(byKey bool, step models.Step) *usageTable {
	resolution := step.Resolution()
	for i := range usageTables {
		if t := &usageTables[i]; (t.id == "key_id") == byKey && t.step == resolution {
			return t
		}
	}
	panic("store: no usage table for a stored resolution")
}

// usageEntry is a row to add: a key's values in the order of usageTable.keys, with unused ones last, and the sums.
type usageEntry struct {
	key  [6]int64
	sums [numSums]int64
}

// entry returns what a cell adds to the table; ok is false when it adds nothing.
func (t *usageTable) entry(c *models.UsageCell) (e usageEntry, ok bool) {
	start := c.Minute - c.Minute%t.seconds()
	if t.id == "key_id" {
		e.key = [6]int64{int64(c.KeyID), start, int64(c.PlanID), int64(c.StageID), int64(c.MethodID), int64(c.Outcome)}
	} else {
		e.key = [6]int64{int64(c.PlanID), start, int64(c.StageID), int64(c.MethodID), int64(c.Outcome)}
	}
	e.sums[0], e.sums[1], e.sums[2], e.sums[3] = c.Count, c.BytesIn, c.BytesOut, c.ThrottledSeconds
	copy(e.sums[4:], c.Latency[:])
	return e, t.id == "key_id" || c.PlanID != 0
}

// fold returns the rows that the cells add, each once, in the order of the table: neighbours lie on the same page of the file.
func (t *usageTable) fold(cells []models.UsageCell) []usageEntry {
	entries := make([]usageEntry, 0, len(cells))
	for i := range cells {
		if e, ok := t.entry(&cells[i]); ok {
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b usageEntry) int { return slices.Compare(a.key[:], b.key[:]) })
	folded := entries[:0]
	for _, e := range entries {
		if n := len(folded); n > 0 && folded[n-1].key == e.key {
			for i, v := range e.sums {
				folded[n-1].sums[i] += v
			}
			continue
		}
		folded = append(folded, e)
	}
	return slices.DeleteFunc(folded, func(e usageEntry) bool { return e.sums == [numSums]int64{} })
}

// add writes the entries and deletes the rows in which nothing is left: of requests that were open and are answered.
func (t *usageTable) add(ctx context.Context, db gorm.ConnPool, entries []usageEntry) error {
	width := len(t.keys) + numSums
	values := make([]any, 0, len(entries)*width)
	for i := range entries {
		for k := range t.keys {
			values = append(values, entries[i].key[k])
		}
		for _, v := range entries[i].sums {
			values = append(values, v)
		}
	}
	if err := t.upsert.run(ctx, db, values); err != nil {
		return err
	}
	for i := range entries {
		if entries[i].sums[0] >= 0 {
			continue
		}
		if _, err := db.ExecContext(ctx, t.discard, values[i*width:i*width+len(t.keys)]...); err != nil {
			return fmt.Errorf("tidy %s: %w", t.name, err)
		}
	}
	return nil
}

// upsertRows is how many rows go into the database by one statement: enough that the driver's work per statement does not count.
const upsertRows = 32

// upsert is an INSERT of many rows.
type upsert struct {
	head, row, tail string
	width           int
}

func newUpsert(head string, width int, tail string) upsert {
	return upsert{head: head + " VALUES ", row: "(?" + strings.Repeat(", ?", width-1) + ")", tail: " " + tail, width: width}
}

// run adds rows of the width, one after the other in values.
func (u *upsert) run(ctx context.Context, db gorm.ConnPool, values []any) error {
	for chunk := range slices.Chunk(values, upsertRows*u.width) {
		n := len(chunk) / u.width
		if _, err := db.ExecContext(ctx, u.head+strings.Repeat(u.row+", ", n-1)+u.row+u.tail, chunk...); err != nil {
			return fmt.Errorf("%s: %w", u.head, err)
		}
	}
	return nil
}
