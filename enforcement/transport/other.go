package transport

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"sync"
)

// sendBy makes one request by net/http's transport: over TLS, or in HTTP/2.
func sendBy(t *http.Transport, o *outgoing, a *attempt) (*reply, error) {
	var m tracer
	o.x.wait.watch(o.x)
	o.x.direct = false
	ctx := httptrace.WithClientTrace(o.x.context(), &httptrace.ClientTrace{
		GotConn:              func(httptrace.GotConnInfo) { m.note(func() { a.connected = true }) },
		GotFirstResponseByte: func() { m.note(func() { a.answered = true }) },
		Got1xxResponse: func(status int, h textproto.MIMEHeader) error {
			m.note(func() { o.x.interim(status, http.Header(h)) })
			return nil
		},
	})
	if o.header == nil {
		o.header = o.by.headerOf(o.in, o.x)
	}
	r := &http.Request{
		Method: o.verb, URL: o.url(), Host: o.target.base.Host, Header: o.header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: o.length,
	}
	if o.length != 0 {
		r.Body, r.Trailer = o.x.upload, o.x.upload.trailer
	}
	if o.upgrade != "" {
		o.header["Connection"], o.header["Upgrade"] = []string{"Upgrade"}, []string{o.upgrade}
	}
	if _, ok := o.header["User-Agent"]; !ok {
		o.header["User-Agent"] = []string{""} // else net/http names itself
	}
	res, err := t.RoundTrip(r.WithContext(ctx))
	m.end()
	if err != nil {
		return nil, err
	}
	if res.StatusCode < 100 || res.StatusCode > 999 {
		_ = res.Body.Close()
		return nil, malformed("its status is none") // net/http reads it, but panics when told to write it
	}
	rep := &reply{status: res.StatusCode, header: res.Header, length: res.ContentLength, body: res.Body, promise: res.Trailer, trailer: func() http.Header { return res.Trailer }}
	switch {
	case res.StatusCode == http.StatusSwitchingProtocols:
		rwc, ok := res.Body.(io.ReadWriteCloser)
		if !ok || o.upgrade == "" {
			_ = res.Body.Close()
			return nil, malformed("protocol switched without being asked")
		}
		rep.body, rep.tunnel = nil, otherTunnel{rwc}
	case o.verb == http.MethodHead || res.StatusCode == http.StatusNoContent || res.StatusCode == http.StatusNotModified:
		rep.length = 0
	}
	rep.promise = copyNames(res.Trailer)
	return rep, nil
}

// url returns where the request goes. What RequestURI says of it is escaped as it came.
func (o *outgoing) url() *url.URL {
	u := &url.URL{Scheme: o.target.base.Scheme, Host: o.target.base.Host, RawQuery: o.query}
	setPath(u, o.target.path+o.path)
	return u
}

func copyNames(h http.Header) http.Header {
	if len(h) == 0 {
		return nil
	}
	names := make(http.Header, len(h))
	for name := range h {
		names[name] = nil
	}
	return names
}

// tracer lets through what net/http tells of a request while it is under way, and nothing later.
type tracer struct {
	mu   sync.Mutex
	over bool
}

func (m *tracer) note(fn func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.over {
		fn()
	}
}

func (m *tracer) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over = true
}

// otherTunnel is a connection of net/http's whose protocol was switched.
type otherTunnel struct{ io.ReadWriteCloser }

func (t otherTunnel) CloseWrite() error {
	if half, ok := t.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
