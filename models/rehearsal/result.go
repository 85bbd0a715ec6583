package rehearsal

import (
	"cmp"
	"slices"

	"gatehouse/models"
)

// Range is a number that lies between two others, or mostly so.
type Range struct{ Low, High int64 }

func between(a, b int64) Range { return Range{min(a, b), max(a, b)} }

// Add returns the range of a sum.
func (r Range) Add(o Range) Range { return Range{r.Low + o.Low, r.High + o.High} }

// Refusals are what terms would have refused.
type Refusals struct {
	Refused   Range // by throttles and quota
	Throttled Range // of them by throttles
	Quota     Range // of them by the quota
	Closed    int64 // requests of stages and methods that the terms do not open
}

// All is Refused and Closed together.
func (r *Refusals) All() Range { return r.Refused.Add(Range{r.Closed, r.Closed}) }

func (r *Refusals) add(o Refusals) {
	r.Refused, r.Throttled, r.Quota, r.Closed = r.Refused.Add(o.Refused), r.Throttled.Add(o.Throttled), r.Quota.Add(o.Quota), r.Closed+o.Closed
}

// weight is twice what is refused, in the middle of the range.
func (r *Refusals) weight() int64 { return r.Refused.Low + r.Refused.High + 2*r.Closed }

// Any reports whether something is refused, for certain or perhaps.
func (r *Refusals) Any() bool { return r.Refused.High+r.Closed > 0 }

// Key is what happened to one key, or to all.
type Key struct {
	KeyID        models.KeyID
	Requests     int64
	Throttled    int64 // really refused by a throttle: of the plan or of what is left out here
	OverQuota    int64 // really refused by the quota
	Today, Draft Refusals
}

// Refused is how many requests really were refused.
func (k *Key) Refused() int64 { return k.Throttled + k.OverQuota }

// Newly reports whether the draft refuses something of a key of which today's terms refuse nothing.
func (k *Key) Newly() bool { return k.Draft.Any() && !k.Today.Any() }

// Changes reports whether the draft refuses more or less of it than today's terms.
func (k *Key) Changes() bool { return k.Draft != k.Today }

// change says how much the draft differs from today.
func (k *Key) change() int64 {
	d := k.Draft.weight() - k.Today.weight()
	return max(d, -d)
}

// Result is the outcome of a rehearsal.
type Result struct {
	Total Key
	Keys  []Key // those for which most changes, first
	// Numbers of keys: all that called, those that really were refused something, and those that would have been, perhaps. Newly are those of Draft that
	// are not of Today.
	Calling, Refused, Today, Draft, Newly int
}

// Result sums up what was replayed, with at most so many keys one by one. Nothing may be added after it.
func (r *Rehearsal) Result(most int) Result {
	r.flush()
	out := Result{Calling: len(r.keys)}
	all := make([]Key, 0, len(r.keys))
	for _, k := range r.keys {
		one := Key{KeyID: k.id, Requests: k.requests, Throttled: k.throttled, OverQuota: k.overQuota, Today: k.ledgers[0].refusals(), Draft: k.ledgers[1].refusals()}
		out.Total.Requests += one.Requests
		out.Total.Throttled += one.Throttled
		out.Total.OverQuota += one.OverQuota
		out.Total.Today.add(one.Today)
		out.Total.Draft.add(one.Draft)
		for _, c := range []struct {
			count *int
			is    bool
		}{{&out.Refused, one.Refused() > 0}, {&out.Today, one.Today.Any()}, {&out.Draft, one.Draft.Any()}, {&out.Newly, one.Newly()}} {
			if c.is {
				*c.count++
			}
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Key) int {
		return cmp.Or(cmp.Compare(b.change(), a.change()), cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.KeyID, b.KeyID))
	})
	out.Keys = slices.Clone(all[:min(most, len(all))])
	return out
}

func (l *ledger) refusals() Refusals {
	e, o := &l.even, &l.once
	return Refusals{Refused: between(e.throttled+e.overQuota, o.throttled+o.overQuota), Throttled: between(e.throttled, o.throttled), Quota: between(e.overQuota, o.overQuota), Closed: l.closed}
}
