package storetest_test

import (
	"path/filepath"
	"testing"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

func TestSeedMakesAsMuchAsItSays(t *testing.T) {
	s := storetest.Open(t)
	size := storetest.Few()
	made := storetest.Seed(t, s, size)
	keys := 0
	if err := s.Credentials(t.Context(), func(models.Credential) error { keys++; return nil }); err != nil {
		t.Fatal(err)
	}
	plans := 0
	for page := (models.Page{Limit: 200}); ; {
		list, err := s.Plans(t.Context(), made.Owner.ID, "", page)
		if err != nil {
			t.Fatal(err)
		}
		if plans, page.After = plans+len(list.Items), list.Next; page.After == "" {
			break
		}
	}
	// Revoked keys have no credentials, and strangers have one of their own.
	if keys < size.Keys*9/10 || keys > size.Keys*11/10 || plans != size.Plans {
		t.Errorf("%d keys on %d plans, want about %d on %d", keys, plans, size.Keys, size.Plans)
	}
}

// Without it the promise about reading usage would be measured on a file that the store does not read as keys with usage.
func TestSeedLargeMakesKeysWithUsageOnEachDay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.db")
	var keyring *secret.Keyring
	s := storetest.Open(t, func(c *store.Config) { c.Path, keyring = path, c.Keyring })
	made := storetest.Seed(t, s, storetest.Few())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	l := storetest.Large{Keys: 50, Days: 90}
	storetest.SeedLarge(t, path, made, l)

	s = storetest.Open(t, func(c *store.Config) { c.Path, c.Keyring = path, keyring })
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 17, l.Keys - 1} {
		key, err := s.Key(t.Context(), made.Owner.ID, l.Key(i))
		if err != nil || len(key.Calls) == 0 {
			t.Fatalf("key %d: %v, may call %d stages", i, err, len(key.Calls))
		}
		points, err := s.UsageSeries(t.Context(), models.UsageScope{Keys: []models.KeyID{key.ID}},
			models.UsageRange{From: l.Through().AddDate(0, 0, -l.Days), To: l.Through(), Step: models.StepDay})
		if err != nil || len(points) != l.Days {
			t.Errorf("key %d: %d days, %v; want %d", i, len(points), err, l.Days)
		}
	}
}

// What is written past the use cases must be as these would have written it: sums add up, and months can be closed.
func TestSeedLargeSpreadsKeysOverPlansCustomersAndDevelopers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.db")
	var keyring *secret.Keyring
	s := storetest.Open(t, func(c *store.Config) { c.Path, keyring = path, c.Keyring })
	made := storetest.Seed(t, s, storetest.Few())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	l := storetest.Large{Keys: 240, Days: 3, Spread: true}
	storetest.SeedLarge(t, path, made, l)

	s = storetest.Open(t, func(c *store.Config) { c.Path, c.Keyring = path, keyring })
	ctx := t.Context()
	if err := s.Check(ctx); err != nil {
		t.Fatal(err)
	}
	day := models.UsageRange{From: l.Through().AddDate(0, 0, -l.Days), To: l.Through(), Step: models.StepDay}
	sum := func(sc models.UsageScope) (n int64) {
		points, err := s.UsageSeries(ctx, sc, day)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range points {
			n += p.Total()
		}
		return n
	}
	var plans []models.PlanID
	for page := (models.Page{Limit: 200}); ; {
		list, err := s.Plans(ctx, made.Owner.ID, "", page)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list.Items {
			plans = append(plans, p.ID)
		}
		if page.After = list.Next; page.After == "" {
			break
		}
	}
	whole := sum(models.UsageScope{Owner: made.Owner.ID})
	if by := sum(models.UsageScope{Plans: plans}); whole == 0 || by != whole {
		t.Errorf("the owner's plans have %d requests, and the owner %d", by, whole)
	}
	if own, by := sum(models.UsageScope{Developer: made.Developer.ID}), sum(models.UsageScope{Developer: made.Developer.ID, Plans: plans}); own == 0 || own != by {
		t.Errorf("the developer has %d requests, and as a customer %d", own, by)
	}
	if err := s.CloseMonths(ctx, made.Now.AddDate(0, 1, 0)); err != nil {
		t.Fatal(err)
	}
	if list, err := s.Statements(ctx, made.Owner.ID, models.MonthOf(made.Now), models.Page{}); err != nil || len(list.Items) == 0 {
		t.Errorf("no statements: %v", err)
	}
}
