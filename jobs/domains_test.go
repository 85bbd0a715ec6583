package jobs_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"gatehouse/jobs"
	"gatehouse/models"
)

// domainRecords keep what was noted.
type domainRecords struct {
	mu    sync.Mutex
	due   []models.Domain
	noted map[models.DomainID]models.DomainCheck
}

func (r *domainRecords) DomainsToCheck(context.Context, time.Time) ([]models.Domain, error) {
	return r.due, nil
}

func (r *domainRecords) ForgetDomains(context.Context, time.Time) error { return nil }

func (r *domainRecords) NoteDomain(_ context.Context, id models.DomainID, check models.DomainCheck, _ time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noted[id] = check
	if id == 5 {
		return models.NotFound("domain") // removed meanwhile
	}
	return nil
}

// zone is what DNS knows.
type zone struct {
	texts, hosts map[string][]string
	broken       map[string]bool
}

func (z zone) lookup(in map[string][]string, name string) ([]string, error) {
	if z.broken[name] {
		return nil, &net.DNSError{Err: "i/o timeout", Name: name, IsTimeout: true}
	}
	if found := in[name]; found != nil {
		return found, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	return z.lookup(z.texts, name)
}

func (z zone) LookupHost(_ context.Context, name string) ([]string, error) {
	return z.lookup(z.hosts, name)
}

func TestDomainsAreNotedAsDNSSaysAndAnAnswerThatIsMissingIsNoProof(t *testing.T) {
	r := &domainRecords{noted: map[models.DomainID]models.DomainCheck{}}
	for i, host := range []string{"proved.example", "missing.example", "broken.example", "nowhere.example", "removed.example"} {
		r.due = append(r.due, models.Domain{ID: models.DomainID(i + 1), Host: host})
	}
	z := zone{
		texts:  map[string][]string{"_gatehouse.proved.example.": {"v=other", " gatehouse=abc "}, "_gatehouse.nowhere.example.": {"gatehouse=abc"}},
		hosts:  map[string][]string{"proved.example.": {"192.0.2.1"}, "missing.example.": {"192.0.2.1"}},
		broken: map[string]bool{"_gatehouse.broken.example.": true},
	}
	d := &jobs.Domains{Store: r, Resolver: z, Log: slog.New(slog.DiscardHandler), Now: time.Now}
	if err := d.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[models.DomainID]struct{ proved, known, problem bool }{1: {true, true, false}, 2: {false, true, false}, 3: {false, false, true}, 4: {true, true, true}} {
		got := r.noted[id]
		if slices.Contains(got.Proofs, "gatehouse=abc") != want.proved || got.Known != want.known || (got.Problem != "") != want.problem {
			t.Errorf("%s: got %+v, want %+v", r.due[id-1].Host, got, want)
		}
	}
}

func TestARecordThatCannotBeWrittenIsSaid(t *testing.T) {
	d := &jobs.Domains{Store: brokenDomains{}, Resolver: zone{}, Log: slog.New(slog.DiscardHandler), Now: time.Now}
	if err := d.Work(t.Context()); err == nil {
		t.Error("no error")
	}
}

type brokenDomains struct{}

var errDomains = errors.New("the disk is full")

func (brokenDomains) DomainsToCheck(context.Context, time.Time) ([]models.Domain, error) {
	return []models.Domain{{ID: 1, Host: "a.example"}}, nil
}

func (brokenDomains) NoteDomain(context.Context, models.DomainID, models.DomainCheck, time.Time) error {
	return errDomains
}

func (brokenDomains) ForgetDomains(context.Context, time.Time) error { return nil }
