package main

import (
	"context"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"gatehouse/models"
)

// The demo's apps call gently, and now and then faster than their plan allows, so that every colour of a chart is seen. What they do from
// now on and the past that seedHistory makes up are drawn from the same numbers.
const (
	demoBurstSeconds = 600 // between two bursts
	demoBurst        = 16  // calls at once
	demoFreeBurst    = 10  // of them the Free plan lets pass
)

// demoCall is a kind of call.
type demoCall struct {
	method, path string
	outcome      models.Outcome
	share        float64
	median       float64 // latency, ms
}

// demoBurstCall is what bursts are made of.
var demoBurstCall = demoCall{"/get", "/get", models.OutcomeSuccess, 0.52, 30}

// demoCalls is what is called: mostly what works. The shares sum to 1.
var demoCalls = []demoCall{
	demoBurstCall,
	{"/json", "/json", models.OutcomeSuccess, 0.25, 24},
	{"/uuid", "/uuid", models.OutcomeSuccess, 0.15, 18},
	{"/bytes/{n}", "/bytes/2048", models.OutcomeSuccess, 0.03, 36},
	{"/status/{code}", "/status/404", models.OutcomeClientError, 0.034, 22},
	{"/status/{code}", "/status/302", models.OutcomeRedirect, 0.01, 20},
	{"/status/{code}", "/status/503", models.OutcomeServerError, 0.006, 60},
}

// latency draws how long one call takes.
func (c demoCall) latency(r *rand.Rand) time.Duration {
	return time.Duration(c.median * math.Exp(0.6*r.NormFloat64()) * float64(time.Millisecond))
}

// perSecond is how often a caller calls at t: quiet nights, busy afternoons, slower weekends.
func (c demoCaller) perSecond(t time.Time) float64 {
	t = t.UTC()
	hour := float64(t.Hour()) + float64(t.Minute())/60
	level := 1 + 0.6*math.Sin((hour-9)/24*2*math.Pi)
	if t.Weekday() == time.Saturday || t.Weekday() == time.Sunday {
		level *= 0.7
	}
	return c.perDay / 86400 * level
}

// traffic calls the gateway in the name of the demo's keys until ctx ends.
func (d *demoData) traffic(ctx context.Context) {
	if len(d.callers) == 0 {
		return
	}
	r := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	burst := time.After(10 * time.Second) // soon enough to be seen
	var calls sync.WaitGroup
	defer calls.Wait()
	start := func(c demoCaller, what demoCall) {
		takes := what.latency(r)
		calls.Go(func() { d.call(ctx, c, what.path, takes) })
	}
	for {
		now := time.Now()
		often := func(c demoCaller) float64 { return c.perSecond(now) }
		select {
		case <-ctx.Done():
			return
		case <-burst:
			burst = time.After(demoBurstSeconds * time.Second)
			for _, c := range d.callers {
				for range c.burst {
					start(c, demoBurstCall)
				}
			}
		case <-time.After(time.Duration(r.ExpFloat64() / total(d.callers, often) * float64(time.Second))):
			start(draw(r, d.callers, often), draw(r, demoCalls, func(c demoCall) float64 { return c.share }))
		}
	}
}

// draw picks one of all by its weight.
func draw[T any](r *rand.Rand, all []T, weight func(T) float64) T {
	left := r.Float64() * total(all, weight)
	for _, one := range all {
		if left -= weight(one); left < 0 {
			return one
		}
	}
	return all[len(all)-1]
}

func total[T any](all []T, weight func(T) float64) float64 {
	sum := 0.0
	for _, one := range all {
		sum += weight(one)
	}
	return sum
}

func (d *demoData) call(ctx context.Context, c demoCaller, path string, takes time.Duration) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/echo/"+c.name+path, nil)
	if err != nil {
		return
	}
	r.Header.Set(demoTakes, takes.String())
	answer, err := d.in.gateway.Call(ctx, c.key, r)
	if err != nil {
		return // the demo goes on; the gateway has logged what was its fault
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
}

// demoTakes is the header in which the demo's traffic says how long its answer shall take; everybody else is answered at once.
const demoTakes = "Demo-Takes"

// unhurried answers the demo's traffic as slowly as an upstream at some distance would.
func unhurried(upstream http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if takes, err := time.ParseDuration(r.Header.Get(demoTakes)); err == nil {
			select {
			case <-time.After(min(takes, time.Second)):
			case <-r.Context().Done():
			}
		}
		upstream.ServeHTTP(w, r)
	})
}
