package ui

// Confirm is a question before something that cannot be undone, or that hurts. The
// page is complete without scripts; a LinkButton with Dialog shows the same form
// as a dialog.
type Confirm struct {
	Title   string // a question: "Revoke ios-production?"
	Text    string // what stops working
	Action  string // the form posts to it
	Button  string // a verb and its object: "Revoke key"
	Danger  bool
	Cancel  string // href back
	Hidden  []Pair // values that travel with the form
	Typed   string // what must be typed to go on, in a field named "confirm"; empty for none
	Problem string // why the last try was refused
}

// Pair is a hidden value of a form.
type Pair struct{ Name, Value string }

// Plan is a usage plan as developers see it.
type Plan struct {
	Name     string
	Text     string
	Price    string // "€49"; the owner's own words
	Unit     string // "/ month"
	Badge    string // "Most chosen", "Your plan"
	Features []string
	Href     string // of the button; empty for none
	Button   string
	Primary  bool
	Note     string // in place of the button: "Invited only"
}
