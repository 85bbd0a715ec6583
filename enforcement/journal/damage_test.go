package journal

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/models"
)

// killed leaves a journal of so many records as kill -9 does.
func killed(t testing.TB, dir string, records int) (segments []string) {
	t.Helper()
	j := open(t, Config{Dir: dir, SegmentSize: 64 << 10})
	for i := range records {
		r := record(i)
		for {
			if _, err := j.Append(&r); err == nil {
				break
			}
		}
	}
	t.Cleanup(func() { _ = j.Close() })
	segments, _, err := j.files()
	if err != nil {
		t.Fatal(err)
	}
	return segments
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// Somebody keeps a copy of a file beside it, before looking into it.
func TestASegmentThatIsThereTwiceCountsOnce(t *testing.T) {
	dir := t.TempDir()
	segments := killed(t, dir, 1500)
	for i, name := range []string{"0-copy.journal", "ffffffff.journal", "new.journal"} {
		write(t, filepath.Join(dir, name), read(t, segments[i%2]))
	}
	var log bytes.Buffer
	k := open(t, Config{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
	defer k.Close()
	if found := k.Recover(Position{}, func(*Record) {}); !found.Exact || found.Records != 1500 {
		t.Errorf("%+v, want 1500 records, exact", found)
	}
	if n := strings.Count(log.String(), "is a copy of another"); n != 3 {
		t.Errorf("the log tells of %d copies, want 3:\n%s", n, &log)
	}
	if err := k.Release(k.Start()); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.copy"))
	if err != nil || len(left) != 3 {
		t.Errorf("set aside: %v, %v", left, err)
	}
}

// Whatever is done to the files, no record is read that was not written, and whatever is missing is noticed.
func TestDamageIsNeverReadAndNeverOverlooked(t *testing.T) {
	whole := map[string][]byte{}
	var names []string
	for _, path := range killed(t, filepath.Join(t.TempDir(), "j"), 2500) {
		whole[filepath.Base(path)], names = read(t, path), append(names, filepath.Base(path))
	}
	names = names[:3] // the fourth is the spare one
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		for name, content := range whole {
			write(t, filepath.Join(dir, name), content)
		}
		for range rapid.IntRange(1, 3).Draw(rt, "times") {
			path := filepath.Join(dir, rapid.SampledFrom(names).Draw(rt, "file"))
			write(t, path, damage(rt, read(t, path)))
		}
		k, err := Open(Config{Dir: dir, SegmentSize: 64 << 10, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			rt.Fatalf("it does not start: %v", err)
		}
		seen := map[models.KeyID]int{}
		found := k.Recover(Position{Segment: 1, Offset: recordSize}, func(r *Record) {
			if *r != record(int(r.Key)-1) {
				rt.Fatalf("a record that nobody wrote: %+v", r)
			}
			if seen[r.Key]++; seen[r.Key] > 1 {
				rt.Fatalf("record %d was read twice", r.Key-1)
			}
		})
		if found.Exact && len(seen) < 2500-mostHoles-fillStep || !found.Exact && found.Reason == "" {
			rt.Errorf("%d of 2500 records, and it says %+v", len(seen), found)
		}
		if err := k.Close(); err != nil {
			rt.Fatal(err)
		}
	})
}

// damage does to a file what disks, crashes and people do.
func damage(rt *rapid.T, content []byte) []byte {
	if len(content) == 0 {
		return content
	}
	at := rapid.IntRange(0, len(content)-1).Draw(rt, "at")
	switch rapid.SampledFrom([]string{"bit", "head", "torn", "cut", "longer", "page", "noise"}).Draw(rt, "damage") {
	case "bit":
		content[at] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
	case "head":
		content[at%min(recordSize, len(content))] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
	case "torn": // half of a record's cache line
		clear(content[at/recordSize*recordSize:][:min(8*rapid.IntRange(1, 7).Draw(rt, "words"), len(content)-at/recordSize*recordSize)])
	case "cut":
		content = content[:at]
	case "longer":
		content = append(content, make([]byte, at)...)
	case "page":
		clear(content[at/4096*4096 : min(at/4096*4096+4096, len(content))])
	case "noise":
		noise := rand.New(rand.NewPCG(uint64(at), 1))
		for i := at; i < min(at+512, len(content)); i++ {
			content[i] = byte(noise.Uint32())
		}
	}
	return content
}
