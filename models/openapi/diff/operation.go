package diff

import (
	"slices"
	"strings"

	"gatehouse/models/openapi"
)

// operation compares one, and lists it where it differs.
func (c *comparison) operation(p pair) error {
	switch {
	case p.after == nil:
		it := c.item(*p.before, c.before, Removed)
		it.ID = p.before.ID
		(&walk{comparison: c, item: &it}).note(OperationRemoved, "", sent, "", "")
		c.out.Items = append(c.out.Items, it)
		return nil
	case p.before == nil:
		it := c.item(*p.after, c.after, Added)
		(&walk{comparison: c, item: &it}).note(OperationAdded, "", sent, "", "")
		c.out.Items = append(c.out.Items, it)
		return nil
	case !c.affected(p):
		c.out.Same++
		return nil
	}
	was, known, err := c.before.Described(p.before.Verb, p.before.Path)
	if err != nil {
		return err
	}
	is, described, err := c.after.Described(p.after.Verb, p.after.Path)
	if err != nil {
		return err
	}
	it := c.item(*p.after, c.after, Changed)
	it.ID = p.before.ID
	w := &walk{comparison: c, item: &it, active: map[[2]string]bool{}}
	if p.before.Path != p.after.Path {
		w.note(PathRenamed, "", sent, p.before.Path, p.after.Path)
	}
	if known && described { // of what was not described nobody can say what changed
		w.whole(was, is, p)
		w.call(was, is, false)
		c.uses(&it, was, is)
	}
	switch {
	case len(it.Changes)+it.More+len(it.Models) > 0:
	case openapi.SameOperation(c.before.Reference, c.after.Reference, p.after.Name()):
		c.out.Same++
		return nil
	default:
		it.State = Reworded
	}
	c.out.Items = append(c.out.Items, it)
	return nil
}

func (c *comparison) item(call Call, s *side, state State) Item {
	it := Item{Kind: OfOperation, State: state, Name: call.Name(), Verb: call.Verb, Path: call.Path, Summary: cut(call.Summary, 200)}
	if brief, ok := s.Brief(call.Verb, call.Path); ok {
		it.Slug = brief.Slug
	}
	return it
}

// whole compares what is said of an operation as a whole.
func (w *walk) whole(was, is openapi.Operation, p pair) {
	switch {
	case is.Deprecated && !was.Deprecated:
		w.note(NowDeprecated, "", sent, "", "")
	case was.Deprecated && !is.Deprecated:
		w.note(NotDeprecated, "", sent, "", "")
	}
	open := func(ways []string) bool { return len(ways) == 0 || slices.Contains(ways, "nothing") }
	words := func(ways []string) string { return orNone(strings.Join(ways, ", or ")) }
	switch gone, came := without(was.Security, is.Security), without(is.Security, was.Security); {
	case open(was.Security) && !open(is.Security):
		w.note(SecurityAdded, "", sent, "none", words(is.Security))
	case open(is.Security) && !open(was.Security):
		w.note(SecurityRemoved, "", sent, words(was.Security), "none")
	case open(is.Security):
	default:
		if len(gone) > 0 {
			w.note(WayInRemoved, "", sent, words(gone), "")
		}
		if len(came) > 0 {
			w.note(WayInAdded, "", sent, "", words(came))
		}
	}
}

// call compares what is sent and what is answered; of a webhook what is sent is received.
func (w *walk) call(was, is openapi.Operation, turned bool) {
	request, answer := sent, received
	if turned {
		request, answer = answer, request
	}
	w.parameters(was, is, request)
	w.body(was.Body, is.Body, request)
	w.responses(was.Responses, is.Responses, answer)
	w.callbacks(was.Callbacks, is.Callbacks, turned)
}

func samePlace(a, b openapi.Parameter) bool {
	return a.In == b.In && (a.Name == b.Name || a.In == "header" && strings.EqualFold(a.Name, b.Name))
}

func (w *walk) parameters(was, is openapi.Operation, d direction) {
	find := func(all []openapi.Parameter, p openapi.Parameter) *openapi.Parameter {
		if i := slices.IndexFunc(all, func(q openapi.Parameter) bool { return samePlace(p, q) }); i >= 0 {
			return &all[i]
		}
		return nil
	}
	// Parameters of the path are matched by their place in it.
	order := func(op openapi.Operation, name string) int {
		return slices.IndexFunc(placeholder.FindAllString(op.Path, -1), func(one string) bool { return strings.Trim(one, "{+}") == strings.TrimSuffix(name, "+") })
	}
	inPath := func(op openapi.Operation, at int) *openapi.Parameter {
		i := slices.IndexFunc(op.Parameters, func(p openapi.Parameter) bool { return p.In == "path" && order(op, p.Name) == at })
		if at < 0 || i < 0 {
			return nil
		}
		return &op.Parameters[i]
	}
	for _, p := range was.Parameters {
		q := find(is.Parameters, p)
		if p.In == "path" {
			q = inPath(is, order(was, p.Name))
		}
		w.place = p.In + " parameter " + p.Name
		switch {
		case q != nil:
			w.parameter(p, *q, d)
		case p.In != "path":
			w.note(ParameterRemoved, "", d, "", "")
		}
	}
	for _, q := range is.Parameters {
		if q.In == "path" || find(was.Parameters, q) != nil {
			continue
		}
		w.place = q.In + " parameter " + q.Name
		if q.Required {
			w.note(ParameterRequired, "", d, "", q.Type)
		} else {
			w.note(ParameterAdded, "", d, "", q.Type)
		}
	}
	w.place = ""
}

// parameter compares one that stayed, or a header of an answer.
func (w *walk) parameter(p, q openapi.Parameter, d direction) {
	switch {
	case q.Required && !p.Required:
		w.note(BecameRequired, "", d, "", "")
	case p.Required && !q.Required:
		w.note(BecameOptional, "", d, "", "")
	}
	if p.Style != q.Style {
		usual := func(s string) string {
			if s == "" {
				return "as usual"
			}
			return s
		}
		w.note(StyleChanged, "", d, usual(p.Style), usual(q.Style))
	}
	if p.Schema == nil || q.Schema == nil {
		return
	}
	w.schema("", p.Schema, q.Schema, d, 0)
}

func (w *walk) body(was, is *openapi.Body, d direction) {
	w.place = "request body"
	defer func() { w.place = "" }()
	switch {
	case was == nil && is == nil:
	case was == nil && is.Required:
		w.note(BodyRequired, "", d, "", "")
	case was == nil:
		w.note(BodyAdded, "", d, "", "")
	case is == nil:
		w.note(BodyRemoved, "", d, "", "")
	default:
		switch {
		case is.Required && !was.Required:
			w.note(BecameRequired, "", d, "", "")
		case was.Required && !is.Required:
			w.note(BecameOptional, "", d, "", "")
		}
		w.contents(was.Contents, is.Contents, d)
	}
}

// contents compares bodies by their media types.
func (w *walk) contents(was, is []openapi.Content, d direction) {
	named := func(all []openapi.Content, mediaType string) *openapi.Content {
		if i := slices.IndexFunc(all, func(c openapi.Content) bool { return strings.EqualFold(c.MediaType, mediaType) }); i >= 0 {
			return &all[i]
		}
		return nil
	}
	place := w.place
	said := map[string]bool{}
	for _, c := range was {
		other := named(is, c.MediaType)
		if other == nil {
			w.note(MediaRemoved, "", d, c.MediaType, "")
			continue
		}
		// The same schema under several media types is told of once.
		if key := schemaKey(c.Schema) + "\n" + schemaKey(other.Schema); len(was) > 1 && key != "\n" {
			if said[key] {
				continue
			}
			said[key] = true
		}
		if len(was) > 1 && c.Schema != nil && c.Schema.Ref == "" {
			w.place = place + " as " + c.MediaType
		}
		w.schema("", c.Schema, other.Schema, d, 0)
		w.place = place
	}
	for _, c := range is {
		if named(was, c.MediaType) == nil {
			w.note(MediaAdded, "", d, "", c.MediaType)
		}
	}
}

func schemaKey(s *openapi.Schema) string {
	if s == nil {
		return ""
	}
	return s.Ref
}

func (w *walk) responses(was, is []openapi.Response, d direction) {
	named := func(all []openapi.Response, status string) *openapi.Response {
		if i := slices.IndexFunc(all, func(r openapi.Response) bool { return strings.EqualFold(r.Status, status) }); i >= 0 {
			return &all[i]
		}
		return nil
	}
	for _, r := range was {
		w.place = "response " + r.Status
		other := named(is, r.Status)
		switch {
		case other == nil && strings.HasPrefix(r.Status, "2"):
			w.note(AnswerRemoved, "", d, "", "")
		case other == nil:
			w.note(ErrorRemoved, "", d, "", "")
		default:
			w.headers(r.Headers, other.Headers, d)
			w.bodyOf(r, *other, d)
		}
	}
	for _, r := range is {
		if named(was, r.Status) == nil {
			w.place = "response " + r.Status
			w.note(AnswerAdded, "", d, "", "")
		}
	}
	w.place = ""
}

// bodyOf compares the bodies of an answer: one that has none any more is another thing than one of another type.
func (w *walk) bodyOf(was, is openapi.Response, d direction) {
	switch {
	case len(was.Contents) > 0 && len(is.Contents) == 0:
		w.note(BodyRemoved, "", d, "", "")
	case len(was.Contents) == 0 && len(is.Contents) > 0:
		w.note(BodyAdded, "", d, "", "")
	default:
		w.contents(was.Contents, is.Contents, d)
	}
}

func (w *walk) headers(was, is []openapi.Parameter, d direction) {
	place := w.place
	defer func() { w.place = place }()
	named := func(all []openapi.Parameter, name string) int {
		return slices.IndexFunc(all, func(h openapi.Parameter) bool { return strings.EqualFold(h.Name, name) })
	}
	for _, h := range was {
		w.place = place + " header " + h.Name
		if i := named(is, h.Name); i >= 0 {
			w.parameter(h, is[i], d)
		} else {
			w.note(HeaderRemoved, "", d, "", "")
		}
	}
	for _, h := range is {
		if named(was, h.Name) < 0 {
			w.place = place + " header " + h.Name
			w.note(HeaderAdded, "", d, "", "")
		}
	}
}

func (w *walk) callbacks(was, is []openapi.Operation, turned bool) {
	name := func(op openapi.Operation) string {
		event, _, _ := strings.Cut(op.Summary, ":")
		return event + " " + op.Verb + " " + op.Path
	}
	named := func(all []openapi.Operation, op openapi.Operation) int {
		return slices.IndexFunc(all, func(other openapi.Operation) bool { return name(op) == name(other) })
	}
	for _, op := range was {
		if i := named(is, op); i >= 0 {
			w.call(op, is[i], !turned)
			continue
		}
		w.place = "callback " + op.Name()
		w.note(CallbackRemoved, "", received, "", "")
	}
	for _, op := range is {
		if named(was, op) < 0 {
			w.place = "callback " + op.Name()
			w.note(CallbackAdded, "", received, "", "")
		}
	}
	w.place = ""
}

// uses names the models that changed and that an operation leads to, and tells them.
func (c *comparison) uses(it *Item, was, is openapi.Operation) {
	before, after := map[string]direction{}, map[string]direction{}
	c.before.travel(was, both, before)
	c.after.travel(is, both, after)
	for _, changed := range c.ranked {
		d := before[changed.Slug] & after[changed.Slug]
		if d == neither {
			continue
		}
		changed.Uses++
		if it.ID != "" && changed.Level == Breaking {
			changed.UsedIDs = append(changed.UsedIDs, it.ID)
		}
		if len(changed.UsedBy) < maxNamed {
			changed.UsedBy = append(changed.UsedBy, it.Name)
		}
		if it.Through++; len(it.Models) < maxNamed {
			it.Models = append(it.Models, changed.Name)
		}
		for _, change := range changed.Changes {
			it.Level = max(it.Level, change.Rule.judge(d&change.travels()))
		}
	}
}

// travels are the directions in which a change was judged.
func (c Change) travels() direction {
	d := neither
	if c.Sent {
		d |= sent
	}
	if c.Received {
		d |= received
	}
	return d
}

// webhooks compares the calls that the API makes.
func (c *comparison) webhooks() error {
	index := func(s *side) map[string]int {
		at := map[string]int{}
		for i, hook := range s.Webhooks {
			at[hook.Name()] = i
		}
		return at
	}
	was, is := index(c.before), index(c.after)
	single := func(hook openapi.Operation, state State, rule Rule) {
		it := Item{Kind: OfWebhook, State: state, Name: hook.Path, Verb: hook.Verb, Path: hook.Path, Summary: cut(hook.Summary, 200)}
		(&walk{comparison: c, item: &it}).note(rule, "", received, "", "")
		c.out.Items = append(c.out.Items, it)
	}
	for _, hook := range c.before.Webhooks {
		if _, there := is[hook.Name()]; !there {
			single(hook, Removed, WebhookRemoved)
		}
	}
	for i, hook := range c.after.Webhooks {
		j, there := was[hook.Name()]
		if !there {
			single(hook, Added, WebhookAdded)
			continue
		}
		before, err := c.before.Webhook(j)
		if err != nil {
			return err
		}
		after, err := c.after.Webhook(i)
		if err != nil {
			return err
		}
		it := Item{Kind: OfWebhook, State: Changed, Name: hook.Path, Verb: hook.Verb, Path: hook.Path, Summary: cut(hook.Summary, 200)}
		w := &walk{comparison: c, item: &it, active: map[[2]string]bool{}}
		w.call(before, after, true)
		if len(it.Changes)+it.More > 0 {
			c.out.Items = append(c.out.Items, it)
		}
	}
	return nil
}
