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

// load drives one side for a while and reads what it cost.
func (b *bench) load(ctx context.Context, x *side, s shape, script string, d time.Duration) (r result, err error) {
	scheme, address := x.at(s.secured)
	url := scheme + "://" + address + s.path
	if x.ours {
		url = scheme + "://" + address + s.ours
	}
	if s.method == "" {
		if status, err := ask(ctx, url, ""); err != nil || status != http.StatusForbidden {
			return r, fmt.Errorf("a request without a key got %d, %v", status, err)
		}
	}
	before, err := cpuOf(x)
	if err != nil {
		return r, err
	}
	if s.streams > 0 {
		r, err = b.byH2load(ctx, url, s, d)
	} else {
		r, err = byWrk(ctx, url, s, script, d)
	}
	if err != nil {
		return r, err
	}
	after, err := cpuOf(x)
	if err != nil {
		return r, err
	}
	if r.Requests == 0 {
		return r, fmt.Errorf("%s was not answered", url)
	}
	r.own = (after.own - before.own).Seconds() * 1e6 / float64(r.Requests)
	r.kernel = (after.kernel - before.kernel).Seconds() * 1e6 / float64(r.Requests)
	return r, nil
}

func seconds(d time.Duration) string { return strconv.Itoa(int(max(1, d.Seconds()))) }

func byWrk(ctx context.Context, url string, s shape, script string, d time.Duration) (r result, err error) {
	out, err := exec.CommandContext(ctx, "wrk", "-t1", "-c"+strconv.Itoa(s.connections), "-d"+seconds(d)+"s", "-s", script, url).CombinedOutput()
	if err != nil {
		return r, fmt.Errorf("wrk: %w: %s", err, out)
	}
	if i := bytes.LastIndexByte(out, '{'); i < 0 || json.Unmarshal(out[i:], &r) != nil {
		return r, fmt.Errorf("wrk said: %s", out)
	}
	return r, nil
}

// byH2load counts each request by h2load's log of them: when it began, its status, how many microseconds it took.
func (b *bench) byH2load(ctx context.Context, url string, s shape, d time.Duration) (r result, err error) {
	log := filepath.Join(b.dir, "h2load.log")
	_ = os.Remove(log) // of the side before
	begun := time.Now()
	out, err := exec.CommandContext(ctx, "h2load", "-t1", "-c"+strconv.Itoa(s.connections), "-m"+strconv.Itoa(s.streams), "-D"+seconds(d), "--log-file="+log,
		"-H", "x-api-key: "+b.keys[0], url).CombinedOutput()
	if err != nil {
		return r, fmt.Errorf("h2load: %w: %s", err, out)
	}
	r.Seconds = time.Since(begun).Seconds()
	text, err := os.ReadFile(log)
	if err != nil {
		return r, err
	}
	var times []float64
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		took, err := strconv.ParseFloat(f[2], 64)
		if err != nil {
			return r, fmt.Errorf("h2load wrote %q: %w", line, err)
		}
		switch {
		case f[1] == "200":
			times = append(times, took)
		case f[1] == "-1":
			r.Errors++ // of what was under way when the time was over, too
		default:
			r.Refused++
		}
	}
	r.Requests = int64(len(times)) + r.Refused
	if slices.Sort(times); len(times) > 0 {
		r.P50, r.P99 = times[len(times)/2], times[len(times)*99/100]
	}
	return r, nil
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
