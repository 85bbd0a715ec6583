package enforcement

import (
	"encoding/json"
	"testing"

	"gatehouse/enforcement/validation"
	"gatehouse/models/limit"
)

// What is written by hand is what encoding/json would have written.
func TestABodyIsTheJSONOfItsProblem(t *testing.T) {
	for _, url := range []string{"https://portal.example/problems/", "https://portal.example/?a=1&b=<2>#"} {
		q := &request{call: call{g: &Gateway{config: Config{ProblemURL: url}, refusals: refusalsOf(url)}, id: "0123456789abcdef0123456789abcdef"}}
		for p := problemNone + 1; p < numProblems; p++ {
			for _, detail := range []string{"", "Plain words.", "\"quoted\" \\ <b> & \x00\t\n\u2028 é \xff \x7f"} {
				for _, faults := range [][]validation.Fault{nil, {{}, {}}} {
					q.faults = faults
					q.decision.decided, q.decision.limits = p == problemThrottled, limit.Decision{Verdict: limit.Refuse, Layer: limit.LayerPlan}
					want, err := json.Marshal(q.bodyOf(p, detail))
					if got := q.appendBody(nil, p, detail); err != nil || string(got) != string(want) {
						t.Errorf("%s\nwant %s", got, want)
					}
				}
			}
		}
	}
}
