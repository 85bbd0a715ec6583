package cache

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Names and values cannot be shifted against each other: every part of a key has its length (SECURITY.md, GW-30 and GW-50).
func TestNoTwoRequestsShareAKey(t *testing.T) {
	c := New(MinSize)
	defer c.Close()
	one, two := c.Space(1, [32]byte{1}), c.Space(2, [32]byte{2})
	head := http.Header{"A": {"x", "y"}, "B": {""}}
	about := []About{
		{}, {Method: 1}, {APIKey: 1}, {App: 1}, {Canary: true}, {TLS: true}, {Host: "a"}, {Prefix: "a"}, {Path: "a"}, {Query: "a"}, {Identity: "a"},
		{Host: "a", Prefix: "b"}, {Host: "ab"}, {Prefix: "ab"}, {Path: "/a", Query: "b"}, {Path: "/", Query: "ab"}, {Path: "/a?b"},
		{Vary: []string{"A"}, Header: head}, {Vary: []string{"A"}, Header: http.Header{"A": {"xy"}}}, {Vary: []string{"A"}, Header: http.Header{"A": {"x,y"}}},
		{Vary: []string{"B"}, Header: head}, {Vary: []string{"C"}, Header: head}, {Vary: []string{"A", "B"}, Header: head},
	}
	seen := map[Key]string{}
	for i, a := range about {
		for name, s := range map[string]*Space{"one": one, "two": two} {
			key, what := s.Key(&a), fmt.Sprintf("%d in %s", i, name)
			if other, ok := seen[key]; ok {
				t.Errorf("%s and %s share a key", what, other)
			}
			seen[key] = what
		}
	}
}

func keep(c *Cache, s *Space, key Key, body string, life time.Duration) bool {
	return c.Keep(key, http.Header{}, &Answer{Status: 200, Header: http.Header{}, Body: []byte(body), space: s, life: life})
}

var fresh = Ask{Store: true, Look: true, MaxAge: -1}

func TestTheCacheStaysWithinItsSize(t *testing.T) {
	c := New(MinSize)
	defer c.Close()
	s := c.Space(1, [32]byte{1})
	body := string(make([]byte, 8<<10))
	for i := range 2000 {
		keep(c, s, s.Key(&About{Method: uint64(i)}), body, time.Hour)
	}
	c.kept.CleanUp()
	if size := c.kept.WeightedSize(); size > MinSize || size < MinSize/2 {
		t.Errorf("%d bytes are kept of %d", size, MinSize)
	}
	stats := s.Stats()
	if n := int64(c.kept.EstimatedSize()); stats.Entries != n || stats.Bytes != int64(c.kept.WeightedSize()) {
		t.Errorf("the stage has %d answers with %d bytes, the cache %d with %d", stats.Entries, stats.Bytes, n, c.kept.WeightedSize())
	}
}

func TestAnotherGenerationFindsNothingAndFreesTheMemory(t *testing.T) {
	c := New(MinSize)
	defer c.Close()
	before := c.Space(1, [32]byte{1})
	key := before.Key(&About{})
	keep(c, before, key, "x", time.Hour)
	if same := c.Space(1, [32]byte{1}); same != before {
		t.Error("the same generation is another space")
	}
	after := c.Space(1, [32]byte{2})
	if _, miss := c.Find(after.Key(&About{}), nil, fresh, 0); miss != URIMiss {
		t.Errorf("the new generation finds what the old one kept: %v", miss)
	}
	for range 30_000 {
		if before.Stats().Entries == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if n := before.Stats().Entries; n != 0 {
		t.Errorf("%d answers of the old one are kept", n)
	}
	if keep(c, before, key, "late", time.Hour) {
		t.Error("an answer that comes late is kept for the old one")
	}
}

func TestVaryKeepsAnswersApart(t *testing.T) {
	c := New(MinSize)
	defer c.Close()
	s := c.Space(1, [32]byte{1})
	key := s.Key(&About{})
	for _, language := range []string{"de", "en"} {
		c.Keep(key, http.Header{"Accept-Language": {language}}, &Answer{
			Status: 200, Header: http.Header{"Vary": {"accept-language, Accept"}}, Body: []byte(language), space: s, life: time.Hour,
		})
	}
	for language, want := range map[string]Miss{"de": NoMiss, "en": NoMiss, "fr": VaryMiss} {
		a, miss := c.Find(key, http.Header{"Accept-Language": {language}}, fresh, 0)
		if miss != want || a != nil && string(a.Body) != language {
			t.Errorf("%s: %v, %v", language, a, miss)
		}
	}
}

func TestOnlyFreshAnswersAreFound(t *testing.T) {
	c := New(MinSize)
	defer c.Close()
	s := c.Space(1, [32]byte{1})
	key := s.Key(&About{})
	c.Keep(key, nil, &Answer{Status: 200, Header: http.Header{}, space: s, at: int64(time.Second), age: 3 * time.Second, life: 10 * time.Second})
	for second, want := range map[int64]Miss{1: NoMiss, 10: NoMiss, 11: Stale} {
		if _, miss := c.Find(key, nil, fresh, second*int64(time.Second)); miss != want {
			t.Errorf("at second %d: %v, want %v", second, miss, want)
		}
	}
	if _, miss := c.Find(key, nil, Ask{Look: true, MaxAge: 4 * time.Second}, 2*int64(time.Second)); miss != NoMiss {
		t.Errorf("four seconds old, for who takes that: %v", miss)
	}
	if _, miss := c.Find(key, nil, Ask{Look: true, MaxAge: 4 * time.Second}, 3*int64(time.Second)); miss != Stale {
		t.Errorf("five seconds old, for who wants four: %v", miss)
	}
}

// An upstream that hangs for one holds the others up for a bounded time.
func TestWaitingForAnotherRequestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Cache{}
		key := Key{1}
		leader, leads := c.Lead(key)
		if !leads {
			t.Fatal("the first one does not lead")
		}
		follower, leads := c.Lead(key)
		if leads || follower != leader {
			t.Fatal("the second one leads, too")
		}
		start := time.Now()
		follower.Wait(context.Background())
		if waited := time.Since(start); waited != Patience {
			t.Errorf("waited %v, want %v", waited, Patience)
		}
		go func() {
			time.Sleep(time.Second)
			leader.Land()
		}()
		start = time.Now()
		follower.Wait(context.Background())
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("waited %v for a flight of a second", waited)
		}
		if _, leads := c.Lead(key); !leads {
			t.Error("after the landing nobody can lead")
		}
	})
}

// Answers on their way cannot take more memory than what is kept.
func TestAnswersOnTheirWayAreBounded(t *testing.T) {
	c := New(MinSize)
	defer c.Close()
	s := c.Space(1, [32]byte{1})
	var fills []*Fill
	for i := range 40 {
		f := c.Fill(httptest.NewRecorder(), Filling{Space: s, Key: s.Key(&About{Method: uint64(i)}), Rules: Rules{TTL: time.Hour, MaxBody: 1 << 20}, Ask: fresh})
		f.Came(http.Header{})
		f.WriteHeader(200)
		for range 64 {
			f.Write(make([]byte, 1<<10))
		}
		fills = append(fills, f)
	}
	if n := c.filling.Load(); n > MinSize {
		t.Errorf("%d bytes are on their way, of %d", n, MinSize)
	}
	for _, f := range fills {
		f.End(true)
	}
	if n := c.filling.Load(); n != 0 {
		t.Errorf("%d bytes are on their way when all have come", n)
	}
	if n := s.Stats().Entries; n == 0 || n == 40 {
		t.Errorf("%d of 40 answers are kept", n)
	}
}

func TestOnlyWholeAnswersAreKept(t *testing.T) {
	c := New(MinSize)
	defer c.Close()
	s := c.Space(1, [32]byte{1})
	tests := map[string]struct {
		header http.Header
		do     func(f *Fill)
		whole  bool
		kept   bool
	}{
		"whole":           {http.Header{"Content-Length": {"2"}}, func(f *Fill) { f.Write([]byte("ab")) }, true, true},
		"of no length":    {http.Header{}, func(f *Fill) { f.Write([]byte("a")); f.Write([]byte("b")) }, true, true},
		"broken off":      {http.Header{}, func(f *Fill) { f.Write([]byte("a")) }, false, false},
		"too short":       {http.Header{"Content-Length": {"3"}}, func(f *Fill) { f.Write([]byte("ab")) }, true, false},
		"too large":       {http.Header{}, func(f *Fill) { f.Write(make([]byte, 101)) }, true, false},
		"said to be":      {http.Header{"Content-Length": {"101"}}, func(f *Fill) { f.Write(make([]byte, 101)) }, true, false},
		"with a trailer":  {http.Header{}, func(f *Fill) { f.Write([]byte("ab")); f.Header().Set(http.TrailerPrefix+"X", "1") }, true, false},
		"a gateway's own": {nil, func(f *Fill) { f.Write([]byte("ab")) }, true, false},
	}
	for name, tt := range tests {
		key := s.Key(&About{Path: name})
		f := c.Fill(httptest.NewRecorder(), Filling{Space: s, Key: key, Rules: Rules{TTL: time.Hour, MaxBody: 100}, Ask: fresh})
		if tt.header != nil {
			f.Came(tt.header)
		}
		tt.do(f)
		f.End(tt.whole)
		if a, miss := c.Find(key, nil, fresh, 0); (miss == NoMiss) != tt.kept || a != nil && string(a.Body) != "ab" {
			t.Errorf("%s: %v, %v", name, a, miss)
		}
	}
}

func TestManyReadersAndWritersAgree(t *testing.T) {
	c := New(MinSize)
	defer c.Close()
	s := c.Space(1, [32]byte{1})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range 2000 {
				path := fmt.Sprint(i % 50)
				key := s.Key(&About{Path: path})
				if a, _ := c.Find(key, nil, fresh, 0); a != nil && string(a.Body) != path {
					t.Errorf("%s is answered %s", path, a.Body)
				}
				keep(c, s, key, path, time.Hour)
			}
		})
	}
	group.Wait()
	if n := s.Stats().Entries; n != 50 {
		t.Errorf("%d answers are counted, want 50", n)
	}
}
