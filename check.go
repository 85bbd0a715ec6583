package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"gatehouse/models/store"
)

// version prints what is running.
func version(_ context.Context, p program, args []string) error {
	var c config
	fs := p.flagSet("version")
	c.dataFlags(fs) // not needed, but taken: a script may give every command the same flags
	fs.BoolVar(&c.json, "json", false, "print one JSON object")
	if err := p.parse(fs, args); err != nil {
		return err
	}
	view := map[string]string{"version": release, "revision": revision(), "go": runtime.Version(), "sqlite": store.Driver, "platform": runtime.GOOS + "/" + runtime.GOARCH}
	return p.print(c.json, view, "gatehouse %s, revision %s, %s, SQLite by %s, %s", release, revision(), runtime.Version(), store.Driver, view["platform"])
}

// release is the version that people speak of.
const release = "0.1.0"

// revision is what the program was built of.
func revision() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				return setting.Value
			}
		}
	}
	return "unknown"
}

// migrate brings the schema up to date and says where it stands.
func migrate(ctx context.Context, p program, args []string) error {
	var c config
	fs := p.flagSet("migrate")
	c.dataFlags(fs)
	fs.BoolVar(&c.json, "json", false, "print one JSON object")
	if err := p.parse(fs, args); err != nil {
		return err
	}
	c.finish()
	s, _, err := openRecords(ctx, c, slog.New(slog.NewTextHandler(p.stderr, nil)), nil)
	if err != nil {
		return err
	}
	schema, err := s.Schema(ctx)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	return errors.Join(p.print(c.json, map[string]any{"schema": schema}, "The database has schema %d, the newest that this version knows.", schema), s.Close())
}

// checked is what check found.
type checked struct {
	OK       bool     `json:"ok"`
	Problems []string `json:"problems"`
	Notes    []string `json:"notes"` // nothing to mend, but good to know
}

func (r *checked) problem(errs ...error) {
	for _, err := range errs {
		if err != nil {
			r.Problems = append(r.Problems, err.Error())
		}
	}
}

func (r *checked) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// check looks at what serve would open and reports all that is wrong. It changes nothing: a mistyped folder must not look fine, and an older database is not
// migrated.
func check(ctx context.Context, p program, args []string) error {
	var c config
	set := p.flagSet("check")
	c.dataFlags(set)
	c.listenFlags(set)
	set.BoolVar(&c.json, "json", false, "print one JSON object")
	if err := p.parse(set, args); err != nil {
		return err
	}
	c.finish()
	r := &checked{Problems: []string{}, Notes: []string{}}
	r.problem(c.problems()...)
	good := "Configuration, database and keyring are fine."
	if _, err := os.Stat(filepath.Join(c.data, databaseFile)); errors.Is(err, fs.ErrNotExist) {
		good = "The configuration is fine. There is no database in " + c.data + " yet: serve or migrate makes one."
	} else {
		r.problem(checkRecords(ctx, c, r))
	}
	checkDisk(c, r)
	checkMail(c, r)
	checkTLS(c, r)
	if r.OK = len(r.Problems) == 0; r.OK {
		return p.print(c.json, r, "%s", strings.Join(append([]string{good}, r.Notes...), "\n"))
	}
	if c.json {
		_ = p.print(true, r, "")
	}
	return errors.New("mend this:\n  " + strings.Join(r.Problems, "\n  "))
}

func checkRecords(ctx context.Context, c config, r *checked) error {
	file, err := store.Inspect(ctx, filepath.Join(c.data, databaseFile))
	if err != nil {
		return err
	}
	if file.Schema < file.Known {
		r.note("The database has schema %d: the next serve migrates it to %d, and keeps it as it is beside the new one.", file.Schema, file.Known)
		return nil // what else there is to say, serve says
	}
	s, _, err := openRecords(ctx, c, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	return errors.Join(s.Check(ctx), s.Close())
}

// Room that the journal takes: usually, and when nothing can be committed for a while.
const (
	journalSpace     = 64 << 20
	journalMostSpace = 1 << 30
)

// checkDisk tells whether the journal, in which each admission is written down first, can be kept as promised.
func checkDisk(c config, r *checked) {
	free, err := freeSpace(c.data)
	if errors.Is(err, fs.ErrNotExist) {
		return
	} else if err != nil {
		r.problem(fmt.Errorf("ask for free disk space: %w", err))
		return
	}
	switch room := megabytes(free); {
	case free < journalSpace:
		r.problem(fmt.Errorf("the disk of %s has %s free, and the journal needs %s: the gateway would refuse requests with keys", c.data, room, megabytes(journalSpace)))
	case free < journalMostSpace:
		r.note("The disk of %s has %s free. The journal needs %s, and up to %s while the database cannot be written.", c.data, room, megabytes(journalSpace), megabytes(journalMostSpace))
	}
	if info, err := os.Stat(filepath.Join(c.data, receiptsFile)); free < int64(c.receipts) && (err != nil || info.Size() != int64(c.receipts)) {
		r.note("The disk of %s has %s free, and receipts of requests need %s: the gateway would serve without them.", c.data, megabytes(free), megabytes(int64(c.receipts)))
	}
	if kind := networkDisk(c.data); kind != "" {
		r.note("%s is on %s. The journal needs a disk of this machine: on others a process that is killed can lose admissions, and two servers may not see each other.", c.data, kind)
	}
	if c.journalSync == syncAlways {
		r.note("Each admission is on the disk before it is let through (--journal-sync always): exact through a power cut.")
	} else {
		r.note("Admissions reach the disk within a second (--journal-sync second): exact through any end of the process, not through a power cut.")
	}
}
