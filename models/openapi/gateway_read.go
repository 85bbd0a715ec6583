package openapi

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/pb33f/go-yaml"
)

// Bounds of what is kept for a gateway, in bytes of JSON. A document that needs more loses its last extensions, with a warning.
const (
	maxExtension = 256 << 10 // of one
	maxGateway   = 16 << 20  // of all
)

var answerPattern = regexp.MustCompile(`^[1-5]\d\d$`)

// gatewayReading reads what a document says to a gateway, once its operations are known.
type gatewayReading struct {
	*reading
	*sourceWriter
	made Gateway
	room int
}

func (r *reading) readGateway(w *sourceWriter) Gateway {
	root := r.tree.root
	g := gatewayReading{reading: r, sourceWriter: w, room: maxGateway}
	g.made.BasePath = r.basePath()
	g.made.Root = g.extensions(whole, root)
	for _, server := range list(root, "servers") { // where OpenAPI 3 has the endpoint's configuration
		for name, value := range g.extensions(whole, server) {
			if g.made.Root == nil {
				g.made.Root = map[string]json.RawMessage{}
			}
			g.made.Root[name] = value
		}
	}
	g.schemes()
	for i, op := range r.operationNodes {
		g.made.Operations = append(g.made.Operations, g.operation(r.Operations[i], op))
	}
	if g.room < 0 || w.room < 0 {
		g.left(whole, "The document says so much to API Gateway that a part of it is left out.")
	}
	return g.made
}

func (g *gatewayReading) left(where, text string) {
	if w := (Warning{Where: where, Text: text}); len(g.made.Left) < MaxWarnings && !slices.Contains(g.made.Left, w) {
		g.made.Left = append(g.made.Left, w)
	}
}

// basePath is the path of the document's first address: in 3.x its variable basePath where it has one.
func (r *reading) basePath() string {
	path := ""
	if r.old() {
		path = text(r.tree.root, "basePath")
	} else if servers := list(r.tree.root, "servers"); len(servers) > 0 {
		path = text(child(child(servers[0], "variables"), "basePath"), "default")
		if u, err := url.Parse(serverURL(servers[0])); path == "" && err == nil {
			path = u.Path
		}
	}
	if path = strings.Trim(word(path, maxPath), "/"); path == "" {
		return ""
	}
	return "/" + path
}

// extensions are those of a mapping, by what follows the prefix.
func (g *gatewayReading) extensions(where string, n *yaml.Node) map[string]json.RawMessage {
	var all map[string]json.RawMessage
	for key, value := range pairs(n) {
		name, ok := strings.CutPrefix(key, gatewayPrefix)
		if !ok || key == anyMethod {
			continue
		}
		raw := g.raw(value)
		if raw == nil {
			g.left(where, short(key)+" is left out: it is too long.")
			continue
		}
		if all == nil {
			all = map[string]json.RawMessage{}
		}
		all[word(name, maxName)] = raw
	}
	return all
}

// raw writes a part as JSON; nil: it is too long.
func (g *gatewayReading) raw(n *yaml.Node) json.RawMessage {
	if n = g.resolve(n); n == nil {
		return json.RawMessage("null")
	}
	e := encoder{limit: maxExtension}
	e.node(n, 0)
	if g.room -= e.out.Len(); g.room < 0 || e.out.Len() > maxExtension || !json.Valid(e.out.Bytes()) {
		return nil
	}
	return slices.Clone(e.out.Bytes())
}

func (g *gatewayReading) schemes() {
	from := child(child(g.tree.root, "components"), "securitySchemes")
	if g.old() {
		from = child(g.tree.root, "securityDefinitions")
	}
	for name, n := range pairs(from) {
		if n = g.resolve(n); n == nil || len(g.made.Schemes) == maxParameters {
			continue
		}
		s := GatewayScheme{
			Name: word(name, maxName), Type: word(text(n, "type"), 40), In: word(text(n, "in"), 40), Parameter: word(text(n, "name"), maxName),
			AuthType: word(text(n, gatewayPrefix+"authtype"), maxName),
		}
		if authorizer := child(n, gatewayPrefix+"authorizer"); authorizer != nil {
			if s.Authorizer = g.raw(authorizer); s.Authorizer == nil {
				g.left(s.Name, "The authorizer is left out: it is too long.")
			}
		}
		g.made.Schemes = append(g.made.Schemes, s)
	}
}

func (g *gatewayReading) operation(op Operation, from sourceNodes) GatewayOperation {
	out := GatewayOperation{Verb: op.Verb, Path: op.Path, ID: op.ID, Summary: op.Summary, Extensions: g.extensions(op.Name(), from.node)}
	security := child(from.node, "security")
	if security == nil {
		security, out.Inherited = child(g.tree.root, "security"), true
	}
	out.Security = securities(security)
	for _, p := range op.Parameters {
		if p.In != "cookie" {
			out.Parameters = append(out.Parameters, GatewayParameter{p.Name, p.In, p.Required})
		}
	}
	out.Body = g.body(from)
	for status, response := range pairs(child(from.node, "responses")) {
		if answerPattern.MatchString(status) && len(out.Answers) < maxResponses {
			out.Answers = append(out.Answers, g.answer(status, g.resolve(response), from.node))
		}
	}
	return out
}

func securities(list *yaml.Node) (all []GatewaySecurity) {
	if list == nil || list.Kind != yaml.SequenceNode {
		return nil
	}
	for _, alternative := range list.Content {
		one := GatewaySecurity{}
		for name, scopes := range pairs(alternative) {
			one[word(name, maxName)] = words(scopes.Content)
		}
		if all = append(all, one); len(all) == maxParameters {
			break
		}
	}
	return all
}

// body gives what is sent, by media type.
func (g *gatewayReading) body(from sourceNodes) (contents []GatewayContent) {
	if !g.old() {
		return g.contents(child(g.resolve(child(from.node, "requestBody")), "content"))
	}
	for _, p := range slices.Concat(list(from.item, "parameters"), list(from.node, "parameters")) {
		if p = g.resolve(p); text(p, "in") != "body" || child(p, "schema") == nil {
			continue
		}
		contents = nil // the operation's replaces its path's
		for _, mediaType := range g.mediaTypes(from.node, "consumes") {
			contents = append(contents, g.content(mediaType, child(p, "schema")))
		}
	}
	return contents
}

func (g *gatewayReading) answer(status string, n, operation *yaml.Node) GatewayAnswer {
	a := GatewayAnswer{Status: status}
	for name := range pairs(child(n, "headers")) {
		if len(a.Headers) < maxParameters {
			a.Headers = append(a.Headers, word(name, maxName))
		}
	}
	if !g.old() {
		a.Contents = g.contents(child(n, "content"))
		return a
	}
	if schema := child(n, "schema"); schema != nil {
		for _, mediaType := range g.mediaTypes(operation, "produces") {
			a.Contents = append(a.Contents, g.content(mediaType, schema))
		}
	}
	return a
}

func (g *gatewayReading) contents(from *yaml.Node) (all []GatewayContent) {
	for mediaType, media := range pairs(from) {
		if schema := child(g.resolve(media), "schema"); schema != nil && len(all) < maxContents {
			all = append(all, g.content(word(mediaType, maxName), schema))
		}
	}
	return all
}

func (g *gatewayReading) content(mediaType string, schema *yaml.Node) GatewayContent {
	c := GatewayContent{MediaType: mediaType}
	if model, ok := SchemaModel(reference(schema)); ok {
		c.Model = model
		return c
	}
	made := json.RawMessage(g.fragment(schema, nil).JSON)
	if g.room -= len(made); g.room < 0 || g.sourceWriter.room < 0 || len(made) > maxExtension || !json.Valid(made) {
		g.left(mediaType, "The schema of a body is left out: it is too long.")
		return c
	}
	c.Schema = made
	return c
}
