package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/models"
	"gatehouse/templates/developer"
	"gatehouse/templates/format"
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

// tryView is the form that sends a test request; call and method are chosen.
func tryView(key models.KeyID, calls []models.KeyCall, call models.KeyCall, method models.Method) developer.TryView {
	t := developer.TryView{Action: keyPath(key) + "/try", Value: tryValue(call, method)}
	for _, c := range calls {
		for _, m := range c.Methods {
			label := sampleVerb(m) + " " + samplePath(m.Path)
			if len(calls) > 1 {
				label += " · " + c.StageName
			}
			t.Methods = append(t.Methods, ui.Option{Value: tryValue(c, m), Label: label})
		}
	}
	return t
}

func tryValue(c models.KeyCall, m models.Method) string {
	return c.StageID.String() + "." + m.ID.String()
}

// findCall is the stage and method that a form names, among what the key may call: nobody sends a URL of his own through here.
func findCall(key models.KeyDetail, value string) (models.KeyCall, models.Method, bool) {
	for _, c := range key.Calls {
		for _, m := range c.Methods {
			if tryValue(c, m) == value {
				return c, m, true
			}
		}
	}
	return models.KeyCall{}, models.Method{}, false
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
	call, method, ok := findCall(key, f.Get("call"))
	if !ok {
		return Reply{}, models.NotFound("operation of this key")
	}
	result, err := k.try(r, key.ID, call, method)
	if err != nil {
		return Reply{}, err
	}
	if r.Fragment() {
		return Page(developer.Tried(result)), nil
	}
	t := tryView(key.ID, key.Calls, call, method)
	t.Result = &result
	frame := keyFrame(r, key, "Test request")
	frame.Htmx = true
	return Page(developer.TriedPage(frame, developer.TryPage{Key: key.Name, Href: keyPath(key.ID), Try: t})), nil
}

func (k *Keys) try(r *Request, key models.KeyID, call models.KeyCall, method models.Method) (developer.TryResult, error) {
	ctx, cancel := context.WithTimeout(r.Context(), tryTimeout)
	defer cancel()
	verb, path := sampleVerb(method), samplePath(method.Path)
	out := developer.TryResult{Title: verb + " " + path + " on " + call.StageName, At: r.Now}
	request, err := http.NewRequestWithContext(ctx, verb, stageURL("http://gateway", call.APISlug, call.StageName)+path, nil)
	if err != nil {
		return out, fmt.Errorf("make test request of key %s: %w", key, err)
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
	out.Body, out.BodyNote = shownBody(answer.Header.Get("Content-Type"), body)
	out.Hint = problemHint(answer, body)
	return out, nil
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

// problemHint says in words why the gateway refused, from the body of its answer.
func problemHint(answer *http.Response, body []byte) string {
	if kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); kind != "application/problem+json" || answer.StatusCode < 400 {
		return ""
	}
	var p struct{ Title, Detail string }
	if json.Unmarshal(body, &p) != nil || p.Detail == "" {
		return p.Title
	}
	return p.Detail
}
