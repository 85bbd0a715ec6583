package public

import (
	"github.com/a-h/templ"

	"gatehouse/templates/ui"
)

// ReferenceView is a page of an API's reference: an overview, an operation, a model or the list of models.
type ReferenceView struct {
	Guides     []GuideLink // of the API, the first few
	MoreGuides string      // to all of them, where there are more

	Name, Version string
	APIHref       string
	Href          string // of the overview
	Query         string
	Crumbs        []ui.Crumb // in the column of the text: this page has no margin for them
	Stage         string     // the stage whose address is shown
	StageQuery    string     // keeps it in links; empty for the first
	Stages        []ui.Tab   // empty when there is one
	Groups        []OperationGroup
	MoreGroups    bool // there are more than Groups: the overview has them
	Webhooks      []OperationLine
	Models        int
	Total         int
	Document      bool   // a document stands behind the reference
	Markdown      string // address of this page as Markdown

	Overview  *OverviewView // one of these is set
	Operation *OperationView
	Model     *ModelView
	ModelList *ModelListView
}

// OperationGroup is the operations of one tag. One without Lines only links to its own list, so that the page of a large API
// stays small.
type OperationGroup struct {
	Name          string
	Text          SafeHTML
	Href          string
	Count         int
	Before, After int // operations that are not among Lines
	Lines         []OperationLine
	Extra         string // JSON
}

// OverviewView is the beginning of a reference.
type OverviewView struct {
	Text     SafeHTML
	KeyWords string
	Call     *CallView
	URL      string
	Made     bool   // by a form, without a document
	Tag      string // the only group that is shown
	Found    bool   // Groups and Models are what was searched for
	Groups   []OperationGroup
	Models   []ModelLine
	Next     string // the next page of a long group
	Facts    []FactView
	Schemes  []SchemeView
	Extra    string // JSON
}

// FactView is a line about an API.
type FactView struct{ Name, Text, Href string }

// SchemeView is a way in which the API itself knows its callers.
type SchemeView struct {
	Name, Type string
	Text       SafeHTML
	Extra      string // JSON
}

// ModelLine is a model in a list.
type ModelLine struct{ Name, Type, Href string }

// ModelListView is all models.
type ModelListView struct {
	Models []ModelLine
	More   int // that are not listed
}

// ModelView is one model.
type ModelView struct {
	Name, Type string
	Text       SafeHTML
	Value      FieldView // what it says of the whole
	Shape      ShapeView
	Uses       []OperationLine
}

// OperationView is one operation, or a call that the API makes.
type OperationView struct {
	Verb, Path, BaseURL string
	Title               string
	ID                  string // in the document; may be empty
	Tag, TagHref        string
	Hook                bool // the API makes this call
	Deprecated          bool
	Going               *GoingView // what the owner says of its end; nil: nothing
	KeyRequired         bool
	KeyWords            string
	Access              AccessView
	Plans               []OperationPlan
	Security            []string // alternatives that the document names
	Text                SafeHTML
	Docs                []FactView
	Parameters          []FieldGroup
	Body                *BodyView
	Responses           []ResponseView
	Gateway             []GatewayAnswer
	Callbacks           []OperationView
	Extra               string          // JSON
	Try                 templ.Component // a form that sends a request, and code, at the head of the third column; nil of a webhook
	Sample              templ.Component // an answer; nil: none
	SampleTitle         string
	Prev, Next          *OperationLine
}

// AccessView is what the reader may do with an operation.
type AccessView struct {
	SignedIn  bool
	PlansHref string
	Yours     []YourAccess
	Elsewhere []OperationPlan // plans that include it, where none of the reader's does
}

// Opened reports whether a plan of the reader includes the operation.
func (a AccessView) Opened() bool { return len(a.Yours) > 0 && a.Yours[0].Included }

// YourAccess is what a subscription of the reader says of an operation.
type YourAccess struct {
	Plan, App, Href string
	Included        bool
	Words           string // "50 requests a second", "calls get 403"
	Left            string // of the quota; may be empty
}

// allows is the end of a sentence: "50 requests a second, 900 left."
func (y YourAccess) allows() string {
	if y.Left == "" {
		return y.Words + "."
	}
	return y.Words + ", " + y.Left + "."
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
	Name, Type, TypeHref string
	Required             bool
	Marks                []string // "read-only"
	Text                 SafeHTML
	Limits               []string // "1 to 100"
	Example, Default     string
	Enum                 []string
	Fields               []FieldView // of a parameter that is an object
	MoreHref             string      // where its own fields are, which are not here
	Choice               string      // "One of"
	Variants             []VariantView
	Extra                string // JSON
}

// Said reports whether there is anything besides the name.
func (f FieldView) Said() bool {
	return f.Default != "" || f.Example != "" || len(f.Enum) > 0 || len(f.Limits) > 0
}

// ShapeView is the rows of a schema.
type ShapeView struct {
	Fields   []FieldView
	Choice   string // "One of"
	Variants []VariantView
	MoreHref string // the model's page, where there is more than here
	Again    bool   // the rows stand on this page already
	Extra    string // JSON
}

// VariantView is one thing that a value may be.
type VariantView struct {
	Name, Href string
	When       string // what tells it apart
	Text       SafeHTML
	Shape      ShapeView
}

// BodyView is what is sent.
type BodyView struct {
	Required bool
	Text     SafeHTML
	Contents []ContentView
	Extra    string // JSON
}

// ContentView is one shape of a body.
type ContentView struct {
	ID             string // unique in the page
	Title          string // "200 application/json", unique too
	MediaTypes     []string
	Type, TypeHref string
	Shape          ShapeView
	Example        templ.Component // nil: none
	Examples       []ExampleView   // where there are several
	Extra          string          // JSON
}

// ExampleView is one of several.
type ExampleView struct {
	ID, Name string
	Code     templ.Component
}

// ResponseView is an answer that the document promises.
type ResponseView struct {
	Status   string
	Code     int // 0: Status is no number
	Open     bool
	Text     SafeHTML
	Headers  []FieldView
	Contents []ContentView
	Links    []LinkView
	Extra    string // JSON
}

// LinkView says that an answer holds what another operation needs.
type LinkView struct {
	Name, Operation, Href string
	Text                  SafeHTML
	Extra                 string // JSON
}

// GatewayAnswer is an answer that comes from the gateway.
type GatewayAnswer struct {
	Status      int
	Title, Text string
	Headers     string // that it carries; may be empty
}

// GoingView is what an owner says of the end of an operation.
type GoingView struct {
	Words           string // when it goes
	Note            string
	Successor, Link string // addresses; Successor may be empty
}
