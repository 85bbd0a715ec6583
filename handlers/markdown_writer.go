package handlers

import "strings"

// maxListed is how many operations or models a text lists.
const maxListed = 2000

// writer writes Markdown.
type writer struct{ strings.Builder }

func (w *writer) line(parts ...string) {
	for _, p := range parts {
		w.WriteString(p)
	}
	w.WriteByte('\n')
}

// paragraph writes a text with an empty line behind it.
func (w *writer) paragraph(parts ...string) {
	if text := strings.TrimSpace(strings.Join(parts, "")); text != "" {
		w.line(text)
		w.line()
	}
}

func (w *writer) heading(level int, text string) {
	w.paragraph(strings.Repeat("#", min(level, 6)), " ", text)
}

// block writes code.
func (w *writer) block(language, code string) {
	if code == "" {
		return
	}
	fence := "```"
	for strings.Contains(code, fence) {
		fence += "`"
	}
	w.line(fence, language)
	w.line(strings.TrimRight(code, "\n"))
	w.line(fence)
	w.line()
}

// code is a word of code in a line.
func code(s string) string { return "`" + strings.ReplaceAll(s, "`", "'") + "`" }

// extra writes what has no place of its own.
func (w *writer) extra(label, json string) {
	if json != "" {
		w.paragraph(label, ":")
		w.block("json", json)
	}
}

func indented(text string) string { return indentedBy(text, "") }

// indentedBy is a text behind a line of a list.
func indentedBy(text, indent string) string {
	if text == "" {
		return ""
	}
	return ": " + strings.ReplaceAll(text, "\n", "\n"+indent+"  ")
}

// inOneLine is JSON without its line breaks.
func inOneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
