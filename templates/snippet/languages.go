package snippet

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode"
)

// Curl is a command for a POSIX shell.
func Curl(r Request) Code {
	r = r.clean()
	var c Code
	next := " \\\n  "
	c.fn("curl")
	if strings.ContainsAny(r.URL, "[]{}") {
		c.plain(" --globoff") // curl expands brackets and braces otherwise
	}
	c.plain(" ")
	if r.Method == "HEAD" {
		c.plain("--head ")
	} else if r.Method != "GET" && !(r.Method == "POST" && r.Body != "") {
		c.plain("-X " + shell(r.Method) + " ")
	}
	if strings.HasPrefix(r.URL, "-") {
		c.plain("--url ") // not an option, whatever it looks like
	}
	c.str(shell(r.URL))
	for _, h := range r.Headers {
		c.plain(next + "-H ")
		switch {
		case h.Env != "":
			c.str(`"` + doubled(h.Name+": ") + `$` + h.Env + `"`)
		case h.Value == "":
			c.str(shell(h.Name + ";")) // curl's way to send an empty header
		default:
			c.str(shell(h.Name + ": " + h.Value))
		}
	}
	if r.Body != "" {
		c.plain(next + "--data-raw ")
		c.str(shell(r.Body))
	}
	return c
}

// shell quotes for POSIX shells; only what needs quotes gets them.
func shell(s string) string {
	safe := func(r rune) bool { return letter(r) || digit(r) || strings.ContainsRune("-_./:@%+,", r) }
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !safe(r) }) < 0 {
		return s
	}
	if !strings.ContainsAny(s, "\"$`\\!") {
		return `"` + s + `"`
	}
	return `'` + strings.ReplaceAll(s, `'`, `'\''`) + `'`
}

// doubled escapes for the inside of double quotes of a POSIX shell. An exclamation
// mark would be history in an interactive one, and cannot be escaped there.
func doubled(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`", `!`, `"'!'"`).Replace(s)
}

// Node is a module for Node 18 and newer, or a browser where keys are no secret.
func Node(r Request) Code {
	r = r.clean()
	var c Code
	c.word("const")
	c.plain(" res = ")
	c.word("await")
	c.plain(" ")
	c.fn("fetch")
	c.plain("(")
	c.str(quote(r.URL))
	if r.Method != "GET" || len(r.Headers) > 0 {
		c.plain(", {\n")
		if r.Method != "GET" {
			c.plain("  method: ")
			c.str(quote(r.Method))
			c.plain(",\n")
		}
		if len(r.Headers) > 0 {
			c.plain("  headers: {\n")
			for _, h := range r.Headers {
				c.plain("    ")
				c.str(quote(h.Name))
				c.plain(": ")
				if h.Env != "" {
					c.plain("process.env." + h.Env)
				} else {
					c.str(quote(h.Value))
				}
				c.plain(",\n")
			}
			c.plain("  },\n")
		}
		if r.Body != "" {
			c.plain("  body: ")
			c.str(quote(r.Body))
			c.plain(",\n")
		}
		c.plain("}")
	}
	c.plain(");\nconsole.")
	c.fn("log")
	c.plain("(res.status, ")
	c.word("await")
	c.plain(" res.")
	c.fn("text")
	c.plain("());\n")
	return c
}

// quote is a string literal of JavaScript and of Python: JSON, whose escapes both
// languages read alike. json.Marshal also escapes <, >, & and U+2028, which would
// be needless noise in a URL, so the first three are written plainly; the page
// escapes them for HTML.
func quote(s string) string {
	out, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	text := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(strings.ReplaceAll(string(out), `\\`, "\x00"))
	return strings.ReplaceAll(text, "\x00", `\\`)
}

// Python uses requests, which nearly everybody has.
func Python(r Request) Code {
	r = r.clean()
	var c Code
	env := false
	for _, h := range r.Headers {
		env = env || h.Env != ""
	}
	if env {
		c.word("import")
		c.plain(" os\n\n")
	}
	c.word("import")
	c.plain(" requests\n\nres = requests.")
	c.fn("request")
	c.plain("(\n    ")
	c.str(quote(r.Method))
	c.plain(",\n    ")
	c.str(quote(r.URL))
	c.plain(",\n")
	if len(r.Headers) > 0 {
		c.plain("    headers={\n")
		for _, h := range r.Headers {
			c.plain("        ")
			c.str(quote(h.Name))
			c.plain(": ")
			if h.Env != "" {
				c.plain("os.environ[")
				c.str(quote(h.Env))
				c.plain("]")
			} else {
				c.str(quote(h.Value))
			}
			c.plain(",\n")
		}
		c.plain("    },\n")
	}
	if r.Body != "" {
		c.plain("    data=")
		c.str(quote(r.Body))
		c.plain(".")
		c.fn("encode")
		c.plain("(),\n")
	}
	c.plain("    timeout=")
	c.add("tok-num", "10")
	c.plain(",\n)\n")
	c.fn("print")
	c.plain("(res.status_code, res.text)\n")
	return c
}

// Go is a program of the standard library alone, as gofmt writes it.
func Go(r Request) Code {
	r = r.clean()
	var c Code
	c.word("package")
	c.plain(" main\n\n")
	c.word("import")
	c.plain(" (\n")
	for _, name := range imports(r) {
		c.plain("\t")
		c.str(strconv.Quote(name))
		c.plain("\n")
	}
	c.plain(")\n\n")
	c.word("func")
	c.plain(" ")
	c.fn("main")
	c.plain("() {\n\treq, err := http.")
	c.fn("NewRequest")
	c.plain("(")
	c.str(golang(r.Method))
	c.plain(", ")
	c.str(golang(r.URL))
	if r.Body == "" {
		c.plain(", ")
		c.word("nil")
	} else {
		c.plain(", strings.")
		c.fn("NewReader")
		c.plain("(")
		c.str(golang(r.Body))
		c.plain(")")
	}
	c.plain(")\n")
	goFatal(&c)
	for _, h := range r.Headers {
		c.plain("\treq.Header.")
		c.fn("Set")
		c.plain("(")
		c.str(golang(h.Name))
		c.plain(", ")
		if h.Env != "" {
			c.plain("os.")
			c.fn("Getenv")
			c.plain("(")
			c.str(golang(h.Env))
			c.plain(")")
		} else {
			c.str(golang(h.Value))
		}
		c.plain(")\n")
	}
	c.plain("\tres, err := http.DefaultClient.")
	c.fn("Do")
	c.plain("(req)\n")
	goFatal(&c)
	c.plain("\t")
	c.word("defer")
	c.plain(" res.Body.")
	c.fn("Close")
	c.plain("()\n\tbody, err := io.")
	c.fn("ReadAll")
	c.plain("(res.Body)\n")
	goFatal(&c)
	c.plain("\tfmt.")
	c.fn("Println")
	c.plain("(res.StatusCode, ")
	c.fn("string")
	c.plain("(body))\n}\n")
	return c
}

func goFatal(c *Code) {
	c.plain("\t")
	c.word("if")
	c.plain(" err != ")
	c.word("nil")
	c.plain(" {\n\t\tlog.")
	c.fn("Fatal")
	c.plain("(err)\n\t}\n")
}

// imports are those that the program uses, in order.
func imports(r Request) []string {
	out := []string{"fmt", "io", "log", "net/http"}
	for _, h := range r.Headers {
		if h.Env != "" {
			out = append(out, "os")
			break
		}
	}
	if r.Body != "" {
		out = append(out, "strings")
	}
	return out
}

// golang is a string literal of Go: a raw one where that reads better.
func golang(s string) string {
	if strings.Contains(s, `"`) && !strings.ContainsAny(s, "`\r") && strings.IndexFunc(s, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) < 0 {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}
