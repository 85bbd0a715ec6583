package enforcement

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/models"
)

// mostCounted is how many stages have metrics of their own. All others share one set: an installation with thousands of stages must not fill Prometheus.
const mostCounted = 200

// stageAnswer is how a request of a stage was answered.
type stageAnswer uint8

const (
	answered1xx stageAnswer = iota // protocol switched
	answered2xx
	answered3xx
	answered4xx
	answered5xx
	answeredNone    // the client was gone, or the exchange was cut
	answeredRefused // by the gateway
	numStageAnswers
)

var stageAnswerNames = [numStageAnswers]string{"1xx", "2xx", "3xx", "4xx", "5xx", "none", "refused"}

// stageCount is what was counted of a stage, in shards as counts has them. It outlives snapshots.
type stageCount struct{ shards [countShards]stageShard }

// stageShard is some of the stage's requests. Its padding keeps two of them off one cache line.
type stageShard struct {
	answers   [numStageAnswers]atomic.Int64
	in, out   atomic.Int64 // bytes
	exchanges atomic.Int64
	latency   atomic.Int64 // nanoseconds, of exchanges
	_         [40]byte
}

func (c *stageCount) add(q *call) { c.shards[q.countShard()].add(q) }

func (c *stageShard) add(q *call) {
	x := &q.ended.exchange
	switch status := x.Status; {
	case q.decision.problem != problemNone:
		c.answers[answeredRefused].Add(1)
	case status < 100 || status > 599:
		c.answers[answeredNone].Add(1)
	default:
		c.answers[answered1xx+stageAnswer(status/100-1)].Add(1)
	}
	if !q.proxied {
		return
	}
	if x.BytesIn > 0 {
		c.in.Add(x.BytesIn)
	}
	c.out.Add(x.BytesOut)
	if q.kept != nil {
		return
	}
	c.exchanges.Add(1)
	c.latency.Add(int64(x.Latency))
}

// sum is what all shards counted.
func (c *stageCount) sum() *stageShard {
	all := new(stageShard)
	for i := range c.shards {
		all.addAll(&c.shards[i])
	}
	return all
}

func (c *stageShard) addAll(other *stageShard) {
	for i := range c.answers {
		c.answers[i].Add(other.answers[i].Load())
	}
	c.in.Add(other.in.Load())
	c.out.Add(other.out.Load())
	c.exchanges.Add(other.exchanges.Load())
	c.latency.Add(other.latency.Load())
}

// stageCounts is a prometheus.Collector of the stages' counts.
type stageCounts struct {
	mu    sync.Mutex
	some  map[models.StageID]*countedStage
	other stageCount // of stages that found no room, and of those that are gone
}

type countedStage struct {
	count      *stageCount
	api, stage string // as they are called now
}

// assign gives each stage of a snapshot its counts, before anybody sees the snapshot. What was counted of stages that are gone stays in the sum.
func (c *stageCounts) assign(s *snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.some == nil {
		c.some = map[models.StageID]*countedStage{}
	}
	for id, have := range c.some {
		if s.stages[id] == nil {
			c.other.shards[0].addAll(have.count.sum())
			delete(c.some, id)
		}
	}
	var ids []models.StageID
	for id := range s.stages {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		st := s.stages[id]
		have := c.some[id]
		if have == nil && len(c.some) < mostCounted {
			have = &countedStage{count: new(stageCount)}
			c.some[id] = have
		}
		if have == nil {
			st.count = &c.other
			st.shareCount()
			continue
		}
		have.api, have.stage = st.api.slug, st.name
		st.count = have.count
		st.shareCount()
	}
}

var (
	stageLabels     = []string{"api", "stage"}
	descAnswers     = prometheus.NewDesc("gatehouse_stage_requests_total", "Requests of a stage by answer: the class of the upstream's status, refused by the gateway, or none.", append(stageLabels, "answer"), nil)
	descStageBytes  = prometheus.NewDesc("gatehouse_stage_bytes_total", "Bytes of bodies that were carried for a stage, in from clients and out to them.", append(stageLabels, "direction"), nil)
	descStageWaited = prometheus.NewDesc("gatehouse_stage_upstream_seconds", "Time until the stage's upstream began to answer, or failed: sum and count.", stageLabels, nil)
)

// Describe implements prometheus.Collector.
func (c *stageCounts) Describe(to chan<- *prometheus.Desc) {
	to <- descAnswers
	to <- descStageBytes
	to <- descStageWaited
}

// Collect implements prometheus.Collector.
func (c *stageCounts) Collect(to chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := map[[2]string]bool{}
	for _, have := range c.some {
		if name := [2]string{have.api, have.stage}; !seen[name] { // two of one name cannot be, and would cost all metrics
			seen[name] = true
			have.count.sum().collect(to, have.api, have.stage)
		}
	}
	c.other.sum().collect(to, "", "")
}

func (c *stageShard) collect(to chan<- prometheus.Metric, api, stage string) {
	counter := func(desc *prometheus.Desc, n int64, label string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), api, stage, label)
	}
	for i := range c.answers {
		if n := c.answers[i].Load(); n > 0 {
			counter(descAnswers, n, stageAnswerNames[i])
		}
	}
	counter(descStageBytes, c.in.Load(), "in")
	counter(descStageBytes, c.out.Load(), "out")
	to <- prometheus.MustNewConstSummary(descStageWaited, uint64(c.exchanges.Load()), time.Duration(c.latency.Load()).Seconds(), nil, api, stage)
}

// shareCount has the stage's canary counted with it.
func (st *stage) shareCount() {
	if st.canary != nil {
		st.canary.count = st.count
	}
}

// isNamed reports whether a count is of one stage alone.
func (c *stageCounts) isNamed(count *stageCount) bool { return count != &c.other }
