package handlers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"gatehouse/models"
	"gatehouse/models/openapi"
)

// maxIndented is how large a document may be that is written for people, with line breaks.
const maxIndented = 2 << 20

// OpenAPIJSON is the API's document as it holds for callers, as JSON.
func (c *Catalog) OpenAPIJSON(r *Request) (Reply, error) {
	ref, text, err := c.rewritten(r)
	if err != nil {
		return Reply{}, err
	}
	var pretty bytes.Buffer
	if len(text) <= maxIndented && json.Indent(&pretty, text, "", "  ") == nil {
		text = pretty.Bytes()
	}
	return Download(ref.api.Slug+"-openapi.json", "application/json", func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	}), nil
}

// OpenAPIYAML is the API's document as it holds for callers, as YAML.
func (c *Catalog) OpenAPIYAML(r *Request) (Reply, error) {
	ref, text, err := c.rewritten(r)
	if err != nil {
		return Reply{}, err
	}
	return Download(ref.api.Slug+"-openapi.yaml", "application/yaml", func(w io.Writer) error { return openapi.ToYAML(w, text) }), nil
}

// rewritten is the document of the stage with the gateway's address, key and answers, and with what is deployed there alone.
func (c *Catalog) rewritten(r *Request) (*reference, []byte, error) {
	ref, err := c.reference(r)
	if err != nil {
		return nil, nil, err
	}
	w := openapi.Rewrite{Title: ref.api.Name, Server: ref.url(r), Key: openapi.KeyPlace{In: string(ref.stage.KeySource.Place), Name: ref.stage.KeySource.Name}}
	for _, m := range ref.stage.Methods {
		op := openapi.RewriteOperation{Verb: m.Verb, Path: m.Path, Summary: m.Summary, KeyRequired: m.KeyRequired}
		if d, going := ref.going[m.Name()]; going {
			op.Deprecated, op.Sunset, op.Note = true, d.Sunset, ref.goingText(r, m.Name())
		}
		if m.KeyRequired {
			op.Plans = plansWith(ref, m)
		}
		w.Operations = append(w.Operations, op)
	}
	for _, a := range theGatewaySays {
		w.Answers = append(w.Answers, openapi.RewriteAnswer{Status: a.status, Text: a.title + ". " + a.text, Headers: a.headers})
	}
	for _, h := range gatewayHeaders {
		w.Headers = append(w.Headers, openapi.RewriteHeader{Name: h.name, Text: h.text})
	}
	text, err := ref.doc.Rewrite(w)
	if err != nil {
		return nil, nil, fmt.Errorf("API %s: %w", ref.api.Slug, err)
	}
	return ref, text, nil
}

// plansWith are the plans that the reader may see and that open a method.
func plansWith(ref *reference, m models.Method) (names []string) {
	for _, p := range operationPlans(ref, openapi.Operation{Verb: m.Verb, Path: m.Path}) {
		if p.Included {
			names = append(names, p.Name)
		}
	}
	return names
}
