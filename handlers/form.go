package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/models"
)

// Form is what a person typed, exactly, and what is wrong with it, by field. A page is drawn from a Form both before anything was typed and
// after a mistake, so that nothing is lost.
type Form struct {
	values  url.Values
	errors  map[string]string
	message string
	file    func(field string) ([]byte, error)
	files   func(field string) ([]sentFile, error)
}

// NewForm returns a form with the given field values to begin with: name, value, name, value …
func NewForm(pairs ...string) *Form {
	f := &Form{values: url.Values{}, errors: map[string]string{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.values.Set(pairs[i], pairs[i+1])
	}
	return f
}

// Get returns the text in a field as it was typed.
func (f *Form) Get(name string) string { return f.values.Get(name) }

// Trimmed returns the text in a field without blanks around it.
func (f *Form) Trimmed(name string) string { return strings.TrimSpace(f.Get(name)) }

// All returns every value of a field that may stand several times.
func (f *Form) All(name string) []string { return f.values[name] }

// Checked reports whether a box is ticked.
func (f *Form) Checked(name string) bool { return f.Get(name) != "" }

// Has reports whether one of a field's values is the given one.
func (f *Form) Has(name, value string) bool {
	return slices.Contains(f.values[name], value)
}

// Set puts a value into a field.
func (f *Form) Set(name, value string) { f.values.Set(name, value) }

// Add puts another value into a field that may stand several times.
func (f *Form) Add(name, value string) { f.values.Add(name, value) }

// Over returns f with the fields that it lacks as they are in saved: of a page with several forms one is sent.
func (f *Form) Over(saved *Form) *Form {
	for name, values := range saved.values {
		if !f.values.Has(name) {
			f.values[name] = values
		}
	}
	return f
}

// File returns an uploaded file, or nil when none was chosen.
func (f *Form) File(name string) ([]byte, error) {
	if f.file == nil {
		return nil, nil
	}
	return f.file(name)
}

// sentFile is a file that was sent with a form.
type sentFile struct {
	name, kind string // as the browser says
	data       []byte
}

// Files returns the files that were chosen in a field.
func (f *Form) Files(name string) ([]sentFile, error) {
	if f.files == nil {
		return nil, nil
	}
	return f.files(name)
}

// Error returns the sentence at a field, or "".
func (f *Form) Error(name string) string { return f.errors[name] }

// Errors returns the sentences by field.
func (f *Form) Errors() map[string]string { return f.errors }

// Message returns the sentence above the form, or "".
func (f *Form) Message() string { return f.message }

// Fail notes a mistake at a field.
func (f *Form) Fail(field, message string) {
	if f.errors[field] == "" {
		f.errors[field] = message
	}
}

// OK reports whether no mistake was noted.
func (f *Form) OK() bool { return len(f.errors) == 0 && f.message == "" }

// Accept notes a person's mistake and reports whether err was one: invalid input, a conflict with what exists, a refusal or too many
// attempts. What is not there and faults of ours are not the form's to show. A nil err is nothing to note.
func (f *Form) Accept(err error) bool {
	var e *models.Error
	if !errors.As(err, &e) || e.Kind == models.KindNotFound {
		return false
	}
	for field, message := range e.Fields {
		f.Fail(field, message)
	}
	if len(e.Fields) == 0 || len(e.Fields) > 1 {
		f.message = e.Message
	}
	return true
}

func tooLarge(err error) bool {
	var e *http.MaxBytesError
	return errors.As(err, &e)
}
