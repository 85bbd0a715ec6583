package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// shape is a kind of load.
type shape struct {
	name, about string
	connections int
	streams     int    // of HTTP/2 on each connection; 0: HTTP/1.1
	path        string // at the peers
	ours        string // at the gateway
	method      string
	body        int // bytes
	close       bool
	secured     bool   // by TLS
	refused     bool   // nine of ten answers are 429
	against     string // the side that the ratios are to
	without     []string
}

func shapes() []shape {
	return []shape{
		{name: "allowed", about: "1 KB, 64 connections, all allowed", connections: 64, path: "/", ours: "/bench/prod/", against: "nginx"},
		{name: "refused", about: "64 connections, 9 of 10 answered with 429", connections: 64, path: "/few", ours: "/bench/few/", refused: true, against: "nginx", without: []string{"caddy"}},
		{name: "churn", about: "1 KB, 64 connections, each closed after its answer", connections: 64, path: "/", ours: "/bench/prod/", close: true, against: "nginx"},
		{name: "large", about: "answers of 1 MiB, 16 connections", connections: 16, path: "/large", ours: "/bench/prod/large", against: "haproxy"},
		{name: "upload", about: "bodies of 10 MiB, 4 connections", connections: 4, path: "/upload", ours: "/bench/sink/upload", method: http.MethodPost, body: 10 << 20, against: "haproxy"},
		{name: "tls", about: "1 KB over TLS, 64 connections", connections: 64, path: "/", ours: "/bench/prod/", secured: true, against: "nginx"},
		{name: "handshakes", about: "1 KB over TLS, 16 connections, each closed after its answer", connections: 16, path: "/", ours: "/bench/prod/", secured: true, close: true, against: "nginx"},
		{name: "tls-large", about: "answers of 1 MiB over TLS, 16 connections", connections: 16, path: "/large", ours: "/bench/prod/large", secured: true, against: "haproxy"},
		{name: "h2", about: "1 KB over HTTP/2 with TLS, 16 connections with 4 requests at once on each", connections: 16, streams: 4, path: "/", ours: "/bench/prod/", secured: true, against: "nginx"},
	}
}

// result is what one side did in one round.
type result struct {
	Requests int64   `json:"requests"`
	Errors   int64   `json:"errors"`
	Refused  int64   `json:"refused"` // answers other than 2xx and 3xx
	P50      float64 `json:"p50"`     // µs
	P99      float64 `json:"p99"`
	Seconds  float64 `json:"seconds"`

	own, kernel float64 // µs per request
}

func (r result) perSecond() float64 { return float64(r.Requests) / r.Seconds }

func (b *bench) sidesOf(s shape) (sides []*side) {
	for _, x := range b.sides {
		if _, address := x.at(s.secured); address != "" && !slices.Contains(s.without, x.name) {
			sides = append(sides, x)
		}
	}
	return sides
}

// warmTime is what comes before each turn and is not counted.
const warmTime = time.Second

func (b *bench) measure(ctx context.Context, s shape, o options) error {
	script, err := b.write(s.name+".lua", b.script(s))
	if err != nil {
		return err
	}
	sides := b.sidesOf(s)
	rounds := map[string][]result{}
	for round := range o.rounds + 1 { // the first one warms up
		for i := range sides {
			x := sides[(i+round)%len(sides)]
			// Each turn begins from traffic, not from rest: what a side does once after a pause, such as fetching rights for each key, is not of its requests.
			if _, err := b.load(ctx, x, s, script, warmTime); err != nil {
				return fmt.Errorf("%s: %w", x.name, err)
			}
			r, err := b.load(ctx, x, s, script, o.time)
			if err != nil {
				return fmt.Errorf("%s: %w", x.name, err)
			}
			if round == 0 {
				continue
			}
			if err := r.check(s); err != nil {
				return fmt.Errorf("%s: %w", x.name, err)
			}
			rounds[x.name] = append(rounds[x.name], r)
		}
	}
	b.report(s, sides, rounds)
	return nil
}

// check tells whether the side did its job. A key that may call once a minute may do so again in a later round.
func (r result) check(s shape) error {
	share := float64(r.Refused) / float64(r.Requests)
	if s.refused && (share < .8 || share > .91) || !s.refused && r.Refused > 0 {
		return fmt.Errorf("%d of %d answers were no success", r.Refused, r.Requests)
	}
	return nil
}

// report prints a table in Markdown.
func (b *bench) report(s shape, sides []*side, rounds map[string][]result) {
	fmt.Printf("\n### %s: %s\n\n| | CPU µs | in the kernel | times %s | requests/s | times | p50 µs | p99 µs | times | errors |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n", s.name, s.about, s.against)
	base := rounds[s.against]
	b.measured[s.name] = rounds
	for _, x := range sides {
		own := rounds[x.name]
		value := func(f func(result) float64) float64 { return quartile(own, 2, f) }
		ratio := func(f func(result) float64) string { return quartiles(ratios(own, base, f)) }
		rate := result.perSecond
		var errors int64
		for _, r := range own {
			errors += r.Errors
		}
		fmt.Printf("| %s | %.1f | %.1f | %s | %.0f | %s | %.0f | %.0f | %s | %d |\n", x.name, value(cpuTaken), value(func(r result) float64 { return r.kernel }), ratio(cpuTaken), value(rate), ratio(rate), value(func(r result) float64 { return r.P50 }),
			value(p99), ratio(p99), errors)
	}
}

// ratios are what one side took to another, round by round, sorted.
func ratios(own, base []result, f func(result) float64) (r []float64) {
	for i := range min(len(own), len(base)) {
		r = append(r, f(own[i])/f(base[i]))
	}
	slices.Sort(r)
	return r
}

func quartiles(sorted []float64) string {
	return fmt.Sprintf("%.2f (%.2f to %.2f)", at(sorted, 2), at(sorted, 1), at(sorted, 3))
}

func cpuTaken(r result) float64 { return r.own + r.kernel }
func p99(r result) float64      { return r.P99 }

func quartile(rs []result, q int, f func(result) float64) float64 {
	var v []float64
	for _, r := range rs {
		v = append(v, f(r))
	}
	slices.Sort(v)
	return at(v, q)
}

// at returns the q-th quartile of sorted values.
func at(v []float64, q int) float64 { return v[(len(v)-1)*q/4] }

// describe prints what is compared, and where.
func describe(ctx context.Context, b *bench) {
	fmt.Println("Machine:", machine())
	told := map[string]bool{}
	for _, x := range b.sides {
		if told[x.name] {
			continue
		}
		told[x.name] = true
		fmt.Printf("%s: %s; %s\n", x.name, x.job, version(ctx, x.cmd.Path))
	}
}

func machine() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	model, cores := "", 0
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			model, cores = strings.TrimSpace(value), cores+1
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	load, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("%d × %s, Linux %s; load before: %s", cores, model, strings.TrimSpace(string(kernel)), strings.Join(strings.Fields(string(load))[:3], " "))
}

func version(ctx context.Context, program string) string {
	for _, flag := range []string{"-v", "version"} {
		if out, err := exec.CommandContext(ctx, program, flag).CombinedOutput(); err == nil {
			line, _, _ := strings.Cut(string(out), "\n")
			return filepath.Base(program) + " " + line
		}
	}
	return filepath.Base(program)
}
