package front

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// listening is a bounded listener that notes what it did.
type listening struct {
	*Listener
	mu       sync.Mutex
	shed     map[Reason]int
	accepted []net.Conn
	arrived  chan net.Conn
}

func listen(t *testing.T, c Config) *listening {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &listening{shed: map[Reason]int{}, arrived: make(chan net.Conn, 100)}
	c.OnShed = func(r Reason) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.shed[r]++
	}
	l.Listener = Listen(inner, c)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			l.mu.Lock()
			l.accepted = append(l.accepted, c)
			l.mu.Unlock()
			l.arrived <- c
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
		for _, c := range l.accepted {
			c.Close()
		}
	})
	return l
}

func (l *listening) count(r Reason) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shed[r]
}

// dial connects from an address of this machine.
func (l *listening) dial(t *testing.T, from string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

func said(t *testing.T, c net.Conn) string {
	t.Helper()
	b, err := io.ReadAll(c)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		t.Fatal(err)
	}
	return string(b)
}

func TestOneConnectionTooManyIsToldSoAndClosed(t *testing.T) {
	l := listen(t, Config{MaxConnections: 2, Refusal: PlainRefusal()})
	l.dial(t, "127.0.0.1")
	l.dial(t, "127.0.0.2")
	first := <-l.arrived
	<-l.arrived
	if got := said(t, l.dial(t, "127.0.0.3")); !strings.HasPrefix(got, "HTTP/1.1 503 ") || !strings.Contains(got, "Connection: close") {
		t.Errorf("said %q", got)
	}
	if l.count(TooMany) != 1 {
		t.Errorf("shed: %v", l.shed)
	}
	first.Close()
	first.Close() // counts once
	l.dial(t, "127.0.0.3")
	<-l.arrived
	said(t, l.dial(t, "127.0.0.1"))
}

func TestOneAddressCannotTakeEverybodysConnections(t *testing.T) {
	l := listen(t, Config{MaxPerClient: 2})
	for range 2 {
		l.dial(t, "127.0.0.1")
		<-l.arrived
	}
	if got := said(t, l.dial(t, "127.0.0.1")); got != "" {
		t.Errorf("said %q where nothing may be said", got)
	}
	l.dial(t, "127.0.0.2")
	(<-l.arrived).Close()
	if l.count(TooManyOfOne) != 1 || l.clients.Len() != 1 {
		t.Errorf("shed %v, %d clients", l.shed, l.clients.Len())
	}
}

func header2(command, family byte, block ...byte) string {
	b := append([]byte("\r\n\r\n\x00\r\nQUIT\n"), 0x20|command, family)
	b = binary.BigEndian.AppendUint16(b, uint16(len(block)))
	return string(append(b, block...))
}

func four(src, dst string) []byte {
	a, b := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
	block := append(a.Addr().AsSlice(), b.Addr().AsSlice()...)
	block = binary.BigEndian.AppendUint16(block, a.Port())
	return binary.BigEndian.AppendUint16(block, b.Port())
}

// What a proxy says is believed if it is whole and plain; a connection of a proxy without it is closed.
func TestProxiesThatMustSpeakThePROXYProtocolAreUnderstoodOrClosed(t *testing.T) {
	within := func(d time.Duration) *listening {
		return listen(t, Config{Proxies: []netip.Prefix{netip.MustParsePrefix("::ffff:127.0.0.1/128")}, HeaderTimeout: d})
	}
	soon, patient := within(200*time.Millisecond), within(time.Minute)
	v4, v6 := four("192.0.2.7:4000", "10.0.0.1:80"), four("[2001:db8::7]:4000", "[::1]:80")
	for _, tt := range []struct{ name, header, want string }{
		{"version 1", "PROXY TCP4 192.0.2.7 10.0.0.1 4000 80\r\n", "192.0.2.7:4000"},
		{"version 1, IPv6", "PROXY TCP6 2001:db8::7 ::1 4000 80\r\n", "[2001:db8::7]:4000"},
		{"version 1, for itself", "PROXY UNKNOWN\r\n", "127.0.0.1"},
		{"version 1, unknown with words", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "127.0.0.1"},
		{"version 2", header2(1, 0x11, v4...), "192.0.2.7:4000"},
		{"version 2, IPv6", header2(1, 0x21, v6...), "[2001:db8::7]:4000"},
		{"version 2 with more", header2(1, 0x11, append(v4, 0x04, 0, 3, 'a', 'b', 'c')...), "192.0.2.7:4000"},
		{"version 2, for itself", header2(0, 0), "127.0.0.1"},
		{"nothing of it", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03aaaaaaaaaaaaaaaaaaaa", ""},
		{"a bare newline", "PROXY TCP4 192.0.2.7 10.0.0.1 4000 80\n", ""},
		{"a leading zero", "PROXY TCP4 192.0.2.07 10.0.0.1 4000 80\r\n", ""},
		{"a port too large", "PROXY TCP4 192.0.2.7 10.0.0.1 70000 80\r\n", ""},
		{"the wrong family", "PROXY TCP4 2001:db8::7 ::1 4000 80\r\n", ""},
		{"two spaces", "PROXY  TCP4 192.0.2.7 10.0.0.1 4000 80\r\n", ""},
		{"small letters", "proxy tcp4 192.0.2.7 10.0.0.1 4000 80\r\n", ""},
		{"no end", "PROXY TCP4 " + strings.Repeat("1", 200), ""},
		{"half of it", "PROXY TCP4 192.0.2.7 10.0", ""},
		{"a few bytes", "PRO", ""},
		{"version 2, a datagram", header2(1, 0x12, v4...), ""},
		{"version 2, a unix socket", header2(1, 0x31, make([]byte, 216)...), ""},
		{"version 2, too short", header2(1, 0x11, v4[:8]...), ""},
		{"version 2, a command that is none", header2(5, 0x11, v4...), ""},
		{"version 2, very long", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff" + strings.Repeat("x", 5000), ""},
		{"version 3", "\r\n\r\n\x00\r\nQUIT\n\x31\x11\x00\x0c" + string(v4), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := patient
			if tt.want == "" {
				l = soon
			}
			before := l.count(NoHeader)
			c := l.dial(t, "127.0.0.1")
			for _, part := range []string{tt.header[:len(tt.header)/2], tt.header[len(tt.header)/2:], "hello"} {
				io.WriteString(c, part)
				time.Sleep(time.Millisecond)
			}
			if tt.want == "" {
				if got := said(t, c); got != "" || l.count(NoHeader) != before+1 {
					t.Errorf("it was not closed: %q", got)
				}
				return
			}
			got := <-l.arrived
			defer got.Close()
			if remote := got.RemoteAddr().String(); remote != tt.want && !strings.HasPrefix(remote, tt.want+":") {
				t.Errorf("it is %s, want %s", remote, tt.want)
			}
			b := make([]byte, 5)
			if _, err := io.ReadFull(got, b); err != nil || string(b) != "hello" {
				t.Errorf("behind the header: %q, %v", b, err)
			}
		})
	}
}

// Who is not told to speak it is not read for it: it could be anybody.
func TestNobodyElsesPROXYHeaderIsRead(t *testing.T) {
	l := listen(t, Config{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}})
	c := l.dial(t, "127.0.0.1")
	const forged = "PROXY TCP4 192.0.2.7 10.0.0.1 4000 80\r\n"
	io.WriteString(c, forged)
	got := <-l.arrived
	b := make([]byte, len(forged))
	if _, err := io.ReadFull(got, b); err != nil || string(b) != forged || !strings.HasPrefix(got.RemoteAddr().String(), "127.0.0.1:") {
		t.Errorf("%s: %q, %v", got.RemoteAddr(), b, err)
	}
}

func TestASlowProxyHeaderHoldsUpNobodyElse(t *testing.T) {
	l := listen(t, Config{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, MaxPerClient: 1})
	slow := l.dial(t, "127.0.0.1")
	io.WriteString(slow, "PROXY TCP4 192.0.2.1 ")
	for i, client := range []string{"192.0.2.1", "192.0.2.2"} {
		io.WriteString(l.dial(t, "127.0.0.1"), fmt.Sprintf("PROXY TCP4 %s 10.0.0.1 400%d 80\r\n", client, i))
		if got := <-l.arrived; !strings.HasPrefix(got.RemoteAddr().String(), client+":") {
			t.Errorf("got %s, want %s", got.RemoteAddr(), client)
		}
	}
	// Each client is counted for itself, though all come from one proxy.
	io.WriteString(slow, "10.0.0.1 4009 80\r\n")
	said(t, slow)
	if l.count(TooManyOfOne) != 1 {
		t.Errorf("shed: %v", l.shed)
	}
}

// An IPv4 address is the same in both its forms, and a subscriber's /64 is one client.
func TestClientsAreCountedByWhatTheyCannotChange(t *testing.T) {
	same := func(a, b string) bool { return ClientOf(netip.MustParseAddr(a)) == ClientOf(netip.MustParseAddr(b)) }
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"192.0.2.1", "::ffff:192.0.2.1", true}, {"192.0.2.1", "192.0.2.2", false},
		{"2001:db8:1:1::1", "2001:db8:1:1:ffff:ffff:ffff:ffff", true}, {"2001:db8:1:1::1", "2001:db8:1:2::1", false}, {"::1", "0.0.0.1", false},
	} {
		if same(tt.a, tt.b) != tt.want {
			t.Errorf("%s and %s are one client: %v", tt.a, tt.b, !tt.want)
		}
	}
}

// However many come, only those that are there take room (SECURITY.md, GW-42).
func TestClientsThatLeftLeaveNothingBehind(t *testing.T) {
	var tally Tally
	visit := func(i int) {
		a := ClientOf(netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}))
		if !tally.Take(a, 1) || tally.Take(a, 1) {
			t.Fatal("one client has not exactly one")
		}
		tally.Give(a)
	}
	for i := range 1000 {
		visit(i)
	}
	before := heap()
	clients := 100_000 // of which one that leaves 11 bytes behind is noticed
	if os.Getenv("GATEHOUSE_FLOODS") == "all" {
		clients = 1_000_000
	}
	for i := range clients {
		visit(i)
	}
	if grown := int64(heap()) - int64(before); grown > 1<<20 || tally.Len() != 0 {
		t.Errorf("%d bytes, %d clients left", grown, tally.Len())
	}
	client := ClientOf(netip.MustParseAddr("192.0.2.1"))
	if n := testing.AllocsPerRun(100, func() { tally.Take(client, 5); tally.Give(client) }); n != 0 {
		t.Errorf("a request allocates %v times", n)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
