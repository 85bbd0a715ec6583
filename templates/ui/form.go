package ui

import "github.com/a-h/templ"

// FieldProps is a labelled input. Value is the string as it was typed, so that a
// refused form shows what was sent.
type FieldProps struct {
	ID           string // "f-" + Name if empty; set it where two forms share a page
	Name, Label  string
	Value        string
	Type         string // text if empty
	Hint         string // below the input
	Error        string // replaces the hint and says how to fix it
	Autocomplete string // "email", "current-password", "new-password", "off", ...
	InputMode    string // "numeric", "decimal", ...
	Placeholder  string // an example, never the label
	Prefix       string // boxed text before the input
	Suffix       string // boxed text after it: "requests / second"
	MaxLength    int
	Min, Max     string
	Step         string
	Required     bool // marks the input; a field that is not required says so in its label
	Optional     bool // adds "optional" to the label
	Autofocus    bool
	Readonly     bool
	Disabled     bool
	Mono         bool // for ids, keys, paths
	HideLabel    bool // the label is only read aloud
	Datalist     []string
	Attrs        templ.Attributes
}

// SelectProps is a labelled list of choices.
type SelectProps struct {
	ID, Name, Label string
	Value           string
	Options         []Option
	Hint, Error     string
	HideLabel       bool
	Quiet           bool // sits in a toolbar
	Submit          bool // sends its form on change where scripts run
	Required        bool
	Disabled        bool
	Attrs           templ.Attributes
}

// Option is a choice of a select, of radios, or of option cards.
type Option struct {
	Value, Label string
	Hint         string // Radios and OptionCards
	Disabled     bool
}

// TextareaProps is a labelled text of several lines.
type TextareaProps struct {
	ID, Name, Label string
	Value           string
	Hint, Error     string
	Placeholder     string
	Rows            int // 4 if 0
	MaxLength       int
	Required        bool
	Optional        bool
	Mono            bool
	Attrs           templ.Attributes
}

// CheckProps is a checkbox or a toggle; Value is "on" if empty.
type CheckProps struct {
	ID, Name, Label string
	Value           string
	Hint            string
	Error           string
	Checked         bool
	Disabled        bool
	HideLabel       bool // Toggle: the label is only read aloud
	Attrs           templ.Attributes
}

// ChoiceProps is one choice of a few: Radios, OptionCards or Segmented.
type ChoiceProps struct {
	ID, Name, Label string // Label is the legend
	Value           string
	Options         []Option
	Hint, Error     string
	HideLabel       bool
	Attrs           templ.Attributes // on each input
}

// FieldError is a problem of one field, for ErrorSummary.
type FieldError struct {
	Field string // id of the input: "f-" + its name, unless the form set another
	Text  string
}

func id(given, name string) string {
	if given != "" {
		return given
	}
	return "f-" + name
}

// described is the id of what explains a field, or "".
func described(id, hint, problem string) string {
	switch {
	case problem != "":
		return id + "-error"
	case hint != "":
		return id + "-hint"
	}
	return ""
}

func orText(kind string) string {
	if kind == "" {
		return "text"
	}
	return kind
}

func orOn(value string) string {
	if value == "" {
		return "on"
	}
	return value
}

func rows(n int) int {
	if n == 0 {
		return 4
	}
	return n
}
