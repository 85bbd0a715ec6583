package handlers

import "container/list"

// recent is a map of at most max values that forgets the one that was written longest ago. The zero value of V stands for what it does
// not hold.
type recent[V any] struct {
	max    int
	order  *list.List // of item[V]; the most recent first
	places map[trackKey]*list.Element
}

type item[V any] struct {
	key   trackKey
	value V
}

func newRecent[V any](max int) recent[V] {
	return recent[V]{max: max, order: list.New(), places: map[trackKey]*list.Element{}}
}

func (r *recent[V]) get(key trackKey) (v V) {
	if e, ok := r.places[key]; ok {
		v = e.Value.(item[V]).value
	}
	return v
}

func (r *recent[V]) put(key trackKey, v V) {
	if e, ok := r.places[key]; ok {
		e.Value = item[V]{key, v}
		r.order.MoveToFront(e)
		return
	}
	if r.order.Len() >= r.max {
		oldest := r.order.Back()
		delete(r.places, oldest.Value.(item[V]).key)
		r.order.Remove(oldest)
	}
	r.places[key] = r.order.PushFront(item[V]{key, v})
}
