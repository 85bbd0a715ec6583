package splice

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// pair is a connection and its other end.
func pair(t *testing.T, network string) (near, far net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "socket")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if near, err = net.Dial(network, l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

func rawOf(t *testing.T, c net.Conn) syscall.RawConn {
	t.Helper()
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func pipe(t *testing.T) *Pipe {
	t.Helper()
	p := Get()
	if p == nil {
		t.Fatal("there is no pipe")
	}
	return p
}

func TestAPipeCarriesEveryByte(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		from, sender := pair(t, "tcp")
		to, receiver := pair(t, network)
		p := pipe(t)
		sent := make([]byte, 3<<20+7)
		rand.Read(sent)
		go func() {
			_, _ = sender.Write(sent)
			_ = sender.Close()
		}()
		got := make(chan []byte)
		go func() {
			b, _ := io.ReadAll(receiver)
			got <- b
		}()
		sum := 0
		for {
			n, err := p.From(rawOf(t, from), Size)
			if err == io.EOF {
				break
			}
			if err != nil || n < 1 || n > Size || n != p.Len() {
				t.Fatalf("took %d, holds %d, %v", n, p.Len(), err)
			}
			if sum += n; p.To(rawOf(t, to)) != nil || p.Len() != 0 {
				t.Fatalf("%d bytes stay", p.Len())
			}
		}
		_ = to.Close()
		if b := <-got; !bytes.Equal(b, sent) || sum != len(sent) {
			t.Errorf("%s: %d bytes came, %d were carried, of %d", network, len(b), sum, len(sent))
		}
		p.Put()
	}
}

func TestAPipeWaitsNoLongerThanItsConnectionsDo(t *testing.T) {
	from, sender := pair(t, "tcp")
	to, _ := pair(t, "tcp")
	p := pipe(t)
	defer p.Put()
	_ = from.SetReadDeadline(time.Now().Add(time.Millisecond))
	if n, err := p.From(rawOf(t, from), Size); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("nothing came: %d, %v", n, err)
	}
	_ = from.SetReadDeadline(time.Time{})
	go func() {
		for b := make([]byte, 1<<20); ; {
			if _, err := sender.Write(b); err != nil {
				return
			}
		}
	}()
	_ = to.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	for { // until nobody has taken what the kernel keeps
		if _, err := p.From(rawOf(t, from), Size); err != nil {
			t.Fatal(err)
		}
		if err := p.To(rawOf(t, to)); err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) || p.Len() == 0 {
				t.Errorf("nobody takes it: %v, %d left", err, p.Len())
			}
			return
		}
	}
}

// A pipe in which something is left would give it to another request.
func TestAPipeThatHoldsSomethingIsNotUsedAgain(t *testing.T) {
	from, sender := pair(t, "tcp")
	_, _ = sender.Write([]byte("another's"))
	p := pipe(t)
	if _, err := p.From(rawOf(t, from), Size); err != nil {
		t.Fatal(err)
	}
	p.Put()
	for range maxKept + 1 {
		if q := Get(); q == p || q.Len() != 0 {
			t.Fatal("it came back")
		}
	}
}
