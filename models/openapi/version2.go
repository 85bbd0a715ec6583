package openapi

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pb33f/go-yaml"
	"github.com/pb33f/libopenapi/datamodel"
	"github.com/pb33f/libopenapi/datamodel/high/v2"
	"github.com/pb33f/libopenapi/datamodel/low"
	lowv2 "github.com/pb33f/libopenapi/datamodel/low/v2"
	"github.com/pb33f/libopenapi/index"
)

// build2 reads Swagger 2.0.
func build2(info *datamodel.SpecInfo, notes *notes) (describe func(*reading) error, err error) {
	built, err := lowv2.CreateDocumentFromConfig(info, configuration())
	if built == nil {
		return nil, unread(err)
	}
	notes.library(err)
	doc := v2.NewSwaggerDocument(built)
	return func(r *reading) error { return r.version2(doc, built) }, nil
}

func (r *reading) version2(doc *v2.Swagger, built *lowv2.Swagger) error {
	r.Format = "swagger 2.0"
	r.info(doc.Info)
	r.servers2(doc)
	for _, t := range doc.Tags {
		r.tag(t.Name, t.Description)
	}
	r.Secured = !built.Security.IsEmpty()
	if doc.Paths != nil {
		for path, item := range doc.Paths.PathItems.FromOldest() {
			if err := r.item2(doc, built.Index, path, item); err != nil {
				return err
			}
		}
	}
	return r.models(child(r.tree.root, "definitions"))
}

// servers2 makes addresses of schemes, host and basePath; without a host only the path is known.
func (r *reading) servers2(doc *v2.Swagger) {
	base := strings.TrimSuffix(doc.BasePath, "/")
	if doc.Host == "" {
		r.server(base)
		return
	}
	schemes := doc.Schemes
	if len(schemes) == 0 {
		schemes = []string{"https"}
	}
	for _, scheme := range schemes {
		r.server(scheme + "://" + doc.Host + base)
	}
}

func (r *reading) item2(doc *v2.Swagger, idx *index.SpecIndex, path string, item *v2.PathItem) error {
	for verb, op := range item.GetOperations().FromOldest() {
		if err := r.operation2(doc, path, strings.ToUpper(verb), item, op); err != nil {
			return err
		}
	}
	any, ok := item.Extensions.Get(anyMethod)
	if !ok || any.Kind != yaml.MappingNode {
		return nil
	}
	var built lowv2.Operation
	if err := low.BuildModel(any, &built); err != nil {
		r.notes.at(any, "%s", err)
	}
	if err := built.Build(context.Background(), nil, any, idx); err != nil {
		r.notes.at(any, "%s", err)
	}
	return r.operation2(doc, path, AnyVerb, item, v2.NewOperation(&built))
}

func (r *reading) operation2(doc *v2.Swagger, path, verb string, item *v2.PathItem, from *v2.Operation) error {
	where := verb + " " + short(path)
	op := Operation{
		Verb: verb, Path: path, ID: word(from.OperationId, maxName),
		Summary: word(from.Summary, maxSummary), Text: prose(from.Description),
		Tags: from.Tags, Deprecated: from.Deprecated,
		KeyRequired: r.secure(!from.GoLow().Security.IsEmpty(), from.Security, doc.Security),
	}
	var form []*v2.Parameter
	for _, p := range slices.Concat(item.Parameters, from.Parameters) {
		switch p.In {
		case "body":
			op.Body = &Body{Required: p.Required != nil && *p.Required, Text: prose(p.Description)}
			for _, mediaType := range mediaTypes(from.Consumes, doc.Consumes) {
				op.Body.Contents = append(op.Body.Contents, r.content(mediaType, schemaNode(p.Schema), nil))
			}
		case "formData":
			form = append(form, p)
		default:
			op.Parameters = r.join(where, op.Parameters, r.parameter2(p))
		}
	}
	if len(form) > 0 {
		op.Body = r.form2(form, mediaTypes(from.Consumes, doc.Consumes))
	}
	if from.Responses != nil {
		produces := mediaTypes(from.Produces, doc.Produces)
		for status, response := range from.Responses.Codes.FromOldest() {
			op.Responses = append(op.Responses, r.response2(status, response, produces))
		}
		if from.Responses.Default != nil {
			op.Responses = append(op.Responses, r.response2("default", from.Responses.Default, produces))
		}
	}
	return r.add(op)
}

// mediaTypes are the operation's, else the document's, else JSON, which 2.0 leaves open.
func mediaTypes(own, document []string) []string {
	all := own
	if len(all) == 0 {
		all = document
	}
	if len(all) == 0 {
		return []string{"application/json"}
	}
	return all[:min(len(all), maxContents)]
}

// parameter2 reads a parameter outside the body, whose type stands in the parameter itself.
func (r *reading) parameter2(from *v2.Parameter) Parameter {
	p := Parameter{
		Name: word(from.Name, maxName), In: word(from.In, maxName), Required: from.Required != nil && *from.Required,
		Type: type2(from.Type, from.Format, from.Items, 0), Text: prose(from.Description), Default: inline(from.Default),
		Enum: choices(from.Enum),
	}
	if from.Items != nil && len(p.Enum) == 0 {
		p.Enum = choices(from.Items.Enum)
	}
	for _, key := range []string{"x-example", "x-examples"} {
		if n, ok := from.Extensions.Get(key); ok && p.Example == "" {
			p.Example = inline(n)
		}
	}
	return p
}

func type2(kind, format string, items *v2.Items, level int) string {
	switch {
	case kind == "array" && items != nil && level < maxLevel:
		return "array of " + type2(items.Type, items.Format, items.Items, level+1)
	case kind == "":
		return "any"
	case format != "":
		return fmt.Sprintf("%s (%s)", word(kind, 40), word(format, 40))
	}
	return word(kind, 40)
}

// form2 makes one body of formData parameters: multipart where there is a file or where the document says so.
func (r *reading) form2(form []*v2.Parameter, consumes []string) *Body {
	content := Content{MediaType: "application/x-www-form-urlencoded", Type: "object"}
	body := &Body{}
	for _, from := range form {
		p := r.parameter2(from)
		if from.Type == "file" || slices.Contains(consumes, "multipart/form-data") {
			content.MediaType = "multipart/form-data"
		}
		body.Required = body.Required || p.Required
		if len(content.Fields) < maxRows {
			content.Fields = append(content.Fields, Field{
				Name: p.Name, Type: p.Type, Required: p.Required, Text: p.Text, Enum: p.Enum, Default: p.Default, Example: p.Example,
			})
		}
	}
	r.charge(content.Fields)
	body.Contents = []Content{content}
	return body
}

func (r *reading) response2(status string, from *v2.Response, produces []string) Response {
	response := Response{Status: word(status, maxName), Text: prose(from.Description)}
	examples := map[string]*yaml.Node{}
	if from.Examples != nil {
		for mediaType, example := range from.Examples.Values.FromOldest() {
			examples[mediaType] = example
			if from.Schema == nil && len(response.Contents) < maxContents {
				response.Contents = append(response.Contents, r.content(mediaType, nil, example))
			}
		}
	}
	if from.Schema != nil {
		for _, mediaType := range produces {
			response.Contents = append(response.Contents, r.content(mediaType, schemaNode(from.Schema), examples[mediaType]))
		}
	}
	return response
}
