package transport

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
)

// upload is the client's body on its way to the upstream.
type upload struct {
	io.ReadCloser
	x       *Exchange
	in      *http.Request
	trailer http.Header // of the upstream's request
	over    atomic.Bool // the exchange has ended: the body is the server's again
}

// Read counts, and stops the upstream's clock while the client is waited for.
func (u *upload) Read(p []byte) (int, error) {
	if u.over.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	u.x.bodyRead.Store(true)
	u.x.wait.pause()
	n, err := u.ReadCloser.Read(p)
	u.x.wait.resume()
	u.x.in.Add(int64(n))
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		for name := range u.trailer {
			u.trailer[name] = u.in.Trailer[name]
		}
	default:
		u.x.breakOff(BadBody)
	}
	return n, err
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
