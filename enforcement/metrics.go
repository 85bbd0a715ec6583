package enforcement

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// counts is what the gateway tells Prometheus. No label has more values than this package has outcomes: never one per key.
type counts struct {
	requests *prometheus.CounterVec
	byAnswer [numProblems]prometheus.Counter // of requests; problemNone: an upstream answered
	cached   prometheus.Counter              // of requests: answered by what was kept
	asked    prometheus.Counter              // of requests: preflights
	quoted   prometheus.Counter              // of requests: quotes
	unknown  prometheus.Counter
	upstream prometheus.Histogram
	own      prometheus.Histogram
	bytes    *prometheus.CounterVec
	in, out  prometheus.Counter // of bytes
}

func newCounts() *counts {
	c := &counts{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_requests_total", Help: "Requests by answer: forwarded, cached, preflight, quote, or the slug of a problem.",
		}, []string{"answer"}),
		unknown: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_unknown_keys_total", Help: "Requests with a key that is malformed or not known.",
		}),
		upstream: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "gatehouse_upstream_seconds", Help: "Time until an upstream began to answer, or failed.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}),
		own: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "gatehouse_gateway_seconds", Help: "Time that the gateway itself had a request: all but what its upstream and the bodies took.",
			Buckets: []float64{.00001, .000025, .00005, .0001, .00025, .0005, .001, .0025, .005, .01, .05, .25, 1},
		}),
	}
	bytes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatehouse_bytes_total", Help: "Bytes of bodies, in from clients and out to them.",
	}, []string{"direction"})
	c.bytes, c.in, c.out = bytes, bytes.WithLabelValues("in"), bytes.WithLabelValues("out")
	for p := range c.byAnswer {
		label := "forwarded"
		if problem(p) != problemNone {
			label = problem(p).entry().Slug
		}
		c.byAnswer[p] = c.requests.WithLabelValues(label)
	}
	c.cached = c.requests.WithLabelValues("cached")
	c.asked = c.requests.WithLabelValues("preflight")
	c.quoted = c.requests.WithLabelValues("quote")
	return c
}

func (c *counts) add(q *call) {
	c.own.Observe(q.own().Seconds())
	if q.proxied {
		c.in.Add(float64(q.ended.exchange.BytesIn))
	}
	if out := q.ended.exchange.BytesOut + q.sent; out > 0 {
		c.out.Add(float64(out))
	}
	if q.stage != nil && (q.proxied || q.decision.problem != problemNone) {
		q.stage.count.add(q)
	}
	switch p := q.decision.problem; {
	case q.isQuoted():
		c.quoted.Inc()
	case q.kept != nil:
		c.cached.Inc()
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
	seconds := func(since *atomic.Int64) func() float64 {
		return func() float64 {
			if g.current.Load() == nil {
				return 0
			}
			return time.Duration(max(0, g.clock()-since.Load())).Seconds()
		}
	}
	if g.cache != nil {
		g.cache.Register(r)
	}
	r.MustRegister(g.counts.requests, g.counts.unknown, g.counts.upstream, g.counts.own, g.counts.bytes, &g.stages, newTargetMetrics(g),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "gatehouse_upstream_retries_total", Help: "Requests that were sent once more, on another connection or to another upstream.",
		}, func() float64 { return float64(g.proxy.Retried()) }),
		gauge("gatehouse_change_version", "Number of the newest change that the gateway enforces.", func() float64 { return float64(g.sight.version.Load()) }),
		gauge("gatehouse_changes_age_seconds", "Time since the gateway knew of every change.", seconds(&g.sight.whole)),
		gauge("gatehouse_topology_age_seconds", "Time since APIs, stages or plans changed last, or the start.", seconds(&g.sight.topology)),
		gauge("gatehouse_journal_bytes", "What the files of the journal have, used or not.", func() float64 { return float64(g.config.Journal.Size()) }),
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
	counter := func(name, help string, value func() int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(value()) })
	}
	access, tracer := g.config.AccessLog, g.config.Tracer
	r.MustRegister(
		counter("gatehouse_spans_sent_total", "Spans that the collector of traces took.", func() int64 { sent, _ := tracer.Counts(); return sent }),
		counter("gatehouse_spans_dropped_total", "Spans that are lost: the queue was full, or the collector did not take them.", func() int64 { _, dropped := tracer.Counts(); return dropped }),
		counter("gatehouse_access_log_lines_total", "Lines that the access log wrote.", func() int64 { written, _ := access.Counts(); return written }),
		counter("gatehouse_access_log_dropped_total", "Lines of the access log that are lost: the writer did not keep up, or could not write.",
			func() int64 { _, dropped := access.Counts(); return dropped }),
	)
	log := g.config.RequestLog
	if log == nil {
		return
	}
	r.MustRegister(
		counter("gatehouse_request_log_entries_total", "Entries that the request log took.", func() int64 { kept, _ := log.Counts(); return kept }),
		counter("gatehouse_request_log_dropped_total", "Entries that were due and are lost: the writer did not keep up, or could not write.",
			func() int64 { _, dropped := log.Counts(); return dropped }),
		gauge("gatehouse_request_log_bytes", "What the files of the request log have.", func() float64 { return float64(log.Size()) }),
	)
}
