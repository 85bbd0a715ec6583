package main

import (
	"net/http"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"gatehouse/models/store"
)

// numbers is what the process counts itself, beside the gateway. No label has one value per key, address or path.
type numbers struct {
	holds      *prometheus.HistogramVec // of the database's writer
	told       *prometheus.CounterVec   // what came of deliveries
	pages      *prometheus.CounterVec
	pageTime   prometheus.Histogram
	calls      *prometheus.CounterVec // of the management API
	callTime   prometheus.Histogram
	reloads    reloads
	open       *prometheus.GaugeVec   // connections
	accepted   *prometheus.CounterVec // the same, ever
	shed       *prometheus.CounterVec // closed at once
	handshakes *prometheus.CounterVec // that failed
}

func newNumbers() *numbers {
	return &numbers{
		holds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gatehouse_writer_hold_seconds", Help: "How long one transaction held the database's writer, by use case.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .02, .05, .1, .25, 1, 5},
		}, []string{"use_case"}),
		told: newTold(), reloads: newReloads(),
		pages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_portal_requests_total", Help: "Requests of the portal by status.",
		}, []string{"status"}),
		pageTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "gatehouse_portal_seconds", Help: "Time that the portal took to answer; live pages, which last, are left out.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_management_requests_total", Help: "Requests of the management API by status.",
		}, []string{"status"}),
		callTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "gatehouse_management_seconds", Help: "Time that the management API took to answer, with that of reading the request's body.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20},
		}),
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "gatehouse_connections", Help: "Connections that are open, by listener; without those that became WebSockets.",
		}, []string{"listener"}),
		accepted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_connections_total", Help: "Connections that were accepted, by listener.",
		}, []string{"listener"}),
		handshakes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_tls_handshake_failures_total", Help: "TLS handshakes that failed, by listener.",
		}, []string{"listener"}),
		shed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_connections_shed_total", Help: "Connections that were closed before anything of HTTP was read, by listener and reason: too-many, too-many-of-one (address), no-proxy-header.",
		}, []string{"listener", "reason"}),
	}
}

// noteHold counts how long a use case held the database's writer: what everybody else waits for, requests without a right in hand among them.
func (n *numbers) noteHold(useCase string, d time.Duration) {
	n.holds.WithLabelValues(useCase).Observe(d.Seconds())
}

// notePage counts an answer of the portal.
func (n *numbers) notePage(status int, took time.Duration, live bool) {
	n.pages.WithLabelValues(strconv.Itoa(status)).Inc()
	if !live {
		n.pageTime.Observe(took.Seconds())
	}
}

// watch knows a server's connections.
func (n *numbers) watch(listener string, s *http.Server) *connections {
	c := &connections{gauge: n.open.WithLabelValues(listener), total: n.accepted.WithLabelValues(listener)}
	c.watch(s)
	return c
}

// register adds every metric of the process to r. docs/operations.md lists them all: a test compares.
func (in *instance) register(r prometheus.Registerer) {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "gatehouse_build_info", Help: "1, with what runs in its labels.",
		ConstLabels: prometheus.Labels{"version": release, "revision": revision(), "go": runtime.Version(), "sqlite": store.Driver},
	})
	build.Set(1)
	n := in.numbers
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), build,
		n.holds, n.told, n.pages, n.pageTime, n.calls, n.callTime, n.open, n.accepted, n.shed, n.handshakes, n.reloads.total, n.reloads.good, n.reloads.at, queueMetrics{in.store, in.now},
		gauge("gatehouse_disk_free_bytes", "What may still be written to the disk of the data folder.", func() float64 {
			free, err := freeSpace(in.config.data)
			if err != nil {
				return 0 // where it cannot be asked, an alert is right
			}
			return float64(free)
		}),
		gauge("gatehouse_database_bytes", "What the database's files have.", func() float64 {
			file := filepath.Join(in.config.data, databaseFile)
			sum, _ := sizeOf(file)
			wal, _ := sizeOf(file + "-wal") // there need not be one
			return float64(sum + wal)
		}),
	)
	r.MustRegister(in.laneMetrics()...)
	in.gateway.Register(r)
	if in.certificates != nil {
		r.MustRegister(in.certificates)
	}
}
