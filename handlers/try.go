package handlers

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/models/openapi"
	"gatehouse/templates/format"
	"gatehouse/templates/public"
	"gatehouse/templates/ui"
)

// Try fills in an operation's form, and sends the request if that is what the button says: through the gateway in this process, in the name of a key of
// the account. It answers with the page again, or with the parts of it that changed.
func (c *Catalog) Try(r *Request) (Reply, error) {
	ref, err := c.reference(r)
	if err != nil {
		return Reply{}, err
	}
	short, err := ref.find(r.Param("op"))
	if err != nil {
		return Reply{}, err
	}
	op, err := ref.whole(short)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Upload()
	if err != nil {
		return Reply{}, err
	}
	t := newTrial(op, ref.stage.KeySource, ref.modelOf)
	t.read(f)
	if err := t.readFiles(f); err != nil {
		return Reply{}, err
	}
	key, _ := models.ParseID[models.Key](f.Get("key")) // what is no id is no key of the account
	send := f.Get("do") == "send"
	sound := !send || t.check()
	tried, chosen, err := c.tryView(r, ref, t, key)
	if err != nil {
		return Reply{}, err
	}
	tried.Sent = send
	tried.Typing = !send && t.form() == f.Get("shape") && (t.form() != "" || t.body == strings.ReplaceAll(f.Get("body"), "\r\n", "\n"))
	if send && op.KeyRequired && tried.Try.Blocked == nil && chosen.ID != key {
		tried.Try.KeyError, sound = "Choose a key of yours that works and that may call this.", false
	}
	sound = sound && (!send || tried.Try.Blocked == nil)
	if send && sound {
		request, err := t.sent(stageURL(gatewayBase(r), ref.api.Slug, ref.stage.Name))
		if err != nil {
			return Reply{}, err
		}
		got, err := sendRequest(r, c.Caller, chosen.ID, request, t.verb+" "+op.Path+" on "+ref.stage.Name)
		if err != nil {
			return Reply{}, err
		}
		tried.Answer, tried.Try.Notice = &got, c.usedUp(r, chosen)
	}
	reply := Page
	if !sound {
		reply = Again
	}
	if r.Fragment() {
		return reply(public.Tried(tried)), nil
	}
	reader, err := c.reader(r, ref)
	if err != nil {
		return Reply{}, err
	}
	page, err := c.operationPage(r, ref, op, reader, tried)
	return reply(page), err
}

// tryView is the third column of an operation: the form with what is in it, and the code; and the key that is chosen in it, of which the zero one is the key
// that is newest. An operation that needs no key is sent in nobody's name.
func (c *Catalog) tryView(r *Request, ref *reference, t *trial, key models.KeyID) (v public.TriedView, chosen models.StageKey, err error) {
	v.Snippets = r.snippets(t.request(ref.url(r), keyVariable(ref.api.Slug)))
	v.Try = t.view()
	v.Try.Action = ref.operationPath(t.op)
	switch {
	case r.Account.ID == 0:
		v.Try.Blocked = signInFirst(ref, t.op, v.Try.Action)
		return v, chosen, nil
	case !t.op.KeyRequired:
		v.Try.Costs = "Needs no key and counts against no plan."
		return v, chosen, nil
	}
	keys, err := c.Store.StageKeys(r.Context(), r.Account.ID, ref.stage.ID, ref.method(t.op).ID)
	if err != nil {
		return v, chosen, err
	}
	for _, k := range keys {
		why := unusable(k, r.Now)
		v.Try.Keys = append(v.Try.Keys, ui.Option{Value: k.ID.String(), Label: strings.TrimSuffix(k.Name+" · "+k.PlanName+" · "+why, " · "), Disabled: why != ""})
		if why == "" && (chosen.ID == 0 || k.ID == key) {
			chosen = k
		}
	}
	if chosen.ID == 0 {
		v.Try.Blocked = noKey(ref, t.op, keys, r.Now)
		return v, chosen, nil
	}
	v.Try.Key, v.Try.Costs, v.Try.Notice = chosen.ID.String(), "Counts against your quota.", c.usedUp(r, chosen)
	return v, chosen, nil
}

// view is the form's fields with what is in them.
func (t *trial) view() (v public.TryView) {
	for i, f := range t.fields {
		v.Fields, v.AnyRequired = append(v.Fields, f.view("try-"+strconv.Itoa(i))), v.AnyRequired || f.Required
	}
	if t.op.Verb == openapi.AnyVerb {
		v.Method = t.verb
		for _, verb := range anyVerbs {
			v.Methods = append(v.Methods, ui.Option{Value: verb, Label: verb})
		}
	}
	if t.isUnknown() {
		v.Query = &public.TryField{ID: "try-query", Name: "query", Label: "query", Value: t.query, Placeholder: "a=1&b=2", Error: t.queryProblem}
	}
	if len(t.kinds) > 0 {
		if v.Form = t.form(); v.Form == "" {
			v.Body = &t.body
		}
		for i, f := range t.forms[t.kind] {
			v.Files = v.Files || f.upload
			v.Parts, v.AnyRequired = append(v.Parts, f.view("try-part-"+strconv.Itoa(i))), v.AnyRequired || f.Required
		}
		v.Kind, v.KindTyped, v.KindError, v.BodyError = t.kind, t.isUnknown(), t.kindProblem, t.bodyProblem
		v.BodyNeeded = t.op.Body != nil && t.op.Body.Required
		v.AnyRequired = v.AnyRequired || v.BodyNeeded && v.Body != nil
		for _, kind := range t.kinds {
			v.Kinds = append(v.Kinds, ui.Option{Value: kind, Label: kind})
		}
	}
	v.Unsent = t.unsent()
	return v
}

// view is a field to fill in.
func (f trialField) view(id string) public.TryField {
	field := public.TryField{ID: id, Name: f.name(), Label: f.Name, Value: f.value, Required: f.Required, Placeholder: f.Default, Error: f.problem}
	if f.upload {
		field.File, field.Several, field.Hint = true, strings.HasPrefix(f.Type, "array"), "At most "+format.Bytes(maxTrialFile)+"."
		if len(f.files) > 0 {
			field.Hint += " Came with " + f.files[0].name + ". If the field is empty now, choose it again to send it again."
		}
		return field
	}
	choices := f.Enum
	if strings.HasPrefix(f.Type, "boolean") && len(choices) == 0 {
		choices = []string{"true", "false"}
	}
	if len(choices) > 0 && (f.value == "" || slices.Contains(choices, f.value)) { // else it is typed: several, or one that the document does not know
		if !f.Required || f.value == "" {
			field.Options = append(field.Options, ui.Option{Label: "Not sent"})
		}
		for _, choice := range choices {
			field.Options = append(field.Options, ui.Option{Value: choice, Label: choice})
		}
	}
	return field
}

// unsent says what of the operation cannot be filled in here.
func (t *trial) unsent() string {
	var names []string
	for _, p := range t.op.Parameters {
		if !sendable(p, t.source) && !(t.source.Place != models.KeyInBearer && strings.EqualFold(p.Name, t.source.Name)) && !strings.EqualFold(p.Name, "Content-Type") {
			names = append(names, p.In+" "+p.Name)
		}
	}
	var parts []string
	if len(names) > 0 {
		parts = append(parts, "Not sent from here: "+strings.Join(names, ", ")+".")
	}
	if t.op.Body != nil && len(t.op.Body.Contents) > 0 && len(t.kinds) == 0 {
		parts = append(parts, "The body is no text ("+t.op.Body.Contents[0].MediaType+"): send it with the code.")
	}
	return strings.Join(parts, " ")
}

// unusable says why a key cannot send a request of the operation; empty: it can.
func unusable(k models.StageKey, now time.Time) string {
	switch status := k.Status(now); {
	case status == models.KeyExpired:
		return "expired"
	case status == models.KeyDisabled:
		return "disabled"
	case k.State != models.MemberActive:
		badge, _ := memberState(k.State)
		return strings.ToLower(badge.Text)
	case !k.Opens:
		return "not in this plan"
	}
	return ""
}

func signInFirst(ref *reference, op openapi.Operation, back string) *public.TryBlock {
	b := &public.TryBlock{
		Text: "Sign in to send requests from this page, with a key of your own. Its value stays where it is: the gateway knows whose request it is.",
		Href: "/signin?next=" + url.QueryEscape(back), Label: "Sign in",
	}
	if op.KeyRequired {
		b.More = []public.TryLink{{Text: "No key yet?", Href: apiPath(ref.api.Slug) + "#plans", Label: "Choose a plan"}}
	}
	return b
}

// noKey says why no key of the account can send a request of the operation, and which plan opens it.
func noKey(ref *reference, op openapi.Operation, keys []models.StageKey, now time.Time) *public.TryBlock {
	b := &public.TryBlock{}
	var closed []string // plans of the account that do not open it
	for _, k := range keys {
		switch why := unusable(k, now); {
		case !k.Opens:
			if !slices.Contains(closed, k.PlanName) {
				closed = append(closed, k.PlanName)
			}
		case len(b.More) < 5:
			b.More = append(b.More, public.TryLink{Text: k.Name + ": " + why + ".", Href: keyPath(k.ID), Label: "Open the key"})
		}
	}
	opening := openingPlans(ref, op)
	switch {
	case len(b.More) > 0:
		b.Text = "No key of yours can call this operation now."
	case len(closed) > 0:
		b.Text = "Your plan " + strings.Join(closed, ", ") + " does not include this operation. " + opening.words
	default:
		b.Text = "You have no key for the stage " + ref.stage.Name + " yet. " + opening.words
	}
	if len(b.More) == 0 && opening.first != 0 {
		b.Href, b.Label = apiPath(ref.api.Slug)+"/subscribe?plan="+opening.first.String(), "Subscribe to "+opening.name
		if len(closed) > 0 {
			b.Href, b.Label = apiPath(ref.api.Slug)+"#plans", "Compare the plans"
		}
	}
	return b
}

// opened are the plans that open an operation, of those that its reader may see.
type opened struct {
	words string
	name  string
	first models.PlanID // 0: there is none
}

func openingPlans(ref *reference, op openapi.Operation) (o opened) {
	var names []string
	for _, p := range ref.api.Plans {
		for _, s := range p.Stages {
			if s.StageID != ref.stage.ID || slices.ContainsFunc(s.Excluded, func(m models.Method) bool { return m.Verb == op.Verb && m.Path == op.Path }) {
				continue
			}
			if names = append(names, p.Terms.Name); o.first == 0 {
				o.first, o.name = p.PlanID, p.Terms.Name
			}
		}
	}
	switch len(names) {
	case 0:
		o.words = "No plan that you can subscribe to opens it."
	case 1:
		o.words = "The plan " + names[0] + " opens it."
	default:
		o.words = "The plans " + andWords(names) + " open it."
	}
	return o
}

// usedUp says that a key's quota lets nothing through; nil: it does.
func (c *Catalog) usedUp(r *Request, k models.StageKey) *public.TryBlock {
	if k.ID == 0 || c.Limits == nil {
		return nil
	}
	at, ok := c.Limits(k.ID, k.PlanID)
	if !ok || !at.Quota.IsSet() || at.Left > 0 {
		return nil
	}
	return &public.TryBlock{
		Text: "The quota of " + k.Name + " on " + k.PlanName + " is used up: requests get 429 until " + resetTime(at.Window.End) + ", in " + format.Duration(at.Window.End.Sub(r.Now)) + ".",
		More: []public.TryLink{{Text: "A larger plan begins at once.", Href: "/usage?key=" + k.ID.String(), Label: "See the usage"}},
	}
}
