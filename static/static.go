package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// Prefix is the path below which Handler serves.
const Prefix = "/static/"

// forever is the longest age that RFC 9111 suggests; a hashed name never
// changes its content.
const forever = "public, max-age=31536000, immutable"

//go:embed app.css app.js favicon.svg favicon.png vendor fonts icons
var embedded embed.FS

// shared is the one set of files of the process.
var shared = sync.OnceValue(func() *Files {
	files, err := New(embedded)
	if err != nil {
		// The input is compiled into the binary; a test reads every file of it.
		panic(err)
	}
	return files
})

// Path returns the URL path of a file by its name in this folder, such as
// "app.css" or "fonts/geist-latin-wght-normal.woff2". A name that does not exist
// gives a path that answers 404; a test over all templates refuses such names.
func Path(name string) string { return shared().Path(name) }

// Handler serves every file under its hashed name. Everything else, also a
// plain name, is 404.
func Handler() http.Handler { return shared() }

// Icon returns what stands inside the svg element of an icon, such as
// `<path d="M20 6 9 17l-5-5"/>`, or "" if there is no such icon. The view box is
// 24 by 24.
func Icon(name string) string { return shared().icons[name] }

// Files is an immutable set of files with hashed names. It is an http.Handler.
type Files struct {
	paths map[string]string // plain name -> URL path
	files map[string]file   // URL path -> content
	icons map[string]string // icon name -> inner markup
}

type file struct {
	mime string
	body []byte
	gzip []byte // nil where it would not be shorter
}

// New reads all files of a file system that is laid out like this folder.
func New(from fs.FS) (*Files, error) {
	out := &Files{paths: map[string]string{}, files: map[string]file{}, icons: map[string]string{}}
	var sheets []string
	err := fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		switch {
		case path.Dir(name) == "icons" && path.Ext(name) == ".svg":
			out.icons[strings.TrimSuffix(path.Base(name), ".svg")] = inner(string(body))
		case path.Ext(name) == ".css":
			sheets = append(sheets, name)
		case mimes[path.Ext(name)] != "":
			return out.add(name, body)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read static files: %w", err)
	}
	// Style sheets come last: they name fonts, whose hashes must be known.
	for _, name := range sheets {
		body, err := fs.ReadFile(from, name)
		if err != nil {
			return nil, fmt.Errorf("read static files: %w", err)
		}
		if body, err = out.link(body); err != nil {
			return nil, fmt.Errorf("link %s: %w", name, err)
		}
		if err := out.add(name, body); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Path is the function Path for these files.
func (f *Files) Path(name string) string {
	if hashed, ok := f.paths[name]; ok {
		return hashed
	}
	return Prefix + name
}

// ServeHTTP answers GET and HEAD for hashed names.
func (f *Files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, ok := f.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	head := w.Header()
	head.Set("Content-Type", found.mime)
	head.Set("Cache-Control", forever)
	head.Set("X-Content-Type-Options", "nosniff")
	body := found.body
	if found.gzip != nil {
		head.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Get("Accept-Encoding")) {
			head.Set("Content-Encoding", "gzip")
			body = found.gzip
		}
	}
	head.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	// The client is gone if this fails; there is nobody left to tell.
	_, _ = w.Write(body)
}

func (f *Files) add(name string, body []byte) error {
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	hashed := Prefix + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:4]) + ext
	packed, err := pack(body)
	if err != nil {
		return fmt.Errorf("compress %s: %w", name, err)
	}
	f.paths[name] = hashed
	f.files[hashed] = file{mime: mimes[ext], body: body, gzip: packed}
	return nil
}

// cssURL finds the relative addresses of a style sheet.
var cssURL = regexp.MustCompile(`url\("([^"]+)"\)`)

// link writes hashed paths where a style sheet names a file of ours.
func (f *Files) link(sheet []byte) ([]byte, error) {
	var missing string
	out := cssURL.ReplaceAllFunc(sheet, func(match []byte) []byte {
		name := string(cssURL.FindSubmatch(match)[1])
		hashed, ok := f.paths[name]
		if !ok {
			missing = name
		}
		return []byte(`url("` + hashed + `")`)
	})
	if missing != "" {
		return nil, fmt.Errorf("no file %q", missing)
	}
	return out, nil
}

// mimes names the kinds of files that are served; others (licences, lists of
// versions) only travel along.
var mimes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".png":   "image/png",
	".woff2": "font/woff2",
}

// pack returns the gzip form, or nil where it saves nothing (fonts, pictures).
func pack(body []byte) ([]byte, error) {
	var buf bytes.Buffer
	zip, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := zip.Write(body); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	if buf.Len() >= len(body)*9/10 {
		return nil, nil
	}
	return buf.Bytes(), nil
}

// acceptsGzip reads an Accept-Encoding header (RFC 9110, 12.5.3) as far as it
// matters here: gzip is listed and not weighted zero.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		weight, found := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		if !found {
			return true
		}
		q, err := strconv.ParseFloat(weight, 64)
		return err == nil && q > 0
	}
	return false
}

// gaps are the line breaks that a hand-readable SVG has between its shapes.
var gaps = regexp.MustCompile(`\s*\n\s*`)

// inner strips the outer element of an SVG file.
func inner(svg string) string {
	start := strings.Index(svg, "<svg")
	end := strings.LastIndex(svg, "</svg>")
	if start < 0 || end < 0 {
		return ""
	}
	open := strings.Index(svg[start:], ">")
	return strings.ReplaceAll(gaps.ReplaceAllString(svg[start+open+1:end], ""), " />", "/>")
}
