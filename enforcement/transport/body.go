package transport

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"gatehouse/enforcement/splice"
	"gatehouse/enforcement/wire"
)

// upload is the client's body on its way to the upstream.
type upload struct {
	io.ReadCloser
	x       *Exchange
	in      *http.Request
	trailer http.Header // of the upstream's request
	over    atomic.Bool // the exchange has ended: the body is the server's again
	mu      sync.Mutex  // held by who reads
	conn    *wire.Conn  // the client's, where what is read of it can be diverted; nil: it cannot
}

// Interrupter is a body whose reads can be ended from outside, with an error, and all that would come later.
type Interrupter interface {
	// Interrupt returns an error if it cannot.
	Interrupt() error
}

// Read counts, and stops the upstream's clock while the client is waited for.
func (u *upload) Read(p []byte) (int, error) { return u.readInto(nil, p) }

// readInto is Read, but that what comes from the client's connection itself goes into a pipe, which is empty otherwise; nil: nothing does.
func (u *upload) readInto(pipe *splice.Pipe, p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.over.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	u.x.bodyRead.Store(true)
	u.x.wait.pause()
	if pipe != nil {
		u.conn.Divert(pipe)
	}
	n, err := u.ReadCloser.Read(p)
	if pipe != nil {
		u.conn.Divert(nil)
	}
	u.x.wait.resume()
	u.x.in.Add(int64(n))
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		for name := range u.trailer {
			u.trailer[name] = u.in.Trailer[name]
		}
	case u.x.whole.Load(), u.over.Load(): // the client has its answer, and need not go on; or it was not waited for
	default:
		u.x.breakOff(BadBody)
	}
	return n, err
}

// end gives the body back to the server. Who still waits for a part of it stops waiting first.
func (u *upload) end() {
	u.over.Store(true)
	if !u.mu.TryLock() {
		if body, ok := u.ReadCloser.(Interrupter); !ok || body.Interrupt() != nil {
			return // in memory nobody waits for long
		}
		u.mu.Lock()
	}
	u.mu.Unlock() //nolint:staticcheck // that it was free is all
}

// Close does nothing: the request may be sent once more. The server closes the body when the request has ended.
func (u *upload) Close() error { return nil }

// answer is the client's side.
type answer struct {
	http.ResponseWriter
	x        *Exchange
	old      bool // HTTP/1.0
	upstream int  // status of the upstream's answer
}

// Unwrap lets http.ResponseController flush and hijack.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader keeps interim answers from clients that do not know them, and net/http from guessing a type that the upstream did not tell.
func (a *answer) WriteHeader(status int) {
	if status < 200 && status != http.StatusSwitchingProtocols && a.old {
		return
	}
	if _, told := a.Header()["Content-Type"]; !told && status >= 200 {
		a.Header()["Content-Type"] = nil
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	n, err := a.ResponseWriter.Write(p)
	a.x.out.Add(int64(n))
	if err != nil {
		a.x.breakOff(ClientGone)
	}
	return n, err
}
