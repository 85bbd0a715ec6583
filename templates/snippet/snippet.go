package snippet

import (
	"strings"

	"github.com/a-h/templ"
)

// Request is the call that the code makes.
type Request struct {
	Method  string // GET if empty or not a token
	URL     string // absolute
	Headers []Header
	Body    string // left out for GET and HEAD
}

// Header is a field of a request. Where Env is set, the code reads the value from
// that environment variable, and Value is not used.
type Header struct{ Name, Value, Env string }

// Code is a program in coloured pieces.
type Code []Token

// Token is a piece of code; Class is empty or one of the tok- classes of app.css.
type Token struct{ Class, Text string }

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

func (c *Code) add(class, text string) { *c = append(*c, Token{class, text}) }
func (c *Code) plain(text string)      { c.add("", text) }
func (c *Code) word(text string)       { c.add("tok-kw", text) }
func (c *Code) str(text string)        { c.add("tok-str", text) }
func (c *Code) fn(text string)         { c.add("tok-fn", text) }

// clean makes a request that HTTP can carry: a token as its method, no line
// breaks and no NUL in its head, valid UTF-8 throughout.
func (r Request) clean() Request {
	out := Request{Method: strings.ToUpper(r.Method), URL: field(r.URL), Body: strings.ReplaceAll(strings.ToValidUTF8(r.Body, "\uFFFD"), "\x00", "")}
	if !token(out.Method) {
		out.Method = "GET"
	}
	if out.Method == "GET" || out.Method == "HEAD" {
		out.Body = ""
	}
	for _, h := range r.Headers {
		if !token(h.Name) || h.Env != "" && !variable(h.Env) {
			continue
		}
		out.Headers = append(out.Headers, Header{Name: h.Name, Value: strings.TrimSpace(field(h.Value)), Env: h.Env})
	}
	return out
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
