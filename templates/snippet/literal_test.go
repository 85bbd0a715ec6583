package snippet

import (
	"encoding/hex"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// texts are what people put where they should not, and what languages stumble over.
var texts = []string{
	"", "a", "a b", `"`, `'`, "`", `\`, `\\`, `a\`, `\"`, `\'`, `\u0022`, `\\u0022+x+"`, `\u{22}`, `\x22`, `\0`, `\N{BULLET}`, "${1+1}", `\${1}`, "#{1+1}", `\#{1}`, "#$0", "#@a", "$x", "{$x}", "${x}", "%s", "%(a)s", "{0}",
	"\n", "a\nb", "a\r\nb", "\r", "\t", "a\n\n", "\n\"", "a\n\"\"\"", "a\n\\\"\"\"", "\"\"\"\n", "a\n`${x}`", "a\n'", "a\n\\", "a\n\\'", "a\n*/ // # <!--", "?>\n<?php echo 1;", "</script>", "__END__", "\n__END__\n", "=begin\n=end",
	"\x01\x04\x1a\x1b\x7f", "\u0085\u2028\u2029", "\u200b\ufeff\u202e", "é ✓ 漢", "🙂", "a\n🙂\u2028", "{\n  \"name\": \"O'Brien\"\n}", "a\n\x1b", "trailing \n  ", "\ufffd",
}

// interpreters print the values of literals in hexadecimal, a line each.
var interpreters = []struct {
	name           string
	literals       []func(string) string
	command        []string
	begin, mid, to string
}{
	{"JavaScript", []func(string) string{javascript, template}, []string{"node", "-"}, "for (const s of [\n", ",\n", "]) console.log(Buffer.from(s).toString('hex'))"},
	{"Python", []func(string) string{python, docstring}, []string{"python3", "-"}, "for s in [\n", ",\n", "]: print(s.encode().hex())"},
	{"PHP", []func(string) string{php}, []string{"php"}, "<?php foreach ([\n", ",\n", "] as $s) echo bin2hex($s), \"\\n\";"},
	{"Ruby", []func(string) string{ruby}, []string{"ruby", "-"}, "# encoding: utf-8\n[\n", ",\n", "].each { |s| puts s.unpack1('H*') }"},
}

// Each language itself must read a literal as the text that it was made of: nothing that a stranger chose may end a literal, start a variable or run.
func TestInterpretersReadLiteralsAsTheTextsThatTheyAre(t *testing.T) {
	for _, lang := range interpreters {
		for i, literal := range lang.literals {
			t.Run(fmt.Sprint(lang.name, i), func(t *testing.T) {
				if _, err := exec.LookPath(lang.command[0]); err != nil {
					t.Fatalf("%s is not installed: run .ci/deps", lang.command[0])
				}
				script := lang.begin
				for _, text := range texts {
					script += literal(text) + lang.mid
				}
				cmd := exec.Command(lang.command[0], lang.command[1:]...)
				cmd.Stdin = strings.NewReader(script + lang.to)
				cmd.Env = append(cmd.Environ(), "LC_ALL=C.UTF-8")
				out, err := cmd.Output()
				if err != nil {
					t.Fatalf("%v\n%s", err, script)
				}
				got := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
				if len(got) != len(texts) {
					t.Fatalf("%d texts, want %d", len(got), len(texts))
				}
				for j, text := range texts {
					if got[j] != hex.EncodeToString([]byte(text)) {
						t.Errorf("%s is read as %s, want %q", literal(text), got[j], text)
					}
				}
			})
		}
	}
}

func TestCompilersReadLiteralsAsTheTextsThatTheyAre(t *testing.T) {
	for _, text := range texts {
		readBack(t, text)
	}
}

func FuzzCompiledLiterals(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { readBack(t, strings.ToValidUTF8(text, "\ufffd")) })
}

func readBack(t *testing.T, text string) {
	t.Helper()
	if got, err := strconv.Unquote(golang(text)); err != nil || got != text {
		t.Errorf("Go: %s is %q %v, want %q", golang(text), got, err, text)
	}
	if got, err := unquote(unescapeUnicode(java(text)), `btnfrs"'\`, ""); err != nil || got != text {
		t.Errorf("Java: %s is %q %v, want %q", java(text), got, err, text)
	}
	if strings.ContainsFunc(java(text), func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("Java: %s is not printable ASCII", java(text))
	}
	if got, err := unquote(csharp(text), `0abfnrtv"'\`, "u"); err != nil || got != text {
		t.Errorf("C#: %s is %q %v, want %q", csharp(text), got, err, text)
	}
	if got := strings.Join(lines(text), ""); got != text {
		t.Errorf("lines of %q are %q", text, got)
	}
	for _, line := range lines(text) {
		if !utf8.ValidString(line) {
			t.Errorf("%q was cut within a character: %q", text, line)
		}
	}
}

// unescapeUnicode is the first thing that a compiler of Java does with a file (Java Language Specification, 3.3): a backslash behind an even number of
// others and any number of u, with four digits, is a UTF-16 unit, wherever it stands.
func unescapeUnicode(s string) string {
	var units []uint16
	var b strings.Builder
	flush := func() {
		for i := 0; i < len(units); i++ {
			r := rune(units[i])
			if r >= 0xd800 && r < 0xdc00 && i+1 < len(units) {
				r = 0x10000 + (r-0xd800)<<10 + rune(units[i+1]) - 0xdc00
				i++
			}
			b.WriteRune(r)
		}
		units = nil
	}
	backslashes := 0
	for i := 0; i < len(s); {
		if s[i] == '\\' && backslashes%2 == 0 && strings.HasPrefix(s[i+1:], "u") {
			j := i + 1
			for s[j] == 'u' {
				j++
			}
			unit, err := strconv.ParseUint(s[j:j+4], 16, 16)
			if err != nil {
				return ""
			}
			units = append(units, uint16(unit))
			i, backslashes = j+4, 0
			continue
		}
		flush()
		if s[i] == '\\' {
			backslashes++
		} else {
			backslashes = 0
		}
		b.WriteByte(s[i])
		i++
	}
	flush()
	return b.String()
}

// unquote reads a literal between double quotes as Java (3.10.5) and C# (6.4.5.6) do, strictly: one-letter escapes of a set, and \u with four digits
// where the language has it in literals. A raw line break, quote or lone backslash is an error.
func unquote(s, letters, unicode string) (string, error) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return "", fmt.Errorf("no quotes around")
	}
	values := map[byte]rune{'0': 0, 'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 's': ' ', 't': '\t', 'v': '\v', '"': '"', '\'': '\'', '\\': '\\'}
	var b strings.Builder
	high := rune(0)
	inner := s[1 : len(s)-1]
	for i := 0; i < len(inner); {
		r, width := utf8.DecodeRuneInString(inner[i:])
		i += width
		switch {
		case r == '"', r == '\n', r == '\r', unicode != "" && strings.ContainsRune("\u0085\u2028\u2029", r):
			return "", fmt.Errorf("%q ends the literal", r)
		case r != '\\':
		case i == len(inner):
			return "", fmt.Errorf("a backslash before the end")
		case strings.IndexByte(letters, inner[i]) >= 0:
			r = values[inner[i]]
			i++
		case unicode != "" && inner[i] == 'u' && i+5 <= len(inner):
			unit, err := strconv.ParseUint(inner[i+1:i+5], 16, 16)
			if err != nil {
				return "", err
			}
			i += 5
			r = rune(unit)
			if r >= 0xd800 && r < 0xdc00 {
				high = r
				continue
			}
			if high != 0 {
				r, high = 0x10000+(high-0xd800)<<10+r-0xdc00, 0
			}
		default:
			return "", fmt.Errorf(`an escape \%c that there is not`, inner[i])
		}
		b.WriteRune(r)
	}
	return b.String(), nil
}
