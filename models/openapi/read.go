package openapi

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/pb33f/go-yaml"
)

// read is all of the reading, in the calling process and without limits on time and memory: only the child and tests
// may call it. Our own checks come first, each cheaper and simpler than what follows it.
func read(document []byte) (Description, error) {
	notes := &notes{}
	tree, format, err := check(document, notes)
	if err != nil {
		return Description{}, err
	}
	r := newReading(tree, format, max(maxDetail, 2*len(document)))
	if err := r.document(); err != nil {
		return Description{}, err
	}
	return r.finish(), nil
}

// check gives a document's tree once it is harmless for what follows, and the version that it declares: "swagger 2.0", "openapi 3.1.0".
func check(document []byte, notes *notes) (*tidy, string, error) {
	text, err := surface(document)
	if err != nil {
		return nil, "", err
	}
	root, err := parse(text)
	if err != nil {
		return nil, "", err
	}
	if err := checkTree(root); err != nil {
		return nil, "", err
	}
	expand(root, map[*yaml.Node]bool{})
	tree := newTidy(root.Content[0], notes)
	format, err := declared(tree.root)
	if err != nil {
		return nil, "", err
	}
	return tree, format, tree.run()
}

var version3Pattern = regexp.MustCompile(`^3\.[012](\.\d+)?(-\w+)?$`)

// declared finds the version that the document names at its top and refuses what is not OpenAPI 2.0, 3.0, 3.1 or 3.2.
func declared(root *yaml.Node) (string, error) {
	if root.Kind != yaml.MappingNode {
		return "", refuse(root, "This is %s, not an OpenAPI document, which begins with its version.", kindWord(root.Kind))
	}
	if v := child(root, "openapi"); v != nil {
		if v.Kind != yaml.ScalarNode || !version3Pattern.MatchString(v.Value) {
			return "", refuse(v, "OpenAPI %q cannot be read; 2.0, 3.0 and 3.1 can.", short(v.Value))
		}
		return "openapi " + v.Value, nil
	}
	if v := child(root, "swagger"); v != nil {
		if v.Value != "2.0" && v.Value != "2" {
			return "", refuse(v, "Swagger %q cannot be read; 2.0 can, and OpenAPI 3.0 and 3.1.", short(v.Value))
		}
		return swagger2, nil
	}
	switch {
	case child(root, "asyncapi") != nil:
		return "", refuse(root, "This is an AsyncAPI document; OpenAPI 2.0, 3.0 and 3.1 can be read.")
	case child(root, "item") != nil && child(root, "info") != nil:
		return "", refuse(root, "This looks like a Postman collection. Export it as OpenAPI first.")
	}
	return "", refuse(root, `The document does not begin with "openapi" or "swagger", so it is not an OpenAPI document.`)
}

// swagger2 is the format of a 2.0 document.
const swagger2 = "swagger 2.0"

// reading is one document on its way into a Description.
type reading struct {
	Description
	tree  *tidy
	notes *notes
	names Slugs
	taken map[string]int    // verb and path without parameter names -> operation
	ids   map[string]string // operationId -> where it was first used
	tags  map[string]bool   // listed already

	modelNames     Slugs
	modelAt        map[*yaml.Node]int // schemas that are referred to -> Models
	nodes          []*yaml.Node       // of Models
	operationNodes []sourceNodes
	modelsRead     int
	sketches       map[sketchKey]string
	examples       int // bytes that may still be spent on examples that are made
	visits         int // schemas opened so far, see maxVisits
	left           int // bytes that may still be spent, see maxDetail
}

// maxDetail bounds what a description says, in bytes: this or twice the size of its document, whichever is more. Only a document whose aliases repeat
// its parts can reach it.
const maxDetail = 8 << 20

func newReading(tree *tidy, format string, detail int) *reading {
	r := &reading{
		Description: Description{Format: format}, tree: tree, notes: tree.notes, left: detail, examples: maxExamplesMade, taken: map[string]int{}, ids: map[string]string{},
		tags: map[string]bool{}, modelAt: map[*yaml.Node]int{}, sketches: map[sketchKey]string{},
	}
	r.names.Reserve("models")
	return r
}

// old says that the document is of version 2.0.
func (r *reading) old() bool { return r.Format == swagger2 }

func (r *reading) document() error {
	root := r.tree.root
	r.info(child(root, "info"))
	r.servers()
	for _, t := range list(root, "tags") {
		r.tag(text(t, "name"), text(t, "description"), r.extra(t, "name", "description"))
	}
	r.Secured = child(root, "security") != nil
	r.schemes()
	r.nameModels()
	r.readModels()
	for path, item := range pairs(child(root, "paths")) {
		if err := r.item(path, r.resolve(item)); err != nil {
			return err
		}
	}
	for name, item := range pairs(child(root, "webhooks")) {
		for _, hook := range r.calls(word(name, maxName), item, 0) {
			hook.Slug = r.names.Name(Operation{ID: "webhook " + name})
			r.Webhooks = append(r.Webhooks, hook)
		}
	}
	r.readModels() // those that were only referred to
	r.Extra = r.extra(root, "openapi", "swagger", "info", "servers", "tags", "security", "paths", "webhooks", "components", "definitions", "parameters", "responses",
		"securityDefinitions", "host", "basePath", "schemes", "consumes", "produces", "externalDocs", "$self", "jsonSchemaDialect")
	parts, writer := r.sources()
	r.source, r.gateway = parts, r.readGateway(writer)
	return nil
}

func (r *reading) info(info *yaml.Node) {
	r.Title, r.Version = word(text(info, "title"), maxName), word(text(info, "version"), maxName)
	r.Summary, r.Text = word(text(info, "summary"), maxSummary), prose(text(info, "description"))
	if r.Title == "" {
		r.notes.add(whole, `The document has no title ("info.title").`)
	}
	fact := func(name string, n *yaml.Node, words string) {
		if f := (Fact{Name: name, Text: word(words, maxName), URL: word(text(n, "url"), maxSummary)}); f.Text != "" || f.URL != "" {
			r.About = append(r.About, f)
		}
	}
	contact := child(info, "contact")
	fact("Contact", contact, strings.TrimSpace(text(contact, "name")+" "+text(contact, "email")))
	fact("Licence", child(info, "license"), text(child(info, "license"), "name")+" "+text(child(info, "license"), "identifier"))
	if terms := word(text(info, "termsOfService"), maxSummary); terms != "" {
		r.About = append(r.About, Fact{Name: "Terms of service", URL: terms})
	}
	if docs := docsFact(r.tree.root); docs != nil {
		r.About = append(r.About, *docs)
	}
}

// docsFact is where n says that more is written, nil where it does not.
func docsFact(n *yaml.Node) *Fact {
	docs := child(n, "externalDocs")
	if text(docs, "url") == "" {
		return nil
	}
	return &Fact{Name: "More documentation", Text: word(text(docs, "description"), maxName), URL: word(text(docs, "url"), maxSummary)}
}

func (r *reading) tag(name, text, extra string) {
	if name = word(name, maxName); name != "" && !r.tags[name] {
		r.tags[name] = true
		r.Tags = append(r.Tags, Tag{Name: name, Text: prose(text), Extra: extra})
	}
}

// servers are the addresses of the document; in 2.0 they are made of schemes, host and basePath, and without a host only the path is known.
func (r *reading) servers() {
	root := r.tree.root
	if !r.old() {
		for _, s := range list(root, "servers") {
			r.server(serverURL(s))
		}
		return
	}
	base, host := strings.TrimSuffix(text(root, "basePath"), "/"), text(root, "host")
	if host == "" {
		r.server(base)
		return
	}
	schemes := words(list(root, "schemes"))
	if len(schemes) == 0 {
		schemes = []string{"https"}
	}
	for _, scheme := range schemes {
		r.server(scheme + "://" + host + base)
	}
}

// serverURL is a server's address with its variables replaced by their defaults.
func serverURL(s *yaml.Node) string {
	url := text(s, "url")
	for name, variable := range pairs(child(s, "variables")) {
		if value := text(variable, "default"); value != "" && len(url) <= maxSummary {
			url = strings.ReplaceAll(url, "{"+name+"}", value)
		}
	}
	return url
}

func (r *reading) server(url string) {
	const most = 20
	if url = word(url, maxSummary); url != "" && len(r.Servers) < most {
		r.Servers = append(r.Servers, url)
	}
}

// item reads the operations of a path.
func (r *reading) item(path string, item *yaml.Node) error {
	for verb, n := range pairs(item) {
		n = r.resolve(n)
		switch {
		case n == nil || n.Kind != yaml.MappingNode:
		case verb == anyMethod:
			if err := r.add(r.operation(AnyVerb, path, item, n, 0), item, n); err != nil {
				return err
			}
		case slices.Contains(verbKeys(), verb):
			if err := r.add(r.operation(strings.ToUpper(verb), path, item, n, 0), item, n); err != nil {
				return err
			}
		case verb == "additionalOperations":
			r.notes.at(n, "The operations of %s with verbs of their own are left out: they cannot be served.", short(path))
		}
	}
	return nil
}

// add takes an operation into the description unless its path cannot be served.
func (r *reading) add(op Operation, item, n *yaml.Node) error {
	where := op.Verb + " " + short(op.Path)
	if wrong := pathFault(op.Path); wrong != "" {
		r.notes.add(where, "The operation is left out: %s.", wrong)
		return nil
	}
	shape := op.Verb + " " + pathShape(op.Path)
	if i, twice := r.taken[shape]; twice {
		first := &r.Operations[i]
		first.KeyRequired = first.KeyRequired || op.KeyRequired // what is said twice must not open what is said once
		r.notes.add(where, "The operation is left out: its path matches the same requests as %s, which comes first.", short(first.Path))
		return nil
	}
	r.taken[shape] = len(r.Operations)
	if len(r.Operations) == MaxOperations {
		return &ReadError{Reason: fmt.Sprintf("The document describes more than %d operations. Split it into several APIs.", MaxOperations)}
	}
	if first, twice := r.ids[op.ID]; twice && op.ID != "" {
		r.notes.add(where, "The operationId %q is also that of %s.", op.ID, first)
	}
	r.ids[op.ID] = where
	op.Slug = r.names.Name(op)
	op.Parameters = r.withPath(where, op)
	for _, name := range op.Tags {
		r.tag(name, "", "")
	}
	r.Operations = append(r.Operations, op)
	r.nodesOf(op, item, n)
	return nil
}

// withPath completes the parameters of the path, which real documents often forget.
func (r *reading) withPath(where string, op Operation) []Parameter {
	described := map[string]bool{}
	for i, p := range op.Parameters {
		if p.In == "path" {
			described[p.Name] = true
			op.Parameters[i].Required = true
		}
	}
	parameters := op.Parameters
	for _, name := range pathParameters(op.Path) {
		plain := strings.TrimSuffix(name, "+")
		if described[name] || described[plain] {
			continue
		}
		r.notes.add(where, "The parameter %q of the path is not described; it is taken for a string.", plain)
		parameters = append(parameters, Parameter{Name: plain, In: "path", Required: true, Type: "string"})
	}
	return parameters
}

func (r *reading) finish() Description {
	if len(r.Operations) == 0 {
		r.notes.add(whole, "The document describes no operation that can be served.")
	}
	if r.left <= 0 {
		r.notes.add(whole, "The document repeats its parts so often that fields and examples of the last ones are left out.")
	}
	r.Warnings = r.notes.list()
	return r.Description
}
