package handlers

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"gatehouse/models/openapi"
	"gatehouse/templates/format"
	"gatehouse/templates/snippet"
)

// The types of a form's body.
const (
	urlencoded = "application/x-www-form-urlencoded"
	multiparts = "multipart/form-data"
)

// maxTrialFile is what the files of a trial may have together, in bytes.
const maxTrialFile = 1_000_000

// Bounds of the fields of a form.
const (
	maxTrialParts = 100
	maxPartLevel  = 8 // models within models that a form's fields are looked for in
)

// modelOfSlug gives the model of a slug; nil where there is none.
type modelOfSlug func(slug string) *openapi.Schema

// formFields are the fields of a body that is a form, as its schema names them, with the values of its example; none where it names none.
func formFields(content openapi.Content, model modelOfSlug) []trialField {
	p := partsOf{model: model}
	p.add(content.Schema, 0)
	example := map[string]json.RawMessage{}
	if json.Unmarshal([]byte(content.Example), &example) != nil {
		example = nil
		if values, err := url.ParseQuery(content.Example); err == nil && content.MediaType == urlencoded {
			example = map[string]json.RawMessage{}
			for name, all := range values {
				example[name], _ = json.Marshal(all[0]) // a text always encodes
			}
		}
	}
	fields := make([]trialField, len(p.properties))
	for i, property := range p.properties {
		parameter := p.parameter(property)
		f := trialField{Parameter: parameter, value: parameter.Example}
		f.upload = content.MediaType == multiparts && isFile(parameter)
		if given, ok := example[property.Name]; ok {
			f.value = inText(bytes.TrimSpace(given))
		}
		if parameter.Required && f.value == "" {
			f.value = firstValue(parameter)
		}
		if f.upload {
			f.value = ""
		}
		fields[i] = f
	}
	return fields
}

// modelOf is a model of the document; nil where there is none, or where it cannot be read: then its fields are typed as text.
func (ref *reference) modelOf(slug string) *openapi.Schema {
	model, ok, err := ref.doc.Model(slug)
	if err != nil || !ok {
		return nil
	}
	return model.Schema
}

// partsOf collects the properties of a schema, and of those that it is made of.
type partsOf struct {
	model      modelOfSlug
	properties []openapi.Property
	required   []string
}

func (p *partsOf) add(s *openapi.Schema, level int) {
	if s == nil || level > maxPartLevel {
		return
	}
	if s.Ref != "" && p.model != nil {
		p.add(p.model(s.Ref), level+1)
	}
	p.required = append(p.required, s.Required...)
	for _, property := range s.Properties {
		known := slices.ContainsFunc(p.properties, func(other openapi.Property) bool { return other.Name == property.Name })
		if !known && !property.Schema.ReadOnly && len(p.properties) < maxTrialParts {
			p.properties = append(p.properties, property)
		}
	}
	for i := range s.AllOf {
		p.add(&s.AllOf[i], level+1)
	}
	if len(s.OneOf) > 0 {
		p.add(&s.OneOf[0], level+1)
	} else if len(s.AnyOf) > 0 {
		p.add(&s.AnyOf[0], level+1)
	}
}

// parameter is a property as what is typed in a field.
func (p *partsOf) parameter(property openapi.Property) openapi.Parameter {
	s := property.Schema
	out := openapi.Parameter{Name: property.Name, In: "body", Required: slices.Contains(p.required, property.Name), Type: s.Type, Example: s.Example, Default: s.Default, Enum: s.Enum, Schema: &s}
	if s.Ref == "" || p.model == nil {
		return out
	}
	if m := p.model(s.Ref); m != nil {
		if len(out.Enum) == 0 {
			out.Enum = m.Enum
		}
		if out.Default == "" {
			out.Default = m.Default
		}
		if out.Example == "" {
			out.Example = m.Example
		}
	}
	return out
}

// firstValue is what a field that is needed begins with where nothing is given for it.
func firstValue(p openapi.Parameter) string {
	if p.Default == "" && len(p.Enum) > 0 {
		return p.Enum[0]
	}
	return p.Default
}

// isFile reports whether what is sent in a field of a form is a file.
func isFile(p openapi.Parameter) bool {
	s := p.Schema
	for s != nil && s.Items != nil {
		s = s.Items
	}
	return strings.Contains(p.Type, "(binary)") || p.Type == "file" || s != nil && strings.Contains(s.Extra, `"contentMediaType"`) && !strings.Contains(s.Extra, `"contentEncoding"`)
}

// fileField is the field of a body that is a file.
func fileField(body *openapi.Body) trialField {
	return trialField{Parameter: openapi.Parameter{Name: "file", In: "body", Required: body.Required}, upload: true}
}

// wholeFile reports whether the chosen body is a file, and nothing else.
func (t *trial) wholeFile() bool {
	return t.form() != "" && t.kind != urlencoded && t.kind != multiparts
}

// readFiles takes the files that were chosen.
func (t *trial) readFiles(f *Form) (err error) {
	for i, field := range t.forms[t.kind] {
		if field.upload && !t.other {
			if t.forms[t.kind][i].files, err = f.Files(field.name()); err != nil {
				return err
			}
		}
	}
	return nil
}

// sentKind is the type of a body that is a file: where the document allows several, the file's own.
func (t *trial) sentKind() string {
	if !strings.Contains(t.kind, "*") {
		return t.kind
	}
	if files := t.forms[t.kind][0].files; len(files) > 0 && files[0].kind != "" {
		return files[0].kind
	}
	return "application/octet-stream"
}

// fileNames are those that code names: of the files that were chosen, else a made-up one where one is needed.
func (f trialField) fileNames(kind string) (names []string) {
	for _, file := range f.files {
		names = append(names, file.name)
	}
	if len(names) > 0 || !f.Required {
		return names
	}
	if picture, ok := strings.CutPrefix(kind, "image/"); ok && !strings.ContainsAny(picture, "*+;") {
		return []string{"file." + picture}
	}
	return []string{"file.bin"}
}

// formCode puts the chosen form, or file, into a request as code has it.
func (t *trial) formCode(request *snippet.Request) {
	fields := t.forms[t.kind]
	switch {
	case t.kind == urlencoded:
		request.Body = encoded(fields)
	case t.wholeFile():
		if names := fields[0].fileNames(t.kind); len(names) > 0 {
			request.File = names[0]
		}
	default:
		for _, f := range fields {
			if f.upload {
				for _, name := range f.fileNames("") {
					request.Form = append(request.Form, snippet.Part{Name: f.Name, File: name})
				}
				continue
			}
			for _, value := range f.values() {
				request.Form = append(request.Form, snippet.Part{Name: f.Name, Value: value})
			}
		}
		return // its type has a boundary, which whoever writes it chooses
	}
	if request.Body != "" || request.File != "" {
		request.Headers = append(request.Headers, snippet.Header{Name: "Content-Type", Value: t.sentKind()})
	}
}

// sent is the request that is sent from here: files are in it as bytes.
func (t *trial) sent(base string) (snippet.Request, error) {
	request := t.request(base, "")
	switch {
	case request.File != "":
		request.File = ""
		if files := t.forms[t.kind][0].files; len(files) > 0 {
			request.Body = string(files[0].data)
		}
	case len(request.Form) > 0:
		request.Form = nil
		body, kind, err := t.multipart()
		if err != nil {
			return request, fmt.Errorf("write form: %w", err)
		}
		request.Body = body
		request.Headers = append(request.Headers, snippet.Header{Name: "Content-Type", Value: kind})
	}
	return request, nil
}

// multipart is the form as its bytes and their type.
func (t *trial) multipart() (body, kind string, err error) {
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for _, f := range t.forms[multiparts] {
		for _, file := range f.files {
			head := textproto.MIMEHeader{"Content-Disposition": {multipart.FileContentDisposition(f.Name, file.name)}, "Content-Type": {cmp.Or(file.kind, "application/octet-stream")}}
			part, err := w.CreatePart(head)
			if err == nil {
				_, err = part.Write(file.data)
			}
			if err != nil {
				return "", "", err
			}
		}
		if f.upload {
			continue
		}
		for _, value := range f.values() {
			if err := w.WriteField(f.Name, value); err != nil {
				return "", "", err
			}
		}
	}
	err = w.Close()
	return out.String(), w.FormDataContentType(), err
}

// checkFiles says at its field what is wrong with a file.
func (t *trial) checkFiles() (ok bool) {
	ok = true
	var size int64
	for i := range t.forms[t.kind] {
		f := &t.forms[t.kind][i]
		for _, file := range f.files {
			size += int64(len(file.data))
		}
		switch {
		case f.upload && f.Required && len(f.files) == 0:
			f.problem, ok = "Choose a file: the operation needs it.", false
		case len(f.files) > 0 && size > maxTrialFile:
			f.problem, ok = "Choose files of at most "+format.Bytes(maxTrialFile)+" in all.", false
		}
	}
	return ok
}

// values are what a field of a form sends: of a list each of its values.
func (f trialField) values() []string {
	value := f.value
	if value == "" && f.Required {
		value = exampleValue(f.Parameter)
	}
	if value == "" {
		return nil
	}
	if items, ok := several(f.Parameter, value); ok {
		return items
	}
	return []string{value}
}

// encoded is a form as a body of its type, its fields in their order.
func encoded(fields []trialField) string {
	var all []string
	for _, f := range fields {
		for _, value := range f.values() {
			all = append(all, url.QueryEscape(f.Name)+"="+url.QueryEscape(value))
		}
	}
	return strings.Join(all, "&")
}
