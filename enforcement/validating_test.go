package enforcement_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"gatehouse/enforcement/validation"
	"gatehouse/models"
	"gatehouse/models/openapi"
)

// TestMain lets the test binary be the child that reads documents, as the program is.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == openapi.ChildArgument {
		os.Exit(openapi.ChildMain(os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

const notes = `{"openapi":"3.0.3","info":{"title":"Notes","version":"1"},"paths":{
	"/a":{"get":{"parameters":[{"name":"limit","in":"query","schema":{"type":"integer"}}],"responses":{"200":{"description":"ok"}}},
		"post":{"requestBody":{"required":true,"content":{"application/json":{"schema":{"type":"object","required":["text"],"properties":{"text":{"type":"string"}}}}}},"responses":{"200":{"description":"ok"}}}}}}`

// comparing is a world whose stage compares requests with a document; its upstream answers what it got.
func comparing(t testing.TB, document string) *one {
	t.Helper()
	o := newOne(t, nil)
	o.up = newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		w.Write(sent)
	})
	o.deploy(t, document)
	return o
}

// deploy makes a document the stage's.
func (o *one) deploy(t testing.TB, document string) {
	t.Helper()
	o.world.stage(func() {
		o.stage.Upstream = o.up.url
		o.stage.Settings.Validation = models.RequestValidation{Parameters: true, Body: true}
		o.stage.Document = id[models.Document](o.world)
		o.readings = map[models.DocumentID][]byte{o.stage.Document: packOf(t, document)}
	})
	catchUp(t, o.g)
}

func packOf(t testing.TB, document string) []byte {
	t.Helper()
	reading, err := openapi.NewReader().Read(t.Context(), []byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return reading.Pack
}

func asJSON(text string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Content-Type", "application/json")
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	}
}

func TestWhatTheDocumentDoesNotAllowIsRefusedBeforeAnythingIsSpent(t *testing.T) {
	o := comparing(t, notes)
	tests := []struct {
		verb, target, body string
		want               []validation.Fault
	}{
		{"GET", "/a?limit=x", "", []validation.Fault{{In: "query", Name: "limit", Detail: "is string, and must be integer"}}},
		{"POST", "/a", `{"text":7}`, []validation.Fault{{In: "body", Pointer: "/text", Detail: "is number, and must be string"}}},
		{"POST", "/a", ``, []validation.Fault{{In: "body", Detail: "is missing"}}},
	}
	for _, tt := range tests {
		var with []func(*http.Request)
		if tt.body != "" {
			with = append(with, asJSON(tt.body))
		}
		w := in(o.g, tt.verb, "/echo/prod"+tt.target, o.value, with...)
		var got struct {
			Type, Detail string
			Errors       []validation.Fault
		}
		if err := json.NewDecoder(w.Body).Decode(&got); err != nil {
			t.Fatal(err)
		}
		if w.Code != 400 || !strings.HasSuffix(got.Type, "/request-invalid") || len(got.Errors) != 1 || got.Errors[0] != tt.want[0] || !strings.Contains(got.Detail, tt.want[0].Detail) {
			t.Errorf("%s %s %s: %d %+v", tt.verb, tt.target, tt.body, w.Code, got)
		}
	}
	if n := len(o.up.requests()); n != 0 {
		t.Errorf("%d requests reached the upstream", n)
	}
	for _, right := range []*httptest.ResponseRecorder{
		in(o.g, "GET", "/echo/prod/a?limit=7&more=x", o.value), in(o.g, "POST", "/echo/prod/a", o.value, asJSON(`{"text":"x"}`)), in(o.g, "GET", "/echo/prod/b", o.value),
	} {
		if right.Code != 200 {
			t.Errorf("what is allowed, or not described: %d %s", right.Code, right.Body)
		}
	}
	drain(t, o.g)
	if n, denied := o.chargedTo(o.key, o.plan), o.count(o.key, models.OutcomeDenied); n != 3 || denied != 3 {
		t.Errorf("%d were charged and %d counted as denied, want 3 and 3", n, denied)
	}
}

// Who may not call learns that, and nothing of what the document wants; his body is not read.
func TestOnlyWhoMayCallIsComparedWithTheDocument(t *testing.T) {
	o := comparing(t, notes)
	body := &counting{Reader: strings.NewReader(`{"text":7}`)}
	send := func(key string) string {
		return slugOf(t, in(o.g, "POST", "/echo/prod/a", key, func(r *http.Request) {
			r.Header.Set("Content-Type", "application/json")
			r.Body, r.ContentLength = io.NopCloser(body), -1
		}))
	}
	if slug := send(""); slug != "key-missing" {
		t.Errorf("without a key: %q", slug)
	}
	o.publish(o.plan, throttle(0, 0))
	catchUp(t, o.g)
	if slug := send(o.value); slug != "throttled" {
		t.Errorf("over a limit: %q", slug)
	}
	o.change(o.key, func(c *models.Credential) { c.Plans[0].State = models.MemberPending })
	catchUp(t, o.g)
	if slug := send(o.value); slug != "subscription-pending" {
		t.Errorf("without a plan: %q", slug)
	}
	if body.n != 0 {
		t.Errorf("%d bytes of bodies were read", body.n)
	}
}

type counting struct {
	io.Reader
	n int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

func TestABodyThatWasComparedReachesTheUpstreamByteForByte(t *testing.T) {
	o := comparing(t, notes)
	url := serve(t, o.g)
	text := " {\n\t\"text\" : \"\\u00e4 " + strings.Repeat("x", 300<<10) + "\" } \n"
	for name, body := range map[string]io.Reader{"with a length": strings.NewReader(text), "in chunks": io.MultiReader(strings.NewReader(text[:7]), strings.NewReader(text[7:]))} {
		r := newRequest(t, "POST", url+"/echo/prod/a", body)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Api-Key", o.value)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != 200 || !bytes.Equal(got, []byte(text)) {
			t.Errorf("%s: %d, %d bytes of %d, %v", name, res.StatusCode, len(got), len(text), err)
		}
	}
	for name, size := range map[string]int64{"with a length": 2 << 20, "in chunks": -1} {
		r := newRequest(t, "POST", url+"/echo/prod/a", io.LimitReader(boundless{}, 2<<20))
		r.ContentLength = size
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Api-Key", o.value)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Logf("%s: %v", name, err) // the connection may be closed before all was sent
			continue
		}
		res.Body.Close()
		if res.StatusCode != 413 {
			t.Errorf("a body that is too large to compare, %s: %d", name, res.StatusCode)
		}
	}
	if n := len(o.up.requests()); n != 2 {
		t.Errorf("%d requests reached the upstream, want 2", n)
	}
}

type boundless struct{}

func (boundless) Read(p []byte) (int, error) { return len(p), nil }

// What cannot be compared is not let through unchecked.
func TestAStageWhoseDocumentCannotBeUsedIsNotServed(t *testing.T) {
	o := comparing(t, notes)
	for name, change := range map[string]func(){
		"no document":                   func() { o.stage.Document = 0 },
		"a document that is not there":  func() { o.stage.Document = id[models.Document](o.world) },
		"a document that is not a pack": func() { o.stage.Document = id[models.Document](o.world); o.readings[o.stage.Document] = []byte("x") },
	} {
		o.world.stage(change)
		catchUp(t, o.g)
		if slug := o.get(t, "/a"); slug != "stage-broken" {
			t.Errorf("%s: %q, want stage-broken", name, slug)
		}
	}
	o.deploy(t, strings.Replace(notes, `"type":"integer"`, `"type":"string","pattern":"(?=x)"`, 1))
	if slug := o.get(t, "/a"); slug != "stage-broken" {
		t.Errorf("an operation that cannot be compiled: %q, want stage-broken", slug)
	}
	if slug := o.get(t, "/b"); slug != "" {
		t.Errorf("another operation: %q", slug)
	}
	o.settle(t, func(s *models.StageSettings) { s.Validation = models.RequestValidation{} })
	if slug := o.get(t, "/a"); slug != "" {
		t.Errorf("without comparing: %q", slug)
	}
}
