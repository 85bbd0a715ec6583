// Package jobs is the work that goes on behind the pages and outlives a process: imports of keys, and notices of changes.
//
//	imports := jobs.NewImports(jobs.Config{Store: s, Keyring: ring, Dir: dir})
//	go imports.Run(ctx)                                  // one at a time, until ctx ends
//	received, err := imports.Receive("keys.csv", upload) // sealed, on the disk
//	err = imports.Submit(ctx, actor, received, false)    // checked in the background; its owner starts it then
//
// The records say how far an import has come, in the transaction that brought it there; a folder of its own, beside the database, holds its file. Who works on it
// holds the folder's lock, which ends with the process: after kill -9 the next process goes on behind the last batch, be it the server or a command.
//
// Everything in the folder but reports is sealed: key values are secrets, and backups hold none of it. It is deleted when the import ends; the report stays for
// models.ReportsKept.
//
// The package never imports the store, gin or gorm: it declares what it calls.
package jobs
