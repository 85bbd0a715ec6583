package requestlog

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"gatehouse/enforcement/requestid"
	"gatehouse/models"
	"gatehouse/models/limit"
)

var start = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// clock is the time that a log sees.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = t
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openLog(t testing.TB, c Config) *Log {
	t.Helper()
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = func() time.Time { return start.Add(time.Minute) }
	}
	l, err := Open(c)
	ok(t, err)
	return l
}

// id is one that a log finds.
func id(l *Log, at time.Time, number uint64) (raw [16]byte) {
	l.Names().Write(requestid.ID{Part: requestid.None, Second: uint32(at.Unix()), Number: number}, &raw)
	return raw
}

const (
	app  = models.AppID(200_000_000_000_000)
	apis = models.APIID(400_000_000_000_000)
)

// entry is the i-th of many.
func entry(l *Log, i int) Entry {
	at := start.Add(time.Duration(i) * time.Millisecond)
	e := Entry{
		ID: id(l, at, uint64(i)), Verb: "GET", Prefix: "/echo/prod", Path: fmt.Sprintf("/users/%d", i), Query: "city=Berlin&units=metric", Peer: "192.0.2.7:4711",
		Total: 20 * time.Millisecond, Gateway: time.Millisecond,
		Request:   AppendHeaders(nil, http.Header{"Accept": {"*/*"}, "User-Agent": {"curl/8"}, "X-Api-Key": {"gwk1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa123456"}}),
		Response:  AppendHeaders(nil, http.Header{"Content-Type": {"application/json"}, "X-Secret": {"hidden"}}),
		KeyHeader: "x-api-key", Secret: "gwk1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa123456",
	}
	e.Receipt = models.Receipt{
		At: at, KeyID: models.KeyID(300_000_000_000_000 + i%7), AppID: app + models.AppID(i%7), PlanID: 500_000_000_000_000, PlanVersion: 3, APIID: apis,
		StageID: 600_000_000_000_000, MethodID: 700_000_000_000_000, Method: "GET /users/{id}", Outcome: models.OutcomeSuccess, Status: 200, Latency: 15 * time.Millisecond,
		BytesIn: 5, BytesOut: 1234,
	}
	e.Receipt.Limits = models.ReceiptLimits{{Limited: true, Rate: 0.5, Limit: 10, Remaining: 3, Reset: 14 * time.Second}, {}, {}, {}, {Limited: true, Limit: 1000, Remaining: 1, Reset: time.Hour, Period: limit.PeriodDay}}
	return e
}

// all reads every entry that the owner of the API sees, page by page.
func all(t testing.TB, l *Log, q models.LogQuestion) (out []models.LogEntry) {
	t.Helper()
	if q.Apps == nil && q.APIs == nil {
		q.APIs = []models.APIID{apis}
	}
	for {
		page, err := l.Entries(t.Context(), q)
		ok(t, err)
		out = append(out, page.Entries...)
		if page.Next == "" {
			return out
		}
		q.Before = page.Next
	}
}

func paths(entries []models.LogEntry) (out []string) {
	for _, e := range entries {
		out = append(out, strings.TrimPrefix(e.Path, "/echo/prod/users/"))
	}
	return out
}

func TestEntryIsReadAsItWasWrittenFromMemoryBlockAndDisk(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, Config{Dir: dir})
	e := entry(l, 3)
	l.Write(&e)
	l.Flush()
	want := models.LogEntry{
		Receipt: e.Receipt, Verb: "GET", Path: "/echo/prod/users/3", Query: "city=…&units=…", Address: "192.0.2.7", Agent: "curl/8",
		Total: 20 * time.Millisecond, Gateway: time.Millisecond,
		RequestHeaders:  []models.LogHeader{{Name: "Accept", Value: "*/*"}, {Name: "X-Api-Key", Hidden: true}},
		ResponseHeaders: []models.LogHeader{{Name: "Content-Type", Value: "application/json"}, {Name: "X-Secret", Hidden: true}},
	}
	want.ID = hex.EncodeToString(e.ID[:])
	check := func(where string) {
		t.Helper()
		if diff := cmp.Diff([]models.LogEntry{want}, all(t, l, models.LogQuestion{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", where, diff)
		}
		got, err := l.Entry(t.Context(), want.ID)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s by its id: %v (-want +got):\n%s", where, err, diff)
		}
	}
	check("in memory")
	ok(t, l.Close())
	l = openLog(t, Config{Dir: dir})
	check("from the tail")
	l.writing.Lock()
	ok(t, l.pack())
	l.writing.Unlock()
	check("from a block")
	ok(t, l.Close())
	l = openLog(t, Config{Dir: dir})
	check("from a block after a restart")
	ok(t, l.Close())
}

func TestPagesStayWhereTheyAreWhileEntriesArriveAndArePacked(t *testing.T) {
	l := openLog(t, Config{})
	defer l.Close()
	add := func(from, to int) {
		for i := from; i < to; i++ {
			e := entry(l, i)
			ok(t, l.Keep(&e))
		}
	}
	add(0, 2500)
	var got []string
	q := models.LogQuestion{APIs: []models.APIID{apis}, Limit: 100}
	for n := 2500; ; n += 300 {
		page, err := l.Entries(t.Context(), q)
		ok(t, err)
		got = append(got, paths(page.Entries)...)
		if q.Before = page.Next; q.Before == "" {
			break
		}
		add(n, n+300) // many of them fill a block
	}
	if len(got) != 2500 {
		t.Fatalf("%d entries, want 2500", len(got))
	}
	for i, path := range got {
		if path != fmt.Sprint(2499-i) {
			t.Fatalf("entry %d is %s", i, path)
		}
	}
}

func TestOnlyWhatCameSinceIsReadAfterAPlace(t *testing.T) {
	l := openLog(t, Config{})
	defer l.Close()
	for i := range 1500 {
		e := entry(l, i)
		ok(t, l.Keep(&e))
	}
	q := models.LogQuestion{APIs: []models.APIID{apis}, Limit: 10}
	page, err := l.Entries(t.Context(), q)
	ok(t, err)
	for i := 1500; i < 1505; i++ {
		e := entry(l, i)
		ok(t, l.Keep(&e))
	}
	q.After = page.Newest
	page, err = l.Entries(t.Context(), q)
	ok(t, err)
	if diff := cmp.Diff([]string{"1504", "1503", "1502", "1501", "1500"}, paths(page.Entries)); diff != "" || page.Next != "" {
		t.Errorf("next %q (-want +got):\n%s", page.Next, diff)
	}
}

func TestQuestionsFindExactlyWhatTheyAskFor(t *testing.T) {
	l := openLog(t, Config{})
	defer l.Close()
	for i := range 3000 {
		e := entry(l, i)
		switch {
		case i%100 == 1:
			e.Receipt.Outcome, e.Receipt.Status = models.OutcomeThrottled, 429
		case i == 77:
			e.Receipt.Outcome, e.Receipt.Status, e.Verb = models.OutcomeUpstream, 502, "POST"
		case i%3 == 0:
			e.Receipt.PlanID++
		}
		if i%2 == 1 {
			e.Receipt.APIID++
		}
		ok(t, l.Keep(&e))
	}
	tests := []struct {
		name string
		q    models.LogQuestion
		want int
	}{
		{"all of an API", models.LogQuestion{}, 1500},
		{"two APIs", models.LogQuestion{APIs: []models.APIID{apis, apis + 1}}, 3000},
		{"no app", models.LogQuestion{Apps: []models.AppID{}}, 0},
		{"an app", models.LogQuestion{Apps: []models.AppID{app + 1}}, 429},
		{"a key of another's app", models.LogQuestion{Apps: []models.AppID{app + 1}, Keys: []models.KeyID{300_000_000_000_000}}, 0},
		{"a key", models.LogQuestion{Apps: []models.AppID{app + 1}, Keys: []models.KeyID{300_000_000_000_001}}, 429},
		{"two keys", models.LogQuestion{APIs: []models.APIID{apis, apis + 1}, Keys: []models.KeyID{300_000_000_000_002, 300_000_000_000_001}}, 858},
		{"no key", models.LogQuestion{Keys: []models.KeyID{}}, 0},
		{"what an app calls of an API", models.LogQuestion{Callers: []models.AppID{app + 1}}, 214},
		{"a stage", models.LogQuestion{Stage: 600_000_000_000_000}, 1500},
		{"another operation", models.LogQuestion{Method: 700_000_000_000_001}, 0},
		{"no caller", models.LogQuestion{Callers: []models.AppID{}}, 0},
		{"an API", models.LogQuestion{APIs: []models.APIID{apis, apis + 1}, API: apis + 1}, 1500},
		{"a plan", models.LogQuestion{APIs: []models.APIID{apis, apis + 1}, Plan: 500_000_000_000_001}, 990},
		{"an outcome", models.LogQuestion{APIs: []models.APIID{apis, apis + 1}, Outcomes: []models.Outcome{models.OutcomeThrottled}}, 30},
		{"a status", models.LogQuestion{APIs: []models.APIID{apis + 1}, StatusFrom: 502, StatusTo: 502}, 1},
		{"a class", models.LogQuestion{APIs: []models.APIID{apis + 1}, StatusFrom: 400, StatusTo: 499}, 30},
		{"a verb", models.LogQuestion{APIs: []models.APIID{apis + 1}, Verb: "POST"}, 1},
		{"a part of a path", models.LogQuestion{Path: "USERS/299"}, 5},
		{"a time", models.LogQuestion{From: start.Add(time.Second), To: start.Add(2 * time.Second)}, 500},
		{"another API", models.LogQuestion{APIs: []models.APIID{apis + 7}}, 0},
	}
	for _, tt := range tests {
		if tt.q.Apps == nil && tt.q.APIs == nil {
			tt.q.APIs = []models.APIID{apis}
		}
		if got := len(all(t, l, tt.q)); got != tt.want {
			t.Errorf("%s: %d entries, want %d", tt.name, got, tt.want)
		}
	}
	for _, before := range []string{"x", "1.2", "1.2.-3", "1.2.3.4", "9999999999999999999999.1.1"} {
		if _, err := l.Entries(t.Context(), models.LogQuestion{APIs: []models.APIID{apis}, Before: before}); models.KindOf(err) != models.KindInvalid {
			t.Errorf("before %q: %v", before, err)
		}
	}
}

func files(t testing.TB, dir string) (all []byte) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	ok(t, err)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		ok(t, err)
		all = append(all, b...)
	}
	return all
}

// What a request presented, and whatever looks like a key of ours, is nowhere in the files, however it came.
func TestKeysAreRedactedWhereverTheyStand(t *testing.T) {
	const generated, imported, other = "gwk1zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz999999", "imported+key/of-somebody==1", "gwk1yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy888888"
	for _, key := range []string{generated, imported} {
		dir := t.TempDir()
		l := openLog(t, Config{Dir: dir})
		long := strings.Repeat("x", maxPath/2-10) + key // would be cut in the middle of it
		for i, change := range []func(e *Entry){
			func(e *Entry) {
				e.Request = AppendHeaders(nil, http.Header{"X-Api-Key": {key}, "Cookie": {"k=" + key}})
			},
			func(e *Entry) {
				e.Request, e.KeyHeader = AppendHeaders(nil, http.Header{"Authorization": {"Bearer " + key}}), "Authorization"
			},
			func(e *Entry) {
				e.Request, e.KeyHeader = AppendHeaders(nil, http.Header{"Accept": {key, key}}), "accept"
			},
			func(e *Entry) {
				e.Request, e.KeyHeader = AppendHeaders(nil, http.Header{"User-Agent": {key}}), "User-Agent"
			},
			func(e *Entry) { e.Query = "a=" + key + "&" + key + "=1&" + key + "&api_key=" + key },
			func(e *Entry) { e.Path, e.Prefix = "/users/"+key+"/"+other, "/"+key+"/prod" },
			func(e *Entry) { e.Path = "/" + long },
			func(e *Entry) {
				e.Request = AppendHeaders(nil, http.Header{"User-Agent": {"app " + key + " " + other}, "Referer": {"https://x/y?k=" + key}, "Origin": {"https://u:" + key + "@x"}, "Accept": {long}, key: {"1"}})
			},
			func(e *Entry) {
				e.Response = AppendHeaders(nil, http.Header{"Location": {"/x?k=" + key}, "Etag": {key}, "X-Any": {key}, "Set-Cookie": {key}})
			},
		} {
			e := entry(l, i)
			e.Secret = key
			change(&e)
			l.Write(&e)
		}
		l.Flush()
		entries := all(t, l, models.LogQuestion{})
		ok(t, l.Close())
		if len(entries) != 9 {
			t.Fatalf("%d entries", len(entries))
		}
		for what, text := range map[string]string{"the files": string(files(t, dir)), "what is read": fmt.Sprintf("%+v", entries)} {
			for _, value := range []string{key, other, key[:len(key)-8]} {
				if strings.Contains(text, value) {
					t.Errorf("%s: %q is in %s", key, value, what)
				}
			}
		}
		if !strings.Contains(string(files(t, dir)), "/users/[key]/[key]") {
			t.Error("the path is not kept without the keys")
		}
	}
}

func TestWritingDoesNotAllocate(t *testing.T) {
	l := openLog(t, Config{})
	defer l.Close()
	e := entry(l, 1)
	e.Path = "/users/" + e.Secret
	n := testing.AllocsPerRun(100, func() {
		if l.Refusal(7, 1) {
			l.Write(&e)
		}
		l.Write(&e)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// When the writer does not keep up, entries are dropped and counted; what was taken is kept.
func TestEntriesAreDroppedAndCountedWhenTheWriterDoesNotKeepUp(t *testing.T) {
	l := openLog(t, Config{})
	defer l.Close()
	l.writing.Lock() // it is at a slow disk
	const n = 40_000
	for i := range n {
		e := entry(l, i)
		e.ID[15] = byte(i)
		l.Write(&e)
	}
	l.writing.Unlock()
	l.Flush()
	kept, dropped := l.Counts()
	if kept+dropped != n || dropped == 0 {
		t.Errorf("%d kept and %d dropped of %d", kept, dropped, n)
	}
	if got := len(all(t, l, models.LogQuestion{})); int64(got) != kept {
		t.Errorf("%d entries are there, %d were taken", got, kept)
	}
}

func TestNoKeyGetsMoreThanItsShare(t *testing.T) {
	l := openLog(t, Config{})
	defer l.Close()
	refusals, admissions := 0, 0
	for i := range 3000 { // a thousand a second, for three seconds
		now := int64(time.Hour) + int64(i)*int64(time.Millisecond)
		if l.Refusal(7, now) {
			refusals++
		}
		if l.Admission(7, now) {
			admissions++
		}
	}
	if refusals < 390 || refusals > 400 || admissions < 39 || admissions > 40 {
		t.Errorf("%d refusals and %d admissions in 3 s", refusals, admissions)
	}
	if !l.Refusal(8, int64(time.Hour+3*time.Second)) {
		t.Error("another key has no share of its own")
	}
	most := 0
	for i := range uint64(30 * mostEntries) { // as many keys, in three seconds
		if l.Admission(100+i, int64(2*time.Hour)+int64(i)*int64(3*time.Second)/(30*mostEntries)) {
			most++
		}
	}
	if most < 4*mostEntries-100 || most > 4*mostEntries {
		t.Errorf("all keys together left %d entries in 3 s", most)
	}
	l.Configure(models.LogSettings{Days: 7})
	if l.Refusal(9, int64(time.Hour)) || l.Admission(9, int64(time.Hour)) {
		t.Error("none shall be kept")
	}
}

func TestAStopInOrderLosesNothing(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, Config{Dir: dir})
	for i := range 1500 {
		e := entry(l, i)
		l.Write(&e)
	}
	ok(t, l.Close())
	e := entry(l, 1)
	l.Write(&e) // a late one is dropped
	l = openLog(t, Config{Dir: dir})
	defer l.Close()
	if got := len(all(t, l, models.LogQuestion{})); got != 1500 {
		t.Errorf("%d entries", got)
	}
}

func TestTornEndIsCutAndDamageIsSkippedAndTold(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		want  int // entries of 3000
		told  bool
	}{
		{"nothing", func(*testing.T, string) {}, 3000, false},
		{"the tail is torn", func(t *testing.T, dir string) { shorten(t, filepath.Join(dir, tailName), 10) }, 2048, false},
		{"the tail is gone", func(t *testing.T, dir string) { ok(t, os.Remove(filepath.Join(dir, tailName))) }, 2048, false},
		{"the tail's head is damaged", func(t *testing.T, dir string) { flip(t, filepath.Join(dir, tailName), 9) }, 2048, false},
		{"the last block is torn", func(t *testing.T, dir string) { shorten(t, segmentOf(dir), 10) }, 1024, false},
		{"the last block's body is damaged", func(t *testing.T, dir string) { flip(t, segmentOf(dir), -100) }, 1976, true},
		{"the first block's body is damaged", func(t *testing.T, dir string) { flip(t, segmentOf(dir), 5000) }, 1976, true},
		{"the first block's summary is damaged", func(t *testing.T, dir string) { flip(t, segmentOf(dir), 20) }, 0, true},
		{"the segment's beginning is damaged", func(t *testing.T, dir string) { flip(t, segmentOf(dir), 2) }, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			l := openLog(t, Config{Dir: dir})
			for i := range 3000 {
				e := entry(l, i)
				ok(t, l.Keep(&e))
			}
			ok(t, l.Close())
			tt.spoil(t, dir)
			l = openLog(t, Config{Dir: dir})
			page, err := l.Entries(t.Context(), models.LogQuestion{APIs: []models.APIID{apis}, Path: "/nowhere"})
			ok(t, err)
			got := len(all(t, l, models.LogQuestion{}))
			part := tt.name == "the tail is torn" && got > tt.want && got < 3000 // it was written in several parts, of which the last is torn
			if got != tt.want && !part || (page.Damaged > 0) != tt.told {
				t.Errorf("%d entries, want %d; %d damaged", got, tt.want, page.Damaged)
			}
			e := entry(l, 5000) // it goes on
			ok(t, l.Keep(&e))
			ok(t, l.Close())
			l = openLog(t, Config{Dir: dir})
			defer l.Close()
			if got := all(t, l, models.LogQuestion{Path: "/users/5000"}); len(got) != 1 {
				t.Errorf("what came after it: %d entries", len(got))
			}
		})
	}
}

func segmentOf(dir string) string { return filepath.Join(dir, "0000000001.segment") }

func shorten(t *testing.T, path string, by int64) {
	t.Helper()
	info, err := os.Stat(path)
	ok(t, err)
	ok(t, os.Truncate(path, info.Size()-by))
}

// flip damages a byte; at counts from the end if it is negative.
func flip(t *testing.T, path string, at int) {
	t.Helper()
	b, err := os.ReadFile(path)
	ok(t, err)
	if at < 0 {
		at += len(b)
	}
	b[at] ^= 0x55
	ok(t, os.WriteFile(path, b, 0o600))
}

// Whatever a caller and an upstream send, an entry is read back as it was cleaned, from memory and from a block alike.
func TestAnyEntrySurvivesMemoryAndBlock(t *testing.T) {
	l := openLog(t, Config{})
	defer l.Close()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringN(0, 3000, 6000), rapid.Just("gwk1"), rapid.StringMatching(`gwk1[a-zA-Z0-9]{30,50}`))
		header := rapid.MapOfN(text, rapid.SliceOfN(text, 0, 3), 0, 50)
		e := entry(l, n)
		e.Verb, e.Path, e.Query, e.Peer, e.Secret = text.Draw(t, "verb"), text.Draw(t, "path"), text.Draw(t, "query"), text.Draw(t, "peer"), text.Draw(t, "secret")
		e.Request, e.Response = AppendHeaders(nil, header.Draw(t, "request")), AppendHeaders(nil, header.Draw(t, "response"))
		e.Total, e.Receipt.Status = time.Duration(rapid.Int64().Draw(t, "total")), rapid.IntRange(0, 999).Draw(t, "status")
		e.Total %= 1 << 50
		e.ID = id(l, e.Receipt.At, uint64(n))
		n++
		if err := l.Keep(&e); err != nil {
			t.Fatal(err)
		}
		one := func() models.LogEntry {
			got, err := l.Entry(context.Background(), hex.EncodeToString(e.ID[:]))
			if err != nil {
				t.Fatalf("by its id: %v", err)
			}
			return got
		}
		open := one()
		l.writing.Lock()
		err := l.pack()
		l.writing.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(open, one(), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-memory +block):\n%s", diff)
		}
		if open.Receipt.Limits != e.Receipt.Limits || open.KeyID != e.Receipt.KeyID || open.Status != e.Receipt.Status || !open.At.Equal(e.Receipt.At) {
			t.Fatalf("got %+v", open)
		}
	})
}
