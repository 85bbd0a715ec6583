package limit_test

import (
	"testing"

	"pgregory.net/rapid"

	"gatehouse/models/limit"
)

// Run may stand for a request by request decision anywhere: same state, same counts.
func TestRunIsLookRequestByRequest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := limit.Throttle{
			Rate:  rapid.SampledFrom([]float64{0, 0.1, 1, 3, 10, 99.5, 1000, 1e6}).Draw(t, "rate"),
			Burst: rapid.Int64Range(0, 60).Draw(t, "burst"),
		}.Compile()
		if rapid.IntRange(0, 9).Draw(t, "unlimited") == 0 {
			b = limit.Bucket{}
		}
		now := rapid.Int64Range(0, 100*second).Draw(t, "now")
		tat := b.Owing(now, 0) + rapid.Int64Range(-1000, 1<<38).Draw(t, "debt")
		for range 3 {
			n, most := rapid.Int64Range(0, 300).Draw(t, "n"), rapid.Int64Range(0, 300).Draw(t, "most")
			gap := rapid.SampledFrom([]int64{0, 1, 1000, second / 1000, second / 300, second/99 + 7, second}).Draw(t, "gap")
			want, came, admitted := tat, int64(0), int64(0)
			for at := now; came < n && admitted < most; at, came = at+gap, came+1 {
				next, ok, _ := b.Look(want, at)
				if want = next; ok {
					admitted++
				}
			}
			next, gotCame, gotAdmitted := b.Run(tat, now, gap, n, most)
			if gotCame != came || gotAdmitted != admitted {
				t.Fatalf("%d requests every %d ns, at most %d: %d came, %d admitted, want %d and %d", n, gap, most, gotCame, gotAdmitted, came, admitted)
			}
			if next != want {
				t.Fatalf("%d requests every %d ns: TAT is %d, want %d", n, gap, next, want)
			}
			tat, now = next, now+came*gap+rapid.Int64Range(0, second).Draw(t, "pause")
		}
	})
}

func TestRunOfMillionsIsQuick(t *testing.T) {
	b := limit.Throttle{Rate: 10, Burst: 100}.Compile()
	// A request each nanosecond for 100 seconds.
	_, came, admitted := b.Run(0, 0, 1, 100*second, 1<<62)
	if came != 100*second || admitted != 1099 {
		t.Errorf("%d came, %d admitted", came, admitted)
	}
}
