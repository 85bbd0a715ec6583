package bench

import (
	"context"
	"runtime"
	"testing"
	"time"
)

// BenchmarkMemory loads a million keys, and has each of them call once. The time of loading is that of a start without a database.
func BenchmarkMemory(b *testing.B) {
	const n = 1_000_000
	r := newRecords(n)
	keys := r.keys()
	for b.Loop() {
		before := heap()
		start := time.Now()
		g := r.gateway(b)
		b.ReportMetric(time.Since(start).Seconds(), "s/load")
		b.ReportMetric(float64(heap()-before)/n, "B/key")
		route, slug := g.Route("echo", "prod", "GET", "/users/7")
		if slug != "" {
			b.Fatal(slug)
		}
		warm(b, func(k *key) bool { return route.Admit(k.digest) == "" }, keys)
		if err := g.Commit(context.Background()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(heap()-before)/n, "B/key-in-use")
		runtime.KeepAlive(g)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
