package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// world is an owner with an API and a developer, made by the use cases themselves.
type world struct {
	*store.Store
	t         *testing.T
	owner     models.Account
	developer models.Account
	api       models.API
	now       time.Time
}

func newWorld(t *testing.T, options ...func(*store.Config)) *world {
	t.Helper()
	s := storetest.Open(t, options...)
	w := &world{Store: s, t: t, owner: storetest.Owner(t, s), developer: storetest.Developer(t, s), now: storetest.Now()}
	w.api = w.newAPI(w.owner, "echo")
	return w
}

func (w *world) asOwner() models.Actor     { return storetest.Actor(w.owner) }
func (w *world) asDeveloper() models.Actor { return storetest.Actor(w.developer) }

// later moves the clock.
func (w *world) later() time.Time {
	w.now = w.now.Add(time.Second)
	return w.now
}

func (w *world) newAPI(owner models.Account, slug string) models.API {
	w.t.Helper()
	a, err := w.CreateAPI(w.t.Context(), storetest.Actor(owner), models.NewAPI{Name: strings.ToUpper(slug), Slug: slug, KeySource: models.DefaultKeySource(),
		Methods: []models.Method{{Verb: "GET", Path: "/users", KeyRequired: true}, {Verb: "POST", Path: "/users", KeyRequired: true}}}, w.later())
	ok(w.t, err)
	return a
}

// stage makes a stage of the world's API and deploys to it.
func (w *world) stage(name string) models.Stage {
	w.t.Helper()
	st := w.bareStage(name)
	_, err := w.Deploy(w.t.Context(), w.asOwner(), w.api.ID, st.ID, "", w.later())
	ok(w.t, err)
	st, err = w.Stage(w.t.Context(), w.owner.ID, w.api.ID, st.ID)
	ok(w.t, err)
	return st
}

func (w *world) bareStage(name string) models.Stage {
	w.t.Helper()
	st, err := w.CreateStage(w.t.Context(), w.asOwner(), w.api.ID, models.Stage{Name: name, Upstream: "https://example.com"}, w.later())
	ok(w.t, err)
	return st
}

// wait brings a document to the world's API, which waits to be imported.
func (w *world) wait(document, reading string) models.DocumentChange {
	w.t.Helper()
	draft, err := w.Draft(w.t.Context(), w.owner.ID, w.api.ID)
	ok(w.t, err)
	c, err := w.BringDocument(w.t.Context(), w.asOwner(), models.DocumentChange{APIID: w.api.ID, Draft: draft.Digest, Diff: []byte("{}"), Document: []byte(document), Reading: []byte(reading)}, w.later())
	ok(w.t, err)
	return c
}

// bring imports a document into the world's API.
func (w *world) bring(document, reading string, methods ...models.Method) models.ImportChanges {
	w.t.Helper()
	changes, err := w.ImportDocument(w.t.Context(), w.asOwner(), w.api.ID, w.wait(document, reading).ID, methods, models.ChangelogEntry{}, w.later())
	ok(w.t, err)
	return changes
}

func termsOf(name string, stages ...models.Stage) models.Terms {
	terms := models.NewTerms(name)
	terms.KeysPerApp = 2
	for _, st := range stages {
		terms.Stages = append(terms.Stages, models.PlanStage{StageID: st.ID})
	}
	return terms
}

// draft makes a plan that is not published.
func (w *world) draft(terms models.Terms) models.Plan {
	w.t.Helper()
	p, err := w.CreatePlan(w.t.Context(), w.asOwner(), terms, w.later())
	ok(w.t, err)
	return p
}

// publish makes a plan with terms and publishes it.
func (w *world) publish(terms models.Terms) models.Plan {
	w.t.Helper()
	p, err := w.PublishPlan(w.t.Context(), w.asOwner(), w.draft(terms).ID, w.later())
	ok(w.t, err)
	return p
}

// plan publishes a plan that opens stages.
func (w *world) plan(name string, stages ...models.Stage) models.Plan {
	w.t.Helper()
	return w.publish(termsOf(name, stages...))
}

// asking is a plan that asks first.
func (w *world) asking(name string, stages ...models.Stage) models.Plan {
	w.t.Helper()
	terms := termsOf(name, stages...)
	terms.Audience = models.AudienceAsk
	return w.publish(terms)
}

// subscribe puts a new app of the developer on a plan.
func (w *world) subscribe(p models.Plan, app string) models.Subscribed {
	w.t.Helper()
	made, value, err := w.Subscribe(w.t.Context(), w.asDeveloper(), models.NewSubscription{PlanID: p.ID, AppName: app}, w.later())
	ok(w.t, err)
	if value.IsZero() || made.Attached {
		w.t.Fatalf("a new app came without a value: %+v", made)
	}
	return made
}

// customerKey makes a key of the owner's on plans.
func (w *world) customerKey(name string, plans ...models.Plan) models.Key {
	w.t.Helper()
	in := models.NewCustomerKey{Name: name}
	for _, p := range plans {
		in.Plans = append(in.Plans, p.ID)
	}
	k, _, err := w.CreateCustomerKey(w.t.Context(), w.asOwner(), in, w.later())
	ok(w.t, err)
	return k
}

// state returns what the gateway would be told of a key on a plan: "" when it is not on it.
func (w *world) state(key models.KeyID, plan models.PlanID) models.MembershipState {
	w.t.Helper()
	c, err := w.Credential(w.t.Context(), key)
	ok(w.t, err)
	for _, p := range c.Plans {
		if p.PlanID == plan {
			return p.State
		}
	}
	return ""
}

// wantR1 fails unless key_stages is what the memberships of keys that are not revoked amount to.
func wantR1(t testing.TB, s *store.Store) {
	t.Helper()
	read := func(query string) string {
		var rows []struct{ KeyID, StageID, PlanID int64 }
		if err := store.Writer(s).Raw(query).Scan(&rows).Error; err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(rows)
	}
	got := read(`SELECT ks.key_id, ks.stage_id, ks.plan_id FROM key_stages ks JOIN plans p ON p.id = ks.plan_id
		JOIN plan_stages ps ON ps.plan_id = ks.plan_id AND ps.stage_id = ks.stage_id WHERE p.ended = 0
		ORDER BY ks.key_id, ks.stage_id, ks.plan_id`)
	want := read(`SELECT pk.key_id, ps.stage_id, pk.plan_id FROM plan_keys pk JOIN plan_stages ps ON ps.plan_id = pk.plan_id JOIN keys k ON k.id = pk.key_id
		JOIN plans p ON p.id = pk.plan_id WHERE k.revoked_at IS NULL AND p.ended = 0 ORDER BY pk.key_id, ps.stage_id, pk.plan_id`)
	if got != want {
		t.Fatalf("key_stages has\n%s\nthe memberships amount to\n%s", got, want)
	}
	var plans []struct {
		ID    models.PlanID
		Terms string
	}
	err := store.Writer(s).Raw(`SELECT p.id, v.terms FROM plans p JOIN plan_versions v ON v.plan_id = p.id AND v.version = p.version`).Scan(&plans).Error
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range plans {
		var terms models.Terms
		var opened []models.StageID
		if err := json.Unmarshal([]byte(p.Terms), &terms); err != nil {
			t.Fatal(err)
		}
		if err := store.Writer(s).Raw(`SELECT stage_id FROM plan_stages WHERE plan_id = ? ORDER BY stage_id`, p.ID).Scan(&opened).Error; err != nil {
			t.Fatal(err)
		}
		inForce := terms.StageIDs()
		slices.Sort(inForce)
		if !slices.Equal(opened, inForce) {
			t.Fatalf("plan_stages of %s has %v, its terms in force open %v", p.ID, opened, inForce)
		}
	}
}

// count reads a number.
func count(t testing.TB, s *store.Store, query string, args ...any) (n int) {
	t.Helper()
	if err := store.Writer(s).Raw(query, args...).Scan(&n).Error; err != nil {
		t.Fatal(err)
	}
	return n
}

// wantEvent fails unless the newest event is of the action, about the object and on the owner's page.
func (w *world) wantEvent(action, object string, owner models.AccountID) {
	w.t.Helper()
	list, err := w.Events(w.t.Context(), models.Account{Role: models.RoleAdmin}, models.EventFilter{}, models.Page{Limit: 1})
	ok(w.t, err)
	if len(list.Items) == 0 || list.Items[0].Action != action || list.Items[0].ObjectID != object || list.Items[0].OwnerID != owner {
		w.t.Errorf("the newest event is %+v, want %s of %q for %s", list.Items, action, object, owner)
	}
}

// wantChange fails unless fn tells the gateway of a change of the kind and id, and of nothing where kind is "".
func (w *world) wantChange(kind models.ChangeKind, id int64, fn func()) {
	w.t.Helper()
	before, err := w.Version(w.t.Context())
	ok(w.t, err)
	fn()
	changes, err := w.ChangesSince(w.t.Context(), before)
	ok(w.t, err)
	if kind == "" && len(changes) == 0 {
		return
	}
	for _, c := range changes {
		if c.Kind == kind && c.ID == id {
			return
		}
	}
	w.t.Errorf("the gateway was told %+v, want %s %d", changes, kind, id)
}

func revealed(v secret.Value) string { return v.Reveal() }

// stranger is another owner, who must find nothing.
func (w *world) stranger() models.Account { return storetest.Owner(w.t, w.Store) }
