//go:build soak

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// soakShape is a kind of request. Its call returns what was wrong with the answer.
type soakShape struct {
	name    string
	callers int
	pause   time.Duration
	call    func(ctx context.Context, gateway string) error
}

func (s *soak) shapes() []soakShape {
	return []soakShape{
		{"get", 4, time.Millisecond, s.get},
		{"many", 64, 50 * time.Millisecond, s.get}, // connections at once
		{"small post", 2, 2 * time.Millisecond, func(ctx context.Context, g string) error { return s.post(ctx, g, randomInt(60<<10), false) }},
		{"head", 1, 5 * time.Millisecond, s.head},
		{"post", 2, 5 * time.Millisecond, func(ctx context.Context, g string) error { return s.post(ctx, g, 1+randomInt(1<<20), false) }},
		{"chunked", 2, 5 * time.Millisecond, func(ctx context.Context, g string) error { return s.post(ctx, g, 1+randomInt(1<<20), true) }},
		{"download", 1, 20 * time.Millisecond, s.download},
		{"range", 1, 10 * time.Millisecond, s.part},
		{"events", 3, 10 * time.Millisecond, s.events},
		{"websocket", 3, 10 * time.Millisecond, s.webSocket},
		{"throttled", 1, 2 * time.Millisecond, s.throttled},
		{"no key", 1, 2 * time.Millisecond, s.keyless},
		{"unknown key", 1, 2 * time.Millisecond, s.unknown},
		{"one each", 1, 5 * time.Millisecond, s.alone},
		{"gone", 1, 10 * time.Millisecond, s.gone},
		{"malformed", 1, 5 * time.Millisecond, s.malformed},
		{"slow body", 2, 10 * time.Millisecond, s.slowBody},
	}
}

// soakHandler answers what the shapes ask.
func soakHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("X-Seen", r.URL.Query().Get("n"))
		_, _ = w.Write(body)
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "large.bin", time.Unix(1, 0), bytes.NewReader(largeBody))
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 10 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	})
	mux.HandleFunc("/socket", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(1 << 20)
		for {
			kind, p, err := c.Read(r.Context())
			if err != nil || c.Write(r.Context(), kind, p) != nil {
				return
			}
		}
	})
	return mux
}

// largeBody is 4 MiB in which no two places look alike.
var largeBody = func() []byte {
	b := make([]byte, 4<<20)
	for i := 0; i < len(b); i += 8 {
		copy(b[i:], fmt.Sprintf("%08x", i))
	}
	return b
}()

func randomInt(n int) int {
	b := make([]byte, 4)
	_, _ = rand.Read(b)
	return int(uint32(b[0])|uint32(b[1])<<8|uint32(b[2])<<16|uint32(b[3])<<24) % n
}

// send asks and returns the whole answer.
func (s *soak) send(ctx context.Context, verb, address, key string, body io.Reader, more ...string) (*http.Response, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, verb, address, body)
	if err != nil {
		return nil, nil, err
	}
	if key != "" {
		r.Header.Set("X-Api-Key", key)
	}
	for i := 0; i+1 < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer, text, err
}

func expectStatus(answer *http.Response, text []byte, err error, status int) error {
	switch {
	case err != nil:
		return err
	case answer.StatusCode != status:
		return fmt.Errorf("got %s, want %d: %.200s", answer.Status, status, text)
	}
	return nil
}

func (s *soak) get(ctx context.Context, g string) error {
	n := strconv.Itoa(randomInt(1 << 30))
	answer, text, err := s.send(ctx, http.MethodGet, g+"/soak/prod/echo?n="+n, s.key, nil)
	if err := expectStatus(answer, text, err, 200); err != nil {
		return err
	}
	if answer.Header.Get("X-Seen") != n {
		return fmt.Errorf("the answer of another request: %q, want %q", answer.Header.Get("X-Seen"), n)
	}
	return nil
}

func (s *soak) head(ctx context.Context, g string) error {
	answer, text, err := s.send(ctx, http.MethodHead, g+"/soak/prod/large", s.key, nil)
	if err := expectStatus(answer, text, err, 200); err != nil {
		return err
	}
	if answer.ContentLength != int64(len(largeBody)) {
		return fmt.Errorf("Content-Length %d", answer.ContentLength)
	}
	return nil
}

func (s *soak) post(ctx context.Context, g string, size int, chunked bool) error {
	body := make([]byte, size)
	_, _ = rand.Read(body)
	var in io.Reader = bytes.NewReader(body)
	if chunked {
		in = io.MultiReader(in) // of no length
	}
	answer, text, err := s.send(ctx, http.MethodPost, g+"/soak/prod/echo", s.key, in)
	if err := expectStatus(answer, text, err, 200); err != nil {
		return err
	}
	if !bytes.Equal(text, body) {
		return fmt.Errorf("%d bytes came back as %d others", len(body), len(text))
	}
	return nil
}

func (s *soak) download(ctx context.Context, g string) error {
	answer, text, err := s.send(ctx, http.MethodGet, g+"/soak/prod/large", s.key, nil)
	if err := expectStatus(answer, text, err, 200); err != nil {
		return err
	}
	if sha256.Sum256(text) != sha256.Sum256(largeBody) {
		return errors.New("the body is another one")
	}
	return nil
}

func (s *soak) part(ctx context.Context, g string) error {
	from := randomInt(len(largeBody) - 1000)
	answer, text, err := s.send(ctx, http.MethodGet, g+"/soak/prod/large", s.key, nil, "Range", fmt.Sprintf("bytes=%d-%d", from, from+999))
	if err := expectStatus(answer, text, err, 206); err != nil {
		return err
	}
	if !bytes.Equal(text, largeBody[from:from+1000]) {
		return errors.New("another part of the body")
	}
	return nil
}

func (s *soak) events(ctx context.Context, g string) error {
	answer, text, err := s.send(ctx, http.MethodGet, g+"/soak/prod/events", s.key, nil)
	if err := expectStatus(answer, text, err, 200); err != nil {
		return err
	}
	if n := bytes.Count(text, []byte("data: ")); n != 10 {
		return fmt.Errorf("%d events, want 10", n)
	}
	return nil
}

func (s *soak) webSocket(ctx context.Context, g string) error {
	c, _, err := websocket.Dial(ctx, strings.Replace(g, "http", "ws", 1)+"/soak/prod/socket", &websocket.DialOptions{HTTPHeader: http.Header{"X-Api-Key": {s.key}}})
	if err != nil {
		return err
	}
	defer c.CloseNow()
	c.SetReadLimit(1 << 20)
	for range 5 {
		p := make([]byte, 1+randomInt(200_000))
		_, _ = rand.Read(p)
		if err := c.Write(ctx, websocket.MessageBinary, p); err != nil {
			return err
		}
		_, back, err := c.Read(ctx)
		if err != nil {
			return err
		}
		if !bytes.Equal(back, p) {
			return errors.New("another frame came back")
		}
	}
	return c.Close(websocket.StatusNormalClosure, "")
}

func (s *soak) throttled(ctx context.Context, g string) error {
	answer, text, err := s.send(ctx, http.MethodGet, g+"/few/prod/echo", s.few, nil)
	if err != nil || answer.StatusCode == 200 {
		return err
	}
	return expectStatus(answer, text, err, 429)
}

func (s *soak) keyless(ctx context.Context, g string) error {
	answer, text, err := s.send(ctx, http.MethodGet, g+"/soak/prod/echo", "", nil)
	return expectStatus(answer, text, err, 403)
}

func (s *soak) unknown(ctx context.Context, g string) error {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	answer, text, err := s.send(ctx, http.MethodGet, g+"/soak/prod/echo", hex.EncodeToString(b), nil)
	return expectStatus(answer, text, err, 403)
}

// alone has a connection of its own.
func (s *soak) alone(ctx context.Context, g string) error {
	answer, err := s.dialled(g, "GET /soak/prod/echo?n=5 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Api-Key: "+s.key+"\r\n\r\n")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(answer, "HTTP/1.1 200 ") || !strings.Contains(answer, "\r\nX-Seen: 5\r\n") {
		return fmt.Errorf("got %.200q", answer)
	}
	return nil
}

// gone leaves before the answer has come.
func (s *soak) gone(_ context.Context, g string) error {
	c, err := net.Dial("tcp", strings.TrimPrefix(g, "http://"))
	if err != nil {
		return err
	}
	fmt.Fprintf(c, "GET /soak/prod/large HTTP/1.1\r\nHost: a\r\nX-Api-Key: %s\r\n\r\n", s.key)
	_, _ = bufio.NewReader(c).ReadString('\n')
	return c.Close()
}

func (s *soak) malformed(_ context.Context, g string) error {
	answer, err := s.dialled(g, "POST /soak/prod/echo HTTP/1.1\r\nHost: a\r\nX-Api-Key: "+s.key+"\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(answer, "HTTP/1.1 400 ") {
		return fmt.Errorf("got %.200q", answer)
	}
	return nil
}

// slowBody sends its body in parts.
func (s *soak) slowBody(_ context.Context, g string) error {
	c, err := net.Dial("tcp", strings.TrimPrefix(g, "http://"))
	if err != nil {
		return err
	}
	defer c.Close()
	fmt.Fprintf(c, "POST /soak/prod/echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Api-Key: %s\r\nContent-Length: 40\r\n\r\n", s.key)
	for range 4 {
		time.Sleep(50 * time.Millisecond)
		if _, err := io.WriteString(c, "0123456789"); err != nil {
			return err
		}
	}
	answer, err := io.ReadAll(c)
	if err == nil && (!bytes.HasPrefix(answer, []byte("HTTP/1.1 200 ")) || !bytes.HasSuffix(answer, bytes.Repeat([]byte("0123456789"), 4))) {
		err = fmt.Errorf("got %.200q", answer)
	}
	return err
}

// dialled sends bytes on a connection of their own and returns all that comes back.
func (s *soak) dialled(g, request string) (string, error) {
	c, err := net.Dial("tcp", strings.TrimPrefix(g, "http://"))
	if err != nil {
		return "", err
	}
	defer c.Close()
	if _, err := io.WriteString(c, request); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(c)
	return string(answer), err
}
