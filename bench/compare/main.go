// Command compare measures the gateway beside nginx, haproxy and caddy: the same upstream, the same load, in turns, in one run. `make bench-compare` runs it;
// docs/benchmarks.md tells what came out and on what.
//
// A side's cost is the processor time (user and system, /proc/PID/stat) that its processes took per answered request. Absolute times of a shared machine move
// by a third from one run to the next, so that only ratios of one run mean something: each round asks every side once, the ratio is taken within the round, and
// the median of the rounds is told with its quartiles.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var o options
	flag.StringVar(&o.binary, "gatehouse", "./gatehouse", "the release `binary`")
	flag.IntVar(&o.rounds, "rounds", 5, "`rounds` of each shape")
	flag.DurationVar(&o.time, "time", 2*time.Second, "`time` of a side in a round")
	flag.StringVar(&o.profile, "profile", "", "write where the gateway's processor time goes under the first of the shapes to this `file`, for go tool pprof")
	shapes := flag.String("shapes", "", "`names` of the shapes to run, idle and killed among them, with commas; empty: all")
	sides := flag.String("sides", "", "`names` of the sides to ask, with commas; empty: all")
	flag.Parse()
	o.shapes, o.sides = names(*shapes), names(*sides)
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

type options struct {
	binary string
	rounds int
	time   time.Duration
	shapes []string
	sides  []string

	profile string
}

// names are those of a list; nil: all.
func names(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

func run(ctx context.Context, o options) error {
	binary, err := filepath.Abs(o.binary)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "gatehouse-compare-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, keys: newKeys(), measured: map[string]map[string][]result{}, memory: map[string]float64{}, lost: map[string]string{}}
	defer b.stop()
	if err := b.makeCertificate(); err != nil {
		return err
	}
	if err := b.startUpstream(ctx); err != nil {
		return err
	}
	if err := b.seedGatehouse(ctx, binary); err != nil {
		return err
	}
	for _, start := range []func(context.Context) error{b.startNginx, b.startHAProxy, b.startCaddy, b.startGatehouses} {
		if err := start(ctx); err != nil {
			return err
		}
	}
	if len(o.sides) > 0 {
		b.keepSides(o.sides)
	}
	describe(ctx, b)
	chosen := slices.DeleteFunc(shapes(), func(s shape) bool { return !o.wants(s.name) })
	for _, s := range chosen {
		if err := b.measure(ctx, s, o); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if o.profile != "" && len(chosen) > 0 {
		if err := b.profile(ctx, chosen[0], o.profile); err != nil {
			return fmt.Errorf("profile: %w", err)
		}
	}
	if o.wants("idle") {
		if err := b.idle(ctx); err != nil {
			return err
		}
	}
	if o.wants("killed") {
		if err := b.killed(ctx, o); err != nil {
			return fmt.Errorf("killed: %w", err)
		}
	}
	b.summarize()
	return nil
}

// wants reports whether a part of the comparison is to run.
func (o *options) wants(name string) bool {
	return len(o.shapes) == 0 || slices.Contains(o.shapes, name)
}
