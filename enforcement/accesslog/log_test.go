package accesslog

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/secret"
)

// paper is an output that a test can read, and that can refuse.
type paper struct {
	mu    sync.Mutex
	text  bytes.Buffer
	fault error
}

func (p *paper) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault != nil {
		return 0, p.fault
	}
	return p.text.Write(b)
}

func (p *paper) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

func onPaper(t *testing.T) (*Log, *paper) {
	t.Helper()
	p := &paper{}
	l := New(Config{Stdout: p, Log: slog.New(slog.DiscardHandler)})
	if err := l.Use(Output); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, p
}

func someEntry() Entry {
	return Entry{
		Time: time.Unix(1796083200, 123456789), RequestID: "18098a4668931d0c3ce1aae304b684bf", ClientID: "order-7", Trace: [16]byte{1, 15: 0xab}, Address: "192.0.2.7:50000", API: "weather", Stage: "prod",
		Method: "GET /cities/{id}", Verb: "GET", Path: "/weather/prod/cities/7", Status: 200, Outcome: "success", Key: models.NewID[models.Key](1), App: models.NewID[models.App](2),
		In: 10, Out: 2000, Took: 1234567, Upstream: 1000000, Agent: "curl/8.1", Protocol: "HTTP/2.0", TLS: "1.3",
	}
}

func TestALineSaysWhatTheManualPromises(t *testing.T) {
	e := someEntry()
	want := `{"time":"2026-12-01T00:00:00.123456Z","request_id":"18098a4668931d0c3ce1aae304b684bf","client_request_id":"order-7","trace_id":"010000000000000000000000000000ab","address":"192.0.2.7","api":"weather","stage":"prod",` +
		`"method":"GET /cities/{id}","verb":"GET","path":"/weather/prod/cities/7","status":200,"outcome":"success","key":"1000000001","app":"1000000002","bytes_in":10,"bytes_out":2000,` +
		`"seconds":0.001234,"upstream_seconds":0.001,"user_agent":"curl/8.1","protocol":"HTTP/2.0","tls":"1.3"}` + "\n"
	if got := string(line(nil, &e, "gwk1")); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	for address, want := range map[string]string{"192.0.2.7:1": "192.0.2.7", "[2001:db8::1]:1": "2001:db8::1", "2001:db8::1": "2001:db8::1", "192.0.2.7": "192.0.2.7", "@": "@", "": ""} {
		if got := host(address); got != want {
			t.Errorf("host(%q): got %q, want %q", address, got, want)
		}
	}
}

// Whoever reads the log must neither take one request for two, nor have a terminal obey a caller (SECURITY.md, GW-14).
func TestWhateverACallerSendsIsOneLineWithoutControlBytes(t *testing.T) {
	for _, evil := range []string{
		"a\r\n{\"status\":200}\n", "\x1b[31mred\x07", "nul\x00", "del\x7f", "c1\u0085\u009b31m", "line\u2028\u2029", "turned\u202earound\u2066", "bad\xff\xfe utf8 \xed\xa0\x80", `quote"back\slash`, strings.Repeat("\x01", 5000),
	} {
		e := someEntry()
		e.ClientID, e.Agent, e.Path, e.Verb, e.Method, e.Address, e.Protocol = evil, evil, "/"+evil, evil, evil, evil, evil
		b := line(nil, &e, "gwk1")
		if len(b) > maxLine {
			t.Errorf("%.20q: a line of %d bytes, and there is room for %d", evil, len(b), maxLine)
		}
		if n := bytes.Count(b, []byte("\n")); n != 1 || b[len(b)-1] != '\n' {
			t.Errorf("%.20q: %d lines", evil, n)
		}
		for _, r := range string(b[:len(b)-1]) {
			if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u202e' {
				t.Errorf("%.20q: %q is in the line", evil, r)
			}
		}
		var read map[string]any
		if err := json.Unmarshal(b, &read); err != nil {
			t.Errorf("%.20q: %v: %s", evil, err, b)
		}
	}
}

func TestNoKeyValueIsInALine(t *testing.T) {
	value, imported := secret.Generate(secret.Prefix{}).Reveal(), "an-imported-value-of-32-letters"
	e := someEntry()
	e.Secret = imported
	e.Path, e.Agent, e.ClientID, e.Verb = "/a/"+value+"/"+imported, "x "+value, imported, value[:40]
	text := string(line(nil, &e, "gwk1"))
	for _, canary := range []string{value[:12], value[30:], imported} {
		if strings.Contains(text, canary) {
			t.Errorf("%q is in %s", canary, text)
		}
	}
	if !strings.Contains(text, `"path":"/a/[key]/[key]"`) {
		t.Errorf("got %s", text)
	}
}

func TestTheFileIsOpenedAgainWhereItWasMovedAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	l := New(Config{Log: slog.New(slog.DiscardHandler)})
	e := someEntry()
	l.Write(&e) // nobody wants it yet
	if err := l.Use(path); err != nil {
		t.Fatal(err)
	}
	l.Write(&e)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	l.Write(&e)
	l.Write(&e)
	if err := l.Use(filepath.Join(path, "nowhere")); err == nil {
		t.Error("a file below a file is opened")
	}
	l.Write(&e)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l.Write(&e)
	for name, want := range map[string]int{path + ".1": 1, path: 3} {
		b, err := os.ReadFile(name)
		if err != nil || bytes.Count(b, []byte("\n")) != want {
			t.Errorf("%s: %v, %d lines, want %d", filepath.Base(name), err, bytes.Count(b, []byte("\n")), want)
		}
	}
	if written, dropped := l.Counts(); written != 4 || dropped != 0 {
		t.Errorf("written %d, dropped %d", written, dropped)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestLinesThatFindNoRoomAreDroppedAndCounted(t *testing.T) {
	l, p := onPaper(t)
	l.writing.Lock() // as a disk does that takes its time
	e := someEntry()
	const n = 20_000
	for range n {
		l.Write(&e)
	}
	l.writing.Unlock()
	l.Flush()
	written, dropped := l.Counts()
	if lines := int64(strings.Count(p.String(), "\n")); written != lines || written+dropped != n || dropped == 0 || written == 0 {
		t.Errorf("%d lines, %d written, %d dropped", lines, written, dropped)
	}
	p.mu.Lock()
	p.fault = errors.New("disk full")
	p.mu.Unlock()
	l.Write(&e)
	l.Flush()
	if _, now := l.Counts(); now != dropped+1 {
		t.Errorf("dropped %d, want %d", now, dropped+1)
	}
}

func TestWritingALineDoesNotAllocate(t *testing.T) {
	l, _ := onPaper(t)
	e := someEntry()
	if n := testing.AllocsPerRun(200, func() { l.Write(&e) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkLine is what a request pays: the rest is the writer's.
func BenchmarkLine(b *testing.B) {
	e := someEntry()
	buf := make([]byte, 0, maxLine)
	b.ReportAllocs()
	for b.Loop() {
		buf = line(buf[:0], &e, "gwk1")
	}
}
