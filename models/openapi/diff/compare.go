package diff

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"gatehouse/models/openapi"
)

// comparison is one run.
type comparison struct {
	before, after *side
	total         int
	cut           bool
	hidden        map[string]bool // models that are no schemas of their own in one of the documents: their names mean nothing
	touched       map[string]bool // models, by slug, whose text or that of what they lead to is another
	reach         map[string]direction
	models        map[string]*Item // those that changed, by slug
	ranked        []*Item          // the same, the worst first, and else in the document's order
	out           Diff
}

// Compare says what turns one API into the other. It reads only the parts of the documents that differ, and what leads to them. The error is the context's, or
// that of a reading that is damaged.
func Compare(ctx context.Context, before, after Side) (Diff, error) {
	c := &comparison{before: newSide(before), after: newSide(after), hidden: map[string]bool{}, reach: map[string]direction{}, models: map[string]*Item{}}
	c.out.Before, c.out.After = document(before), document(after)
	for _, models := range [][]openapi.Model{before.Models, after.Models} {
		for _, m := range models {
			c.hidden[m.Slug] = c.hidden[m.Slug] || m.Hidden
		}
	}
	c.touch()
	pairs := c.pair()
	if err := c.directions(ctx, pairs); err != nil {
		return Diff{}, err
	}
	if err := c.compareModels(ctx); err != nil {
		return Diff{}, err
	}
	for _, p := range pairs {
		if err := ctx.Err(); err != nil {
			return Diff{}, err
		}
		if err := c.operation(p); err != nil {
			return Diff{}, err
		}
	}
	if err := c.webhooks(); err != nil {
		return Diff{}, err
	}
	c.addModels()
	c.out.Cut = c.cut
	c.nameItems()
	for _, s := range []*side{c.before, c.after} {
		if s.err != nil {
			return Diff{}, s.err
		}
	}
	return c.out, nil
}

func document(s Side) Document {
	return Document{Title: s.Title, Version: s.Version, Format: s.Format, Servers: s.Servers}
}

// named says that a model of both documents is the same by its name.
func (c *comparison) named(slug string) bool {
	return !c.hidden[slug] && c.after.names[slug] != "" && c.before.names[slug] != ""
}

// touch finds the models that are not as they were, and all that lead to them.
func (c *comparison) touch() {
	c.touched = map[string]bool{}
	users := map[string][]string{}
	var open []string
	for _, s := range []*side{c.before, c.after} {
		for _, m := range s.Models {
			for _, used := range s.ModelsIn(m.Slug) {
				users[used] = append(users[used], m.Slug)
			}
			if !c.touched[m.Slug] && !openapi.SameModel(c.before.Reference, c.after.Reference, m.Slug) {
				c.touched[m.Slug] = true
				open = append(open, m.Slug)
			}
		}
	}
	for len(open) > 0 {
		slug := open[len(open)-1]
		open = open[:len(open)-1]
		for _, user := range users[slug] {
			if !c.touched[user] {
				c.touched[user] = true
				open = append(open, user)
			}
		}
	}
}

// pair is an operation before and after; one of them is nil where it is new or gone.
type pair struct{ before, after *Call }

var placeholder = regexp.MustCompile(`\{[^{}/]*\}`)

// shape is what requests an operation answers.
func shape(c Call) string {
	return c.Verb + " " + placeholder.ReplaceAllStringFunc(strings.TrimSuffix(c.Path, "/"), func(name string) string {
		if strings.HasSuffix(name, "+}") {
			return "{+}"
		}
		return "{}"
	})
}

// pair matches operations by their names, and then by the requests that they answer: first those that are gone, then the others in the new order.
func (c *comparison) pair() []pair {
	named, shaped := map[string]int{}, map[string]int{}
	for i, call := range c.before.Calls {
		named[call.Name()], shaped[shape(call)] = i, i
	}
	kept := make([]bool, len(c.before.Calls))
	match := make([]int, len(c.after.Calls))
	for i, call := range c.after.Calls {
		match[i] = -1
		if j, ok := named[call.Name()]; ok {
			match[i], kept[j] = j, true
		}
	}
	var pairs []pair
	for i, call := range c.after.Calls {
		if j, ok := shaped[shape(call)]; match[i] < 0 && ok && !kept[j] {
			match[i], kept[j] = j, true
		}
	}
	for j := range c.before.Calls {
		if !kept[j] {
			pairs = append(pairs, pair{before: &c.before.Calls[j]})
		}
	}
	for i := range c.after.Calls {
		p := pair{after: &c.after.Calls[i]}
		if match[i] >= 0 {
			p.before = &c.before.Calls[match[i]]
		}
		pairs = append(pairs, p)
	}
	return pairs
}

// affected says that an operation can differ: in its own text, or in a model that it leads to.
func (c *comparison) affected(p pair) bool {
	if p.before == nil || p.after == nil || p.before.Name() != p.after.Name() || !openapi.SameOperation(c.before.Reference, c.after.Reference, p.after.Name()) {
		return true
	}
	return slices.ContainsFunc(c.before.ModelsOf(p.before.Name()), func(slug string) bool { return c.touched[slug] })
}

// directions finds which way the models travel that are not as they were: what nothing refers to travels in none.
func (c *comparison) directions(ctx context.Context, pairs []pair) error {
	if len(c.touched) == 0 {
		return nil
	}
	was, is := map[string]direction{}, map[string]direction{}
	for _, s := range []struct {
		side *side
		of   func(pair) *Call
		into map[string]direction
	}{{c.before, func(p pair) *Call { return p.before }, was}, {c.after, func(p pair) *Call { return p.after }, is}} {
		for _, p := range pairs {
			if err := ctx.Err(); err != nil {
				return err
			}
			if call := s.of(p); call != nil && slices.ContainsFunc(s.side.ModelsOf(call.Name()), func(slug string) bool { return c.touched[slug] }) {
				op, _, err := s.side.Described(call.Verb, call.Path)
				if err != nil {
					return err
				}
				s.side.travel(op, both, s.into)
			}
		}
		for i := range s.side.Webhooks {
			op, err := s.side.Webhook(i)
			if err != nil {
				return err
			}
			s.side.travel(op, neither, s.into)
		}
	}
	for slug, d := range was {
		c.reach[slug] = d & is[slug]
	}
	return nil
}

// travel notes which way the models of an operation go; turned is neither for a webhook, whose body is received.
func (s *side) travel(op openapi.Operation, plain direction, into map[string]direction) {
	first, second := sent, received
	if plain == neither {
		first, second = received, sent
	}
	request, answer := parts(op)
	s.spread(request, first, into)
	s.spread(answer, second, into)
	for _, call := range op.Callbacks {
		s.travel(call, map[bool]direction{true: neither, false: both}[plain == both], into)
	}
}

// parts are the schemas of what an operation is sent, and of what it answers.
func parts(op openapi.Operation) (request, answer []*openapi.Schema) {
	for _, p := range op.Parameters {
		request = append(request, p.Schema)
	}
	if op.Body != nil {
		for _, content := range op.Body.Contents {
			request = append(request, content.Schema)
		}
	}
	for _, r := range op.Responses {
		for _, h := range r.Headers {
			answer = append(answer, h.Schema)
		}
		for _, content := range r.Contents {
			answer = append(answer, content.Schema)
		}
	}
	return request, answer
}

// spread marks all models that schemas lead to.
func (s *side) spread(schemas []*openapi.Schema, d direction, into map[string]direction) {
	var open []string
	mark := func(slug string) {
		if into[slug]&d != d {
			into[slug] |= d
			open = append(open, slug)
		}
	}
	for _, schema := range schemas {
		for _, slug := range openapi.ModelsOfSchema(schema) {
			mark(slug)
		}
	}
	for len(open) > 0 {
		slug := open[len(open)-1]
		open = open[:len(open)-1]
		for _, used := range s.ModelsIn(slug) {
			mark(used)
		}
	}
}

// compareModels compares the named schemas that may differ.
func (c *comparison) compareModels(ctx context.Context) error {
	for _, m := range c.before.Models {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !c.named(m.Slug) || !c.touched[m.Slug] {
			continue
		}
		it := &Item{Kind: OfModel, State: Changed, Slug: m.Slug, Name: m.Name}
		was, is := c.before.model(m.Slug), c.after.model(m.Slug)
		if was == nil || is == nil {
			continue
		}
		w := &walk{comparison: c, item: it, active: map[[2]string]bool{{m.Slug, m.Slug}: true}}
		w.value("", c.before.flatten(was, false), c.after.flatten(is, false), c.reach[m.Slug], 0)
		if len(it.Changes)+it.More > 0 {
			c.models[m.Slug] = it
			c.ranked = append(c.ranked, it)
		}
	}
	slices.SortStableFunc(c.ranked, func(a, b *Item) int { return int(b.Level) - int(a.Level) })
	return nil
}

// addModels appends the models that came, went and changed.
func (c *comparison) addModels() {
	item := func(m openapi.Model, state State, rule Rule) {
		it := Item{Kind: OfModel, State: state, Slug: m.Slug, Name: m.Name}
		(&walk{comparison: c, item: &it}).note(rule, "", neither, "", "")
		c.out.Items = append(c.out.Items, it)
	}
	for _, m := range c.before.Models {
		if !m.Hidden && c.after.names[m.Slug] == "" {
			item(m, Removed, ModelRemoved)
		}
	}
	for _, m := range c.after.Models {
		if changed := c.models[m.Slug]; changed != nil {
			c.out.Items = append(c.out.Items, *changed)
		} else if !m.Hidden && c.before.names[m.Slug] == "" {
			item(m, Added, ModelAdded)
		}
	}
}

// nameItems gives every item an address of its own.
func (c *comparison) nameItems() {
	var names openapi.Slugs
	names.Reserve("document") // another page's
	for i := range c.out.Items {
		it := &c.out.Items[i]
		slug := it.Slug
		switch {
		case it.Kind == OfModel:
			slug = "model " + it.Name
		case it.Kind == OfWebhook:
			slug = "webhook " + it.Name
		case slug == "":
			slug = it.Name
		}
		it.Slug = names.Name(openapi.Operation{ID: slug, Verb: it.Verb, Path: it.Path})
	}
}
