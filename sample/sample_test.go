package sample_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/coder/websocket"

	"gatehouse/models/openapi"
	"gatehouse/sample"
)

// TestMain lets the test binary be the child that reads the document, as the program is of itself.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == openapi.ChildArgument {
		syscall.Exit(openapi.ChildMain(os.Stdin, os.Stdout)) // at once: with the race detector, os.Exit waits for a second
	}
	os.Exit(m.Run())
}

// TestEveryDocumentedOperationAnswersAsDocumented would fail if the demo promised something that its API does not do:
// each operation is called with its own examples, and its answer held against its description.
func TestEveryDocumentedOperationAnswersAsDocumented(t *testing.T) {
	server := httptest.NewServer(sample.Handler())
	defer server.Close()
	d, reference := document(t)
	for _, op := range d.Operations {
		t.Run(op.Verb+" "+op.Path, func(t *testing.T) {
			if op.Path == "/websocket/echo" {
				echoes(t, server.URL+target(op))
				return
			}
			body := ""
			if op.Body != nil {
				body = op.Body.Contents[0].Example
			}
			r, err := http.NewRequestWithContext(t.Context(), verb(op), server.URL+target(op), strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if body != "" {
				r.Header.Set("Content-Type", op.Body.Contents[0].MediaType)
			}
			answer, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			mustBeDocumented(t, reference, op, answer)
		})
	}
}

// TestRefusalsAreDocumented: a client that is written after the document must understand a 400 as well.
func TestRefusalsAreDocumented(t *testing.T) {
	server := httptest.NewServer(sample.Handler())
	defer server.Close()
	tried := 0
	d, reference := document(t)
	for _, op := range d.Operations {
		wrong := map[string]string{
			"/status/{code}": "/status/zero", "/bytes/{n}": "/bytes/many", "/delay/{seconds}": "/delay/60",
			"/stream/{n}": "/stream/many", "/sse": "/sse?count=0", "/websocket/echo": "/websocket/echo", // without asking for a WebSocket
		}[op.Path]
		if wrong == "" {
			continue
		}
		tried++
		answer, err := http.Get(server.URL + wrong)
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: got %d, want 400", wrong, answer.StatusCode)
		}
		mustBeDocumented(t, reference, op, answer)
		answer.Body.Close()
	}
	if tried != 6 {
		t.Errorf("tried %d, want 6", tried)
	}
}

// TestDocumentIsAsGoodAsOneCanBe: it is the first one that people see in the product.
func TestDocumentIsAsGoodAsOneCanBe(t *testing.T) {
	d, _ := document(t)
	if len(d.Warnings) > 0 || len(d.Tags) != 3 || len(d.Operations) < 15 {
		t.Errorf("got warnings %v, %d tags, %d operations", d.Warnings, len(d.Tags), len(d.Operations))
	}
	var open []string
	for _, op := range d.Operations {
		if op.ID == "" || op.Summary == "" || op.Text == "" || len(op.Tags) != 1 || len(op.Responses) == 0 {
			t.Errorf("%s %s lacks words", op.Verb, op.Path)
		}
		for _, p := range op.Parameters {
			if p.Text == "" || p.Example == "" {
				t.Errorf("%s %s: the parameter %s lacks words or an example", op.Verb, op.Path, p.Name)
			}
		}
		if !op.KeyRequired {
			open = append(open, op.Path)
		}
	}
	if got := strings.Join(open, " "); got != "/ip /image/png" {
		t.Errorf("got open %q, which the document's text does not say", got)
	}
}

// document is what the document says, with all of each operation, and the reference that knows the schemas.
func document(t *testing.T) (openapi.Description, *openapi.Reference) {
	t.Helper()
	read, err := openapi.NewReader().Read(t.Context(), sample.Document())
	if err != nil {
		t.Fatal(err)
	}
	reference, err := openapi.OpenReference(read.Pack)
	if err != nil {
		t.Fatal(err)
	}
	for i, op := range read.Operations {
		whole, ok, err := reference.Described(op.Verb, op.Path)
		if err != nil || !ok {
			t.Fatalf("%s %s is not described: %v", op.Verb, op.Path, err)
		}
		read.Operations[i] = whole
	}
	return read.Description, reference
}

func verb(op openapi.Operation) string {
	if op.Verb == openapi.AnyVerb {
		return http.MethodPatch
	}
	return op.Verb
}

// target is an operation's path and query with the examples put in, but for those that would make the test wait.
func target(op openapi.Operation) string {
	path, query := op.Path, url.Values{}
	for _, p := range op.Parameters {
		value := p.Example
		switch p.Name {
		case "seconds":
			value = "0"
		case "duration":
			value = "1ms"
		}
		if p.In == "query" {
			query.Set(p.Name, value)
		}
		path = strings.NewReplacer("{"+p.Name+"}", value, "{"+p.Name+"+}", value).Replace(path)
	}
	return path + "?" + query.Encode()
}

// mustBeDocumented holds status, media type and the fields of an answer against the operation.
func mustBeDocumented(t *testing.T, reference *openapi.Reference, op openapi.Operation, answer *http.Response) {
	t.Helper()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	promised := response(op, answer.Status[:3])
	if promised == nil {
		t.Fatalf("the status %d is not documented: %s", answer.StatusCode, body)
	}
	if len(promised.Contents) == 0 {
		return
	}
	got, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if want := promised.Contents[0].MediaType; err != nil || got != want {
		t.Errorf("got media type %q (%v), want %q", got, err, want)
	}
	if got == "application/json" {
		mustHaveFields(t, reference, body, promised.Contents[0])
	}
}

func response(op openapi.Operation, status string) *openapi.Response {
	for _, r := range op.Responses {
		if r.Status == status || r.Status == "default" {
			return &r
		}
	}
	return nil
}

// mustHaveFields compares the first level: what is required is there, and nothing is there that is not described; the
// example of the document has the same fields.
func mustHaveFields(t *testing.T, reference *openapi.Reference, body []byte, content openapi.Content) {
	t.Helper()
	var got, example map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if err := json.Unmarshal([]byte(content.Example), &example); err != nil {
		t.Fatalf("%v in the example %s", err, content.Example)
	}
	shape, err := reference.Shape(content.Schema, 200)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, f := range shape.Fields {
		known[f.Name] = true
		_, there := got[f.Name]
		if f.Required && !strings.ContainsAny(f.Name, ".[{") && !there {
			t.Errorf("the answer lacks %q: %s", f.Name, body)
		}
	}
	for _, answer := range []map[string]any{got, example} {
		for name := range answer {
			if !known[name] {
				t.Errorf("%q is not described", name)
			}
		}
	}
}

func echoes(t *testing.T, target string) {
	t.Helper()
	c, _, err := websocket.Dial(t.Context(), strings.Replace(target, "http", "ws", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	want := []byte("hello")
	if err := c.Write(context.Background(), websocket.MessageText, want); err != nil {
		t.Fatal(err)
	}
	if _, got, err := c.Read(t.Context()); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}
