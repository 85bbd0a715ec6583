package main

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// How often the demo's apps call: gently, and now and then faster than their plan allows, so that every colour of a chart is seen.
const (
	demoPause      = 700 * time.Millisecond // between two calls, on average
	demoBurstEvery = 3 * time.Minute
)

// traffic calls the gateway in the name of the demo's keys until ctx ends.
func (d *demoData) traffic(ctx context.Context) {
	if len(d.callers) == 0 {
		return
	}
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	lastBurst := time.Now().Add(-demoBurstEvery + 10*time.Second)
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		for _, c := range d.callers {
			if c.burst > 0 && time.Since(lastBurst) > demoBurstEvery {
				lastBurst = time.Now()
				for range c.burst {
					d.call(ctx, c, "/get")
				}
			}
		}
		d.call(ctx, d.callers[rand.IntN(len(d.callers))], demoPath())
		timer.Reset(time.Duration(float64(demoPause) * (0.4 + 1.2*rand.Float64())))
	}
}

// demoPath draws what is called: mostly what works.
func demoPath() string {
	switch n := rand.IntN(100); {
	case n < 50:
		return "/get"
	case n < 75:
		return "/json"
	case n < 90:
		return "/uuid"
	case n < 95:
		return "/status/404"
	case n < 97:
		return "/status/302"
	case n < 99:
		return "/bytes/" + strconv.Itoa(64+rand.IntN(4096))
	default:
		return "/status/503"
	}
}

func (d *demoData) call(ctx context.Context, c demoCaller, path string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/echo/"+c.name+path, nil)
	if err != nil {
		return
	}
	answer, err := d.in.gateway.Call(ctx, c.key, r)
	if err != nil {
		return // the demo goes on; the gateway has logged what was its fault
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
}
