package keyring

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/models"
	"gatehouse/models/limit"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func digest(n int) (d [32]byte) {
	binary.LittleEndian.PutUint64(d[:], keyHash(models.KeyID(n+1))) // spread, as real digests are
	binary.LittleEndian.PutUint64(d[8:], uint64(n))
	return d
}

func credential(n int, plans ...models.PlanID) models.Credential {
	c := models.Credential{KeyID: models.KeyID(n + 1), Enabled: true, Secrets: []models.CredentialSecret{{Digest: digest(n)}}}
	for _, p := range plans {
		c.Plans = append(c.Plans, models.CredentialPlan{PlanID: p, State: models.MemberActive})
	}
	return c
}

func noQuota(models.PlanID) limit.Quota { return limit.Quota{} }

func daily(models.PlanID) limit.Quota { return limit.Quota{Limit: 100, Period: limit.PeriodDay} }

func monthly(models.PlanID) limit.Quota { return limit.Quota{Limit: 100, Period: limit.PeriodMonth} }

// view is all that a look-up can learn of a key.
type view struct {
	Key     models.KeyID
	App     models.AppID
	Status  Status
	Expires int64
	Values  []string
	Members []string
}

func look(r *Ring) map[models.KeyID]view {
	views := map[models.KeyID]view{}
	r.Each(func(e *Entry) {
		v := view{Key: e.Key(), App: e.App(), Status: e.Status(), Expires: e.Expires()}
		for _, d := range e.digests(nil) {
			v.Values = append(v.Values, fmt.Sprintf("%x", d[:12]))
		}
		e.Members(func(m *Member) {
			if m.State != Gone {
				v.Members = append(v.Members, fmt.Sprint(m.Plan, m.State, m.Shape, m.Day, m.Used))
			}
		})
		slices.Sort(v.Values)
		slices.Sort(v.Members)
		views[v.Key] = v
	})
	return views
}

// Without it a key could stay open after it was revoked, or an old value after a rotation, depending on what else changed meanwhile.
func TestAnyInterleavingOfChangesLeavesTheRingEqualToAFreshLoad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		book := Book{Now: noon, Quota: daily}
		var r Ring
		want := map[models.KeyID]models.Credential{}
		next := 0
		check := func(t *rapid.T) {
			var fresh Ring
			for _, c := range want {
				fresh.Put(c, book)
			}
			if diff := cmp.Diff(look(&fresh), look(&r)); diff != "" {
				t.Fatalf("ring differs from a fresh load (-fresh +ring):\n%s", diff)
			}
			if r.Len() != len(want) {
				t.Fatalf("Len = %d, want %d", r.Len(), len(want))
			}
			live := map[[32]byte]models.KeyID{}
			for id, c := range want {
				for _, s := range c.Secrets {
					live[s.Digest] = id
				}
			}
			for n := range next + 2 {
				d := digest(n)
				e, _, ok := r.Find(&d)
				if id, wanted := live[d]; ok != wanted || ok && e.Key() != id {
					t.Fatalf("Find(%d): got %v, want %v", n, ok, wanted)
				}
				if ok {
					e.Unlock()
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				n := rapid.IntRange(0, 40).Draw(t, "key")
				c := credential(n)
				c.Enabled = rapid.Bool().Draw(t, "enabled")
				c.Revoked = rapid.Bool().Draw(t, "revoked")
				c.Secrets = nil
				for range rapid.IntRange(0, 6).Draw(t, "values") {
					next++
					c.Secrets = append(c.Secrets, models.CredentialSecret{Digest: digest(next), StopsAt: noon})
				}
				if old, ok := want[c.KeyID]; ok && rapid.Bool().Draw(t, "keep") {
					c.Secrets = append(c.Secrets, old.Secrets...)
				}
				for _, p := range rapid.SliceOfNDistinct(rapid.IntRange(1, 5), 0, 3, rapid.ID).Draw(t, "plans") {
					c.Plans = append(c.Plans, models.CredentialPlan{PlanID: models.PlanID(p), State: models.MemberActive})
				}
				r.Put(c, book)
				want[c.KeyID] = c
			},
			"remove": func(t *rapid.T) {
				id := models.KeyID(rapid.IntRange(1, 41).Draw(t, "key"))
				r.Remove(id)
				delete(want, id)
			},
			"compare": check,
		})
		check(t)
	})
}

// A look-up that runs beside a change sees the key as it was or as it is, and never another one.
func TestLookUpsBesideChangesNeverFindAnotherKey(t *testing.T) {
	var r Ring
	const n = 400
	for i := range n {
		r.Put(credential(i), Book{Now: noon, Quota: noQuota})
	}
	stop := make(chan struct{})
	var group sync.WaitGroup
	for g := range 3 {
		group.Go(func() {
			for i := g; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				d := digest(i % n)
				e, _, ok := r.Find(&d)
				if !ok {
					continue
				}
				if e.Key() != models.KeyID(i%n+1) {
					t.Errorf("value %d found key %d", i%n, e.Key())
				}
				e.Unlock()
				// Keys of the lower half never change.
				if d := digest(i % (n / 2)); true {
					if e, _, ok := r.Find(&d); !ok {
						t.Errorf("key %d is lost", i%(n/2))
					} else {
						e.Unlock()
					}
				}
			}
		})
	}
	for round := range 30 {
		for i := n / 2; i < n; i++ {
			r.Remove(models.KeyID(i + 1))
		}
		for i := n - 1; i >= n/2; i-- {
			r.Put(credential(i), Book{Now: noon, Quota: noQuota})
		}
		for i := range 200 { // growth
			r.Put(credential(10_000+round*200+i), Book{Now: noon, Quota: noQuota})
		}
	}
	close(stop)
	group.Wait()
}

func TestAKeyThatLeavesAPlanAndComesBackHasTheCountAndBucketItLeftWith(t *testing.T) {
	var r Ring
	book := Book{Now: noon, Quota: daily}
	r.Put(credential(1, 7), book)
	e, _ := r.ByKey(2)
	e.Member(7).Charge(3, 0)
	e.Member(7).TAT = 99
	e.Unlock()

	r.Put(credential(1), book)
	e, _ = r.ByKey(2)
	if m := e.Member(7); m.State != Gone {
		t.Errorf("state = %v, want Gone", m.State)
	}
	e.Unlock()

	r.Put(credential(1, 7), book)
	e, _ = r.ByKey(2)
	defer e.Unlock()
	if m := e.Member(7); m.State != Active || m.Used != 3 || m.TAT != 99 {
		t.Errorf("got %+v, want what it left with", *m)
	}
}

func TestACountIsTheSumOfTheDaysOfItsWindow(t *testing.T) {
	c := credential(1, 7)
	today := int64(Day(noon))
	for _, d := range []int64{today - 10, today - 9, today - 1, today} { // the 28th of February, the 1st, 9th and 10th of March
		c.Plans[0].Used = append(c.Plans[0].Used, models.QuotaUse{Day: d, Used: 10})
	}
	tests := []struct {
		name  string
		quota limit.Quota
		want  int64
	}{
		{"day", limit.Quota{Limit: 1, Period: limit.PeriodDay}, 10},
		{"week from Monday the 9th", limit.Quota{Limit: 1, Period: limit.PeriodWeek}, 20},
		{"week from Tuesday the 10th", limit.Quota{Limit: 1, Period: limit.PeriodWeek, Offset: 1}, 10},
		{"month", limit.Quota{Limit: 1, Period: limit.PeriodMonth}, 30},
		{"month from the 28th", limit.Quota{Limit: 1, Period: limit.PeriodMonth, Offset: 27}, 40},
		{"none", limit.Quota{}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r Ring
			r.Put(c, Book{Now: noon, Quota: func(models.PlanID) limit.Quota { return tt.quota }})
			e, _ := r.ByKey(2)
			defer e.Unlock()
			if got := e.Member(7).Used; got != tt.want {
				t.Errorf("Used = %d, want %d", got, tt.want)
			}
		})
	}
}

// Without it, changing a quota from a day to a month would forget or double what was charged and not committed yet.
func TestACountOfAnotherShapeIsTakenFromTheRecordsAndWhatIsNotCommitted(t *testing.T) {
	var r Ring
	r.Put(credential(1, 7), Book{Now: noon, Quota: daily})
	charge := func(n int32, generation uint32) {
		e, _ := r.ByKey(2)
		e.Member(7).Charge(n, generation)
		e.Unlock()
	}
	charge(5, 0)
	charge(2, 1) // after the commit of generation 0

	c := credential(1, 7)
	c.Plans[0].Used = []models.QuotaUse{{Day: int64(Day(noon)) - 3, Used: 30}, {Day: int64(Day(noon)), Used: 5}}
	if r.Put(c, Book{Now: noon, Quota: monthly}) {
		t.Error("Put without a commit says that it could count")
	}
	e, _ := r.ByKey(2)
	if got := e.Member(7).Shape; got != Uncounted {
		t.Errorf("Shape = %v, want Uncounted", got)
	}
	e.Unlock()
	if !r.Put(c, Book{Now: noon, Quota: monthly, Committed: true, Generation: 1}) {
		t.Error("Put after a commit says that it could not count")
	}
	e, _ = r.ByKey(2)
	defer e.Unlock()
	if m := e.Member(7); m.Used != 37 || m.Shape != ShapeOf(monthly(7)) {
		t.Errorf("got %+v, want 37 used of the month", *m)
	}
}

func TestAWindowNeverTurnsBack(t *testing.T) {
	m := Member{Day: 10, Used: 4}
	m.Turn(9)
	if m.Day != 10 || m.Used != 4 {
		t.Errorf("turned back: %+v", m)
	}
	m.Turn(11)
	if m.Day != 11 || m.Used != 0 {
		t.Errorf("did not turn: %+v", m)
	}
}

func TestLookUpsDoNotAllocate(t *testing.T) {
	var r Ring
	for i := range 1000 {
		r.Put(credential(i, 7), Book{Now: noon, Quota: daily})
	}
	known, unknown := digest(17), digest(5000)
	got := testing.AllocsPerRun(1000, func() {
		e, _, ok := r.Find(&known)
		if !ok {
			t.Fatal("not found")
		}
		e.Member(7).Charge(1, 0)
		e.Unlock()
		if _, _, ok := r.Find(&unknown); ok {
			t.Fatal("found")
		}
	})
	if got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

// DECISIONS 67: 200 bytes a key are all that a key with one value, one plan and one quota may cost the gateway. Just after its tables have
// grown a key takes most; package bench measures a million of them.
func TestAKeyTakesAtMost200Bytes(t *testing.T) {
	if size := unsafe.Sizeof(Entry{}); size > 128 {
		t.Errorf("an entry is %d bytes: more than two cache lines", size)
	}
	const n = 3<<15 + 1
	before := heap()
	r := new(Ring)
	for i := range n {
		r.Put(credential(i, 7), Book{Now: noon, Quota: daily})
	}
	got := float64(heap()-before) / n
	t.Logf("%.1f bytes a key", got)
	if got > 200 {
		t.Errorf("%.1f bytes a key, want at most 200", got)
	}
	runtime.KeepAlive(r)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
