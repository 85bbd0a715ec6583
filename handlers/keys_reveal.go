package handlers

import (
	"slices"
	"strings"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/templates/developer"
	"gatehouse/templates/ui"
)

// addCalls adds the stages that the key may call, code for one of them, and the form that sends a test request.
func (k *Keys) addCalls(v *developer.KeyView, key models.KeyDetail, r *Request, value secret.Value) error {
	calls := slices.DeleteFunc(slices.Clone(key.Calls), func(c models.KeyCall) bool { return len(c.Methods) == 0 })
	at := chosenCall(calls, r.Query("stage"))
	if at < 0 {
		if !value.IsZero() {
			v.Reveal = reveal(key.Key, value, nil, "It may call nothing yet: subscribe its app to a plan.")
		}
		return nil
	}
	for i, c := range calls {
		v.Calls = append(v.Calls, ui.Tab{Label: c.APIName + " · " + c.StageName, Href: v.Href + "?stage=" + c.StageID.String() + "#use", Current: i == at})
	}
	call := calls[at]
	ops, err := k.references.operations(r, k.Store, call, 0)
	if err != nil {
		return err
	}
	first := simplest(ops)
	base := r.Site.callURL(call)
	request := keyRequest(base, call, first.Operation, value)
	v.Snippets = r.snippets(request)
	v.Place = strings.TrimSuffix(keyWords(call.KeySource), ".") + ", to " + base + "."
	v.Try = tryView(key.ID, call, ops, first)
	if !value.IsZero() {
		note := ""
		if call.State == models.MemberPending {
			note = "The owner has to approve first: until then calls get 403."
		}
		v.Reveal = reveal(key.Key, value, ui.SnippetsOf(request, r.language()), note)
		v.Try.NewTab = true
	}
	return nil
}

// reveal is the panel that shows a key's value once.
func reveal(key models.Key, value secret.Value, snippets []ui.Snippet, note string) *ui.Reveal {
	out := &ui.Reveal{
		Badge: "Created", Title: key.Name + " is ready", Label: "New API key", Secret: value.Reveal(), Snippets: snippets, DoneHref: keyPath(key.ID),
		Text: "Copy the key now and keep it somewhere safe. Only its hash is stored, so this page is the one place where you will ever see it.",
	}
	if !key.RotatedAt.IsZero() {
		out.Badge, out.Title = "Rotated", key.Name+" has a new value"
	}
	if note != "" {
		out.Text += " " + note
	}
	return out
}
