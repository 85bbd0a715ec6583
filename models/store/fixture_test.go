package store_test

import (
	"strings"
	"testing"

	"gatehouse/models"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// fixture is one of everything, written row by row, so that these tests rest on the schema alone: an API with a deployed stage, a published plan that
// opens it, an app with a key, subscribed to the plan.
type fixture struct {
	owner, developer models.Account
	api              models.APIID
	method           models.MethodID
	deployment       models.DeploymentID
	stage            models.StageID
	plan             models.PlanID
	app              models.AppID
	subscription     models.SubscriptionID
	key              models.KeyID
}

func newFixture(t testing.TB, s *store.Store) fixture {
	t.Helper()
	f := fixture{
		owner: storetest.Owner(t, s), developer: storetest.Developer(t, s), api: models.NewID[models.API](1),
		method: models.NewID[models.Method](2), deployment: models.NewID[models.Deployment](3), stage: models.NewID[models.Stage](4),
		plan: models.NewID[models.Plan](5), app: models.NewID[models.App](6), subscription: models.NewID[models.Subscription](7),
		key: models.NewID[models.Key](8),
	}
	now := storetest.Now().UnixMilli()
	methods := `[{"ID":"` + f.method.String() + `","Verb":"GET","Path":"/users","Summary":"","KeyRequired":true}]`
	terms := `{"name":"Gold","audience":"anyone","charge":"accepted","keysPerApp":1,"stages":[]}`
	insert(t, s, "apis", map[string]any{"id": f.api, "owner_id": f.owner.ID, "slug": "echo", "name": "Echo API", "summary": "", "key_place": "header",
		"key_name": "x-api-key", "key_forward": 0, "undeployed": 0, "created_at": now, "updated_at": now})
	insert(t, s, "methods", map[string]any{"id": f.method, "api_id": f.api, "verb": "GET", "path": "/users", "summary": "", "key_required": 1, "position": 0})
	insert(t, s, "deployments", map[string]any{"id": f.deployment, "api_id": f.api, "number": 1, "note": "", "methods": methods, "key_place": "bearer",
		"key_name": "", "key_forward": 1, "created_at": now, "created_by": "test"})
	insert(t, s, "stages", map[string]any{"id": f.stage, "api_id": f.api, "name": "prod", "upstream": "https://example.com", "rate": 2.5, "burst": 10,
		"timeout_ms": 30000, "deployment_id": f.deployment, "deployed_at": now, "created_at": now})
	insert(t, s, "plans", map[string]any{"id": f.plan, "owner_id": f.owner.ID, "state": "published", "name": "Gold", "version": 1, "created_at": now,
		"updated_at": now, "published_at": now})
	insert(t, s, "plan_versions", map[string]any{"plan_id": f.plan, "version": 1, "terms": terms, "published_at": now, "published_by": "test"})
	insert(t, s, "plan_stages", map[string]any{"plan_id": f.plan, "stage_id": f.stage})
	insert(t, s, "apps", map[string]any{"id": f.app, "account_id": f.developer.ID, "name": "App", "created_at": now})
	insert(t, s, "subscriptions", map[string]any{"id": f.subscription, "app_id": f.app, "plan_id": f.plan, "state": "active", "message": "", "reason": "",
		"requested_at": now})
	insert(t, s, "keys", map[string]any{"id": f.key, "app_id": f.app, "name": "Production key", "description": "", "customer_id": "", "enabled": 1,
		"source": "generated", "created_at": now})
	insert(t, s, "key_secrets", map[string]any{"digest": digestOf(1), "key_id": f.key, "is_current": 1, "hint": "gwk1…8Pz2", "last4": "8Pz2",
		"created_at": now})
	insert(t, s, "plan_keys", map[string]any{"plan_id": f.plan, "key_id": f.key, "subscription_id": f.subscription, "blocked": 0, "added_at": now})
	insert(t, s, "key_stages", map[string]any{"key_id": f.key, "stage_id": f.stage, "plan_id": f.plan})
	return f
}

func digestOf(n byte) []byte { return append(make([]byte, 31), n) }

// insert writes a row; the columns that it does not name are NULL.
func insert(t testing.TB, s *store.Store, table string, row map[string]any) {
	t.Helper()
	var columns []string
	var values []any
	for c, v := range row {
		columns = append(columns, c)
		values = append(values, v)
	}
	pool, err := store.Writer(s).DB()
	if err != nil {
		t.Fatal(err)
	}
	query := "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(columns)-1) + ")"
	if _, err := pool.ExecContext(t.Context(), query, values...); err != nil {
		t.Fatalf("%s: %v", table, err)
	}
}
