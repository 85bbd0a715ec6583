package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// What an owner gave a customer in place of the plan's limits must hold after kill -9: he was told that it is in force.
func TestOverrideIsInForceAfterAKill(t *testing.T) {
	t.Parallel()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	k := newKilled(t, 1000)
	k.serveAt(path)
	c := k.keys[0]
	k.owner.done(k.owner.post("/owner/subscriptions/"+c.subscription+"/override", "quota", "3", "period", "MONTH", "reason", "A test"))
	for restart := range 2 {
		k.kill() // at once: nothing but the records knows of it
		k.serveAt(path)
		if page := k.owner.page("/owner/subscriptions/" + c.subscription); !strings.Contains(page, "A test") {
			t.Errorf("restart %d: the page does not tell of the override", restart)
		}
		passed := 0
		for range 5 {
			if status, _ := k.world.call("POST", c.path, c.value); status == http.StatusOK {
				passed++
			}
		}
		if want := 3 - 3*restart; passed != want {
			t.Errorf("restart %d: %d of 5 passed, want %d of the 3 in all", restart, passed, want)
		}
	}
}
