package jobs

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"gatehouse/models"
)

// What is in an import's folder.
const (
	lockFile    = "lock"
	uploadFile  = "upload"     // the file as it was received, sealed
	newFile     = "new"        // the keys that are to be made, sealed
	changedFile = "changed"    // the keys that are to be changed, sealed
	linesFile   = "lines.csv"  // what the check found, by line
	reportFile  = "report.csv" // what became of each line
)

func (j *Imports) folder(id models.ImportID) string { return filepath.Join(j.Dir, id.String()) }

func (j *Imports) path(id models.ImportID, file string) string {
	return filepath.Join(j.folder(id), file)
}

// sealedName binds a sealed file to its import and its part in it.
func sealedName(id models.ImportID, file string) string { return "import " + id.String() + " " + file }

// errLocked says that somebody works on the import.
var errLocked = errors.New("somebody works on this import")

// folderLock is the right to work on an import.
type folderLock struct{ file *os.File }

func (l folderLock) release() { _ = l.file.Close() } // nothing is written in it

// lock takes the right to work on an import. It ends with the process, too.
func (j *Imports) lock(id models.ImportID) (folderLock, error) {
	if err := os.MkdirAll(j.folder(id), 0o700); err != nil {
		return folderLock{}, fmt.Errorf("lock import: %w", err)
	}
	f, err := os.OpenFile(j.path(id, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return folderLock{}, fmt.Errorf("lock import: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return folderLock{}, errLocked
	}
	return folderLock{f}, nil
}

// Received is a file that lies in its folder and is not an import yet. Submit, Keep or Discard it.
type Received struct {
	ID    models.ImportID
	File  string
	Bytes int64
	j     *Imports
	lock  folderLock
}

// Receive writes a file to its folder, sealed, never holding more than a part of it. A file that is too large, or has no room on the disk, is an *Error of
// KindInvalid at "file"; faults of r are returned as they are.
func (j *Imports) Receive(name string, r io.Reader) (*Received, error) {
	id := models.NewID[models.Import](random())
	lock, err := j.lock(id)
	if err != nil {
		return nil, err
	}
	received := &Received{ID: id, File: name, j: j, lock: lock}
	received.Bytes, err = j.seal(id, uploadFile, func(w io.Writer) (int64, error) { return io.Copy(w, io.LimitReader(r, models.MaxKeyCSV+1)) })
	switch {
	case errors.Is(err, syscall.ENOSPC):
		err = models.Invalid("file", "There is no room for this file on the server's disk. Ask its operator.")
	case err == nil && received.Bytes > models.MaxKeyCSV:
		err = ErrTooLarge
	}
	if err != nil {
		received.Discard()
		return nil, err
	}
	return received, nil
}

// ErrTooLarge says that a file is larger than an import may be.
var ErrTooLarge = models.Invalid("file", "The file is larger than 256 MB. Split it.")

func random() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return binary.LittleEndian.Uint64(b[:])
}

// seal writes a sealed file, on the disk when it returns.
func (j *Imports) seal(id models.ImportID, file string, fill func(io.Writer) (int64, error)) (n int64, err error) {
	f, err := j.create(id, file)
	if err != nil {
		return 0, err
	}
	sealer := j.Keyring.SealTo(f, sealedName(id, file))
	if n, err = fill(sealer); err == nil {
		err = sealer.Close()
	}
	return n, errors.Join(err, f.Sync(), f.Close())
}

func (j *Imports) create(id models.ImportID, file string) (*os.File, error) {
	return os.OpenFile(j.path(id, file), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
}

// unseal opens a sealed file.
func (j *Imports) unseal(id models.ImportID, file string) (io.Reader, io.Closer, error) {
	f, err := os.Open(j.path(id, file))
	if err != nil {
		return nil, nil, err
	}
	return j.Keyring.OpenFrom(bufio.NewReaderSize(f, 1<<17), sealedName(id, file)), f, nil
}

// Discard deletes a received file.
func (r *Received) Discard() {
	if err := os.RemoveAll(r.j.folder(r.ID)); err != nil {
		r.j.Log.Error("delete a received file", "error", err) // the next sweep tries again
	}
	r.lock.release()
}

// Begin makes an import of a received file, which its caller carries through and then releases.
func (j *Imports) Begin(ctx context.Context, actor models.Actor, r *Received, skipBad bool) error {
	err := j.Store.BeginImport(ctx, actor, models.NewImport{ID: r.ID, File: r.File, Bytes: r.Bytes, SkipBad: skipBad}, j.Now())
	if err != nil {
		r.Discard()
	}
	return err
}

// Release lets others carry the import through.
func (r *Received) Release() { r.lock.release() }

// Submit makes an import of a received file, for Run.
func (j *Imports) Submit(ctx context.Context, actor models.Actor, r *Received, skipBad bool) error {
	if err := j.Begin(ctx, actor, r, skipBad); err != nil {
		return err
	}
	r.Release()
	j.Wake()
	return nil
}

// clean deletes what is left of an import that has ended, but for its report.
func (j *Imports) clean(i models.Import) error {
	if _, err := os.Stat(j.path(i.ID, reportFile)); errors.Is(err, fs.ErrNotExist) {
		return os.RemoveAll(j.folder(i.ID))
	}
	var problems []error
	for _, file := range []string{uploadFile, newFile, changedFile, linesFile} {
		if err := os.Remove(j.path(i.ID, file)); !errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// sweep deletes the folders of no import, reports that are old enough, and what imports left that ended while nobody worked on them.
func (j *Imports) sweep(ctx context.Context) error {
	entries, err := os.ReadDir(j.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		id, err := models.ParseID[models.Import](entry.Name())
		if err != nil {
			continue // not ours
		}
		lock, err := j.lock(id)
		if errors.Is(err, errLocked) {
			continue
		}
		if err == nil {
			err = j.sweepOne(ctx, id)
			lock.release()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (j *Imports) sweepOne(ctx context.Context, id models.ImportID) error {
	kept, err := j.Store.KeptImports(ctx, []models.ImportID{id}, j.Now().Add(-models.ReportsKept))
	if err != nil {
		return err
	}
	i, ok := kept[id]
	switch {
	case !ok:
		return os.RemoveAll(j.folder(id))
	case !i.State.Ended():
		return nil
	}
	for more := i.State == models.ImportDone; more; {
		if more, err = j.Store.ForgetUndo(ctx, id, j.Now()); err != nil {
			return err
		}
	}
	return j.clean(i)
}

// HasReport reports whether there is a report of an import.
func (j *Imports) HasReport(i models.Import) bool {
	_, err := os.Stat(j.path(i.ID, reportOf(i)))
	return err == nil
}

// reportOf is the file that has the report of an import.
func reportOf(i models.Import) string {
	if i.State.Ended() {
		return reportFile
	}
	return linesFile
}

// Report writes the report of an import, as far as there is one: line, outcome, key_id, message. Before the import is written it says what would become of the
// lines. Its error wraps fs.ErrNotExist where none is kept.
func (j *Imports) Report(i models.Import) (func(io.Writer) error, error) {
	file := reportOf(i)
	f, err := os.Open(j.path(i.ID, file))
	if err != nil {
		return nil, err
	}
	return func(w io.Writer) error {
		defer f.Close()
		return copyLines(w, f, func(l models.ImportLine) (models.ImportLine, error) {
			if file == linesFile && l.Outcome == models.LineCreated {
				l.KeyID = 0 // nobody's yet
			}
			return l, nil
		})
	}, nil
}

// FirstBad returns the first bad lines of an import; none where no report is kept.
func (j *Imports) FirstBad(i models.Import, most int) (bad []models.ImportLine, err error) {
	if i.Counts.Bad == 0 {
		return nil, nil
	}
	write, err := j.Report(i)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	enough := errors.New("enough")
	r, w := io.Pipe()
	go func() { w.CloseWithError(write(w)) }()
	err = eachLine(r, func(l models.ImportLine) error {
		if l.Outcome == models.LineBad {
			bad = append(bad, l)
		}
		if len(bad) == most || int64(len(bad)) == i.Counts.Bad {
			return enough
		}
		return nil
	})
	r.CloseWithError(enough)
	if errors.Is(err, enough) {
		err = nil
	}
	return bad, err
}

var lineColumns = []string{"line", "outcome", "key_id", "message"}

func lineCells(l models.ImportLine) []string {
	return []string{strconv.Itoa(l.Line), string(l.Outcome), l.KeyID.String(), l.Message}
}

// eachLine reads what lineCells wrote, behind lineColumns.
func eachLine(r io.Reader, fn func(models.ImportLine) error) error {
	in := csv.NewReader(r)
	in.ReuseRecord, in.FieldsPerRecord = true, len(lineColumns)
	for n := 0; ; n++ {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		var l models.ImportLine
		if l.Line, err = strconv.Atoi(cells[0]); err != nil {
			return err
		}
		if err := l.KeyID.UnmarshalText([]byte(cells[2])); err != nil {
			return err
		}
		l.Outcome, l.Message = models.ImportOutcome(cells[1]), cells[3]
		if err := fn(l); err != nil {
			return err
		}
	}
}

// copyLines copies lines as change makes them.
func copyLines(w io.Writer, r io.Reader, change func(models.ImportLine) (models.ImportLine, error)) error {
	buffered := bufio.NewWriterSize(w, 1<<16)
	out := csv.NewWriter(buffered)
	if err := out.Write(lineColumns); err != nil {
		return err
	}
	err := eachLine(r, func(l models.ImportLine) error {
		l, err := change(l)
		if err != nil {
			return err
		}
		return out.Write(lineCells(l))
	})
	out.Flush()
	return errors.Join(err, out.Error(), buffered.Flush())
}
