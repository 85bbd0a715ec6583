// Package store keeps the records of Gatehouse in SQLite. All SQL and gorm live here; rows are private, methods speak the vocabulary of
// package models.
//
//	s, err := store.Open(ctx, store.Config{Path: "gatehouse.db", Keyring: ring, Changed: gateway.CatchUp})
//	account, err := s.SignUp(ctx, models.NewAccount{Email: email, Name: name, PasswordHash: hash}, false, actor, now)
//	points, err := s.UsageSeries(ctx, models.UsageScope{Keys: keys}, models.UsageRange{From: from, To: to, Step: models.StepHour})
//
// Every changing method is a whole use case in one immediate transaction: it loads, asks the rules of package models, saves, appends an
// event (who did what) and, where the gateway must know, a change; after the commit, and before the method returns, the gateway has
// applied it (Config.Changed). Sessions, usage and throttle levels make no events. Ownership is part of every query: what is not the
// caller's is not found.
//
// Methods take the time as an argument, UTC, kept to the millisecond. Errors for people are *models.Error; all others are faults.
//
// There are two handles on the file: one writer, whose transactions are immediate, and a few readers that cannot write. Inside a transaction only its
// own handle may be used: the writer has a single connection, and asking it again would wait for itself. A Store is safe for concurrent use.
//
// Lists are paged by the place of the last row, not by an offset, and every one starts in an index (wantNoScan in the tests).
//
// Traps of gorm: Raw and Exec make a list of a []byte that follows a parenthesis (see blob); an embedded row must be an exported field
// with the tag "embedded"; Updates with a struct skips zero values.
package store
