package receipt

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/models"
	"gatehouse/models/limit"
)

var start = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func open(t testing.TB, c Config) *Ring {
	t.Helper()
	if c.Path == "" {
		c.Path = filepath.Join(t.TempDir(), "receipts")
	}
	if c.Size == 0 {
		c.Size = MinSize
	}
	c.Now, c.Log = start, slog.New(slog.DiscardHandler)
	r, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// keep writes a refusal at the next position, whatever its key's share.
func keep(r *Ring, key models.KeyID) (id string) {
	p := Place{r.parts[refusals].next.Add(1) - 1, refusals + 1}
	in := sample(key)
	r.Write(p, &in)
	return name(r, p)
}

func name(r *Ring, p Place) string {
	var b [16]byte
	r.Name(p, start.Unix(), &b)
	return hex.EncodeToString(b[:])
}

func sample(key models.KeyID) models.Receipt {
	in := models.Receipt{
		At: start, KeyID: key, AppID: 2, PlanID: 3, PlanVersion: 4, APIID: 5, StageID: 6, MethodID: 7, Method: "GET /users/{id}",
		Outcome: models.OutcomeQuota, Problem: "quota-exceeded", Status: 429, Since: start.Add(-time.Hour), Layer: limit.LayerQuota, RetryAfter: time.Hour,
		Latency: 5 * time.Millisecond, BytesIn: 8, BytesOut: 9,
	}
	in.Limits = models.ReceiptLimits{
		{Limited: true, Rate: 0.5, Limit: 10, Remaining: 3, Reset: 14 * time.Second}, {}, {Limited: true, Rate: 1e4, Limit: 5000}, {},
		{Limited: true, Limit: 1000, Reset: time.Hour, Period: limit.PeriodDay},
	}
	return in
}

func TestReceiptIsReadAsItWasWritten(t *testing.T) {
	r := open(t, Config{})
	defer r.Close()
	want := sample(9)
	want.ID = keep(r, 9)
	got, err := r.Receipt(want.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnyReceiptSurvivesTheFile(t *testing.T) {
	r := open(t, Config{})
	defer r.Close()
	rapid.Check(t, func(t *rapid.T) {
		want := sample(models.KeyID(rapid.Int64().Draw(t, "key")))
		want.Method = rapid.StringN(0, 200, maxMethod).Draw(t, "method")
		want.Limits[1] = models.ReceiptLimit{Limited: rapid.Bool().Draw(t, "limited"), Rate: rapid.Float64().Draw(t, "rate"), Limit: rapid.Int64().Draw(t, "limit"),
			Remaining: rapid.Int64().Draw(t, "remaining"), Reset: time.Duration(rapid.Int64().Draw(t, "reset"))}
		p, _ := r.Admission(want.KeyID, rapid.Int64().Draw(t, "now"))
		if !p.IsSet() {
			return
		}
		r.Write(p, &want)
		want.ID = name(r, p)
		got, err := r.Receipt(want.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestLongNameIsCutBetweenCharacters(t *testing.T) {
	if got := cut(strings.Repeat("x", maxMethod-1) + "é"); got != strings.Repeat("x", maxMethod-1) {
		t.Errorf("got %q", got)
	}
}

func TestOverwrittenReceiptIsGoneAndNotAnothers(t *testing.T) {
	r := open(t, Config{})
	defer r.Close()
	slots := int(r.parts[refusals].slots)
	var ids []string
	for i := range 2*slots + 10 {
		ids = append(ids, keep(r, models.KeyID(i+1)))
	}
	for i, id := range ids {
		got, err := r.Receipt(id)
		switch {
		case i < len(ids)-slots:
			if models.KindOf(err) != models.KindGone {
				t.Fatalf("receipt %d of %d: %v, want gone", i, len(ids), err)
			}
		case err != nil || got.KeyID != models.KeyID(i+1):
			t.Fatalf("receipt %d: key %d, %v", i, got.KeyID, err)
		}
	}
}

func TestLateWriteDoesNotReplaceANewerReceipt(t *testing.T) {
	r := open(t, Config{})
	defer r.Close()
	late, _ := r.Refusal(1, 0)
	for range r.parts[refusals].slots {
		keep(r, 2)
	}
	in := sample(1)
	r.Write(late, &in)
	if _, err := r.Receipt(name(r, late)); models.KindOf(err) != models.KindGone {
		t.Errorf("got %v, want gone", err)
	}
	if got := r.Refusals(2, 5); len(got) != 5 {
		t.Errorf("the newer key has %d receipts left of 5", len(got))
	}
}

// Ids are 128 bits of which 64 must be right: nobody finds one by trying, and no change of one gives another.
func TestGuessedIDIsUnknown(t *testing.T) {
	r := open(t, Config{})
	defer r.Close()
	id := keep(r, 1)
	tries := []string{"", "x", id + "0", id[:31], strings.ToUpper(id), "../" + id, strings.Repeat("0", 32), strings.Repeat("g", 32), " " + id[1:]}
	for i := range id {
		for _, digit := range "0123456789abcdef" {
			if byte(digit) != id[i] {
				tries = append(tries, id[:i]+string(digit)+id[i+1:])
			}
		}
	}
	for i := range 100_000 {
		tries = append(tries, fmt.Sprintf("%032x", i*0x9e3779b9))
	}
	other := open(t, Config{})
	defer other.Close()
	tries = append(tries, keep(other, 1))
	for _, try := range tries {
		if _, err := r.Receipt(try); models.KindOf(err) != models.KindNotFound {
			t.Fatalf("%q: %v, want not found", try, err)
		}
	}
}

func TestFloodOfOneKeyLeavesTheOthersTheirReceipts(t *testing.T) {
	r := open(t, Config{})
	defer r.Close()
	first := keep(r, 1)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for i := range 100_000 / 8 {
				if p, ok := r.Refusal(2, int64(i)); ok {
					in := sample(2)
					r.Write(p, &in)
				}
			}
		})
	}
	group.Wait()
	if _, err := r.Receipt(first); err != nil {
		t.Errorf("after 10^5 refusals of another key: %v", err)
	}
	if got := r.Refusals(2, 1000); len(got) != refusalBurst {
		t.Errorf("%d receipts of one instant, want %d", len(got), refusalBurst)
	}
	if _, ok := r.Refusal(2, int64(time.Second)+1e6); !ok {
		t.Error("none a second later")
	}
	if _, ok := r.Refusal(2, int64(time.Second)+1e6); ok {
		t.Error("two a second later")
	}
}

func TestAdmissionsNeverPushOutRefusals(t *testing.T) {
	r := open(t, Config{})
	defer r.Close()
	refused := keep(r, 1)
	for i := range 10_000 {
		if p, ok := r.Admission(models.KeyID(i)<<20, 0); ok {
			in := sample(3)
			r.Write(p, &in)
		}
	}
	if _, err := r.Receipt(refused); err != nil {
		t.Error(err)
	}
}

func TestRefusalsOfAKeyAreListedNewestFirstAlsoAfterARestart(t *testing.T) {
	c := Config{Path: filepath.Join(t.TempDir(), "receipts")}
	r := open(t, c)
	var want []string
	for i := range 30 {
		id := keep(r, models.KeyID(1+i%3)) // keys so near to each other share a cell
		if i%3 == 0 {
			want = append([]string{id}, want...)
		}
	}
	check := func() {
		t.Helper()
		var got []string
		for _, one := range r.Refusals(1, 7) {
			got = append(got, one.ID)
		}
		if diff := cmp.Diff(want[:7], got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	check()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = open(t, c)
	defer r.Close()
	check()
	if got := r.Refusals(77, 7); got != nil {
		t.Errorf("a key without refusals has %d", len(got))
	}
}

func TestPositionIsNeverUsedTwice(t *testing.T) {
	c := Config{Path: filepath.Join(t.TempDir(), "receipts")}
	r := open(t, c)
	old, _ := r.Refusal(1, 0) // told to somebody, and then lost with the power
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	now := start.Add(time.Second)
	r, err := Open(Config{Path: c.Path, Size: MinSize, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	next, _ := r.Refusal(1, 0)
	if next.position <= old.position {
		t.Errorf("position %d after %d", next.position, old.position)
	}
	if _, err := r.Receipt(name(r, old)); models.KindOf(err) != models.KindGone {
		t.Errorf("the lost one: %v, want gone", err)
	}
}

// A restart goes on behind the newest record: what is overwritten first is the oldest.
func TestRestartOverwritesTheOldestFirst(t *testing.T) {
	c := Config{Path: filepath.Join(t.TempDir(), "receipts")}
	r := open(t, c)
	var ids []string
	for range r.parts[refusals].slots {
		ids = append(ids, keep(r, 1))
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = open(t, c)
	defer r.Close()
	for range 5 {
		keep(r, 2)
	}
	for i, id := range ids {
		if _, err := r.Receipt(id); (err != nil) != (i < 5) {
			t.Fatalf("receipt %d: %v", i, err)
		}
	}
}

func TestTornRecordIsGoneAndItsSlotUsedAgain(t *testing.T) {
	c := Config{Path: filepath.Join(t.TempDir(), "receipts")}
	r := open(t, c)
	var ids []string
	for range 4 {
		ids = append(ids, keep(r, 1))
	}
	at := r.parts[refusals].slot(r.parts[refusals].next.Load() - 2)
	at[100] ^= 1 // written up to here
	for i := 8; i < 16; i++ {
		r.parts[refusals].slot(r.parts[refusals].next.Load() - 3)[i] = 0xff
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = open(t, c)
	defer r.Close()
	for i, want := range []models.Kind{models.KindNone, models.KindGone, models.KindGone, models.KindNone} {
		if _, err := r.Receipt(ids[i]); models.KindOf(err) != want {
			t.Errorf("receipt %d: %v", i, err)
		}
	}
	for range r.parts[refusals].slots {
		id := keep(r, 1)
		if _, err := r.Receipt(id); err != nil {
			t.Fatalf("a new one in every slot: %v", err)
		}
	}
}

func TestRingBeginsAnewWhereItsFileCannotBeGoneOnWith(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(t *testing.T, path string)
		size  int64
	}{
		{"another size", func(*testing.T, string) {}, 2 * MinSize},
		{"cut short", func(t *testing.T, path string) { ok(t, os.Truncate(path, 100)) }, MinSize},
		{"empty", func(t *testing.T, path string) { ok(t, os.Truncate(path, 0)) }, MinSize},
		{"a damaged head", func(t *testing.T, path string) { flip(t, path, 20) }, MinSize},
		{"something else", func(t *testing.T, path string) { ok(t, os.WriteFile(path, bytes.Repeat([]byte("x"), MinSize), 0o600)) }, MinSize},
		{"deleted", func(t *testing.T, path string) { ok(t, os.Remove(path)) }, MinSize},
		{"unfinished", func(t *testing.T, path string) { ok(t, os.Rename(path, path+".new")) }, MinSize},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := Config{Path: filepath.Join(t.TempDir(), "receipts")}
			r := open(t, c)
			id := keep(r, 1)
			ok(t, r.Close())
			tt.spoil(t, c.Path)
			c.Size = tt.size
			r = open(t, c)
			defer r.Close()
			if _, err := r.Receipt(id); models.KindOf(err) != models.KindNotFound {
				t.Errorf("the old receipt: %v", err)
			}
			if _, err := r.Receipt(keep(r, 1)); err != nil {
				t.Errorf("a new one: %v", err)
			}
			info, err := os.Stat(c.Path)
			ok(t, err)
			if info.Size() != tt.size || info.Mode().Perm() != 0o600 {
				t.Errorf("the file has %d bytes, mode %v", info.Size(), info.Mode())
			}
		})
	}
}

func TestOpenFailsWhereTheFileCannotBeMade(t *testing.T) {
	if _, err := Open(Config{Path: filepath.Join(t.TempDir(), "no", "such", "folder")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func flip(t *testing.T, path string, at int) {
	t.Helper()
	b, err := os.ReadFile(path)
	ok(t, err)
	b[at] ^= 1
	ok(t, os.WriteFile(path, b, 0o600))
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Writers, readers and a ring that wraps all the while: whoever reads gets a whole receipt, or none.
func TestReadersSeeWholeReceiptsWhileTheRingWraps(t *testing.T) {
	r := open(t, Config{})
	defer r.Close()
	var group sync.WaitGroup
	for w := range 4 {
		group.Go(func() {
			for i := range 3000 {
				key := models.KeyID(w<<32 | i + 1)
				id := keep(r, key)
				got, err := r.Receipt(id)
				if err != nil && models.KindOf(err) != models.KindGone || err == nil && got.KeyID != key {
					t.Errorf("key %d: got %d, %v", key, got.KeyID, err)
					return
				}
				r.Refusals(key, 3)
			}
		})
	}
	group.Wait()
}

func TestWritingDoesNotAllocate(t *testing.T) {
	r := open(t, Config{})
	defer r.Close()
	in := sample(1)
	now := int64(0)
	var id [16]byte
	got := testing.AllocsPerRun(1000, func() {
		now += int64(time.Second)
		p, ok := r.Refusal(1, now)
		if !ok {
			t.Fatal("no receipt")
		}
		r.Name(p, start.Unix(), &id)
		r.Write(p, &in)
	})
	if got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

func BenchmarkReceipt(b *testing.B) {
	r := open(b, Config{Size: DefaultSize})
	defer r.Close()
	in := sample(1)
	b.Run("written", func(b *testing.B) {
		var id [16]byte
		for i := range b.N {
			p := Place{r.parts[refusals].next.Add(1) - 1, refusals + 1}
			in.KeyID = models.KeyID(i)
			r.Name(p, start.Unix(), &id)
			r.Write(p, &in)
		}
	})
	b.Run("not due", func(b *testing.B) {
		for range b.N {
			r.Refusal(7, 1)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "receipts")
	r := open(b, Config{Path: path, Size: DefaultSize})
	for range r.parts[refusals].slots {
		keep(r, 1)
	}
	ok(b, r.Close())
	for range b.N {
		ok(b, open(b, Config{Path: path, Size: DefaultSize}).Close())
	}
}

// Else two could write into one slot at once: one that ended late, and one that came a round later.
func TestPositionsOfOneSlotShareALock(t *testing.T) {
	for _, size := range []int64{MinSize, MinSize + 4096, DefaultSize} {
		r := open(t, Config{Size: size})
		for i := range r.parts {
			p := &r.parts[i]
			for position := range 3 * p.slots {
				if p.lock(position) != p.lock(position+p.slots) {
					t.Fatalf("size %d, part %d: position %d and the one a round later have different locks", size, i, position)
				}
			}
		}
		ok(t, r.Close())
	}
}

// A page that is still being made when the process stops must not bring it down.
func TestNothingIsKeptOrFoundAfterClose(t *testing.T) {
	r := open(t, Config{})
	id := keep(r, 1)
	p, _ := r.Refusal(1, 0)
	ok(t, r.Close())
	in := sample(1)
	r.Write(p, &in)
	if _, err := r.Receipt(id); models.KindOf(err) != models.KindGone {
		t.Errorf("got %v, want gone", err)
	}
	if got := r.Refusals(1, 5); len(got) != 0 {
		t.Errorf("%d are listed", len(got))
	}
}
