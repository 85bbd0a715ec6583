// Package migrations embeds the numbered SQL files that build the database, one folder per dialect. Files are append-only: a change
// of the schema is a new file. schema.sql is what they amount to; a test keeps it equal.
package migrations
