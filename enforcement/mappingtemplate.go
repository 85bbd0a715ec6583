package enforcement

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"gatehouse/models"
)

// template is a mapping template made ready.
type template struct {
	pieces []piece
}

// piece is text, or a value in it.
type piece struct {
	text    string
	value   *source // nil: it is text
	escaped bool
}

// templates makes those of a map ready, by media type in lower case.
func (c *mapper) templates(all map[string]string) map[string]*template {
	if len(all) == 0 {
		return nil
	}
	ready := make(map[string]*template, len(all))
	for kind, text := range all {
		pieces, err := models.ParseTemplate(text)
		if err != nil {
			c.fail("it has a mapping template that the gateway cannot render")
		}
		t := &template{}
		for _, p := range pieces {
			made := piece{text: p.Text, escaped: p.Escaped}
			if p.Value.From != models.FromNowhere {
				value := c.ready(p.Value)
				made.value = &value
			}
			t.pieces = append(t.pieces, made)
		}
		ready[strings.ToLower(kind)] = t
	}
	return ready
}

// render writes a template.
func (q *request) render(t *template, body []byte) []byte {
	var b []byte
	for i := range t.pieces {
		p := &t.pieces[i]
		if p.value == nil {
			b = append(b, p.text...)
			continue
		}
		value, _ := q.value(p.value, nil, body)
		if p.escaped {
			b = appendEscaped(b, value)
		} else {
			b = append(b, value...)
		}
	}
	return b
}

// appendEscaped writes what stands between the quotes of a string of JavaScript.
func appendEscaped(b []byte, s string) []byte {
	for _, r := range s {
		switch {
		case r == '\'' || r == '"' || r == '\\' || r == '/':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r < ' ' || r > '~':
			for _, unit := range utf16.Encode([]rune{r}) {
				b = fmt.Appendf(b, `\u%04X`, unit)
			}
		default:
			b = append(b, byte(r))
		}
	}
	return b
}

// refersToBody reports whether a template has something of the body in it.
func (t *template) refersToBody() bool {
	return slices.ContainsFunc(t.pieces, func(p piece) bool { return p.value != nil && p.value.from == models.FromBody })
}
