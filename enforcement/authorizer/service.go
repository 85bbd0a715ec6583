package authorizer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/models"
)

// Bounds of an answer.
const (
	maxAnswer = 64 << 10
	maxValues = 20 // of context
)

// consult asks the owner's service, unless it answered the same question before.
func (p *Pool) consult(ctx context.Context, a *Authorizer, q *Question, id identity) *Verdict {
	request, err := a.request(q, &id)
	if err != nil {
		return &Verdict{Outcome: Failed, Reason: "The question cannot be asked.", Cause: err}
	}
	if a.TTL == 0 {
		return p.ask(ctx, a, q.Now, q.MayAsk, request)
	}
	key := a.digestOf(q, &id)
	if v := p.allowed.get(key, q.Now); v != nil {
		return v
	}
	if v := p.refused.get(key, q.Now); v != nil {
		return v
	}
	// Who asked first may go away while others wait: the question goes on without him. It holds nothing of his request.
	now, mayAsk, detached := q.Now, q.MayAsk, context.WithoutCancel(ctx)
	flight := p.flights.DoChan(string(key[:]), func() (any, error) {
		v := p.ask(detached, a, now, mayAsk, request)
		switch v.Outcome {
		case Allowed:
			p.allowed.put(key, v, now.Add(a.TTL))
		case Invalid, Denied:
			p.refused.put(key, v, now.Add(min(a.TTL, refusedTTL)))
		}
		return v, nil
	})
	select {
	case result := <-flight:
		return result.Val.(*Verdict)
	case <-ctx.Done():
		return &Verdict{Outcome: Failed, Reason: "The request ended before there was an answer.", Cause: ctx.Err()}
	}
}

// ask sends a question. It never panics: a flight's would end the process.
func (p *Pool) ask(ctx context.Context, a *Authorizer, now time.Time, mayAsk func() bool, r *http.Request) (v *Verdict) {
	defer func() {
		if mistake := recover(); mistake != nil {
			p.log.Error("authorizer panicked", "authorizer", a.ID.String(), "panic", mistake)
			v = &Verdict{Outcome: Failed, Reason: "The gateway made a mistake."}
		}
	}()
	if mayAsk != nil && !mayAsk() {
		return &Verdict{Outcome: Busy, Reason: "It is asked too often."}
	}
	if !a.circuit.enter(now) {
		return &Verdict{Outcome: Failed, Reason: "It failed again and again, and is left alone for some seconds.", Cause: errCircuit}
	}
	begun, caller, failed := time.Now(), ctx, true
	// That the caller went away is none of the service's doing.
	defer func() { a.circuit.leave(now.Add(time.Since(begun)), failed && caller.Err() == nil) }()
	ctx, cancel := context.WithTimeout(ctx, a.HTTP.Timeout)
	defer cancel()
	p.asked.Add(1)
	res, err := p.client.Do(r.WithContext(ctx))
	if err != nil {
		return &Verdict{Outcome: Failed, Reason: "It cannot be reached, or is too slow.", Cause: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	}
	if err != nil {
		return &Verdict{Outcome: Failed, Reason: "Its answer did not come whole.", Cause: err}
	}
	v = read(res.StatusCode, body)
	failed = v.Outcome == Failed
	return v
}

var errCircuit = errors.New("the circuit is open")

// event is the question as AWS's REQUEST authorizers get it, with the token of TOKEN ones.
type event struct {
	Version    string            `json:"version"`
	Type       string            `json:"type"`
	MethodARN  string            `json:"methodArn"`
	Token      string            `json:"authorizationToken"`
	Identity   []string          `json:"identitySource"`
	Resource   string            `json:"resource"`
	Path       string            `json:"path"`
	HTTPMethod string            `json:"httpMethod"`
	Headers    map[string]string `json:"headers"`
	Query      map[string]string `json:"queryStringParameters"`
	Context    eventContext      `json:"requestContext"`
}

type eventContext struct {
	APIID        string          `json:"apiId"`
	Stage        string          `json:"stage"`
	ResourcePath string          `json:"resourcePath"`
	HTTPMethod   string          `json:"httpMethod"`
	Identity     *callerIdentity `json:"identity,omitempty"`
}

type callerIdentity struct {
	SourceIP string `json:"sourceIp"`
}

// request makes the question. What an answer must not depend on, because it is used again where that differs, is not told.
func (a *Authorizer) request(q *Question, id *identity) (*http.Request, error) {
	path := q.Resource
	if a.dependsOnPath() {
		path = q.Path
	}
	if path == "" {
		path = "/"
	}
	address := ""
	if a.TTL == 0 {
		if address = q.Address; strings.Contains(address, ":") {
			if host, _, err := net.SplitHostPort(address); err == nil {
				address = host
			}
		}
	}
	var r *http.Request
	var err error
	if a.HTTP.Verb == http.MethodGet {
		r, err = a.plainRequest(q, id, path, address)
	} else {
		r, err = a.eventRequest(q, id, path, address)
	}
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", userAgent)
	r.Header.Set("Accept", "application/json")
	if a.HTTP.SecretHeader != "" {
		r.Header.Set(a.HTTP.SecretHeader, a.Secret)
	}
	return r, nil
}

func (a *Authorizer) eventRequest(q *Question, id *identity, path, address string) (*http.Request, error) {
	e := event{
		Version: "1.0", Type: "REQUEST", MethodARN: arnOf(q, path), Token: id.first(), Identity: slices.Concat(id.headers, id.query), Resource: q.Resource, Path: path, HTTPMethod: q.Verb,
		Headers: map[string]string{}, Query: map[string]string{},
		Context: eventContext{APIID: q.API.String(), Stage: q.StageName, ResourcePath: q.Resource, HTTPMethod: q.Verb},
	}
	for i, name := range a.Identity.Headers {
		e.Headers[name] = id.headers[i]
	}
	for i, name := range a.Identity.Query {
		e.Query[name] = id.query[i]
	}
	if address != "" {
		e.Context.Identity = &callerIdentity{address}
	}
	body, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodPost, a.HTTP.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	return r, nil
}

// plainRequest asks as proxies ask services that know nothing of AWS: by headers.
func (a *Authorizer) plainRequest(q *Question, id *identity, path, address string) (*http.Request, error) {
	r, err := http.NewRequest(http.MethodGet, a.HTTP.URL, nil)
	if err != nil {
		return nil, err
	}
	if len(id.query) > 0 {
		query := r.URL.Query()
		for i, name := range a.Identity.Query {
			query.Set(name, id.query[i])
		}
		r.URL.RawQuery = query.Encode()
	}
	r.Header.Set("X-Forwarded-Method", q.Verb)
	r.Header.Set("X-Forwarded-Uri", path)
	r.Header.Set("X-Gatehouse-Api", q.APIName)
	r.Header.Set("X-Gatehouse-Stage", q.StageName)
	r.Header.Set("X-Gatehouse-Resource", q.Resource)
	if address != "" {
		r.Header.Set("X-Forwarded-For", address)
	}
	for i, name := range a.Identity.Headers {
		r.Header.Set(name, id.headers[i])
	}
	return r, nil
}

// answer is what a service says.
type answer struct {
	Principal  string          `json:"principalId"`
	Allow      *bool           `json:"allow"`
	Authorized *bool           `json:"isAuthorized"`
	Policy     json.RawMessage `json:"policyDocument"`
	Context    map[string]any  `json:"context"`
	KeyValue   string          `json:"usageIdentifierKey"`
	KeyID      string          `json:"apiKeyId"`
}

// read understands an answer. Only 200 and 204 allow, and only if nothing in them says otherwise; what is not understood is a failure, never an allowance.
func read(status int, body []byte) *Verdict {
	switch status {
	case http.StatusUnauthorized:
		return invalid("The authorizer does not know who calls.")
	case http.StatusForbidden:
		return &Verdict{Outcome: Denied, Reason: "The authorizer does not allow it."}
	case http.StatusNoContent:
		return &Verdict{Outcome: Allowed}
	case http.StatusOK:
	default:
		return failedAnswer(fmt.Errorf("it answered %d", status))
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return &Verdict{Outcome: Allowed}
	}
	var in answer
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&in); err != nil {
		return failedAnswer(fmt.Errorf("its answer cannot be read: %w", err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return failedAnswer(errors.New("its answer is more than one document"))
	}
	if in.Allow == nil && in.Authorized == nil && in.Policy == nil && in.Principal == "" {
		return failedAnswer(errors.New("its answer says neither who calls nor whether he may"))
	}
	if in.Allow != nil && !*in.Allow || in.Authorized != nil && !*in.Authorized {
		return &Verdict{Outcome: Denied, Reason: "The authorizer does not allow it."}
	}
	return in.verdict()
}

func failedAnswer(err error) *Verdict {
	return &Verdict{Outcome: Failed, Reason: "Its answer cannot be understood.", Cause: err}
}

func (in *answer) verdict() *Verdict {
	v := &Verdict{Outcome: Allowed, Principal: in.Principal, KeyValue: in.KeyValue}
	var err error
	if in.Policy != nil {
		if v.policy, err = readPolicy(in.Policy); err != nil {
			return failedAnswer(err)
		}
	}
	if in.KeyID != "" {
		if v.nameKey(models.KeyByID, in.KeyID); v.KeyID == 0 {
			return failedAnswer(errors.New("its apiKeyId is no id of a key"))
		}
	}
	if !isHeaderText(in.Principal) {
		return failedAnswer(errors.New("its principalId is too long or has signs that headers cannot have"))
	}
	if len(in.Context) > maxValues {
		return failedAnswer(fmt.Errorf("its context has more than %d values", maxValues))
	}
	for _, name := range slices.Sorted(maps.Keys(in.Context)) {
		text, ok := textOf(in.Context[name])
		header := headerOf(name)
		taken := header == HeaderPrincipal || slices.ContainsFunc(v.Values, func(o Value) bool { return o.Header == header })
		if name == "" || len(name) > 64 || !ok || !isHeaderText(text) || taken {
			return failedAnswer(fmt.Errorf("its context's %.64q cannot be told in a header of its own", name))
		}
		v.Values = append(v.Values, Value{header, text})
	}
	v.scopes = scopesIn(in.Context["scope"])
	return v
}

// HeaderPrincipal tells the upstream who calls.
const HeaderPrincipal = "X-Authorizer-Principal"

// circuit leaves a service alone that fails again and again, and bounds how many questions it gets at once.
type circuit struct {
	mu       sync.Mutex
	failures int // in a row
	until    time.Time
	trying   bool // somebody asks whether it is back
	open     int  // questions under way
}

const (
	mostOpen     = 200
	mostFailures = 5
	circuitPause = 5 * time.Second
)

func (c *circuit) enter(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open >= mostOpen {
		return false
	}
	if c.failures >= mostFailures {
		if now.Before(c.until) || c.trying {
			return false
		}
		c.trying = true
	}
	c.open++
	return true
}

func (c *circuit) leave(now time.Time, failed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	c.trying = false
	if !failed {
		c.failures = 0
		return
	}
	if c.failures++; c.failures >= mostFailures {
		c.until = now.Add(circuitPause)
	}
}
