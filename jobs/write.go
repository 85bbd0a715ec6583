package jobs

import (
	"context"
	"encoding/gob"
	"errors"
	"io"
	"os"
	"time"

	"gatehouse/models"
)

// How many lines one batch writes: as many as keep the records from others for no longer than wantHeld (DECISIONS 50), found while writing.
const (
	firstBatch = 50
	leastBatch = 10
	mostBatch  = 400
	wantHeld   = 10 * time.Millisecond
	mostHeld   = 250 * time.Millisecond // a batch that took longer waited for the disk; others are let in for no longer than that
)

// write writes what the check laid down, behind what is written, and brings the keys to life with the last batch.
func (j *Imports) write(ctx context.Context, i models.Import) error {
	if !i.Live {
		if err := j.writeAll(ctx, i); err != nil {
			return err
		}
	}
	if err := j.Known(ctx); err != nil {
		return err
	}
	err := j.report(ctx, i.ID, func(l models.ImportLine) models.ImportLine { return l })
	if err != nil && !errors.Is(err, os.ErrNotExist) { // the keys work; a report that cannot be made any more is missed alone
		return err
	}
	return j.Store.FinishImport(ctx, i.ID, j.Now())
}

func (j *Imports) writeAll(ctx context.Context, i models.Import) error {
	plan := &planned{j: j, id: i.ID, files: []string{newFile, changedFile}}
	defer plan.close()
	if err := plan.skip(i.Written); err != nil {
		return err
	}
	written, size := i.Written, firstBatch
	for {
		rows, more, err := plan.take(size)
		if err != nil {
			return err
		}
		held, err := j.Store.WriteImport(ctx, i.ID, written, rows, !more, j.Now())
		if err != nil || !more {
			return err
		}
		written += int64(len(rows))
		size = min(max(int(int64(len(rows))*int64(wantHeld)/int64(max(held, time.Millisecond))), leastBatch), mostBatch, size*2)
		if j.Polite {
			if err := pause(ctx, min(held, mostHeld)); err != nil {
				return err
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// planned reads the lines that a check laid down, one file after the other.
type planned struct {
	j     *Imports
	id    models.ImportID
	files []string
	in    *gob.Decoder
	open  io.Closer
	next  *models.PlannedKey // read already
}

// take returns the next lines, at most n, and whether there are more behind them.
func (p *planned) take(n int) (rows []models.PlannedKey, more bool, err error) {
	for {
		row, err := p.one()
		if errors.Is(err, io.EOF) {
			return rows, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		if len(rows) == n {
			p.next = &row
			return rows, true, nil
		}
		rows = append(rows, row)
	}
}

// skip passes over lines that are written.
func (p *planned) skip(n int64) error {
	for range n {
		if _, err := p.one(); err != nil {
			return err
		}
	}
	return nil
}

// one returns the next line; io.EOF at the end.
func (p *planned) one() (row models.PlannedKey, err error) {
	if p.next != nil {
		row, p.next = *p.next, nil
		return row, nil
	}
	for {
		if p.in != nil {
			if err = p.in.Decode(&row); !errors.Is(err, io.EOF) {
				return row, err
			}
			p.close()
		}
		if len(p.files) == 0 {
			return row, io.EOF
		}
		in, file, err := p.j.unseal(p.id, p.files[0])
		if err != nil {
			return row, err
		}
		p.in, p.open, p.files = gob.NewDecoder(in), file, p.files[1:]
	}
}

func (p *planned) close() {
	if p.open != nil {
		_ = p.open.Close() // it was read only
	}
	p.in, p.open = nil, nil
}

// report writes what became of each line: what the check found, but where writing found something else.
func (j *Imports) report(ctx context.Context, id models.ImportID, change func(models.ImportLine) models.ImportLine) error {
	in, err := os.Open(j.path(id, linesFile))
	if err != nil {
		return err
	}
	defer in.Close()
	unfinished := j.path(id, reportFile+".unfinished")
	out, err := os.OpenFile(unfinished, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	var moved []models.ImportLine
	behind := 0 // the last line that was asked for
	err = copyLines(out, in, func(l models.ImportLine) (models.ImportLine, error) {
		if len(moved) == 0 && behind >= 0 {
			found, err := j.Store.ImportLines(ctx, id, behind)
			if err != nil {
				return l, err
			}
			moved, behind = found, -1
			if len(found) > 0 {
				behind = found[len(found)-1].Line
			}
		}
		if len(moved) > 0 && moved[0].Line == l.Line {
			l, moved = moved[0], moved[1:]
		}
		return change(l), nil
	})
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	return os.Rename(unfinished, j.path(id, reportFile))
}

// undo takes back what an import has written.
func (j *Imports) undo(ctx context.Context, i models.Import) error {
	for more := true; more; {
		began := time.Now()
		var err error
		if more, err = j.Store.UndoImport(ctx, i.ID, j.Now()); err != nil {
			return err
		}
		if j.Polite && more {
			if err := pause(ctx, min(time.Since(began), mostHeld)); err != nil {
				return err
			}
		}
	}
	err := j.report(ctx, i.ID, func(l models.ImportLine) models.ImportLine {
		if l.Outcome == models.LineCreated || l.Outcome == models.LineUpdated {
			l.Outcome, l.KeyID = models.LineUndone, 0
		}
		return l
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil // the database was restored: its files are elsewhere
	}
	return err
}
