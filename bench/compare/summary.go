package main

import "fmt"

// goal is a row of what the gateway is to reach, as ratios in one run.
type goal struct {
	about       string
	shape, side string
	against     string
	of          func(result) float64
	must, aim   string
}

func goals() []goal {
	rate := result.perSecond
	return []goal{
		{"processor time per request, against nginx", "allowed", ours, "nginx", cpuTaken, "0.85", "0.65"},
		{"processor time per request, against haproxy", "allowed", ours, "haproxy", cpuTaken, "0.80", "0.60"},
		{"the standard lane, against nginx", "allowed", standard, "nginx", cpuTaken, "4.2", "3.0"},
		{"nine of ten refused, against nginx", "refused", ours, "nginx", cpuTaken, "0.75", "0.55"},
		{"throughput, against nginx (at least)", "allowed", ours, "nginx", rate, "1.0", "1.2"},
		{"p99, against nginx", "allowed", ours, "nginx", p99, "1.2", "0.8"},
		{"answers of 1 MiB, against haproxy", "large", ours, "haproxy", cpuTaken, "0.8", "0.5"},
		{"uploads of 10 MiB, against haproxy", "upload", ours, "haproxy", cpuTaken, "0.8", "0.5"},
		{"each connection closed after its answer, against nginx", "churn", ours, "nginx", cpuTaken, "", ""},
		{"TLS, against nginx", "tls", ours, "nginx", cpuTaken, "", ""},
		{"a TLS handshake for each request, against nginx", "handshakes", ours, "nginx", cpuTaken, "", ""},
		{"answers of 1 MiB over TLS, against haproxy", "tls-large", ours, "haproxy", cpuTaken, "", ""},
		{"HTTP/2 with TLS, against nginx", "h2", ours, "nginx", cpuTaken, "", ""},
	}
}

// summarize tells what was measured beside what is to be reached.
func (b *bench) summarize() {
	fmt.Printf("\n### in all: median of the rounds' ratios (quartiles)\n\n| | measured | at most | aim |\n|---|---|---:|---:|\n")
	for _, g := range goals() {
		rounds := b.measured[g.shape]
		if len(rounds[g.side]) == 0 || len(rounds[g.against]) == 0 {
			continue
		}
		fmt.Printf("| %s | %s | %s | %s |\n", g.about, quartiles(ratios(rounds[g.side], rounds[g.against], g.of)), g.must, g.aim)
	}
	for _, name := range []string{ours, standard} {
		if mb, ok := b.memory[name]; ok {
			fmt.Printf("| %d idle connections, MB more: %s | %.1f | 40 | 15 |\n", idleConnections, name, mb)
		}
		if lost, ok := b.lost[name]; ok {
			fmt.Printf("| answered but unrecorded after kill -9: %s | %s | 0 | 0 |\n", name, lost)
		}
	}
}
