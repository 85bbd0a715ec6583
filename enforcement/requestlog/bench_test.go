package requestlog

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"gatehouse/models"
)

// fill keeps n entries of 100,000 keys of 100 APIs over six days, as a large installation would have them.
func fill(b *testing.B, l *Log, n int) {
	b.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	first := start.Add(-6 * 24 * time.Hour)
	for i := range n {
		e := entry(l, 0)
		key := r.IntN(100_000)
		e.Receipt.At = first.Add(time.Duration(i) * 6 * 24 * time.Hour / time.Duration(n))
		e.ID = id(l, e.Receipt.At, uint64(i))
		e.Path = fmt.Sprintf("/users/%d", r.IntN(10_000))
		e.Receipt.KeyID, e.Receipt.AppID, e.Receipt.APIID = models.KeyID(300_000_000_000_000+key), app+models.AppID(key/3), apis+models.APIID(key%100)
		if i%50_000 == 7 {
			e.Receipt.Status, e.Receipt.Outcome = 502, models.OutcomeUpstream
		}
		ok(b, l.Keep(&e))
	}
}

// BenchmarkPageOf5MEntries times pages of a large log: GATEHOUSE_LOG_ENTRIES sets another number.
func BenchmarkPageOf5MEntries(b *testing.B) {
	n := 5_000_000
	if text := os.Getenv("GATEHOUSE_LOG_ENTRIES"); text != "" {
		_, err := fmt.Sscan(text, &n)
		ok(b, err)
	}
	dir := b.TempDir()
	l := openLog(b, Config{Dir: dir, Now: func() time.Time { return start }})
	begin := time.Now()
	fill(b, l, n)
	l.Flush()
	b.Logf("%d entries in %s: %d bytes each", n, time.Since(begin), l.Size()/int64(n))
	ok(b, l.Close())
	begin = time.Now()
	l = openLog(b, Config{Dir: dir, Now: func() time.Time { return start }})
	defer l.Close()
	b.Logf("opened in %s", time.Since(begin))
	own := []models.APIID{apis + 42}
	page, err := l.Entries(b.Context(), models.LogQuestion{APIs: own})
	ok(b, err)
	for _, tt := range []struct {
		name string
		q    models.LogQuestion
	}{
		{"newest of an API", models.LogQuestion{APIs: own}},
		{"next page of an API", models.LogQuestion{APIs: own, Before: page.Next}},
		{"keys of an app", models.LogQuestion{Apps: []models.AppID{app + 4711}}},
		{"a rare status", models.LogQuestion{APIs: own, StatusFrom: 502, StatusTo: 502}},
		{"an outcome that is not there", models.LogQuestion{APIs: own, Outcomes: []models.Outcome{models.OutcomeQuota}}},
		{"a path that is not there", models.LogQuestion{APIs: own, Path: "/nowhere"}},
		{"an hour four days ago", models.LogQuestion{APIs: own, From: start.Add(-97 * time.Hour), To: start.Add(-96 * time.Hour)}},
	} {
		b.Run(tt.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := l.Entries(b.Context(), tt.q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("one by its id", func(b *testing.B) {
		for b.Loop() {
			if _, err := l.Entry(b.Context(), page.Entries[7].ID); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	l := openLog(b, Config{})
	defer l.Close()
	e := entry(l, 1)
	b.ReportAllocs()
	for b.Loop() {
		l.Write(&e)
	}
	kept, dropped := l.Counts()
	b.ReportMetric(float64(dropped)/float64(kept+dropped), "dropped")
}
