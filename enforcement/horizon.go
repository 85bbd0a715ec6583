package enforcement

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/models"
)

const (
	// leap is how far apart the two clocks may move between two looks before the wall clock counts as set.
	leap = 2 * time.Second
	// A clock that was set forward is believed when it has stood there for a minute; when it was set so far that usage of windows that are open would be
	// forgotten by it, for a day.
	soon     = time.Minute
	late     = 24 * time.Hour
	farAhead = 31 * 24 * time.Hour
	// A clock that was set back is believed when it has stood there for a day.
	patient = 24 * time.Hour
	// markEvery is how often the mark is kept, beside when a deadline has passed. A process that is killed forgets as much of it.
	markEvery = time.Minute
)

// horizon is the latest time that has come for certain: what ended before it has ended, though the wall clock be set back. It follows the wall clock, but
// not where that jumps ahead, before it has stood there for a while; nor back, but after a day: a clock that was wrong stops nothing for good.
type horizon struct {
	log    *slog.Logger
	mark   atomic.Int64 // Unix nanoseconds; 0: not begun
	urgent atomic.Bool  // a deadline has passed that mark had not reached: the next commit keeps it

	mu     sync.Mutex
	seen   instant       // the newest look
	at     int64         // on the monotonic clock: when mark was the wall clock's
	ahead  int64         // on the monotonic clock: since when the wall clock stands too far ahead; 0: it does not
	wait   time.Duration // until that is believed
	behind time.Duration // for how long the wall clock has stood behind mark
	kept   models.TimeMark
}

// begin goes on from what an earlier process kept.
func (h *horizon) begin(kept models.TimeMark, at instant) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept, h.behind, h.seen, h.at, h.ahead = kept, kept.Behind, at, at.mono, 0
	if kept.Time.IsZero() {
		h.mark.Store(at.wall)
	} else {
		h.mark.Store(kept.Time.UnixNano())
	}
	h.follow(at)
}

// passed reports whether a deadline, in Unix nanoseconds, has come. Once it has, by a clock that is believed, it has for good. The lock is taken once for
// a deadline, and no more.
func (h *horizon) passed(deadline int64, at instant) bool {
	if at.reached < deadline {
		return false
	}
	if h.mark.Load() < deadline {
		h.look(at)
		h.urgent.Store(true)
	}
	return true
}

// look takes notice of the clocks. It is called several times a second.
func (h *horizon) look(at instant) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at.mono > h.seen.mono {
		h.follow(at)
		h.seen = at
	}
}

func (h *horizon) follow(at instant) {
	mark := h.mark.Load()
	passed := at.mono - h.seen.mono
	beyond := at.wall - mark - (at.mono - h.at)
	switch {
	case at.wall < mark:
		h.ahead = 0
		if h.behind == 0 && mark-at.wall > int64(leap) {
			h.log.Warn("the clock was set back: what had ended before stays ended, for a day", "by", time.Duration(mark-at.wall).String())
		}
		if h.behind += time.Duration(max(1, passed)); h.behind < patient {
			return
		}
		h.log.Warn("the clock has been behind for a day, and is believed now")
	case beyond > int64(leap):
		h.behind = 0
		if set := at.wall - h.seen.wall - passed; h.ahead == 0 || set > int64(leap) {
			h.ahead, h.wait = at.mono, soon
			if beyond > int64(farAhead) {
				h.wait = late
				h.log.Warn("the clock stands far ahead of all that has been: nothing is forgotten by it for a day", "by", time.Duration(beyond).String())
			}
		}
		if time.Duration(at.mono-h.ahead) < h.wait {
			return
		}
	}
	h.ahead, h.behind, h.at = 0, 0, at.mono
	h.mark.Store(at.wall)
}

// due returns the mark when it is time to keep it.
func (h *horizon) due(ordered bool) (m models.TimeMark, due bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m = models.TimeMark{Time: time.Unix(0, h.mark.Load()).UTC(), Behind: h.behind}
	urgent := h.urgent.Swap(false)
	moved := max(m.Time.Sub(h.kept.Time).Abs(), (m.Behind - h.kept.Behind).Abs())
	return m, moved >= markEvery || (ordered || urgent) && moved > 0
}

// keep notes that the mark was kept.
func (h *horizon) keep(m models.TimeMark) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept = m
}

// Reached is the latest time that has come for certain: the wall clock's, but for one that has just been set, or stands behind a time that it has shown. What
// cannot be undone (forgetting, ending) is done by it.
func (g *Gateway) Reached() time.Time {
	g.horizon.look(g.now())
	return time.Unix(0, g.horizon.mark.Load()).UTC()
}
