package enforcement_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"gatehouse/enforcement"
	"gatehouse/enforcement/fast"
	"gatehouse/enforcement/front"
)

// laneVariable says which lane serves the gateways of tests that speak over sockets: "fast", or "standard", net/http's alone. `make test` runs what is about
// protocols on both.
const laneVariable = "GATEHOUSE_TEST_LANE"

func isFast() bool { return os.Getenv(laneVariable) == "fast" }

// listen puts in front of a server what stands there in the program: the judge, and before that the fast lane, if a gateway is served and fast says so.
func listen(t testing.TB, s *http.Server, h http.Handler, l net.Listener, fast bool) net.Listener {
	t.Helper()
	if g, ok := h.(*enforcement.Gateway); ok && fast {
		l = fastLane(t, g, s, l)
	}
	return enforcement.Judged(s, l)
}

// lanes are those in front of gateways.
var lanes sync.Map

// stopGateway stops a gateway as the program does: first what is in its lane ends, and when ctx ends at once.
func stopGateway(ctx context.Context, g *enforcement.Gateway) error {
	if lane, ok := lanes.Load(g); ok {
		g.Leave()
		lane.(*fast.Lane).Close(ctx)
	}
	return g.Drain(ctx)
}

// fastLane puts the fast lane before a listener.
func fastLane(t testing.TB, g *enforcement.Gateway, s *http.Server, l net.Listener) net.Listener {
	t.Helper()
	policy, ok := g.FastLane()
	if !ok {
		t.Fatal("the gateway has no policy for the fast lane")
	}
	lane, err := fast.New(fast.Config{Policy: policy, Loops: 1, Times: func() fast.Times {
		b := g.Bounds()
		return fast.Times{Head: s.ReadHeaderTimeout, Idle: s.IdleTimeout, Stall: b.Stall, StallBytes: b.StallBytes}
	}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	lanes.Store(g, lane)
	t.Cleanup(func() {
		l.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		lane.Close(ctx)
		lanes.Delete(g)
	})
	return lane.Listen(front.Listen(l, front.Config{}))
}
