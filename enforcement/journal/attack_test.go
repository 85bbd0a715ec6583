package journal

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

const small = 4 << 10 // a segment of one head and 63 records

// leave writes records 0..n-1 in segments of 4 KiB, as a process that was killed then, and returns their files.
func leave(t testing.TB, dir string, n int, c Config) []string {
	c.Dir, c.SegmentSize = dir, small
	j := open(t, c)
	for i := range n {
		r := record(i)
		must(t, j, &r)
	}
	abandon(j)
	names, _ := filepath.Glob(filepath.Join(dir, "*"+suffix))
	return names
}

// must appends a record, however long it takes to have room.
func must(t testing.TB, j *Journal, r *Record) Position {
	for {
		at, err := j.Append(r)
		if err == nil {
			return at
		}
		if err := j.Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// harm is one thing that can happen to a folder of segments.
func harm(t *rapid.T, names []string) {
	name := rapid.SampledFrom(names).Draw(t, "file")
	data, err := os.ReadFile(name)
	if err != nil {
		return // it is gone already
	}
	at := rapid.IntRange(0, max(0, len(data)-1)).Draw(t, "at")
	switch rapid.SampledFrom([]string{"flip", "flip", "torn", "page", "cut", "longer", "gone", "copy", "other life", "noise"}).Draw(t, "harm") {
	case "flip":
		if len(data) > 0 {
			data[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		}
	case "torn": // a write of which a part arrived
		clear(data[at:min(len(data), at+rapid.IntRange(1, 600).Draw(t, "bytes"))])
	case "page":
		clear(data[at/512*512 : min(len(data), at/512*512+512*rapid.IntRange(4, 8).Draw(t, "sectors"))])
	case "cut":
		data = data[:at]
	case "longer":
		data = append(data, make([]byte, at)...)
	case "gone":
		_ = os.Remove(name)
		return
	case "copy":
		name = filepath.Join(filepath.Dir(name), "copy"+suffix)
	case "other life": // the slots of another segment come back
		if other, err := os.ReadFile(rapid.SampledFrom(names).Draw(t, "other")); err == nil && len(data) >= recordSize {
			copy(data[recordSize:], other[min(len(other), recordSize):])
		}
	case "noise":
		for i := range data[at:] {
			data[at+i] = rapid.Byte().Draw(t, "byte")
		}
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Whatever happened to the files: nothing panics, no record comes that was not written, none comes twice, and when Recover says that it is
// exact, none is missing. What the next process writes is not touched by it.
func TestDamageIsNoticedAndNeverBelieved(t *testing.T) {
	parent := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(parent, "")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		const n = 150 // two full segments and a part
		names := leave(tb{t}, dir, n, Config{})
		for range rapid.IntRange(1, 3).Draw(t, "harms") {
			harm(t, names)
		}
		j := open(tb{t}, Config{Dir: dir, SegmentSize: small})
		var seen [n]int
		found := j.Recover(Position{1, recordSize}, func(r *Record) {
			i := int(r.Key) - 1
			if i < 0 || i >= n || *r != record(i) {
				t.Fatalf("%+v was never written", *r)
			}
			seen[i]++
		})
		whole := true
		for i, times := range seen {
			if times > 1 {
				t.Fatalf("record %d came %d times", i, times)
			}
			whole = whole && times == 1
		}
		if found.Exact && !whole {
			t.Fatalf("%+v, and records are missing", found)
		}
		r := record(0)
		at := must(tb{t}, j, &r)
		if err := j.Release(j.Start()); err != nil {
			t.Fatal(err)
		}
		abandon(j)
		k := open(tb{t}, Config{Dir: dir, SegmentSize: small})
		if found := k.Recover(j.Start(), func(*Record) {}); !found.Exact || found.Records != 1 || at != j.Start() {
			t.Fatalf("the life after the damage: %+v", found)
		}
		if err := k.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// tb lets helpers of tests serve rapid.
type tb struct{ *rapid.T }

func (tb) Helper() {}

func TestMissingSegmentsAreNoticed(t *testing.T) {
	for _, gone := range []int{0, 1, 2} {
		dir := t.TempDir()
		names := leave(t, dir, 150, Config{})
		if err := os.Remove(names[gone]); err != nil {
			t.Fatal(err)
		}
		j := open(t, Config{Dir: dir})
		found := j.Recover(Position{1, recordSize}, func(*Record) {})
		if last := gone == 2; found.Exact != last && !last {
			t.Errorf("without %s: %+v", names[gone], found)
		}
		_ = j.Close()
	}
	j := open(t, Config{Dir: t.TempDir()})
	defer j.Close()
	if found := j.Recover(Position{7, 640}, func(*Record) {}); found.Exact {
		t.Error("a folder that was emptied passes for an exact journal")
	}
	if found := j.Recover(Position{}, func(*Record) {}); !found.Exact {
		t.Errorf("the first start ever: %+v", found)
	}
}

func TestAnotherBootIsExactOnlyWhenEveryRecordWasOnDisk(t *testing.T) {
	for _, always := range []bool{false, true} {
		dir := t.TempDir()
		leave(t, dir, 100, Config{Boot: [16]byte{1}, SyncAlways: always})
		j := open(t, Config{Dir: dir, Boot: [16]byte{2}})
		found := j.Recover(Position{}, func(*Record) {})
		if found.Exact != always || found.Records != 100 || (found.Reason == "") != always {
			t.Errorf("SyncAlways %v: %+v", always, found)
		}
		if got := j.Boot(); got != "02000000000000000000000000000000" {
			t.Errorf("boot %s", got)
		}
		_ = j.Close()
	}
}

// A segment that is used again has slots of its life before on the disk until they are overwritten there.
func TestSlotsOfALifeBeforeAreDamagedAndNotRecords(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Config{Dir: dir, SegmentSize: small})
	first := j.used[0]
	for i := range 70 {
		r := record(i)
		must(t, j, &r)
	}
	old := slices.Clone(first.data)
	if err := first.begin(dir, first.number, j.config.Boot, false); err != nil {
		t.Fatal(err)
	}
	copy(first.data[recordSize:], old[recordSize:])
	var r Record
	for at := uint64(recordSize); at < small; at += recordSize {
		if got := first.slot(at).decode(&r, first.nonce); got != damaged {
			t.Fatalf("byte %d: state %d", at, got)
		}
	}
	abandon(j)
}
