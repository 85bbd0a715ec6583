package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"gatehouse/jobs"
	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/models/store"
)

// keyFlags are what the key commands take.
type keyFlags struct {
	config
	email, mode, report string
	dryRun, values      bool
	file                string // "-": standard input or output
}

// Modes of an import.
const (
	allOrNothing = "all-or-nothing"
	skipBad      = "skip-bad"
)

// key runs the key commands. They work beside a running server.
func key(ctx context.Context, p program, args []string) error {
	actions := map[string]func(context.Context, program, keyCommand) error{"import": keyImport, "export": keyExport}
	if len(args) == 0 || actions[args[0]] == nil {
		return fmt.Errorf("%w: say import or export", errUsage)
	}
	var f keyFlags
	set := p.flagSet("key " + args[0])
	f.dataFlags(set)
	set.StringVar(&f.email, "account", "", "e-mail `address` of the owner whose keys they are")
	if args[0] == "import" {
		set.StringVar(&f.mode, "mode", allOrNothing, "`what` to do with a file that has bad lines: \"all-or-nothing\" or \"skip-bad\"")
		set.BoolVar(&f.dryRun, "dry-run", false, "check the file and change nothing")
		set.StringVar(&f.report, "report", "", "write what becomes of each line to this `file`")
		set.BoolVar(&f.json, "json", false, "print one JSON object")
	} else {
		set.BoolVar(&f.values, "values", false, "with the values of imported keys")
	}
	names, err := p.parseNames(set, args[1:])
	if err != nil {
		return err
	}
	f.finish()
	if err := f.check(args[0], names); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(p.stderr, nil))
	s, ring, err := openRecords(ctx, f.config, log, nil)
	if err != nil {
		return err
	}
	c := keyCommand{f, s, ring, log, models.CommandLine()}
	a, _, err := s.AccountByEmail(ctx, f.email)
	if err != nil {
		return errors.Join(missing(f.email, err), s.Close())
	}
	if a.Role < models.RoleOwner || a.Disabled() {
		return errors.Join(fmt.Errorf("%s is no API owner who may sign in: name another --account", a.Email), s.Close())
	}
	c.actor.AccountID, c.actor.Role = a.ID, models.RoleOwner
	return errors.Join(actions[args[0]](ctx, p, c), s.Close())
}

// keyCommand is a key command that knows whose keys it is about.
type keyCommand struct {
	keyFlags
	store *store.Store
	ring  *secret.Keyring
	log   *slog.Logger
	actor models.Actor
}

func (f *keyFlags) check(action string, names []string) error {
	switch {
	case f.email == "":
		return fmt.Errorf("%w: name the owner with --account", errUsage)
	case action == "import" && (len(names) != 1 || names[0] == ""):
		return fmt.Errorf("%w: name one file, or - for standard input", errUsage)
	case len(names) > 1:
		return fmt.Errorf("%w: name one file, or none", errUsage)
	case action == "import" && f.mode != allOrNothing && f.mode != skipBad:
		return fmt.Errorf("%w: --mode: %q is neither %s nor %s", errUsage, f.mode, allOrNothing, skipBad)
	}
	f.file = "-"
	if len(names) == 1 {
		f.file = names[0]
	}
	return needDatabase(f.data)
}

// importView is an import as --json prints it.
type importView struct {
	ID        string `json:"id"`
	State     string `json:"state"` // checked (of a dry run), done, failed, cancelled
	Created   int64  `json:"created"`
	Updated   int64  `json:"updated"`
	Unchanged int64  `json:"unchanged"`
	Bad       int64  `json:"errors"`
	Reason    string `json:"reason,omitempty"`
}

func viewOfImport(i models.Import) importView {
	return importView{i.ID.String(), string(i.State), i.Counts.Created, i.Counts.Updated, i.Counts.Unchanged, i.Counts.Bad, i.Reason}
}

// keyImport carries a file through as the server's pages do, in this process: the gateway of a running server hears of the keys by the change log. Interrupted, it takes
// back what it wrote; killed, it is gone on with by the server, or by the next one that starts.
func keyImport(ctx context.Context, p program, c keyCommand) error {
	in := p.stdin
	if c.file != "-" {
		f, err := os.Open(c.file)
		if err != nil {
			return fmt.Errorf("open file: %w", err)
		}
		defer f.Close()
		in = f
	}
	report, closeReport, err := c.openReport()
	if err != nil {
		return err
	}
	imports := jobs.NewImports(jobs.Config{Store: c.store, Keyring: c.ring, Dir: filepath.Join(c.data, importsFolder), Polite: isServed(c.data), Log: c.log})
	received, err := imports.Receive(nameOf(c.file), in)
	if err != nil {
		return errors.Join(err, closeReport())
	}
	defer received.Release()
	i, err := c.carry(ctx, p, imports, received)
	if err != nil {
		return errors.Join(err, closeReport())
	}
	if report != nil {
		write, err := imports.Report(i)
		if err == nil {
			err = write(report)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(fmt.Errorf("write report: %w", err), closeReport())
		}
	}
	if i.State == models.ImportChecked { // it goes no further
		err = errors.Join(c.store.CancelImport(context.WithoutCancel(ctx), c.actor, i.ID, time.Now()), imports.Carry(ctx, c.actor.AccountID, i.ID))
	}
	return errors.Join(err, closeReport(), c.printImport(p, i))
}

func nameOf(file string) string {
	if file == "-" {
		return "standard input"
	}
	return filepath.Base(file)
}

// openReport opens the report's file first: to find after an import that it cannot be written would be too late.
func (c keyCommand) openReport() (io.Writer, func() error, error) {
	if c.report == "" {
		return nil, func() error { return nil }, nil
	}
	f, err := os.OpenFile(c.report, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("open report: %w", err)
	}
	return f, f.Close, nil
}

// carry checks and writes a received file, and says how far it has come.
func (c keyCommand) carry(ctx context.Context, p program, imports *jobs.Imports, received *jobs.Received) (models.Import, error) {
	if err := imports.Begin(ctx, c.actor, received, c.mode == skipBad); err != nil {
		return models.Import{}, err
	}
	keep := context.WithoutCancel(ctx)
	stop := c.progress(keep, p, received.ID)
	defer stop()
	owner := c.actor.AccountID
	err := imports.Carry(ctx, owner, received.ID)
	i, readErr := c.store.Import(keep, owner, received.ID)
	if err == nil && readErr == nil && i.State == models.ImportChecked && !c.dryRun && i.CheckStart(c.mode == skipBad) == nil {
		if err = c.store.StartImport(ctx, c.actor, received.ID, c.mode == skipBad, time.Now()); err == nil {
			err = imports.Carry(ctx, owner, received.ID)
		}
		i, readErr = c.store.Import(keep, owner, received.ID)
	}
	if ctx.Err() != nil && !i.State.Ended() && !i.Live { // interrupted: as if it had never begun
		return models.Import{}, errors.Join(errors.New("interrupted: nothing was imported"), c.store.CancelImport(keep, c.actor, received.ID, time.Now()),
			imports.Carry(keep, owner, received.ID))
	}
	return i, errors.Join(err, readErr)
}

// progressEvery is how often progress is printed.
const progressEvery = 2 * time.Second

// progress prints how far an import is until stop is called.
func (c keyCommand) progress(ctx context.Context, p program, id models.ImportID) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
			}
			i, err := c.store.Import(ctx, c.actor.AccountID, id)
			switch {
			case err != nil: // the command itself will say so
			case i.State == models.ImportWriting:
				fmt.Fprintf(p.stderr, "written: %d of %d keys\n", i.Written, i.Counts.Changes())
			case i.State == models.ImportUndoing:
				fmt.Fprintln(p.stderr, "taking back what was written")
			default:
				fmt.Fprintf(p.stderr, "checked: %d lines\n", i.Counts.Lines())
			}
		}
	}()
	return func() { close(done); <-ended }
}

// printImport prints what became of an import; its error is why nothing was imported.
func (c keyCommand) printImport(p program, i models.Import) error {
	n, word := i.Counts, "Imported"
	switch {
	case i.State == models.ImportDone:
	case c.dryRun:
		word = "The file would import"
	default:
		word = "Nothing to do"
	}
	failed := c.failure(i)
	if failed != nil && !c.json {
		return failed
	}
	text := fmt.Sprintf("%s: %s created, %d updated, %d unchanged", word, counted(int64(n.Created), "key"), n.Updated, n.Unchanged)
	if n.Bad > 0 {
		text += fmt.Sprintf("; %d lines skipped", n.Bad)
	}
	return errors.Join(p.print(c.json, viewOfImport(i), "%s.", text), failed)
}

func (c keyCommand) failure(i models.Import) error {
	hint := ""
	if c.report == "" {
		hint = "; --report FILE names the lines"
	}
	switch problem := i.CheckStart(c.mode == skipBad); {
	case i.State == models.ImportFailed, i.State == models.ImportCancelled:
		return errors.New("nothing was imported: " + i.Reason)
	case i.State != models.ImportChecked || i.Counts.Changes() == 0 && i.Counts.Bad == 0:
		return nil
	case i.Counts.Bad > 0 && problem != nil:
		return fmt.Errorf("nothing was imported: %d of %d lines cannot be%s", i.Counts.Bad, i.Counts.Lines(), hint)
	}
	return nil
}

// keyExport writes a CSV file of an owner's keys.
func keyExport(ctx context.Context, p program, c keyCommand) error {
	each := func(fn func(models.KeyExport) error) error {
		return c.store.ExportKeys(ctx, c.actor, c.values, time.Now(), fn)
	}
	if c.file == "-" {
		return models.WriteKeyCSV(p.stdout, each)
	}
	if _, err := os.Stat(c.file); err == nil {
		return fmt.Errorf("%s is there already: name another file", c.file)
	}
	f, err := os.OpenFile(c.file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make file: %w", err)
	}
	if err := errors.Join(models.WriteKeyCSV(f, each), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(c.file))
	}
	return nil
}
