package enforcement_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/enforcement"
	"gatehouse/models"
	"gatehouse/models/secret"
)

// valueUses is a sink of uses in memory.
type valueUses struct {
	fault   error
	uses    map[[32]byte][]models.Caller
	last    map[[32]byte]time.Time
	stopped time.Time
}

func (v *valueUses) NoteValueUses(_ context.Context, uses []models.ValueUse) error {
	if v.fault != nil {
		return v.fault
	}
	for _, u := range uses {
		v.uses[u.Digest], v.last[u.Digest] = append(v.uses[u.Digest], u.Callers...), u.Last
	}
	return nil
}

func (v *valueUses) StopUnusedValues(_ context.Context, now time.Time) error {
	v.stopped = now
	return nil
}

// rotated gives the key another value; the one until now works for an hour.
func (o *one) rotated(t *testing.T) (sink *valueUses, old, current string) {
	t.Helper()
	old, current = o.value, secret.Generate(secret.Prefix{}).Reveal()
	o.change(o.key, func(c *models.Credential) {
		c.Secrets = []models.CredentialSecret{{Digest: o.ring.Digest(current)}, {Digest: c.Secrets[0].Digest, StopsAt: o.clock.now().Add(time.Hour)}}
	})
	sink = &valueUses{uses: map[[32]byte][]models.Caller{}, last: map[[32]byte]time.Time{}}
	o.g = o.world.gateway(t, func(c *enforcement.Config) { c.ValueUses = sink })
	return sink, old, current
}

func from(address, agent string) func(*http.Request) {
	return func(r *http.Request) {
		r.RemoteAddr = address
		r.Header.Set("User-Agent", agent)
	}
}

func TestCallersOfAnOldValueAreNotedAndThoseOfTheCurrentOneAreNot(t *testing.T) {
	o := newOne(t, nil)
	sink, old, current := o.rotated(t)
	start := o.clock.now()
	in(o.g, "GET", "/echo/prod/a", current, from("192.0.2.9:1", "new"))
	in(o.g, "GET", "/echo/prod/a", old, from("192.0.2.1:1", "curl/8"))
	o.clock.advance(time.Minute)
	in(o.g, "GET", "/echo/prod/a", old, from("192.0.2.1:2", "curl/8"))
	in(o.g, "GET", "/echo/prod/a", old, from("[2001:db8::1]:1", "a\x00b"))
	o.clock.advance(2 * time.Hour) // it has stopped: who still sends it gets 403, and is worth knowing
	in(o.g, "GET", "/echo/prod/a", old, from("192.0.2.1:3", "curl/8"))
	drain(t, o.g)
	stopped := start.Add(2*time.Hour + time.Minute)
	want := []models.Caller{
		{Address: "192.0.2.1", UserAgent: "curl/8", First: start, Last: stopped, Requests: 3},
		{Address: "2001:db8::1", UserAgent: "a\uFFFDb", First: start.Add(time.Minute), Last: start.Add(time.Minute), Requests: 1},
	}
	if diff := cmp.Diff(map[[32]byte][]models.Caller{o.ring.Digest(old): want}, sink.uses); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !sink.stopped.Equal(stopped) {
		t.Errorf("unused values were asked for at %v, want %v", sink.stopped, stopped)
	}
	o.g = o.world.gateway(t, func(c *enforcement.Config) { c.ValueUses = sink })
	clear(sink.uses)
	o.clock.advance(models.CallersKept)
	in(o.g, "GET", "/echo/prod/a", old, from("192.0.2.1:3", "curl/8"))
	drain(t, o.g)
	if len(sink.uses) != 0 {
		t.Errorf("noted after callers are forgotten: %v", sink.uses)
	}
}

// What cannot be written is kept, and no number of callers takes more than a value's share of memory.
func TestCallersOfAnOldValueAreKeptWhileTheRecordsAreAwayButNotWithoutBound(t *testing.T) {
	o := newOne(t, nil)
	sink, old, _ := o.rotated(t)
	sink.fault = errAway
	for n := range 100 {
		in(o.g, "GET", "/echo/prod/a", old, from(fmt.Sprintf("192.0.2.%d:1", n%50), "curl/8"))
		if n == 60 {
			if err := o.g.WriteCallers(t.Context()); err == nil {
				t.Error("no error")
			}
		}
	}
	sink.fault = nil
	drain(t, o.g)
	callers := sink.uses[o.ring.Digest(old)]
	var requests int64
	for _, c := range callers {
		requests += c.Requests
	}
	if len(callers) != models.MaxCallers+1 || requests != 100 {
		t.Errorf("%d callers of %d requests, want %d of 100", len(callers), requests, models.MaxCallers+1)
	}
}
