package requestlog

import (
	"strings"

	"gatehouse/enforcement/redact"
)

// Limits of what is kept of a text, in bytes; the rest is left out.
const (
	maxPath    = 1024
	maxQuery   = 256
	maxAgent   = 256
	maxAddress = 64
	maxWord    = 200 // a value of a header, the name of a method
	maxName    = 64  // of a header
	maxHeaders = 32  // in one direction
)

// cleaner takes key values out of texts.
type cleaner struct{ redact.Keys }

// query appends the names of a query's parameters. A parameter without a name is all value, and so is one whose name has a part of a key.
func (c *cleaner) query(b []byte, query string) []byte {
	end := len(b) + maxQuery
	for first := true; query != "" && len(b) < end; first = false {
		pair := query
		if i := strings.IndexByte(query, '&'); i >= 0 {
			pair, query = query[:i], query[i+1:]
		} else {
			query = ""
		}
		if !first {
			b = append(b, '&')
		}
		if i := strings.IndexByte(pair, '='); i > 0 {
			if at, _ := c.Find(pair); at < 0 || at > i {
				b = c.Append(b, pair[:i], maxName)
				b = append(b, '=')
			}
		}
		b = append(b, "…"...)
	}
	return b
}

// How a header's value is kept. Fields that are not named here are kept by their names.
type keep uint8

const (
	hide keep = iota
	show
	showAddress // without its query, which may hold anything
	leaveOut    // it is a field of the entry, or says nothing
)

var requestHeaders = map[string]keep{
	"Accept": show, "Accept-Charset": show, "Accept-Encoding": show, "Accept-Language": show, "Access-Control-Request-Headers": show,
	"Access-Control-Request-Method": show, "Cache-Control": show, "Connection": show, "Content-Encoding": show, "Content-Language": show,
	"Content-Length": show, "Content-Type": show, "Date": show, "Expect": show, "If-Match": show, "If-Modified-Since": show,
	"If-None-Match": show, "If-Range": show, "If-Unmodified-Since": show, "Origin": showAddress, "Pragma": show, "Prefer": show, "Range": show,
	"Referer": showAddress, "Sec-Fetch-Dest": show, "Sec-Fetch-Mode": show, "Sec-Fetch-Site": show, "Sec-Websocket-Version": show, "Te": show,
	"Traceparent": show, "Trailer": show, "Transfer-Encoding": show, "Upgrade": show, "User-Agent": leaveOut, "Via": show,
	"X-Request-Id": show, // the client's own, which is never ours
}

var responseHeaders = map[string]keep{
	"Accept-Ranges": show, "Access-Control-Allow-Headers": show, "Access-Control-Allow-Methods": show, "Access-Control-Allow-Origin": showAddress,
	"Access-Control-Expose-Headers": show, "Age": show, "Allow": show, "Cache-Control": show, "Cache-Status": show, "Connection": show, "Content-Disposition": hide,
	"Content-Encoding": show, "Content-Language": show, "Content-Length": show, "Content-Location": showAddress, "Content-Range": show,
	"Content-Type": show, "Date": show, "Deprecation": show, "Etag": show, "Expires": show, "Last-Modified": show, "Location": showAddress,
	"Pragma": show, "Ratelimit": show, "Ratelimit-Policy": show, "Retry-After": show, "Server": show, "Strict-Transport-Security": show,
	"Sunset": show, "Trailer": show, "Transfer-Encoding": show, "Vary": show, "Via": show, "X-Amzn-Errortype": show, "X-Amzn-Requestid": leaveOut,
	"X-Content-Type-Options": show, "X-Ratelimit-Limit": show, "X-Ratelimit-Remaining": show, "X-Ratelimit-Reset": show, "X-Request-Id": leaveOut,
}

// address cuts off what of an address may hold a secret.
func address(s string) string {
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		s = s[:i]
	}
	if _, rest, found := strings.Cut(s, "//"); found {
		if host, _, _ := strings.Cut(rest, "/"); strings.Contains(host, "@") { // user and password
			return ""
		}
	}
	return s
}
