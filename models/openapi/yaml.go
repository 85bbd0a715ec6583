package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// ToYAML writes JSON as YAML in blocks, in the order of its keys.
func ToYAML(w io.Writer, text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	y := yamlWriter{in: d, out: w}
	y.value(0, 0)
	y.write("\n")
	return y.err
}

type yamlWriter struct {
	in  *json.Decoder
	out io.Writer
	err error // the first
}

func (y *yamlWriter) write(s string) {
	if y.err == nil {
		_, y.err = io.WriteString(y.out, s)
	}
}

func (y *yamlWriter) token() json.Token {
	t, err := y.in.Token()
	if err != nil && y.err == nil {
		y.err = fmt.Errorf("write YAML: %w", err)
	}
	return t
}

// value writes what comes next. Behind is what stands before it on the line: nothing, ':' of a key or '-' of a list.
func (y *yamlWriter) value(indent int, behind rune) {
	lead := ""
	if behind != 0 {
		lead = " "
	}
	switch t := y.token().(type) {
	case json.Delim:
		y.block(t, indent, behind, lead)
	case string:
		y.write(lead + yamlText(t, indent))
	case nil:
		y.write(lead + "null")
	default:
		y.write(lead + fmt.Sprint(t))
	}
}

func (y *yamlWriter) block(open json.Delim, indent int, behind rune, lead string) {
	if !y.in.More() {
		_ = y.token() // its end
		y.write(lead + map[json.Delim]string{'{': "{}", '[': "[]"}[open])
		return
	}
	for first := true; y.in.More() && y.err == nil; first = false {
		switch {
		case first && behind == '-' && open == '{':
			y.write(lead) // the first key stands behind the dash
		case !first || behind != 0:
			y.write("\n" + strings.Repeat("  ", indent))
		}
		if open == '[' {
			y.write("-")
			y.value(indent+1, '-')
			continue
		}
		key, _ := y.token().(string)
		y.write(yamlText(key, -1) + ":")
		y.value(indent+1, ':')
	}
	_ = y.token() // its end
}

// plainYAML matches texts that YAML reads as texts without quotes.
var plainYAML = regexp.MustCompile(`^[A-Za-z_/$][A-Za-z0-9_./{}$-]*( [A-Za-z0-9_./(),'-]+)*$`)

// wordsYAML are those that it reads as something else.
var wordsYAML = map[string]bool{"true": true, "false": true, "null": true, "yes": true, "no": true, "on": true, "off": true, "y": true, "n": true}

// yamlText writes a text: plain where that is safe, as a block where it has lines, else in quotes, which are JSON's. Indent -1 is a key.
func yamlText(s string, indent int) string {
	switch {
	case plainYAML.MatchString(s) && !wordsYAML[strings.ToLower(s)]:
		return s
	case indent >= 0 && len(s) > 40 && strings.Contains(s, "\n") && blockable(s):
		mark := "|-\n"
		if rest, ended := strings.CutSuffix(s, "\n"); ended {
			s, mark = rest, "|\n"
		}
		return mark + strings.Repeat("  ", indent) + strings.ReplaceAll(s, "\n", "\n"+strings.Repeat("  ", indent))
	}
	return controls.ReplaceAllStringFunc(string(quoted(s)), func(c string) string { return fmt.Sprintf(`\u%04x`, []rune(c)[0]) })
}

// controls are what YAML takes for a line break or refuses, although JSON has it as it is.
var controls = regexp.MustCompile(`[\x{7f}-\x{9f}\x{feff}]`)

// blockable says that a text comes back as it is from a block.
func blockable(s string) bool {
	return !strings.HasPrefix(s, " ") && !strings.HasPrefix(s, "\n") && !strings.HasSuffix(s, "\n\n") && !strings.ContainsFunc(s, func(c rune) bool {
		return c < ' ' && c != '\n' || c == 0x7f || c >= 0x80 && c < 0xa0 || c == 0xfeff || c == 0x2028 || c == 0x2029
	})
}
