package openapi

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pb33f/go-yaml"
	"github.com/pb33f/libopenapi/index"
)

// whole is where a warning is that has no line.
const whole = "the document"

// notes collects warnings, each once, at most MaxWarnings of them.
type notes struct {
	warnings []Warning
	seen     map[Warning]bool
	more     int
}

func (n *notes) add(where, format string, args ...any) {
	w := Warning{Where: word(where, maxSummary), Text: word(fmt.Sprintf(format, args...), maxSummary)}
	switch {
	case n.seen[w]:
	case len(n.warnings) == MaxWarnings-1: // the last place is for the count of the rest
		n.more++
	default:
		if n.seen == nil {
			n.seen = map[Warning]bool{}
		}
		n.seen[w] = true
		n.warnings = append(n.warnings, w)
	}
}

func (n *notes) at(node *yaml.Node, format string, args ...any) {
	n.add(fmt.Sprintf("line %d", node.Line), format, args...)
}

// library adds what the library found, which it joins into one error.
func (n *notes) library(err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, each := range joined.Unwrap() {
			n.library(each)
		}
		return
	}
	var resolving *index.ResolvingError
	var indexing *index.IndexingError
	switch {
	case errors.As(err, &resolving) && resolving.Node != nil:
		n.at(resolving.Node, "%s", err)
	case errors.As(err, &indexing) && indexing.Node != nil:
		n.at(indexing.Node, "%s", err)
	default:
		n.add(whole, "%s", err)
	}
}

// clone lets a document be described a second time without its warnings being counted twice.
func (n *notes) clone() *notes {
	return &notes{warnings: slices.Clone(n.warnings), seen: maps.Clone(n.seen), more: n.more}
}

func (n *notes) list() []Warning {
	if n.more > 0 {
		return append(n.warnings, Warning{Where: whole, Text: fmt.Sprintf("There are %d more warnings.", n.more)})
	}
	return n.warnings
}
