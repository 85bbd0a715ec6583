package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// shape is a kind of load.
type shape struct {
	name, about string
	connections int
	path        string // at the peers
	ours        string // at the gateway
	method      string
	body        int // bytes
	close       bool
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
		{name: "upload", about: "bodies of 10 MiB, 4 connections", connections: 4, path: "/", ours: "/bench/prod/", method: http.MethodPost, body: 10 << 20, against: "haproxy"},
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
	cpu      float64 // µs per request
}

func (r result) perSecond() float64 { return float64(r.Requests) / r.Seconds }

func (b *bench) sidesOf(s shape) (sides []*side) {
	for _, x := range b.sides {
		if !slices.Contains(s.without, x.name) {
			sides = append(sides, x)
		}
	}
	return sides
}

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
	report(s, sides, rounds)
	return nil
}

func pathOf(x *side, s shape) string {
	if x.name == ours {
		return s.ours
	}
	return s.path
}

// load drives one side for a while and reads what it cost.
func (b *bench) load(ctx context.Context, x *side, s shape, script string, d time.Duration) (result, error) {
	if status, err := ask(ctx, x, pathOf(x, s), ""); err != nil || status != http.StatusForbidden {
		return result{}, fmt.Errorf("a request without a key got %d, %v", status, err)
	}
	before, err := cpuOf(x)
	if err != nil {
		return result{}, err
	}
	url := "http://" + x.address + pathOf(x, s)
	cmd := exec.CommandContext(ctx, "wrk", "-t1", "-c"+strconv.Itoa(s.connections), "-d"+strconv.Itoa(int(max(1, d.Seconds())))+"s", "-s", script, url)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return result{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	after, err := cpuOf(x)
	if err != nil {
		return result{}, err
	}
	var r result
	if i := bytes.LastIndexByte(out, '{'); i < 0 || json.Unmarshal(out[i:], &r) != nil || r.Requests == 0 {
		return r, fmt.Errorf("wrk said: %s", out)
	}
	r.cpu = (after - before).Seconds() * 1e6 / float64(r.Requests)
	return r, nil
}

// check tells whether the side did its job. A key that may call once a minute may do so again in a later round.
func (r result) check(s shape) error {
	share := float64(r.Refused) / float64(r.Requests)
	if s.refused && (share < .8 || share > .91) || !s.refused && r.Refused > 0 {
		return fmt.Errorf("%d of %d answers were no success", r.Refused, r.Requests)
	}
	return nil
}

// script is what wrk sends: each key in turn, formatted once.
func (b *bench) script(s shape) string {
	var text strings.Builder
	method := s.method
	if method == "" {
		method = http.MethodGet
	}
	fmt.Fprintf(&text, "local method, path, body = %q, nil, nil\n", method)
	if s.body > 0 {
		fmt.Fprintf(&text, "body = string.rep('x', %d)\n", s.body)
	}
	text.WriteString("local keys, requests, n = {}, {}, 0\n")
	for _, k := range b.keys {
		fmt.Fprintf(&text, "keys[#keys + 1] = %q\n", k)
	}
	connection := ""
	if s.close {
		connection = `headers["Connection"] = "close"`
	}
	some := "#keys"
	if s.body > 0 {
		some = "4" // each has the whole body
	}
	fmt.Fprintf(&text, `init = function()
	for i = 1, %s do
		local headers = {["x-api-key"] = keys[i]}
		%s
		requests[i] = wrk.format(method, path, headers, body)
	end
end
request = function()
	n = n %% #requests + 1
	return requests[n]
end
done = function(summary, latency)
	io.write(string.format('{"requests":%%d,"errors":%%d,"refused":%%d,"p50":%%f,"p99":%%f,"seconds":%%f}\n', summary.requests,
		summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout, summary.errors.status,
		latency:percentile(50), latency:percentile(99), summary.duration / 1e6))
end
`, some, connection)
	return text.String()
}

// report prints a table in Markdown.
func report(s shape, sides []*side, rounds map[string][]result) {
	fmt.Printf("\n### %s: %s\n\n| | CPU µs | times %s | requests/s | times | p50 µs | p99 µs | times | errors |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|\n", s.name, s.about, s.against)
	base := rounds[s.against]
	for _, x := range sides {
		own := rounds[x.name]
		value := func(f func(result) float64) float64 { return quartile(own, 2, f) }
		ratio := func(f func(result) float64) string {
			var r []float64
			for i := range own {
				r = append(r, f(own[i])/f(base[i]))
			}
			slices.Sort(r)
			return fmt.Sprintf("%.2f (%.2f to %.2f)", at(r, 2), at(r, 1), at(r, 3))
		}
		cpu, rate, p99 := func(r result) float64 { return r.cpu }, result.perSecond, func(r result) float64 { return r.P99 }
		var errors int64
		for _, r := range own {
			errors += r.Errors
		}
		fmt.Printf("| %s | %.1f | %s | %.0f | %s | %.0f | %.0f | %s | %d |\n", x.name, value(cpu), ratio(cpu), value(rate), ratio(rate), value(func(r result) float64 { return r.P50 }),
			value(p99), ratio(p99), errors)
	}
}

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
	for _, x := range b.sides {
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
	return fmt.Sprintf("%d × %s, Linux %s", cores, model, strings.TrimSpace(string(kernel)))
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
