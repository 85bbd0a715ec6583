package main

import (
	"context"
	"errors"
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
	revision := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				revision = setting.Value
			}
		}
	}
	view := map[string]string{"version": release, "revision": revision, "go": runtime.Version(), "sqlite": store.Driver, "platform": runtime.GOOS + "/" + runtime.GOARCH}
	return p.print(c.json, view, "gatehouse %s, revision %s, %s, SQLite by %s, %s", release, revision, runtime.Version(), store.Driver, view["platform"])
}

// release is the version that people speak of.
const release = "0.1.0"

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

// check opens what serve would open and reports all that is wrong. It makes no database where there is none: a mistyped folder must not look fine.
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
	problems := []string{}
	for _, err := range c.problems() {
		problems = append(problems, err.Error())
	}
	good := "Configuration, database and keyring are fine."
	if _, err := os.Stat(filepath.Join(c.data, databaseFile)); errors.Is(err, fs.ErrNotExist) {
		good = "The configuration is fine. There is no database in " + c.data + " yet: serve or migrate makes one."
	} else if err := checkRecords(ctx, c); err != nil {
		problems = append(problems, err.Error())
	}
	if len(problems) > 0 {
		if c.json {
			_ = p.print(true, map[string]any{"ok": false, "problems": problems}, "")
		}
		return errors.New("mend this:\n  " + strings.Join(problems, "\n  "))
	}
	return p.print(c.json, map[string]any{"ok": true, "problems": problems}, "%s", good)
}

func checkRecords(ctx context.Context, c config) error {
	s, _, err := openRecords(ctx, c, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	return errors.Join(s.Check(ctx), s.Close())
}
