package e2e

import (
	"database/sql"
	"path/filepath"
	"testing"
)

// TestThePortalSaysWhenTheLedgerIsAway takes the database from a server, as a program beside it would, and gives it back.
func TestThePortalSaysWhenTheLedgerIsAway(t *testing.T) {
	t.Parallel()
	p, data := startDemo(t)
	owner, developer := newBrowser(t, desktop), newBrowser(t, phone)
	for b, email := range map[*browser]string{owner: "owner@example.com", developer: "developer@example.com"} {
		b.signIn(p.portal, email)
	}
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(data, "gatehouse.db")+"?_txlock=immediate&_busy_timeout=10000")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	held, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer held.Rollback()
	p.eventually("trouble", func() bool { return !p.ready() }) // the demo's own traffic needs rights
	for b, path := range map[*browser]string{owner: "/owner", developer: "/keys"} {
		b.open(p.portal + path)
		b.see("The database of quotas cannot be written.")
		b.accessible()
	}
	if err := held.Rollback(); err != nil {
		t.Fatal(err)
	}
	p.eventually("the end of the trouble", p.ready)
	owner.open(p.portal + "/owner")
	if eval[int](owner, "document.querySelectorAll('[role=alert]').length") != 0 {
		t.Error("the banner stays")
	}
}
