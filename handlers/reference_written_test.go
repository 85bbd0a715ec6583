package handlers

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestADocumentIsWrittenOnceAndKeptWithinABound(t *testing.T) {
	var d written
	times := 0
	ask := func(key writtenKey, text string) string {
		t.Helper()
		var out bytes.Buffer
		if err := d.to(&out, key, func(w io.Writer) error { times++; _, err := io.WriteString(w, text); return err }); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	for range 2 {
		if got := ask(writtenKey{1}, "one"); got != "one" {
			t.Errorf("got %q", got)
		}
	}
	if ask(writtenKey{2}, "two") != "two" || times != 2 {
		t.Errorf("written %d times", times)
	}
	if err := d.to(io.Discard, writtenKey{3}, func(io.Writer) error { return errors.New("broken") }); err == nil || d.kept[writtenKey{3}] != nil {
		t.Errorf("what failed is kept: %v", err)
	}
	for i := range 40 {
		d.put(writtenKey{9, byte(i)}, make([]byte, 1<<20))
	}
	sum := 0
	for _, packed := range d.kept {
		sum += len(packed)
	}
	if sum > maxWritten || sum != d.bytes || len(d.order) != len(d.kept) || d.kept[writtenKey{9, 39}] == nil || d.kept[writtenKey{1}] != nil {
		t.Errorf("%d documents of %d bytes are kept", len(d.kept), sum)
	}
}
