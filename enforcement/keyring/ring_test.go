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

func digestNo(n int) (d [32]byte) {
	binary.LittleEndian.PutUint64(d[:], keyHash(models.KeyID(n+1))) // spread, as real digests are
	binary.LittleEndian.PutUint64(d[8:], uint64(n))
	return d
}

func credential(n int, plans ...models.PlanID) models.Credential {
	c := models.Credential{KeyID: models.KeyID(n + 1), Enabled: true, Secrets: []models.CredentialSecret{{Digest: digestNo(n)}}}
	for _, p := range plans {
		c.Plans = append(c.Plans, models.CredentialPlan{PlanID: p, State: models.MemberActive})
	}
	return c
}

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
				v.Members = append(v.Members, fmt.Sprint(m.Plan, m.State))
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
		var r Ring
		want := map[models.KeyID]models.Credential{}
		next := 0
		check := func(t *rapid.T) {
			var fresh Ring
			for _, c := range want {
				fresh.Put(c)
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
				d := digestNo(n)
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
					c.Secrets = append(c.Secrets, models.CredentialSecret{Digest: digestNo(next), StopsAt: noon})
				}
				if old, ok := want[c.KeyID]; ok && rapid.Bool().Draw(t, "keep") {
					c.Secrets = append(c.Secrets, old.Secrets...)
				}
				for _, p := range rapid.SliceOfNDistinct(rapid.IntRange(1, 5), 0, 3, rapid.ID).Draw(t, "plans") {
					c.Plans = append(c.Plans, models.CredentialPlan{PlanID: models.PlanID(p), State: models.MemberActive})
				}
				r.Put(c)
				want[c.KeyID] = c
			},
			"remove": func(t *rapid.T) {
				id := models.KeyID(rapid.IntRange(1, 41).Draw(t, "key"))
				r.Remove(id, func(*Entry) {})
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
		r.Put(credential(i))
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
				d := digestNo(i % n)
				e, _, ok := r.Find(&d)
				if !ok {
					continue
				}
				if e.Key() != models.KeyID(i%n+1) {
					t.Errorf("value %d found key %d", i%n, e.Key())
				}
				e.Unlock()
				// Keys of the lower half never change.
				if d := digestNo(i % (n / 2)); true {
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
			r.Remove(models.KeyID(i+1), func(*Entry) {})
		}
		for i := n - 1; i >= n/2; i-- {
			r.Put(credential(i))
		}
		for i := range 200 { // growth
			r.Put(credential(10_000 + round*200 + i))
		}
	}
	close(stop)
	group.Wait()
}

// enter has a key hold rights of a month on plan 7.
func enter(e *Entry, held int64) *Member {
	m := e.Member(7)
	e.Enter(m, ShapeOf(limit.Quota{Period: limit.PeriodMonth}), 20_513)
	a := e.Ask(m, true, held)
	g := models.QuotaGrant{Grant: limit.Grant{Granted: held, Available: 1, Limit: 100}, Version: 1}
	e.Take(m, &a, &g)
	return m
}

func TestAKeyThatLeavesAPlanAndComesBackHasWhatItLeftWithAndAsksFirst(t *testing.T) {
	var r Ring
	r.Put(credential(1, 7))
	e, _ := r.ByKey(2)
	m := enter(e, 5)
	m.Spend()
	m.TAT = 99
	e.Unlock()

	r.Put(credential(1))
	e, _ = r.ByKey(2)
	if m := e.Member(7); m.State != Gone || m.Version != 0 {
		t.Errorf("state %v, version %d; want Gone, 0", m.State, m.Version)
	}
	e.Unlock()

	r.Put(credential(1, 7))
	e, _ = r.ByKey(2)
	defer e.Unlock()
	if m := e.Member(7); m.State != Active || m.Used != 1 || m.Held() != 4 || m.TAT != 99 || m.Version != 0 {
		t.Errorf("got %+v, want what it left with, and no version", *m)
	}
}

// What a window that is left spent is reported to the unit, refunds that come late included.
func TestAWindowThatIsLeftIsReportedToTheEnd(t *testing.T) {
	var r Ring
	r.Put(credential(1, 7))
	e, _ := r.ByKey(2)
	defer e.Unlock()
	m := enter(e, 5)
	for range 3 {
		m.Spend()
	}
	if !e.Refund(7, 20_513) || m.Held() != 3 || e.Spent(m) != 2 {
		t.Errorf("after a refund: held %d, spent %d; want 3, 2", m.Held(), e.Spent(m))
	}
	e.Enter(m, ShapeOf(limit.Quota{Period: limit.PeriodMonth}), 20_544)
	if m.Held() != 0 || m.Used != 0 || m.Version != 0 {
		t.Errorf("in the new window: %+v, want nothing", *m)
	}
	if !e.Refund(7, 20_513) || e.Refund(7, 20_482) {
		t.Error("a refund must go to the window of its admission, and to no other")
	}
	closed := e.Closed()
	if len(closed) != 1 {
		t.Fatalf("%d windows are left, want 1", len(closed))
	}
	a := e.AskOf(closed[0])
	if a.Used != 3 || a.Refunded != 2 || a.Keep != 0 || a.Want != 0 || a.Bucket.Window != 20_513 {
		t.Errorf("reported %+v, want 3 used, 2 refunded", a)
	}
	e.Reported(closed[0])
	if len(e.Closed()) != 0 {
		t.Error("it is reported again")
	}
}

// What is given back is not spent any more, whatever becomes of the answer.
func TestWhatAnAskDoesNotKeepIsNotSpent(t *testing.T) {
	var r Ring
	r.Put(credential(1, 7))
	e, _ := r.ByKey(2)
	defer e.Unlock()
	m := enter(e, 5)
	m.Spend()
	if a := e.Ask(m, true, 1); a.Keep != 4 || a.Used != 1 || m.Held() != 4 {
		t.Errorf("a refill: %+v, held %d", a, m.Held())
	}
	if a := e.Ask(m, false, 0); a.Keep != 0 || a.Used != 1 || m.Held() != 0 {
		t.Errorf("a return: %+v, held %d", a, m.Held())
	}
}

func TestLookUpsDoNotAllocate(t *testing.T) {
	var r Ring
	for i := range 1000 {
		r.Put(credential(i, 7))
	}
	known, unknown := digestNo(17), digestNo(5000)
	got := testing.AllocsPerRun(1000, func() {
		e, _, ok := r.Find(&known)
		if !ok {
			t.Fatal("not found")
		}
		e.Member(7).Spend()
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
		r.Put(credential(i, 7))
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
