package limit

import (
	"cmp"
	"flag"
	"fmt"
	"slices"
	"testing"
)

var explore = flag.Int("explore", 2, "the explorer's highest limit: 1..4; each step takes about eight times as long")

// The explorer walks through every state that two holders and a ledger can reach over a network that loses, repeats and delays, with
// holders that crash, machines that lose the end of their journal and a limit that is changed, and checks each state
// (RELIABILITY 2.13, 2). It calls the real Exchange and Close; only the holders and the network are a model.
const (
	exploredHolders = 2
	exploredRefunds = 1 // per holder
	exploredReboots = 1
	exploredChanges = 2 // of the limit
)

// world is one state. It is comparable, and its sequence numbers are renumbered, so that states that differ in nothing that
// matters are one.
type world struct {
	limit, highest   int8 // in force, and the highest that ever was
	changes, reboots int8
	granted, doubt   int8 // of Stock
	holders          [exploredHolders]side
}

// side is one holder, what the ledger knows of it, and what is under way between the two.
type side struct {
	granted, used, refunded int8 // as the holder knows
	charged, open           int8 // requests truly admitted and not refunded: ever, and since the holder started
	seq                     int8 // of its newest ask
	book                    holding
	ask                     message
	grant                   reply
}

type holding struct{ granted, used, refunded, seq int8 }

type message struct{ seq, used, refunded, keep, want int8 } // seq 0: none

type reply struct{ seq, granted int8 }

func (w *world) exchange(i int, m message) (Grant, error) {
	s, h := w.ledger(i)
	g, err := Exchange(&s, &h, int64(w.limit), Ask{Seq: uint64(m.seq), Used: int64(m.used), Refunded: int64(m.refunded), Keep: int64(m.keep), Want: int64(m.want), Holders: exploredHolders})
	w.store(i, s, h)
	return g, err
}

// restart ends a holder of which so many spent rights are known, and lets it join again.
func (w *world) restart(i int, spent int8, exact bool) {
	s, b := w.ledger(i)
	Close(&s, &b, int64(spent), exact)
	h := &w.holders[i]
	h.seq++
	b.Seq = uint64(h.seq) // what it asked before must not be heard any more
	w.store(i, s, b)
	h.used, h.refunded, h.granted, h.open = h.book.used, h.book.refunded, h.book.granted, 0
}

func (w *world) ledger(i int) (Stock, Holding) {
	b := &w.holders[i].book
	return Stock{Granted: int64(w.granted), Doubt: int64(w.doubt)},
		Holding{Granted: int64(b.granted), Used: int64(b.used), Refunded: int64(b.refunded), Seq: uint64(b.seq)}
}

func (w *world) store(i int, s Stock, h Holding) {
	w.granted, w.doubt = int8(s.Granted), int8(s.Doubt)
	w.holders[i].book = holding{int8(h.Granted), int8(h.Used), int8(h.Refunded), int8(h.Seq)}
}

// next calls visit with every state that is one step away.
func (w world) next(t *testing.T, visit func(world, string)) {
	for limit := range int8(*explore) + 1 {
		if limit != w.limit && w.changes < exploredChanges {
			n := w
			n.limit, n.highest, n.changes = limit, max(w.highest, limit), w.changes+1
			visit(n, fmt.Sprintf("the limit becomes %d", limit))
		}
	}
	for i := range w.holders {
		w.nextOf(t, i, func(n world, what string) { visit(n, fmt.Sprintf("holder %d %s", i, what)) })
	}
}

func (w world) nextOf(t *testing.T, i int, visit func(world, string)) {
	h := w.holders[i]
	step := func(what string, change func(*world, *side)) {
		n := w
		change(&n, &n.holders[i])
		n.holders[i].renumber()
		visit(n, what)
	}
	if h.used-h.refunded < h.granted {
		step("spends", func(_ *world, h *side) { h.used, h.charged, h.open = h.used+1, h.charged+1, h.open+1 })
	}
	if h.refunded < exploredRefunds && h.open > 0 {
		step("refunds", func(_ *world, h *side) { h.refunded, h.charged, h.open = h.refunded+1, h.charged-1, h.open-1 })
	}
	for _, m := range []struct{ keep, want int8 }{{1, 1}, {0, 1}, {0, 0}} {
		step(fmt.Sprintf("asks, keep %d, want %d", m.keep, m.want), func(_ *world, h *side) {
			h.seq++
			spent := h.used - h.refunded
			h.granted = spent + m.keep*(h.granted-spent) // what it gives back, it holds no more
			h.ask = message{h.seq, h.used, h.refunded, h.granted - spent, m.want}
		}) // an ask that was under way is lost
	}
	if h.ask.seq != 0 {
		step("is heard", func(n *world, h *side) { n.hear(t, i) }) // the ask stays: it may be heard again
	}
	if h.grant.seq != 0 {
		step("hears", func(_ *world, h *side) {
			if h.grant.seq == h.seq {
				h.granted = h.grant.granted
			}
		})
	}
	spent := h.used - h.refunded
	step("crashes", func(n *world, _ *side) { n.restart(i, spent, true) })
	if w.reboots < exploredReboots {
		reported := h.book.used - h.book.refunded
		for known := min(spent, reported); known <= max(spent, reported); known++ { // any part of the journal's end may be lost
			step(fmt.Sprintf("reboots, %d spent are known", known), func(n *world, _ *side) {
				n.restart(i, known, false)
				n.reboots++
			})
		}
	}
}

// hear lets the ledger hear the ask that is under way, twice.
func (w *world) hear(t *testing.T, i int) {
	h := &w.holders[i]
	before := *w
	g, err := w.exchange(i, h.ask)
	if err != nil {
		if *w != before {
			t.Errorf("a refused ask changed the ledger\n%+v\n%+v", before, *w)
		}
		if h.ask.seq == h.seq { // else it is of before a restart
			t.Errorf("an honest holder is refused: %v\n%+v", err, before)
		}
		return
	}
	once := *w
	if again, err := w.exchange(i, h.ask); err != nil || *w != once || again.Granted != g.Granted {
		t.Errorf("an ask that was heard twice changed the ledger twice: %v\n%+v\n%+v", err, once, *w)
	}
	h.grant = reply{int8(g.Seq), int8(g.Granted)}
}

// renumber gives the sequence numbers of a holder the smallest values in the same order.
func (h *side) renumber() {
	all := []*int8{&h.seq, &h.book.seq, &h.ask.seq, &h.grant.seq}
	values := []int8{0}
	for _, s := range all {
		values = append(values, *s)
	}
	slices.Sort(values)
	values = slices.Compact(values)
	for _, s := range all {
		*s = int8(slices.Index(values, *s))
	}
}

// check returns what is wrong with a state, or "".
func (w world) check() string {
	var granted, charged int8
	for _, h := range w.holders {
		granted += h.book.granted
		charged += h.charged
		if h.used-h.refunded > h.book.granted {
			return "a holder spent more than it was granted"
		}
	}
	switch {
	case granted != w.granted:
		return "the stock is not the sum of the holdings"
	case granted+w.doubt > w.highest:
		return "more was granted than the highest limit that ever was"
	case charged > granted+w.doubt:
		return "more was charged than was ever granted"
	}
	return w.checkUsable()
}

// checkStep returns what is wrong with a step between two states, or "".
func (w world) checkStep(n world) string {
	if n.doubt < w.doubt {
		return "a right in doubt came back"
	}
	for i := range w.holders {
		if was, is := w.holders[i].book, n.holders[i].book; is.used < was.used || is.refunded < was.refunded {
			return "what was spent or refunded went back"
		}
	}
	return ""
}

// checkUsable: once everybody has given back what it does not need, one holder can have all that is neither spent nor in doubt.
func (w world) checkUsable() string {
	var spent int8
	for i := range w.holders {
		h := &w.holders[i]
		spent += h.used - h.refunded
		h.seq = max(h.seq, h.book.seq) + 1
		if _, err := w.exchange(i, message{seq: h.seq, used: h.used, refunded: h.refunded}); err != nil {
			return err.Error()
		}
	}
	h := &w.holders[0]
	g, err := w.exchange(0, message{seq: h.seq + 1, used: h.used, refunded: h.refunded, want: 100})
	if err != nil {
		return err.Error()
	}
	if got, want := int8(g.Granted)-(h.used-h.refunded), max(0, w.limit-spent-w.doubt); got != want {
		return fmt.Sprintf("%d rights can be had, want %d", got, want)
	}
	return ""
}

func TestNoHistoryOfTwoHoldersGrantsOneTooManyOrLosesOne(t *testing.T) {
	start := world{limit: int8(*explore), highest: int8(*explore)}
	seen := map[world]struct{}{start: {}}
	frontier := []world{start}
	depth := 0
	for ; len(frontier) > 0 && depth < exploredDepth && !t.Failed(); depth++ {
		var following []world
		for _, w := range frontier {
			w.next(t, func(n world, what string) {
				if _, ok := seen[n]; ok {
					return
				}
				seen[n] = struct{}{}
				if fault := cmp.Or(n.check(), w.checkStep(n)); fault != "" {
					t.Errorf("%s: when %s\n%+v\n%+v", fault, what, w, n)
				}
				following = append(following, n)
			})
			if t.Failed() {
				break
			}
		}
		frontier = following
	}
	t.Logf("%d states to a depth of %d", len(seen), depth)
}
