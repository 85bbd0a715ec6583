package enforcement

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/enforcement/transport"
	"gatehouse/models"
)

// This file makes the upstreams of stages from their settings, and keeps the ones that are in use going.

// Defaults of a breaker.
const (
	defaultFailures = 5
	defaultPause    = 10 * time.Second
)

// mostTargets is how many upstreams a stage may have.
const mostTargets = 16

// poolOf makes the upstreams of a stage; variables stand in their addresses. Its error is for the stage's owner.
func poolOf(in *models.GatewayStage, variables map[string]string, proxy *transport.Proxy, before *transport.Pool) (*transport.Pool, error) {
	t := &in.Settings.Targets
	tls, err := upstreamTLS(in)
	if err != nil {
		return nil, err
	}
	if len(t.Others) >= mostTargets {
		return nil, fmt.Errorf("it has more than %d upstreams", mostTargets)
	}
	spec := transport.PoolSpec{Retries: t.Retries, Check: checkOf(t.Health), Breaker: breakerOf(t.Breaker), Certificate: in.Certificate}
	for i, target := range append([]models.Target{{URL: in.Upstream, Weight: max(1, t.Weight)}}, t.Others...) {
		a, err := models.ResolveUpstream(target.URL, variables)
		if err != nil {
			return nil, fmt.Errorf("the address of upstream %d cannot be used: %w", i, err)
		}
		r := transport.Reach{Scheme: a.Scheme, Address: a.Host + a.Socket, Connect: in.Settings.Timeouts.Connect}
		if a.Scheme == "https" {
			r.TLS = tls
		}
		spec.Targets = append(spec.Targets, transport.TargetSpec{Reach: r, Path: a.Path, Weight: target.Weight})
	}
	return proxy.NewPool(spec, before)
}

func breakerOf(b models.Breaker) transport.Breaker {
	if b.Off {
		return transport.Breaker{}
	}
	out := transport.Breaker{Failures: b.Failures, Pause: b.Pause}
	if out.Failures <= 0 {
		out.Failures = defaultFailures
	}
	if out.Pause <= 0 {
		out.Pause = defaultPause
	}
	return out
}

func checkOf(h *models.HealthCheck) *transport.Check {
	if h == nil {
		return nil
	}
	path := h.Path
	if path != "" && !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return &transport.Check{Path: path, Interval: h.Interval, Timeout: h.Timeout, Unhealthy: h.Unhealthy, Healthy: h.Healthy}
}

func upstreamTLS(in *models.GatewayStage) (transport.TLS, error) {
	s := &in.Settings.TLS
	t := transport.TLS{CA: s.CA, ServerName: s.ServerName, Insecure: s.Insecure}
	switch {
	case s.Certificate == 0:
	case in.Certificate == nil:
		return t, errors.New("the certificate that its upstreams are to be shown is not there")
	default:
		t = t.Showing(in.Certificate)
	}
	return t, nil
}

// endOf is when a certificate ends; zero where there is none, or none that can be read.
func endOf(c *tls.Certificate) time.Time {
	if c == nil || len(c.Certificate) == 0 {
		return time.Time{}
	}
	leaf := c.Leaf
	if leaf == nil {
		var err error
		if leaf, err = x509.ParseCertificate(c.Certificate[0]); err != nil {
			return time.Time{}
		}
	}
	return leaf.NotAfter
}

// stage returns a stage, or its canary, as it is until now, or nil; before may be nil.
func (before *snapshot) stage(id models.StageID, canary bool) *stage {
	if before == nil {
		return nil
	}
	st := before.stages[id]
	if st != nil && canary {
		st = st.canary
	}
	return st
}

// pool returns the upstreams of a stage until now, or nil; before may be nil.
func (before *snapshot) pool(id models.StageID, canary bool) *transport.Pool {
	if st := before.stage(id, canary); st != nil {
		return st.pool
	}
	return nil
}

// pools returns the upstreams that are in use.
func (s *snapshot) pools() map[*transport.Pool]bool {
	all := map[*transport.Pool]bool{}
	if s == nil {
		return all
	}
	for _, st := range s.stages {
		for ; st != nil; st = st.canary {
			if st.pool != nil {
				all[st.pool] = true
			}
			for _, pool := range st.origins {
				all[pool] = true
			}
		}
	}
	return all
}

// install makes a snapshot hold.
func (g *Gateway) install(s *snapshot) {
	g.logBroken(s)
	g.logInsecure(s)
	g.stages.assign(s)
	g.openSpaces(s)
	g.current.Store(s)
	g.see(true)
	g.proxy.Keep(s.pools())
	select {
	case g.installed <- struct{}{}:
	default: // it is about to be looked at
	}
}

// logInsecure warns of each stage whose upstream's certificate is not looked at, once.
func (g *Gateway) logInsecure(s *snapshot) {
	insecure := map[models.StageID]bool{}
	for id, st := range s.stages {
		if !st.insecure {
			continue
		}
		insecure[id] = true
		if !g.insecure[id] {
			g.config.Log.Warn("the certificate of a stage's upstream is not looked at: whoever is on the way can read and change everything", "api", st.api.id.String(), "stage", st.name)
		}
	}
	g.insecure = insecure
	g.blind.Store(int32(len(insecure)))
}

// Unchecked is how many stages do not look at the certificates of their upstreams.
func (g *Gateway) Unchecked() int { return int(g.blind.Load()) }

// choose picks the upstream of a request that may pass, before anything is spent. Without one, and without an answer that is kept, it returns false.
func (d *decision) choose(at instant, m *method) bool {
	if m.pool == nil {
		return true // nobody is asked
	}
	d.pick, d.wait = m.pool.Pick(at.mono)
	if d.pick.IsSet() || d.keeps != nil && d.keeps.isKept() {
		return true
	}
	d.problem = problemUpstreamOut
	return false
}

// release gives the chosen upstream back: nothing is sent to it.
func (d *decision) release() {
	d.pick.Release()
	d.pick = transport.Pick{}
}

// isOut reports whether the method has no upstream in service, and spends nothing.
func (d *decision) isOut(at instant, m *method) bool {
	if m.pool == nil {
		return false
	}
	pick, wait := m.pool.Pick(at.mono)
	pick.Release()
	d.wait = wait
	return !pick.IsSet()
}

// Targets tells how the targets of a stage do, its own upstream first; none where it is not served.
func (g *Gateway) Targets(id models.StageID) (targets []models.TargetState) {
	s := g.current.Load()
	if s == nil || s.stages[id] == nil || s.stages[id].pool == nil {
		return nil
	}
	for _, state := range s.stages[id].pool.States(g.now().mono) {
		targets = append(targets, models.TargetState(state))
	}
	return targets
}

// targetMetrics tells Prometheus of the upstreams of the stages that have metrics of their own. A label is the place among the stage's upstreams, never an
// address.
type targetMetrics struct {
	g                  *Gateway
	in, failures, ends *prometheus.Desc
}

func newTargetMetrics(g *Gateway) *targetMetrics {
	labels := []string{"api", "stage", "target"}
	return &targetMetrics{
		g:        g,
		in:       prometheus.NewDesc("gatehouse_upstream_target_in", "1 while an upstream of a stage gets requests; target 0 is the stage's own, then its others.", labels, nil),
		failures: prometheus.NewDesc("gatehouse_upstream_target_failures_total", "Requests that an upstream of a stage failed: unreachable, too slow, 502, 503, 504.", labels, nil),
		ends: prometheus.NewDesc("gatehouse_client_certificate_expiry_seconds", "When the certificate expires that the upstreams of a stage are shown, in Unix seconds.",
			labels[:2], nil),
	}
}

// Describe implements prometheus.Collector.
func (m *targetMetrics) Describe(all chan<- *prometheus.Desc) {
	all <- m.in
	all <- m.failures
	all <- m.ends
}

// Collect implements prometheus.Collector.
func (m *targetMetrics) Collect(all chan<- prometheus.Metric) {
	s := m.g.current.Load()
	if s == nil {
		return
	}
	now := m.g.now().mono
	for _, st := range s.stages {
		if st.pool == nil || !m.g.stages.isNamed(st.count) {
			continue
		}
		if !st.shows.IsZero() {
			all <- prometheus.MustNewConstMetric(m.ends, prometheus.GaugeValue, float64(st.shows.Unix()), st.api.slug, st.name)
		}
		for i, state := range st.pool.States(now) {
			in := 0.0
			if state.In {
				in = 1
			}
			target := strconv.Itoa(i)
			all <- prometheus.MustNewConstMetric(m.in, prometheus.GaugeValue, in, st.api.slug, st.name, target)
			all <- prometheus.MustNewConstMetric(m.failures, prometheus.CounterValue, float64(state.Failures), st.api.slug, st.name, target)
		}
	}
}
