package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"gatehouse/models"
	"gatehouse/models/openapi"
)

// DocumentReader reads OpenAPI documents. Its error is an *openapi.ReadError when the document is to blame.
type DocumentReader interface {
	Read(ctx context.Context, document []byte) (openapi.Reading, error)
}

// document is what an owner brought, read.
type document struct {
	bytes []byte
	openapi.Reading
	methods []models.Method
	notes   []openapi.Warning // what was read with doubts, or left out
}

// maxKept is the size up to which an uploaded document is put into the form again when something else is wrong: browsers do not send a file twice.
const maxKept = 256 << 10

// readDocument reads the uploaded file or the pasted text of a form. Ok is false when there is neither, or when it cannot be read, which is noted at
// its field.
func readDocument(ctx context.Context, reader DocumentReader, f *Form) (d document, ok bool, err error) {
	file, err := f.File("file")
	if err != nil {
		return d, false, fmt.Errorf("read upload: %w", err)
	}
	pasted := f.Get("document")
	field := "document"
	switch {
	case len(file) > 0 && strings.TrimSpace(pasted) != "":
		f.Fail("file", "Choose a file or paste a document, not both.")
		return d, false, nil
	case len(file) > 0:
		d.bytes, field = file, "file"
		if len(file) <= maxKept && utf8.Valid(file) {
			f.Set("document", string(file))
			field = "document"
		}
	case strings.TrimSpace(pasted) != "":
		d.bytes = []byte(pasted)
	default:
		return d, false, nil
	}
	d.Reading, err = reader.Read(ctx, d.bytes)
	if problem := (*openapi.ReadError)(nil); errors.As(err, &problem) {
		text := problem.Error()
		f.Fail(field, strings.ToUpper(text[:1])+text[1:])
		return d, false, nil
	}
	if err != nil {
		return d, false, fmt.Errorf("read document: %w", err)
	}
	d.methods, d.notes = methodsOfDocument(d.Description)
	if len(d.methods) == 0 {
		f.Fail(field, "The document describes no operation that the gateway can route. Add paths to it, or make the API by a form.")
		return d, false, nil
	}
	return d, true, nil
}

// methodsOfDocument makes methods of the operations of a description; the ones that cannot be routed become notes.
func methodsOfDocument(d openapi.Description) (methods []models.Method, notes []openapi.Warning) {
	notes = append(notes, d.Warnings...)
	seen := map[string]string{}
	for _, op := range d.Operations {
		m := models.Method{Verb: op.Verb, Path: op.Path, Summary: op.Summary, KeyRequired: op.KeyRequired || !d.Secured}
		if err := models.CheckMethod(m.Verb, m.Path); err != nil {
			notes = append(notes, openapi.Warning{Where: m.Name(), Text: "Left out: " + models.Sentence(err)})
			continue
		}
		shape := m.Verb + " " + placeholder.ReplaceAllStringFunc(strings.TrimSuffix(m.Path, "/"), func(name string) string {
			if strings.HasSuffix(name, "+}") {
				return "{+}"
			}
			return "{}"
		})
		if first, twice := seen[shape]; twice {
			notes = append(notes, openapi.Warning{Where: m.Name(), Text: "Left out: it answers the same requests as " + first + "."})
			continue
		}
		seen[shape] = m.Name()
		methods = append(methods, m)
	}
	return methods, notes
}

// documentOf reads what the store keeps of a document; that of an earlier version says nothing until it has been read again.
func documentOf(reading []byte) (d document, err error) {
	ref, err := openapi.OpenReference(reading)
	if err != nil {
		return d, err
	}
	d.Reading = openapi.Reading{Description: ref.Description, Pack: reading}
	_, d.notes = methodsOfDocument(d.Description)
	return d, nil
}

// server is the first address in the document that a stage could send requests to, or "".
func (d document) server() string {
	for _, s := range d.Description.Servers {
		if u, err := url.Parse(s); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.RawQuery == "" && u.User == nil && !strings.Contains(s, "{") {
			return s
		}
	}
	return ""
}

// checkable says what of the document requests can be compared with.
func (d document) checkable() string {
	return "The document names " + count(len(d.Description.Operations), "operation") + ". Methods that it does not name are passed on as they come."
}

// summary is the first line that the document says about its API.
func (d document) summary() string {
	text := d.Description.Summary
	if text == "" {
		text = strings.TrimSpace(strings.TrimLeft(d.Description.Text, "# \n"))
	}
	line, _, _ := strings.Cut(text, "\n")
	if strings.ContainsAny(line, "[]<>`*") && d.Description.Summary == "" {
		return "" // Markdown; the owner writes a better line
	}
	return cut(strings.TrimSpace(line), 190)
}

// readMethodLines reads methods that are typed one on a line: "GET /users/{id}". Mistakes are noted at the field methods.
func readMethodLines(f *Form) []models.Method {
	var methods []models.Method
	for i, line := range strings.Split(f.Get("methods"), "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		verb, path, ok := strings.Cut(line, " ")
		m := models.Method{Verb: strings.ToUpper(verb), Path: strings.TrimSpace(path), KeyRequired: true}
		if !ok {
			m = models.Method{Verb: "ANY", Path: line, KeyRequired: true}
		}
		if err := models.CheckMethod(m.Verb, m.Path); err != nil {
			f.Fail("methods", fmt.Sprintf("Line %d: %s", i+1, models.Sentence(err)))
			return nil
		}
		methods = append(methods, m)
	}
	return methods
}
