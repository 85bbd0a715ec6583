package openapi

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Rewrite is what holds for callers where the document says something else: it describes the API by itself, and they reach it through a gateway.
type Rewrite struct {
	Title      string // where the document has none
	Server     string // absolute URL, instead of the document's
	Key        KeyPlace
	Operations []RewriteOperation // the only ones that are left, in order
	Answers    []RewriteAnswer    // of the gateway, on every operation that needs a key
	Headers    []RewriteHeader    // of the answers to keyed calls
}

// KeyPlace is where callers put their key.
type KeyPlace struct {
	In   string // "header", "query" or "bearer"
	Name string // of the header or the query parameter
}

// RewriteOperation is an operation as it is deployed.
type RewriteOperation struct {
	Verb, Path, Summary string
	KeyRequired         bool
	Plans               []string // that open it; written as x-gatehouse-plans
	Deprecated          bool
	Sunset              time.Time // from when it is gone; written as x-sunset; zero: not known
	Note                string    // about the deprecation; written behind the description
}

// RewriteAnswer is an answer of the gateway, a problem of RFC 9457.
type RewriteAnswer struct {
	Status  int
	Text    string
	Headers []string
}

// RewriteHeader is a header with what it says.
type RewriteHeader struct{ Name, Text string }

// names of what is added to a document, chosen so that they are hardly there already.
const (
	addedKey     = "gatehouseKey"
	addedProblem = "GatehouseProblem"
	addedAnswer  = "GatehouseAnswer" // and the status
	addedHeader  = "Gatehouse-"      // and the name
	plansKey     = "x-gatehouse-plans"
	sunsetKey    = "x-sunset"
)

// Rewrite gives the document again, as JSON in its own version, as it holds for callers: with the gateway's address, key and answers, without the
// operations that are not deployed, and without what only those refer to. An API without a document gets a plain one.
func (r *Reference) Rewrite(w Rewrite) ([]byte, error) {
	b := rewriter{Reference: r, Rewrite: w, old: r.Format == swagger2, used: map[int]bool{}}
	root, err := b.root()
	if err != nil {
		return nil, fmt.Errorf("rewrite document: %w", err)
	}
	return root.json(), nil
}

type rewriter struct {
	*Reference
	Rewrite
	old  bool
	used map[int]bool // components
	tags map[string]bool
}

func (b *rewriter) root() (object, error) {
	root := object{{"openapi", quoted("3.1.0")}}
	if b.index.Root.Size > 0 {
		var err error
		if root, err = b.object(b.index.Root); err != nil {
			return nil, err
		}
	}
	info, _ := parseObject(root.get("info")) // what is no object is replaced
	if info.text("title") == "" {
		info = info.set("title", quoted(b.Title))
	}
	if info.text("version") == "" {
		info = info.set("version", quoted("1"))
	}
	root = root.set("info", info.json())
	if b.old {
		root = b.server2(root)
	} else {
		root = root.set("servers", object{{"url", quoted(b.Server)}}.list())
	}
	b.tags = map[string]bool{}
	paths, err := b.paths()
	if err != nil {
		return nil, err
	}
	root = b.keepTags(root).set("paths", paths.json())
	if !b.old && b.index.Hooks.Size > 0 && !strings.HasPrefix(b.Format, "openapi 3.0") {
		hooks, err := b.read(b.index.Hooks)
		if err != nil {
			return nil, err
		}
		b.use(b.index.Hooks.Uses)
		root = root.set("webhooks", hooks)
	}
	return b.components(root)
}

// server2 takes an address apart as 2.0 wants it.
func (b *rewriter) server2(root object) object {
	u, err := url.Parse(b.Server)
	if err != nil {
		return root
	}
	return root.set("host", quoted(u.Host)).set("basePath", quoted(u.EscapedPath())).set("schemes", json.RawMessage(`["`+u.Scheme+`"]`))
}

// keepTags leaves the tags that operations have: others would name what is not there.
func (b *rewriter) keepTags(root object) object {
	var tags, kept []json.RawMessage
	if json.Unmarshal(root.get("tags"), &tags) != nil || len(tags) == 0 {
		return root
	}
	for _, t := range tags {
		if tag, err := parseObject(t); err == nil && b.tags[tag.text("name")] {
			kept = append(kept, t)
		}
	}
	if len(kept) == 0 {
		return slices.DeleteFunc(root, func(m member) bool { return m.key == "tags" })
	}
	return root.set("tags", listOf(kept))
}

func (b *rewriter) paths() (object, error) {
	var paths object
	items := map[string]int{}
	for _, op := range b.Operations {
		path := strings.ReplaceAll(op.Path, "+}", "}")
		i, known := items[path]
		if !known {
			i = len(paths)
			items[path] = i
			shared := json.RawMessage("{}")
			if p, ok := b.index.Items[op.Path]; ok {
				text, err := b.read(p)
				if err != nil {
					return nil, err
				}
				shared = text
			}
			paths = append(paths, member{path, shared})
		}
		item, err := parseObject(paths[i].value)
		if err != nil {
			return nil, err
		}
		made, err := b.operation(op, item)
		if err != nil {
			return nil, err
		}
		if op.Verb != AnyVerb {
			paths[i].value = item.set(strings.ToLower(op.Verb), made.json()).json()
			continue
		}
		for _, verb := range []string{"get", "put", "post", "delete", "options", "head", "patch"} {
			if item.get(verb) == nil && !slices.ContainsFunc(b.Operations, func(o RewriteOperation) bool { return o.Path == op.Path && strings.EqualFold(o.Verb, verb) }) {
				one := made
				if id := made.text("operationId"); id != "" {
					one = slices.Clone(made).set("operationId", quoted(id+"-"+verb))
				}
				item = item.set(verb, one.json())
			}
		}
		paths[i].value = item.json()
	}
	return paths, nil
}

// operation is one operation with what the gateway adds.
func (b *rewriter) operation(w RewriteOperation, item object) (object, error) {
	var op object
	if part, ok := b.index.Fragments[w.Verb+" "+w.Path]; ok {
		var err error
		if op, err = b.object(part); err != nil {
			return nil, err
		}
		b.use(part.Uses)
	} else if w.Summary != "" {
		op = object{{"summary", quoted(w.Summary)}}
	}
	var tags []string
	_ = json.Unmarshal(op.get("tags"), &tags) // what is no list of texts names no tag
	for _, tag := range tags {
		b.tags[tag] = true
	}
	op = b.pathNames(op, item, w.Path)
	security := json.RawMessage("[]")
	if w.KeyRequired {
		security = object{{addedKey, json.RawMessage("[]")}}.list()
	}
	op = op.set("security", security)
	responses, _ := parseObject(op.get("responses")) // what is no object is replaced
	if w.KeyRequired {
		responses = b.answers(responses)
	}
	if len(responses) == 0 {
		responses = object{{"default", object{{"description", quoted("The answer of the API.")}}.json()}}
	}
	op = op.set("responses", responses.json())
	op = w.goes(op)
	if len(w.Plans) > 0 {
		plans, err := json.Marshal(w.Plans)
		if err != nil {
			return nil, err
		}
		op = op.set(plansKey, plans)
	}
	return op, nil
}

// goes says of an operation that it is taken away.
func (w RewriteOperation) goes(op object) object {
	if !w.Deprecated {
		return op
	}
	op = op.set("deprecated", json.RawMessage("true"))
	if !w.Sunset.IsZero() {
		op = op.set(sunsetKey, quoted(w.Sunset.UTC().Format(time.RFC3339)))
	}
	if w.Note != "" {
		op = op.set("description", quoted(strings.TrimSpace(op.text("description")+"\n\n"+w.Note)))
	}
	return op
}

// pathNames completes the parameters of the path, without which the document is not valid, and writes greedy ones as others are.
func (b *rewriter) pathNames(op, item object, path string) object {
	known := map[string]bool{}
	plain := func(raw json.RawMessage) json.RawMessage {
		p, err := parseObject(raw)
		if ref := p.text("$ref"); err == nil && ref != "" {
			p, _ = parseObject(b.component(ref))
		}
		if p.text("in") != "path" {
			return raw
		}
		name := strings.TrimSuffix(p.text("name"), "+")
		known[name] = true
		if name == p.text("name") {
			return raw
		}
		return p.set("name", quoted(name)).json()
	}
	var shared, own []json.RawMessage
	_ = json.Unmarshal(item.get("parameters"), &shared) // what is no list has no parameters
	_ = json.Unmarshal(op.get("parameters"), &own)
	for _, raw := range shared {
		plain(raw)
	}
	for i := range own {
		own[i] = plain(own[i])
	}
	for _, name := range pathParameters(path) {
		if name = strings.TrimSuffix(name, "+"); !known[name] {
			known[name] = true
			p := object{{"name", quoted(name)}, {"in", quoted("path")}, {"required", json.RawMessage("true")}}
			if b.old {
				p = append(p, member{"type", quoted("string")})
			} else {
				p = append(p, member{"schema", json.RawMessage(`{"type":"string"}`)})
			}
			own = append(own, p.json())
		}
	}
	if len(own) == 0 {
		return op
	}
	return op.set("parameters", listOf(own))
}

// answers adds the gateway's own answers, and its headers to those of the API.
func (b *rewriter) answers(responses object) object {
	for i, m := range responses {
		if strings.HasPrefix(m.key, "x-") {
			continue
		}
		response, err := parseObject(m.value)
		if ref := response.text("$ref"); err == nil && ref != "" {
			response, err = parseObject(b.component(ref))
		}
		if err == nil {
			responses[i].value = b.answer(m.key, response).json()
		}
	}
	for _, a := range b.Answers {
		if status := fmt.Sprint(a.Status); responses.get(status) == nil {
			ref := "#/components/responses/" + addedAnswer + status
			if b.old {
				ref = "#/responses/" + addedAnswer + status
			}
			responses = append(responses, member{status, object{{"$ref", quoted(ref)}}.json()})
		}
	}
	return responses
}

// answer is an answer of the document with what the gateway adds: its headers, and its own body where it may answer with the same status.
func (b *rewriter) answer(status string, response object) object {
	headers, _ := parseObject(response.get("headers")) // none
	have := func(name string) bool {
		return slices.ContainsFunc(headers, func(m member) bool { return strings.EqualFold(m.key, name) })
	}
	for _, h := range b.Headers {
		if retry := h.Name == "Retry-After"; have(h.Name) || retry && status != "429" && status != "503" {
			continue
		}
		headers = append(headers, member{h.Name, b.header(h)})
	}
	response = response.set("headers", headers.json())
	ours := slices.ContainsFunc(b.Answers, func(a RewriteAnswer) bool { return fmt.Sprint(a.Status) == status })
	if !ours || b.old {
		return response
	}
	content, _ := parseObject(response.get("content"))
	if content.get(problemType) == nil {
		content = append(content, member{problemType, json.RawMessage(`{"schema":{"$ref":"#/components/schemas/` + addedProblem + `"}}`)})
	}
	return response.set("content", content.json())
}

const problemType = "application/problem+json"

func (b *rewriter) header(h RewriteHeader) json.RawMessage {
	if b.old {
		return object{{"type", quoted("string")}, {"description", quoted(h.Text)}}.json()
	}
	return object{{"$ref", quoted("#/components/headers/" + addedHeader + h.Name)}}.json()
}

func (b *rewriter) object(p part) (object, error) {
	text, err := b.read(p)
	if err != nil {
		return nil, err
	}
	return parseObject(text)
}
