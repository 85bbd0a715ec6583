package handlers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/openapi"
)

// describe sets what every document says from now on.
func (p *ownerPortal) describe(operations ...openapi.Operation) {
	p.description.Operations = operations
}

func operationNamed(verb, path string, parameters ...openapi.Parameter) openapi.Operation {
	return openapi.Operation{Verb: verb, Path: path, KeyRequired: true, Summary: "Does " + path, Parameters: parameters, Responses: []openapi.Response{{Status: "200"}}}
}

// An owner brings a document, sees what it breaks and for whom, goes away and comes back, and imports it; nothing changes before, and nothing is published.
func TestANewerDocumentIsLookedAtBeforeItIsImported(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b := p.signedIn("owner@example.com")
	api := "/owner/apis/" + w.api.ID.String()
	path := api + "/diff"
	b.get(path).has(t, "Nothing to compare yet", api+"/import")
	b.sees(b.post(path, "change", "x")).has(t, "No document waits any more")

	p.describe(operationNamed("GET", "/get"), operationNamed("POST", "/post"), operationNamed("GET", "/open"))
	page := b.sees(b.post(api+"/import", "document", "openapi: 3.1.0"))
	page.has(t, "Nothing breaks callers", "methods that were typed in → Weather 2 (openapi 3.1.0)", "Import it")
	b.sees(b.post(path, "change", change(page))).has(t, "What the last import changed", "0 methods added, 3 changed, 0 removed", "Deploy to prod")
	page = b.sees(b.post(api+"/stages/"+w.stage.ID.String()+"/deploy", "from", "diff"))
	page.has(t, "What the last import changed", "callers get it on their next request")
	page.hasNot(t, "Deploy to prod")

	made := p.subscribe(w.plan, "App")
	methods, err := p.store.Methods(t.Context(), p.owner.ID, w.api.ID)
	ok(t, err)
	for _, m := range methods[:2] {
		ok(t, p.store.CommitUsage(t.Context(), models.UsageBatch{Cells: []models.UsageCell{{KeyID: made.Key.ID, PlanID: w.plan.ID, StageID: w.stage.ID, MethodID: m.ID,
			Minute: p.clock.Truncate(time.Minute).Unix(), Outcome: models.OutcomeSuccess, Count: 7}}}))
	}
	required := openapi.Parameter{Name: "q", In: "query", Required: true, Type: "string", Schema: &openapi.Schema{Type: "string"}}
	p.describe(operationNamed("GET", "/get", required), operationNamed("GET", "/open"), operationNamed("GET", "/new"))
	page = b.sees(b.post(api+"/import", "document", "openapi: 3.1.0"))
	page.has(t, "2 changes break callers", "it waits for you", "Import it anyway", "Discard", "Operation removed", "Who calls it gets 404 once this is deployed.", "Required parameter added", "query parameter q", "Who does not send it is refused.",
		"1 key called 2 of the 2 operations whose callers have to do something, 14 times in the last 30 days.", "App · developer@example.com", "1 key, 7 calls in 30 days", "The last import")
	page.hasNot(t, "Deploy to prod")
	waits := change(page)
	page = b.get(path + "?show=added")
	page.has(t, "/new", `aria-current="page"`)
	page.hasNot(t, "Operation removed")
	page = b.get(path + "?show=breaking&q=post")
	page.has(t, "/post")
	page.hasNot(t, "query parameter q", "/new<")
	b.get(path+"?q=nowhere").has(t, "Nothing here has these words")
	b.get(path+"?of=imported").has(t, "What the last import changed", "What waits")
	b.get(path+"/post-post").has(t, "Operation removed", "Who calls it", "App · developer@example.com", ">7<", "Deprecate it first", "what=POST+%2Fpost")
	b.get(api).has(t, "A newer document waits for you to decide", "3 methods")
	b.get(api+"/import").has(t, "A document waits already")
	if text := b.get(path + "/document"); text.body != "openapi: 3.1.0" {
		t.Errorf("what was brought comes back as %q", text.body)
	}
	if page := b.get(path + "/nothing"); page.status != http.StatusNotFound {
		t.Errorf("an item that is none: %d", page.status)
	}

	b.sees(b.post(path, "change", "another")).has(t, "Another document has come since you looked")
	b.post(api+"/methods", "verb", "GET", "path", "/by-hand")
	page = b.get(path)
	page.has(t, "have changed since these documents were compared", "Compare again")
	page.hasNot(t, "Import it anyway")
	b.sees(b.post(path, "change", waits)).has(t, "The API has changed since the documents were compared.")
	b.sees(b.post(path+"/compare")).has(t, "3 changes break callers", "/by-hand", "Import it anyway")

	before := b.get(api + "/changes")
	b.sees(b.post(path, "change", waits)).has(t, "1 method added, 0 changed, 2 removed", "An entry of the changelog is proposed to you", "What the last import changed", "Operation removed", "Deploy to prod")
	before.hasNot(t, "1 operation added, 2 removed")
	b.get(api+"/changes").has(t, "Proposed to you", "1 operation added, 2 removed, 1 changed", "Nothing is published yet")
	p.visitor().get("/apis/echo/changes").hasNot(t, "operation added")
	page = b.get(path + "/post-post")
	page.has(t, "Operation removed")
	page.hasNot(t, "Deprecate it first")

	b.post(api+"/import", "document", "openapi: 3.1.0")
	b.sees(b.post(path+"/discard")).has(t, "Discarded: the API stays as it is")
	b.get(path).has(t, "What the last import changed")
	if page := p.signedIn("stranger@example.com").get(path); page.status != http.StatusNotFound {
		t.Errorf("another owner sees it: %d", page.status)
	}
}

// change is the id of the document that a page asks to import.
func change(page answer) string {
	_, rest, _ := strings.Cut(page.body, `name="change" value="`)
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

// A document of thousands of operations is compared at once, and told in pages.
func TestThousandsOfChangesAreToldInPages(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b := p.signedIn("owner@example.com")
	api := "/owner/apis/" + w.api.ID.String()
	many := func(version int) {
		var all []openapi.Operation
		for i := range 2000 {
			op := operationNamed("GET", fmt.Sprintf("/things/%d/v%d", i, i%2*version))
			for j := range 8 {
				op.Parameters = append(op.Parameters, openapi.Parameter{Name: fmt.Sprintf("parameter%d-%d", j, version*(j%3)), In: "query", Required: j > 5, Type: "string", Schema: &openapi.Schema{Type: "string", Enum: []string{"a", fmt.Sprint(version)}}})
			}
			all = append(all, op)
		}
		p.describe(all...)
	}
	many(1)
	b.sees(b.post(api+"/diff", "change", change(b.sees(b.post(api+"/import", "document", "openapi: 3.1.0"))))).has(t, "2,000", "1–25 of 2,003")
	many(2)
	page := b.sees(b.post(api+"/import", "document", "openapi: 3.1.0"))
	page.has(t, "Of the operations 1,000 go, 1,000 come, 1,000 change and 0 stay as they are.", "1–25 of 3,000", "from=25")
	for _, path := range []string{"", "?from=25", "?show=breaking", "?show=changed&from=500", "?show=added", "?q=things%2F7"} {
		page := b.get(api + "/diff" + path)
		if size := gzipped(page.body); size > 20<<10 {
			t.Errorf("%s has %d bytes compressed", path, size)
		}
	}
	b.get(api+"/diff?show=changed&from=975").has(t, "976–1,000 of 1,000")
}
