package validation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The bounds of a value that a request sends.
const (
	maxValueDepth = 32
	maxValues     = 50_000
	maxNumber     = 100 // characters
	maxExponent   = 400
)

// plainNumber reports whether a number can be counted with: its digits are few enough to be written out.
func plainNumber(s string) bool {
	if len(s) > maxNumber {
		return false
	}
	i := strings.IndexAny(s, "eE")
	if i < 0 {
		return true
	}
	exponent, err := strconv.Atoi(strings.TrimPrefix(s[i+1:], "+"))
	return err == nil && exponent >= -maxExponent && exponent <= maxExponent
}

// valueReader reads JSON that means the same to every reader: no name twice, nothing behind it, valid UTF-8.
type valueReader struct {
	d      *json.Decoder
	values int
}

// errJSON says in words what is wrong with a value.
type errJSON struct{ text string }

func (e *errJSON) Error() string { return e.text }

func readValue(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, &errJSON{"is not UTF-8"}
	}
	r := valueReader{d: json.NewDecoder(bytes.NewReader(text))}
	r.d.UseNumber()
	v, err := r.value(0)
	if err == nil {
		if _, err = r.d.Token(); errors.Is(err, io.EOF) {
			return v, nil
		}
		err = &errJSON{"has something behind the end of its JSON"}
	}
	var known *errJSON
	if errors.As(err, &known) {
		return nil, known
	}
	return nil, &errJSON{fmt.Sprintf("is no JSON from byte %d on", r.d.InputOffset()+1)}
}

func (r *valueReader) value(depth int) (any, error) {
	if r.values++; r.values > maxValues {
		return nil, &errJSON{fmt.Sprintf("has more than %d values", maxValues)}
	}
	if depth > maxValueDepth {
		return nil, &errJSON{fmt.Sprintf("is nested more than %d levels deep", maxValueDepth)}
	}
	t, err := r.d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		if !plainNumber(string(t)) {
			return nil, &errJSON{"has a number that is too long"}
		}
		return t, nil
	case json.Delim:
		if t == '{' {
			return r.object(depth)
		}
		return r.array(depth)
	default:
		return t, nil
	}
}

func (r *valueReader) object(depth int) (any, error) {
	object := map[string]any{}
	for r.d.More() {
		key, err := r.d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string) // keys are texts
		if _, twice := object[name]; twice {
			return nil, &errJSON{fmt.Sprintf("has the name %s twice in one object", short(strconv.Quote(name), maxName))}
		}
		if object[name], err = r.value(depth + 1); err != nil {
			return nil, err
		}
	}
	_, err := r.d.Token()
	return object, err
}

func (r *valueReader) array(depth int) (any, error) {
	list := []any{}
	for r.d.More() {
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := r.d.Token()
	return list, err
}
