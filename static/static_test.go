package static_test

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"gatehouse/static"
)

func get(t *testing.T, path, encoding string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	static.Handler().ServeHTTP(w, r)
	return w.Result()
}

// A changed file must get a new address, or browsers would keep the old one for
// a year.
func TestHashedNameFollowsContent(t *testing.T) {
	paths := map[string]string{}
	for _, body := range []string{"a{}", "b{}"} {
		files, err := static.New(fstest.MapFS{"app.css": {Data: []byte(body)}})
		if err != nil {
			t.Fatal(err)
		}
		paths[files.Path("app.css")] = body
	}
	if len(paths) != 2 {
		t.Errorf("two contents share the paths %v", paths)
	}
	if got := static.Path("app.css"); !regexp.MustCompile(`^/static/app\.[0-9a-f]{8}\.css$`).MatchString(got) {
		t.Errorf("path of app.css is %q", got)
	}
}

// A style sheet is cached for ever, so it must name fonts by their hashes; a
// font that is missing must not be found out by people.
func TestStyleSheetNamesHashedFonts(t *testing.T) {
	font := &fstest.MapFile{Data: []byte("font")}
	files, err := static.New(fstest.MapFS{
		"app.css":       {Data: []byte(`@font-face{src:url("fonts/a.woff2")}`)},
		"fonts/a.woff2": font,
	})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	files.ServeHTTP(w, httptest.NewRequest(http.MethodGet, files.Path("app.css"), nil))
	if want := `url("` + files.Path("fonts/a.woff2") + `")`; !strings.Contains(w.Body.String(), want) {
		t.Errorf("style sheet %q lacks %s", w.Body, want)
	}
	if _, err := static.New(fstest.MapFS{"app.css": {Data: []byte(`a{src:url("fonts/none.woff2")}`)}}); err == nil {
		t.Error("a style sheet that names a missing file was accepted")
	}
}

func TestServesForeverWithTypeAndGzip(t *testing.T) {
	tests := []struct {
		name, mime string
		packed     bool
	}{
		{"app.css", "text/css; charset=utf-8", true},
		{"app.js", "text/javascript; charset=utf-8", true},
		{"app.js", "text/javascript; charset=utf-8", true},
		{"vendor/htmx.min.js", "text/javascript; charset=utf-8", true},
		{"vendor/hx-sse.min.js", "text/javascript; charset=utf-8", true},
		{"fonts/geist-latin-wght-normal.woff2", "font/woff2", false},
		{"favicon.svg", "image/svg+xml", true},
		{"favicon.png", "image/png", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want, err := os.ReadFile(tt.name)
			if err != nil {
				t.Fatal(err)
			}
			res := get(t, static.Path(tt.name), "br;q=1, gzip;q=0.5")
			if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != tt.mime {
				t.Fatalf("got %d %q, want 200 %q", res.StatusCode, res.Header.Get("Content-Type"), tt.mime)
			}
			if got := res.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
				t.Errorf("Cache-Control is %q", got)
			}
			if packed := res.Header.Get("Content-Encoding") == "gzip"; packed != tt.packed {
				t.Fatalf("gzip is %v, want %v", packed, tt.packed)
			}
			body := io.Reader(res.Body)
			if tt.packed {
				if body, err = gzip.NewReader(res.Body); err != nil {
					t.Fatal(err)
				}
			}
			got, err := io.ReadAll(body)
			if err != nil {
				t.Fatal(err)
			}
			if tt.name != "app.css" && string(got) != string(want) {
				t.Errorf("content differs from the file")
			}
		})
	}
}

func TestPlainWhenGzipIsNotWanted(t *testing.T) {
	for _, encoding := range []string{"", "br", "gzip;q=0", "gzip; q=0.0", "x-gzip"} {
		if got := get(t, static.Path("app.js"), encoding).Header.Get("Content-Encoding"); got != "" {
			t.Errorf("Accept-Encoding %q got %q", encoding, got)
		}
	}
}

func TestOtherNamesAndMethodsAreRefused(t *testing.T) {
	for _, path := range []string{"/static/", "/static/app.css", "/static/static.go", "/static/vendor/VERSIONS", "/static/icons/check.svg", "/static/../static.go"} {
		if got := get(t, path, "").StatusCode; got != http.StatusNotFound {
			t.Errorf("%s answers %d", path, got)
		}
	}
	w := httptest.NewRecorder()
	static.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, static.Path("app.js"), nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST answers %d", w.Code)
	}
}

// What we ship is what upstream released: a changed byte must show in VERSIONS.
func TestVendoredFilesAreAsListed(t *testing.T) {
	list, err := os.ReadFile("vendor/VERSIONS")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(list)) {
		words := strings.Fields(line)
		if len(words) != 5 || words[0] == "#" {
			continue
		}
		body, err := os.ReadFile(words[3])
		if err != nil {
			t.Error(err)
			continue
		}
		sum := sha256.Sum256(body)
		if got := hex.EncodeToString(sum[:]); got != words[4] {
			t.Errorf("%s has sha256 %s, listed as %s", words[3], got, words[4])
		}
		seen++
	}
	if seen != 5 {
		t.Errorf("checked %d files, want 5", seen)
	}
}

func TestIconIsTheInnerMarkup(t *testing.T) {
	if got, want := static.Icon("check"), `<path d="M20 6 9 17l-5-5"/>`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := static.Icon("no-such-icon"); got != "" {
		t.Errorf("unknown icon gives %q", got)
	}
}

// Page budget: what every page loads stays small.
func TestBudgets(t *testing.T) {
	for name, limit := range map[string]int{"app.css": 14 << 10, "app.js": 8 << 10} {
		body, err := io.ReadAll(get(t, static.Path(name), "gzip").Body)
		if err != nil {
			t.Fatal(err)
		}
		if len(body) > limit {
			t.Errorf("%s is %d bytes gzipped, budget %d", name, len(body), limit)
		}
	}
}
