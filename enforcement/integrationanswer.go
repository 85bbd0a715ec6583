package enforcement

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/enforcement/transport"
	"gatehouse/models"
)

// This file makes the answers of integrations that are not the upstream's as it is.

// headerType is what a template's answer, and each of a mock, has.
const headerType = "Content-Type"

// noAnswer is a status for which nothing is set up.
type noAnswer int

func (n noAnswer) Error() string {
	return fmt.Sprintf("none of its answers is for the status %d, and there is no default one", int(n))
}

// Remake implements transport.Remaker.
func (q *request) Remake(status int, h http.Header) (other int, whole bool, err error) {
	a := q.method.integration.answer(status)
	if a == nil {
		return 0, false, noAnswer(status)
	}
	own := q.headersOf(a.headers, h)
	kept := http.Header{}
	for _, name := range []string{headerType, "Content-Length", "Content-Encoding"} {
		if values := h[name]; len(values) > 0 {
			kept[name] = values
		}
	}
	kind, t := a.template(q.r.Header)
	if q.remade = t; t != nil {
		if len(kept["Content-Encoding"]) > 0 && t.refersToBody() {
			return 0, false, fmt.Errorf("the upstream's body is compressed, and a template is to make another one of it")
		}
		delete(kept, "Content-Encoding")
		kept[headerType] = []string{kind}
	}
	clear(h)
	maps.Copy(h, kept)
	maps.Copy(h, own)
	return a.status, t != nil, nil
}

// Body implements transport.Remaker.
func (q *request) Body(upstream []byte) ([]byte, error) { return q.render(q.remade, upstream), nil }

// template chooses among the templates of an answer by what the caller accepts first, else JSON, else the first one; nil: there is none.
func (a *answerOf) template(h http.Header) (kind string, t *template) {
	if len(a.templates) == 0 {
		return "", nil
	}
	accepted, _, _ := strings.Cut(h.Get("Accept"), ",")
	accepted, _, _ = strings.Cut(accepted, ";")
	for _, kind := range append([]string{strings.ToLower(strings.TrimSpace(accepted)), "application/json"}, slices.Sorted(maps.Keys(a.templates))...) {
		if t := a.templates[kind]; t != nil {
			return kind, t
		}
	}
	return "", nil // not reachable: there is one
}

// looseStatus reads what JSON does not allow and AWS's gateway takes, such as {statusCode: 200}.
var looseStatus = regexp.MustCompile(`^\s*\{\s*["']?statusCode["']?\s*:\s*["']?(\d{3})["']?\s*,?\s*\}\s*$`)

// mockStatus reads the status that a mock's template says.
func mockStatus(text []byte) (status int, ok bool) {
	var said struct {
		Status json.RawMessage `json:"statusCode"`
	}
	if err := json.Unmarshal(text, &said); err != nil {
		parts := looseStatus.FindSubmatch(text)
		if parts == nil {
			return 0, false
		}
		said.Status = parts[1]
	}
	status, err := strconv.Atoi(string(bytes.Trim(said.Status, `"`)))
	return status, err == nil && status >= 100 && status <= 599
}

// answerMock answers an admitted request of a method that asks nobody.
func (q *request) answerMock() {
	begun := time.Now()
	q.dismissBody()
	q.keepAdmission()
	q.proxied, q.made = true, true
	e := transport.End{Begun: begun}
	q.kept = &e
	defer func() {
		e.Took = max(1, time.Since(begun))
		e.Latency = e.Took
	}()
	a, err := q.mockAnswer()
	if err != nil {
		e.Failure, q.fault = transport.Unmade, err.Error()
		q.warnOfIntegration()
		q.refuseWith(q.w, problemIntegration, q.explain(problemIntegration))
		return
	}
	h := q.w.Header()
	h[headerType] = []string{"application/json"}
	var body []byte
	if kind, t := a.template(q.r.Header); t != nil {
		h[headerType] = []string{kind}
		body = q.render(t, nil)
	}
	maps.Copy(h, q.headersOf(a.headers, nil))
	if a.status == http.StatusNoContent || a.status == http.StatusNotModified {
		body = nil
		delete(h, headerType)
	} else {
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	q.Decorate(h)
	e.Status = a.status
	q.w.WriteHeader(a.status)
	if q.r.Method != http.MethodHead && len(body) > 0 {
		n, err := q.w.Write(body)
		if e.BytesOut = int64(n); err != nil {
			e.Failure = transport.ClientGone
		}
	}
}

func (q *request) mockAnswer() (*answerOf, error) {
	if q.template == nil {
		return nil, fmt.Errorf("its mock has no template that says a status")
	}
	status, ok := mockStatus(q.render(q.template, q.taken))
	if !ok {
		return nil, fmt.Errorf("the template of its mock does not say {\"statusCode\": N}")
	}
	a := q.method.integration.answer(status)
	if a == nil {
		return nil, noAnswer(status)
	}
	return a, nil
}

// isMock reports whether nobody is asked for the answer.
func (m *method) isMock() bool {
	return m.integration != nil && m.integration.kind == models.IntegrationMock
}

// warnOfIntegration logs for the operator what callers are told, at most once a second and stage.
func (q *request) warnOfIntegration() {
	if q.stage.mayWarn(q.at.second()) {
		q.g.config.Log.Warn("an operation cannot be answered", "api", q.api.id.String(), "stage", q.stage.name, "method", q.method.name, "reason", q.fault)
	}
}
