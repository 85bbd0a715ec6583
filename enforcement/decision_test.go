package enforcement

import (
	"context"
	"testing"
	"time"

	"gatehouse/enforcement/journal"
	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/secret"
)

// small is a Source with one API, one plan with every limit, and one key.
type small struct {
	topology   models.Topology
	credential models.Credential
}

func (s *small) Reading(context.Context, models.DocumentID) ([]byte, error) { return nil, nil }

func (s *small) Version(context.Context) (int64, error)                       { return 0, nil }
func (s *small) ChangesSince(context.Context, int64) ([]models.Change, error) { return nil, nil }
func (s *small) Topology(context.Context) (models.Topology, error)            { return s.topology, nil }
func (s *small) Credentials(_ context.Context, fn func(models.Credential) error) error {
	return fn(s.credential)
}
func (s *small) CredentialsOf(_ context.Context, _ []models.KeyID, fn func(models.Credential) error) error {
	return fn(s.credential)
}
func (s *small) ImportedKeys(context.Context, models.ImportID, models.KeyID) ([]models.KeyID, error) {
	return nil, nil
}
func (s *small) CommitUsage(context.Context, models.UsageBatch) error { return nil }
func (s *small) Resume(context.Context, string) (models.Resumption, error) {
	return models.Resumption{}, nil
}
func (s *small) AbortOpen(context.Context) (int64, error) { return 0, nil }
func (s *small) SettleHoldings(context.Context, bool) (models.Settlement, error) {
	return models.Settlement{}, nil
}
func (s *small) KeepTime(context.Context, models.TimeMark) error { return nil }

func (s *small) LoadLevels(context.Context) ([]models.ThrottleLevel, error) { return nil, nil }

// Exchange grants a million.
func (s *small) Exchange(_ context.Context, asks []models.QuotaAsk) (grants []models.QuotaGrant, err error) {
	for _, a := range asks {
		g := models.QuotaGrant{Version: 1, Used: a.Used}
		g.Granted, g.Limit, g.Available = a.Used+a.Keep+1e6, limit.MaxQuota, limit.MaxQuota
		grants = append(grants, g)
	}
	return grants, nil
}

// digests is a Digester without a pool: the race detector makes pools forget. That the real one does not allocate is package secret's to prove.
type digests map[string]secret.Digest

func (d digests) Digest(value string) secret.Digest { return d[value] }

// A decision with look-up, every layer, charge and count must not allocate: garbage is what makes the slowest requests slow.
func TestADecisionDoesNotAllocate(t *testing.T) {
	value, unknown := secret.Generate(secret.Prefix{}).Reveal(), secret.Generate(secret.Prefix{}).Reveal()
	ring := digests{value: {1}, unknown: {2}}
	all := limit.Throttle{Rate: 1e6, Burst: 1e9 / 2}
	s := &small{
		topology: models.Topology{
			APIs: []models.GatewayAPI{{ID: 1, Slug: "echo", Stages: []models.GatewayStage{{
				ID: 2, Name: "prod", Upstream: "http://192.0.2.1", KeySource: models.DefaultKeySource(), Throttle: &all,
				Methods: []models.Method{{ID: 3, Verb: "GET", Path: "/users/{id}", KeyRequired: true}},
			}}}},
			Plans: []models.GatewayPlan{{ID: 4, Version: 1, Terms: models.Terms{
				Throttle: &all, Quota: &limit.Quota{Limit: limit.MaxQuota, Period: limit.PeriodMonth},
				Stages: []models.PlanStage{{StageID: 2, Throttles: []models.MethodThrottle{{MethodID: 3, Throttle: all}}}},
			}}},
		},
		credential: models.Credential{
			KeyID: 5, Enabled: true, Secrets: []models.CredentialSecret{{Digest: ring.Digest(value)}},
			Plans: []models.CredentialPlan{{PlanID: 4, State: models.MemberActive}},
		},
	}
	j, err := journal.Open(journal.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	g := New(Config{Source: s, Ledger: s, Books: s, Journal: j, Keyring: ring})
	if err := g.Load(context.Background()); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, value, want string }{{"admitted", value, ""}, {"unknown", unknown, "key-unknown"}, {"cut off", value[:30], "key-malformed"}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // the buffers grow, and the spare ones too
				for range 3000 {
					g.Admit("echo", "prod", "GET", "/users/7", tt.value)
				}
				if err := g.Commit(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
			got := testing.AllocsPerRun(1000, func() {
				if slug := g.Admit("echo", "prod", "GET", "/users/7", tt.value); slug != tt.want {
					t.Fatalf("got %q", slug)
				}
			})
			if got != 0 {
				t.Errorf("%v allocations, want 0", got)
			}
		})
	}
}

// A clock before 1970 is no use to anybody, but must not be taken for another day.
func TestDaysAndSecondsRoundDown(t *testing.T) {
	tests := []struct {
		at     string
		second int64
		day    int32
	}{
		{"1970-01-01T00:00:00.999Z", 0, 0}, {"1969-12-31T23:59:59.5Z", -1, -1}, {"2026-03-10T23:59:59.999Z", 1773187199, 20522},
	}
	for _, tt := range tests {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if i := (instant{wall: at.UnixNano()}); i.second() != tt.second || i.day() != tt.day {
			t.Errorf("%s: second %d, day %d; want %d, %d", tt.at, i.second(), i.day(), tt.second, tt.day)
		}
	}
}
