package snippet

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// escaped is a text as the inside of a literal: special has what to write for some
// characters, other for those that no source file should hold.
func escaped(s string, special map[rune]string, other func(rune) string) string {
	var b strings.Builder
	for _, r := range s {
		switch text, ok := special[r]; {
		case ok:
			b.WriteString(text)
		case r != ' ' && !unicode.IsPrint(r):
			b.WriteString(other(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// single is a literal in which nothing but its quote and the backslash is special,
// line breaks neither: PHP and Ruby have it.
func single(s string) string {
	return `'` + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + `'`
}

// plain reports whether a text can stand in a source file as it is.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r != ' ' && r != '\n' && !unicode.IsPrint(r) })
}

// utf16 is a character in the four digits of JavaScript, Java and C#.
func utf16(r rune) string {
	if r <= 0xffff {
		return fmt.Sprintf(`\u%04x`, r)
	}
	r -= 0x10000
	return fmt.Sprintf(`\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
}

// javascript is a literal of JavaScript.
func javascript(s string) string {
	return `"` + escaped(s, map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`}, utf16) + `"`
}

// template is a literal of JavaScript over several lines.
func template(s string) string {
	text := escaped(s, map[rune]string{'`': "\\`", '\\': `\\`, '\n': "\n", '\r': `\r`, '\t': `\t`}, utf16)
	return "`" + strings.ReplaceAll(text, "${", `\${`) + "`"
}

// python is a literal of Python.
func python(s string) string {
	return `"` + escaped(s, map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`}, pythonRune) + `"`
}

// docstring is a literal of Python over several lines.
func docstring(s string) string {
	inner := strings.TrimRight(s, `"`) // quotes at the end would end it
	text := escaped(inner, map[rune]string{'\\': `\\`, '\n': "\n", '\r': `\r`, '\t': `\t`}, pythonRune)
	return `"""` + strings.ReplaceAll(text, `"""`, `\"\"\"`) + strings.Repeat(`\"`, len(s)-len(inner)) + `"""`
}

func pythonRune(r rune) string {
	if r > 0xffff {
		return fmt.Sprintf(`\U%08x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// golang is a literal of Go: a raw one where that reads better.
func golang(s string) string {
	if strings.ContainsAny(s, "\"\n") && !strings.Contains(s, "`") && plain(s) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

// java is a literal of Java. Only what is ASCII stands there as it is: compilers
// before Java 18 read a file in the encoding of the machine.
func java(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '"', r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ', r >= 0x7f:
			b.WriteString(utf16(r))
		default:
			b.WriteRune(r)
		}
	}
	return `"` + b.String() + `"`
}

// csharp is a literal of C#.
func csharp(s string) string {
	return `"` + escaped(s, map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`}, utf16) + `"`
}

// php is a literal of PHP.
func php(s string) string {
	if plain(s) {
		return single(s)
	}
	return `"` + escaped(s, map[rune]string{'"': `\"`, '\\': `\\`, '$': `\$`, '\n': `\n`, '\r': `\r`, '\t': `\t`}, braced) + `"`
}

// ruby is a literal of Ruby.
func ruby(s string) string {
	if strings.Contains(s, "\n") && plain(s) {
		return single(s)
	}
	text := escaped(s, map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`}, braced)
	return `"` + strings.NewReplacer("#{", `\#{`, "#$", `\#$`, "#@", `\#@`).Replace(text) + `"`
}

// braced is a character as PHP and Ruby write it.
func braced(r rune) string { return fmt.Sprintf(`\u{%x}`, r) }
