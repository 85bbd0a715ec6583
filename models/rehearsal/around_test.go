package rehearsal

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// sent is one request of a simulated key: when it was counted, and when it was decided, in nanoseconds since the first second.
type sent struct {
	at, decided int64
	ok          bool
}

// traffic is what a key sends in LookBack seconds and one more: idle, steady or in bursts, in the order in which it is decided.
func traffic(r *rand.Rand) (out []sent) {
	busy := 0
	for s := range int64(LookBack + 1) {
		if s > LookBack-6 || r.IntN(20) == 0 {
			busy = r.IntN(4)
		}
		n := []int{0, r.IntN(3), r.IntN(80), 40}[busy]
		first := r.Int64N(second)
		for range n {
			at := first
			if r.IntN(2) == 0 {
				at = first + r.Int64N(second-first)
			}
			at += s * second
			late := r.Int64N(1e6)
			if r.IntN(20) == 0 {
				late = r.Int64N(second - 1)
			}
			out = append(out, sent{at: at, decided: at + late})
		}
	}
	slices.SortFunc(out, func(a, b sent) int { return cmp.Compare(a.decided, b.decided) })
	return out
}

// arrivalsOf counts a key's requests by the second.
func arrivalsOf(all []sent) []models.Arrival {
	out := make([]models.Arrival, LookBack+1)
	for i := range out {
		out[i].Second = int64(i)
	}
	for _, one := range all {
		if one.ok {
			out[one.at/second].Admitted++
		} else {
			out[one.at/second].Throttled++
		}
	}
	return out
}

// What is said of a request must hold in whatever order the others came: against the gateway's own arithmetic, over thousands of random courses.
func TestWhatIsSaidAroundARequestIsTrue(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 9))
	throttles := []limit.Throttle{{Rate: .5, Burst: 3}, {Rate: 5, Burst: 5}, {Rate: 20, Burst: 60}, {Rate: 50, Burst: 50}, {Rate: 33, Burst: 7}, {Rate: 100, Burst: 300}, {Rate: 1, Burst: 100}}
	looked, exact, passes := 0, 0, 0
	for range 2000 {
		actual, other := throttles[r.IntN(len(throttles))], throttles[r.IntN(len(throttles))]
		b, c := actual.Compile(), other.Compile()
		all := traffic(r)
		tat, otherTAT := int64(0), int64(0)
		if r.IntN(2) == 0 {
			tat, otherTAT = b.Empty(0), c.Empty(0)
		}
		var refused *sent
		var before, passedBefore int64 // in the second of the request: of all, and of those that passed
		var level float64
		var would bool
		for i := range all {
			one := &all[i]
			var otherOK bool
			held := b.Level(tat, one.at)
			tat, one.ok, _ = b.Look(tat, one.at)
			otherTAT, otherOK, _ = c.Look(otherTAT, one.at)
			if one.ok || one.at/second < LookBack || refused != nil && r.IntN(3) > 0 {
				continue
			}
			refused, level, would, before, passedBefore = one, held, otherOK, 0, 0
			for j := range i {
				if all[j].at/second == one.at/second {
					before++
					if all[j].ok {
						passedBefore++
					}
				}
			}
		}
		if refused == nil {
			continue
		}
		came := max(LookBack*second, refused.at-r.Int64N(20e6)) // it may have waited for its right
		a, known := NewAround(time.Unix(0, came), time.Duration(refused.decided-came+r.Int64N(1e6)), arrivalsOf(all))
		if !known {
			continue
		}
		looked++
		low, high, ok := a.PassedBefore(Which{}, actual, level)
		if !ok || passedBefore < low || passedBefore > high {
			t.Fatalf("%+v: %d had passed, said are %d to %d (%v)", actual, passedBefore, low, high, ok)
		}
		if low == high {
			exact++
		}
		if sum := a.InSecond(Which{}); low == high && sum.Throttled == 1 && before != low {
			t.Fatalf("said to be number %d, and is %d", low+1, before+1)
		}
		if a.WouldPass(Which{}, other) {
			passes++
			if !would {
				t.Fatalf("%+v is said to let pass what it refuses", other)
			}
		}
	}
	if looked < 300 || exact < 50 || passes < 50 {
		t.Errorf("of %d requests %d were known exactly, and %d would have passed: too few to tell", looked, exact, passes)
	}
}

func TestABurstFromRestIsCounted(t *testing.T) {
	fifty := limit.Throttle{Rate: 50, Burst: 50}
	at := time.Unix(1000, 200e6)
	sent := []models.Arrival{{Second: 990, Admitted: 5}, {Second: 1000, Admitted: 50, Throttled: 1, StageID: 1, MethodID: 2}, {Second: 1001, Admitted: 9}, {Second: 1000 - LookBack - 1, Admitted: 9}}
	a, ok := NewAround(at, time.Millisecond, sent)
	if low, high, fits := a.PassedBefore(Which{}, fifty, .3); low != 50 || high != 50 || !fits || !ok {
		t.Errorf("%d to %d had passed", low, high)
	}
	if _, _, fits := a.PassedBefore(Which{Stage: 1, Method: 9}, fifty, .3); fits {
		t.Error("nothing came, and a full bucket is empty")
	}
	for _, tt := range []struct {
		t    limit.Throttle
		want bool
	}{{limit.Throttle{Rate: 50, Burst: 52}, true}, {limit.Throttle{Rate: 50, Burst: 50}, false}, {limit.Throttle{Rate: .1, Burst: 1000}, false}, {limit.Throttle{}, false}} {
		if got := a.WouldPass(Which{}, tt.t); got != tt.want {
			t.Errorf("%+v: %v", tt.t, got)
		}
	}
	if _, ok := NewAround(at, 800*time.Millisecond, sent); ok {
		t.Error("it may have been decided in the next second")
	}
}
