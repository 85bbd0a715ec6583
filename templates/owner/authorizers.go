package owner

import (
	"time"

	"gatehouse/templates/ui"
)

// AuthorizersView is who decides about the callers of an API's methods.
type AuthorizersView struct {
	API, Href   string // Href is of this page
	Rows        []AuthorizerRow
	Full        bool // there is no room for another
	Default     string
	Defaults    []ui.Option
	Choices     []ui.Option // for methods
	Query, From string
	Methods     []AuthorizedMethod
	Pages       ui.Pages
}

// AuthorizerRow is an authorizer in the list.
type AuthorizerRow struct {
	Name, Href, Kind, What, Uses string
}

// AuthorizedMethod is a method with who decides about its callers.
type AuthorizedMethod struct {
	ID, Verb, Path, Name, By, Scopes string
	None                             bool
	Key                              bool
}

// AuthorizerView is the form of one, and what can be tried with it.
type AuthorizerView struct {
	API, List, Action   string
	Name                string // empty: it is a new one
	JWT                 bool
	Algorithms          []string
	HasSecret           bool
	Open                bool // what is rarely changed has a mistake
	Flush, Delete, Test string
	Uses                string
	Saved               time.Time
	Now                 time.Time
	Sources             []string // what a trial is asked for: names of headers and parameters
	Trial               *AuthorizerTrial
}

// AuthorizerTrial is what came of a trial.
type AuthorizerTrial struct {
	Kind   ui.Kind
	Words  string
	Detail string
	Facts  []ui.Definition
}
