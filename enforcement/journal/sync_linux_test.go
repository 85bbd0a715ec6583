package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// faulty is a disk that fails as Linux does (https://wiki.postgresql.org/wiki/Fsync_Errors): the pages that it did not take are clean afterwards.
type faulty struct {
	fails atomic.Int64 // that many times, of data
	taken atomic.Int64
}

var errDisk = errors.New("input/output error")

func (f *faulty) sync(pages []byte) error {
	if err := unix.Msync(pages, unix.MS_SYNC); err != nil {
		return err
	}
	if len(pages) > recordSize && f.fails.Add(-1) >= 0 {
		return errDisk
	}
	f.taken.Add(1)
	return nil
}

func TestNobodyIsToldOfADiskThatFailed(t *testing.T) {
	var disk faulty
	j := open(t, Config{Dir: t.TempDir(), SegmentSize: 64 << 10, SyncAlways: true, Log: slog.New(slog.DiscardHandler), sync: disk.sync})
	defer j.Close()
	disk.fails.Store(1 << 40)
	var group sync.WaitGroup
	for w := range 4 {
		group.Go(func() {
			r := record(w)
			at, err := j.Append(&r)
			if err == nil {
				err = j.Wait(at)
			}
			if !errors.Is(err, errDisk) {
				t.Errorf("told %v, want %v", err, errDisk)
			}
		})
	}
	group.Wait()
	if err := j.Err(); !errors.Is(err, errDisk) {
		t.Errorf("the journal says %v", err)
	}
	disk.fails.Store(0)
	r := record(9)
	at, err := j.Append(&r)
	if err == nil {
		err = j.Wait(at)
	}
	j.provide() // the spare one, which failed too
	if err != nil || j.Err() != nil {
		t.Errorf("the disk works again: %v, %v", err, j.Err())
	}
}

// The second try must have something to write, or it succeeds without having written.
func TestWhatTheDiskDidNotTakeIsWrittenAgain(t *testing.T) {
	var disk faulty
	j := open(t, Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler), sync: disk.sync})
	defer j.Close()
	for i := range 1000 {
		r := record(i)
		if _, err := j.Append(&r); err != nil {
			t.Fatal(err)
		}
	}
	s := j.current.Load()
	if err := j.flush(); err != nil {
		t.Fatal(err)
	}
	clean := dirtyBytes(t, s)
	r := record(1000)
	if _, err := j.Append(&r); err != nil {
		t.Fatal(err)
	}
	disk.fails.Store(1)
	if err := j.flush(); !errors.Is(err, errDisk) {
		t.Fatalf("got %v, want %v", err, errDisk)
	}
	if dirty := dirtyBytes(t, s); dirty <= clean && onDisk(t, s) {
		t.Errorf("%d bytes of the segment are to be written after the failure, and %d before", dirty, clean)
	}
}

// onDisk reports whether the segment's file system has pages that become clean: one in memory has none.
func onDisk(t *testing.T, s *segment) bool {
	t.Helper()
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(s.file.Fd()), &fs); err != nil {
		t.Fatal(err)
	}
	return fs.Type != unix.TMPFS_MAGIC
}

// dirtyBytes is how much of a mapped segment the kernel has still to write.
func dirtyBytes(t *testing.T, s *segment) (bytes int) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	_, of, found := strings.Cut(string(text), fmt.Sprintf("\n%x-", uintptr(unsafe.Pointer(&s.data[0]))))
	if !found {
		t.Fatal("the segment is not mapped")
	}
	for _, name := range []string{"Shared_Dirty:", "Private_Dirty:"} {
		var kilobytes int
		_, rest, _ := strings.Cut(of, name)
		if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
			t.Fatal(err)
		}
		bytes += kilobytes << 10
	}
	return bytes
}
