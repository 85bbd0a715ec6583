package owner

import (
	"strings"

	"github.com/a-h/templ"

	"gatehouse/templates/ui"
)

// Fields is a form: what was typed, and what is wrong with it.
type Fields interface {
	Get(name string) string
	Has(name, value string) bool
	Checked(name string) bool
	Error(name string) string
	Message() string // above the form; may be empty
}

// problems lists the mistakes of a long form for its head, in the order of its fields; a field's input has the id "f-" and its name.
func problems(f Fields, names ...string) []ui.FieldError {
	var out []ui.FieldError
	for _, name := range names {
		if text := f.Error(name); text != "" {
			out = append(out, ui.FieldError{Field: fieldID(name), Text: text})
		}
	}
	if len(out) == 0 && f.Message() != "" {
		out = append(out, ui.FieldError{Text: f.Message()})
	}
	return out
}

// fieldID is the id of an input: names of methods' fields have dots.
func fieldID(name string) string { return "f-" + strings.ReplaceAll(name, ".", "-") }

// split cuts a key's hint into its beginning and its last four characters.
func split(hint string) (prefix, last string) {
	prefix, last, _ = strings.Cut(hint, "…")
	return prefix, last
}

// Option makes the choices of a select from pairs of value and label.
func options(pairs ...string) []ui.Option {
	out := make([]ui.Option, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, ui.Option{Value: pairs[i], Label: pairs[i+1]})
	}
	return out
}

// foot leads through a list; a list that is on one page has none.
func foot(p ui.Pages) templ.Component {
	if p == (ui.Pages{}) {
		return nil
	}
	return ui.Pagination(p)
}
