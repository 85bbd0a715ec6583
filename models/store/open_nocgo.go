//go:build !cgo

package store

import (
	"net/url"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	_ "modernc.org/sqlite" // a translation of SQLite to Go, for machines without a C compiler
)

// Driver names the SQLite driver of this build.
const Driver = "modernc.org/sqlite (pure Go)"

// dialector opens a database file with the settings of the cgo build.
func dialector(c Config, use access) gorm.Dialector {
	mode, sync := "WAL", "FULL"
	if use == toOwn {
		mode = "DELETE"
	}
	if c.Unsynced {
		sync = "OFF"
	}
	q := url.Values{
		"_pragma":      {"journal_mode(" + mode + ")", "busy_timeout(5000)", "foreign_keys(1)", "synchronous(" + sync + ")", "cache_size(-" + cacheKiB + ")"},
		"_txlock":      {"immediate"},
		"_time_format": {"sqlite"},
	}
	if use == toRead {
		q["_pragma"] = append(q["_pragma"], "query_only(1)")
		q.Set("_txlock", "deferred")
	}
	return sqlite.New(sqlite.Config{DriverName: "sqlite", DSN: "file:" + (&url.URL{Path: c.Path}).EscapedPath() + "?" + q.Encode()})
}
