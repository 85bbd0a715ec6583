package handlers

import (
	"fmt"
	"mime"
	"net/url"
	"slices"
	"strings"

	"gatehouse/models"
	"gatehouse/models/openapi"
	"gatehouse/templates/format"
	"gatehouse/templates/snippet"
)

// Limits of what is typed into a trial.
const (
	maxTrialValue = 8 << 10   // bytes of a parameter
	maxTrialBody  = 256 << 10 // bytes of a body
)

// trial is a request of an operation as a person fills it in: it begins with the examples of the document.
type trial struct {
	op     openapi.Operation
	source models.KeySource // where the key is read: no field asks for it
	verb   string           // that is sent; an ANY operation has a choice
	fields []trialField
	query  string // a further query, where nothing is known of the operation's parameters

	kinds []string // of bodies that can be typed; none: the operation has no such body
	kind  string   // the chosen one
	body  string
	forms map[string][]trialField // the fields of those that are forms

	other bool // another body was on the page than is chosen now

	queryProblem, kindProblem, bodyProblem string
}

// trialField is a parameter and what was typed.
type trialField struct {
	openapi.Parameter
	value   string
	upload  bool // it is a file
	files   []sentFile
	problem string
}

// name is the field's in forms.
func (f trialField) name() string { return f.In + "." + f.Name }

// newTrial returns what the form begins with. model may be nil: then the fields of a form that is a model are not known.
func newTrial(op openapi.Operation, source models.KeySource, model modelOfSlug) *trial {
	t := &trial{op: op, source: source, verb: op.Verb, forms: map[string][]trialField{}}
	if op.Verb == openapi.AnyVerb {
		t.verb = "GET"
	}
	all := withPathNames(op)
	slices.SortStableFunc(all, func(a, b openapi.Parameter) int { return placeOf(a) - placeOf(b) })
	for _, p := range all {
		if !sendable(p, source) {
			continue
		}
		f := trialField{Parameter: p, value: p.Example}
		if p.Required && f.value == "" {
			f.value = firstValue(p)
		}
		t.fields = append(t.fields, f)
	}
	if op.Body != nil {
		for _, content := range op.Body.Contents {
			var fields []trialField
			switch kind := content.MediaType; {
			case kind == urlencoded || kind == multiparts:
				fields = formFields(content, model)
			case !isText(kind) && !strings.HasPrefix(kind, "multipart/"):
				fields = []trialField{fileField(op.Body)}
			}
			if len(fields) > 0 {
				t.forms[content.MediaType] = fields
			}
			if len(fields) > 0 || isText(content.MediaType) {
				t.kinds = append(t.kinds, content.MediaType)
			}
		}
	} else if t.isUnknown() && op.Verb != "GET" && op.Verb != "HEAD" && op.Verb != "OPTIONS" {
		t.kinds = []string{"application/json"}
	}
	if len(t.kinds) > 0 {
		t.kind = t.kinds[0]
		t.body = t.example(t.kind)
	}
	return t
}

// placeOf is a parameter's place on pages.
func placeOf(p openapi.Parameter) int {
	for i, place := range parameterPlaces {
		if place.in == p.In {
			return i
		}
	}
	return len(parameterPlaces)
}

// isUnknown reports whether no document says anything of the operation: then a query and a body may be typed freely.
func (t *trial) isUnknown() bool {
	return t.op.ID == "" && len(t.op.Parameters) == 0 && t.op.Body == nil && len(t.op.Responses) == 0
}

// example is the document's body of a media type.
func (t *trial) example(kind string) string {
	if t.op.Body != nil {
		for _, content := range t.op.Body.Contents {
			if content.MediaType == kind {
				return content.Example
			}
		}
	}
	return ""
}

// unsendable are the headers, in lower case, that nobody types: those that say who is calling, those of the connection, those that the browser's page has
// of its own, and those that would make the request another one than it looks like.
var unsendable = []string{
	"authorization", "cookie", "host", "content-length", "content-type", "content-encoding", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect",
	"forwarded", "x-real-ip", "true-client-ip", "x-client-ip", "x-cluster-client-ip", "cf-connecting-ip", "fastly-client-ip", "x-api-key-id", "x-consumer-id", "x-request-id",
	"x-amzn-requestid", "origin", "accept-encoding", "http2-settings", "user-agent", "x-rewrite-url", "x-http-method-override", "x-http-method", "x-method-override",
}

// sendable reports whether a parameter can be filled in.
func sendable(p openapi.Parameter, source models.KeySource) bool {
	switch p.In {
	case "path":
		return true
	case "query":
		return p.Type == identityType || source.Place != models.KeyInQuery || p.Name != source.Name
	case "cookie":
		return isCookie(p.Name)
	case "header":
		if p.Type == identityType {
			return true
		}
		lower := strings.ToLower(strings.ReplaceAll(p.Name, "_", "-"))
		for _, prefix := range []string{"proxy", "sec-", "access-control-", "x-forwarded", "x-original-", "x-envoy-", "x-gatehouse-"} {
			if strings.HasPrefix(lower, prefix) {
				return false
			}
		}
		return !slices.Contains(unsendable, lower) && !(source.Place == models.KeyInHeader && strings.EqualFold(p.Name, source.Name))
	}
	return false
}

// read takes what was typed.
func (t *trial) read(f *Form) {
	if t.op.Verb == openapi.AnyVerb && slices.Contains(anyVerbs, f.Get("method")) {
		t.verb = f.Get("method")
	}
	for i, field := range t.fields {
		t.fields[i].value = f.Get(field.name())
	}
	if t.isUnknown() {
		t.query = strings.TrimPrefix(strings.TrimSpace(f.Get("query")), "?")
	}
	if len(t.kinds) == 0 {
		return
	}
	kind := strings.TrimSpace(f.Get("type"))
	if kind == "" || !t.isUnknown() && !slices.Contains(t.kinds, kind) {
		kind = t.kinds[0]
	}
	t.kind = kind
	if t.other = f.Get("shape") != t.form(); t.other { // another body was on the page: this one begins with its example
		t.body = t.example(kind)
		return
	}
	fields := t.forms[kind]
	for i, field := range fields {
		fields[i].value = strings.ReplaceAll(f.Get(field.name()), "\r\n", "\n")
	}
	t.body = strings.ReplaceAll(f.Get("body"), "\r\n", "\n") // as browsers send what is typed
	for _, other := range t.kinds {                          // an example that was left as it is goes with its type
		if other != kind && len(t.forms[other]) == 0 && t.body == t.example(other) {
			t.body = t.example(kind)
			return
		}
	}
}

// form is the type of the body that has fields of its own on the page; "" where it is typed as text.
func (t *trial) form() string {
	if len(t.forms[t.kind]) > 0 {
		return t.kind
	}
	return ""
}

// anyVerbs are those that an ANY operation offers.
var anyVerbs = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}

// sendsBody reports whether a body goes along.
func (t *trial) sendsBody() bool { return len(t.kinds) > 0 && t.verb != "GET" && t.verb != "HEAD" }

// check notes what keeps the request from being sent; ok is false if there is something.
func (t *trial) check() (ok bool) {
	ok = true
	fail := func(where *string, problem string) { *where, ok = problem, false }
	fields := func(all []trialField) {
		for i := range all {
			f := &all[i]
			switch blank := f.value == "" && !f.upload; {
			case blank && f.Required:
				fail(&f.problem, "Enter a value: the operation needs it.")
			case len(f.value) > maxTrialValue:
				fail(&f.problem, "Enter at most "+format.Bytes(maxTrialValue)+".")
			case f.In == "header" && strings.ContainsFunc(f.value, isControl):
				fail(&f.problem, "A header holds one line, without control characters.")
			}
		}
	}
	fields(t.fields)
	if len(t.query) > maxTrialValue || strings.ContainsFunc(t.query, isControl) || strings.Contains(t.query, "#") {
		fail(&t.queryProblem, "Enter a query such as a=1&b=2, of at most "+format.Bytes(maxTrialValue)+".")
	}
	if !t.sendsBody() {
		return ok
	}
	if t.other {
		fail(&t.kindProblem, "The body has other fields now. Look at them, then send.")
	}
	if t.form() != "" {
		fields(t.forms[t.kind])
		return t.checkFiles() && ok
	}
	if _, _, err := mime.ParseMediaType(t.kind); err != nil || strings.ContainsFunc(t.kind, isControl) {
		fail(&t.kindProblem, "Enter a media type such as application/json.")
	}
	switch {
	case t.body == "" && t.op.Body != nil && t.op.Body.Required:
		fail(&t.bodyProblem, "Enter a body: the operation needs one.")
	case len(t.body) > maxTrialBody:
		fail(&t.bodyProblem, fmt.Sprintf("Enter at most %s; this is %s.", format.Bytes(maxTrialBody), format.Bytes(int64(len(t.body)))))
	}
	return ok
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// request is the call, below the address of a stage. Where a variable is named, the key is read from it, as code does; a request without one is sent in
// this process, where the key is known by its id. What is required and not filled in stands there with a made-up value, so that code can be read.
func (t *trial) request(base, variable string) snippet.Request {
	request := snippet.Request{Method: t.verb, URL: base + placeholder.ReplaceAllStringFunc(t.op.Path, t.segment)}
	var query []string
	for _, f := range t.fields {
		value := f.value
		if value == "" && f.Required {
			value = exampleValue(f.Parameter)
		}
		switch {
		case value == "":
		case f.In == "query":
			query = append(query, inQuery(f.Parameter, value)...)
		case f.In == "header":
			request.Headers = append(request.Headers, snippet.Header{Name: f.Name, Value: inPlace(f.Parameter, value, func(text string) string { return text })})
		}
	}
	if cookies, ok := t.cookies(); ok {
		request.Headers = append(request.Headers, cookies)
	}
	if t.query != "" {
		query = append(query, t.query)
	}
	if !t.op.KeyRequired {
		variable = ""
	}
	finish(&request, strings.Join(query, "&"), t.source, variable)
	switch {
	case !t.sendsBody():
	case t.form() != "":
		t.formCode(&request)
	case t.body != "":
		request.Headers = append(request.Headers, snippet.Header{Name: "Content-Type", Value: t.kind})
		request.Body = t.body
	}
	return request
}

// segment is what stands in the path for {name}: one segment, whatever was typed. {name+} holds several, and their slashes.
func (t *trial) segment(name string) string {
	name, greedy := strings.CutSuffix(name[1:len(name)-1], "+")
	for _, f := range t.fields {
		if f.In != "path" || strings.TrimSuffix(f.Name, "+") != name {
			continue
		}
		value := f.value
		switch {
		case value != "":
		case !slices.ContainsFunc(t.op.Parameters, func(p openapi.Parameter) bool { return p.In == "path" && p.Name == f.Name }): // nothing is known of it
			value = "1"
		default:
			value = exampleValue(f.Parameter)
		}
		if !greedy {
			return inPlace(f.Parameter, value, url.PathEscape)
		}
		segments := strings.Split(strings.TrimPrefix(value, "/"), "/")
		for i, segment := range segments {
			segments[i] = url.PathEscape(segment)
		}
		return strings.Join(segments, "/")
	}
	return name
}
