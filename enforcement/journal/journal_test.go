package journal

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
)

func open(t testing.TB, c Config) *Journal {
	t.Helper()
	j, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func record(n int) Record {
	return Record{Kind: Admitted, Second: 1_790_000_000 + int64(n), Window: 20_717, Key: models.KeyID(n + 1), Plan: 2, Stage: 3, Method: 4, TAT: int64(n) << 40, MethodTAT: -1}
}

func TestEveryFieldOfARecordComesBack(t *testing.T) {
	j := open(t, Config{Dir: t.TempDir()})
	defer j.Close()
	want := []Record{
		record(0),
		{Kind: Finished, Outcome: models.OutcomeServerError, Refund: true, Second: 1_790_000_000, Window: 20_700, Key: 1, Plan: 2, Stage: 3, Method: 4, Latency: 71 * time.Minute, Gateway: 8 * time.Second, BytesIn: 1<<40 - 1, BytesOut: 5},
		{Kind: Refused, Outcome: models.OutcomeThrottled, Second: 1, Count: 1<<32 - 1, Key: 9, Plan: 0, Stage: 3},
		{Kind: Shared, Second: 7, Stage: 3, TAT: 99},
		{Kind: Shared, Second: 7, Account: 5, TAT: 98},
		{Kind: Admitted, Second: 1_790_000_000, Window: 20_717 + 31, Key: 1},
	}
	for i := range want {
		if _, err := j.Append(&want[i]); err != nil {
			t.Fatal(err)
		}
	}
	var got []Record
	if _, err := j.Fold(Position{}, func(r *Record) bool { got = append(got, *r); return true }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-appended +folded:\n%s", diff)
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	j := open(t, Config{Dir: t.TempDir()})
	defer j.Close()
	r := record(1)
	if n := testing.AllocsPerRun(1000, func() { _, _ = j.Append(&r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAnotherProcessFindsAllThatManyAppended(t *testing.T) {
	dir := t.TempDir()
	const writers, each = 4, 5000
	j := open(t, Config{Dir: dir, SegmentSize: 64 << 10})
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				r := record(w*each + i)
				for {
					if _, err := j.Append(&r); err == nil {
						break
					}
				}
			}
		})
	}
	group.Wait()
	close(j.stop) // as after kill -9: j is not closed, but prepares no segments any more
	j.stopped.Wait()
	k := open(t, Config{Dir: dir})
	defer k.Close()
	seen := map[models.KeyID]int{}
	found := k.Recover(Position{}, func(r *Record) { seen[r.Key]++ })
	if !found.Exact || found.Records != writers*each || len(seen) != writers*each {
		t.Errorf("%+v, %d keys; want %d", found, len(seen), writers*each)
	}
}

func BenchmarkAppend(b *testing.B) {
	j := open(b, Config{Dir: b.TempDir()})
	defer j.Close()
	r := record(1)
	for i := 0; b.Loop(); i++ {
		at, err := j.Append(&r)
		if err != nil {
			time.Sleep(time.Millisecond)
		}
		if i%100_000 == 0 {
			_ = j.Release(at)
		}
	}
}

// What was lost in the middle, a page or more, is noticed, also where one segment ends and the next begins.
func TestLostPagesAreNoticed(t *testing.T) {
	for name, lost := range map[string]struct{ at, bytes, records int }{
		"in a segment": {8 << 10, 4096, 64}, "at a segment's end": {64<<10 - 4096, 4096, 64}, "at the journal's end": {24 << 10, 8 << 10, 1500 - 1023 - 383},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "with [brackets] and *")
			j := open(t, Config{Dir: dir, SegmentSize: 64 << 10})
			for i := range 1500 { // more than a segment
				r := record(i)
				if _, err := j.Append(&r); err != nil {
					t.Fatal(err)
				}
			}
			damaged := filepath.Join(dir, fileName(j.Start().Segment))
			if name == "at the journal's end" {
				damaged = filepath.Join(dir, fileName(j.End().Segment))
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			file, err := os.OpenFile(damaged, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := file.WriteAt(make([]byte, lost.bytes), int64(lost.at)); err != nil {
				t.Fatal(err)
			}
			_ = file.Close()
			k := open(t, Config{Dir: dir})
			defer k.Close()
			if found := k.Recover(Position{}, func(*Record) {}); found.Exact || found.Records != 1500-lost.records {
				t.Errorf("%+v, want %d records, not exact", found, 1500-lost.records)
			}
		})
	}
}

// Group commit: nobody is told that a record is on disk while one before it is still being written.
func TestEverybodyWhoWaitsIsAnswered(t *testing.T) {
	j := open(t, Config{Dir: t.TempDir(), SegmentSize: 64 << 10, SyncAlways: true})
	defer j.Close()
	var group sync.WaitGroup
	for w := range 8 {
		group.Go(func() {
			for i := range 300 {
				r := record(w*300 + i)
				at, err := j.Append(&r)
				if err == nil {
					err = j.Wait(at)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

// TestAWriterThatSleptLeavesNoSegmentUnfilled: a writer found the segment full and waits to make the next one. Meanwhile all was committed, and the same
// segment is in use again.
func TestAWriterThatSleptLeavesNoSegmentUnfilled(t *testing.T) {
	j := open(t, Config{Dir: t.TempDir(), SegmentSize: 64 << 10})
	defer j.Close()
	j.making.Lock() // the disk is slow: nobody makes a segment now
	full := j.current.Load()
	j.mu.Lock()
	next := j.spare
	j.spare = nil
	full.next.Store(uint64(len(full.data)))
	j.mu.Unlock()
	slept := make(chan error)
	go func() { slept <- j.rotate(full) }()
	time.Sleep(20 * time.Millisecond) // by then it waits; if not, the test shows nothing
	j.mu.Lock()
	full.reset(full.number+2, 7, full.boot, false)
	full.open()
	j.spare = next
	j.mu.Unlock()
	j.making.Unlock()
	if err := <-slept; err != nil {
		t.Fatal(err)
	}
	if j.current.Load() != full {
		t.Error("a segment that was just begun is left")
	}
}

// Who waits for a segment may find that the one that was made meanwhile is full too, and that the one that he found full was committed, begun anew and filled.
// While there is room on the disk he is not refused.
func TestOnlyAJournalThatCannotGrowIsFull(t *testing.T) {
	slow := func([]byte) error { time.Sleep(time.Millisecond); return nil }
	j := open(t, Config{Dir: t.TempDir(), SegmentSize: 4 << 10, sync: slow})
	defer j.Close()
	var writers, reader sync.WaitGroup
	for w := range 16 {
		writers.Go(func() {
			for i := range 2000 {
				r := record(w*2000 + i)
				if _, err := j.Append(&r); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	reader.Go(func() {
		for at := (Position{}); ; {
			select {
			case <-done:
				return
			default:
			}
			var err error
			if at, err = j.Fold(at, func(*Record) bool { return true }); err == nil {
				err = j.Release(at)
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	writers.Wait()
	close(done)
	reader.Wait()
}
