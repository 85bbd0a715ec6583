package main

import (
	"context"
	"io/fs"
	"path/filepath"
	"runtime"
	"time"

	"gatehouse/handlers"
	"gatehouse/models/store"
	"gatehouse/web/certs"
)

// maxFiles bounds what is counted of a folder.
const maxFiles = 10_000

// facts tells what the process knows of itself.
func (in *instance) facts(started time.Time) func(context.Context) (handlers.SystemFacts, error) {
	return func(ctx context.Context) (handlers.SystemFacts, error) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		at := func(name string) string { return filepath.Join(in.config.data, name) }
		f := handlers.SystemFacts{
			Version: release, Revision: revision(), Go: runtime.Version(), Driver: store.Driver, Platform: runtime.GOOS + "/" + runtime.GOARCH, Started: started, Clock: in.now(),
			Folder: in.config.data, Ready: in.gateway.Trouble(), Goroutines: runtime.NumGoroutine(), Heap: int64(m.HeapAlloc), Taken: int64(m.Sys),
			Journal: folderSize(at(journalFolder)), RequestLog: folderSize(at(logFolder)), Recording: folderSize(at(recordingFolder)),
		}
		if in.certificates != nil {
			for _, leaf := range in.certificates.Leaves() {
				f.Certificates = append(f.Certificates, handlers.CertificateFact{Name: certs.NameOf(leaf), Ends: leaf.NotAfter})
			}
			if err := in.certificates.Trouble(); err != nil {
				f.CertificateTrouble = err.Error()
			}
		}
		var err error
		if f.Schema, err = in.store.Schema(ctx); err != nil {
			return f, err
		}
		// A file that cannot be looked at has no size to tell: the page is worth more.
		f.Database, _ = sizeOf(at(databaseFile))
		f.WriteAhead, _ = sizeOf(at(databaseFile) + "-wal")
		f.Receipts, _ = sizeOf(at(receiptsFile))
		f.DiskFree, _ = freeSpace(in.config.data)
		return f, nil
	}
}

// folderSize is what the files of a folder take, 0 where there is none.
func folderSize(folder string) (sum int64) {
	n := 0
	_ = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error { // what cannot be read is not counted
		if n++; err != nil || n > maxFiles {
			return fs.SkipAll
		}
		if info, err := entry.Info(); err == nil && entry.Type().IsRegular() {
			sum += info.Size()
		}
		return nil
	})
	return sum
}
