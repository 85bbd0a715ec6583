package openapi

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/pb33f/go-yaml"
	"github.com/pb33f/libopenapi/datamodel"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	"github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/pb33f/libopenapi/datamodel/low"
	lowv3 "github.com/pb33f/libopenapi/datamodel/low/v3"
	"github.com/pb33f/libopenapi/orderedmap"
)

// build3 reads OpenAPI 3.0, 3.1 and 3.2.
func build3(info *datamodel.SpecInfo, notes *notes) (describe func(*reading) error, err error) {
	built, err := lowv3.CreateDocumentFromConfig(info, configuration())
	if built == nil {
		return nil, unread(err)
	}
	notes.library(err)
	doc := v3.NewDocument(built)
	return func(r *reading) error { return r.version3(doc) }, nil
}

func (r *reading) version3(doc *v3.Document) error {
	r.Format = "openapi " + word(doc.Version, 40)
	r.info(doc.Info)
	for _, s := range doc.Servers {
		r.server(serverURL(s))
	}
	for _, t := range doc.Tags {
		r.tag(t.Name, t.Description)
	}
	r.Secured = doc.Security != nil
	if doc.Paths != nil {
		for path, item := range doc.Paths.PathItems.FromOldest() {
			if err := r.item3(doc, path, item); err != nil {
				return err
			}
		}
	}
	return r.models(child(child(r.tree.root, "components"), "schemas"))
}

// serverURL is a server's address with its variables replaced by their defaults.
func serverURL(s *v3.Server) string {
	url := s.URL
	for name, variable := range s.Variables.FromOldest() {
		if variable.Default != "" && len(url) <= maxSummary {
			url = strings.ReplaceAll(url, "{"+name+"}", variable.Default)
		}
	}
	return url
}

func (r *reading) item3(doc *v3.Document, path string, item *v3.PathItem) error {
	for verb, op := range item.GetOperations().FromOldest() {
		if !slices.Contains(verbKeys(), strings.ToLower(verb)) {
			r.notes.add(short(path), "The verb %q is not one that can be served.", short(verb))
			continue
		}
		if err := r.operation3(doc, path, strings.ToUpper(verb), item, op); err != nil {
			return err
		}
	}
	any, ok := item.Extensions.Get(anyMethod)
	if !ok || any.Kind != yaml.MappingNode {
		return nil
	}
	var built lowv3.Operation
	if err := low.BuildModel(any, &built); err != nil {
		r.notes.at(any, "%s", err)
	}
	if err := built.Build(context.Background(), nil, any, doc.Index); err != nil {
		r.notes.at(any, "%s", err)
	}
	return r.operation3(doc, path, AnyVerb, item, v3.NewOperation(&built))
}

func (r *reading) operation3(doc *v3.Document, path, verb string, item *v3.PathItem, from *v3.Operation) error {
	op := Operation{
		Verb: verb, Path: path, ID: word(from.OperationId, maxName),
		Summary: word(cmp.Or(from.Summary, item.Summary), maxSummary), Text: prose(cmp.Or(from.Description, item.Description)),
		Tags: from.Tags, Deprecated: from.Deprecated != nil && *from.Deprecated,
		KeyRequired: r.secure(from.Security != nil, from.Security, doc.Security),
		Parameters:  r.parameters3(verb+" "+short(path), item.Parameters, from.Parameters),
	}
	if body := from.RequestBody; body != nil {
		op.Body = &Body{
			Required: body.Required != nil && *body.Required, Text: prose(body.Description), Contents: r.contents3(body.Content),
		}
	}
	if from.Responses != nil {
		for status, response := range from.Responses.Codes.FromOldest() {
			op.Responses = append(op.Responses, r.response3(status, response))
		}
		if from.Responses.Default != nil {
			op.Responses = append(op.Responses, r.response3("default", from.Responses.Default))
		}
	}
	return r.add(op)
}

func (r *reading) response3(status string, from *v3.Response) Response {
	return Response{Status: word(status, maxName), Text: prose(cmp.Or(from.Description, from.Summary)), Contents: r.contents3(from.Content)}
}

func (r *reading) contents3(from *orderedmap.Map[string, *v3.MediaType]) []Content {
	var all []Content
	for mediaType, media := range from.FromOldest() {
		if len(all) == maxContents {
			break
		}
		proxy := media.Schema
		if proxy == nil {
			proxy = media.ItemSchema
		}
		all = append(all, r.content(mediaType, schemaNode(proxy), example3(media.Example, media.Examples)))
	}
	return all
}

// example3 is the example itself or the first of several that has a value.
func example3(one *yaml.Node, several *orderedmap.Map[string, *base.Example]) *yaml.Node {
	if one != nil {
		return one
	}
	for e := range several.ValuesFromOldest() {
		switch {
		case e == nil:
		case e.Value != nil:
			return e.Value
		case e.DataValue != nil:
			return e.DataValue
		case e.SerializedValue != "":
			return str(e.SerializedValue)
		}
	}
	return nil
}

// parameters3 joins the parameters of a path with those of an operation, which replace those of the same name.
func (r *reading) parameters3(where string, shared, own []*v3.Parameter) []Parameter {
	var all []Parameter
	for _, from := range slices.Concat(shared, own) {
		p := Parameter{
			Name: word(from.Name, maxName), In: word(from.In, maxName), Required: from.Required != nil && *from.Required,
			Text: prose(from.Description), Example: inline(example3(from.Example, from.Examples)),
		}
		proxy := from.Schema
		if proxy == nil && from.Content != nil {
			for media := range from.Content.ValuesFromOldest() {
				proxy = media.Schema
				break
			}
		}
		r.describe(&p, schemaNode(proxy))
		all = r.join(where, all, p)
	}
	return all
}
