package openapi

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"github.com/pb33f/go-yaml"
	"github.com/pb33f/libopenapi/datamodel"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	"github.com/pb33f/libopenapi/utils"
)

// read is all of the reading, in the calling process and without limits on time and memory: only the child and tests
// may call it. Our own checks come first, each cheaper and simpler than what follows it.
func read(document []byte) (Description, error) {
	notes := &notes{}
	info, tree, err := check(document, notes)
	if err != nil {
		return Description{}, err
	}
	build := build3
	if info.SpecFormat == datamodel.OAS2 {
		build = build2
	}
	describe, err := build(info, notes)
	if err != nil {
		return Description{}, err
	}
	return fit(describe, tree, max(maxDetail, len(document)))
}

// check gives a document's tree once it is harmless for what follows.
func check(document []byte, notes *notes) (*datamodel.SpecInfo, *tidy, error) {
	text, err := surface(document)
	if err != nil {
		return nil, nil, err
	}
	info, err := parse(text)
	if err != nil {
		return nil, nil, err
	}
	if err := checkTree(info.RootNode); err != nil {
		return nil, nil, err
	}
	expand(info.RootNode, map[*yaml.Node]bool{})
	tree := newTidy(info.RootNode.Content[0], notes)
	if err := declare(info, tree.root); err != nil {
		return nil, nil, err
	}
	return info, tree, tree.run()
}

// errDetail ends a reading that says more than there is room for.
var errDetail = errors.New("more detail than fits")

// fit describes a document as deep as it can within detail bytes, so that a large one keeps all of its operations and
// loses detail evenly, not the fields of whatever comes last. At level -1 no fields and no examples are left.
func fit(describe func(*reading) error, tree *tidy, detail int) (Description, error) {
	for level := maxLevel; ; level-- {
		r := newReading(tree, level, detail)
		switch err := describe(r); {
		case errors.Is(err, errDetail):
		case err != nil:
			return Description{}, err
		default:
			return r.finish(), nil
		}
	}
}

// full says that there is no room for more detail, as an error that lets fit begin again with less.
func (r *reading) full() error {
	if r.level >= 0 && (r.left <= 0 || r.visits > maxVisits) {
		return errDetail
	}
	return nil
}

// configuration is how the library reads: nothing but what it is given, and none of the checks that tidy has made.
func configuration() *datamodel.DocumentConfiguration {
	return &datamodel.DocumentConfiguration{
		BypassDocumentCheck:        true,
		SkipJSONConversion:         true,
		SkipCircularReferenceCheck: true,
		SkipMetadataCollection:     true,
		ExcludeExtensionRefs:       true,
		AllowExcessiveAliases:      true, // there are none left, and checkTree has counted them
		Logger:                     slog.New(slog.DiscardHandler),
	}
}

func unread(err error) error {
	return &ReadError{Reason: "The document cannot be read: " + word(err.Error(), maxSummary), cause: err}
}

// declare finds the version that the document names at its top, where the library would also find it deep inside, and
// refuses what is not OpenAPI 2.0, 3.0, 3.1 or 3.2.
func declare(info *datamodel.SpecInfo, root *yaml.Node) error {
	if root.Kind != yaml.MappingNode {
		return refuse(root, "This is %s, not an OpenAPI document, which begins with its version.", kindWord(root.Kind))
	}
	info.Self = "" // an address for references, which we never follow
	if v := child(root, "openapi"); v != nil {
		return declare3(info, v)
	}
	if v := child(root, "swagger"); v != nil {
		if v.Value != "2.0" && v.Value != "2" {
			return refuse(v, "Swagger %q cannot be read; 2.0 can, and OpenAPI 3.0 and 3.1.", short(v.Value))
		}
		info.SpecType, info.SpecFormat, info.Version, info.VersionNumeric = utils.OpenApi2, datamodel.OAS2, "2.0", 2.0
		return nil
	}
	switch {
	case child(root, "asyncapi") != nil:
		return refuse(root, "This is an AsyncAPI document; OpenAPI 2.0, 3.0 and 3.1 can be read.")
	case child(root, "item") != nil && child(root, "info") != nil:
		return refuse(root, "This looks like a Postman collection. Export it as OpenAPI first.")
	}
	return refuse(root, `The document does not begin with "openapi" or "swagger", so it is not an OpenAPI document.`)
}

var version3Pattern = regexp.MustCompile(`^3\.[012](\.\d+)?(-\w+)?$`)

func declare3(info *datamodel.SpecInfo, v *yaml.Node) error {
	if v.Kind != yaml.ScalarNode || !version3Pattern.MatchString(v.Value) {
		return refuse(v, "OpenAPI %q cannot be read; 2.0, 3.0 and 3.1 can.", short(v.Value))
	}
	info.SpecType, info.Version = utils.OpenApi3, v.Value
	switch v.Value[:3] {
	case "3.0":
		info.SpecFormat, info.VersionNumeric = datamodel.OAS3, 3.0
	case "3.1":
		info.SpecFormat, info.VersionNumeric = datamodel.OAS31, 3.1
	default:
		info.SpecFormat, info.VersionNumeric = datamodel.OAS32, 3.2
	}
	return nil
}

// reading is one document on its way into a Description.
type reading struct {
	Description
	tree  *tidy
	notes *notes
	taken map[string]int    // verb and path without parameter names -> operation
	ids   map[string]string // operationId -> where it was first used
	tags  map[string]bool   // listed already

	known    map[string][]Field // rows of the schema behind a reference
	sketches map[string]string  // example made of the schema behind a reference
	level    int                // how many levels of fields within fields are shown
	visits   int                // schemas opened so far, see maxVisits
	left     int                // bytes that may still be spent, see maxDetail
}

func newReading(tree *tidy, level, detail int) *reading {
	return &reading{
		tree: tree, notes: tree.notes.clone(), level: level, left: detail, taken: map[string]int{}, ids: map[string]string{}, tags: map[string]bool{},
		known: map[string][]Field{}, sketches: map[string]string{},
	}
}

func (r *reading) info(info *base.Info) {
	if info == nil {
		info = &base.Info{}
	}
	r.Title, r.Version = word(info.Title, maxName), word(info.Version, maxName)
	r.Summary, r.Text = word(info.Summary, maxSummary), prose(info.Description)
	if r.Title == "" {
		r.notes.add(whole, `The document has no title ("info.title").`)
	}
}

func (r *reading) tag(name, text string) {
	if name = word(name, maxName); name != "" && !r.tags[name] {
		r.tags[name] = true
		r.Tags = append(r.Tags, Tag{Name: name, Text: prose(text)})
	}
}

func (r *reading) server(url string) {
	const most = 20
	if url = word(url, maxSummary); url != "" && len(r.Servers) < most {
		r.Servers = append(r.Servers, url)
	}
}

// secure decides whether an operation needs a key by the alternatives of its security, the document's when it declares
// none of its own.
func (r *reading) secure(declared bool, own, document []*base.SecurityRequirement) bool {
	requirements := document
	if declared {
		r.Secured, requirements = true, own
	}
	for _, alternative := range requirements {
		if alternative.Requirements == nil || alternative.Requirements.Len() == 0 {
			return false
		}
	}
	return len(requirements) > 0
}

// add takes an operation into the description unless its path cannot be served.
func (r *reading) add(op Operation) error {
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
	op.Parameters = r.withPath(where, op)
	for i, name := range op.Tags {
		op.Tags[i] = word(name, maxName)
		r.tag(name, "")
	}
	r.Operations = append(r.Operations, op)
	return r.full()
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
	switch {
	case r.level < 0:
		r.notes.add(whole, "The document is so large that fields and examples of bodies are left out.")
	case r.level < maxLevel:
		r.notes.add(whole, "The document is so large that fields within fields are shown to depth %d only.", r.level+1)
	}
	r.Warnings = r.notes.list()
	return r.Description
}
