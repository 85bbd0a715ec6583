package enforcement

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// counts is what the gateway tells Prometheus of requests. No label has more values than this package has outcomes: never one per key. Requests count in one of
// several shards, and those of one loop of the fast lane always in the same: a line of memory that two processors write to costs each of them more than all the
// additions.
type counts struct{ shards [countShards]countShard }

const countShards = 8

// countShard is where a call counts, here and in its stage.
func (c *call) countShard() int { return int(c.shard) % countShards }

// countShard is some of the requests. Its padding keeps two of them off one cache line.
type countShard struct {
	answers  [numAnswers]atomic.Int64 // by problem, or what stands behind the problems
	in, out  atomic.Int64             // bytes
	upstream histogram
	own      histogram
	_        [64]byte
}

// Answers that are no problem, behind the problems. problemNone is that an upstream answered.
const (
	answeredFromCache = numProblems + iota
	answeredPreflight
	answeredQuote
	answeredMock
	numAnswers
)

// histogram counts times. Bounds are told to it each time, in rising order, at most mostBounds.
type histogram struct {
	counts [mostBounds + 1]atomic.Int64
	sum    atomic.Int64 // nanoseconds
}

const mostBounds = 14

// The upper ends of the buckets of histograms.
var (
	upstreamBounds = []time.Duration{
		time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
		250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second,
	}
	ownBounds = []time.Duration{
		10 * time.Microsecond, 25 * time.Microsecond, 50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond, time.Millisecond,
		2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 50 * time.Millisecond, 250 * time.Millisecond, time.Second,
	}
)

func (h *histogram) observe(bounds []time.Duration, d time.Duration) {
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.sum.Add(int64(d))
}

// observeUpstream notes how long an upstream took to begin its answer, or to fail.
func (c *counts) observeUpstream(q *call, d time.Duration) {
	c.shards[q.countShard()].upstream.observe(upstreamBounds, d)
}

// add counts a request that has ended.
func (c *counts) add(q *call) {
	s := &c.shards[q.countShard()]
	s.own.observe(ownBounds, q.own())
	if n := q.ended.exchange.BytesIn; q.proxied && n > 0 {
		s.in.Add(n)
	}
	if n := q.ended.exchange.BytesOut + q.sent; n > 0 {
		s.out.Add(n)
	}
	if q.stage != nil && (q.proxied || q.decision.problem != problemNone) {
		q.stage.count.add(q)
	}
	s.answers[q.answer()].Add(1)
}

// answer is how the request is counted.
func (c *call) answer() problem {
	switch p := c.decision.problem; {
	case c.isQuoted():
		return answeredQuote
	case c.made && p == problemNone:
		return answeredMock
	case c.kept != nil && !c.made:
		return answeredFromCache
	case p == problemNone && !c.proxied:
		return answeredPreflight
	default:
		return p
	}
}

var (
	descRequests = prometheus.NewDesc("gatehouse_requests_total", "Requests by answer: forwarded, cached, preflight, quote, mock, or the slug of a problem.", []string{"answer"}, nil)
	descUnknown  = prometheus.NewDesc("gatehouse_unknown_keys_total", "Requests with a key that is malformed or not known.", nil, nil)
	descBytes    = prometheus.NewDesc("gatehouse_bytes_total", "Bytes of bodies, in from clients and out to them.", []string{"direction"}, nil)
	descUpstream = prometheus.NewDesc("gatehouse_upstream_seconds", "Time until an upstream began to answer, or failed.", nil, nil)
	descOwn      = prometheus.NewDesc("gatehouse_gateway_seconds", "Time that the gateway itself had a request: all but what its upstream and the bodies took.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *counts) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descRequests, descUnknown, descBytes, descUpstream, descOwn} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *counts) Collect(to chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, n int64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	for p := range numAnswers {
		counter(descRequests, c.sum(func(s *countShard) *atomic.Int64 { return &s.answers[p] }), answerLabel(p))
	}
	unknown := c.sum(func(s *countShard) *atomic.Int64 { return &s.answers[problemKeyUnknown] })
	counter(descUnknown, unknown+c.sum(func(s *countShard) *atomic.Int64 { return &s.answers[problemKeyMalformed] }))
	counter(descBytes, c.sum(func(s *countShard) *atomic.Int64 { return &s.in }), "in")
	counter(descBytes, c.sum(func(s *countShard) *atomic.Int64 { return &s.out }), "out")
	to <- c.histogram(descUpstream, upstreamBounds, func(s *countShard) *histogram { return &s.upstream })
	to <- c.histogram(descOwn, ownBounds, func(s *countShard) *histogram { return &s.own })
}

func answerLabel(p problem) string {
	switch p {
	case problemNone:
		return "forwarded"
	case answeredFromCache:
		return "cached"
	case answeredPreflight:
		return "preflight"
	case answeredQuote:
		return "quote"
	case answeredMock:
		return "mock"
	default:
		return p.entry().Slug
	}
}

func (c *counts) sum(of func(*countShard) *atomic.Int64) (n int64) {
	for i := range c.shards {
		n += of(&c.shards[i]).Load()
	}
	return n
}

func (c *counts) histogram(d *prometheus.Desc, bounds []time.Duration, of func(*countShard) *histogram) prometheus.Metric {
	buckets, count := map[float64]uint64{}, int64(0)
	for i := range len(bounds) + 1 {
		count += c.sum(func(s *countShard) *atomic.Int64 { return &of(s).counts[i] })
		if i < len(bounds) {
			buckets[bounds[i].Seconds()] = uint64(count)
		}
	}
	sum := c.sum(func(s *countShard) *atomic.Int64 { return &of(s).sum })
	return prometheus.MustNewConstHistogram(d, uint64(count), time.Duration(sum).Seconds(), buckets)
}
