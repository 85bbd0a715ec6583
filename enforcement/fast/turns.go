package fast

// turns is who has more to be served. Each has a turn in the next round, so that others have theirs before.
type turns[T any] struct {
	next []T
	now  []T // of this round
	at   int // how many of those had their turn
}

func (t *turns[T]) add(one T) { t.next = append(t.next, one) }

// wait reports whether there is somebody.
func (t *turns[T]) wait() bool { return len(t.next) > 0 || t.at < len(t.now) }

// begin begins a round, or goes on with one that a mistake of ours broke off.
func (t *turns[T]) begin() {
	if t.at == len(t.now) {
		t.now, t.next, t.at = t.next, t.now[:0], 0
	}
}

// each calls fn with all who wait, in order.
func (t *turns[T]) each(fn func(one *T)) {
	for _, some := range [...][]T{t.now[t.at:], t.next} {
		for i := range some {
			fn(&some[i])
		}
	}
}

// take returns whose turn it is; ok is false when the round is over.
func (t *turns[T]) take() (one T, ok bool) {
	if t.at == len(t.now) {
		return one, false
	}
	var none T
	one, t.now[t.at] = t.now[t.at], none
	t.at++
	return one, true
}
