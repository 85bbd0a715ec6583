package jobs

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"gatehouse/models"
)

// DomainStore is where domains stand. The store implements it, and documents it.
type DomainStore interface {
	DomainsToCheck(ctx context.Context, now time.Time) ([]models.Domain, error)
	NoteDomain(ctx context.Context, id models.DomainID, check models.DomainCheck, now time.Time) error
	ForgetDomains(ctx context.Context, now time.Time) error
}

// Resolver asks DNS. *net.Resolver is one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupHost(ctx context.Context, host string) ([]string, error)
}

// Domains asks DNS whose the hosts are that owners named, again and again.
type Domains struct {
	Store    DomainStore
	Resolver Resolver
	Log      *slog.Logger
	Now      func() time.Time
}

const (
	domainsEvery  = 30 * time.Second // between two looks for domains whose turn it is
	domainsAtOnce = 4
	lookupTimeout = 5 * time.Second
)

// Run works until ctx ends.
func (d *Domains) Run(ctx context.Context) error {
	ticker := time.NewTicker(domainsEvery)
	defer ticker.Stop()
	for {
		if err := d.Work(ctx); err != nil && ctx.Err() == nil {
			d.Log.Error("check domains", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Work checks the domains whose turn it is.
func (d *Domains) Work(ctx context.Context) error {
	if err := d.Store.ForgetDomains(ctx, d.Now()); err != nil {
		return err
	}
	due, err := d.Store.DomainsToCheck(ctx, d.Now())
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	slots := make(chan struct{}, domainsAtOnce)
	failed := make([]error, len(due))
	for i, domain := range due {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			failed[i] = d.Check(ctx, domain)
		})
	}
	group.Wait()
	return errors.Join(failed...)
}

// Check asks DNS about one domain and notes what it says. A domain that is gone meanwhile is no error.
func (d *Domains) Check(ctx context.Context, domain models.Domain) error {
	ctx, cancel := context.WithTimeout(ctx, 2*lookupTimeout)
	defer cancel()
	err := d.Store.NoteDomain(ctx, domain.ID, d.ask(ctx, domain), d.Now())
	if models.KindOf(err) == models.KindNotFound {
		return nil
	}
	return err
}

func (d *Domains) ask(ctx context.Context, domain models.Domain) (check models.DomainCheck) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	texts, err := d.Resolver.LookupTXT(ctx, domain.ProofName()+".") // the dot: no search list of this machine
	switch {
	case err == nil:
		check.Known = true
		for _, text := range texts {
			check.Proofs = append(check.Proofs, strings.TrimSpace(text))
		}
	case isMissing(err):
		check.Known = true
	default:
		check.Problem = "DNS did not answer when it was asked for the TXT record."
		d.Log.Debug("ask DNS for a domain's proof", "host", domain.Host, "error", err)
		return check
	}
	if _, err := d.Resolver.LookupHost(ctx, domain.Host+"."); isMissing(err) {
		check.Problem = "DNS has no address for this host: callers cannot find it."
	}
	return check
}

// isMissing reports whether DNS said that there is no such record.
func isMissing(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}
