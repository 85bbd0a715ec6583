package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/models"
	"gatehouse/models/rehearsal"
)

// Bounds of rehearsals. One replays about six million arrivals a second on one core, and takes 300 bytes for each key of the plan.
const (
	rehearsalDays    = 30               // how far back it goes
	rehearsalKeys    = 100              // how many keys are told one by one
	mostRunning      = 2                // rehearsals at once
	mostWaiting      = 30               // behind them
	mostOfOne        = 2                // unfinished ones of one account
	mostCompared     = 8                // unfinished ones of one account that are of some keys only: each is short
	mostKept         = 200              // results
	rehearsalFresh   = 10 * time.Minute // for how long a result is good enough
	rehearsalKept    = time.Hour        // for how long it can be looked at
	rehearsalPatient = 30 * time.Second // for how long one goes on that nobody asks about
)

// Recording is what arrived at the gateway; see enforcement/recording.
type Recording interface {
	Read(ctx context.Context, plan models.PlanID, from time.Time, visit func(arrivals []models.Arrival, done float64) error) (models.Recorded, error)
	ReadKeys(ctx context.Context, plan models.PlanID, keys []models.KeyID, from time.Time, visit func(arrivals []models.Arrival, done float64) error) (models.Recorded, error)
}

// Rehearsals replays recorded traffic in the background, for pages that ask again and again how far it is. A few run at once, the others wait; one that
// nobody asks about any more ends. Nothing of it outlives the process. All methods are safe for concurrent use.
type Rehearsals struct {
	recording Recording // nil: there is none
	why       string    // there is none, in a sentence
	now       func() time.Time
	log       *slog.Logger
	// Overrides are the keys that have limits of their own on a plan; nil: none has.
	Overrides func(ctx context.Context, plan models.PlanID, now time.Time) ([]models.Override, error)
	ctx       context.Context
	end       context.CancelFunc
	workers   sync.WaitGroup

	mu      sync.Mutex
	runs    map[string]*run // by id
	waiting []*run
	running int
}

// rehearsalState is how far a rehearsal is.
type rehearsalState uint8

const (
	rehearsalNone    rehearsalState = iota // never asked for, or forgotten
	rehearsalBusy                          // too many wait
	rehearsalWaiting                       // for others to end
	rehearsalRunning
	rehearsalDone
	rehearsalFailed
)

// rehearsed is a rehearsal as it stands at one moment.
type rehearsed struct {
	id           string
	state        rehearsalState
	share        float64 // 0..1, of what is to be read
	today, draft models.Terms
	at           time.Time // when it ended
	covered      models.Recorded
	result       rehearsal.Result
}

// run is one rehearsal.
type run struct {
	rehearsed // but for share
	account   models.AccountID
	plan      models.PlanID
	keys      []models.KeyID // whose traffic is replayed; none: everybody's
	leaves    bool           // draft is another plan's: limits that a key has of its own end with the change
	asked     time.Time      // when somebody last looked; like state and at under Rehearsals.mu
	progress  atomic.Uint64
	unwanted  atomic.Bool
	over      chan struct{} // closed at its end
}

func (r *run) unfinished() bool { return r.state == rehearsalWaiting || r.state == rehearsalRunning }

// NewRehearsals returns rehearsals of a recording.
func NewRehearsals(recording Recording, now func() time.Time, log *slog.Logger) *Rehearsals {
	ctx, end := context.WithCancel(context.Background())
	return &Rehearsals{recording: recording, now: now, log: log, ctx: ctx, end: end, runs: map[string]*run{}}
}

// NoRehearsals says why there are none, in a sentence.
func NoRehearsals(why string) *Rehearsals {
	r := NewRehearsals(nil, time.Now, slog.Default())
	r.why = why
	return r
}

// off reports whether there is nothing to rehearse with.
func (r *Rehearsals) off() bool { return r.recording == nil }

// Close ends all rehearsals and waits until nobody reads the recording any more.
func (r *Rehearsals) Close() {
	r.end()
	r.workers.Wait()
}

// rehearsalID names the rehearsal of one plan, or of some of its keys, under two terms.
func rehearsalID(account models.AccountID, plan models.PlanID, keys []models.KeyID, today, draft models.Terms) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %d %s %s", account, plan, keys, rehearsal.Limits(today).Digest(), rehearsal.Limits(draft).Digest()))
	return hex.EncodeToString(sum[:10])
}

// Ask returns the rehearsal of a plan's terms, and begins it unless it runs or there is a fresh result.
func (r *Rehearsals) Ask(account models.AccountID, plan models.PlanID, today, draft models.Terms) rehearsed {
	return r.askOf(account, plan, nil, false, today, draft)
}

// askOf is Ask for some keys of the plan; none: for all of them.
func (r *Rehearsals) askOf(account models.AccountID, plan models.PlanID, keys []models.KeyID, leaves bool, today, draft models.Terms) rehearsed {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	id := rehearsalID(account, plan, keys, today, draft)
	if one := r.runs[id]; one != nil && (one.unfinished() || one.state == rehearsalDone && now.Sub(one.at) < rehearsalFresh) {
		return r.view(one, now)
	}
	one := &run{rehearsed: rehearsed{id: id, today: today, draft: draft}, account: account, plan: plan, keys: keys, leaves: leaves, over: make(chan struct{})}
	return r.begin(one, now)
}

// Again begins a rehearsal that ended once more.
func (r *Rehearsals) Again(account models.AccountID, plan models.PlanID, id string) rehearsed {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	one := r.find(account, plan, id, now)
	if one == nil {
		return rehearsed{}
	}
	if one.unfinished() {
		return r.view(one, now)
	}
	return r.begin(&run{rehearsed: rehearsed{id: id, today: one.today, draft: one.draft}, account: account, plan: plan, keys: one.keys, leaves: one.leaves, over: make(chan struct{})}, now)
}

// Look returns a rehearsal that was asked for before.
func (r *Rehearsals) Look(account models.AccountID, plan models.PlanID, id string) rehearsed {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if one := r.find(account, plan, id, now); one != nil {
		return r.view(one, now)
	}
	return rehearsed{}
}

// Of is Look by terms.
func (r *Rehearsals) Of(account models.AccountID, plan models.PlanID, today, draft models.Terms) rehearsed {
	return r.Look(account, plan, rehearsalID(account, plan, nil, today, draft))
}

// Wait returns at the end of a rehearsal, or when ctx ends.
func (r *Rehearsals) Wait(ctx context.Context, id string) {
	r.mu.Lock()
	one := r.runs[id]
	r.mu.Unlock()
	if one == nil {
		return
	}
	select {
	case <-one.over:
	case <-ctx.Done():
	}
}

func (r *Rehearsals) find(account models.AccountID, plan models.PlanID, id string, now time.Time) *run {
	one := r.runs[id]
	if one == nil || one.account != account || one.plan != plan || !one.unfinished() && now.Sub(one.at) > rehearsalKept {
		return nil
	}
	return one
}

func (r *Rehearsals) view(one *run, now time.Time) rehearsed {
	one.asked = now
	v := one.rehearsed
	v.share = math.Float64frombits(one.progress.Load())
	return v
}

// begin starts one, or lets it wait.
func (r *Rehearsals) begin(one *run, now time.Time) rehearsed {
	r.forget(now)
	r.giveWay(one)
	one.asked = now
	switch {
	case r.running < mostRunning:
		r.start(one)
	case len(r.waiting) >= mostWaiting:
		return rehearsed{state: rehearsalBusy, today: one.today, draft: one.draft}
	default:
		one.state = rehearsalWaiting
		r.waiting = append(r.waiting, one)
	}
	r.runs[one.id] = one
	return r.view(one, now)
}

// forget drops results that are too old, or too many.
func (r *Rehearsals) forget(now time.Time) {
	var oldest *run
	for id, one := range r.runs {
		switch {
		case one.unfinished():
		case now.Sub(one.at) > rehearsalKept:
			delete(r.runs, id)
		case oldest == nil || one.at.Before(oldest.at):
			oldest = one
		}
	}
	if oldest != nil && len(r.runs) >= mostKept {
		delete(r.runs, oldest.id)
	}
}

// giveWay ends what an account asked for longest ago, so that who tries many numbers has few running.
func (r *Rehearsals) giveWay(next *run) {
	most := mostOfOne
	if len(next.keys) > 0 {
		most = mostCompared
	}
	var own []*run
	for _, one := range r.runs {
		if one.account == next.account && (len(one.keys) > 0) == (len(next.keys) > 0) && one.unfinished() && !one.unwanted.Load() {
			own = append(own, one)
		}
	}
	if len(own) < most {
		return
	}
	oldest := own[0]
	for _, one := range own {
		if one.asked.Before(oldest.asked) {
			oldest = one
		}
	}
	oldest.unwanted.Store(true)
}

func (r *Rehearsals) start(one *run) {
	one.state = rehearsalRunning
	r.running++
	r.workers.Go(func() {
		err := r.replay(one)
		r.mu.Lock()
		defer r.mu.Unlock()
		one.at = r.now()
		switch {
		case err == nil:
			one.state = rehearsalDone
		case errors.Is(err, errUnwanted), errors.Is(err, context.Canceled):
			one.state = rehearsalNone
			if r.runs[one.id] == one {
				delete(r.runs, one.id)
			}
		default:
			one.state = rehearsalFailed
			r.log.Error("rehearse a plan", "plan", one.plan, "error", err)
		}
		close(one.over)
		r.running--
		r.next()
	})
}

// next starts the first of those that wait and are still wanted.
func (r *Rehearsals) next() {
	for len(r.waiting) > 0 && r.running < mostRunning && r.ctx.Err() == nil {
		one := r.waiting[0]
		r.waiting = r.waiting[1:]
		r.start(one)
	}
}

var errUnwanted = errors.New("nobody waits for it any more")

// replay does the work. What it finds is told by the end of the run.
func (r *Rehearsals) replay(one *run) error {
	from := r.now().UTC().AddDate(0, 0, -rehearsalDays)
	replay := rehearsal.New(one.today, one.draft, from)
	if r.Overrides != nil {
		overrides, err := r.Overrides(r.ctx, one.plan, r.now())
		if err != nil {
			return err
		}
		for _, o := range overrides {
			replay.Give(o, true, !one.leaves)
		}
	}
	covered, err := r.read(one, from, func(arrivals []models.Arrival, share float64) error {
		if one.unwanted.Load() || r.leftAlone(one) {
			return errUnwanted
		}
		one.progress.Store(math.Float64bits(share))
		replay.Add(arrivals)
		runtime.Gosched() // the gateway runs on the same cores
		return nil
	})
	if err != nil {
		return err
	}
	result := replay.Result(rehearsalKeys)
	r.mu.Lock()
	defer r.mu.Unlock()
	one.covered, one.result = covered, result
	return nil
}

func (r *Rehearsals) read(one *run, from time.Time, visit func(arrivals []models.Arrival, share float64) error) (models.Recorded, error) {
	if len(one.keys) > 0 {
		return r.recording.ReadKeys(r.ctx, one.plan, one.keys, from, visit)
	}
	return r.recording.Read(r.ctx, one.plan, from, visit)
}

// leftAlone reports whether nobody asked for long.
func (r *Rehearsals) leftAlone(one *run) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now().Sub(one.asked) > rehearsalPatient
}
