//go:build cgo

package store

import (
	"net/url"

	_ "github.com/mattn/go-sqlite3" // a newer SQLite than the one that gorm's driver asks for
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

// Driver names the SQLite driver of this build.
const Driver = "mattn/go-sqlite3 (cgo)"

// dialector opens a database file. Writers begin their transactions immediately (a deferred one that turns into a writer fails with "database
// is locked" in spite of the busy timeout) and sync fully, so that a power cut takes nothing back.
func dialector(c Config, use access) gorm.Dialector {
	q := url.Values{
		"_journal_mode":    {"WAL"},
		"_busy_timeout":    {"5000"},
		"_foreign_keys":    {"on"},
		"_synchronous":     {"FULL"},
		"_txlock":          {"immediate"},
		"_stmt_cache_size": {"64"},
		"_cache_size":      {"-" + cacheKiB},
	}
	switch use {
	case toRead:
		q.Set("_query_only", "1")
		q.Set("_txlock", "deferred")
	case toOwn:
		q.Set("_journal_mode", "DELETE")
	}
	if c.Unsynced {
		q.Set("_synchronous", "OFF")
	}
	return sqlite.Open("file:" + (&url.URL{Path: c.Path}).EscapedPath() + "?" + q.Encode())
}
