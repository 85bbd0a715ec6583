package wire

import (
	"fmt"
	"strings"
	"testing"
)

// judgeAll feeds a head in parts of a size, and says how many bytes it had and how it was judged.
func judgeAll(b []byte, part int) (j *Judge, v Verdict, done bool) {
	j = new(Judge)
	j.Reset(make([]Field, 0, MaxFields))
	for n := min(part, len(b)); ; n = min(n+part, len(b)) {
		if v, done = j.Feed(b[:n:n]); done || n == len(b) {
			return j, v, done
		}
	}
}

func get(more ...string) string {
	return "GET /a HTTP/1.1\r\nHost: a\r\n" + strings.Join(append(more, "", ""), "\r\n")
}

func TestAGoodHeadSaysWhatAProxyNeeds(t *testing.T) {
	const empty = "\r\n"
	text := empty + "POST http://A.example:8080/x%7e?q#no HTTP/1.1\r\nhost:  a.EXAMPLE:8080 \t\r\nContent-Length: 42\r\nX_Other:\r\n" +
		"Connection: , keep-alive,\tUpgrade , X-Mine\r\nUpgrade: WebSocket\r\nExpect: 100-Continue\r\nTE: trailers\r\nTrailer: X-Sum\r\nX-Bytes: \xff\t\x80\r\n\r\n"
	text = strings.Replace(text, "#no", "", 1)
	for part := 1; part <= len(text); part++ {
		b := []byte(text + "GET /next")
		j, v, done := judgeAll(b, part)
		if !done || v.Kind != Passed {
			t.Fatalf("in parts of %d: %v, %+v", part, done, v)
		}
		h := &j.Head
		got := fmt.Sprintf("%d %d %s %s %v 1.%d %s %d | %d %v close=%v up=%v ws=%v cont=%v te=%v trailer=%v body=%v",
			h.Start, h.Size, h.Method.Of(b), h.Target.Of(b), h.Absolute, h.Minor, h.Host.Of(b), h.Count, h.ContentLength, h.Chunked, h.Close, h.Upgrade, h.WebSocket, h.Continue, h.TE, h.Trailer, h.HasBody())
		want := fmt.Sprintf("2 %d POST http://A.example:8080/x%%7e?q true 1.1 a.EXAMPLE:8080 9 | 42 false close=false up=true ws=true cont=true te=true trailer=true body=true", len(text))
		if got != want {
			t.Fatalf("in parts of %d:\ngot  %s\nwant %s", part, got, want)
		}
		if f := h.Fields[2]; string(f.Name.Of(b)) != "X_Other" || len(f.Value.Of(b)) != 0 {
			t.Errorf("third field %q: %q", f.Name.Of(b), f.Value.Of(b))
		}
		if f := h.Fields[8]; string(f.Value.Of(b)) != "\xff\t\x80" {
			t.Errorf("last field %q", f.Value.Of(b))
		}
	}
}

func TestTheConnectionEndsAsTheVersionHasIt(t *testing.T) {
	for text, want := range map[string]bool{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n": false, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n": true,
		"GET / HTTP/1.0\r\n\r\n": true, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n": false, "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n": true,
	} {
		if j, v, _ := judgeAll([]byte(text), 1000); j.Close != want || v.Kind != Passed {
			t.Errorf("%q: close %v, %+v", text, j.Close, v)
		}
	}
}

func TestAnUpgradeIsOneOnlyWhereConnectionSaysSo(t *testing.T) {
	for more, want := range map[string][2]bool{
		"Upgrade: websocket":                        {false, false},
		"Connection: upgrade\r\nUpgrade: websocket": {true, true},
		"Upgrade: websocket\r\nConnection: Upgrade": {true, true},
		"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__": {true, false},
	} {
		if j, v, _ := judgeAll([]byte(get(more)), 1000); j.Upgrade != want[0] || j.WebSocket != want[1] || v.Kind != Passed {
			t.Errorf("%q: %v %v, %+v", more, j.Upgrade, j.WebSocket, v)
		}
	}
}

// A limit holds to the byte, wherever the bytes were cut.
func TestLimitsHoldToTheByte(t *testing.T) {
	target := func(n int) string { return "GET /" + strings.Repeat("a", n-1) + " HTTP/1.1\r\nHost: a\r\n\r\n" }
	head := func(n int) string { return get("A: " + strings.Repeat("a", n-len(get("A: ")))) }
	for _, tt := range []struct {
		name, text string
		want       Kind
	}{
		{"target", target(MaxTarget), Passed}, {"target", target(MaxTarget + 1), TargetTooLong}, {"target", target(MaxHead + 1000), TargetTooLong},
		{"head", head(MaxHead), Passed}, {"head", head(MaxHead + 1), HeadTooLarge},
		{"verb", strings.Repeat("A", MaxMethod) + target(1)[3:], Passed}, {"verb", strings.Repeat("A", MaxMethod+1) + target(1)[3:], UnknownMethod},
		{"verb", strings.Repeat("A", MaxHead), UnknownMethod},
		{"fields", get(strings.Split(strings.Repeat("A: b ", MaxFields-1), " ")[0:0]...), Passed},
		{"fields", get(lines(MaxFields - 1)...), Passed}, {"fields", get(lines(MaxFields)...), HeadTooLarge},
	} {
		for _, part := range []int{1, 7, 4096, 1 << 20} {
			if _, v, done := judgeAll([]byte(tt.text), part); !done || v.Kind != tt.want {
				t.Errorf("%s of %d bytes in parts of %d: %+v, want %v", tt.name, len(tt.text), part, v, tt.want)
			}
		}
	}
}

func lines(n int) (l []string) {
	for i := range n {
		l = append(l, fmt.Sprintf("A%d: b", i))
	}
	return l
}

// TLS on a port of plain HTTP, and every other thing that is not HTTP, need not be waited for.
func TestWhatDoesNotBeginLikeARequestIsRefusedAtItsFirstByte(t *testing.T) {
	for _, b := range []byte{0x16, 0, ' ', '\t', '/', ':', '(', 0x80, 0xff} {
		if _, v, done := judgeAll([]byte{b}, 1); !done || v.Kind != BadHead {
			t.Errorf("%#x: %v %+v", b, done, v)
		}
	}
}

// GW-52 of the review: what a client sends byte by byte costs it as much as us. The bound counts bytes, not time.
func TestBytesThatComeOneByOneAreNotScannedAgainAndAgain(t *testing.T) {
	for name, text := range map[string]string{
		"one long field":   get("A: " + strings.Repeat("a", MaxHead-100)),
		"many fields":      get(strings.Split(strings.TrimSuffix(strings.Repeat("Accept: "+strings.Repeat("b", 200)+"\n", MaxFields-1), "\n"), "\n")...),
		"a long target":    "GET /" + strings.Repeat("a", MaxTarget-1) + " HTTP/1.1\r\nHost: a\r\n\r\n",
		"no line at all":   strings.Repeat("A", MaxHead),
		"nothing but LFs":  strings.Repeat("\r\n", MaxHead),
		"a head too large": get("A: " + strings.Repeat("a", MaxHead)),
	} {
		for _, part := range []int{1, 3, 1 << 20} {
			if j, _, _ := judgeAll([]byte(text), part); j.visited > 2*len(text)+part {
				t.Errorf("%s, %d bytes in parts of %d: looked at %d bytes", name, len(text), part, j.visited)
			}
		}
	}
	body := []byte(strings.Repeat("1;a=\"b\"\r\nx\r\n10\r\n0123456789abcdef\r\n", 1000) + "0\r\nA: b\r\n\r\n")
	for _, part := range []int{1, 3, 1 << 20} {
		if _, c := cleanAll(body, part); c.visited > int64(len(body)) {
			t.Errorf("chunks in parts of %d: looked at %d bytes of %d", part, c.visited, len(body))
		}
	}
}

// typical is what a client sends.
var typical = []byte("GET /weather/prod/cities/7?units=si&lang=de HTTP/1.1\r\nHost: gateway.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: de,en-US;q=0.7,en;q=0.3\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nConnection: keep-alive\r\n" +
	"x-api-key: gwk1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789ab\r\nCookie: a=1; b=2\r\nContent-Length: 12\r\nX_Other: 1\r\n\r\n")

func TestAGoodHeadCostsNoAllocation(t *testing.T) {
	var j Judge
	room := make([]Field, 0, MaxFields)
	if n := testing.AllocsPerRun(100, func() {
		j.Reset(room)
		if v, done := j.Feed(typical); !done || v.Kind != Passed {
			t.Fatal(v)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkJudge(b *testing.B) {
	var j Judge
	room := make([]Field, 0, MaxFields)
	b.SetBytes(int64(len(typical)))
	b.ReportAllocs()
	for b.Loop() {
		j.Reset(room)
		j.Feed(typical)
	}
}

func BenchmarkChunks(b *testing.B) {
	chunk := append(append([]byte("1000\r\n"), make([]byte, 4096)...), "\r\n"...)
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	var c Chunks
	for b.Loop() {
		if _, _, v, _ := c.Clean(chunk); v.Kind != Passed {
			b.Fatal(v)
		}
	}
}
