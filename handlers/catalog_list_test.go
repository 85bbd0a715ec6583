package handlers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// offered publishes an API with a free plan and tags.
func (p *portal) offered(owner models.Account, slug string, tags ...string) models.Plan {
	p.t.Helper()
	actor, ctx := storetest.Actor(owner), p.t.Context()
	api, err := p.store.CreateAPI(ctx, actor, models.NewAPI{Name: slug, Slug: slug, Tags: tags, KeySource: models.DefaultKeySource(), Methods: []models.Method{{Verb: "GET", Path: "/" + slug + "/tiles", Summary: "One tile"}}}, p.clock)
	ok(p.t, err)
	stage, err := p.store.CreateStage(ctx, actor, api.ID, models.Stage{Name: "prod", Upstream: "https://example.com", Timeout: time.Second}, p.clock)
	ok(p.t, err)
	_, err = p.store.Deploy(ctx, actor, api.ID, stage.ID, "", p.clock)
	ok(p.t, err)
	terms := models.NewTerms("Open " + slug)
	terms.Stages = []models.PlanStage{{StageID: stage.ID}}
	plan, err := p.store.CreatePlan(ctx, actor, terms, p.clock)
	ok(p.t, err)
	plan, err = p.store.PublishPlan(ctx, actor, plan.ID, p.clock)
	ok(p.t, err)
	return plan
}

// TestTheCatalogIsNarrowedByWordsTagsAndPlans: all of it stands in the address, and each filter takes itself away.
func TestTheCatalogIsNarrowedByWordsTagsAndPlans(t *testing.T) {
	p := openPortal(t)
	p.weather()
	olga, _, err := p.store.AccountByEmail(t.Context(), "olga@example.com")
	ok(t, err)
	maps := p.offered(olga, "maps", "geo", "open data")
	p.offered(olga, "streets", "geo")
	b := p.visitor()
	for path, want := range map[string]string{
		"/apis":                                "maps streets weather",
		"/apis?q=WEATH":                        "weather",
		"/apis?q=land+point":                   "weather", // of its summary
		"/apis?q=growth":                       "weather", // a plan
		"/apis?q=maps+tile":                    "maps",    // a name and an operation
		"/apis?q=tiles":                        "maps streets",
		"/apis?q=forecast":                     "weather",
		"/apis?q=open+data":                    "maps",
		"/apis?tag=geo":                        "maps streets",
		"/apis?tag=geo&tag=open+data":          "maps",
		"/apis?tag=geo&q=zz":                   "",
		"/apis?tag=%2F":                        "maps streets weather", // no tag is called so
		"/apis?plans=at-once":                  "maps streets weather",
		"/apis?plans=yours":                    "maps streets weather", // a visitor has none
		"/apis?q=%22%3E%3Cscript%3Ezz":         "",
		"/apis?after=maps":                     "streets weather",
		"/apis?after=nothing":                  "maps streets weather",
		"/apis?q=friends":                      "", // a plan that a visitor must not see
		"/apis?q=" + strings.Repeat("x", 5000): "",
	} {
		page := b.get(path)
		var got []string
		for _, slug := range []string{"maps", "streets", "weather"} {
			if strings.Contains(page.body, `<a href="/apis/`+slug+`">`) {
				got = append(got, slug)
			}
		}
		if page.status != http.StatusOK || strings.Join(got, " ") != want {
			t.Errorf("%.60s: %d, %v, want %q", path, page.status, got, want)
		}
		page.hasNot(t, "<script>zz")
	}
	b.get("/apis?q=tiles").has(t, "/apis/maps/docs?op=GET+%2Fmaps%2Ftiles", `href="/apis?q=tiles&amp;tag=open+data"`)
	b.get("/apis?q=zz&tag=geo").has(t, "No API found", `href="/apis?q=zz"`, "Of the APIs that the filters leave", "Show all APIs")
	narrowed := b.get("/apis?q=tiles&tag=geo&plans=at-once")
	narrowed.has(t, `href="/apis?plans=at-once&amp;q=tiles"`, `href="/apis?q=tiles&amp;tag=geo"`, "2 of 3 APIs", `<input type="hidden" name="tag" value="geo"`)
	b.get("/apis/maps").has(t, `href="/apis?tag=geo"`)
	dan := p.account(models.RoleDeveloper, "dan@example.com")
	reader := p.signedIn("dan@example.com")
	reader.get("/apis?plans=yours").has(t, "No subscription yet")
	_, _, err = p.store.Subscribe(t.Context(), storetest.Actor(dan), models.NewSubscription{PlanID: maps.ID, AppName: "My app"}, p.clock)
	ok(t, err)
	reader.get("/apis?plans=yours").has(t, `href="/apis/maps"`, "Subscribed")
}

// TestAHundredAPIsAreLeafedThrough: forwards and backwards, each API once.
func TestAHundredAPIsAreLeafedThrough(t *testing.T) {
	p := openPortal(t)
	olga := p.account(models.RoleOwner, "olga@example.com")
	for i := range 50 {
		p.offered(olga, fmt.Sprintf("api-%02d", i))
	}
	b := p.visitor()
	b.get("/apis").has(t, "1–24 of 50 APIs", "/apis?after=api-23")
	b.get("/apis?after=api-23").has(t, "25–48 of 50 APIs", `href="/apis/api-24"`, `href="/apis/api-47"`, `href="/apis" rel="prev"`)
	last := b.get("/apis?after=api-47")
	last.has(t, "49–50 of 50 APIs", `href="/apis?after=api-23" rel="prev"`)
	last.hasNot(t, `rel="next"`)
}

// TestAnOwnerGivesAnAPITags: in its settings; what is no tag comes back as it was typed.
func TestAnOwnerGivesAnAPITags(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "tiles", nil)
	b, path := p.signedIn("owner@example.com"), "/owner/apis/"+w.api.ID.String()
	send := func(tags string) answer {
		return b.post(path+"/settings", "name", "Tiles", "slug", "tiles", "tags", tags, "key_place", "header", "key_name", "x-api-key")
	}
	send("maps, <b>").again(t, "is no tag", "maps, &lt;b&gt;")
	b.sees(send("Maps, open  data, maps")).has(t, "Saved.", `value="maps, open data"`)
	b.get("/apis?tag=open+data").has(t, `href="/apis/tiles"`)
	b.sees(send("")).has(t, "Saved.")
	b.get("/apis?tag=maps").has(t, "No API found")
}
