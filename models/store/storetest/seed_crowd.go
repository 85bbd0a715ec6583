package storetest

import (
	"database/sql"
	"net/url"
	"testing"

	"gatehouse/models"
	"gatehouse/models/store"
)

// Crowd is a plan with very many keys: what holds the database's writer longest is tried on it.
type Crowd struct {
	Keys                 int
	Owner, Developer     models.Account
	API                  models.API
	Opened, Other, Spare models.Stage // of the API: Opened by the plan Crowded and by no other, Other by the plan Next
	Crowded, Next        models.Plan  // both take anybody
}

// firstCrowd is the id of the crowd's first key, app and subscription, far from what is drawn.
const firstCrowd = 1_000

// Key returns the id of one of the keys, 0 <= i < Keys.
func (c Crowd) Key(i int) models.KeyID { return models.NewID[models.Key](uint64(firstCrowd + i)) }

// Subscription returns the subscription of a key.
func (c Crowd) Subscription(i int) models.SubscriptionID {
	return models.NewID[models.Subscription](uint64(firstCrowd + i))
}

// SeedCrowd makes a crowd in the file of an empty store: each key is that of an app of its own, which is subscribed, and all apps are one developer's. Things
// are made by use cases, keys row by row, past them. It returns the store anew.
func SeedCrowd(t testing.TB, path string, keys int, options ...func(*store.Config)) (*store.Store, Crowd) {
	t.Helper()
	options = append(options, func(c *store.Config) { c.Path = path })
	s := Open(t, options...)
	c := Crowd{Keys: keys, Owner: Owner(t, s), Developer: Developer(t, s)}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("seed crowd: %v", err)
		}
	}
	ctx, actor := t.Context(), Actor(c.Owner)
	var err error
	c.API, err = s.CreateAPI(ctx, actor, models.NewAPI{Name: "Crowd", Slug: "crowd", KeySource: models.DefaultKeySource(),
		Methods: []models.Method{{Verb: "GET", Path: "/", KeyRequired: true}}}, Now())
	must(err)
	for name, stage := range map[string]*models.Stage{"opened": &c.Opened, "other": &c.Other, "spare": &c.Spare} {
		*stage, err = s.CreateStage(ctx, actor, c.API.ID, models.Stage{Name: name, Upstream: "https://example.com"}, Now())
		must(err)
		_, err = s.Deploy(ctx, actor, c.API.ID, stage.ID, "", Now())
		must(err)
	}
	for _, p := range []struct {
		to    *models.Plan
		name  string
		stage models.Stage
	}{{&c.Crowded, "Crowded", c.Opened}, {&c.Next, "Next", c.Other}} {
		terms := models.NewTerms(p.name)
		terms.KeysPerApp, terms.Stages = 2, []models.PlanStage{{StageID: p.stage.ID}}
		made, err := s.CreatePlan(ctx, actor, terms, Now())
		must(err)
		*p.to, err = s.PublishPlan(ctx, actor, made.ID, Now())
		must(err)
	}
	c.insert(t, path)
	return s, c
}

func (c Crowd) insert(t testing.TB, path string) {
	t.Helper()
	db, err := sql.Open(Driver(), "file:"+(&url.URL{Path: path}).EscapedPath())
	if err != nil {
		t.Fatalf("open %s: %v", path, err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	w := largeWriter{TB: t, ctx: t.Context(), db: db}
	w.exec("PRAGMA synchronous = OFF")
	w.exec("BEGIN IMMEDIATE")
	for _, statement := range []string{
		`INSERT INTO apps (id, account_id, name, created_at) SELECT id, ?3, 'app-' || id, ?4 FROM n`,
		`INSERT INTO subscriptions (id, app_id, plan_id, state, message, reason, requested_at) SELECT id, id, ?5, 'active', '', '', ?4 FROM n`,
		`INSERT INTO keys (id, app_id, name, description, customer_id, enabled, source, created_at) SELECT id, id, 'key-' || id, '', '', 1, 'generated', ?4 FROM n`,
		`INSERT INTO key_secrets (digest, key_id, is_current, hint, last4, created_at) SELECT randomblob(32), id, 1, 'crow…0000', '0000', ?4 FROM n`,
		`INSERT INTO plan_keys (plan_id, key_id, subscription_id, blocked, added_at) SELECT ?5, id, id, 0, ?4 FROM n`,
		`INSERT INTO key_stages (key_id, stage_id, plan_id) SELECT id, ?6, ?5 FROM n`,
	} {
		w.exec(`WITH RECURSIVE n (id) AS (SELECT ?1 UNION ALL SELECT id + 1 FROM n WHERE id + 1 < ?2) `+statement,
			int64(c.Key(0)), int64(c.Key(0))+int64(c.Keys), int64(c.Developer.ID), Now().UnixMilli(), int64(c.Crowded.ID), int64(c.Opened.ID))
	}
	w.exec("COMMIT")
	w.exec("PRAGMA wal_checkpoint(TRUNCATE)")
}
