package public

import (
	"github.com/a-h/templ"

	"gatehouse/templates/ui"
)

// ReferenceView is an API's reference: an overview, or one operation.
type ReferenceView struct {
	Name, Version string
	APIHref       string
	Href          string // of the overview
	Query         string
	Crumbs        []ui.Crumb // in the column of the text: this page has no margin for them
	Stage         string     // the stage whose address is shown
	Stages        []ui.Tab   // empty when there is one
	Groups        []OperationGroup
	Total         int
	Overview      *OverviewView // nil: Operation is set
	Operation     *OperationView
}

// OperationGroup is the operations of one tag. One without Lines only links to its own list, so that the page of a large API
// stays small.
type OperationGroup struct {
	Name  string
	Text  SafeHTML
	Href  string
	Count int
	Open  bool
	Lines []OperationLine
}

// OverviewView is the beginning of a reference.
type OverviewView struct {
	Text     SafeHTML
	KeyWords string
	Call     *CallView
	URL      string
	Made     bool // by a form, without a document
}

// OperationView is one operation.
type OperationView struct {
	Verb, Path, BaseURL string
	Title               string
	Deprecated          bool
	KeyRequired         bool
	KeyWords            string
	Plans               []OperationPlan
	Text                SafeHTML
	Parameters          []FieldGroup
	Body                *BodyView
	Responses           []ResponseView
	Try                 templ.Component // a form that sends a request, at the head of the third column; nil: none
	Snippets            []ui.Snippet
	Sample              templ.Component // an answer; nil: none
	SampleTitle         string
	Prev, Next          *OperationLine
}

// OperationPlan says what a plan does with an operation.
type OperationPlan struct {
	Name, Href string
	Words      string // "50 requests a second", "not included"
	Included   bool
}

// FieldGroup is rows of one kind: path parameters, the fields of a body.
type FieldGroup struct {
	Title string
	Rows  []FieldView
}

// FieldView is a parameter, or a field of a body.
type FieldView struct {
	Name, Type       string
	Required         bool
	Text             SafeHTML
	Example, Default string
	Enum             []string
}

// BodyView is what a caller sends.
type BodyView struct {
	Required bool
	Text     SafeHTML
	Contents []ContentView
}

// ContentView is one shape of a body.
type ContentView struct {
	ID              string // unique in the page
	Title           string // "200 application/json", unique too
	MediaType, Type string
	Rows            []FieldView
	Example         templ.Component // nil: none
}

// ResponseView is an answer that the document promises.
type ResponseView struct {
	Status   string
	Code     int // 0: Status is no number
	Open     bool
	Text     SafeHTML
	Contents []ContentView
}
