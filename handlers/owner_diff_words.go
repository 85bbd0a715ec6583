package handlers

import (
	"slices"
	"strings"

	"gatehouse/models"
	"gatehouse/models/openapi/diff"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// documentWords name a document: "Weather 2.1 (openapi 3.1.0)".
func documentWords(d diff.Document) string {
	if d.Format == "" {
		return "methods that were typed in"
	}
	return strings.TrimSpace(cut(d.Title, 60)+" "+cut(d.Version, 30)) + " (" + d.Format + ")"
}

// diffLead says in a sentence what a document comes to.
func diffLead(d diff.Diff) string {
	n, breaks := d.Counts(), " break callers"
	if n.Breaking == 1 {
		breaks = " breaks callers"
	}
	switch {
	case d.Nothing():
		return "It says what the one before it says"
	case n.Breaking > 0 && n.Doubtful > 0:
		return count(n.Breaking, "change") + breaks + ", and " + format.Count(int64(n.Doubtful)) + " may"
	case n.Breaking > 0:
		return count(n.Breaking, "change") + breaks
	case n.Doubtful > 0:
		return "Nothing certainly breaks callers; " + count(n.Doubtful, "change") + " may"
	case n.Added+n.Removed+n.Changed+n.Models == 0 && d.Before.Format != "":
		return "Words change, and nothing else"
	}
	return "Nothing breaks callers"
}

// diffSum counts: "1 operation goes, 2 come, 6 change and 9 stay as they are. 2 schemas change, come or go."
func diffSum(d diff.Diff) string {
	n := d.Counts()
	verb := func(n int, one, more string) string {
		if n == 1 {
			return format.Count(1) + " " + one
		}
		return format.Count(int64(n)) + " " + more
	}
	text := "Of the operations " + verb(n.Removed, "goes", "go") + ", " + verb(n.Added, "comes", "come") + ", " + verb(n.Changed, "changes", "change") + " and " + verb(d.Same+n.Reworded, "stays as it is", "stay as they are") + "."
	if n.Models > 0 {
		text += " " + count(n.Models, "schema") + map[bool]string{true: " changes, comes or goes.", false: " change, come or go."}[n.Models == 1]
	}
	return text
}

// diffKind is one of the tabs.
type diffKind struct {
	name, label string
	has         func(diff.Item) bool
}

func diffKinds() []diffKind {
	state := func(s diff.State) func(diff.Item) bool {
		return func(it diff.Item) bool { return it.Kind != diff.OfModel && it.State == s }
	}
	return []diffKind{
		{"", "All", func(diff.Item) bool { return true }},
		{"breaking", "Breaking", func(it diff.Item) bool { return it.Own() == diff.Breaking }},
		{"doubtful", "May break", func(it diff.Item) bool { return it.Own() == diff.Doubtful }},
		{"removed", "Removed", state(diff.Removed)},
		{"changed", "Changed", state(diff.Changed)},
		{"added", "Added", state(diff.Added)},
		{"schemas", "Schemas", func(it diff.Item) bool { return it.Kind == diff.OfModel }},
		{"words", "Words only", state(diff.Reworded)},
	}
}

// weights are the groups of a list, in its order.
func weights() []struct{ id, title, text string } {
	return []struct{ id, title, text string }{
		{"breaking", "Breaks callers", "What is called most stands first."},
		{"doubtful", "May break callers", "It depends on what their programs do."},
		{"added", "Added", "Nobody has to do anything."},
		{"changed", "Changed", "Nobody has to do anything."},
		{"through", "Changed by a schema", "What changes in it stands with the schema."},
		{"schemas", "Schemas", "As requests and answers use them; nobody has to do anything."},
		{"words", "Words only", "Descriptions and examples."},
	}
}

// weight is the place of an item's group among weights.
func weight(it diff.Item) int {
	switch {
	case it.Own() == diff.Breaking:
		return 0
	case it.Own() == diff.Doubtful:
		return 1
	case it.Kind == diff.OfModel:
		return 5
	case it.State == diff.Added:
		return 2
	case it.State == diff.Reworded:
		return 6
	case len(it.Changes) > 0:
		return 3
	}
	return 4
}

func levelBadge(l diff.Level) ui.BadgeProps {
	switch l {
	case diff.Breaking:
		return ui.BadgeProps{Kind: ui.Bad, Text: "Breaking"}
	case diff.Doubtful:
		return ui.BadgeProps{Kind: ui.Warn, Text: "May break"}
	}
	return ui.BadgeProps{}
}

// diffItem puts an item into words, with at most some of its changes, the worst first.
func diffItem(api models.APIID, it diff.Item, most int) owner.DiffItem {
	out := owner.DiffItem{ID: it.Slug, Href: diffPath(api) + "/" + it.Slug, Verb: it.Verb, Name: it.Path, Summary: it.Summary, More: it.More}
	if it.Kind != diff.OfOperation || it.Path == "" {
		out.Name = it.Name
	}
	if it.Kind == diff.OfModel {
		out.Badges = append(out.Badges, ui.BadgeProps{Kind: ui.Line, Text: "Schema"})
	} else if it.Kind == diff.OfWebhook {
		out.Badges = append(out.Badges, ui.BadgeProps{Kind: ui.Line, Text: "Webhook"})
	}
	switch it.State {
	case diff.Removed:
		out.Badges = append(out.Badges, ui.BadgeProps{Kind: map[bool]ui.Kind{true: ui.Bad, false: ui.Line}[it.Own() == diff.Breaking], Text: "Removed"})
	case diff.Added:
		out.Badges = append(out.Badges, ui.BadgeProps{Kind: ui.OK, Text: "Added"})
	default:
		if b := levelBadge(it.Level); b.Text != "" && it.Own() < it.Level {
			b.Text += " by a schema"
			out.Badges = append(out.Badges, b)
		}
	}
	changes := slices.Clone(it.Changes)
	slices.SortStableFunc(changes, func(a, b diff.Change) int { return int(b.Level) - int(a.Level) })
	if it.State == diff.Added || it.State == diff.Removed && it.Kind == diff.OfModel {
		changes = nil // the badge says it
	}
	if more := len(changes) - most; more > 0 {
		changes = changes[:most]
		out.More += more
	}
	for _, c := range changes {
		out.Changes = append(out.Changes, owner.DiffChange{Level: levelBadge(c.Level), Words: c.Rule.Words(), Where: c.Where(), Before: c.Before, After: c.After, Why: c.Why()})
	}
	if it.Through > 0 {
		out.Through = "Leads to " + nameSome(it.Models, it.Through, "schema") + " that changed."
	}
	if it.Uses > 0 {
		out.UsedBy = "Used by " + nameSome(it.UsedBy, it.Uses, "operation") + "."
	} else if it.Kind == diff.OfModel && it.State == diff.Changed {
		out.UsedBy = "No operation uses it before and after."
	}
	return out
}

// nameSome names three of several: "3 schemas (Pet, Owner and others)".
func nameSome(names []string, all int, noun string) string {
	const told = 3
	if len(names) == 0 {
		return count(all, noun)
	}
	list := strings.Join(names[:min(len(names), told)], ", ")
	if all > told {
		list += " and others"
	}
	return count(all, noun) + " (" + list + ")"
}
