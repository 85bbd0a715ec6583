package enforcement

import (
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/enforcement/transport"
	"gatehouse/models"
)

// A method may have an integration, which answers it in place of its stage's upstream: another upstream, which gets the request as it is (HTTP_PROXY) or what
// is mapped (HTTP), or nobody (MOCK). Everything before and behind is as for other methods: who may call, what is charged, what is kept.

// integration is one made ready for requests.
type integration struct {
	kind        models.IntegrationKind
	verb        string // of the upstream's request; empty: the caller's
	path, query []urlPart
	parameters  []mapped // of the query, behind the URL's own
	headers     []mapped
	fixed       map[string]bool // names of the query, in lower case, that are the owner's
	timeout     time.Duration
	templates   map[string]*template
	passthrough models.Passthrough
	answers     []*answerOf // in the order of their statuses

	varies []string // canonical: headers of the request that answers depend on
	unkept bool     // no answer is kept: each request has its own
}

// urlPart is a part of a URL: text, or the value of a parameter.
type urlPart struct {
	text  string // escaped
	name  string // of the parameter, for who must be told that it is not good
	value *source
	last  bool // nothing stands behind it
}

// answerOf is an answer that an integration may have.
type answerOf struct {
	status    int
	pattern   *regexp.Regexp // of the upstream's status; nil: it is the default one
	headers   []mapped
	templates map[string]*template
}

// origin tells the upstreams of a stage's integrations apart.
type origin struct {
	scheme, host string
	insecure     bool
}

// integrate says what answers a method: its integration, or the stage's upstream. What cannot be used is the method's fault alone, not the stage's.
func (c *compiler) integrate(in *models.GatewayStage, st *stage, from *models.Method, m *method, canary bool) {
	if from.Integration == nil {
		if m.pool = st.pool; m.pool == nil && st.broken == "" {
			m.broken = "it has no integration, and its stage has no upstream of its own"
		}
		return
	}
	i := from.Integration
	build := &mapper{template: from.Path, variables: in.Settings.Variables, varies: map[string]bool{}}
	made := &integration{kind: i.Kind, timeout: i.Timeout, passthrough: i.Passthrough}
	if made.timeout <= 0 {
		made.timeout = models.DefaultIntegrationTimeout
	}
	switch i.Kind {
	case models.IntegrationHTTPProxy, models.IntegrationHTTP:
		m.pool = c.target(in, st, i, made, build, canary)
	case models.IntegrationMock:
	default:
		build.fail("it has an integration of a type that the gateway does not have")
	}
	if i.Kind != models.IntegrationHTTPProxy {
		made.templates = build.templates(i.Templates)
		made.answers = build.answers(i.Responses)
	}
	made.varies, made.unkept = slices.Sorted(maps.Keys(build.varies)), build.fleeting
	m.integration, m.broken = made, build.fault
}

// target compiles where requests go. It returns nil, and the fault is noted, if that cannot be done.
func (c *compiler) target(in *models.GatewayStage, st *stage, i *models.Integration, made *integration, build *mapper, canary bool) *transport.Pool {
	t, err := models.ParseIntegrationURL(i.URL, build.variables)
	if err != nil {
		build.fail("the URL of its integration cannot be used: %s", lowered(models.Sentence(err)))
		return nil
	}
	if i.Verb != "ANY" {
		made.verb = i.Verb
	}
	made.path, made.query = build.places(t.Path, i), build.places(t.Query, i)
	if n := len(made.path); n > 0 {
		made.path[n-1].last = true
	}
	made.fixed = fixedNames(t.Query)
	for _, target := range slices.Sorted(maps.Keys(i.Parameters)) {
		where, name, ok := models.IntegrationParameter(target)
		if !ok {
			build.fail("it maps %.100q, which the gateway cannot read", target)
		}
		if where == "path" {
			continue // in places
		}
		value := build.parse(i.Parameters[target])
		if where == "header" {
			made.headers = append(made.headers, mapped{textproto.CanonicalMIMEHeaderKey(name), value})
		} else {
			made.parameters = append(made.parameters, mapped{name, value})
			made.fixed[strings.ToLower(name)] = true
		}
	}
	pool, err := c.originPool(in, st, origin{t.Scheme, strings.ToLower(t.Host), i.Insecure}, canary)
	if err != nil {
		build.fail("the upstream of its integration cannot be used: %v", err)
	}
	return pool
}

func lowered(sentence string) string {
	sentence = strings.TrimSuffix(sentence, ".")
	return strings.ToLower(sentence[:min(1, len(sentence))]) + sentence[min(1, len(sentence)):]
}

// places makes the pieces of a URL ready.
func (c *mapper) places(pieces []models.URLPiece, i *models.Integration) []urlPart {
	all := make([]urlPart, len(pieces))
	for n, p := range pieces {
		if p.Param == "" {
			all[n].text = p.Text
			continue
		}
		value := c.parse(i.ParameterSource(p.Param))
		all[n] = urlPart{name: p.Param, value: &value}
	}
	return all
}

// fixedNames are the names of the parameters that a URL has itself.
func fixedNames(query []models.URLPiece) map[string]bool {
	names, whole := map[string]bool{}, ""
	for _, p := range query {
		whole += p.Text // a value that stands in a name is not told
	}
	for pair := range strings.SplitSeq(whole, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil && plain != "" {
			names[strings.ToLower(plain)] = true
		}
	}
	return names
}

// answers compiles what an integration may answer.
func (c *mapper) answers(all map[string]models.IntegrationResponse) (ready []*answerOf) {
	for _, text := range slices.Sorted(maps.Keys(all)) {
		in := all[text]
		status, err := strconv.Atoi(text)
		if err != nil || status < 200 || status > 599 {
			c.fail("one of its answers has the status %.20q", text)
		}
		a := &answerOf{status: status, templates: c.templates(in.Templates)}
		if in.Pattern != "" && in.Pattern != "-" { // some tools write - for none
			if a.pattern, err = models.CompileSelection(in.Pattern); err != nil {
				c.fail("the pattern of its answer %d cannot be read", status)
			}
		}
		for _, target := range slices.Sorted(maps.Keys(in.Parameters)) {
			name, ok := models.AnswerHeader(target)
			if !ok {
				c.fail("it maps %.100q, which the gateway cannot read", target)
			}
			a.headers = append(a.headers, mapped{textproto.CanonicalMIMEHeaderKey(name), c.parse(in.Parameters[target])})
		}
		if len(a.templates) > 1 {
			c.varies["Accept"] = true
		}
		ready = append(ready, a)
	}
	return ready
}

// originPool returns the upstream of all of a stage's integrations that go to one origin. It keeps connections and breaker over snapshots, as the stage's own
// upstreams do, and meets servers that speak TLS as they do, but for the name that their certificate must have.
func (c *compiler) originPool(in *models.GatewayStage, st *stage, o origin, canary bool) (*transport.Pool, error) {
	if pool := st.origins[o]; pool != nil {
		return pool, nil
	}
	r := transport.Reach{Scheme: o.scheme, Address: o.host, Connect: in.Settings.Timeouts.Connect}
	spec := transport.PoolSpec{Targets: []transport.TargetSpec{{Weight: 1}}, Breaker: breakerOf(models.Breaker{})}
	if o.scheme == "https" {
		met, err := upstreamTLS(in)
		if err != nil {
			return nil, err
		}
		met.ServerName, met.Insecure = "", o.insecure
		r.TLS, spec.Certificate = met, in.Certificate
	}
	spec.Targets[0].Reach = r
	var before *transport.Pool
	if old := c.before.stage(in.ID, canary); old != nil {
		before = old.origins[o]
	}
	pool, err := c.proxy.NewPool(spec, before)
	if err != nil {
		return nil, err
	}
	if st.origins == nil {
		st.origins = map[origin]*transport.Pool{}
	}
	st.origins[o] = pool
	st.insecure = st.insecure || o.insecure
	return pool, nil
}

// answer finds what is answered for a status of the upstream, or of a mock; nil: nothing is.
func (i *integration) answer(status int) *answerOf {
	var otherwise *answerOf
	text := strconv.Itoa(status)
	for _, a := range i.answers {
		switch {
		case a.pattern == nil && otherwise == nil:
			otherwise = a
		case a.pattern != nil && a.pattern.MatchString(text):
			return a
		}
	}
	return otherwise
}

// hasIntegration reports whether one of the stage's methods is not answered by the stage's upstream.
func (st *stage) hasIntegration() bool {
	return slices.ContainsFunc(st.methods, func(m *method) bool { return m.integration != nil })
}

// mayHaveBody reports whether requests of a verb usually have one: a template makes it for these alone.
func mayHaveBody(verb string) bool {
	switch verb {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	default:
		return true
	}
}
