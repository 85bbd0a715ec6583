package validation

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

const (
	// MaxFaults is how many faults of a request are told.
	MaxFaults = 20
	// maxName is bytes of a name that a request sent and that is told back.
	maxName = 64
	// maxPointer is bytes of a pointer that is told.
	maxPointer = 256
	// maxWanted is bytes of what a document wants, where it is told.
	maxWanted = 120
)

// Fault is something in a request that the document does not allow.
type Fault struct {
	In      string `json:"in"`                // path, query, header or body
	Name    string `json:"name,omitempty"`    // of a parameter
	Pointer string `json:"pointer,omitempty"` // into the value (RFC 6901)
	Detail  string `json:"detail"`            // a sentence without its subject: "is missing"
}

// faults makes a judgement of the library one of ours: the deepest causes, but of alternatives only that none fits.
func faults(where Fault, err *jsonschema.ValidationError) (all []Fault) {
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(all) == MaxFaults {
			return
		}
		text, leaf := sentence(e.ErrorKind)
		if !leaf && len(e.Causes) > 0 {
			for _, cause := range e.Causes {
				walk(cause)
			}
			return
		}
		f := where
		f.Pointer = pointer(e.InstanceLocation)
		f.Detail = text
		if !slices.Contains(all, f) {
			all = append(all, f)
		}
	}
	walk(err)
	return all
}

func pointer(parts []string) string {
	var b strings.Builder
	for _, part := range parts {
		b.WriteByte('/')
		b.WriteString(short(strings.ReplaceAll(strings.ReplaceAll(part, "~", "~0"), "/", "~1"), maxName))
		if b.Len() > maxPointer {
			return short(b.String(), maxPointer)
		}
	}
	return b.String()
}

// sentence says what the document wants. It is no leaf when its causes say more.
func sentence(k jsonschema.ErrorKind) (text string, leaf bool) {
	switch k := k.(type) {
	case *kind.Type:
		return fmt.Sprintf("is %s, and must be %s", k.Got, strings.Join(k.Want, " or ")), true
	case *kind.Required:
		return "has no " + list(k.Missing), true
	case *kind.Dependency:
		return "has no " + list(k.Missing), true
	case *kind.DependentRequired:
		return "has no " + list(k.Missing), true
	case *kind.AdditionalProperties:
		return "must not have " + list(k.Properties), true
	case *kind.PropertyNames:
		return "must not have a property of the name " + quoted(k.Property), true
	case *kind.Enum:
		return "is none of the values that are allowed: " + wanted(k.Want), true
	case *kind.Const:
		return "is not the value that is allowed: " + wanted([]any{k.Want}), true
	case *kind.Pattern:
		return "does not match the pattern " + short(k.Want, maxWanted), true
	case *kind.MinLength:
		return fmt.Sprintf("is shorter than %d characters", k.Want), true
	case *kind.MaxLength:
		return fmt.Sprintf("is longer than %d characters", k.Want), true
	case *kind.MinItems:
		return fmt.Sprintf("has less than %d items", k.Want), true
	case *kind.MaxItems:
		return fmt.Sprintf("has more than %d items", k.Want), true
	case *kind.MinProperties:
		return fmt.Sprintf("has less than %d properties", k.Want), true
	case *kind.MaxProperties:
		return fmt.Sprintf("has more than %d properties", k.Want), true
	case *kind.UniqueItems:
		return fmt.Sprintf("has the same item twice, at %d and %d", k.Duplicates[0], k.Duplicates[1]), true
	case *kind.Minimum:
		return "is less than " + number(k.Want), true
	case *kind.Maximum:
		return "is more than " + number(k.Want), true
	case *kind.ExclusiveMinimum:
		return "is not more than " + number(k.Want), true
	case *kind.ExclusiveMaximum:
		return "is not less than " + number(k.Want), true
	case *kind.MultipleOf:
		return "is no multiple of " + number(k.Want), true
	case *kind.FalseSchema:
		return "is not allowed", true
	case *kind.AnyOf:
		return "fits none of the alternatives", true
	case *kind.OneOf:
		if len(k.Subschemas) > 0 {
			return "fits more than one of the alternatives, where one is allowed", true
		}
		return "fits none of the alternatives", true
	case *kind.Not:
		return "has a form that is not allowed", true
	case *kind.Contains, *kind.MinContains, *kind.MaxContains:
		return "does not have the items that it must have", true
	default:
		return "is not as the API's description has it", false
	}
}

func number(r *big.Rat) string {
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}

func quoted(s string) string { return strconv.Quote(short(s, maxName)) }

// list names some names.
func list(names []string) string {
	names = slices.Sorted(slices.Values(names))
	var out []string
	for i, name := range names {
		if i == 5 {
			out = append(out, "and more")
			break
		}
		out = append(out, quoted(name))
	}
	return strings.Join(out, ", ")
}

func wanted(values []any) string {
	var out []string
	for _, v := range values {
		out = append(out, fmt.Sprint(v))
		if len(out) == 10 {
			break
		}
	}
	return short(strings.Join(out, ", "), maxWanted)
}
