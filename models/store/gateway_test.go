package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// R8 rests on it: a gateway that has seen version n asks for what is after n, and would miss what took n in two places.
func TestChangesAreNumberedWithoutGaps(t *testing.T) {
	var told sync.Map
	s := storetest.Open(t, func(c *store.Config) {
		c.Changed = func(context.Context) error { told.Store(time.Now(), true); return nil }
	})
	const writers, each = 8, 40
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := store.Change(t.Context(), s, storetest.Now(), models.ChangeKey, int64(w*1000+i+1), int64(w*1000+500+i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	ok(t, store.Change(t.Context(), s, storetest.Now(), models.ChangeTopology))
	seen := map[int64]int{}
	var all []models.Change
	for {
		changes, err := s.ChangesSince(t.Context(), int64(len(all)))
		ok(t, err)
		if len(changes) == 0 {
			break
		}
		all = append(all, changes...)
	}
	for i, c := range all {
		if c.Version != int64(i+1) {
			t.Fatalf("entry %d has version %d", i+1, c.Version)
		}
		seen[c.ID]++
	}
	version, err := s.Version(t.Context())
	ok(t, err)
	if len(all) != writers*each*2+1 || len(seen) != len(all) || version != int64(len(all)) || all[len(all)-1].Kind != models.ChangeTopology {
		t.Errorf("%d entries about %d things, version %d; want %d", len(all), len(seen), version, writers*each*2+1)
	}
}

func TestChangesAreToldBeforeTheChangeReturns(t *testing.T) {
	var s *store.Store
	var seen int64
	broken := errors.New("gateway away")
	var answer error
	s = storetest.Open(t, func(c *store.Config) {
		c.Changed = func(ctx context.Context) (err error) {
			seen, err = s.Version(ctx)
			return errors.Join(answer, err)
		}
	})
	ok(t, store.Change(t.Context(), s, storetest.Now(), models.ChangePlan, 7))
	if seen != 1 {
		t.Errorf("the gateway was told of version %d, want 1", seen)
	}
	ok(t, s.SaveSettings(t.Context(), models.CommandLine(), models.Settings{SignUp: models.SignUpClosed}, storetest.Now()))
	if seen, _ := s.Version(t.Context()); seen != 1 {
		t.Errorf("settings made version %d, want still 1", seen)
	}
	answer = broken
	if err := store.Change(t.Context(), s, storetest.Now(), models.ChangePlan, 7); !errors.Is(err, broken) {
		t.Errorf("error %v, want that the gateway was not told", err)
	}
}

func TestTopologyHoldsWhatIsDeployedAndInForce(t *testing.T) {
	s := storetest.Open(t)
	f := newFixture(t, s)
	now := storetest.Now().UnixMilli()
	insert(t, s, "stages", map[string]any{"id": 9, "api_id": f.api, "name": "empty", "upstream": "https://example.com", "timeout_ms": 1000, "created_at": now})
	bare, err := s.CreateAPI(t.Context(), storetest.Actor(f.owner), models.NewAPI{Name: "Bare", Slug: "bare", KeySource: models.DefaultKeySource()}, storetest.Now())
	ok(t, err)
	insert(t, s, "plans", map[string]any{"id": 9, "owner_id": f.owner.ID, "state": "draft", "name": "Draft", "version": 0, "draft": "{}", "created_at": now, "updated_at": now})
	ok(t, s.SetAccountThrottle(t.Context(), models.CommandLine(), f.owner.ID, &limit.Throttle{Rate: 100, Burst: 200}, storetest.Now()))
	wantKind(t, "an owner's own throttle", s.SetAccountThrottle(t.Context(), storetest.Actor(f.owner), f.owner.ID, nil, storetest.Now()), models.KindDenied)
	got, err := s.Topology(t.Context())
	ok(t, err)
	want := models.Topology{
		Accounts: []models.GatewayAccount{{ID: f.owner.ID, Throttle: limit.Throttle{Rate: 100, Burst: 200}}},
		APIs: []models.GatewayAPI{{ID: f.api, OwnerID: f.owner.ID, Slug: "echo", Name: "Echo API", Stages: []models.GatewayStage{{
			ID: f.stage, Name: "prod", Upstream: "https://example.com", Timeout: 30 * time.Second, Throttle: &limit.Throttle{Rate: 2.5, Burst: 10},
			KeySource: models.KeySource{Place: models.KeyInBearer, Forward: true},
			Methods:   []models.Method{{ID: f.method, Verb: "GET", Path: "/users", KeyRequired: true}},
		}}}, {ID: bare.ID, OwnerID: f.owner.ID, Slug: "bare", Name: "Bare"}},
		Plans: []models.GatewayPlan{{ID: f.plan, Version: 1, Terms: models.Terms{Name: "Gold", Audience: models.AudienceAnyone, Charge: models.ChargeAccepted, KeysPerApp: 1, Stages: []models.PlanStage{}}}},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("topology (-got +want):\n%s", diff)
	}
}

// R3: not even a statement that somebody types changes what callers were promised.
func TestDeploymentsNeverChange(t *testing.T) {
	s := storetest.Open(t)
	newFixture(t, s)
	for _, column := range []string{"methods", "parts", "number", "key_place", "document_id"} {
		err := store.Writer(s).Exec(`UPDATE deployments SET ` + column + ` = ` + column).Error
		if err == nil || !strings.Contains(err.Error(), "a deployment never changes") {
			t.Errorf("update of %s: %v, want a refusal", column, err)
		}
	}
}

func TestEventsNeverChange(t *testing.T) {
	s := storetest.Open(t)
	storetest.Owner(t, s)
	if err := store.Writer(s).Exec(`UPDATE events SET actor = 'somebody else'`).Error; err == nil {
		t.Error("an event was changed")
	}
}

// addKey makes another key with memberships, as state of the fixture's plan: "", "blocked", or a subscription's state.
func addKey(t *testing.T, s *store.Store, f fixture, n int64, state string) models.KeyID {
	t.Helper()
	now := storetest.Now().UnixMilli()
	id := models.NewID[models.Key](uint64(n))
	insert(t, s, "keys", map[string]any{"id": id, "owner_id": f.owner.ID, "name": fmt.Sprint("Key ", n), "description": "", "customer_id": "", "enabled": 1,
		"source": "generated", "created_at": now})
	insert(t, s, "key_secrets", map[string]any{"digest": digestOf(byte(n)), "key_id": id, "is_current": 1, "hint": "", "last4": "", "created_at": now})
	row := map[string]any{"plan_id": f.plan, "key_id": id, "blocked": 0, "added_at": now}
	switch state {
	case "":
	case "blocked":
		row["blocked"] = 1
	default:
		app := models.AppID(n)
		insert(t, s, "apps", map[string]any{"id": app, "account_id": f.developer.ID, "name": "App", "created_at": now})
		insert(t, s, "subscriptions", map[string]any{"id": n, "app_id": app, "plan_id": f.plan, "state": state, "message": "", "reason": "", "requested_at": now})
		row["subscription_id"] = n
	}
	insert(t, s, "plan_keys", row)
	return id
}

func TestCredentialsTellWhatTheGatewayEnforces(t *testing.T) {
	s := storetest.Open(t)
	f := newFixture(t, s)
	ctx, now := t.Context(), storetest.Now()
	blocked, pending := addKey(t, s, f, 20, "blocked"), addKey(t, s, f, 21, "pending")
	suspended, revoked, off := addKey(t, s, f, 22, "suspended"), addKey(t, s, f, 23, ""), addKey(t, s, f, 24, "")
	db := store.Writer(s)
	ok(t, db.Exec(`UPDATE keys SET revoked_at = 1 WHERE id = ?`, int64(revoked)).Error)
	ok(t, db.Exec(`UPDATE keys SET enabled = 0, expires_at = ? WHERE id = ?`, now.UnixMilli(), int64(off)).Error)
	ok(t, db.Exec(`DELETE FROM plan_keys WHERE key_id = ?`, int64(off)).Error)
	insert(t, s, "key_secrets", map[string]any{"digest": digestOf(2), "key_id": f.key, "is_current": 0, "hint": "", "last4": "", "created_at": 0, "stops_at": now.UnixMilli()})
	plan := func(state models.MembershipState) []models.CredentialPlan {
		return []models.CredentialPlan{{PlanID: f.plan, State: state}}
	}
	secrets := func(n byte) []models.CredentialSecret {
		return []models.CredentialSecret{{Digest: [32]byte(digestOf(n))}}
	}
	all := []models.Credential{
		{KeyID: f.key, AppID: f.app, Enabled: true, Secrets: append(secrets(1), models.CredentialSecret{Digest: [32]byte(digestOf(2)), StopsAt: now}),
			Plans: plan(models.MemberActive)},
		{KeyID: blocked, Enabled: true, Secrets: secrets(20), Plans: plan(models.MemberBlocked)},
		{KeyID: pending, Enabled: true, Secrets: secrets(21), Plans: plan(models.MemberPending)},
		{KeyID: suspended, Enabled: true, Secrets: secrets(22), Plans: plan(models.MemberSuspended)},
		{KeyID: revoked, Revoked: true, Secrets: secrets(23), Plans: plan(models.MemberActive)},
		{KeyID: off, Secrets: secrets(24), ExpiresAt: now},
	}
	var got []models.Credential
	collect := func(c models.Credential) error { got = append(got, c); return nil }
	ok(t, s.Credentials(ctx, collect))
	if diff := cmp.Diff(got, all); diff != "" {
		t.Errorf("all (-got +want):\n%s", diff)
	}
	for _, want := range all {
		one, err := s.Credential(ctx, want.KeyID)
		ok(t, err)
		if diff := cmp.Diff(one, want); diff != "" {
			t.Errorf("one (-got +want):\n%s", diff)
		}
	}
	_, err := s.Credential(ctx, 12345)
	wantKind(t, "no key", err, models.KindNotFound)
	enough := errors.New("enough")
	if err := s.Credentials(ctx, func(models.Credential) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("error %v, want the caller's", err)
	}
}

func TestThrottleLevelsStayUntilTheyAreReplacedOrFull(t *testing.T) {
	s := storetest.Open(t)
	var levels []models.ThrottleLevel
	for i := range 100 {
		levels = append(levels, models.ThrottleLevel{KeyID: models.KeyID(i), PlanID: 2, MethodID: models.MethodID(i % 2), TAT: int64(i) * 7,
			FullAt: storetest.Now().Add(time.Duration(i) * time.Second)})
	}
	ok(t, s.CommitUsage(t.Context(), models.UsageBatch{Levels: levels[:50]}))
	levels[7].TAT, levels[7].FullAt = 5, storetest.Now().Add(time.Hour)
	ok(t, s.CommitUsage(t.Context(), models.UsageBatch{Levels: append(levels[50:], levels[7])}))
	for _, want := range [][]models.ThrottleLevel{levels, append(levels[7:8:8], levels[10:]...)} {
		got, err := s.LoadLevels(t.Context())
		ok(t, err)
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("levels (-got +want):\n%s", diff)
		}
		ok(t, s.PruneUsage(t.Context(), storetest.Now().Add(10*time.Second)))
	}
}

// BenchmarkCredentials loads a million keys, each with a value, a plan, a subscription and a charged day. Run with -benchtime=1x.
func BenchmarkCredentials(b *testing.B) {
	s := storetest.Open(b)
	f := newFixture(b, s)
	const keys = 1_000_000
	first := int64(models.NewID[models.Key](100))
	for _, statement := range []string{
		`INSERT INTO keys (id, app_id, name, description, customer_id, enabled, source, created_at) SELECT i, ?, '', '', '', 1, 'generated', 0 FROM n`,
		`INSERT INTO key_secrets (digest, key_id, is_current, hint, last4, created_at) SELECT randomblob(32), i, 1, '', hex(?), 0 FROM n`,
		`INSERT INTO plan_keys (plan_id, key_id, subscription_id, blocked, added_at) SELECT ?, i, 0, 0, 0 FROM n`,
		`INSERT INTO quota_days (key_id, plan_id, day, used) SELECT i, ?, 20000, 5 FROM n`,
	} {
		arg := int64(f.plan)
		switch {
		case strings.Contains(statement, "INTO keys"):
			arg = int64(f.app)
		case strings.Contains(statement, "plan_keys"):
			statement = strings.Replace(statement, "i, 0, 0, 0 FROM", fmt.Sprintf("i, %d, 0, 0 FROM", f.subscription), 1)
		}
		with := fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT %d UNION ALL SELECT i + 1 FROM n LIMIT %d) `, first, keys)
		if err := store.Writer(s).Exec(with+statement, arg).Error; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if err := s.Credentials(b.Context(), func(c models.Credential) error { n += len(c.Plans); return nil }); err != nil {
			b.Fatal(err)
		}
		if n != keys+1 {
			b.Fatalf("%d keys, want %d", n, keys+1)
		}
	}
}
