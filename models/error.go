package models

import (
	"errors"
	"sort"
	"strings"
)

// Kind says what sort of mistake an Error is; each face maps kinds to its own status codes.
type Kind uint8

// The kinds of errors that people may see. KindNone is invalid.
const (
	KindNone     Kind = iota
	KindInvalid       // the input breaks a rule; Fields says where
	KindNotFound      // there is no such thing, or it is not the caller's
	KindConflict      // legal by itself, but not beside what exists now
	KindDenied        // known and visible, but not allowed to this role or in this state
	KindTooMany       // too many attempts; try later
	KindGone          // there was such a thing, but it is not kept any more
)

// Error is an error for people: Message is a sentence that says what to do. Every other error is a fault of ours and is never shown.
type Error struct {
	Kind    Kind
	Message string
	// Fields maps the name of a form field to its sentence. Names are the ones that the rule's doc comment lists.
	Fields map[string]string
}

// Error returns the message and, in a stable order, the fields that say more.
func (e *Error) Error() string {
	parts := make([]string, 0, len(e.Fields))
	for name, text := range e.Fields {
		if text != e.Message {
			parts = append(parts, name+": "+text)
		}
	}
	sort.Strings(parts)
	switch {
	case len(parts) == 0:
		return e.Message
	case e.Message == "":
		return strings.Join(parts, "; ")
	}
	return e.Message + " (" + strings.Join(parts, "; ") + ")"
}

// Invalid returns an Error of KindInvalid for one field.
func Invalid(field, message string) *Error {
	return &Error{Kind: KindInvalid, Message: message, Fields: map[string]string{field: message}}
}

// NotFound returns an Error of KindNotFound: "There is no <what> here."
func NotFound(what string) *Error {
	return &Error{Kind: KindNotFound, Message: "There is no such " + what + "."}
}

// Conflict returns an Error of KindConflict.
func Conflict(message string) *Error { return &Error{Kind: KindConflict, Message: message} }

// Denied returns an Error of KindDenied.
func Denied(message string) *Error { return &Error{Kind: KindDenied, Message: message} }

// Gone returns an Error of KindGone.
func Gone(message string) *Error { return &Error{Kind: KindGone, Message: message} }

// Sentence returns the message of the Error in err's chain, or "" when err is a fault of ours.
func Sentence(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Message
	}
	return ""
}

// KindOf returns the kind of the Error in err's chain, or KindNone when err is a fault of ours.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindNone
}

// Problems collects field errors while a value is validated. The zero value is ready.
type Problems struct{ fields map[string]string }

// Add notes a sentence at a field; the first one at a field wins.
func (p *Problems) Add(field, message string) {
	if p.fields == nil {
		p.fields = map[string]string{}
	}
	if _, ok := p.fields[field]; !ok {
		p.fields[field] = message
	}
}

// Join adds the fields of errors that other rules returned; nil ones are fine.
func (p *Problems) Join(errs ...error) {
	for _, err := range errs {
		var e *Error
		if errors.As(err, &e) {
			for field, message := range e.Fields {
				p.Add(field, message)
			}
		}
	}
}

// Err returns an Error of KindInvalid with all fields, or nil when there are none.
func (p *Problems) Err() error {
	if len(p.fields) == 0 {
		return nil
	}
	message := "Please mend what is marked."
	if len(p.fields) == 1 {
		for _, text := range p.fields {
			message = text
		}
	}
	return &Error{Kind: KindInvalid, Message: message, Fields: p.fields}
}
