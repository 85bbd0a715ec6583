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
	return c.download(r, "json", func(w io.Writer, text []byte) error {
		var pretty bytes.Buffer
		if len(text) <= maxIndented && json.Indent(&pretty, text, "", "  ") == nil {
			text = pretty.Bytes()
		}
		_, err := w.Write(text)
		return err
	})
}

// OpenAPIYAML is the API's document as it holds for callers, as YAML.
func (c *Catalog) OpenAPIYAML(r *Request) (Reply, error) {
	return c.download(r, "yaml", openapi.ToYAML)
}

// download answers with the document of the stage as it holds for callers, in a format.
func (c *Catalog) download(r *Request, format string, write func(io.Writer, []byte) error) (Reply, error) {
	ref, err := c.reference(r)
	if err != nil {
		return Reply{}, err
	}
	from := rewriteOf(r, ref)
	key, err := keyOfWritten(format, ref.stage.Document, from)
	if err != nil {
		return Reply{}, fmt.Errorf("API %s: %w", ref.api.Slug, err)
	}
	var text []byte
	if !c.written.has(key) { // or else it would fail only after the answer has begun
		if text, err = ref.doc.Rewrite(from); err != nil {
			return Reply{}, fmt.Errorf("API %s: %w", ref.api.Slug, err)
		}
	}
	return Download(ref.api.Slug+"-openapi."+format, "application/"+format, func(w io.Writer) (err error) {
		return c.written.to(w, key, func(w io.Writer) error {
			if text == nil { // it was forgotten meanwhile
				if text, err = ref.doc.Rewrite(from); err != nil {
					return err
				}
			}
			return write(w, text)
		})
	}), nil
}

// rewriteOf is what the document says with the gateway's address, key and answers, and with what is deployed there alone.
func rewriteOf(r *Request, ref *reference) openapi.Rewrite {
	w := openapi.Rewrite{Title: ref.api.Name, Server: ref.url(r), Key: openapi.KeyPlace{In: string(ref.stage.KeySource.Place), Name: ref.stage.KeySource.Name}}
	if ref.stage.KeySource.Place == models.KeyInAuthorizer {
		w.Key = openapi.KeyPlace{In: string(models.KeyInBearer)} // the token is all that callers send
	}
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
	return w
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
