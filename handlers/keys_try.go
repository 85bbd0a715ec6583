package handlers

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/models"
	"gatehouse/templates/developer"
	"gatehouse/templates/format"
	"gatehouse/templates/snippet"
	"gatehouse/templates/ui"
)

// Caller sends a request through the gateway in the name of a key. r.URL.Path is /{api}/{stage}/…; the call is limited and counted like any other.
type Caller interface {
	Call(ctx context.Context, key models.KeyID, r *http.Request) (*http.Response, error)
}

// Limits of a test request.
const (
	tryTimeout = 10 * time.Second
	tryShown   = 256 << 10 // bytes of a body
)

// tryHeaders are the headers of an answer that are shown: what tells of limits, and what the body is.
var tryHeaders = []string{
	"Content-Type", "RateLimit", "RateLimit-Policy", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After", "X-Request-Id", "Location",
}

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
	result, err := k.try(r, key.ID, call, op)
	if err != nil {
		return Reply{}, err
	}
	if r.Fragment() {
		return Page(developer.Tried(result)), nil
	}
	t := tryView(key.ID, call, ops, op)
	t.Result = &result
	frame := keyFrame(r, key, "Test request")
	frame.Htmx = true
	return Page(developer.TriedPage(frame, developer.TryPage{Key: key.Name, Href: keyPath(key.ID), Try: t})), nil
}

func (k *Keys) try(r *Request, key models.KeyID, call models.KeyCall, op operation) (developer.TryResult, error) {
	ctx, cancel := context.WithTimeout(r.Context(), tryTimeout)
	defer cancel()
	example := tryRequest("http://"+gatewayHost(r.Site.GatewayURL), call, op)
	out := developer.TryResult{Title: example.Method + " " + op.Path + " on " + call.StageName, At: r.Now}
	request, err := http.NewRequestWithContext(ctx, example.Method, example.URL, strings.NewReader(example.Body))
	if err != nil {
		return out, fmt.Errorf("make test request of key %s: %w", key, err)
	}
	for _, h := range example.Headers {
		request.Header.Set(h.Name, h.Value)
	}
	request.RemoteAddr = r.RemoteAddr
	start := r.Site.Now()
	answer, err := k.Caller.Call(ctx, key, request)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) && r.Context().Err() == nil {
			out.Failed = "Nothing came within " + format.Duration(tryTimeout) + ". The call may still be counted."
			return out, nil
		}
		return out, fmt.Errorf("send test request of key %s: %w", key, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		out.Failed = "The answer broke off after " + format.Bytes(int64(len(body))) + "."
	}
	out.Took, out.Size, out.Status = format.Latency(r.Site.Now().Sub(start)), format.Bytes(int64(len(body))), answer.StatusCode
	for _, name := range tryHeaders {
		if v := answer.Header.Get(name); v != "" {
			out.Headers = append(out.Headers, ui.Definition{Term: name, Text: v, Mono: true})
		}
	}
	out.Left = leftWords(answer.Header)
	out.Body, out.BodyNote = shownBody(answer.Header.Get("Content-Type"), body)
	out.Hint, out.HintHref = problemHint(answer, body, r.Site.PublicURL)
	return out, nil
}

// gatewayHost is the host of our own address; upstreams learn it from the gateway.
func gatewayHost(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "gateway"
	}
	return u.Host
}

// leftWords says what is left of the limit that an answer names.
func leftWords(h http.Header) string {
	limit, errLimit := strconv.ParseInt(h.Get("X-RateLimit-Limit"), 10, 64)
	left, errLeft := strconv.ParseInt(h.Get("X-RateLimit-Remaining"), 10, 64)
	if errLimit != nil || errLeft != nil {
		return ""
	}
	text := format.Count(left) + " of " + format.Requests(limit) + " left"
	if reset, err := strconv.Atoi(h.Get("X-RateLimit-Reset")); err == nil && reset > 0 {
		text += "; resets in " + format.Duration(time.Duration(reset)*time.Second)
	}
	return text + "."
}

// shownBody is as much of a body as a page shows as text; note says what is left out.
func shownBody(contentType string, body []byte) (text, note string) {
	kind, _, _ := mime.ParseMediaType(contentType)
	isJSON := kind == "application/json" || strings.HasSuffix(kind, "+json")
	isText := isJSON || strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "+xml") || slices.Contains([]string{"application/xml", "application/yaml", "application/javascript", "application/x-www-form-urlencoded"}, kind)
	switch {
	case len(body) == 0:
		return "", "The answer has no body."
	case !isText && !(kind == "" && utf8.Valid(body)):
		return "", "A body of " + format.Bytes(int64(len(body))) + " of " + contentType + " came; it is not text and is not shown."
	}
	var pretty bytes.Buffer
	if isJSON && json.Indent(&pretty, body, "", "  ") == nil {
		body = pretty.Bytes()
	}
	if len(body) > tryShown {
		note = "Shown are the first " + format.Bytes(tryShown) + " of " + format.Bytes(int64(len(body))) + "."
		body = body[:tryShown]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(string(body), "\uFFFD"), "\x00", "\uFFFD"), note
}

// problemHint says in words why the gateway refused, from the body of its answer, with the page about the request if there is one.
func problemHint(answer *http.Response, body []byte, portal string) (text, href string) {
	if kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); kind != "application/problem+json" || answer.StatusCode < 400 {
		return "", ""
	}
	var p struct{ Title, Detail, Instance string }
	if json.Unmarshal(body, &p) != nil {
		return "", ""
	}
	if id, ours := strings.CutPrefix(p.Instance, portal+requestPath("")); ours { // an upstream may answer in this form, too
		href = requestPath(url.PathEscape(id))
	}
	return cmp.Or(p.Detail, p.Title), href
}
