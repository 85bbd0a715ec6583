package diff

import (
	"fmt"
	"slices"
	"strings"
)

// Entry is a proposal for the API's changelog.
type Entry struct {
	Title    string // one line
	Body     string // Markdown
	Breaking bool
}

// entryLines is how many lines a list of an Entry has.
const entryLines = 30

// Entry tells callers of what concerns them; false where nothing does: other words, other examples, schemas that nobody uses.
func (d Diff) Entry() (Entry, bool) {
	var added, removed, broken, other []string
	n := d.Counts()
	schemas := 0
	for _, it := range d.Items {
		switch {
		case it.State == Reworded:
		case it.Kind == OfModel:
			if it.State == Changed && it.Uses > 0 {
				schemas++
				if it.Level > Harmless {
					broken = append(broken, it.entryLine())
				} else {
					other = append(other, it.entryLine())
				}
			}
		case it.State == Added:
			added = append(added, it.entryLine())
		case it.State == Removed:
			removed = append(removed, it.entryLine())
		case it.Own() > Harmless:
			broken = append(broken, it.entryLine())
		case len(it.Changes) > 0:
			other = append(other, it.entryLine())
		}
	}
	if len(added)+len(removed)+len(broken)+len(other) == 0 {
		return Entry{}, false
	}
	e := Entry{Breaking: n.Breaking > 0, Title: entryTitle(len(added), len(removed), len(broken)+len(other)-schemas, schemas)}
	var body []string
	for _, part := range []struct {
		title string
		lines []string
	}{{"Removed", removed}, {"Changes to look at", broken}, {"Added", added}, {"Other changes", other}} {
		if len(part.lines) == 0 {
			continue
		}
		text := "## " + part.title + "\n\n" + strings.Join(part.lines[:min(len(part.lines), entryLines)], "\n")
		if more := len(part.lines) - entryLines; more > 0 {
			text += fmt.Sprintf("\n- and %d more", more)
		}
		body = append(body, text)
	}
	e.Body = strings.Join(body, "\n\n")
	return e, true
}

// entryTitle counts in words: "3 operations added, 1 removed, 2 schemas changed".
func entryTitle(added, removed, changed, schemas int) string {
	var parts []string
	add := func(n int, noun, verb string) {
		if n == 0 {
			return
		}
		what := fmt.Sprintf("%d %ss", n, noun)
		switch {
		case n == 1:
			what = "1 " + noun
		}
		if noun == "operation" && len(parts) > 0 {
			what = fmt.Sprint(n)
		}
		parts = append(parts, what+" "+verb)
	}
	add(added, "operation", "added")
	add(removed, "operation", "removed")
	add(changed, "operation", "changed")
	add(schemas, "schema", "changed")
	return strings.Join(parts, ", ")
}

// entryLine is an item with what changed of it.
func (it Item) entryLine() string {
	line := "- `" + strings.ReplaceAll(it.Name, "`", "'") + "`"
	if it.Kind == OfWebhook {
		line = "- The webhook `" + strings.ReplaceAll(it.Name, "`", "'") + "`"
	}
	if it.State != Changed {
		if it.Summary != "" {
			line += ": " + plain(it.Summary)
		}
		return line
	}
	changes := slices.Clone(it.Changes)
	slices.SortStableFunc(changes, func(a, b Change) int { return int(b.Level) - int(a.Level) })
	const told = 3
	var words []string
	for _, c := range changes[:min(len(changes), told)] {
		word := c.Rule.Words()
		word = strings.ToLower(word[:1]) + word[1:]
		if where := c.Where(); where != "" {
			word += " (" + plain(where) + ")"
		}
		words = append(words, word)
	}
	if more := len(changes) + it.More - told; more > 0 {
		words = append(words, fmt.Sprintf("and %d more", more))
	}
	return line + ": " + strings.Join(words, ", ")
}

// plain writes what a stranger wrote as Markdown that says just that.
func plain(s string) string {
	return strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`, "#", `\#`, "\n", " ", "\r", " ", "&", `\&`).Replace(s)
}
