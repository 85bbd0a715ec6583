package main

import (
	"fmt"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// operations answers health, readiness, metrics and profiles, for machines and operators.
func (in *instance) operations() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registry.MustRegister(in.holds, in.told, queueMetrics{in.store, in.now})
	in.gateway.Register(registry)
	if in.certificates != nil {
		registry.MustRegister(in.certificates)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := in.gateway.Ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		var missing []string
		if in.withoutReceipts != nil {
			missing = append(missing, fmt.Sprintf("without receipts: %v", in.withoutReceipts))
		}
		if in.certificates != nil {
			if err := in.certificates.Trouble(); err != nil {
				missing = append(missing, fmt.Sprintf("with trouble of certificates: %v", err))
			}
		}
		if len(missing) > 0 {
			fmt.Fprintf(w, "ready, but %s\n", strings.Join(missing, "; "))
			return
		}
		fmt.Fprintln(w, "ready")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// newHolds counts how long use cases hold the database's writer: what everybody else waits for, requests without a right in hand among them.
func newHolds() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "gatehouse_writer_hold_seconds", Help: "How long one transaction held the database's writer, by use case.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .02, .05, .1, .25, 1, 5},
	}, []string{"use_case"})
}

func (in *instance) noteHold(useCase string, d time.Duration) {
	in.holds.WithLabelValues(useCase).Observe(d.Seconds())
}
