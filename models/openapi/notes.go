package openapi

import (
	"fmt"

	"github.com/pb33f/go-yaml"
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

func (n *notes) list() []Warning {
	if n.more > 0 {
		return append(n.warnings, Warning{Where: whole, Text: fmt.Sprintf("There are %d more warnings.", n.more)})
	}
	return n.warnings
}
