package handlers

import (
	"slices"
	"strings"

	"gatehouse/models"
	"gatehouse/templates/answer"
	"gatehouse/templates/developer"
	"gatehouse/templates/snippet"
	"gatehouse/templates/ui"
)

// tryView is the form that sends a test request to a stage.
func tryView(key models.KeyID, call models.KeyCall, ops []operation, chosen operation) developer.TryView {
	t := developer.TryView{Action: keyPath(key) + "/try", Value: tryValue(call, chosen.id)}
	for _, op := range ops {
		request := tryRequest("", call, op)
		t.Methods = append(t.Methods, ui.Option{Value: tryValue(call, op.id), Label: request.Method + " " + strings.TrimPrefix(request.URL, stageURL("", call.APISlug, call.StageName))})
	}
	return t
}

func tryValue(c models.KeyCall, m models.MethodID) string {
	return c.StageID.String() + "." + m.String()
}

// tryRequest is the call with the examples of its document and without a key: the gateway knows whose call it is.
func tryRequest(gateway string, call models.KeyCall, op operation) snippet.Request {
	op.KeyRequired = false
	return exampleRequest(stageURL(gateway, call.APISlug, call.StageName), "", call.KeySource, op.Operation)
}

// findCall is the stage and the operation that a form names, among what the key may call: nobody sends a URL of his own through here.
func (k *Keys) findCall(r *Request, key models.KeyDetail, value string) (models.KeyCall, []operation, operation, error) {
	for _, c := range key.Calls {
		at := slices.IndexFunc(c.Methods, func(m models.Method) bool { return tryValue(c, m.ID) == value })
		if at < 0 {
			continue
		}
		ops, err := k.references.operations(r, k.Store, c, c.Methods[at].ID)
		if err != nil {
			return c, nil, operation{}, err
		}
		return c, ops, ops[at], nil
	}
	return models.KeyCall{}, nil, operation{}, models.NotFound("operation of this key")
}

// Try sends a test request and answers with what came back: in place, or as a page where scripts do not run.
func (k *Keys) Try(r *Request) (Reply, error) {
	key, err := k.own(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	call, ops, op, err := k.findCall(r, key, f.Get("call"))
	if err != nil {
		return Reply{}, err
	}
	request := tryRequest(gatewayBase(r), call, op)
	result, err := sendRequest(r, k.Caller, key.ID, request, request.Method+" "+op.Path+" on "+call.StageName)
	if err != nil {
		return Reply{}, err
	}
	if r.Fragment() {
		return Page(answer.Shown(result)), nil
	}
	t := tryView(key.ID, call, ops, op)
	t.Result = &result
	frame := keyFrame(r, key, "Test request")
	frame.Htmx = true
	return Page(developer.TriedPage(frame, developer.TryPage{Key: key.Name, Href: keyPath(key.ID), Try: t})), nil
}
