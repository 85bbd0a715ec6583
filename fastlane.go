package main

import (
	"context"
	"fmt"
	"net"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/enforcement/fast"
)

// openFastLane starts the loops that serve plain requests to the gateway, unless they are switched off, or nothing plain comes or may pass there.
func (in *instance) openFastLane() error {
	policy, ok := in.gateway.FastLane()
	if !bool(in.config.fastLane) || in.config.encryption.speaks(gatewayListener) || !ok {
		return nil
	}
	loops := runtime.GOMAXPROCS(0)
	var err error
	if in.lane, err = fast.New(fast.Config{Policy: policy, Loops: loops, Times: in.laneTimes, Tell: in.dataConnections.noteLane, Log: in.log}); err != nil {
		return fmt.Errorf("open the fast lane: %w", err)
	}
	// Each loop keeps a place of the scheduler while it waits a moment for its sockets; everything else has as many as before.
	runtime.GOMAXPROCS(2 * loops)
	return nil
}

// laneTimes are the bounds in force that the fast lane keeps.
func (in *instance) laneTimes() fast.Times {
	b := in.gateway.Bounds()
	return fast.Times{Head: b.Head, Idle: b.Idle, Stall: b.Stall, StallBytes: b.StallBytes}
}

// inLane puts the fast lane on the gateway's listener.
func (in *instance) inLane(l net.Listener) net.Listener {
	if in.lane == nil {
		return l
	}
	return in.lane.Listen(l)
}

// leaveLane has the fast lane's answers say that their connections end.
func (in *instance) leaveLane() {
	if in.lane != nil {
		in.lane.Leave()
	}
}

// closeLane ends what is in the fast lane, at last when ctx ends.
func (in *instance) closeLane(ctx context.Context) {
	if in.lane != nil {
		in.lane.Close(ctx)
	}
}

// laneCounts is what the fast lane does.
func (in *instance) laneCounts() (c fast.Counts) {
	if in.lane != nil {
		c = in.lane.Counts()
	}
	return c
}

// laneMetrics are the fast lane's.
func (in *instance) laneMetrics() []prometheus.Collector {
	counter := func(name, help string, value func(fast.Counts) int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(value(in.laneCounts())) })
	}
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatehouse_fast_lane_connections", Help: "Connections in the fast lane; they are among gatehouse_connections."},
			func() float64 { return float64(in.laneCounts().Open) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatehouse_fast_lane_open_requests", Help: "Requests under way in the fast lane; gatehouse_open_requests are those of the standard lane."},
			func() float64 { return float64(in.laneCounts().Busy) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatehouse_fast_lane_loops", Help: "Loops of the fast lane that connections are spread over: as few as keep up."},
			func() float64 { return float64(in.laneCounts().Loops) }),
		counter("gatehouse_fast_lane_requests_total", "Requests that the fast lane served.", func(c fast.Counts) int64 { return c.Requests }),
		counter("gatehouse_fast_lane_left_total", "Connections that went on from the fast lane to the standard lane, because of what came on them.", func(c fast.Counts) int64 { return c.Left }),
	}
}
