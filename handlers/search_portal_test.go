package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

func (p *developerPortal) private(name string) models.Plan {
	p.t.Helper()
	terms := models.NewTerms(name)
	terms.Audience, terms.KeysPerApp, terms.Stages = models.AudienceInvited, 1, []models.PlanStage{{StageID: p.prod.ID}}
	plan, err := p.store.CreatePlan(p.t.Context(), storetest.Actor(p.owner), terms, p.clock)
	ok(p.t, err)
	plan, err = p.store.PublishPlan(p.t.Context(), storetest.Actor(p.owner), plan.ID, p.clock)
	ok(p.t, err)
	return plan
}

// What is not somebody's must not show that it exists, by no name, id or part of a secret (R9).
func TestASearchFindsNothingOfOthers(t *testing.T) {
	p := openDeveloperPortal(t)
	p.account(models.RoleDeveloper, "stranger@example.com")
	p.account(models.RoleOwner, "rival@example.com")
	p.account(models.RoleAdmin, "admin@example.com")
	p.private("Hidden terms")
	made, _, err := p.store.Subscribe(t.Context(), storetest.Actor(p.developer), models.NewSubscription{PlanID: p.growth.ID, AppName: "Quokka", KeyName: "quokka-production"}, p.clock)
	ok(t, err)
	last4 := made.Key.Hint[len(made.Key.Hint)-4:]
	key := "/keys/" + made.Key.ID.String()
	for _, tt := range []struct {
		who, q    string
		want, not []string
	}{
		{"developer@example.com", last4, []string{`href="` + key + `"`, "Your keys"}, nil},
		{"developer@example.com", made.Key.ID.String(), []string{`href="` + key + `"`}, nil},
		{"developer@example.com", "quokka", []string{"Your apps", "Your subscriptions", `href="` + key + `"`, `href="/subscriptions/` + made.Subscription.ID.String() + `"`}, []string{"Customers"}},
		{"developer@example.com", "users", []string{"Operations", "GET /users/{id}", "?op=GET+%2Fusers%2F%7Bid%7D"}, nil},
		{"developer@example.com", "hidden", nil, []string{"Hidden terms"}},
		{"developer@example.com", "owner@", nil, []string{"owner@example.com"}},
		{"owner@example.com", last4, []string{`href="/owner` + key + `"`, "Customers&#39; keys"}, []string{`href="` + key + `"`}},
		{"owner@example.com", "hidden", []string{"Hidden terms", "Plans that you publish"}, nil},
		{"owner@example.com", "Quokka", []string{"Customers", "developer@example.com"}, []string{"Your apps"}},
		{"stranger@example.com", last4, nil, []string{made.Key.ID.String(), "quokka"}},
		{"stranger@example.com", made.Key.ID.String(), nil, []string{key, "quokka"}},
		{"stranger@example.com", "quokka", nil, []string{key, "Your apps", "/subscriptions/"}},
		{"rival@example.com", last4, nil, []string{key}},
		{"rival@example.com", "Quokka", nil, []string{key, "developer@example.com"}},
		{"rival@example.com", "echo", []string{"Echo API"}, []string{"/owner/apis/" + p.api.ID.String()}},
		{"rival@example.com", "hidden", nil, []string{"Hidden terms"}},
		{"admin@example.com", "stranger@", []string{"Accounts", "stranger@example.com"}, nil},
		{"admin@example.com", last4, nil, []string{key}}, // not even an administrator
		{"", "users", []string{"GET /users/{id}", "Echo API"}, nil},
		{"", "quokka", []string{"Nothing found"}, []string{key}},
		{"", "hidden", nil, []string{"Hidden terms"}},
		{"", "429", []string{"What errors mean"}, nil},
	} {
		b := p.visitor()
		if tt.who != "" {
			b = p.signedIn(tt.who)
		}
		for name, got := range map[string]answer{"page": b.get("/search?q=" + tt.q), "results": b.part("/search?q=" + tt.q)} {
			for _, want := range tt.want {
				if !strings.Contains(got.body, want) {
					t.Errorf("%s searches %q: the %s does not have %q:\n%s", tt.who, tt.q, name, want, got.text())
				}
			}
			found := got.body[strings.Index(got.body, `class="found"`):]
			for _, unwanted := range tt.not {
				if strings.Contains(found, unwanted) {
					t.Errorf("%s searches %q: the %s has %q", tt.who, tt.q, name, unwanted)
				}
			}
		}
	}
}

// Flow 5: whoever finds a key in a log opens it by its last four characters, in one step.
func TestALeakedKeyIsOpenedByItsLastFourCharacters(t *testing.T) {
	p := openDeveloperPortal(t)
	made, value, err := p.store.Subscribe(t.Context(), storetest.Actor(p.developer), models.NewSubscription{PlanID: p.free.ID, AppName: "App", KeyName: "leaked"}, p.clock)
	ok(t, err)
	b := p.signedIn("developer@example.com")
	whole := value.Reveal()
	got := b.get("/search?q=" + whole)
	if want := "/search?q=" + whole[len(whole)-4:]; got.location != want || got.status != http.StatusSeeOther {
		t.Fatalf("a whole key leads to %q, want %q", got.location, want)
	}
	b.get(got.location).has(t, "leaked", `href="/keys/`+made.Key.ID.String()+`"`)
}

// The search is a page: whoever has no scripts, or has not typed yet, is told what it finds.
func TestASearchWithoutAQueryLeadsToPages(t *testing.T) {
	p := openDeveloperPortal(t)
	p.signedIn("developer@example.com").get("/search").has(t, "Pages", `href="/keys"`, "last four characters")
	p.visitor().get("/search").has(t, "Type a name")
	p.signedIn("owner@example.com").get("/search?q=audit").has(t, `href="/owner/audit"`)
}
