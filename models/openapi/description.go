package openapi

import "fmt"

// Description is what an API's document says, in our own words: plain data that survives JSON both ways. The zero value describes an API about which
// nothing is known. All text is as the document's author wrote it, so it is not to be trusted: escape it, and pass Markdown through the sanitiser.
//
// A Reference holds one with operations and models that are brief: what lists and searches need. The rest of each is read when it is asked for.
type Description struct {
	Format  string `json:"format"` // as declared: "openapi 3.0.3", "swagger 2.0"
	Title   string `json:"title"`
	Version string `json:"version"`
	Summary string `json:"summary,omitempty"` // one line, 3.1 only
	Text    string `json:"text,omitempty"`    // Markdown, from info.description

	// Servers are the URLs of the document as written, absolute or relative, with server variables replaced by their
	// defaults. A 2.0 document gives them by its schemes, host and basePath.
	Servers []string `json:"servers,omitempty"`

	// Secured says that the document speaks of security at all: for the whole API or for one operation. Without it
	// every KeyRequired is false because nothing was said, not because the author chose open operations.
	Secured bool `json:"secured"`

	Tags       []Tag       `json:"tags,omitempty"`
	Operations []Operation `json:"operations,omitempty"` // in document order
	Models     []Model     `json:"models,omitempty"`     // named schemas, in document order, at most MaxModels; behind them the other schemas that are referred to
	Schemes    []Scheme    `json:"schemes,omitempty"`    // of security
	Webhooks   []Operation `json:"webhooks,omitempty"`   // calls that the API makes; Path is the webhook's name
	About      []Fact      `json:"about,omitempty"`      // contact, licence, terms of service
	Extra      string      `json:"extra,omitempty"`      // what else info and the top of the document say, as JSON
	Warnings   []Warning   `json:"warnings,omitempty"`   // at most MaxWarnings

	source  source  // what Rewrite writes again
	gateway Gateway // what it says to a gateway
}

// Tag groups operations, which name it.
type Tag struct {
	Name  string `json:"name"`
	Text  string `json:"text,omitempty"`  // Markdown
	Extra string `json:"extra,omitempty"` // JSON
}

// Fact is a line about the API.
type Fact struct {
	Name string `json:"name"` // "Licence"
	Text string `json:"text"`
	URL  string `json:"url,omitempty"` // as written: not to be followed unless it is https or http
}

// Scheme is a way in which the document's API knows its callers.
type Scheme struct {
	Name  string `json:"name"`
	Type  string `json:"type"`           // in words: "API key in the header x-api-key"
	Text  string `json:"text,omitempty"` // Markdown
	Extra string `json:"extra,omitempty"`
}

// Operation is one verb on one path.
type Operation struct {
	// Verb is in upper case: GET, PUT, POST, DELETE, OPTIONS, HEAD, PATCH, TRACE, or AnyVerb.
	Verb string `json:"verb"`
	// Path is a template that begins with "/": literal segments, {param}, and a greedy {proxy+} at the end.
	Path string `json:"path"`

	Slug       string   `json:"slug,omitempty"` // its name in addresses, see Slug; unique in a document
	ID         string   `json:"id,omitempty"`   // operationId
	Summary    string   `json:"summary,omitempty"`
	Tags       []string `json:"tags,omitempty"`
	Deprecated bool     `json:"deprecated,omitempty"`

	// KeyRequired says that no alternative of the operation's security (its own, else the document's) is empty, and
	// that there is at least one.
	KeyRequired bool `json:"keyRequired"`

	// What follows is left out of lists.
	Text       string      `json:"text,omitempty"`       // Markdown
	Parameters []Parameter `json:"parameters,omitempty"` // the path's and the operation's own, bodies excepted
	Body       *Body       `json:"body,omitempty"`
	Responses  []Response  `json:"responses,omitempty"` // in document order, "default" last
	Security   []string    `json:"security,omitempty"`  // alternatives, in words: "oauth (read, write) and key"
	Callbacks  []Operation `json:"callbacks,omitempty"` // calls that the API makes; Path is the expression of its address
	Docs       *Fact       `json:"docs,omitempty"`
	Extra      string      `json:"extra,omitempty"` // what else it says, as JSON: extensions, and keywords that we do not know
}

// AnyVerb is the Verb of an operation that answers every verb without one of its own
// (x-amazon-apigateway-any-method).
const AnyVerb = "ANY"

// Name is the verb and the path: "GET /users/{id}".
func (o Operation) Name() string { return o.Verb + " " + o.Path }

// brief is what lists need.
func (o Operation) brief() Operation {
	return Operation{Verb: o.Verb, Path: o.Path, Slug: o.Slug, ID: o.ID, Summary: o.Summary, Tags: o.Tags, Deprecated: o.Deprecated, KeyRequired: o.KeyRequired}
}

// Parameter is a value that is sent outside the body. Type, Text, Example, Default and Enum are its schema's where it has none of its own.
type Parameter struct {
	Name       string   `json:"name"`
	In         string   `json:"in"` // path, query, header or cookie
	Required   bool     `json:"required,omitempty"`
	Deprecated bool     `json:"deprecated,omitempty"`
	Type       string   `json:"type,omitempty"` // in words: "integer (int32)", "array of string"
	Text       string   `json:"text,omitempty"` // Markdown
	Example    string   `json:"example,omitempty"`
	Default    string   `json:"default,omitempty"`
	Enum       []string `json:"enum,omitempty"`
	Style      string   `json:"style,omitempty"` // how several values are written, in words; empty: as is usual
	Schema     *Schema  `json:"schema,omitempty"`
	Extra      string   `json:"extra,omitempty"` // JSON
}

// Body is what is sent.
type Body struct {
	Required bool      `json:"required,omitempty"`
	Text     string    `json:"text,omitempty"` // Markdown
	Contents []Content `json:"contents,omitempty"`
	Extra    string    `json:"extra,omitempty"` // JSON
}

// Response is one answer that the document promises.
type Response struct {
	Status   string      `json:"status"`         // "200", "4XX", "default"
	Text     string      `json:"text,omitempty"` // Markdown
	Headers  []Parameter `json:"headers,omitempty"`
	Contents []Content   `json:"contents,omitempty"`
	Links    []Link      `json:"links,omitempty"`
	Extra    string      `json:"extra,omitempty"` // JSON
}

// Link says that an answer holds what another operation needs.
type Link struct {
	Name      string `json:"name"`
	Operation string `json:"operation,omitempty"` // operationId or reference
	Text      string `json:"text,omitempty"`      // Markdown
	Extra     string `json:"extra,omitempty"`     // JSON
}

// Content is one shape of a body.
type Content struct {
	MediaType string `json:"mediaType"`
	// Type is the shape of the whole in words: "object", "array of Pet", "string (binary)".
	Type string `json:"type,omitempty"`
	// Example is text as it would be sent: the document's own example, else one made of the schema; indented when it is JSON.
	Example  string    `json:"example,omitempty"`
	Examples []Example `json:"examples,omitempty"` // the named ones of the document, where there is more than one
	Schema   *Schema   `json:"schema,omitempty"`
	Extra    string    `json:"extra,omitempty"` // JSON
}

// Example is one of several.
type Example struct {
	Name  string `json:"name"` // with its summary
	Value string `json:"value"`
}

// Schema is what a value may be. One with a Ref is the model of that slug, and the rest is what stands beside the reference.
type Schema struct {
	Ref        string   `json:"ref,omitempty"`
	Type       string   `json:"type,omitempty"` // in words, naming the model where there is one
	Text       string   `json:"text,omitempty"` // Markdown
	Limits     []string `json:"limits,omitempty"`
	Enum       []string `json:"enum,omitempty"`
	Default    string   `json:"default,omitempty"`
	Example    string   `json:"example,omitempty"`
	ReadOnly   bool     `json:"readOnly,omitempty"`
	WriteOnly  bool     `json:"writeOnly,omitempty"`
	Deprecated bool     `json:"deprecated,omitempty"`

	Properties []Property `json:"properties,omitempty"`
	Required   []string   `json:"required,omitempty"` // of the properties, here or in other parts
	Items      *Schema    `json:"items,omitempty"`    // of a list
	AnyKey     *Schema    `json:"anyKey,omitempty"`   // of a map's values
	AllOf      []Schema   `json:"allOf,omitempty"`
	OneOf      []Schema   `json:"oneOf,omitempty"`
	AnyOf      []Schema   `json:"anyOf,omitempty"`

	Discriminator string            `json:"discriminator,omitempty"` // the property that tells which of OneOf or AnyOf it is
	Mapping       map[string]string `json:"mapping,omitempty"`       // its value -> slug of the model
	Extra         string            `json:"extra,omitempty"`         // the keywords that stand nowhere above, as JSON
}

// Property is a named part of an object.
type Property struct {
	Name   string `json:"name"`
	Schema Schema `json:"schema"`
}

// Model is a named schema.
type Model struct {
	Slug   string  `json:"slug"` // its name in addresses; unique in a document
	Name   string  `json:"name"`
	Type   string  `json:"type,omitempty"`
	Hidden bool    `json:"hidden,omitempty"` // it is referred to, but no model of its own
	Schema *Schema `json:"schema,omitempty"` // left out of lists
}

// Warning is something in the document that was read, or left out, although it is not as the specification wants it.
type Warning struct {
	Where string `json:"where"` // "line 12", an operation ("GET /pets"), or "the document"
	Text  string `json:"text"`  // a sentence for the API's owner
}

// ReadError says why a document was refused, for the person who brought it.
type ReadError struct {
	Line   int    `json:"line,omitempty"`   // from 1; 0 when no line is to blame
	Column int    `json:"column,omitempty"` // from 1, in characters; 0 when no column is known
	Reason string `json:"reason"`           // a sentence without its line

	cause error // what the reader said about it, for the log
}

// Error gives the reason with its line, for example "line 3, column 7: The key "get" appears twice."
func (e *ReadError) Error() string {
	switch {
	case e.Line == 0:
		return e.Reason
	case e.Column == 0:
		return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
	default:
		return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Reason)
	}
}

// Unwrap gives the fault that was met while reading, nil when our own rules refused the document.
func (e *ReadError) Unwrap() error { return e.cause }

// Bounds on a Description, so that a page and a row made of it stay small.
const (
	MaxOperations = 20_000
	MaxModels     = 2_000
	MaxWarnings   = 200
)
