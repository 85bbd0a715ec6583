package main

import (
	"fmt"
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// operations answers health, readiness, metrics and profiles, for machines and operators.
func (in *instance) operations() http.Handler {
	registry := prometheus.NewRegistry()
	in.register(registry)
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
		if n := in.gateway.Unchecked(); n > 0 {
			missing = append(missing, fmt.Sprintf("without looking at the upstream's certificate on some stages: %d", n))
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
