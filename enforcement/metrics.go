package enforcement

import (
	"github.com/prometheus/client_golang/prometheus"
)

// counts is what the gateway tells Prometheus. No label has more values than this package has outcomes: never one per key.
type counts struct {
	requests *prometheus.CounterVec
	byAnswer [numProblems]prometheus.Counter // of requests; problemNone: an upstream answered
	asked    prometheus.Counter              // of requests: preflights
	quoted   prometheus.Counter              // of requests: quotes
	unknown  prometheus.Counter
	upstream prometheus.Histogram
}

func newCounts() *counts {
	c := &counts{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_requests_total", Help: "Requests by answer: forwarded, preflight, quote, or the slug of a problem.",
		}, []string{"answer"}),
		unknown: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_unknown_keys_total", Help: "Requests with a key that is malformed or not known.",
		}),
		upstream: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "gatehouse_upstream_seconds", Help: "Time until an upstream began to answer, or failed.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}),
	}
	for p := range c.byAnswer {
		label := "forwarded"
		if problem(p) != problemNone {
			label = problem(p).entry().Slug
		}
		c.byAnswer[p] = c.requests.WithLabelValues(label)
	}
	c.asked = c.requests.WithLabelValues("preflight")
	c.quoted = c.requests.WithLabelValues("quote")
	return c
}

func (c *counts) add(q *request) {
	switch p := q.decision.problem; {
	case q.quoted:
		c.quoted.Inc()
	case p == problemNone && !q.proxied:
		c.asked.Inc()
	case p == problemKeyUnknown || p == problemKeyMalformed:
		c.unknown.Inc()
		fallthrough
	default:
		c.byAnswer[p].Inc()
	}
}

// Register adds the gateway's metrics to r. It panics when called twice with the same registry.
func (g *Gateway) Register(r prometheus.Registerer) {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	r.MustRegister(g.counts.requests, g.counts.unknown, g.counts.upstream,
		gauge("gatehouse_keys", "Keys that the gateway holds.", func() float64 {
			if g.current.Load() == nil {
				return 0
			}
			return float64(g.keys.Len())
		}),
		gauge("gatehouse_open_requests", "Requests under way.", func() float64 { return float64(g.open.len()) }),
		gauge("gatehouse_usage_lag_seconds", "Age of the oldest usage that could not be committed yet.",
			func() float64 { return g.meter.Lag(g.moment().Wall).Seconds() }),
		gauge("gatehouse_receipts", "1 while receipts of requests are kept.", func() float64 {
			if g.config.Receipts == nil {
				return 0
			}
			return 1
		}),
		gauge("gatehouse_request_log", "1 while entries of the request log are kept.", func() float64 {
			if log := g.config.RequestLog; log == nil || log.Failing() {
				return 0
			}
			return 1
		}),
		gauge("gatehouse_ready", "1 while requests are served and changes arrive.", func() float64 {
			if g.Ready() != nil {
				return 0
			}
			return 1
		}),
	)
	log := g.config.RequestLog
	if log == nil {
		return
	}
	counter := func(name, help string, value func() int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(value()) })
	}
	r.MustRegister(
		counter("gatehouse_request_log_entries_total", "Entries that the request log took.", func() int64 { kept, _ := log.Counts(); return kept }),
		counter("gatehouse_request_log_dropped_total", "Entries that were due and are lost: the writer did not keep up, or could not write.",
			func() int64 { _, dropped := log.Counts(); return dropped }),
		gauge("gatehouse_request_log_bytes", "What the files of the request log have.", func() float64 { return float64(log.Size()) }),
	)
}
