package public

import (
	"gatehouse/templates/answer"
	"gatehouse/templates/ui"
)

// TryView is the form that sends a request of an operation.
type TryView struct {
	Action  string
	Blocked *TryBlock // why nothing can be sent; nil: it can

	Key      string
	Keys     []ui.Option // empty: the operation needs no key
	KeyError string
	Notice   *TryBlock // of a key that is at its limit

	Method      string
	Methods     []ui.Option // of an operation that answers every verb
	Fields      []TryField
	Query       *TryField // where nothing is known of the parameters
	Kind        string
	Kinds       []ui.Option // of bodies
	KindTyped   bool        // any may be typed
	KindError   string
	Body        *string // nil: the operation has none that is typed as text
	Form        string  // the type of a body that has fields, which are Parts; "" for none
	Parts       []TryField
	Files       bool // some of them are files
	BodyError   string
	BodyNeeded  bool
	Unsent      string // what of the operation cannot be filled in here
	Costs       string // "Counts against the quota of the key"
	AnyRequired bool
}

// TryBlock says why nothing can be sent, and what to do.
type TryBlock struct {
	Text        string
	Href, Label string // a link to the next step; empty: none
	More        []TryLink
}

// TryLink is a further line with a link.
type TryLink struct{ Text, Href, Label string }

// TryField is a parameter to fill in.
type TryField struct {
	ID, Name, Label string
	Value           string
	Placeholder     string
	Required        bool
	Options         []ui.Option // empty: it is typed
	File, Several   bool        // a file is chosen, or several
	Hint            string
	Error           string
}

// TriedView is what a request of the form changed on the page.
type TriedView struct {
	Try      TryView
	Snippets []ui.Snippet
	Answer   *answer.View // nil: nothing came, since nothing was sent
	Sent     bool         // what stands there as an answer goes
	Typing   bool         // the form stays as it is
}
