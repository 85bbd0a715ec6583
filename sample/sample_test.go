package sample_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"gatehouse/models/openapi"
	"gatehouse/sample"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == openapi.ChildArgument {
		os.Exit(openapi.ChildMain(os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

func TestEveryDocumentedOperationAnswersAsDocumented(t *testing.T) {
	d, err := openapi.NewReader().Read(t.Context(), sample.Document())
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Operations) < 15 || len(d.Warnings) > 0 {
		t.Errorf("got %d operations, warnings %v", len(d.Operations), d.Warnings)
	}
	values := strings.NewReplacer("{proxy+}", "orders/42", "{code}", "404", "{n}", "3", "{seconds}", "0.01")
	open := 0
	for _, op := range d.Operations {
		verb, path := op.Verb, values.Replace(op.Path)
		if verb == "ANY" {
			verb = http.MethodPatch
		}
		if !op.KeyRequired {
			open++
		}
		r := httptest.NewRequest(verb, path, nil)
		if strings.HasPrefix(path, "/websocket") {
			continue // needs a connection of its own: the gateway's tests open one
		}
		if path == "/sse" {
			r.URL.RawQuery = "count=1&duration=10ms"
		}
		w := httptest.NewRecorder()
		sample.Handler().ServeHTTP(w, r)
		want := http.StatusOK
		if path == "/status/404" {
			want = http.StatusNotFound
		}
		if w.Code != want {
			t.Errorf("%s %s: got %d, want %d: %s", verb, path, w.Code, want, w.Body)
		}
	}
	if open != 2 {
		t.Errorf("%d operations need no key, the document promises two", open)
	}
}
