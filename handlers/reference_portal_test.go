package handlers_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/handlers"
	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/openapi"
	"gatehouse/models/store/storetest"
)

var update = flag.Bool("update", false, "write the goldens anew")

// publish makes an API of a document, read in a child as it is in the program, with a stage that its owner sees.
func (p *portal) publish(slug string, document []byte) (models.API, models.Stage) {
	p.t.Helper()
	reading, err := openapi.NewReader(buildReader(p.t)).Read(p.t.Context(), document)
	ok(p.t, err)
	in := models.NewAPI{Name: reading.Title, Slug: slug, Summary: "For tests.", KeySource: models.DefaultKeySource(), Document: document, Reading: reading.Pack}
	for _, op := range reading.Operations {
		in.Methods = append(in.Methods, models.Method{Verb: op.Verb, Path: op.Path, Summary: op.Summary, KeyRequired: op.KeyRequired || !reading.Secured})
	}
	owner := storetest.Actor(p.account(models.RoleOwner, slug+"@example.com"))
	api, err := p.store.CreateAPI(p.t.Context(), owner, in, p.clock)
	ok(p.t, err)
	stage, err := p.store.CreateStage(p.t.Context(), owner, api.ID, models.Stage{Name: "prod", Upstream: "https://example.com", Timeout: time.Second}, p.clock)
	ok(p.t, err)
	_, err = p.store.Deploy(p.t.Context(), owner, api.ID, stage.ID, "", p.clock)
	ok(p.t, err)
	return api, stage
}

// TestEveryFeatureOfADocumentIsReadable shows, as Markdown, what readers learn of documents of all versions. What it lacks, the pages lack too: both are
// made of the same words.
func TestEveryFeatureOfADocumentIsReadable(t *testing.T) {
	p := openPortal(t)
	for name, pages := range map[string][]string{
		"features-3.1.yaml": {"docs.md", "docs/create-order.md", "docs/get-orders-id.md", "docs/webhook-order-paid.md", "docs/models.md", "docs/models/Order.md", "docs/models/Payment.md"},
		"features-2.0.json": {"docs/upload.md", "docs/models/Pet.md"},
	} {
		document, err := os.ReadFile(filepath.Join("testdata", "reference", name))
		ok(t, err)
		slug := strings.NewReplacer(".", "-", "features", "f").Replace(strings.TrimSuffix(strings.TrimSuffix(name, ".yaml"), ".json"))
		p.publish(slug, document)
		b := p.signedIn(slug + "@example.com")
		for _, page := range pages {
			t.Run(name+" "+page, func(t *testing.T) {
				got := b.get("/apis/" + slug + "/" + page)
				if got.status != http.StatusOK || !strings.HasPrefix(got.header.Get("Content-Type"), "text/markdown") {
					t.Fatalf("%d %s", got.status, got.header.Get("Content-Type"))
				}
				golden := filepath.Join("testdata", "reference", slug+"-"+strings.ReplaceAll(page, "/", "-"))
				if *update {
					ok(t, os.WriteFile(golden, []byte(got.body), 0o644))
				}
				want, err := os.ReadFile(golden)
				ok(t, err)
				if diff := cmp.Diff(string(want), got.body); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				b.get("/apis/" + slug + "/" + strings.TrimSuffix(page, ".md")) // judged by htmlcheck
			})
		}
	}
}

// largeDocument has n operations in groups, with bodies, answers and models that refer to one another.
func largeDocument(t *testing.T, n, groups int) []byte {
	t.Helper()
	type object = map[string]any
	paths, schemas := object{}, object{}
	for i := range n / 10 {
		properties := object{}
		for f := range 20 {
			properties[fmt.Sprintf("field_%02d", f)] = object{"type": "string", "description": "What it is for.", "maxLength": 10 + f}
		}
		properties["next"] = object{"$ref": fmt.Sprintf("#/components/schemas/Model%d", (i+1)%(n/10))}
		properties["list"] = object{"type": "array", "items": object{"$ref": fmt.Sprintf("#/components/schemas/Model%d", (i*7+3)%(n/10))}}
		schemas[fmt.Sprintf("Model%d", i)] = object{"type": "object", "properties": properties, "required": []string{"field_00"}}
	}
	content := func(i int) object {
		return object{"application/json": object{"schema": object{"$ref": fmt.Sprintf("#/components/schemas/Model%d", i%(n/10))}}}
	}
	for i := range n {
		op := object{"operationId": fmt.Sprintf("doThing%d", i), "summary": fmt.Sprintf("Do thing %d", i), "description": "Does the thing.",
			"parameters":  []object{{"name": "id", "in": "path", "required": true, "schema": object{"type": "string"}}, {"name": "limit", "in": "query", "schema": object{"type": "integer", "minimum": 1}}},
			"requestBody": object{"content": content(i)}, "responses": object{"200": object{"description": "Done.", "content": content(i + 1)}, "404": object{"description": "None.", "content": content(i + 2)}}}
		if groups > 0 {
			op["tags"] = []string{fmt.Sprintf("Group %d", i%groups)}
		}
		paths[fmt.Sprintf("/things/%d/{id}", i)] = object{"post": op}
	}
	text, err := json.Marshal(object{"openapi": "3.0.3", "info": object{"title": "Large", "version": "1"}, "paths": paths, "components": object{"schemas": schemas}})
	ok(t, err)
	return text
}

// TestPagesOfALargeReferenceAreSmall: 20 KB compressed, with 2,000 operations, also where nobody has given them tags.
func TestPagesOfALargeReferenceAreSmall(t *testing.T) {
	const budget = 20 << 10
	p := openPortal(t)
	for slug, groups := range map[string]int{"tagged": 50, "untagged": 0} {
		p.publish(slug, largeDocument(t, 2000, groups))
		b := p.signedIn(slug + "@example.com")
		for _, path := range []string{"/docs", "/docs?tag=Group+7", "/docs/do-thing777", "/docs/models", "/docs/models/Model77", "/docs?q=thing+77", "/docs?q=Model1"} {
			got := b.get("/apis/" + slug + path)
			var packed bytes.Buffer
			w := gzip.NewWriter(&packed)
			_, err := w.Write([]byte(got.body))
			ok(t, err)
			ok(t, w.Close())
			if got.status != http.StatusOK || packed.Len() > budget {
				t.Errorf("%s%s: %d, %d bytes compressed", slug, path, got.status, packed.Len())
			}
		}
		for path, want := range map[string]string{
			"/docs?q=thing+777": "Do thing 777", "/docs?q=odel77": "/docs/models/Model77", "/docs/do-thing1999": "at most 29 characters", "/docs/models/Model77": "at most 29 characters",
		} {
			if !strings.Contains(b.get("/apis/"+slug+path).body, want) {
				t.Errorf("%s%s does not say %q", slug, path, want)
			}
		}
	}
}

// TestAReferenceKnowsItsReader: what one's plan opens, what is left, and who opens the rest.
func TestAReferenceKnowsItsReader(t *testing.T) {
	p := openPortal(t)
	_, plans := p.weather()
	dan := p.account(models.RoleDeveloper, "dan@example.com")
	_, _, err := p.store.Subscribe(t.Context(), storetest.Actor(dan), models.NewSubscription{PlanID: plans["Free"].ID, AppName: "My app"}, p.clock)
	ok(t, err)
	b := p.signedIn("dan@example.com")
	b.get("/apis/weather/docs/get-forecast").has(t, "In your", "Free", "My app", "1 request a second, one at a time for this operation", "10,000 requests a month", "9,999 left", "from the gateway", "429")
	b.get("/apis/weather/docs/get-forecast.md").has(t, "In your plan Free (My app)", "9,999 left")
	denied := b.get("/apis/weather/docs/post-stations")
	denied.has(t, "Not open in your", "calls get 403", "Included in", "Growth")
	p.visitor().get("/apis/weather/docs/post-stations").hasNot(t, "In your", "Not open in your")
}

// TestTextsForProgramsSayWhatTheReaderMaySee: a stranger's llms.txt names nothing that his catalog hides.
func TestTextsForProgramsSayWhatTheReaderMaySee(t *testing.T) {
	p := openPortal(t)
	p.weather()
	b := p.visitor()
	b.get("/llms.txt").has(t, "https://portal.example.com/apis/weather.md", "https://portal.example.com/apis/weather/llms.txt")
	page := b.get("/apis/weather.md")
	page.has(t, "# Weather API", "### Free", "### Growth", "10,000 requests a month")
	page.hasNot(t, "Friends", "https://example.com")
	list := b.get("/apis/weather/llms.txt")
	list.has(t, "https://portal.example.com/apis/weather/docs/get-forecast.md", "Get a forecast")
	list.hasNot(t, "not-deployed", "Secret plans")
	for _, path := range []string{"/apis/nothing.md", "/apis/nothing/llms.txt", "/apis/nothing/openapi.json", "/apis/nothing/docs.md", "/apis/weather/docs/get-not-deployed.md", "/apis/weather/docs/models/Nothing.md"} {
		if got := b.get(path); got.status != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, got.status)
		}
	}
}

// TestTheDocumentIsHandedOutAsItHolds: with our address and key, without what is not deployed, and kept by no cache.
func TestTheDocumentIsHandedOutAsItHolds(t *testing.T) {
	p := openPortal(t)
	document, err := os.ReadFile("testdata/reference/features-3.1.yaml")
	ok(t, err)
	api, stage := p.publish("shop", document)
	terms := models.NewTerms("Open")
	terms.Throttle, terms.Stages = &limit.Throttle{Rate: 1, Burst: 1}, []models.PlanStage{{StageID: stage.ID}}
	owner := models.Actor{AccountID: api.OwnerID, Role: models.RoleOwner}
	plan, err := p.store.CreatePlan(t.Context(), owner, terms, p.clock)
	ok(t, err)
	_, err = p.store.PublishPlan(t.Context(), owner, plan.ID, p.clock)
	ok(t, err)
	for _, kind := range []string{"json", "yaml"} {
		got := p.visitor().get("/apis/shop/openapi." + kind)
		got.has(t, "https://gateway.example.com/shop/prod", "gatehouseKey", "x-api-key", "GatehouseAnswer429", "x-gatehouse-plans", "Open")
		got.hasNot(t, "upstream.example.com")
		if got.header.Get("Content-Type") != "application/"+kind || got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", kind, got.header)
		}
		again, err := openapi.NewReader(buildReader(t)).Read(t.Context(), []byte(got.body))
		ok(t, err)
		if len(again.Operations) == 0 || len(again.Webhooks) == 0 {
			t.Errorf("%s has %d operations and %d webhooks", kind, len(again.Operations), len(again.Webhooks))
		}
	}
}

var _ handlers.LimitsOf = freeLimits

// freeLimits is a gateway that has let one request through.
func freeLimits(models.KeyID, models.PlanID) (handlers.KeyLimits, bool) {
	q := limit.Quota{Limit: 10_000, Period: limit.PeriodMonth}
	return handlers.KeyLimits{Quota: q, Used: 1, Left: 9_999, Window: q.Window(storetest.Now())}, true
}

// buildReader makes the reader's child as it is released: the race detector's own memory does not fit into the child's limits.
func buildReader(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "child")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../models/openapi/testdata/child").CombinedOutput(); err != nil {
		t.Fatalf("build the reader: %v\n%s", err, out)
	}
	return path
}
