package enforcement

import (
	"errors"
	"fmt"
)

// Troubles that are no Problem of a request.
const (
	TroubleStopping    = "stopping"     // an ordered stop has begun
	TroubleRecordsAway = "records-away" // changes cannot be read: what was known before them is enforced
)

// Ready returns nil when requests are served and changes arrive, else the reason; it begins with what Trouble returns.
func (g *Gateway) Ready() error {
	name, err := g.trouble()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Trouble names why Ready has an error, "" when it has none: the slug of the Problem that requests meet (not-ready, journal-full, ledger-away), or one of
// the troubles above. It is over without a restart once its cause is.
func (g *Gateway) Trouble() string {
	name, _ := g.trouble()
	return name
}

func (g *Gateway) trouble() (name string, err error) {
	if g.current.Load() == nil {
		return problemNotReady.entry().Slug, errors.New("the gateway has not loaded what it enforces")
	}
	if g.open.isClosing() {
		return TroubleStopping, errors.New("the gateway is stopping")
	}
	if err := g.config.Journal.Err(); err != nil {
		return problemJournalFull.entry().Slug, err
	}
	if err := g.escrow.away.Load(); err != nil {
		return problemLedgerAway.entry().Slug, *err
	}
	if err := g.failing.Load(); err != nil {
		return TroubleRecordsAway, fmt.Errorf("the gateway does not learn of changes: %w", *err)
	}
	return "", nil
}
