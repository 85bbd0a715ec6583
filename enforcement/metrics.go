package enforcement

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

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
	r.MustRegister(&g.counts, &g.stages, newTargetMetrics(g),
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
