package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// What the portal acknowledged holds on the very next request (R8): no call here waits.
func TestAttackChangesHoldOnTheVeryNextRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.api(w.owner, "shop", "GET /items\nGET /other")
	plan := w.plan(w.owner, "Open", []service{s})
	asking := w.plan(w.owner, "Asking", []service{s}, "audience", "ask")
	g := w.subscribe(w.dev, s, plan)
	call := func(status int, problem string) {
		t.Helper()
		w.expect("GET", "/shop/prod/items", g.value, status, problem)
	}
	decide := func(d string) {
		t.Helper()
		w.done(w.owner, "/owner/subscriptions/"+g.subscription+"/decide", "decision", d, "reason", "because")
	}
	stage := "/owner/apis/" + s.id + "/stages/" + s.stage
	call(200, "")
	for range 10 {
		w.done(w.owner, "/owner/keys/"+g.key+"/enabled", "enabled", "false")
		call(403, "key-blocked")
		w.done(w.owner, "/owner/keys/"+g.key+"/enabled", "enabled", "true")
		call(200, "")
		decide("suspend")
		call(403, "subscription-suspended")
		decide("resume")
		call(200, "")
	}
	// Another method, then back.
	first := find(t, "/deployments/"+anID, w.owner.page("/owner/apis/"+s.id))
	w.done(w.owner, "/owner/apis/"+s.id+"/methods", "verb", "GET", "path", "/fresh", "key_required", "on")
	w.expect("GET", "/shop/prod/fresh", g.value, 404, "path-unknown")
	w.done(w.owner, stage+"/deploy")
	w.expect("GET", "/shop/prod/fresh", g.value, 200, "")
	w.done(w.owner, stage+"/point", "deployment", first)
	w.expect("GET", "/shop/prod/fresh", g.value, 404, "path-unknown")
	// A plan's draft is nobody's until it is published.
	fields := planFields("Open", []service{s}, "throttled", "on", "rate", "0", "burst", "0")
	w.done(w.owner, "/owner/plans/"+plan, fields...)
	call(200, "")
	w.done(w.owner, "/owner/plans/"+plan+"/publish")
	call(429, "throttled")
	w.done(w.owner, "/owner/plans/"+plan, planFields("Open", []service{s})...)
	w.done(w.owner, "/owner/plans/"+plan+"/publish")
	call(200, "")
	w.done(w.owner, "/owner/plans/"+plan, planFields("Open", []service{s}, "without."+s.stage, find(t, "/methods/"+anID+"/remove", w.owner.page("/owner/apis/"+s.id)))...)
	w.done(w.owner, "/owner/plans/"+plan+"/publish")
	_, one := w.call("GET", "/shop/prod/items", g.value)
	_, two := w.call("GET", "/shop/prod/other", g.value)
	if one+two != "operation-not-in-plan" {
		t.Errorf("one method is left out: %q %q", one, two)
	}
	w.done(w.owner, "/owner/plans/"+plan, planFields("Open", []service{s})...)
	w.done(w.owner, "/owner/plans/"+plan+"/publish")
	// Rotation: now, and with an overlap that is cut short.
	w.done(w.dev, "/keys/"+g.key+"/rotate", "overlap", "1h")
	old := g.value
	g.value = find(t, valuePattern, w.dev.page("/keys/"+g.key+"?new=1"))
	call(200, "")
	w.expect("GET", "/shop/prod/items", old, 200, "")
	w.done(w.dev, "/keys/"+g.key+"/stop-old")
	call(200, "")
	w.expect("GET", "/shop/prod/items", old, 403, "key-replaced")
	// Where the stage leads, how it is named, and what it is worth when it is gone.
	w.done(w.owner, stage, "upstream", "http://127.0.0.1:1", "timeout", "5")
	call(502, "upstream-unreachable")
	w.done(w.owner, stage, "upstream", w.origin.URL, "timeout", "5")
	call(200, "")
	w.done(w.owner, "/owner/apis/"+s.id+"/settings", "name", "Shop", "slug", "store", "key_place", "header", "key_name", "x-api-key")
	call(404, "api-unknown")
	w.expect("GET", "/store/prod/items", g.value, 200, "")
	w.done(w.owner, "/owner/apis/"+s.id+"/settings", "name", "Shop", "slug", "shop", "key_place", "header", "key_name", "x-api-key")

	pending := w.subscribe(w.other, s, asking)
	w.expect("GET", "/shop/prod/items", pending.value, 403, "subscription-pending")
	w.done(w.owner, "/owner/subscriptions/"+pending.subscription+"/decide", "decision", "approve")
	w.expect("GET", "/shop/prod/items", pending.value, 200, "")
	w.done(w.owner, "/owner/subscriptions/"+pending.subscription+"/decide", "decision", "end", "reason", "over")
	w.expect("GET", "/shop/prod/items", pending.value, 403, "no-plan")
	// A plan that ends; an app goes on by another one, also when that is retired.
	ending := w.plan(w.owner, "Ending", []service{s})
	left := w.subscribe(w.other, s, ending)
	w.expect("GET", "/shop/prod/items", left.value, 200, "")
	w.done(w.owner, "/owner/plans/"+ending+"/end", "ends", time.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly))
	w.expect("GET", "/shop/prod/items", left.value, 200, "")
	w.done(w.owner, "/owner/plans/"+ending+"/end", "ends", time.Now().UTC().Format(time.DateOnly))
	w.expect("GET", "/shop/prod/items", left.value, 403, "plan-ended")
	w.done(w.other, "/apis/shop/subscribe", "plan", plan, "app", left.app, "key_name", "main")
	w.expect("GET", "/shop/prod/items", left.value, 200, "")
	w.done(w.owner, "/owner/plans/"+plan+"/retire")
	w.expect("GET", "/shop/prod/items", left.value, 200, "")

	w.done(w.dev, "/keys/"+g.key+"/revoke")
	call(403, "key-revoked")

	last := w.subscribe(w.other, s, w.plan(w.owner, "Last", []service{s}))
	w.expect("GET", "/shop/prod/items", last.value, 200, "")
	w.done(w.owner, stage+"/delete", "confirm", "prod")
	w.expect("GET", "/shop/prod/items", last.value, 404, "stage-unknown")
	w.done(w.owner, "/owner/apis/"+s.id+"/delete", "confirm", "shop")
	w.expect("GET", "/shop/prod/items", last.value, 404, "api-unknown")
}

const canaryKey = "canarykeyfromacsvfile00000001"

func TestAttackBrokenFilesLeaveNothingHalfDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.api(w.owner, "shop", "GET /items")
	plan := w.plan(w.owner, "P", []service{s})
	other := w.plan(w.owner, "P2", []service{s})
	foreign := w.plan(w.rival, "Foreign", []service{w.api(w.rival, "theirs", "GET /x")})
	good := "Name,Key,UsagePlanIds\ngood," + canaryKey + "," + plan + "\n"
	n := 0
	refuse := func(what, path string, pairs ...string) {
		t.Helper()
		n++
		answer := w.owner.post(path, pairs...)
		body := text(t, answer)
		if answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "role=\"alert\"") && !strings.Contains(body, "error") {
			t.Errorf("%s: got %s to %s\n%.300s", what, answer.Status, answer.Header.Get("Location"), words(body))
		}
	}
	for what, csv := range map[string]string{
		"a missing column": "Name\nx\n", "an unknown plan": good + "bad,anotherkeyfromacsvfile0000002,zzzzzzzzzz\n", "another owner's plan": good + "bad,anotherkeyfromacsvfile0000002," + foreign + "\n", "two plans of one stage": good + "bad,anotherkeyfromacsvfile0000002,\"" + plan + "," + other + "\"\n",
		"the same value twice": good + "again," + canaryKey + "," + plan + "\n", "a short value": good + "bad,short,\n", "a long value": good + "bad," + strings.Repeat("k", 129) + ",\n", "our prefix": good + "bad,gwk1" + strings.Repeat("A", 38) + ",\n", "a NUL": good + "bad\x00,anotherkeyfromacsvfile0000002,\n",
		"bad UTF-8": good + "b\xff\xfed,anotherkeyfromacsvfile0000002,\n", "an open quote": good + "\"bad,anotherkeyfromacsvfile0000002,\n", "a huge cell": good + strings.Repeat("n", 100_000) + ",anotherkeyfromacsvfile0000002,\n", "ten thousand columns": good + strings.Repeat("x,", 10_000) + "\n",
		"no name": good + ",anotherkeyfromacsvfile0000002,\n", "bad enabled": "Name,Key,Enabled\na," + canaryKey + ",maybe\n", "bad expiry": "Name,Key,Expires\na," + canaryKey + ",soon\n", "bad id": "Name,Key,Id\na," + canaryKey + ",zzzzzzzzzz\n", "duplicate headers": "Name,Name,Key\na,b," + canaryKey + "\n",
		"only a header": "Name,Key\n", "nothing": " ", "binary": "PK\x03\x04\x00\x00", "UTF-16": "\xff\xfeN\x00a\x00", "spaces in the value": good + "bad,another key from a csv file,\n",
	} {
		refuse(what, "/owner/keys/import", "csv", csv)
	}
	w.expect("GET", "/shop/prod/items", canaryKey, 403, "key-unknown")
	if page := words(w.owner.page("/owner/keys")); strings.Contains(page, "good") {
		t.Errorf("a refused file left keys: %s", page)
	}
	w.done(w.owner, "/owner/keys/import", "csv", good)
	w.expect("GET", "/shop/prod/items", canaryKey, 200, "")
	// Another owner learns nothing by importing the same value.
	answer := w.rival.post("/owner/keys/import", "csv", "Name,Key\nmine,"+canaryKey+"\n")
	if body := text(t, answer); answer.StatusCode == http.StatusSeeOther || strings.Contains(body, "good") {
		t.Errorf("another owner took a value over: %s", answer.Status)
	}
	w.nowhere(canaryKey)

	deep := strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000)
	bombs := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'k'; c++ {
		bombs += string(c) + ": &" + string(c) + " [" + strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 9), ",") + "]\n"
	}
	paths := func(inner string) string {
		return `{"openapi":"3.0.3","info":{"title":"T","version":"1"},"paths":` + inner + `}`
	}
	documents := map[string]string{
		"no text": "\x00\x01\x02", "not a document": "hello", "an array": "[]", "a number": "7", "null": "null", "no paths": `{"openapi":"3.0.0","info":{"title":"x","version":"1"}}`, "no operation": paths(`{}`), "an unknown version": strings.Replace(paths(`{"/x":{"get":{"responses":{}}}}`), "3.0.3", "9.9.9", 1),
		"deep": deep, "deep in a document": paths(`{"/x":{"get":{"responses":{},"x-deep":` + deep + `}}}`), "an alias bomb": bombs + paths(`{}`), "cut JSON": `{"openapi":"3.0.0","paths":{"/x":`, "tabs in YAML": "openapi: 3.0.0\n\tpaths: {}\n", "paths are a list": paths(`[]`), "a path that is none": paths(`{"nothing":{"get":{"responses":{}}}}`), "HTML": "<!doctype html><script>alert(1)</script>",
		"XML with an entity": `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`, "a remote document": paths(`{"$ref":"http://127.0.0.1:1/x.json"}`), "a file": paths(`{"/x":{"$ref":"/etc/passwd"}}`), "UTF-16": "\xff\xfe{\x00}\x00",
	}
	for what, document := range documents {
		refuse(what+", pasted", "/owner/apis", "source", "document", "document", document, "slug", "broken", "key_place", "header", "key_name", "x-api-key", "stage", "prod", "upstream", w.origin.URL)
		refuse(what+", imported", "/owner/apis/"+s.id+"/import", "document", document)
	}
	// These can be read, or not, but must not hang, crash, or reach out.
	for what, document := range map[string]string{
		"a cycle":           paths(`{"/x":{"get":{"responses":{"200":{"description":"d","content":{"application/json":{"schema":{"$ref":"#/components/schemas/A"}}}}}}}},"components":{"schemas":{"A":{"$ref":"#/components/schemas/B"},"B":{"$ref":"#/components/schemas/A"}}}`),
		"a long chain":      paths(`{"/x":{"get":{"responses":{"200":{"description":"d","content":{"application/json":{"schema":{"$ref":"#/components/schemas/A0"}}}}}}}},"components":{"schemas":{` + chain(3000) + `}}`),
		"many methods":      paths(`{` + manyPaths(3000) + `}`),
		"hostile words":     paths(`{"/x":{"get":{"summary":"<script>alert(1)</script>","description":"[x](javascript:alert(1)) <img src=x onerror=alert(1)>","operationId":"\"><svg/onload=alert(1)>","responses":{}}}}`),
		"hostile servers":   strings.Replace(paths(`{"/x":{"get":{"responses":{}}}}`), `"paths"`, `"servers":[{"url":"javascript:alert(1)"},{"url":"http://169.254.169.254/latest"}],"externalDocs":{"url":"javascript:alert(1)"},"paths"`, 1),
		"a monster pattern": paths(`{"/x":{"get":{"parameters":[{"name":"q","in":"query","schema":{"type":"string","pattern":"(a+)+$","minLength":2147483647}}],"responses":{}}}}`),
	} {
		n++
		answer := w.owner.post("/owner/apis/"+s.id+"/import", "document", document)
		w.harmless(what, answer)
		w.harmless(what, w.owner.get("/owner/apis/"+s.id+"/diff"))
		w.owner.post("/owner/apis/"+s.id+"/diff", "change", find(t, `name="change" value="(\w+)"`, w.owner.page("/owner/apis/"+s.id+"/diff")))
		w.harmless(what, w.owner.get("/owner/apis/"+s.id+"/diff"))
		w.harmless(what, w.owner.get("/owner/apis/"+s.id))
		w.harmless(what, w.owner.get("/owner/apis/"+s.id+"/import"))
		w.done(w.owner, "/owner/apis/"+s.id+"/stages/"+s.stage+"/deploy")
		w.harmless(what, w.dev.get("/apis/shop"))
		w.harmless(what, w.dev.get("/apis/shop/docs"))
	}
	if page := words(w.owner.page("/owner/apis")); strings.Contains(page, "broken") {
		t.Errorf("a refused document left an API: %s", page)
	}
	t.Logf("%d files", n)
}

func chain(n int) string {
	var b strings.Builder
	for i := range n {
		text, _ := json.Marshal("#/components/schemas/A" + number(i+1))
		b.WriteString(`"A` + number(i) + `":{"$ref":` + string(text) + `},`)
	}
	return b.String() + `"A` + number(n) + `":{"type":"string"}`
}

func manyPaths(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = `"/p` + number(i) + `/{id}":{"get":{"responses":{}}}`
	}
	return strings.Join(all, ",")
}

func number(i int) string { text, _ := json.Marshal(i); return string(text) }
