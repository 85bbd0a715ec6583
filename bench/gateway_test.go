package bench

import (
	"context"
	"testing"

	"gatehouse/enforcement"
	"gatehouse/enforcement/journal"
	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/secret"
)

// What every limiter of a comparison is set to: so much that nothing is refused.
const (
	perSecond = 1_000_000
	burst     = 500_000_000
)

// records is a Source with many keys on one plan, a Ledger that hands out a million rights at a time, and a Sink that forgets.
type records struct {
	ring       *secret.Keyring
	values     []string
	everyLimit bool // also throttles of the method, the stage and the account
}

func newRecords(n int) *records {
	r := &records{ring: secret.NewKeyring(), values: make([]string, n)}
	for i := range r.values {
		r.values[i] = secret.Generate(secret.Prefix{}).Reveal()
	}
	return r
}

// keys are the keys as the gateway finds them.
func (r *records) keys() []key {
	keys := make([]key, len(r.values))
	for i := range keys {
		digest := r.ring.Digest(r.values[i])
		keys[i] = key{id: models.NewID[models.Key](uint64(i)), digest: digest, text: string(digest[:])}
	}
	return keys
}

func (r *records) Version(context.Context) (int64, error)                       { return 0, nil }
func (r *records) ChangesSince(context.Context, int64) ([]models.Change, error) { return nil, nil }
func (r *records) CommitUsage(context.Context, models.UsageBatch) error         { return nil }
func (r *records) KeepTime(context.Context, models.TimeMark) error              { return nil }
func (r *records) LoadLevels(context.Context) ([]models.ThrottleLevel, error)   { return nil, nil }
func (r *records) AbortOpen(context.Context) (int64, error)                     { return 0, nil }
func (r *records) Resume(context.Context, string) (models.Resumption, error) {
	return models.Resumption{}, nil
}
func (r *records) SettleHoldings(context.Context, bool) (models.Settlement, error) {
	return models.Settlement{}, nil
}

func (r *records) Exchange(_ context.Context, asks []models.QuotaAsk) (grants []models.QuotaGrant, err error) {
	for _, a := range asks {
		g := models.QuotaGrant{Version: 1, Used: a.Used}
		g.Granted, g.Limit, g.Available = a.Used+a.Keep+1e6, limit.MaxQuota, limit.MaxQuota
		grants = append(grants, g)
	}
	return grants, nil
}

func (r *records) Reading(context.Context, models.DocumentID) ([]byte, error) { return nil, nil }

func (r *records) Topology(context.Context) (models.Topology, error) {
	throttle := limit.Throttle{Rate: perSecond, Burst: burst}
	terms := models.NewTerms("Free")
	terms.Throttle = &throttle
	terms.Quota = &limit.Quota{Limit: limit.MaxQuota, Period: limit.PeriodMonth}
	terms.Stages = []models.PlanStage{{StageID: 2}}
	t := models.Topology{
		APIs: []models.GatewayAPI{{ID: 1, Slug: "echo", OwnerID: 5, Stages: []models.GatewayStage{{
			ID: 2, Name: "prod", Upstream: "http://192.0.2.1", KeySource: models.DefaultKeySource(),
			Methods: []models.Method{{ID: 3, Verb: "GET", Path: "/users/{id}", KeyRequired: true}},
		}}}},
		Plans: []models.GatewayPlan{{ID: 4, Version: 1, Terms: terms}},
	}
	if r.everyLimit {
		terms.Stages[0].Throttles = []models.MethodThrottle{{MethodID: 3, Throttle: throttle}}
		t.APIs[0].Stages[0].Throttle = &throttle
		t.Accounts = []models.GatewayAccount{{ID: 5, Throttle: throttle}}
	}
	return t, nil
}

func (r *records) credential(i int) models.Credential {
	return models.Credential{
		KeyID: models.NewID[models.Key](uint64(i)), Enabled: true,
		Secrets: []models.CredentialSecret{{Digest: r.ring.Digest(r.values[i])}},
		Plans:   []models.CredentialPlan{{PlanID: 4, State: models.MemberActive}},
	}
}

func (r *records) Credentials(_ context.Context, fn func(models.Credential) error) error {
	for i := range r.values {
		if err := fn(r.credential(i)); err != nil {
			return err
		}
	}
	return nil
}

func (r *records) CredentialsOf(context.Context, []models.KeyID, func(models.Credential) error) error {
	return nil
}

func (r *records) ImportedKeys(context.Context, models.ImportID, models.KeyID) ([]models.KeyID, error) {
	return nil, nil
}

func (r *records) gateway(tb testing.TB) *enforcement.Gateway {
	tb.Helper()
	j, err := journal.Open(journal.Config{Dir: tb.TempDir()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = j.Close() })
	g := enforcement.New(enforcement.Config{Source: r, Ledger: r, Books: r, Journal: j, Keyring: r.ring})
	if err := g.Load(context.Background()); err != nil {
		tb.Fatal(err)
	}
	return g
}
