package jobs

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"time"

	"gatehouse/models"
	"gatehouse/models/secret"
)

// ImportStore is where imports stand. The store implements it, and documents it.
type ImportStore interface {
	BeginImport(ctx context.Context, actor models.Actor, in models.NewImport, now time.Time) error
	Import(ctx context.Context, owner models.AccountID, id models.ImportID) (models.Import, error)
	BusyImports(ctx context.Context, now time.Time) ([]models.Import, error)
	KeptImports(ctx context.Context, ids []models.ImportID, since time.Time) (map[models.ImportID]models.Import, error)
	CheckImport(ctx context.Context, owner models.AccountID, rows []models.KeyImport, now time.Time) ([]models.ImportLine, error)
	NoteImportCheck(ctx context.Context, id models.ImportID, read, ignored []string, c models.ImportCounts, now time.Time) error
	FinishImportCheck(ctx context.Context, id models.ImportID, read, ignored []string, c models.ImportCounts, now time.Time) error
	WriteImport(ctx context.Context, id models.ImportID, written int64, rows []models.PlannedKey, last bool, now time.Time) (held time.Duration, err error)
	ImportLines(ctx context.Context, id models.ImportID, after int) ([]models.ImportLine, error)
	FinishImport(ctx context.Context, id models.ImportID, now time.Time) error
	FailImport(ctx context.Context, id models.ImportID, as models.ImportState, reason string, now time.Time) error
	UndoImport(ctx context.Context, id models.ImportID, now time.Time) (more bool, err error)
	ForgetUndo(ctx context.Context, id models.ImportID, now time.Time) (more bool, err error)
}

// Config is what Imports need.
type Config struct {
	Store   ImportStore
	Keyring *secret.Keyring
	Dir     string // of the imports' folders
	// Known returns when the gateway knows the keys of imports that were brought to life. Nil: it is another process's, which learns of them by itself.
	Known func(context.Context) error
	// Polite leaves the records to others for as long as each batch had them: they wait in another process, where nobody can let them go first.
	Polite bool
	Log    *slog.Logger
	Now    func() time.Time // nil: time.Now
}

// Imports receives files of keys and carries them through. All methods are safe for concurrent use.
type Imports struct {
	Config
	wake chan struct{}
}

// How often an import is looked for that nobody told of, such as one whose process was killed, and what is left over on the disk.
const (
	lookEvery  = time.Second
	sweepEvery = time.Minute
)

// NewImports returns Imports that do nothing by themselves until Run.
func NewImports(c Config) *Imports {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Known == nil {
		c.Known = func(context.Context) error { return nil }
	}
	return &Imports{Config: c, wake: make(chan struct{}, 1)}
}

// Wake says that there is something to do.
func (j *Imports) Wake() {
	select {
	case j.wake <- struct{}{}:
	default: // it was said
	}
}

// Run carries imports through, one after the other, until ctx ends; then it returns nil. What it was at goes on when it runs again.
func (j *Imports) Run(ctx context.Context) error {
	look, sweep := time.NewTicker(lookEvery), time.NewTicker(sweepEvery)
	defer look.Stop()
	defer sweep.Stop()
	for sweeps := true; ; {
		j.round(ctx)
		if sweeps {
			if err := j.sweep(ctx); err != nil && ctx.Err() == nil {
				j.Log.Error("tidy up behind imports", "error", err)
			}
		}
		sweeps = true
		select {
		case <-ctx.Done():
			return nil
		case <-j.wake:
		case <-sweep.C:
		case <-look.C:
			sweeps = false
		}
	}
}

// round does what there is to do. One import that cannot go on now does not keep the others from it.
func (j *Imports) round(ctx context.Context) {
	busy, err := j.Store.BusyImports(ctx, j.Now())
	if err != nil && ctx.Err() == nil {
		j.Log.Error("look for imports", "error", err)
	}
	for _, i := range busy {
		lock, err := j.lock(i.ID)
		if errors.Is(err, errLocked) {
			continue
		}
		if err == nil {
			err = j.Carry(ctx, i.OwnerID, i.ID)
			lock.release()
		}
		if err != nil && ctx.Err() == nil {
			j.Log.Error("import keys", "import", i.ID.String(), "error", err)
		}
	}
}

// Carry brings an import as far as it goes: to its owner's decision, or to its end. The caller holds its lock. An error leaves it where it is, to be tried again.
func (j *Imports) Carry(ctx context.Context, owner models.AccountID, id models.ImportID) error {
	for {
		i, err := j.Store.Import(ctx, owner, id)
		if err != nil {
			return err
		}
		var step func(context.Context, models.Import) error
		switch i.State {
		case models.ImportWaiting, models.ImportChecking:
			step = j.check
		case models.ImportWriting:
			step = j.write
		case models.ImportUndoing:
			step = j.undo
		case models.ImportChecked:
			if j.Now().Sub(i.CreatedAt) < models.ImportPatience {
				return nil
			}
			step = func(ctx context.Context, i models.Import) error {
				return j.Store.FailImport(ctx, i.ID, models.ImportCancelled, "Nobody started it within a day.", j.Now())
			}
		case models.ImportDone, models.ImportFailed, models.ImportCancelled:
			return j.clean(i)
		default:
			return errors.New("the import is " + string(i.State) + ", which this version does not know")
		}
		if err := step(ctx, i); err != nil {
			if err = j.judge(ctx, i, err); err != nil {
				return err
			}
		}
	}
}

// judge ends an import that cannot go on; what may work another time is returned.
func (j *Imports) judge(ctx context.Context, was models.Import, problem error) error {
	reason := models.Sentence(problem)
	switch {
	case errors.Is(problem, fs.ErrNotExist), errors.Is(problem, secret.ErrUnsealable):
		reason = "What was received of its file is gone, or was changed. Send it again."
	case models.KindOf(problem) == models.KindNone:
		return problem
	}
	now, err := j.Store.Import(ctx, was.OwnerID, was.ID)
	if err != nil || now.State != was.State && now.State != models.ImportChecking || now.Live {
		return err // somebody did something else with it
	}
	return j.Store.FailImport(ctx, was.ID, models.ImportFailed, reasonOf(problem, reason), j.Now())
}

// reasonOf says where a file cannot be read, too.
func reasonOf(problem error, sentence string) string {
	var e *models.Error
	if errors.As(problem, &e) {
		for field, text := range e.Fields {
			if field != "file" && field != "line" {
				return "At " + field + " of the file: " + text
			}
			sentence = text
		}
	}
	return sentence
}
