package snippet

import "strings"

// program is code that is being written in one language.
type program struct {
	Code
	keywords string                   // of those that we use, each between blanks
	quote    func(string) string      // a literal of the language, whose value is exactly that
	env      func(name string) string // reads a variable
	plus     string                   // between two texts
}

func (c *Code) add(class, text string) {
	if text != "" {
		*c = append(*c, Token{class, text})
	}
}

// write adds code of our own, in colours: keywords, names that are called, numbers
// and texts, in which nothing is escaped.
func (p *program) write(code string) {
	plain := 0 // where what has no colour begins
	piece := func(from, to int, class string) {
		p.add("", code[plain:from])
		p.add(class, code[from:to])
		plain = to
	}
	for i := 0; i < len(code); {
		end := i + 1
		switch c := rune(code[i]); {
		case c == '"' || c == '\'':
			end += strings.IndexRune(code[end:], c) + 1
			piece(i, end, literal)
		case letter(c), c == '_', c == '$':
			for end < len(code) && (letter(rune(code[end])) || digit(rune(code[end])) || code[end] == '_') {
				end++
			}
			switch {
			case strings.Contains(p.keywords, " "+code[i:end]+" "):
				piece(i, end, keyword)
			case end < len(code) && code[end] == '(':
				piece(i, end, called)
			}
		case digit(c):
			for end < len(code) && digit(rune(code[end])) {
				end++
			}
			piece(i, end, number)
		}
		i = end
	}
	p.add("", code[plain:])
}

// text adds what a stranger may have chosen.
func (p *program) text(s string) { p.add(literal, p.quote(s)) }

// value adds a text and, behind it, the value of an environment variable, if one is named.
func (p *program) value(s, env string) {
	if s != "" || env == "" {
		p.text(s)
	}
	if env == "" {
		return
	}
	if s != "" {
		p.add("", p.plus)
	}
	p.write(p.env(env))
}

// lines cuts a text behind its line breaks, and where a line is longer than compilers like.
func lines(s string) []string {
	const longest = 8 << 10
	var out []string
	for s != "" {
		n := min(len(s), longest)
		if i := strings.IndexByte(s[:n], '\n'); i >= 0 {
			n = i + 1
		}
		for n < len(s) && s[n]&0xc0 == 0x80 { // not within a character
			n--
		}
		out, s = append(out, s[:n]), s[n:]
	}
	return out
}
