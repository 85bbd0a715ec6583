package openapi

import "fmt"

// Description is what an API's document says, in our own words: plain data that survives JSON both ways, with every
// reference resolved. The zero value describes an API about which nothing is known. All text is as the document's
// author wrote it, so it is not to be trusted: escape it, and pass Markdown through the sanitiser.
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
	Models     []Model     `json:"models,omitempty"`     // named schemas, in document order, at most MaxModels
	Warnings   []Warning   `json:"warnings,omitempty"`   // at most MaxWarnings
}

// Tag groups operations, which name it.
type Tag struct {
	Name string `json:"name"`
	Text string `json:"text,omitempty"` // Markdown
}

// Operation is one verb on one path.
type Operation struct {
	// Verb is in upper case: GET, PUT, POST, DELETE, OPTIONS, HEAD, PATCH, TRACE, or AnyVerb.
	Verb string `json:"verb"`
	// Path is a template that begins with "/": literal segments, {param}, and a greedy {proxy+} at the end.
	Path string `json:"path"`

	ID         string   `json:"id,omitempty"` // operationId
	Summary    string   `json:"summary,omitempty"`
	Text       string   `json:"text,omitempty"` // Markdown
	Tags       []string `json:"tags,omitempty"`
	Deprecated bool     `json:"deprecated,omitempty"`

	// KeyRequired says that no alternative of the operation's security (its own, else the document's) is empty, and
	// that there is at least one.
	KeyRequired bool `json:"keyRequired"`

	Parameters []Parameter `json:"parameters,omitempty"` // the path's and the operation's own, bodies excepted
	Body       *Body       `json:"body,omitempty"`
	Responses  []Response  `json:"responses,omitempty"` // in document order, "default" last
}

// AnyVerb is the Verb of an operation that answers every verb without one of its own
// (x-amazon-apigateway-any-method).
const AnyVerb = "ANY"

// Parameter is a value that a caller sends outside the body.
type Parameter struct {
	Name     string   `json:"name"`
	In       string   `json:"in"` // path, query, header or cookie
	Required bool     `json:"required,omitempty"`
	Type     string   `json:"type,omitempty"` // in words: "integer (int32)", "array of string"
	Text     string   `json:"text,omitempty"` // Markdown
	Example  string   `json:"example,omitempty"`
	Default  string   `json:"default,omitempty"`
	Enum     []string `json:"enum,omitempty"`
}

// Body is what a caller sends.
type Body struct {
	Required bool      `json:"required,omitempty"`
	Text     string    `json:"text,omitempty"` // Markdown
	Contents []Content `json:"contents,omitempty"`
}

// Response is one answer that the document promises.
type Response struct {
	Status   string    `json:"status"`         // "200", "4XX", "default"
	Text     string    `json:"text,omitempty"` // Markdown
	Contents []Content `json:"contents,omitempty"`
}

// Content is one shape of a body.
type Content struct {
	MediaType string `json:"mediaType"`
	// Type is the shape of the whole in words: "object", "array of Pet", "string (binary)".
	Type string `json:"type,omitempty"`
	// Example is text as it would be sent: the document's own example, indented when it is JSON. Empty when it has
	// none.
	Example string  `json:"example,omitempty"`
	Fields  []Field `json:"fields,omitempty"`
}

// Field is one row of a schema. Name is dotted from the top, with [] for an element of an array and {} for any key of
// a map: "owner.pets[].name".
type Field struct {
	Name     string   `json:"name"`
	Type     string   `json:"type,omitempty"` // in words, naming the model where there is one
	Required bool     `json:"required,omitempty"`
	Text     string   `json:"text,omitempty"` // Markdown
	Enum     []string `json:"enum,omitempty"`
	Default  string   `json:"default,omitempty"`
	Example  string   `json:"example,omitempty"`
}

// Model is a named schema.
type Model struct {
	Name   string  `json:"name"`
	Type   string  `json:"type,omitempty"`
	Text   string  `json:"text,omitempty"` // Markdown
	Fields []Field `json:"fields,omitempty"`
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
