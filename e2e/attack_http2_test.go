package e2e

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// h2 is a connection with prior knowledge of HTTP/2 that sends what no library would.
type h2 struct {
	net.Conn
	*http2.Framer
	head    bytes.Buffer
	encoder *hpack.Encoder
	next    uint32
}

func dialH2(gateway string) (*h2, error) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(gateway, "http://"))
	if err != nil {
		return nil, err
	}
	c := &h2{Conn: conn, Framer: http2.NewFramer(conn, conn), next: 1}
	c.encoder = hpack.NewEncoder(&c.head)
	c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_, err = conn.Write([]byte(http2.ClientPreface))
	if err == nil {
		err = c.WriteSettings()
	}
	return c, err
}

// field is a header, or a pseudo header, as it is sent.
type field [2]string

// ask sends a request without a body and returns the status of its answer; "" when the stream or the connection was ended instead.
func (c *h2) ask(fields ...field) (status string, over bool) {
	c.head.Reset()
	for _, f := range fields {
		_ = c.encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	id := c.next
	c.next += 2
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.head.Bytes(), EndStream: true, EndHeaders: true}); err != nil {
		return "", true
	}
	for {
		f, err := c.ReadFrame()
		if err != nil {
			return status, true
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = c.WriteSettingsAck()
			}
		case *http2.MetaHeadersFrame:
			if f.StreamID == id {
				status = f.PseudoValue("status")
			}
		case *http2.DataFrame:
			if n := uint32(len(f.Data())); n > 0 {
				_ = c.WriteWindowUpdate(0, n)
			}
		case *http2.GoAwayFrame:
			if f.ErrCode != http2.ErrCodeNo {
				return status, true
			}
		}
		if h := f.Header(); h.StreamID == id && (h.Type == http2.FrameRSTStream || h.Flags.Has(http2.FlagDataEndStream) && (h.Type == http2.FrameData || h.Type == http2.FrameHeaders)) {
			return status, false
		}
	}
}

// allOverH2 asks each of many requests on some connections, which are replaced when they are ended.
func allOverH2(t *testing.T, gateway string, shapes [][]field, each func(shape []field, status string)) {
	numbers := make([]string, len(shapes))
	connections := make(chan *h2, 48)
	for range cap(connections) {
		connections <- nil
	}
	together(numbers, func(i int, _ string) {
		c := <-connections
		defer func() { connections <- c }()
		for {
			fresh := c == nil
			if fresh {
				var err error
				if c, err = dialH2(gateway); err != nil {
					t.Error(err)
					c = nil
					return
				}
			}
			status, over := c.ask(shapes[i]...)
			if over {
				c.Close()
				c = nil
			}
			if status != "" || !over || fresh { // else it may be the shape before that ended the connection
				each(shapes[i], status)
				return
			}
		}
	})
	close(connections)
	for c := range connections {
		if c != nil {
			c.Close()
		}
	}
}

func request2(verb, authority, path string, more ...field) []field {
	return append([]field{{":method", verb}, {":scheme", "http"}, {":authority", authority}, {":path", path}}, more...)
}

func TestAttackNoShapeOfHTTP2ReachesAKeyedMethodWithoutAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, plan := w.mixed()
	good := w.subscribe(w.dev, s, plan).value
	var shapes [][]field
	for i, target := range targets() {
		authority := []string{"a", "a:80", "mixed", "MIXED.", "127.0.0.1", ""}[i%6]
		shapes = append(shapes, request2("GET", authority, target))
	}
	const secret = "/mixed/prod/secret"
	for _, verb := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "PRI", "G T", ""} {
		for _, path := range []string{secret, secret + "/7", secret + "/7/x", "http://a" + secret, "//a" + secret, "*", "", "mixed/prod/secret", secret + " HTTP/1.1", secret + "#x", secret + "?x-api-key=" + good} {
			shapes = append(shapes, request2(verb, "a", path))
		}
	}
	for _, more := range [][]field{
		{{"x-api-key", ""}}, {{"x-api-key", good[:41]}}, {{"x-api-key", good + "0"}}, {{"x-api-key", good}, {"x-api-key", good}}, {{"x-api-key", good}, {"x-api-key", "x"}}, {{"x-api-key", "x"}, {"x-api-key", good}},
		{{"X-Api-Key", good}}, {{"x_api_key", good}}, {{"x-api-key ", good}}, {{"x-api-key", good + "\r\nx: y"}}, {{"x-api-key", good + "\x00"}}, {{"x-api-key", " " + strings.ToLower(good)}},
		{{"authorization", "Bearer " + good}}, {{"cookie", "x-api-key=" + good}}, {{"connection", "x-api-key"}, {"x-api-key", "x"}}, {{"transfer-encoding", "chunked"}}, {{"content-length", "5"}}, {{"content-length", "0"}, {"content-length", "5"}},
		{{"upgrade", "websocket"}}, {{"te", "chunked"}}, {{"host", "b"}}, {{"x-original-url", "/mixed/prod/open/x"}}, {{"x-rewrite-url", "/mixed/prod/open/x"}}, {{"x-http-method-override", "POST"}}, {{":path", "/mixed/prod/open/x"}},
		{{":authority", "b"}}, {{":method", "POST"}}, {{":protocol", "websocket"}}, {{":status", "200"}}, {{":x", "y"}}, {{"", "x"}}, {{"x-consumer-id", "1"}}, {{"x-api-key-id", "1"}}, {{"x-forwarded-prefix", "/mixed/prod/open"}},
	} {
		for _, verb := range []string{"GET", "POST"} {
			shapes = append(shapes, request2(verb, "a", secret, more...), append(append([]field{}, more...), request2(verb, "a", secret)...))
		}
	}
	var answered int
	allOverH2(t, w.gateway, shapes, func(shape []field, status string) {
		if status != "" {
			w.origin.mu.Lock()
			answered++
			w.origin.mu.Unlock()
		}
		if strings.HasPrefix(status, "5") && status != "501" {
			t.Errorf("%q: %s", shape, status)
		}
	})
	forwarded := w.origin.take()
	for _, r := range forwarded {
		if reached(r.RequestURI) {
			t.Errorf("the upstream got %s %s without a key: %v", r.Method, r.RequestURI, r.Header)
		}
	}
	if len(forwarded) == 0 {
		t.Error("nothing was forwarded at all: the attack missed")
	}
	t.Logf("%d shapes, %d answered, %d of them forwarded to open methods", len(shapes), answered, len(forwarded))

	c, err := dialH2(w.gateway)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if status, _ := c.ask(request2("GET", "a", secret, field{"x-api-key", good})...); status != "200" {
		t.Errorf("with its key it got %q", status)
	}
	if got := fmt.Sprint(len(w.origin.take())); got != "1" {
		t.Errorf("the upstream got %s requests, want 1", got)
	}
}
