package snippet

import (
	"slices"
	"strings"

	"github.com/a-h/templ"
)

// Request is the call that the code makes.
type Request struct {
	Method  string // GET if empty or not a token
	URL     string // absolute
	URLEnv  string // an environment variable whose value follows the URL: a key in the query. "" for none
	Headers []Header
	Body    string // left out for GET and HEAD. Without a Content-Type it is sent as text/plain
	Form    []Part // fields of multipart/form-data, sent instead of Body
	File    string // the name of a file whose bytes are sent instead of Body
}

// Part is a field of a form: a text, or a file where one is named.
type Part struct{ Name, Value, File string }

// Header is a field of a request. Where Env is set, the value of that environment
// variable follows Value: "Bearer " and a key.
type Header struct{ Name, Value, Env string }

// Language is one that requests can be written in.
type Language struct {
	ID    string // in URLs and cookies: "python"
	Label string // "Python"
	Write func(Request) Code
}

// Languages are all of them, in the order in which they are offered.
func Languages() []Language {
	return []Language{
		{"curl", "cURL", Curl}, {"javascript", "JavaScript", JavaScript}, {"python", "Python", Python}, {"go", "Go", Go},
		{"java", "Java", Java}, {"csharp", "C#", CSharp}, {"php", "PHP", PHP}, {"ruby", "Ruby", Ruby},
	}
}

// Code is a program in coloured pieces.
type Code []Token

// Token is a piece of code; Class is empty or one of the tok- classes of app.css.
type Token struct{ Class, Text string }

// Kinds of words.
const (
	keyword = "tok-kw"
	literal = "tok-str"
	number  = "tok-num"
	called  = "tok-fn"
)

// Text is the program as it is copied.
func (c Code) Text() string {
	var b strings.Builder
	for _, t := range c {
		b.WriteString(t.Text)
	}
	return b.String()
}

// Body is the program in colours, for a <code> element.
func (c Code) Body() templ.Component { return tokens(c) }

// clean makes a request that HTTP can carry: a token as its method, a URL without
// what no URL can hold, no line breaks and no NUL in its head, valid UTF-8
// throughout, and a type for its body, since some clients would make one up.
func (r Request) clean() Request {
	out := Request{Method: strings.ToUpper(r.Method), URL: address(r.URL), Body: strings.ReplaceAll(strings.ToValidUTF8(r.Body, "\uFFFD"), "\x00", "")}
	if variable(r.URLEnv) {
		out.URLEnv = r.URLEnv
	}
	if !token(out.Method) {
		out.Method = "GET"
	}
	if out.Method == "GET" || out.Method == "HEAD" {
		out.Body = ""
	}
	if out.Method != "GET" && out.Method != "HEAD" {
		out.Form, out.File = parts(r.Form), fileName(r.File)
	}
	if len(out.Form) > 0 || out.File != "" {
		out.Body = ""
	}
	for _, h := range r.Headers {
		if len(out.Form) > 0 && strings.EqualFold(h.Name, "Content-Type") {
			continue // it has a boundary, which is the client's
		}
		if !token(h.Name) || h.Env != "" && !variable(h.Env) {
			continue
		}
		value := field(h.Value)
		if h.Env == "" {
			value = strings.TrimSpace(value)
		}
		out.Headers = append(out.Headers, Header{Name: h.Name, Value: value, Env: h.Env})
	}
	typed := slices.ContainsFunc(out.Headers, func(h Header) bool { return strings.EqualFold(h.Name, "Content-Type") })
	if out.Body != "" && !typed {
		out.Headers = append(out.Headers, Header{Name: "Content-Type", Value: "text/plain; charset=utf-8"})
	}
	return out
}

// parts are the fields of a form that a form can hold: their names have no
// quotes, no line breaks, and no equals sign, at which curl ends them.
func parts(all []Part) (out []Part) {
	for _, p := range all {
		name := field(p.Name)
		if name == "" || strings.ContainsAny(name, "\"\\=") {
			continue
		}
		value := strings.ReplaceAll(strings.ToValidUTF8(p.Value, "\uFFFD"), "\x00", "")
		out = append(out, Part{Name: name, Value: value, File: fileName(p.File)})
	}
	return out
}

// fileName is the name of a file beside the program; nothing reads it as an option,
// or as a path to somewhere else.
func fileName(s string) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune("/\\\"", r) {
			return '_'
		}
		return r
	}, field(s))
	if strings.HasPrefix(s, "-") {
		s = "_" + s[1:]
	}
	return s
}

// piece is a part of a form as it is written: a text, or the bytes of a file.
type piece struct{ text, file string }

// pieces are the whole of a form, but for its boundary, which follows each "--" that
// ends a text, and stands before the first.
func pieces(form []Part) (out []piece) {
	for _, p := range form {
		head := "\r\nContent-Disposition: form-data; name=\"" + p.Name + "\""
		if p.File == "" {
			out = append(out, piece{text: head + "\r\n\r\n" + p.Value + "\r\n--"})
			continue
		}
		out = append(out, piece{text: head + "; filename=\"" + p.File + "\"\r\nContent-Type: application/octet-stream\r\n\r\n"}, piece{file: p.File}, piece{text: "\r\n--"})
	}
	return out
}

// sends reports whether a body goes along.
func (r Request) sends() bool { return r.Body != "" || r.File != "" || len(r.Form) > 0 }

// sendsFile reports whether the code reads a file.
func (r Request) sendsFile() bool {
	return r.File != "" || slices.ContainsFunc(r.Form, func(p Part) bool { return p.File != "" })
}

// reads reports whether the code needs the environment.
func (r Request) reads() bool {
	return r.URLEnv != "" || slices.ContainsFunc(r.Headers, func(h Header) bool { return h.Env != "" })
}

// field drops what a request line or a header line cannot hold.
func field(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// address percent-encodes what RFC 3986 does not allow in a URL: some clients
// refuse such a one, others encode it in ways of their own. Brackets stay in the
// host alone.
func address(s string) string {
	s = field(s)
	path := 0 // where the host ends
	if scheme, after, ok := strings.Cut(s, "://"); ok {
		if path = strings.IndexAny(after, "/?#"); path < 0 {
			path = len(after)
		}
		path += len(scheme + "://")
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case letter(rune(c)), digit(rune(c)), strings.IndexByte("-._~:/?#@!$&'()*+,;=", c) >= 0, (c == '[' || c == ']') && i < path,
			c == '%' && i+2 < len(s) && hexadecimal(s[i+1]) && hexadecimal(s[i+2]):
			b.WriteByte(c)
		default:
			b.WriteString("%" + string(hex[c>>4]) + string(hex[c&15]))
		}
	}
	return b.String()
}

// token reports whether s is a token of RFC 9110, 5.6.2. Apostrophes and
// backticks are refused too: nobody needs them, and no shell likes them.
func token(s string) bool {
	for _, r := range s {
		if !letter(r) && !digit(r) && !strings.ContainsRune("!#$%&*+-.^_|~", r) {
			return false
		}
	}
	return s != ""
}

// variable reports whether s names an environment variable in every language.
func variable(s string) bool {
	for i, r := range s {
		if !letter(r) && r != '_' && (i == 0 || !digit(r)) {
			return false
		}
	}
	return s != ""
}

func letter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }
func digit(r rune) bool  { return r >= '0' && r <= '9' }

func hexadecimal(c byte) bool { return digit(rune(c)) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }
