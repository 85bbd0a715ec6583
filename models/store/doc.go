// Package store keeps the records of Gatehouse in SQLite. All SQL and gorm live here; rows are private, methods speak the vocabulary of
// package models.
//
// Every changing method is a whole use case in one immediate transaction: it loads, asks the rules of package models, saves, appends an
// event (who did what) and, where the gateway must know, a change; after the commit, and before the method returns, the gateway has
// applied it (Config.Changed). Ownership is part of every query: what is not the caller's is not found.
//
// Methods take the time as an argument, UTC, kept to the millisecond. Errors for people are *models.Error; all others are faults.
//
// There are two handles on the file: one writer, whose transactions are immediate, and a few readers that cannot write. Inside a transaction only its
// own handle may be used: the writer has a single connection, and asking it again would wait for itself.
package store
