package bench

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/sethvargo/go-limiter/memorystore"
	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/memstore"
	"github.com/ulule/limiter/v3"
	"github.com/ulule/limiter/v3/drivers/store/memory"
	"golang.org/x/time/rate"

	"gatehouse/models"
)

// key is what a request is known by: the hash of the value that it presented, 32 bytes. Text is the same bytes, for those that want a
// string: they need not pay for the conversion.
type key struct {
	id     models.KeyID
	digest [32]byte
	text   string
}

// rival decides one request of a key. It returns true: nobody is at a limit.
type rival func(k *key) bool

// newXRate is one golang.org/x/time/rate limiter per key, in the map that the standard library has for such a use.
func newXRate() rival {
	var limiters sync.Map
	return func(k *key) bool {
		l, ok := limiters.Load(k.digest)
		if !ok {
			l, _ = limiters.LoadOrStore(k.digest, rate.NewLimiter(perSecond, burst))
		}
		return l.(*rate.Limiter).Allow()
	}
}

// newGoLimiter is github.com/sethvargo/go-limiter with its store in memory: fixed intervals.
func newGoLimiter(b *testing.B) rival {
	store, err := memorystore.New(&memorystore.Config{Tokens: burst, Interval: burst / perSecond * time.Second})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close(context.Background()) })
	return func(k *key) bool {
		_, _, _, ok, err := store.Take(context.Background(), k.text)
		return ok && err == nil
	}
}

// newThrottled is github.com/throttled/throttled with its store in memory: GCRA.
func newThrottled(b *testing.B) rival {
	store, err := memstore.NewCtx(0)
	if err != nil {
		b.Fatal(err)
	}
	l, err := throttled.NewGCRARateLimiterCtx(store, throttled.RateQuota{MaxRate: throttled.PerSec(perSecond), MaxBurst: burst})
	if err != nil {
		b.Fatal(err)
	}
	return func(k *key) bool {
		limited, _, err := l.RateLimitCtx(context.Background(), k.text, 1)
		return !limited && err == nil
	}
}

// newUlule is github.com/ulule/limiter with its store in memory: fixed windows.
func newUlule() rival {
	l := limiter.New(memory.NewStore(), limiter.Rate{Period: time.Hour, Limit: 1e12})
	return func(k *key) bool {
		c, err := l.Get(context.Background(), k.text)
		return err == nil && !c.Reached
	}
}
