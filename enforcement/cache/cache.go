package cache

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
)

// The bounds of a cache's size, in bytes.
const (
	DefaultSize = 64 << 20
	MinSize     = 1 << 20
	MaxSize     = 64 << 30
)

const (
	// overhead is what an entry costs beside its body and headers, in bytes.
	overhead = 512
	// passTime is for how long requests for an answer that may not be kept do not wait for each other.
	passTime = 10 * time.Second
	// maxVary is how many headers an upstream may name in Vary.
	maxVary = 16
)

// Cache keeps answers. All methods are safe for concurrent use.
type Cache struct {
	kept    *otter.Cache[Key, *Answer]
	size    int64
	filling atomic.Int64 // bytes of answers that are not kept yet
	flights [flightShards]flightShard
	counts  counts

	mu     sync.Mutex
	spaces map[uint64]*Space // by stage
}

// New returns an empty cache of a size in bytes, MinSize or more.
func New(size int64) *Cache {
	c := &Cache{size: size, counts: newCounts(), spaces: map[uint64]*Space{}}
	c.kept = otter.Must(&otter.Options[Key, *Answer]{
		MaximumWeight:    uint64(size),
		Weigher:          func(_ Key, a *Answer) uint32 { return a.weight },
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[Key, *Answer]) time.Duration { return e.Value.life }),
		OnAtomicDeletion: func(e otter.DeletionEvent[Key, *Answer]) { c.forgotten(e.Value, e.Cause) },
	})
	return c
}

// Close stops what the cache does beside its calls.
func (c *Cache) Close() { c.kept.StopAllGoroutines() }

// Answer is one that is kept. It never changes.
type Answer struct {
	Status int
	Header http.Header // the upstream's, without those of the connection
	Body   []byte

	space  *Space
	vary   []string      // it is none, but says which headers of a request make the key: the base key holds one, for answers with Vary
	pass   bool          // it is none, but says that the last one could not be kept
	at     int64         // when it came, on the caller's clock in nanoseconds
	age    time.Duration // that it had then
	life   time.Duration // for which it is fresh from then on
	weight uint32
}

// Age is how old the answer is at a moment.
func (a *Answer) Age(now int64) time.Duration { return a.age + time.Duration(max(0, now-a.at)) }

// Left is for how long the answer stays fresh.
func (a *Answer) Left(now int64) time.Duration { return a.life - time.Duration(max(0, now-a.at)) }

// weigh says what the answer costs.
func (a *Answer) weigh() {
	n := overhead + len(a.Body)
	for name, values := range a.Header {
		n += len(name)
		for _, v := range values {
			n += len(v) + 16
		}
	}
	for _, name := range a.vary {
		n += len(name) + 16
	}
	a.weight = uint32(n)
}

// Miss says why an answer is not there.
type Miss uint8

// The reasons. NoMiss is a hit.
const (
	NoMiss   Miss = iota
	URIMiss       // nothing is kept under the key
	VaryMiss      // only for other values of the headers of Vary
	Stale         // it is too old, for the cache or for who asks
	Pass          // the last answer could not be kept: there is no use in waiting for another request's
)

// Find returns a fresh answer, or why there is none. Request is the headers of who asks.
func (c *Cache) Find(key Key, request http.Header, ask Ask, now int64) (*Answer, Miss) {
	a, ok := c.kept.GetIfPresent(key)
	varied := ok && a.vary != nil
	if varied {
		a, ok = c.kept.GetIfPresent(key.varied(a.vary, request))
	}
	switch {
	case !ok && varied:
		return nil, VaryMiss
	case !ok:
		return nil, URIMiss
	case a.Left(now) <= 0, ask.MaxAge >= 0 && a.Age(now) > ask.MaxAge && !a.pass:
		return nil, Stale
	case a.pass:
		return nil, Pass
	}
	return a, NoMiss
}

// Keep stores an answer, which is the cache's from now on. It returns false if its space is forgotten meanwhile.
func (c *Cache) Keep(key Key, request http.Header, a *Answer) bool {
	if a.space.gone.Load() {
		return false
	}
	if names := varyOf(a.Header); len(names) > 0 {
		c.put(key, &Answer{space: a.space, vary: names, at: a.at, life: a.life})
		key = key.varied(names, request)
	}
	c.put(key, a)
	c.counts.stored.Inc()
	return true
}

// NotKept notes that an answer may not be kept, so that the next ones are not waited for.
func (c *Cache) NotKept(key Key, space *Space, now int64) {
	c.put(key, &Answer{space: space, pass: true, at: now, life: passTime})
}

func (c *Cache) put(key Key, a *Answer) {
	a.weigh()
	if a.isWhole() {
		a.space.entries.Add(1)
		a.space.bytes.Add(int64(a.weight))
	}
	c.kept.Set(key, a)
}

// isWhole tells an answer from a note about answers.
func (a *Answer) isWhole() bool { return a.vary == nil && !a.pass }

func (c *Cache) forgotten(a *Answer, cause otter.DeletionCause) {
	if !a.isWhole() {
		return
	}
	a.space.entries.Add(-1)
	a.space.bytes.Add(-int64(a.weight))
	if cause == otter.CauseOverflow {
		c.counts.evicted.Inc()
	}
}

// Forget drops what is kept under a key.
func (c *Cache) Forget(key Key) { c.kept.Invalidate(key) }

// Reserve asks for room for bytes of an answer that comes in; Release gives it back.
func (c *Cache) Reserve(n int) bool {
	if c.filling.Add(int64(n)) > c.size {
		c.filling.Add(-int64(n))
		return false
	}
	return true
}

// Release gives back what Reserve gave.
func (c *Cache) Release(n int) { c.filling.Add(-int64(n)) }
