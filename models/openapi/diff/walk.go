package diff

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"gatehouse/models/openapi"
)

// Bounds on one walk.
const (
	maxDepth = 12
	maxPairs = 20_000
)

// walk collects the changes of one item.
type walk struct {
	*comparison
	item   *Item
	place  string
	active map[[2]string]bool // pairs of models that are being walked
	pairs  int
}

// note adds a change at a field, judged for the directions in which it travels. What travels in none of them harms nobody.
func (w *walk) note(rule Rule, field string, d direction, before, after string) {
	c := Change{Rule: rule, Level: rule.judge(d), Sent: d&sent != 0, Received: d&received != 0, Place: w.place, Field: cut(field, 300), Before: cut(before, 200), After: cut(after, 200)}
	w.item.Level = max(w.item.Level, c.Level)
	if len(w.item.Changes) >= MaxChanges || w.total >= MaxAllChanges {
		w.item.More++
		w.cut = true
		return
	}
	w.total++
	w.item.Changes = append(w.item.Changes, c)
}

// cut shortens words that strangers wrote.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// schema compares what stands in one place; a model that stayed under its name is compared by itself.
func (w *walk) schema(field string, before, after *openapi.Schema, d direction, depth int) {
	if w.pairs++; before == nil || after == nil || depth > maxDepth || w.pairs > maxPairs {
		return
	}
	if before.Ref != "" && before.Ref == after.Ref && w.named(before.Ref) {
		return
	}
	pair := [2]string{before.Ref, after.Ref}
	if before.Ref != "" || after.Ref != "" {
		if w.active[pair] {
			return
		}
		w.active[pair] = true
		defer delete(w.active, pair)
	}
	a, b := w.before.flatten(before, false), w.after.flatten(after, false)
	switch {
	case a.single && len(b.variants) > 0:
		a = w.before.flatten(before, true)
	case b.single && len(a.variants) > 0:
		b = w.after.flatten(after, true)
	}
	w.value(field, a, b, d, depth)
}

// value compares two values whose references are followed.
func (w *walk) value(field string, a, b flat, d direction, depth int) {
	switch compareTypes(a.types, b.types) {
	case different:
		w.note(TypeChanged, field, d, a.words(), b.words())
		return // nothing within is the same
	case narrower:
		w.note(TypeNarrowed, field, d, a.words(), b.words())
	case wider:
		w.note(TypeWidened, field, d, a.words(), b.words())
	default:
		if a.format != b.format {
			w.note(FormatChanged, field, d, a.words(), b.words())
		}
	}
	switch {
	case a.null && !b.null:
		w.note(NullForbidden, field, d, "", "")
	case b.null && !a.null:
		w.note(NullAllowed, field, d, "", "")
	}
	w.enum(field, a.enum, b.enum, d)
	switch was, is := strings.Join(a.limits, ", "), strings.Join(b.limits, ", "); compareLimits(a.limits, b.limits) {
	case narrower:
		w.note(LimitNarrowed, field, d, orNone(was), orNone(is))
	case wider:
		w.note(LimitWidened, field, d, orNone(was), orNone(is))
	case different:
		w.note(LimitChanged, field, d, orNone(was), orNone(is))
	}
	if a.preset != b.preset {
		w.note(DefaultChanged, field, d, orNone(a.preset), orNone(b.preset))
	}
	w.fields(field, a, b, d, depth)
	w.schema(field+"[]", a.items, b.items, d, depth+1)
	w.schema(field+"{}", a.anyKey, b.anyKey, d, depth+1)
	w.variants(field, a.variants, b.variants, d, depth)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func (w *walk) enum(field string, before, after []string, d direction) {
	const named = 20
	gone, came := without(before, after), without(after, before)
	switch {
	case len(before) == 0 && len(after) == 0:
	case len(before) == 0:
		w.note(ValuesListed, field, d, "any", someOf(after, named))
	case len(after) == 0:
		w.note(ValuesOpened, field, d, someOf(before, named), "any")
	default:
		if len(gone) > 0 {
			w.note(ValueRemoved, field, d, someOf(gone, named), "")
		}
		if len(came) > 0 {
			w.note(ValueAdded, field, d, "", someOf(came, named))
		}
	}
}

func someOf(values []string, most int) string {
	if len(values) > most {
		return strings.Join(values[:most], ", ") + " and " + strconv.Itoa(len(values)-most) + " more"
	}
	return strings.Join(values, ", ")
}

// fields compares the properties of an object.
func (w *walk) fields(field string, a, b flat, d direction, depth int) {
	for _, name := range a.names() {
		was, _ := a.field(name)
		is, there := b.field(name)
		old := w.before.flatten(was, false)
		if !there {
			w.note(FieldRemoved, below(field, name), d&old.travels(), "", "")
			continue
		}
		before, after := d&old.travels(), d&w.after.flatten(is, false).travels()
		way := before & after
		switch {
		case after&^before&sent != 0 && b.required[name]:
			w.note(FieldRequired, below(field, name), sent, "read-only", "")
		case before&^after&received != 0:
			w.note(FieldRemoved, below(field, name), received, "", "write-only")
		}
		switch {
		case b.required[name] && !a.required[name]:
			w.note(BecameRequired, below(field, name), way, "", "")
		case a.required[name] && !b.required[name]:
			w.note(BecameOptional, below(field, name), way, "", "")
		}
		w.schema(below(field, name), was, is, way, depth+1)
	}
	for _, name := range b.names() {
		if _, there := a.field(name); there {
			continue
		}
		is, _ := b.field(name)
		now := w.after.flatten(is, false)
		if way := d & now.travels(); b.required[name] && way&sent != 0 {
			w.note(FieldRequired, below(field, name), way, "", now.words())
		} else {
			w.note(FieldAdded, below(field, name), way, "", now.words())
		}
	}
	// Required names that no part describes still have to be sent.
	for _, name := range slices.Sorted(maps.Keys(b.required)) {
		_, was := a.field(name)
		_, is := b.field(name)
		if !was && !is && !a.required[name] {
			w.note(BecameRequired, below(field, name), d, "", "")
		}
	}
}

func below(field, name string) string {
	if field == "" {
		return name
	}
	return field + "." + name
}

// travels are the directions that a field knows.
func (f flat) travels() direction {
	switch {
	case f.readOnly && !f.writable:
		return received
	case f.writable && !f.readOnly:
		return sent
	}
	return both
}

// variants compares alternatives: those of a model by its name, others by their words.
func (w *walk) variants(field string, before, after []openapi.Schema, d direction, depth int) {
	if len(before) == 0 || len(after) == 0 {
		if len(before) != len(after) {
			w.note(LimitChanged, field, d, alternatives(before), alternatives(after))
		}
		return
	}
	taken := make([]bool, len(after))
	for i := range before {
		j := 0
		for j < len(after) && (taken[j] || after[j].Type != before[i].Type) {
			j++
		}
		if j == len(after) {
			w.note(VariantRemoved, field, d, before[i].Type, "")
			continue
		}
		taken[j] = true
		w.schema(field, &before[i], &after[j], d, depth+1)
	}
	for j, was := range taken {
		if !was {
			w.note(VariantAdded, field, d, "", after[j].Type)
		}
	}
}

func alternatives(all []openapi.Schema) string {
	var names []string
	for _, v := range all {
		names = append(names, v.Type)
	}
	return orNone(someOf(names, 10))
}
