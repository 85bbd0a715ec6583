package migrations

import "embed"

// SQLite holds the SQLite files, in the form of goose, below "sqlite".
//
//go:embed sqlite/*.sql
var SQLite embed.FS
