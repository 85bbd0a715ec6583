package management

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// AWS is strict about what is no text where text is due, and forgives text where a number or a boolean is: its own documents send "enabled":"false". These types
// read so. Members that are null are not there.

// flag is a boolean.
type flag bool

// UnmarshalJSON implements json.Unmarshaler.
func (f *flag) UnmarshalJSON(b []byte) error {
	switch text := unquoted(b); {
	case text == "true":
		*f = true
	case text == "false", b[0] == '"':
		*f = false // what cannot be read is false
	default:
		return mismatch(b, "Boolean")
	}
	return nil
}

// integer is a whole number.
type integer int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *integer) UnmarshalJSON(b []byte) error {
	x, err := strconv.ParseFloat(unquoted(b), 64)
	if err != nil || x != math.Trunc(x) || math.Abs(x) > 1<<53 {
		return mismatch(b, "Integer")
	}
	*n = integer(x)
	return nil
}

// float is a number that answers write with a fraction: 200.0.
type float float64

// UnmarshalJSON implements json.Unmarshaler.
func (n *float) UnmarshalJSON(b []byte) error {
	x, err := strconv.ParseFloat(unquoted(b), 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return mismatch(b, "Double")
	}
	*n = float(x)
	return nil
}

// MarshalJSON implements json.Marshaler.
func (n float) MarshalJSON() ([]byte, error) {
	text := strconv.FormatFloat(float64(n), 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return []byte(text), nil
}

// stamp is a time: a number of seconds since 1970.
type stamp time.Time

// MarshalJSON implements json.Marshaler.
func (t stamp) MarshalJSON() ([]byte, error) {
	return strconv.AppendInt(nil, time.Time(t).Unix(), 10), nil
}

// unquoted is a JSON value's text, without the quotes of a string.
func unquoted(b []byte) string {
	var text string
	if b[0] == '"' && json.Unmarshal(b, &text) == nil {
		return text
	}
	return string(b)
}

func mismatch(b []byte, want string) error {
	return malformed("class %s can not be converted to an %s", classOf(b), want)
}

// classOf names the kind of a JSON value as AWS does.
func classOf(b []byte) string {
	switch b[0] {
	case '"':
		return "java.lang.String"
	case 't', 'f':
		return "java.lang.Boolean"
	case '[':
		return "java.util.ArrayList"
	case '{':
		return "java.util.LinkedHashMap"
	default:
		return "java.lang.Number"
	}
}

// read reads a JSON body into a struct; an empty one has no members. What is not known is ignored.
func read(body []byte, to any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	err := d.Decode(to)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows it")
		}
	}
	var own *fault
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own
	case errors.As(err, &kind):
		names := map[string]string{"string": "java.lang.String", "number": "java.lang.Number", "bool": "java.lang.Boolean", "array": "java.util.ArrayList", "object": "java.util.LinkedHashMap"}
		name := names[strings.Fields(kind.Value)[0]]
		want := map[string]string{"string": "String", "slice": "List", "map": "Map", "struct": "Map"}[kind.Type.Kind().String()]
		return malformed("class %s can not be converted to an %s (at %q)", name, want, kind.Field)
	default:
		return malformed("The body is not JSON: %v.", err)
	}
}

// write writes an answer.
func write(answer any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(answer); err != nil {
		return nil, fmt.Errorf("write answer: %w", err)
	}
	return b.Bytes(), nil
}

// file is an answer that is no JSON of ours.
type file struct {
	contentType, disposition string
	body                     []byte
}
