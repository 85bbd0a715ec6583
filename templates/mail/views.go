package mail

import "strings"

// View is what a mail says.
type View struct {
	Product   string
	Title     string // the subject, too
	Preheader string // what a list of mails shows beside the subject
	Lines     []string
	Quote     string // what a person wrote
	Facts     []Fact
	Items     []Item // what else the mail tells of
	Button    Link
	After     []string
	Why       string // one gets this mail
	Links     []Link // below
}

// Fact is a term with its value.
type Fact struct{ Term, Text string }

// Item is one of several things that a mail tells of.
type Item struct{ Title, Text, URL string }

// Link is words that lead to an address.
type Link struct{ Label, URL string }

// width of a line of the text part (RFC 3676 asks for at most 78).
const width = 76

// Text is the mail as plain text.
func Text(v View) string {
	var b strings.Builder
	line := func(text string) { b.WriteString(wrap(text) + "\n") }
	line(v.Title)
	b.WriteString(strings.Repeat("=", min(width, len([]rune(plain(v.Title))))) + "\n\n")
	for _, l := range v.Lines {
		line(l)
		b.WriteByte('\n')
	}
	if v.Quote != "" {
		for l := range strings.SplitSeq(wrap(v.Quote), "\n") {
			b.WriteString("> " + l + "\n")
		}
		b.WriteByte('\n')
	}
	for _, f := range v.Facts {
		line(f.Term + ": " + f.Text)
	}
	if len(v.Facts) > 0 {
		b.WriteByte('\n')
	}
	for _, item := range v.Items {
		line("* " + item.Title)
		if item.Text != "" {
			line("  " + item.Text)
		}
		if item.URL != "" {
			b.WriteString("  " + item.URL + "\n")
		}
		b.WriteByte('\n')
	}
	if v.Button.URL != "" {
		b.WriteString(plain(v.Button.Label) + ":\n" + v.Button.URL + "\n\n")
	}
	for _, l := range v.After {
		line(l)
		b.WriteByte('\n')
	}
	b.WriteString("-- \n")
	line(v.Why)
	for _, l := range v.Links {
		b.WriteString(plain(l.Label) + ": " + l.URL + "\n")
	}
	return b.String()
}

// plain has the blanks that a terminal knows.
func plain(s string) string {
	return strings.NewReplacer("\u00a0", " ", "\u202f", " ", "\u2009", " ", "\r", "").Replace(s)
}

// wrap breaks lines at blanks; what a person broke stays broken.
func wrap(text string) string {
	var out []string
	for line := range strings.SplitSeq(plain(text), "\n") {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		at := indent
		for _, word := range strings.Fields(line) {
			if at != indent && len([]rune(at))+1+len([]rune(word)) > width {
				out, at = append(out, at), indent
			}
			if at != indent {
				at += " "
			}
			at += word
		}
		out = append(out, at)
	}
	return strings.Join(out, "\n")
}
