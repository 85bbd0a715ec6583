package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"

	"gatehouse/models/store"
)

// version prints what is running.
func version(_ context.Context, p program, args []string) error {
	var c config
	fs := p.flagSet("version")
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

// check opens everything that serve would open, changes nothing that matters, and reports all that is wrong.
func check(ctx context.Context, p program, args []string) error {
	var c config
	fs := p.flagSet("check")
	c.dataFlags(fs)
	c.listenFlags(fs)
	fs.BoolVar(&c.json, "json", false, "print one JSON object")
	if err := p.parse(fs, args); err != nil {
		return err
	}
	c.finish()
	problems := []string{}
	if err := c.validate(); err != nil {
		problems = append(problems, err.Error())
	}
	if s, _, err := openRecords(ctx, c, slog.New(slog.DiscardHandler), nil); err != nil {
		problems = append(problems, err.Error())
	} else {
		if err := s.Check(ctx); err != nil {
			problems = append(problems, err.Error())
		}
		if err := s.Close(); err != nil {
			problems = append(problems, err.Error())
		}
	}
	if len(problems) > 0 {
		if c.json {
			_ = p.print(true, map[string]any{"ok": false, "problems": problems}, "")
		}
		return fmt.Errorf("%d problems:\n  %s", len(problems), joinLines(problems))
	}
	return p.print(c.json, map[string]any{"ok": true, "problems": problems}, "Configuration, database and keyring are fine.")
}

func joinLines(lines []string) string {
	text := ""
	for i, line := range lines {
		if i > 0 {
			text += "\n  "
		}
		text += line
	}
	return text
}
