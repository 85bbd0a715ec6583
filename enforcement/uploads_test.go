package enforcement_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/enforcement"
	"gatehouse/models"
)

// hashing is an upstream that answers what it got of a body.
func hashing(w http.ResponseWriter, r *http.Request) {
	sum := sha256.New()
	n, err := io.Copy(sum, r.Body)
	fmt.Fprintf(w, "%d %x %v", n, sum.Sum(nil), err)
}

// What goes from socket to socket arrives as it was, is counted, and leaves connection and upstream to the next request.
func TestLargeUploadsArriveWhole(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "up")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(hashing)}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	for name, upstream := range map[string]string{"TCP": "", "unix": "unix://" + socket} {
		t.Run(name, func(t *testing.T) {
			o, url := through(t, hashing)
			if upstream != "" {
				o.world.stage(func() { o.stage.Upstream = upstream })
				o.g = o.gateway(t, func(c *enforcement.Config) { c.Policy.Sockets = []string{socket} })
				url = serve(t, o.g)
			}
			c, in := dial(t, url)
			sum := int64(0)
			for i, size := range []int{256<<10 - 1, 256 << 10, 1<<20 + 77, 5<<20 + 1} {
				body := make([]byte, size)
				rand.Read(body)
				expect := ""
				if i%2 == 1 {
					expect = "Expect: 100-continue\r\n"
				}
				fmt.Fprintf(c, "POST /echo/prod/x HTTP/1.1\r\nHost: x\r\nx-api-key: %s\r\n%sContent-Length: %d\r\n\r\n", o.value, expect, size)
				go c.Write(body)
				res, err := http.ReadResponse(in, nil)
				for err == nil && res.StatusCode == 100 { // there may be several
					res, err = http.ReadResponse(in, nil)
				}
				if err != nil {
					t.Fatal(err)
				}
				if got, err := io.ReadAll(res.Body); string(got) != fmt.Sprintf("%d %x <nil>", size, sha256.Sum256(body)) || err != nil {
					t.Errorf("of %d bytes: %s, %v", size, got, err)
				}
				sum += int64(size)
			}
			if ends := o.counted(t, 4); ends[models.OutcomeSuccess] != 4 {
				t.Errorf("ended as %v", ends)
			}
			counted := int64(0)
			for _, b := range o.bytes {
				counted += b[0]
			}
			if counted != sum {
				t.Errorf("%d bytes were counted, want %d", counted, sum)
			}
		})
	}
}

// In the middle of a body that goes from socket to socket, a client that stops is given up, and the upstream takes no part for the whole.
func TestALargeUploadThatStopsEnds(t *testing.T) {
	whole := make(chan error, 1)
	o, url := bounded(t, func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		whole <- err
	}, short)
	c := dialRaw(t, url, fmt.Sprintf("POST /echo/prod/x HTTP/1.1\r\nHost: a\r\nX-Api-Key: %s\r\nContent-Length: %d\r\n\r\n", o.value, 8<<20))
	if _, err := c.Write(bytes.Repeat([]byte("x"), 2<<20)); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	o.refused(t, res, 408, "body-too-slow")
	if err := <-whole; !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the upstream read: %v", err)
	}
	if ends := o.counted(t, 1); ends[models.OutcomeAborted] != 1 {
		t.Errorf("ended as %v", ends)
	}
}

// An upstream that does not take the body is too slow, and not its client.
func TestALargeUploadThatIsNotTakenIsTheUpstreamsFault(t *testing.T) {
	stuck := make(chan struct{})
	o, url := bounded(t, func(http.ResponseWriter, *http.Request) { <-stuck }, short)
	t.Cleanup(func() { close(stuck) })
	o.world.stage(func() { o.stage.Timeout = 300 * time.Millisecond })
	catchUp(t, o.g)
	c := dialRaw(t, url, fmt.Sprintf("POST /echo/prod/x HTTP/1.1\r\nHost: a\r\nX-Api-Key: %s\r\nContent-Length: %d\r\n\r\n", o.value, 64<<20))
	go io.Copy(c, io.LimitReader(zeros{}, 64<<20))
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	o.refused(t, res, 504, "upstream-timeout")
}
