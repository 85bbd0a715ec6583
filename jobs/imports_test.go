package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/jobs"
	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// world is an owner, and imports that a test carries through.
type world struct {
	*store.Store
	t     *testing.T
	ring  *secret.Keyring
	dir   string
	owner models.Account
	now   time.Time
	jobs  *jobs.Imports
	fault func(step string) error // of the next steps of the store; nil: none
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, ring: secret.NewKeyring(), dir: filepath.Join(t.TempDir(), "imports"), now: storetest.Now()}
	w.Store = storetest.Open(t, func(c *store.Config) { c.Keyring = w.ring })
	w.owner = storetest.Owner(t, w.Store)
	w.restart()
	return w
}

// restart is another process.
func (w *world) restart() {
	w.jobs = jobs.NewImports(jobs.Config{Store: faulty{w.Store, w}, Keyring: w.ring, Dir: w.dir, Now: func() time.Time { return w.now }})
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// bring sends a file, which is checked.
func (w *world) bring(file io.Reader, skipBad bool) models.ImportID {
	w.t.Helper()
	received, err := w.jobs.Receive("keys.csv", file)
	ok(w.t, err)
	ok(w.t, w.jobs.Submit(w.t.Context(), storetest.Actor(w.owner), received, skipBad))
	return received.ID
}

func (w *world) carry(id models.ImportID) models.Import {
	w.t.Helper()
	ok(w.t, w.jobs.Carry(w.t.Context(), w.owner.ID, id))
	return w.state(id)
}

func (w *world) state(id models.ImportID) models.Import {
	w.t.Helper()
	i, err := w.Import(w.t.Context(), w.owner.ID, id)
	ok(w.t, err)
	return i
}

func (w *world) start(id models.ImportID, skipBad bool) {
	w.t.Helper()
	ok(w.t, w.StartImport(w.t.Context(), storetest.Actor(w.owner), id, skipBad, w.now))
}

func (w *world) report(id models.ImportID) string {
	w.t.Helper()
	write, err := w.jobs.Report(w.state(id))
	ok(w.t, err)
	var text strings.Builder
	ok(w.t, write(&text))
	return text.String()
}

// names are those of the owner's keys.
func (w *world) names() map[string]int {
	w.t.Helper()
	names := map[string]int{}
	ok(w.t, w.ExportKeys(w.t.Context(), storetest.Actor(w.owner), false, w.now, func(k models.KeyExport) error { names[k.Name]++; return nil }))
	return names
}

// files are what is in the folder of an import.
func (w *world) files(id models.ImportID) (names []string) {
	entries, _ := os.ReadDir(filepath.Join(w.dir, id.String()))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func value(n int) string { return fmt.Sprintf("customer-value-%06d", n) }

func csvOf(n int) string {
	var b strings.Builder
	b.WriteString("Name,Key,Colour\n")
	for i := range n {
		fmt.Fprintf(&b, "key %d,%s,red\n", i, value(i))
	}
	return b.String()
}

// faulty is the store of a world whose steps may fail.
type faulty struct {
	*store.Store
	w *world
}

func (f faulty) failing(step string) error {
	if f.w.fault == nil {
		return nil
	}
	return f.w.fault(step)
}

func (f faulty) CheckImport(ctx context.Context, owner models.AccountID, rows []models.KeyImport, now time.Time) ([]models.ImportLine, error) {
	if err := f.failing("check"); err != nil {
		return nil, err
	}
	return f.Store.CheckImport(ctx, owner, rows, now)
}

// WriteImport may fail after it wrote, too: a process may end before it hears of it.
func (f faulty) WriteImport(ctx context.Context, id models.ImportID, written int64, rows []models.PlannedKey, last bool, now time.Time) (time.Duration, error) {
	if err := f.failing("write"); err != nil {
		return 0, err
	}
	held, err := f.Store.WriteImport(ctx, id, written, rows, last, now)
	return held, errors.Join(err, f.failing("written"))
}

func (f faulty) FinishImport(ctx context.Context, id models.ImportID, now time.Time) error {
	if err := f.failing("finish"); err != nil {
		return err
	}
	return f.Store.FinishImport(ctx, id, now)
}

func (f faulty) UndoImport(ctx context.Context, id models.ImportID, now time.Time) (bool, error) {
	if err := f.failing("undo"); err != nil {
		return true, err
	}
	return f.Store.UndoImport(ctx, id, now)
}

func TestAFileIsCheckedStartedAndReported(t *testing.T) {
	w := newWorld(t)
	file := csvOf(600) + "again," + value(3) + ",x\n,aaaaaaaaaaaaaaaaaaaaaaaa,x\n"
	id := w.bring(strings.NewReader(file), false)
	i := w.carry(id)
	if i.State != models.ImportChecked || i.Counts != (models.ImportCounts{Created: 600, Bad: 2}) || strings.Join(i.Read, " ") != "Name Key" || strings.Join(i.Ignored, " ") != "Colour" {
		t.Fatalf("got %+v", i)
	}
	if len(w.names()) != 0 {
		t.Error("a check made keys")
	}
	bad, err := w.jobs.FirstBad(i, 20)
	if err != nil || len(bad) != 2 || bad[0] != (models.ImportLine{Line: 602, Outcome: models.LineBad, Message: "The same key stands on line 5."}) {
		t.Errorf("got %+v, %v", bad, err)
	}
	if err := w.StartImport(t.Context(), storetest.Actor(w.owner), id, false, w.now); models.KindOf(err) != models.KindConflict {
		t.Errorf("all or nothing began with bad lines: %v", err)
	}
	w.start(id, true)
	if i = w.carry(id); i.State != models.ImportDone || i.Counts.Created != 600 || i.Written != 600 {
		t.Fatalf("got %+v", i)
	}
	if names := w.names(); len(names) != 600 || names["key 599"] != 1 {
		t.Errorf("%d keys", len(names))
	}
	lines := strings.Split(w.report(id), "\n")
	if lines[0] != "line,outcome,key_id,message" || !strings.HasPrefix(lines[1], "2,created,") || len(lines[1]) < 20 || !strings.HasPrefix(lines[602], "603,error,,Name: ") {
		t.Errorf("got %q, %q, %q", lines[0], lines[1], lines[602])
	}
	if got := strings.Join(w.files(id), " "); got != "lock report.csv" {
		t.Errorf("the folder has %s", got)
	}
}

// What was exported imports as changes, together with new keys.
func TestAnImportChangesKeysToo(t *testing.T) {
	w := newWorld(t)
	first := w.bring(strings.NewReader(csvOf(30)), false)
	w.carry(first)
	w.start(first, false)
	w.carry(first)
	file := strings.Replace(csvOf(40), "key 7,", "renamed,", 1)
	id := w.bring(strings.NewReader(file), false)
	if i := w.carry(id); i.Counts != (models.ImportCounts{Created: 10, Updated: 1, Unchanged: 29}) {
		t.Fatalf("got %+v", i.Counts)
	}
	w.start(id, false)
	w.carry(id)
	if names := w.names(); len(names) != 40 || names["renamed"] != 1 || names["key 7"] != 0 {
		t.Errorf("got %v", names)
	}
	if report := w.report(id); !strings.Contains(report, "9,updated,") || !strings.Contains(report, "10,unchanged,") {
		t.Errorf("got %s", report)
	}
}

// R10: the file, and all that is made of it, is sealed; a report repeats no value.
func TestNoValueIsInClearOnTheDisk(t *testing.T) {
	w := newWorld(t)
	id := w.bring(strings.NewReader(csvOf(50)+"bad,"+value(4)+",x\nbad,customer-value-short with blanks,x\n"), true)
	look := func(when string) {
		err := filepath.WalkDir(filepath.Dir(w.dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err == nil && info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %s has mode %v", when, path, info.Mode())
			}
			data, readErr := os.ReadFile(path)
			if bytes.Contains(data, []byte("customer-value")) {
				t.Errorf("%s: %s has a value in clear", when, path)
			}
			return errors.Join(err, readErr)
		})
		ok(t, err)
	}
	look("received")
	w.carry(id)
	look("checked")
	w.start(id, true)
	w.fault = func(step string) error {
		if step == "finish" {
			return errors.New("the process ends here")
		}
		return nil
	}
	if err := w.jobs.Carry(t.Context(), w.owner.ID, id); err == nil {
		t.Fatal("it went on")
	}
	look("written")
}

// A process may end at any step: the next one goes on where it was, and no key is made twice or missing.
func TestAnImportSurvivesTheEndOfItsProcessAtAnyStep(t *testing.T) {
	end := errors.New("the process ends here")
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t)
			dice := rand.New(rand.NewPCG(seed, 26))
			const keys = 700
			id := w.bring(strings.NewReader(csvOf(keys)), false)
			cancelled := seed%4 == 3
			ends := 0
			w.fault = func(string) error {
				if dice.IntN(4) == 0 {
					ends++
					return end
				}
				return nil
			}
			for tries := 0; !w.state(id).State.Ended(); tries++ {
				if tries > 1000 {
					t.Fatalf("it does not come to its end: %+v", w.state(id))
				}
				w.restart()
				if err := w.jobs.Carry(t.Context(), w.owner.ID, id); err != nil && !errors.Is(err, end) {
					t.Fatal(err)
				}
				switch i := w.state(id); {
				case i.State == models.ImportChecked:
					w.start(id, false)
				case cancelled && i.State == models.ImportWriting && i.Written > 200 && !i.Live:
					ok(t, w.CancelImport(t.Context(), storetest.Actor(w.owner), id, w.now))
				}
			}
			w.fault = nil
			i, names := w.carry(id), w.names()
			if i.State == models.ImportCancelled {
				if len(names) != 0 || strings.Contains(w.report(id), "created") {
					t.Errorf("%d keys of a cancelled import", len(names))
				}
				return
			}
			if len(names) != keys || i.Counts != (models.ImportCounts{Created: keys}) || i.Written != keys || strings.Count(w.report(id), ",created,") != keys {
				t.Errorf("%d keys after %d ends, %+v", len(names), ends, i)
			}
		})
	}
}

// Whatever somebody sends is answered with a sentence, and leaves nothing behind.
func TestHostileFilesAreAnsweredClearly(t *testing.T) {
	w := newWorld(t)
	head := "Name,Key\n"
	good := head + "First," + value(1) + "\n"
	for _, c := range []struct{ name, file, want string }{
		{"empty", "", "empty"}, {"blank", "\n \r\n", "empty"}, {"heading alone", head, "no keys"}, {"NUL", good + "a\x00b,x\n", "NUL"}, {"UTF-16", "\xff\xfeN\x00", "UTF-16"},
		{"Latin-1", good + "caf\xe9,x\n", "UTF-8"}, {"wrong columns", "Colour,Size\nred,1\n", "At line 1 of the file: The first line must name the columns"}, {"a picture", "\x89PNG\r\n\x1a\n\x00", "NUL"},
		{"a column twice", "Name,Key,KEY\n", "twice"}, {"an open quote", good + "\"abc\n", "At line 3 of the file: The quotes do not match"},
		{"an endless line", good + strings.Repeat("x", 3<<20), "longer than 1 MB"}, {"an endless quote", good + `"` + strings.Repeat("x\n", 3<<20), "longer than 1 MB"},
		{"very many columns", strings.Repeat("x,", 400) + "\n", "at most 200"},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := w.bring(strings.NewReader(c.file), true)
			i := w.carry(id)
			if i.State != models.ImportFailed || !strings.Contains(i.Reason, c.want) || strings.Contains(i.Reason, "imported") {
				t.Errorf("got %s: %s", i.State, i.Reason)
			}
			if files := w.files(id); len(files) != 0 {
				t.Errorf("%v is left", files)
			}
		})
	}
	for _, c := range []struct{ name, file string }{
		{"byte order mark", "\ufeff" + good}, {"CRLF", "Name,Key\r\nFirst," + value(2) + "\r\n"}, {"bare CR", "Name,Key\rFirst," + value(3) + "\r"}, {"quoted newline", "Name,Key,Description\nFirst," + value(4) + ",\"a\nb\"\n"},
	} {
		if i := w.carry(w.bring(strings.NewReader(c.file), false)); i.State != models.ImportChecked || i.Counts.Created != 1 {
			t.Errorf("%s: got %+v", c.name, i)
		} else {
			ok(t, w.CancelImport(t.Context(), storetest.Actor(w.owner), i.ID, w.now))
		}
	}
	if _, err := w.jobs.Receive("large", io.LimitReader(zeros{}, models.MaxKeyCSV+1)); !errors.Is(err, jobs.ErrTooLarge) {
		t.Errorf("a file that is too large: %v", err)
	}
	broken := errors.New("the line went dead")
	if _, err := w.jobs.Receive("broken", io.MultiReader(strings.NewReader(good), failing{broken})); !errors.Is(err, broken) {
		t.Errorf("a broken upload: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type failing struct{ error }

func (f failing) Read([]byte) (int, error) { return 0, f.error }

// A folder that somebody touched, or that did not come along with a restored database, ends its import, and leaves no key.
func TestAnImportWhoseFileIsGoneOrChangedFails(t *testing.T) {
	for _, c := range []struct {
		name  string
		touch func(t *testing.T, folder string)
	}{
		{"gone", func(t *testing.T, folder string) { ok(t, os.RemoveAll(folder)) }},
		{"changed", func(t *testing.T, folder string) {
			path := filepath.Join(folder, "new")
			data, err := os.ReadFile(path)
			ok(t, err)
			data[len(data)-20] ^= 1
			ok(t, os.WriteFile(path, data, 0o600))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			id := w.bring(strings.NewReader(csvOf(300)), false)
			w.carry(id)
			w.start(id, false)
			w.fault = func(step string) error {
				if step == "written" {
					return errors.New("the process ends here")
				}
				return nil
			}
			if err := w.jobs.Carry(t.Context(), w.owner.ID, id); err == nil {
				t.Fatal("it went on")
			}
			w.fault = nil
			c.touch(t, filepath.Join(w.dir, id.String()))
			if i := w.carry(id); i.State != models.ImportFailed || !strings.Contains(i.Reason, "Send it again") {
				t.Errorf("got %+v", i)
			}
			if names := w.names(); len(names) != 0 {
				t.Errorf("%d keys are left", len(names))
			}
			if n, err := w.ImportedKeys(t.Context(), id, 0); err != nil || len(n) != 0 {
				t.Errorf("%d hidden keys are left, %v", len(n), err)
			}
		})
	}
}

// Run does what there is to do, tidies up, and leaves alone what another process works on.
func TestRunCarriesImportsThroughAndTidiesUp(t *testing.T) {
	w := newWorld(t)
	run := func(until func() bool) {
		t.Helper()
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		defer stop()
		done := make(chan error)
		go func() { done <- w.jobs.Run(ctx) }()
		for !until() && ctx.Err() == nil {
			w.jobs.Wake()
			time.Sleep(5 * time.Millisecond)
		}
		stop()
		ok(t, <-done)
		if !until() {
			t.Error("it did not happen")
		}
	}
	old := w.bring(strings.NewReader(csvOf(3)), false)
	run(func() bool { return w.state(old).State == models.ImportChecked })
	w.now = w.now.Add(models.ImportPatience + time.Minute)
	theirs, err := w.jobs.Receive("theirs.csv", strings.NewReader(csvOf(3)))
	ok(t, err)
	ok(t, w.jobs.Begin(t.Context(), storetest.Actor(w.owner), theirs, false)) // another process holds it
	orphan, err := w.jobs.Receive("orphan.csv", strings.NewReader(csvOf(3)))
	ok(t, err)
	orphan.Release() // as the end of its process does
	id := w.bring(strings.NewReader(csvOf(5)), false)
	run(func() bool {
		return w.state(id).State == models.ImportChecked && w.state(old).State == models.ImportCancelled && len(w.files(old)) == 0 && len(w.files(orphan.ID)) == 0
	})
	if got := w.state(theirs.ID); got.State != models.ImportWaiting {
		t.Errorf("another process's import is %s", got.State)
	}
	theirs.Release()
	w.start(id, false)
	run(func() bool {
		return w.state(id).State == models.ImportDone && w.state(theirs.ID).State == models.ImportChecked
	})
	if _, err := w.jobs.Report(w.state(id)); err != nil {
		t.Error(err)
	}
	w.now = w.now.Add(models.ReportsKept + time.Hour)
	run(func() bool { return len(w.files(id)) == 0 })
	if _, err := w.jobs.Report(w.state(id)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an old report: %v", err)
	}
}
