package openapi

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
)

// exportOf is a document as API Gateway exports it. Keep says whether its words stand.
func exportOf(t *testing.T, document string, old, keep bool) []byte {
	t.Helper()
	pack, err := mustRead(t, document).Pack()
	if err != nil {
		t.Fatal(err)
	}
	r := mustOpen(t, pack)
	g, err := r.Gateway()
	if err != nil {
		t.Fatal(err)
	}
	e := Export{Old: old, Title: "Exported", Server: "https://gateway.example.com/t/prod", Schemes: []Extension{{"api_key", json.RawMessage(`{"type":"apiKey","in":"header","name":"x-api-key"}`)}}}
	for _, op := range g.Operations {
		out := ExportOperation{GatewayOperation: op}
		out.Security = []GatewaySecurity{{"api_key": []string{}}}
		if keep && r.Speaks(old) {
			out.Keep = ExportKeep{true, true, true, true}
		}
		model := []GatewayContent{{MediaType: "application/json", Model: "Body"}}
		if out.Body != nil {
			out.Body = model
		}
		for i, a := range out.Answers {
			if a.Contents != nil {
				out.Answers[i].Contents = model
			}
		}
		e.Operations = append(e.Operations, out)
	}
	e.Models = []GatewayModel{{"Body", json.RawMessage(`{"type":"object"}`)}}
	text, err := r.Export(e)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestExportsAreValidDocuments: whoever exports an API feeds it to other tools.
func TestExportsAreValidDocuments(t *testing.T) {
	names, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		for _, old := range []bool{false, true} {
			for _, keep := range []bool{false, true} {
				text := exportOf(t, string(mustFile(t, name)), old, keep)
				document, err := libopenapi.NewDocument(text)
				if err == nil && old {
					_, err = document.BuildV2Model()
				} else if err == nil {
					_, err = document.BuildV3Model()
				}
				if err != nil {
					t.Errorf("%s, old %v, kept %v: %v\n%s", name, old, keep, err, text)
				}
				for _, w := range mustRead(t, string(text)).Warnings {
					if strings.Contains(w.Text, "reference") || strings.Contains(w.Text, "not described") {
						t.Errorf("%s, old %v, kept %v: %v", name, old, keep, w)
					}
				}
			}
		}
	}
}

// TestWhatAnExportReplacesIsNotSaidAnyMore: the export is of what is deployed.
func TestWhatAnExportReplacesIsNotSaidAnyMore(t *testing.T) {
	shop := string(mustFile(t, "testdata/aws-petstore-3.0.yaml"))
	if text := string(exportOf(t, shop, false, true)); !strings.Contains(text, `"description":"Some pets"`) || !strings.Contains(text, `"Pets":{"type":"array"`) {
		t.Errorf("the document's words are not kept: %s", text)
	}
	text := string(exportOf(t, shop, false, false))
	for _, gone := range []string{"Some pets", "execute-api", "petstore.example.com", "operationId\":\"\""} {
		if strings.Contains(text, gone) {
			t.Errorf("%q is left in %s", gone, text)
		}
	}
}
