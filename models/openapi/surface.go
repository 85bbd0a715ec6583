package openapi

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// MaxBytes bounds a document. GitHub's has 12.7 MB, Microsoft Graph's 19.9 MB.
const MaxBytes = 20 << 20

// surface looks at a document's bytes alone: it refuses what cannot be a text in JSON or YAML, with a reason that names
// what it is instead, and returns the text without its byte order mark. It costs one pass.
func surface(document []byte) ([]byte, error) {
	if len(document) > MaxBytes {
		return nil, &ReadError{Reason: fmt.Sprintf("The document is larger than %d MB.", MaxBytes>>20)}
	}
	switch {
	case bytes.HasPrefix(document, []byte{0x1f, 0x8b}):
		return nil, &ReadError{Reason: "The document is compressed with gzip. Unpack it first."}
	case bytes.HasPrefix(document, []byte("PK\x03\x04")):
		return nil, &ReadError{Reason: "This is a ZIP archive. Unpack it and bring the OpenAPI document that is in it."}
	case bytes.HasPrefix(document, []byte("%PDF-")):
		return nil, &ReadError{Reason: "This is a PDF, not an OpenAPI document in JSON or YAML."}
	case bytes.HasPrefix(document, []byte{0xff, 0xfe}), bytes.HasPrefix(document, []byte{0xfe, 0xff}):
		return nil, &ReadError{Reason: "The document is in UTF-16. Save it as UTF-8."}
	}
	text := bytes.TrimPrefix(document, []byte("\uFEFF"))
	trimmed := bytes.TrimSpace(text)
	if len(trimmed) == 0 {
		return nil, &ReadError{Reason: "The document is empty."}
	}
	if trimmed[0] == '<' {
		return nil, &ReadError{Line: 1, Reason: "This is HTML or XML, not an OpenAPI document in JSON or YAML."}
	}
	if at := indexNotText(text); at >= 0 {
		line, column := position(text, at)
		return nil, &ReadError{Line: line, Column: column, Reason: notTextReason(text[at])}
	}
	return text, nil
}

// indexNotText gives the offset of the first byte that no JSON or YAML text may hold as it is, or -1: a control
// character other than tab and line break, or a byte that is not UTF-8.
func indexNotText(text []byte) int {
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
				return i
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

func notTextReason(c byte) string {
	if c < utf8.RuneSelf {
		return fmt.Sprintf("There is a control character (0x%02X) here, which a text cannot hold.", c)
	}
	return fmt.Sprintf("The byte 0x%02X here is not UTF-8. Save the document as UTF-8.", c)
}

// position turns an offset into a line and a column, both from 1, the column in characters.
func position(text []byte, offset int) (line, column int) {
	before := text[:min(offset, len(text))]
	line = 1 + bytes.Count(before, []byte("\n"))
	column = 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return line, column
}
