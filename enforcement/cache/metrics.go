package cache

import "github.com/prometheus/client_golang/prometheus"

// Result is what came of a request to a stage that keeps answers.
type Result uint8

// The results.
const (
	Hit       Result = iota // answered from what is kept
	Collapsed               // answered by what another request brought meanwhile
	Missed                  // asked of the upstream
	Bypassed                // asked of the upstream without looking
	numResults
)

var resultNames = [numResults]string{"hit", "collapsed", "miss", "bypass"}

type counts struct {
	asked           *prometheus.CounterVec
	results         [numResults]prometheus.Counter // of asked
	stored, evicted prometheus.Counter
}

func newCounts() counts {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	c := counts{
		asked: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_cache_requests_total",
			Help: "Requests to stages that keep answers, by result: hit, collapsed (answered by another request's answer), miss, bypass.",
		}, []string{"result"}),
		stored:  counter("gatehouse_cache_stored_total", "Answers that were kept."),
		evicted: counter("gatehouse_cache_evicted_total", "Answers that were dropped before their time, to make room."),
	}
	for r := range c.results {
		c.results[r] = c.asked.WithLabelValues(resultNames[r])
	}
	return c
}

// Count notes what came of a request.
func (c *Cache) Count(s *Space, r Result) {
	c.counts.results[r].Inc()
	switch r {
	case Hit, Collapsed:
		s.hits.Add(1)
	case Missed:
		s.misses.Add(1)
	default:
		s.passed.Add(1)
	}
}

// Register adds the cache's metrics to r.
func (c *Cache) Register(r prometheus.Registerer) {
	r.MustRegister(c.counts.asked, c.counts.stored, c.counts.evicted,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatehouse_cache_entries", Help: "Answers that are kept."},
			func() float64 { return float64(c.kept.EstimatedSize()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatehouse_cache_bytes", Help: "Memory of the answers that are kept."},
			func() float64 { return float64(c.kept.WeightedSize()) }),
	)
}
