package recording

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/models"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(offset uint64) models.JournalPosition {
	return models.JournalPosition{Segment: 1, Offset: offset}
}

func config(size int64) Config {
	return Config{Size: size, Committed: at(1 << 40), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return start }}
}

func mustOpen(t testing.TB, folder string, c Config) *Recorder {
	t.Helper()
	r, err := Open(folder, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.workers.Wait() })
	return r
}

func arrival(key, plan, method, second int64) models.Arrival {
	return models.Arrival{KeyID: models.KeyID(key), PlanID: models.PlanID(plan), StageID: 5, MethodID: models.MethodID(method), Second: start.Unix() + second, Admitted: 1}
}

// read returns everything of a plan, checked for its order.
func read(t testing.TB, r *Recorder, plan int64) (all []models.Arrival, covered models.Recorded) {
	t.Helper()
	covered, err := r.Read(context.Background(), models.PlanID(plan), time.Unix(0, 0), func(some []models.Arrival, _ float64) error {
		all = append(all, some...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, covered
}

// sum adds up by cell.
func sum(all []models.Arrival) map[models.Arrival][4]int64 {
	cells := map[models.Arrival][4]int64{}
	for _, a := range all {
		name := models.Arrival{KeyID: a.KeyID, PlanID: a.PlanID, StageID: a.StageID, MethodID: a.MethodID, Second: a.Second}
		c := cells[name]
		cells[name] = [4]int64{c[0] + a.Admitted, c[1] + a.Throttled, c[2] + a.OverQuota, c[3] + a.Failed}
	}
	return cells
}

func sizeOf(t testing.TB, folder string) (total int64) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil { // else it went meanwhile
			total += info.Size()
		}
	}
	return total
}

// copyOf is the folder as a process that is killed now leaves it.
func copyOf(t testing.TB, folder, to string) string {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	return to
}

// What is recorded is what was committed, whatever fails, is tried again or is killed, and wherever the end is torn.
func TestRecordedIsWhatIsCommitted(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		folder := filepath.Join(t.TempDir(), "recording")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		now := start
		open := func(committed uint64) *Recorder {
			c := config(1 << 20)
			c.Committed, c.Now = at(committed), func() time.Time { return now }
			r := mustOpen(t, folder, c)
			r.limit = 1 << 12 // many segments
			return r
		}
		r := open(0)
		var committed, pending []models.Arrival
		from, to := uint64(0), uint64(0)
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			r.workers.Wait() // they read the clock
			now = now.Add(time.Second)
			for range random.IntN(60) {
				a := arrival(1+random.Int64N(5), 1+random.Int64N(3), random.Int64N(3), int64(now.Sub(start)/time.Second)-random.Int64N(2))
				if random.IntN(4) == 0 {
					a.Admitted, a.Throttled, a.OverQuota, a.Failed = random.Int64N(3), random.Int64N(1000), random.Int64N(2), random.Int64N(2)
				}
				pending = append(pending, a)
			}
			to += 64 * (1 + random.Uint64N(100))
			r.Add(at(from), at(to), pending)
			if random.IntN(4) > 0 { // the commit stands
				committed, pending, from = append(committed, pending...), nil, to
			}
			switch random.IntN(10) {
			case 0: // kill -9
				r.workers.Wait()
				folder = copyOf(t, folder, filepath.Join(t.TempDir(), "recording"))
				r, pending, to = open(from), nil, from
			case 1:
				if err := r.Close(); err != nil {
					rt.Fatal(err)
				}
				r, pending, to = open(from), nil, from
			}
		}
		r.Add(at(from), at(to), nil) // takes back what was not committed
		var all []models.Arrival
		for plan := range int64(4) {
			some, covered := read(t, r, plan)
			all = append(all, some...)
			if covered.Lost != 0 || covered.Damaged != 0 || len(covered.Gaps) > 0 {
				rt.Fatalf("plan %d: lost %d, damaged %d, gaps %v", plan, covered.Lost, covered.Damaged, covered.Gaps)
			}
		}
		if diff := cmp.Diff(sum(committed), sum(all)); diff != "" {
			rt.Fatalf("(-committed +recorded):\n%s", diff)
		}
		r.workers.Wait()
	})
}

func fill(r *Recorder, seconds, each int64) (all []models.Arrival) {
	for s := range seconds {
		var some []models.Arrival
		for k := range each {
			some = append(some, arrival(k+1, 1+k%2, k%7, s))
		}
		r.Add(at(uint64(s)*64), at(uint64(s+1)*64), some)
		r.workers.Wait()
		all = append(all, some...)
	}
	return all
}

func TestArrivalsOfAKeyComeInOrderOfTime(t *testing.T) {
	r := mustOpen(t, t.TempDir(), config(0))
	r.limit = 1 << 12
	all := fill(r, 200, 20)
	if len(r.segments) < 5 {
		t.Fatalf("%d segments: the test tests nothing", len(r.segments))
	}
	got, covered := read(t, r, 1)
	last := map[models.KeyID]int64{}
	for _, a := range got {
		if a.PlanID != 1 {
			t.Fatalf("plan %d", a.PlanID)
		}
		if a.Second < last[a.KeyID] {
			t.Fatalf("key %d: second %d after %d", a.KeyID, a.Second, last[a.KeyID])
		}
		last[a.KeyID] = a.Second
	}
	if len(got) != len(all)/2 || covered.Requests != int64(len(all)/2) {
		t.Errorf("%d arrivals, %d requests, want %d", len(got), covered.Requests, len(all)/2)
	}
	if covered.Since != start || covered.Until != start {
		t.Errorf("covers %v to %v", covered.Since, covered.Until)
	}
}

// What is read of some keys is what is read of the plan, without the others, from segments and from what is in none yet.
func TestKeysAreReadWithoutTheOthers(t *testing.T) {
	r := mustOpen(t, t.TempDir(), config(0))
	r.limit = 1 << 12
	fill(r, 200, 20)
	all, _ := read(t, r, 1)
	keys := []models.KeyID{13, 3, 3, 999}
	var want, got []models.Arrival
	for _, a := range all {
		if a.KeyID == 3 || a.KeyID == 13 {
			want = append(want, a)
		}
	}
	covered, err := r.ReadKeys(t.Context(), 1, keys, time.Unix(0, 0), func(some []models.Arrival, _ float64) error {
		got = append(got, some...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sum(want), sum(got)); diff != "" || len(want) != 400 {
		t.Errorf("%d arrivals (-want +got):\n%s", len(want), diff)
	}
	if covered.Requests != int64(len(got)) || covered.Since != start {
		t.Errorf("covered %+v", covered)
	}
}

// A second is in one segment, though it comes in two commits: else its requests would be replayed twice from its beginning.
func TestSecondIsNotTornBySegments(t *testing.T) {
	r := mustOpen(t, t.TempDir(), config(0))
	r.limit = 1 << 11
	for i := range int64(400) {
		r.Add(at(uint64(i)*64), at(uint64(i+1)*64), []models.Arrival{arrival(1, 1, 1, i/2), arrival(2, 1, 1, i/2)})
		r.workers.Wait()
	}
	got, _ := read(t, r, 1)
	if len(got) != 400 || len(r.segments) < 5 {
		t.Errorf("%d arrivals in %d segments, want 400", len(got), len(r.segments))
	}
	for _, a := range got {
		if a.Admitted != 2 {
			t.Fatalf("second %d has %d requests, want 2", a.Second, a.Admitted)
		}
	}
}

func TestFilesStayWithinTheSizeAndTheOldestGo(t *testing.T) {
	folder := t.TempDir()
	r := mustOpen(t, folder, config(MinSize))
	random := rand.New(rand.NewPCG(1, 2))
	for s := range int64(600) {
		var some []models.Arrival
		for range 50 {
			a := arrival(random.Int64N(1<<40), random.Int64N(3)+1, random.Int64N(1<<30), s)
			a.Throttled = random.Int64N(1 << 20)
			some = append(some, a)
		}
		r.Add(at(uint64(s)*64), at(uint64(s+1)*64), some)
		if size := sizeOf(t, folder); size > MinSize {
			t.Fatalf("after %d seconds: %d bytes, at most %d", s, size, MinSize)
		}
		if s%3 == 0 { // the others go on beside the packing
			r.workers.Wait()
		}
	}
	r.workers.Wait()
	got, covered := read(t, r, 1)
	if len(got) == 0 || covered.Since.Unix() < start.Unix()+100 || got[0].Second < covered.Since.Unix()-settled {
		t.Errorf("%d arrivals from %d on, said to begin %v", len(got), got[0].Second-start.Unix(), covered.Since)
	}
	if covered.Lost != 0 {
		t.Errorf("lost %d", covered.Lost)
	}
}

func TestOldSegmentsAreForgotten(t *testing.T) {
	c := config(0)
	now := start
	c.Now = func() time.Time { return now }
	r := mustOpen(t, t.TempDir(), c)
	for day := range int64(40) {
		now = start.AddDate(0, 0, int(day))
		r.Add(at(uint64(day)*64), at(uint64(day+1)*64), []models.Arrival{arrival(1, 1, 1, day*86400)})
		r.workers.Wait()
		r.Trim(now)
	}
	got, covered := read(t, r, 1)
	if want := start.AddDate(0, 0, 8); covered.Since.Before(want) || len(got) < 30 || len(got) > 32 {
		t.Errorf("%d days since %v, want about 30", len(got), covered.Since)
	}
	now = now.AddDate(1, 0, 0)
	r.Trim(now)
	if len(r.segments) != 0 {
		t.Errorf("%d segments after a year", len(r.segments))
	}
}

// Whatever a byte becomes, opening and reading never fail or invent: what is read was written, or is said to be missing.
func TestFlippedBitsAreNoticed(t *testing.T) {
	whole := t.TempDir()
	r := mustOpen(t, whole, config(0))
	r.limit = 1 << 12
	want := sum(fill(r, 60, 20))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		folder := copyOf(t, whole, t.TempDir())
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, entries[random.IntN(len(entries))].Name())
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bit := random.IntN(len(b) * 8)
		b[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var logged strings.Builder
		c := config(0)
		c.Log = slog.New(slog.NewTextHandler(&logged, nil))
		damaged := mustOpen(t, folder, c)
		one, first := read(t, damaged, 1)
		two, second := read(t, damaged, 2)
		got := sum(append(one, two...))
		for name, counts := range got {
			if want[name] != counts {
				t.Fatalf("bit %d of %s: %+v is %v, was %v", bit, path, name, counts, want[name])
			}
		}
		if len(got) < len(want) && first.Damaged+second.Damaged == 0 && logged.Len() == 0 {
			t.Fatalf("bit %d of %s: %d cells of %d, and nobody says so", bit, path, len(got), len(want))
		}
		damaged.workers.Wait()
	}
}

func TestTornTailLosesItsLastBlockAlone(t *testing.T) {
	whole := t.TempDir()
	r := mustOpen(t, whole, config(0))
	fill(r, 10, 1)
	size := r.tail.size
	for torn := int64(0); torn < size-tailHeaderSize; torn += 3 {
		folder := copyOf(t, whole, t.TempDir())
		if err := os.Truncate(filepath.Join(folder, "0000000001.tail"), size-torn); err != nil {
			t.Fatal(err)
		}
		c := config(0)
		c.Committed, c.Now = at(640), func() time.Time { return start.Add(time.Hour) }
		again := mustOpen(t, folder, c)
		got, _ := read(t, again, 1)
		block := (size - tailHeaderSize) / 10
		if want := 10 - (torn+block-1)/block; int64(len(got)) < want-1 || int64(len(got)) > want+1 {
			t.Fatalf("%d bytes torn of blocks of about %d: %d arrivals", torn, block, len(got))
		}
		again.Add(at(1<<41), at(1<<42), []models.Arrival{arrival(9, 1, 1, 99)})
		after, covered := read(t, again, 1)
		if len(after) != len(got)+1 {
			t.Fatalf("%d bytes torn: what is added then is not read", torn)
		}
		if (len(covered.Gaps) == 1) != (torn > 0 && len(got) > 0) { // of nothing, nothing is missing
			t.Fatalf("%d bytes torn: gaps %v", torn, covered.Gaps)
		}
		again.workers.Wait()
	}
}

// A process that served without the recording leaves a gap, which readers are told, also after more starts; what was there before is kept.
func TestTimeThatWasNotRecordedIsTold(t *testing.T) {
	folder := t.TempDir()
	c := config(0)
	now := start
	c.Now = func() time.Time { return now }
	r := mustOpen(t, folder, c)
	fill(r, 10, 2)
	r.Add(at(640), at(704), nil) // requests that ended, and none that arrived
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	c.Committed, now = at(704), start.Add(time.Minute)
	r = mustOpen(t, folder, c)
	if _, covered := read(t, r, 1); len(covered.Gaps) > 0 {
		t.Fatalf("gaps %v without one", covered.Gaps)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	c.Committed, now = at(7040), start.Add(time.Hour) // somebody else committed meanwhile
	for range 3 {
		r = mustOpen(t, folder, c)
		r.workers.Wait()
		r.Add(c.Committed, at(c.Committed.Offset+64), []models.Arrival{arrival(1, 1, 1, int64(now.Sub(start)/time.Second))})
		c.Committed.Offset += 64
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	r = mustOpen(t, folder, c)
	got, covered := read(t, r, 1)
	if want := []models.Gap{{Since: start.Add(10 * time.Second), Until: now}}; !cmp.Equal(want, covered.Gaps) || len(got) != 11 || covered.Since != start {
		t.Errorf("%d arrivals since %v, gaps %v, want %v", len(got), covered.Since, covered.Gaps, want)
	}
}

// A tail that could not be packed is still read, now and after the next start, and packed when it can be.
func TestKillWhilePackingLosesNothing(t *testing.T) {
	folder := t.TempDir()
	c := config(0)
	now := start
	c.Now = func() time.Time { return now }
	r := mustOpen(t, folder, c)
	r.limit = 1 << 12
	if err := os.Mkdir(filepath.Join(folder, "0000000001.segment.tmp"), 0o700); err != nil { // so that the file cannot be made
		t.Fatal(err)
	}
	want := fill(r, 20, 20)
	if r.old == nil {
		t.Fatal("the tail was packed: the test tests nothing")
	}
	check := func(r *Recorder, when string) {
		t.Helper()
		one, _ := read(t, r, 1)
		two, _ := read(t, r, 2)
		if diff := cmp.Diff(sum(want), sum(append(one, two...))); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", when, diff)
		}
	}
	check(r, "while it fails")
	c.Committed = at(20 * 64)
	killed := mustOpen(t, copyOf(t, folder, t.TempDir()), c)
	check(killed, "after the next start")
	killed.workers.Wait()
	check(killed, "packed at the next start")
	if killed.old != nil || len(killed.segments) != 1 {
		t.Errorf("not packed at the next start")
	}
	if err := os.Remove(filepath.Join(folder, "0000000001.segment.tmp")); err != nil {
		t.Fatal(err)
	}
	now = now.Add(retryEvery)
	r.Add(at(1<<41), at(1<<42), nil)
	r.workers.Wait()
	check(r, "packed later")
	if r.old != nil {
		t.Errorf("not packed later")
	}
}

// A disk that is full costs arrivals, is logged once and told to readers, and recording goes on by itself.
func TestFullDiskIsSaidAndOver(t *testing.T) {
	var logged strings.Builder
	c := config(0)
	c.Log = slog.New(slog.NewTextHandler(&logged, nil))
	r := mustOpen(t, t.TempDir(), c)
	r.Add(at(0), at(64), []models.Arrival{arrival(1, 1, 1, 0)})
	writable := r.tail.file
	full, err := os.Open(r.tail.path) // cannot be written
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	r.tail.file = full
	r.Add(at(64), at(128), []models.Arrival{arrival(1, 1, 1, 1)})
	r.Add(at(64), at(192), []models.Arrival{arrival(1, 1, 1, 1), arrival(1, 1, 2, 2)}) // the commit failed, too
	r.Add(at(192), at(256), []models.Arrival{arrival(1, 1, 1, 3)})
	if _, covered := read(t, r, 1); covered.Lost != 3 || covered.Requests != 1 {
		t.Errorf("lost %d and read %d requests, want 3 and 1", covered.Lost, covered.Requests)
	}
	r.tail.file = writable
	r.Add(at(256), at(320), []models.Arrival{arrival(1, 1, 1, 4)})
	if _, covered := read(t, r, 1); covered.Lost != 3 || covered.Requests != 2 {
		t.Errorf("lost %d and read %d requests, want 3 and 2", covered.Lost, covered.Requests)
	}
	if n := strings.Count(logged.String(), "level=ERROR"); n != 1 || !strings.Contains(logged.String(), "recorded again") {
		t.Errorf("logged:\n%s", logged.String())
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	again := mustOpen(t, r.folder, c)
	if _, covered := read(t, again, 1); covered.Lost != 3 {
		t.Errorf("forgot what was lost: %d", covered.Lost)
	}
}

func TestKeepFillsARecordingThatHasNotBegun(t *testing.T) {
	r := mustOpen(t, t.TempDir(), config(0))
	for day := range int64(3) {
		if err := r.Keep([]models.Arrival{arrival(1, 1, 1, (day-3)*86400)}); err != nil {
			t.Fatal(err)
		}
	}
	r.Add(at(0), at(64), []models.Arrival{arrival(1, 1, 1, 0)})
	if err := r.Keep([]models.Arrival{arrival(1, 1, 1, 1)}); err == nil {
		t.Error("kept behind what was added")
	}
	got, covered := read(t, r, 1)
	if want := start.AddDate(0, 0, -3); len(got) != 4 || !covered.Since.Equal(want) || len(covered.Gaps) > 0 {
		t.Errorf("%d arrivals since %v, want 4 since %v", len(got), covered.Since, want)
	}
}

func TestReadersEndWhenTheyAreTold(t *testing.T) {
	r := mustOpen(t, t.TempDir(), config(0))
	r.limit = 1 << 12
	fill(r, 50, 20)
	enough := errors.New("enough")
	if _, err := r.Read(t.Context(), 1, time.Unix(0, 0), func([]models.Arrival, float64) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := r.Read(ctx, 1, time.Unix(0, 0), func([]models.Arrival, float64) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestReadersAndTheWriterDoNotDisturbEachOther(t *testing.T) {
	r := mustOpen(t, t.TempDir(), config(MinSize))
	done := make(chan struct{})
	var readers sync.WaitGroup
	for plan := range int64(2) {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					if _, covered := read(t, r, plan+1); covered.Damaged > 0 {
						t.Error("read something damaged")
					}
				}
			}
		})
	}
	for s := range int64(300) {
		var some []models.Arrival
		for k := range int64(40) {
			some = append(some, arrival(k+1, 1+k%2, k%7, s))
		}
		r.Add(at(uint64(s)*64), at(uint64(s+1)*64), some)
	}
	close(done)
	readers.Wait()
}

func TestWhatAKeySentAroundASecondIsRead(t *testing.T) {
	r, err := Open(t.TempDir(), Config{Now: func() time.Time { return time.Unix(2000, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	one := func(key models.KeyID, second int64) models.Arrival {
		return models.Arrival{KeyID: key, PlanID: 1, StageID: 1, MethodID: 1, Second: second, Admitted: 1}
	}
	for _, some := range [][]models.Arrival{{one(1, 900), one(1, 999), one(2, 999)}, {one(1, 1000), one(1, 1001), one(2, 1002)}, {one(1, 1100)}} {
		if err := r.Keep(some); err != nil {
			t.Fatal(err)
		}
	}
	got, covered, err := r.ReadAround(t.Context(), 1, 1, time.Unix(999, 0), time.Unix(1000, 5e8))
	if err != nil || len(got) != 2 || got[0].Second != 999 || got[1].Second != 1000 || covered.Requests != 3 || len(covered.Gaps) != 0 || covered.Since.Unix() != 999 {
		t.Errorf("%+v, %+v, %v", got, covered, err)
	}
	if got, covered, err := r.ReadAround(t.Context(), 1, 1, time.Unix(100, 0), time.Unix(200, 0)); err != nil || len(got) != 0 || covered.Since.Unix() != 900 {
		t.Errorf("before the recording: %+v, %+v, %v", got, covered, err)
	}
}
