package enforcement

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"gatehouse/models"
)

// maxCallBody is how much of an answer's body Call keeps.
const maxCallBody = 1 << 20

// Call sends a request in the name of a key, for people who try an API in the portal; in the name of nobody (0) only methods that need no key
// let it pass. r.URL is /{api}/{stage}/… with its query; no credential is needed, and r.RemoteAddr is told the upstream as the caller's. The
// request is limited, metered and answered like any other, and ends when ctx does. Of the answer's body at most 1 MiB is kept and the rest is not waited for.
func (g *Gateway) Call(ctx context.Context, key models.KeyID, r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := r.Clone(ctx)
	out.RequestURI = ""
	out.Header.Del("Upgrade") // nobody could speak the other protocol
	if out.Host == "" {
		out.Host = r.URL.Host
	}
	rec := &recorder{header: http.Header{}, full: cancel}
	g.serve(&request{call: call{g: g}, w: rec, r: out, as: key})
	if rec.status == 0 {
		return nil, fmt.Errorf("call %s: the answer did not come: %w", r.URL.Path, context.Cause(ctx))
	}
	return &http.Response{
		Status:     strconv.Itoa(rec.status) + " " + http.StatusText(rec.status),
		StatusCode: rec.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        rec.header,
		Body:          io.NopCloser(bytes.NewReader(rec.body.Bytes())),
		ContentLength: int64(rec.body.Len()),
		Request:       r,
	}, nil
}

// recorder is an http.ResponseWriter in memory.
type recorder struct {
	header http.Header
	status int // 0: none yet
	body   bytes.Buffer
	full   func() // ends the request
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
		r.header = r.header.Clone()
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	room := maxCallBody - r.body.Len()
	if len(p) <= room {
		return r.body.Write(p)
	}
	r.body.Write(p[:room])
	r.full()
	return room, io.ErrShortWrite
}

// Flush does nothing: everything is kept until the end.
func (r *recorder) Flush() {}
