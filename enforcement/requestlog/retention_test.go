package requestlog

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"gatehouse/models"
)

// random makes an entry that packs badly.
func random(l *Log, r *rand.Rand, i int) Entry {
	e := entry(l, i)
	for i := range e.Request {
		if e.Request[i].Name == "Accept" {
			e.Request[i].Value = fmt.Sprintf("%0180x", r.Uint64())
		}
	}
	e.Path = fmt.Sprintf("/%x/%d", r.Uint64(), i)
	return e
}

func TestTheLogNeverHasMoreThanItsSizeAndForgetsTheOldestFirst(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, Config{Dir: dir, Size: MinSize})
	defer l.Close()
	r := rand.New(rand.NewPCG(1, 2))
	const n = 60_000
	for i := range n {
		e := random(l, r, i)
		ok(t, l.Keep(&e))
		if i%5000 == 0 {
			l.Flush()
			if size := onDisk(t, dir); size > MinSize {
				t.Fatalf("%d bytes after %d entries", size, i)
			}
		}
	}
	l.Flush()
	if size := onDisk(t, dir); size > MinSize || size < MinSize/2 {
		t.Errorf("%d bytes", size)
	}
	got := all(t, l, models.LogQuestion{})
	if len(got) < 1000 || len(got) >= n {
		t.Fatalf("%d entries", len(got))
	}
	for i, e := range got { // the newest, without a gap
		if want := start.Add(time.Duration(n-1-i) * time.Millisecond); !e.At.Equal(want) {
			t.Fatalf("entry %d is of %s, want %s", i, e.At, want)
		}
	}
	oldest := got[len(got)-1]
	if _, err := l.Entry(t.Context(), fmt.Sprintf("%x", id(l, oldest.At.Add(-10*time.Second), 1))); models.KindOf(err) != models.KindGone {
		t.Errorf("one that was forgotten: %v", err)
	}
}

func onDisk(t testing.TB, dir string) (size int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	ok(t, err)
	for _, e := range entries {
		info, err := e.Info()
		ok(t, err)
		size += info.Size()
	}
	return size
}

// What is too old is not shown from that moment on, and its file goes with the next trim once all of it is.
func TestWhatIsTooOldIsHiddenAtOnceAndDeletedSoon(t *testing.T) {
	dir, c := t.TempDir(), &clock{t: start}
	l := openLog(t, Config{Dir: dir, Now: c.now, Settings: models.LogSettings{Days: 2, Refusals: 1, Admissions: 1}})
	defer l.Close()
	const day = 24 * time.Hour
	for i := range 4 * 24 { // an entry an hour, for four days
		c.set(start.Add(time.Duration(i) * time.Hour))
		e := entry(l, 0)
		e.Receipt.At = c.now()
		ok(t, l.Keep(&e))
		l.Flush()
		l.Trim(c.now())
	}
	if got := len(all(t, l, models.LogQuestion{})); got != 49 {
		t.Errorf("%d entries of two days are shown", got)
	}
	first := l.view().segments[0]
	if len(first.blocks) == 0 || time.Unix(0, first.blocks[0].first).Before(c.now().Add(-2*day-day/4-2*time.Hour)) {
		t.Errorf("the oldest segment begins at %v", time.Unix(0, first.blocks[0].first).UTC())
	}
	c.set(c.now().Add(3 * day))
	if got := len(all(t, l, models.LogQuestion{})); got != 0 {
		t.Errorf("%d entries are shown though all are too old", got)
	}
	c.set(c.now().Add(2 * openFor))
	l.Trim(c.now())
	l.Trim(c.now())
	if size := onDisk(t, dir); size > 1000 {
		t.Errorf("%d bytes are left of nothing", size)
	}
	l.Configure(models.LogSettings{Days: 30})
	if got := len(all(t, l, models.LogQuestion{})); got != 0 {
		t.Errorf("%d entries came back", got)
	}
}

// Many write while others read and the log forgets: everything that is read is whole, and newest first within what one writer wrote.
func TestReadersSeeWholeEntriesWhileManyWrite(t *testing.T) {
	l := openLog(t, Config{Size: MinSize})
	defer l.Close()
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for i := range 3000 {
				e := random(l, r, i)
				e.ID[15] = byte(w)
				e.Verb = fmt.Sprintf("V%d", w)
				l.Write(&e)
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		page, err := l.Entries(t.Context(), models.LogQuestion{APIs: []models.APIID{apis}, Verb: "V1", Limit: 200})
		ok(t, err)
		for _, e := range page.Entries {
			if e.Verb != "V1" || e.Method != "GET /users/{id}" || len(e.RequestHeaders) != 2 || len(e.ID) != 32 {
				t.Fatalf("not whole: %+v", e)
			}
		}
		if page.Damaged > 0 {
			t.Fatal("damage is told")
		}
	}
	l.Flush()
	kept, dropped := l.Counts()
	if kept+dropped != 12_000 {
		t.Errorf("%d kept and %d dropped", kept, dropped)
	}
}

// A page costs a bounded amount: it says how far back it looked, and goes on from there to the very end.
func TestAPageReadsABoundedPartAndGoesOn(t *testing.T) {
	l := openLog(t, Config{})
	defer l.Close()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 60_000 {
		e := random(l, r, i)
		if i == 3 {
			e.Path = "/needle"
		}
		ok(t, l.Keep(&e))
	}
	q, pages, last := models.LogQuestion{APIs: []models.APIID{apis}, Path: "needle"}, 0, time.Time{}
	for {
		page, err := l.Entries(t.Context(), q)
		ok(t, err)
		pages++
		if len(page.Entries) == 1 {
			break
		}
		if page.Searched.IsZero() || page.Next == "" || !last.IsZero() && !page.Searched.Before(last) {
			t.Fatalf("page %d: searched to %v, next %q", pages, page.Searched, page.Next)
		}
		q.Before, last = page.Next, page.Searched
	}
	if pages < 2 || pages > 10 {
		t.Errorf("%d pages", pages)
	}
}
