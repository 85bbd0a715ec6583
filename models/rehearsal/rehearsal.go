package rehearsal

import (
	"time"

	"gatehouse/models"
)

// Rehearsal replays a plan's arrivals under two terms.
type Rehearsal struct {
	base    int64 // Unix seconds of the clock's zero
	terms   [2]terms
	rules   map[route][2]rule
	keys    map[models.KeyID]*key
	slab    []key // to be handed out
	current struct {
		key    *key
		second int64
		groups []group
	}
	credits []int64
	given   map[models.KeyID]*[2]models.Override
}

type route struct {
	stage  models.StageID
	method models.MethodID
}

// key is what is known of a key.
type key struct {
	id        models.KeyID
	last      int64 // second
	requests  int64
	throttled int64 // really
	overQuota int64 // really
	ledgers   [2]ledger
	own       *[2]terms // nil: everybody's
}

// New returns a rehearsal of arrivals that begin at from, under the terms of today and of a draft.
func New(today, draft models.Terms, from time.Time) *Rehearsal {
	return &Rehearsal{base: from.Unix(), terms: [2]terms{compile(today), compile(draft)}, rules: map[route][2]rule{}, keys: map[models.KeyID]*key{}}
}

// Give lets a key have limits of its own in place of the terms of today, of the draft or of both. It is to be called before anything of the key is added.
func (r *Rehearsal) Give(o models.Override, today, draft bool) {
	if r.given == nil {
		r.given = map[models.KeyID]*[2]models.Override{}
	}
	var both [2]models.Override
	if today {
		both[0] = o
	}
	if draft {
		both[1] = o
	}
	r.given[o.KeyID] = &both
}

// Add replays arrivals of the plan. Each key's must come in the order of time; what comes late is taken for now.
func (r *Rehearsal) Add(arrivals []models.Arrival) {
	c := &r.current
	for i := range arrivals {
		a := &arrivals[i]
		if c.key == nil || c.key.id != a.KeyID {
			r.flush()
			c.key = r.key(a.KeyID)
			c.second = max(a.Second, c.key.last)
		} else if a.Second > c.second {
			r.flush()
			c.second = a.Second
		}
		n := a.Requests()
		c.key.requests += n
		c.key.throttled += a.Throttled
		c.key.overQuota += a.OverQuota
		at := route{a.StageID, a.MethodID}
		rules, ok := r.rules[at]
		if !ok {
			rules = [2]rule{r.terms[0].rule(at), r.terms[1].rule(at)}
			r.rules[at] = rules
		}
		c.groups = append(c.groups, group{rules, n, a.Failed})
	}
}

// flush replays the second that was collected.
func (r *Rehearsal) flush() {
	c := &r.current
	if len(c.groups) == 0 {
		return
	}
	c.key.last = c.second
	now := max(0, c.second-r.base) * second
	for i := range r.terms {
		t, l := &r.terms[i], &c.key.ledgers[i]
		if c.key.own != nil {
			own := &c.key.own[i]
			own.methods, t = t.methods, own
		}
		if t.quota.IsSet() {
			if w := t.windowOf(c.second); w != l.window {
				l.window, l.even.used, l.once.used = w, 0, 0
			}
		}
		l.second(t, i, c.groups, now, &r.credits)
	}
	c.groups = c.groups[:0]
}

func (r *Rehearsal) key(id models.KeyID) *key {
	k := r.keys[id]
	if k == nil {
		if len(r.slab) == 0 {
			r.slab = make([]key, 256)
		}
		k, r.slab = &r.slab[0], r.slab[1:]
		k.id = id
		r.keys[id] = k
		if given := r.given[id]; given != nil {
			k.own = &[2]terms{compile(given[0].On(r.terms[0].of)), compile(given[1].On(r.terms[1].of))}
		}
	}
	return k
}
