package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// theHolder is the one gateway of a machine among the holders of rights.
const theHolder = 1

// exchangeAsks is how many asks are answered in one transaction: few milliseconds' worth, so that nobody waits long behind them.
const exchangeAsks = 100

// Exchange books what the gateway spent of quotas and hands out rights, by limit.Exchange, under the quotas in force at that moment. The grants are in
// the order of the asks. Many asks are answered in pieces of their own; after an error no grant is to be used, though some pieces may be booked:
// asking again does no harm.
func (s *Store) Exchange(ctx context.Context, asks []models.QuotaAsk) ([]models.QuotaGrant, error) {
	grants := make([]models.QuotaGrant, 0, len(asks))
	for piece := range slices.Chunk(asks, exchangeAsks) {
		err := s.write.WithContext(urgently(ctx)).Transaction(func(db *gorm.DB) error {
			l := newLedger(ctx, db)
			for _, ask := range piece {
				g, err := l.exchange(ask)
				if err != nil {
					return err
				}
				grants = append(grants, g)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("exchange rights: %w", err)
		}
	}
	return grants, nil
}

// ledger is the ledger in a transaction.
type ledger struct {
	ctx   context.Context
	db    gorm.ConnPool
	terms map[models.PlanID]quotaTerms
}

func newLedger(ctx context.Context, db *gorm.DB) *ledger {
	// With a context that cannot end the driver runs statements where it is, not each in a goroutine of its own.
	return &ledger{ctx: context.WithoutCancel(ctx), db: db.Statement.ConnPool, terms: map[models.PlanID]quotaTerms{}}
}

// exchange answers one ask. An error of the ask's own is in the grant.
func (l *ledger) exchange(ask models.QuotaAsk) (g models.QuotaGrant, err error) {
	terms, err := l.termsFor(ask.Bucket, ask.Override)
	if err != nil {
		return g, err
	}
	g.Version, g.Quota, g.Stale = terms.version, terms.quota, terms.stale
	// What was committed for a count under other terms may lack what passed between them and these.
	ask.Recount = ask.Recount && (ask.At == 0 || ask.At == terms.version)
	if windowOf(ask.Bucket).Start.Unix() != ask.Bucket.Window*secondsPerDay {
		g.Err = limit.ErrAsk
		return g, nil
	}
	c, err := l.load(ask.Bucket)
	if err != nil {
		return g, err
	}
	was := c
	if ready, err := l.join(&c, &ask, terms); err != nil || !ready {
		g.Recount = err == nil
		return g, err
	}
	if ready, err := l.count(&c, ask, terms); err != nil || !ready {
		g.Recount = err == nil
		return g, err
	}
	if ask.Join && c.open() && !c.knows(ask) {
		g.Err = limit.ErrForgot
		return g, nil
	}
	most := terms.quota.Limit
	if !terms.cover(ask.Bucket) || terms.stale {
		most, ask.Want = 0, 0
	}
	stock := c.stock()
	if g.Grant, g.Err = limit.Exchange(&stock, &c.holding, most, ask.Ask); g.Err != nil {
		return g, nil
	}
	c.granted = stock.Granted
	g.Used, g.Refunded, g.Extra = c.holding.Used, c.holding.Refunded, c.extra
	g.Elsewhere = stock.Base + stock.Doubt + stock.Granted - c.holding.Granted
	if was.found || ask.Want > 0 {
		err = l.save(ask.Bucket, was, c)
	}
	return g, err
}

// join completes the ask of a gateway that begins anew in a bucket. When it has rights there of which it does not know, for the answer was lost, they are
// closed by what is metered; ready is false when that is not said to be whole.
func (l *ledger) join(c *quotaCount, ask *models.QuotaAsk, terms quotaTerms) (ready bool, err error) {
	if !ask.Join || c.knows(*ask) {
		return true, nil
	}
	if c.open() && startOf(ask.Seq) == startOf(c.holding.Seq) {
		if !ask.Recount {
			return false, nil
		}
		if _, err := l.close(ask.Bucket, c, terms, true); err != nil {
			return false, err
		}
	}
	ask.Used, ask.Refunded, ask.Keep = c.holding.Used, c.holding.Refunded, 0
	return true, nil
}

// startOf returns the start of the gateway that an ask is from (models.Resumption).
func startOf(seq uint64) uint64 { return seq >> 32 }

// count sees to it that a bucket whose rights are asked for is counted; ready is false when that takes more than is said to be metered.
func (l *ledger) count(c *quotaCount, ask models.QuotaAsk, terms quotaTerms) (ready bool, err error) {
	if !terms.cover(ask.Bucket) || c.found && c.epoch == terms.epoch {
		return true, nil
	}
	carry, err := l.carryOf(ask.Bucket)
	if err != nil {
		return false, err
	}
	if !ask.Recount {
		if untouched, err := l.untouched(ask.Bucket, *c, terms, carry); err != nil || !untouched {
			return false, err
		}
	}
	spent := c.spent()
	if !c.knows(ask) {
		spent += ask.Used - ask.Refunded - (c.holding.Used - c.holding.Refunded)
	}
	return true, l.recount(ask.Bucket, c, terms, carry, spent)
}

// windowOf returns the time that a bucket counts in.
func windowOf(b models.QuotaBucket) limit.Span {
	return limit.Window(b.Period, b.Offset, time.Unix(b.Window*secondsPerDay, 0))
}
