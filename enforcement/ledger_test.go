package enforcement_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"gatehouse/enforcement/journal"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// count is one bucket of the world's ledger, with its one holder.
type count struct {
	limit.Stock
	limit.Holding
	epoch int // of the plan's windows, by which Base was taken
}

// Exchange is the ledger's verb, in memory: the rules of the store without its transactions.
func (w *world) Exchange(_ context.Context, asks []models.QuotaAsk) ([]models.QuotaGrant, error) {
	time.Sleep(w.ledgerPause)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.exchanges++
	if w.ledgerFault != nil {
		return nil, w.ledgerFault
	}
	if w.fault != nil {
		return nil, w.fault
	}
	grants := make([]models.QuotaGrant, len(asks))
	for i := range asks {
		grants[i] = w.exchange(&asks[i])
	}
	return grants, nil
}

func (w *world) exchange(a *models.QuotaAsk) (g models.QuotaGrant) {
	b, p := w.counts[a.Bucket], w.plans[a.Bucket.PlanID]
	if p == nil {
		return g
	}
	g.Version = int64(p.Version)
	a.Recount = a.Recount && a.At == g.Version
	if p.Terms.Quota != nil {
		g.Quota = *p.Terms.Quota
	}
	epoch := w.epochs[p.ID]
	if o := w.overrideOf(a.Bucket.KeyID, p.ID); a.Override != 0 {
		switch {
		case o == nil || o.ID != max(a.Override, -a.Override):
			g.Stale = true
		case o.Quota == nil:
		case a.Override < 0:
			epoch += 1000 * int(o.ID)
		default:
			g.Quota, epoch = *o.Quota, -1000*int(o.ID)
		}
	}
	most := g.Quota.Limit // in tests above 0
	if g.Stale {
		most, a.Want = 0, 0
	}
	if g.Quota.Period != a.Bucket.Period || g.Quota.Offset != a.Bucket.Offset {
		most = 0
		a.Want = 0
	}
	if b == nil {
		b = &count{epoch: -1}
	}
	ask := a.Ask
	if a.Join {
		switch {
		case b.Granted() == 0:
		case a.Seq>>32 != b.Seq>>32: // of another start
			g.Err = limit.ErrForgot
			return g
		case !a.Recount: // the member was in another window when the answer came: what it spent is counted, as the store does
			g.Recount = true
			return g
		default:
			spent := max(0, w.inWindow(a.Bucket)-b.Base)
			if b.epoch != epoch || most == 0 {
				spent = min(spent, b.Holding.Granted)
			}
			limit.Close(&b.Stock, &b.Holding, spent, true)
		}
		ask.Used, ask.Refunded = b.Used, b.Refunded
	}
	if b.epoch != epoch && most > 0 {
		if !a.Recount && w.recounts(a.Bucket) {
			g.Recount = true
			return g
		}
		b.epoch = epoch
		b.Base = max(0, w.inWindow(a.Bucket)-(ask.Used-ask.Refunded))
	}
	g.Grant, g.Err = limit.Exchange(&b.Stock, &b.Holding, most+b.Extra, ask)
	g.Used, g.Refunded, g.Elsewhere, g.Extra = b.Used, b.Refunded, b.Base+b.Doubt, b.Extra
	w.counts[a.Bucket] = b
	return g
}

// Granted is how many rights the holder has in hand.
func (c *count) Granted() int64 { return c.Holding.Granted - (c.Used - c.Refunded) }

// overrideOf is what a key has on a plan in place of its limits.
func (w *world) overrideOf(key models.KeyID, plan models.PlanID) *models.Override {
	if c := w.keys[key]; c != nil {
		for _, p := range c.Plans {
			if p.PlanID == plan {
				return p.Override
			}
		}
	}
	return nil
}

// recounts reports whether what is not committed may belong into a new bucket's base.
func (w *world) recounts(b models.QuotaBucket) bool {
	return w.counts[b] != nil || w.epochs[b.PlanID] > 0 || w.overrideOf(b.KeyID, b.PlanID) != nil
}

// inWindow is what a key was charged on a plan in a bucket's window.
func (w *world) inWindow(b models.QuotaBucket) (n int64) {
	span := limit.Window(b.Period, b.Offset, time.Unix(b.Window*86400, 0))
	for name, used := range w.charged {
		if name.key == b.KeyID && name.plan == b.PlanID && name.day >= span.Start.Unix()/86400 && name.day < span.End.Unix()/86400 {
			n += used
		}
	}
	return n
}

func (w *world) Resume(_ context.Context, boot string) (models.Resumption, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.resumption
	w.resumption.Boot, w.resumption.Ordered, w.resumption.Epoch = boot, false, r.Epoch+1
	r.Epoch++
	return r, w.fault
}

func (w *world) AbortOpen(context.Context) (n int64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, c := range w.cells {
		if name.outcome == models.OutcomeOpen && c != 0 {
			w.cells[name] = 0
			name.outcome = models.OutcomeAborted
			w.cells[name] += c
			n += c
		}
	}
	return n, w.fault
}

func (w *world) SettleHoldings(_ context.Context, exact bool) (s models.Settlement, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, b := range w.counts {
		held := b.Granted()
		if held == 0 {
			continue
		}
		s.Holdings++
		spent := w.inWindow(name) - b.Base
		s.Excess += max(0, spent-b.Holding.Granted)
		doubt := limit.Close(&b.Stock, &b.Holding, spent, exact)
		s.Doubt += doubt
	}
	return s, w.fault
}

// open opens the journal that the world's gateways write one after the other; the one before is closed as it is.
func (w *world) openJournal(t testing.TB) *journal.Journal {
	t.Helper()
	if w.journalDir == "" {
		if w.journalDir = t.TempDir(); inMemory() {
			w.journalDir = mustTempDir(t)
		}
		t.Cleanup(func() {
			if w.journal != nil {
				_ = w.journal.Close()
			}
		})
	}
	if w.journal != nil {
		if err := w.journal.Close(); err != nil {
			t.Fatal(err)
		}
		w.journal = nil
	}
	j, err := journal.Open(journal.Config{Dir: w.journalDir, SegmentSize: 64 << 10, Most: w.mostJournal, Boot: w.boot, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w.journal = j
	return j
}

// inMemory reports whether there is a file system in memory: hundreds of journals on a disk take their time.
func inMemory() bool {
	_, err := os.Stat("/dev/shm")
	return err == nil
}

func mustTempDir(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "gatehouse-journal-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
