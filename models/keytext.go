package models

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

// keyText reads the text of a file of keys: UTF-8, without its byte order mark, with line feeds, and bounded.
type keyText struct {
	r       *bufio.Reader
	bareCR  bool   // lines end as they did before Mac OS X
	read    int64  // bytes until now
	left    int    // bytes until the line that is being read is too long
	partial []byte // of a rune whose end has not come yet
}

var errLongLine = errors.New("the line is too long")

// textHead is how much of a file is looked at to tell how it is written.
const textHead = 64 << 10

func newKeyText(r io.Reader) (*keyText, error) {
	t := &keyText{r: bufio.NewReaderSize(r, textHead), left: maxKeyCSVLine}
	head, err := t.r.Peek(textHead)
	whole := errors.Is(err, io.EOF)
	switch {
	case err != nil && !whole:
		return nil, err
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return nil, Invalid("file", "The file is written in UTF-16. Save it as CSV in UTF-8.")
	}
	const mark = "\ufeff"
	if bytes.HasPrefix(head, []byte(mark)) {
		if _, err := t.r.Discard(len(mark)); err != nil {
			return nil, err
		}
		head = head[len(mark):]
	}
	if whole && len(bytes.TrimSpace(head)) == 0 {
		return nil, Invalid("file", "The file is empty.")
	}
	t.bareCR = bytes.IndexByte(head, '\r') >= 0 && bytes.IndexByte(head, '\n') < 0
	return t, nil
}

// Read implements io.Reader. Its errors are those of the file's reader, errLongLine, or an *Error at "file".
func (t *keyText) Read(p []byte) (int, error) {
	if t.left <= 0 {
		return 0, errLongLine
	}
	n, err := t.r.Read(p)
	p = p[:n]
	t.read += int64(n)
	t.left -= n
	switch {
	case t.read > MaxKeyCSV:
		return 0, Invalid("file", "The file is larger than 256 MB. Split it.")
	case bytes.IndexByte(p, 0) >= 0:
		return 0, Invalid("file", "The file has NUL bytes: it is not a CSV file.")
	case !t.valid(p) || errors.Is(err, io.EOF) && len(t.partial) > 0:
		return 0, Invalid("file", "The file is not written in UTF-8. Save it as CSV in UTF-8.")
	}
	if t.bareCR {
		for i, b := range p {
			if b == '\r' {
				p[i] = '\n'
			}
		}
	}
	return n, err
}

// valid reports whether p goes on as UTF-8.
func (t *keyText) valid(p []byte) bool {
	if len(t.partial) == 0 && utf8.Valid(p) {
		return true
	}
	p = append(t.partial, p...)
	for len(p) > 0 && utf8.FullRune(p) {
		r, size := utf8.DecodeRune(p)
		if r == utf8.RuneError && size == 1 {
			return false
		}
		p = p[size:]
	}
	t.partial = bytes.Clone(p)
	return true
}
