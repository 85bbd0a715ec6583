package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fullDisk is a disk that a test can fill: a small one in memory, or where nobody may mount one, a limit on the size of the server's files, which no other
// program here has to do with. Either refuses more than is there.
type fullDisk struct {
	*killed
	dir string // where it is mounted; "": it is a limit
}

// newDisk mounts a disk with so many bytes at a folder.
func newDisk(k *killed, dir, bytes string) *fullDisk {
	k.Helper()
	switch err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+bytes); {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		k.Logf("no disk can be mounted here (%v): the size of files is limited instead", err)
		return &fullDisk{killed: k}
	case err != nil:
		k.Fatal(err)
	}
	k.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return &fullDisk{k, dir}
}

func (d *fullDisk) ballast() string { return filepath.Join(d.dir, "ballast") }

// fill leaves no room on it.
func (d *fullDisk) fill() {
	d.Helper()
	if d.dir == "" {
		d.limit(1)
		return
	}
	f, err := os.Create(d.ballast())
	if err != nil {
		d.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 1<<16); len(block) > 0; {
		if _, err := f.Write(block); errors.Is(err, unix.ENOSPC) {
			block = block[:len(block)/2]
		} else if err != nil {
			d.Fatal(err)
		}
	}
}

// free makes room again.
func (d *fullDisk) free() {
	d.Helper()
	if d.dir == "" {
		d.limit(unix.RLIM_INFINITY)
	} else if err := os.Remove(d.ballast()); err != nil {
		d.Fatal(err)
	}
}

func (d *fullDisk) limit(bytes uint64) {
	d.Helper()
	var now unix.Rlimit
	err := unix.Prlimit(d.cmd.Process.Pid, unix.RLIMIT_FSIZE, nil, &now)
	if err == nil {
		err = unix.Prlimit(d.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: min(bytes, now.Max), Max: now.Max}, nil)
	}
	if err != nil {
		d.Fatal(err)
	}
}

// ready is what the server says about itself.
func (k *killed) ready() (status int, text string) {
	k.Helper()
	answer, err := http.Get(k.ops + "/readyz")
	if err != nil {
		k.Fatal(err)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(body)
}

// served waits until each key has had so many answers more.
func (k *killed) served(n int64) {
	k.Helper()
	for _, c := range k.keys {
		until := c.answered.Load() + n
		k.eventually("more answers for "+c.name, func() bool { return c.answered.Load() >= until })
	}
}

// moveData puts the data folder on another disk, which has no room for receipts.
func (k *killed) moveData(to string) {
	k.Helper()
	if err := os.Remove(filepath.Join(k.data, "receipts")); err != nil {
		k.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", k.data+"/.", to).CombinedOutput(); err != nil {
		k.Fatalf("%v: %s", err, out)
	}
	k.data = to
}

// smallSegments has the crash build fill a segment of the journal with 1,023 records.
const smallSegments = "GATEHOUSE_SEGMENT=65536"

// What cannot be written down is refused, never let through uncounted; /readyz names the cause; and when there is room again everything goes on, without a
// restart, and with every request counted.
func TestAFullDiskRefusesAndComesBackExact(t *testing.T) {
	path, err := crashBinary()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		disk    func(*killed) *fullDisk
		problem string // of the key with a quota
		rest    string // of the key without; "": it goes on being served
	}{
		"everything": {problem: "journal-full", rest: "journal-full", disk: func(k *killed) *fullDisk {
			dir := t.TempDir()
			d := newDisk(k, dir, "12m")
			k.emptyJournal()
			k.moveData(dir)
			return d
		}},
		"the journal": {problem: "journal-full", rest: "journal-full", disk: func(k *killed) *fullDisk {
			k.emptyJournal()
			return newDisk(k, filepath.Join(k.data, "journal"), "512k")
		}},
		"the database": {problem: "ledger-away", disk: func(k *killed) *fullDisk {
			dir := t.TempDir()
			d := newDisk(k, dir, "12m")
			k.emptyJournal()
			k.moveData(dir)
			if d.dir == "" {
				return d // a limit does not tell one folder from the other: the journal is full, too
			}
			if err := errors.Join(os.Remove(filepath.Join(dir, "journal")), os.Symlink(t.TempDir(), filepath.Join(dir, "journal"))); err != nil {
				t.Fatal(err)
			}
			return d
		}},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKilled(t, 40_000)
			d := tt.disk(k)
			k.serveAt(path, smallSegments)
			if _, text := k.ready(); d.dir == k.data && !strings.HasPrefix(text, "ready, but without receipts: ") {
				t.Errorf("a disk too small for receipts: %s", text)
			}
			if d.dir == "" {
				tt.problem, tt.rest = "journal-full", "journal-full"
			}
			ctx, cancel := context.WithCancel(t.Context())
			wait := k.call(ctx, 2)
			k.served(50)
			d.fill()
			limited, open := k.keys[0], k.keys[2]
			apis := 0
			k.eventually(tt.problem, func() bool {
				if apis++; name == "the database" {
					k.write(apis) // its log has room of its own, which usage alone takes long to fill
				}
				return limited.saw(tt.problem) > 0
			})
			k.eventually("a reason", func() bool {
				status, text := k.ready()
				return status == http.StatusServiceUnavailable && strings.HasPrefix(text, tt.problem)
			})
			if before := open.answered.Load(); tt.rest == "" {
				k.eventually("answers for a key without a quota", func() bool { return open.answered.Load() > before+50 })
			} else {
				k.eventually(tt.rest, func() bool { return open.saw(tt.rest) > 0 })
			}
			pid := k.cmd.Process.Pid
			d.free()
			k.eventually("readiness", func() bool { status, _ := k.ready(); return status == http.StatusOK })
			k.served(50)
			if k.cmd.Process.Pid != pid {
				t.Error("it was started anew")
			}
			if name == "everything" {
				k.killOnFull(d, path)
			}
			cancel()
			wait()
			k.check()
		})
	}
}

// write has the database take much at once, if it can.
func (k *killed) write(n int) {
	k.Helper()
	var methods strings.Builder
	for i := range 300 {
		fmt.Fprintf(&methods, "GET /a/%d\n", i)
	}
	text(k.T, k.owner.post("/owner/apis", "source", "form", "name", "Large", "slug", fmt.Sprintf("large-%d", n), "methods", methods.String(), "key_place", "header",
		"key_name", "x-api-key", "stage", "prod", "upstream", k.origin.URL))
}

// diskIsFull is how the journal and the database say it.
var diskIsFull = regexp.MustCompile("no space left on device|database or disk is full")

// killOnFull kills the server on a full disk. It does not start there, and says why.
func (k *killed) killOnFull(d *fullDisk, path string) {
	k.Helper()
	full := k.keys[2].saw("journal-full")
	d.fill()
	k.eventually("journal-full", func() bool { return k.keys[2].saw("journal-full") > full })
	k.kill()
	if d.dir != "" {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, path, append(k.arguments(), "--portal-listen", "127.0.0.1:0", "--gateway-listen", "127.0.0.1:0", "--management-listen", "", "--ops-listen", "")...)
		if out, err := cmd.CombinedOutput(); err == nil || !diskIsFull.Match(out) || strings.Contains(string(out), "goroutine ") {
			k.Errorf("a start on a full disk: %v: %s", err, out)
		}
		d.free()
	}
	k.serveAt(path, smallSegments)
	k.served(50)
}

// emptyJournal deletes the journal of a server that was stopped in order: there is nothing in it.
func (k *killed) emptyJournal() {
	k.Helper()
	dir := filepath.Join(k.data, "journal")
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		k.Fatal(err)
	}
}
