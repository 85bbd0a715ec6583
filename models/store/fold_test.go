package store_test

import (
	"testing"

	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// The log is folded without the writer, and does not grow without end: once a long one is folded, the next write begins it anew.
func TestALongLogIsBegunAnew(t *testing.T) {
	s := storetest.Open(t)
	w := store.Writer(s)
	length := func() (pages int) {
		t.Helper()
		var busy, folded int
		ok(t, w.Raw("PRAGMA wal_checkpoint(NOOP)").Row().Scan(&busy, &pages, &folded))
		return pages
	}
	write := func() {
		ok(t, w.Exec(`INSERT INTO settings (name, value) SELECT hex(randomblob(8)), hex(zeroblob(2000))`).Error)
	}
	for length() < 1200 {
		ok(t, w.Exec(`INSERT INTO settings (name, value) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) SELECT hex(randomblob(8)), hex(zeroblob(2000)) FROM n`).Error)
	}
	ok(t, s.FoldLog(t.Context()))
	write()
	if n := length(); n > 100 {
		t.Errorf("the log has %d pages after it was folded", n)
	}
}
