package handlers

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"io"
	"sync"

	"gatehouse/models"
	"gatehouse/models/openapi"
)

// maxWritten bounds what is kept of documents that were written for callers, in bytes, compressed: GitHub's takes 1 MB.
const maxWritten = 16 << 20

// written keeps the documents that were written last for callers, compressed: writing a large one takes a second. What it is written from names it, so that
// readers who may see other plans get another one. The zero value is ready; safe for concurrent use.
type written struct {
	mu    sync.Mutex
	kept  map[writtenKey][]byte
	order []writtenKey // of their writing
	bytes int
}

type writtenKey [sha256.Size]byte

// keyOfWritten names a document in a format by all that it is written from. A document that was uploaded never changes.
func keyOfWritten(format string, id models.DocumentID, w openapi.Rewrite) (key writtenKey, err error) {
	text, err := json.Marshal(w)
	if err != nil {
		return key, err
	}
	return sha256.Sum256(append([]byte(format+" "+id.String()+" "), text...)), nil
}

func (d *written) has(key writtenKey) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.kept[key] != nil
}

// to writes what is kept under a key, or what write makes, which is kept then.
func (d *written) to(out io.Writer, key writtenKey, write func(io.Writer) error) error {
	d.mu.Lock()
	packed, ok := d.kept[key]
	d.mu.Unlock()
	if ok {
		text, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return err
		}
		_, err = io.Copy(out, text)
		return err
	}
	var keep bytes.Buffer
	pack, err := gzip.NewWriterLevel(&keep, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if err := write(io.MultiWriter(out, pack)); err != nil {
		return err
	}
	if err := pack.Close(); err != nil {
		return err
	}
	d.put(key, keep.Bytes())
	return nil
}

// put keeps a document, and forgets those that were written first where there is no room.
func (d *written) put(key writtenKey, packed []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kept == nil {
		d.kept = map[writtenKey][]byte{}
	}
	if _, ok := d.kept[key]; ok || len(packed) > maxWritten {
		return
	}
	for d.bytes+len(packed) > maxWritten {
		d.bytes -= len(d.kept[d.order[0]])
		delete(d.kept, d.order[0])
		d.order = d.order[1:]
	}
	d.kept[key], d.order, d.bytes = packed, append(d.order, key), d.bytes+len(packed)
}
