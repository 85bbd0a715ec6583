package models

import (
	"fmt"
	"regexp"
	"strings"
)

// TemplatePiece is a part of a mapping template: text, or where a value comes from.
type TemplatePiece struct {
	Text    string  // where Value is from nowhere
	Value   Mapping // from a parameter, the body, the stage's variables or the context
	Escaped bool    // for a JavaScript string: $util.escapeJavaScript
}

// maxTemplate is AWS's.
const maxTemplate = 300 << 10

// Of VTL, what templates may have and what is refused by its name. Whatever else there is of # and $ is text, as in VTL.
var (
	directive = regexp.MustCompile(`^#(?:\{?(?:set|if|elseif|else|end|foreach|include|parse|stop|break|macro|define|evaluate)\b|#|\*|\[\[)`)
	reference = regexp.MustCompile(`^\$!?\{?!?[A-Za-z_][A-Za-z0-9_-]*`)
	plainPath = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)*`)
	parameter = regexp.MustCompile(`^input\.params\(\s*(?:'([^'$#]*)'|"([^"$#]*)")\s*\)`)
	wholeBody = regexp.MustCompile(`^input\.(?:body|json\(\s*(?:'\$'|"\$")\s*\))`)
	escaping  = regexp.MustCompile(`^util\.escapeJavaScript\(\s*\$`)
)

// CheckTemplate refuses a mapping template that the gateway cannot render. Field "template".
func CheckTemplate(text string) error {
	_, err := ParseTemplate(text)
	return err
}

// ParseTemplate reads a mapping template: text with $context.name, $stageVariables.name, $input.params('name'), $input.body, $input.json('$') for a body that
// passes as it is, and $util.escapeJavaScript around one of them; each also as ${…}. The error, at the field "template", names what else there is of VTL.
func ParseTemplate(text string) (pieces []TemplatePiece, err error) {
	if len(text) > maxTemplate {
		return nil, Invalid("template", fmt.Sprintf("A mapping template has at most %d KiB.", maxTemplate>>10))
	}
	plain := 0 // where text began that is not in pieces yet
	for i := 0; i < len(text); {
		switch text[i] {
		case '#':
			if found := directive.FindString(text[i:]); found != "" {
				return nil, unsupported(found)
			}
		case '$':
			name := reference.FindString(text[i:])
			if name == "" {
				break
			}
			if i > 0 && text[i-1] == '\\' {
				return nil, unsupported(`\` + name)
			}
			piece, length := readReference(text[i:])
			if length == 0 {
				return nil, unsupported(refused(text[i:], name))
			}
			if plain < i {
				pieces = append(pieces, TemplatePiece{Text: text[plain:i]})
			}
			pieces = append(pieces, piece)
			i += length
			plain = i
			continue
		}
		i++
	}
	if plain < len(text) {
		pieces = append(pieces, TemplatePiece{Text: text[plain:]})
	}
	return pieces, nil
}

func unsupported(what string) error {
	return Invalid("template", "The mapping template has "+cutLine(what, 80)+", which Gatehouse does not do. A template is text with $context.name, $stageVariables.name, "+
		"$input.params('name'), $input.body and $util.escapeJavaScript(...).")
}

// refused is what a message shows of a reference: up to the first blank.
func refused(rest, name string) string {
	if end := strings.IndexAny(rest[len(name):], " \t\r\n\"',;)"); end >= 0 {
		return rest[:len(name)+end]
	}
	return rest
}

// readReference reads what begins with a $; length 0: it is not supported.
func readReference(s string) (p TemplatePiece, length int) {
	rest := strings.TrimPrefix(s[1:], "!")
	rest, braced := strings.CutPrefix(rest, "{")
	body, n := readValue(rest)
	if n == 0 {
		if begin := escaping.FindString(rest); begin != "" {
			if body, n = readInner(rest[len(begin)-1:]); n > 0 {
				body.Escaped = true
				n += len(begin) - 1
			}
		}
	}
	if n == 0 {
		return p, 0
	}
	rest = rest[n:]
	switch {
	case braced && !strings.HasPrefix(rest, "}"):
		return p, 0
	case braced:
		rest = rest[1:]
	case continues(rest, s[:len(s)-len(rest)]):
		return p, 0 // of a method or an index, which VTL would look for
	}
	return body, len(s) - len(rest)
}

// readInner reads the argument of a function and what closes it.
func readInner(s string) (p TemplatePiece, length int) {
	rest, braced := strings.CutPrefix(s[1:], "{")
	p, n := readValue(rest)
	if n == 0 {
		return p, 0
	}
	rest = rest[n:]
	if braced {
		after, closed := strings.CutPrefix(rest, "}")
		if !closed {
			return p, 0
		}
		rest = after
	}
	rest, closed := strings.CutPrefix(strings.TrimLeft(rest, " "), ")")
	if !closed {
		return p, 0
	}
	return p, len(s) - len(rest)
}

// readValue reads what a value comes from, behind its $.
func readValue(s string) (p TemplatePiece, length int) {
	if found := parameter.FindStringSubmatch(s); found != nil {
		name := found[1] + found[2]
		if !parameterName.MatchString(name) {
			return p, 0
		}
		return TemplatePiece{Value: Mapping{FromParameter, name}}, len(found[0])
	}
	if found := wholeBody.FindString(s); found != "" {
		return TemplatePiece{Value: Mapping{FromBody, ""}}, len(found)
	}
	found := plainPath.FindString(s)
	if m, ok := ParseMapping(found); ok && (m.From == FromContext || m.From == FromVariable) {
		return TemplatePiece{Value: m}, len(found)
	}
	return p, 0
}

// continues reports whether a reference that has no braces goes on in a way that VTL would read.
func continues(rest, reference string) bool {
	switch {
	case rest == "":
		return false
	case rest[0] == '(' || rest[0] == '[':
		return true
	case rest[0] == '.':
		return len(rest) > 1 && isLetter(rest[1])
	default:
		return !strings.HasSuffix(reference, ")") && (isLetter(rest[0]) || rest[0] == '-' || rest[0] == '_' || rest[0] >= '0' && rest[0] <= '9')
	}
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
