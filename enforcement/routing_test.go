package enforcement

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/models"
)

func routesOf(methods ...string) *routes {
	t := &routes{}
	for i, s := range methods {
		parts := strings.Fields(s)
		t.add(parts[0], parts[1], &method{id: models.MethodID(i + 1), index: i, name: s, keyRequired: len(parts) < 3})
	}
	return t
}

// found is the name of the method that serves "VERB /path": "404", "405 Allow" if there is none.
func (t *routes) found(request string) string {
	verb, path, _ := strings.Cut(request, " ")
	e := t.find(path)
	if e == nil {
		return "404"
	}
	m := e.method(verb)
	if m == nil {
		return "405 " + e.allow
	}
	return m.name
}

func TestTheMostSpecificMethodServes(t *testing.T) {
	tree := routesOf("GET /", "GET /users", "POST /users", "GET /users/{id}", "GET /users/me", "ANY /users/{id}/orders", "GET /users/{id}/orders",
		"ANY /files/{proxy+}", "GET /files/index.html", "GET /a/{x}/d", "GET /{p}/b/c", "GET /t%7eilde/caf%c3%A9", "DELETE /only", "OPTIONS /opt",
		"GET /v1/{proxy+}", "GET /v1/x/{y}", "ANY /v1/x/y")
	tests := []struct{ name, request, want string }{
		{"root", "GET ", "GET /"},
		{"root with a slash", "GET /", "GET /"},
		{"literal", "GET /users", "GET /users"},
		{"a slash at the end is ignored", "GET /users/", "GET /users"},
		{"verb", "POST /users", "POST /users"},
		{"parameter", "GET /users/7", "GET /users/{id}"},
		{"literal beats parameter", "GET /users/me", "GET /users/me"},
		{"exact verb beats ANY", "GET /users/7/orders", "GET /users/{id}/orders"},
		{"ANY serves the others", "PATCH /users/7/orders", "ANY /users/{id}/orders"},
		{"HEAD is GET without a body", "HEAD /users", "GET /users"},
		{"HEAD is GET before ANY", "HEAD /users/7/orders", "GET /users/{id}/orders"},
		{"greedy", "PUT /files/a/b/c", "ANY /files/{proxy+}"},
		{"greedy needs a segment", "GET /files", "404"},
		{"literal beats greedy", "GET /files/index.html", "GET /files/index.html"},
		{"the path decides before the verb", "POST /files/index.html", "405 GET, HEAD"},
		{"back from a dead end", "GET /a/b/c", "GET /{p}/b/c"},
		{"not back when it leads somewhere", "GET /a/b/d", "GET /a/{x}/d"},
		{"literals are canonical", "GET /t~ilde/caf%C3%A9", "GET /t%7eilde/caf%c3%A9"},
		{"capitals matter", "GET /Users", "404"},
		{"unknown", "GET /nothing/here", "404"},
		{"unknown verb", "POST /only", "405 DELETE"},
		{"OPTIONS without a preflight", "OPTIONS /only", "405 DELETE"},
		{"OPTIONS of its own", "OPTIONS /opt", "OPTIONS /opt"},
		{"parameter beats greedy", "GET /v1/x/z", "GET /v1/x/{y}"},
		{"greedy takes what is deeper", "GET /v1/x/z/w", "GET /v1/{proxy+}"},
		{"literal with ANY beats parameter", "GET /v1/x/y", "ANY /v1/x/y"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tree.found(tt.request); got != tt.want {
				t.Errorf("%s is served by %q, want %q", tt.request, got, tt.want)
			}
		})
	}
}

// Two templates of a description may match the same paths. That must not take the key from a method that needs one.
func TestOfTwoEqualTemplatesTheOneThatNeedsAKeyServes(t *testing.T) {
	for _, methods := range [][]string{
		{"GET /a/{x}", "GET /a/{y} open"},
		{"GET /a/{y} open", "GET /a/{x}"},
	} {
		if got := routesOf(methods...).found("GET /a/1"); got != "GET /a/{x}" {
			t.Errorf("%v: served by %q", methods, got)
		}
	}
}

// naive is routing as the documents define it, without a tree: of all templates that match, the one that is better at the first
// segment in which they differ.
func naive(methods []string, verb, path string) string {
	best := ""
	for _, m := range methods {
		template := strings.Fields(m)[1]
		if matches(template, path) && (best == "" || better(template, best)) {
			best = template
		}
	}
	if best == "" {
		return "404"
	}
	for _, v := range []string{verb, map[string]string{"HEAD": "GET"}[verb], "ANY"} {
		for _, m := range methods {
			if f := strings.Fields(m); f[0] == v && rank(f[1]) == rank(best) {
				return m
			}
		}
	}
	return "405"
}

func parts(path string) []string {
	path = strings.Trim(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

func matches(template, path string) bool {
	ts, ps := parts(template), parts(path)
	for i, s := range ts {
		switch {
		case strings.HasSuffix(s, "+}"):
			return len(ps) > i
		case i >= len(ps), !strings.HasPrefix(s, "{") && s != ps[i]:
			return false
		}
	}
	return len(ts) == len(ps)
}

func better(a, b string) bool { return rank(a) < rank(b) }

// rank sorts templates that match the same path: literals, which are then equal, before parameters before greedy ones.
func rank(template string) string {
	var b strings.Builder
	for _, s := range parts(template) {
		switch {
		case strings.HasSuffix(s, "+}"):
			b.WriteString("3/")
		case strings.HasPrefix(s, "{"):
			b.WriteString("2/")
		default:
			b.WriteString("1" + s + "/")
		}
	}
	return b.String()
}

func TestTheTreeAgreesWithTheDefinition(t *testing.T) {
	segment := rapid.SampledFrom([]string{"a", "b", "c", "{p}"})
	rapid.Check(t, func(t *rapid.T) {
		seen := map[string]bool{}
		var methods []string
		for range rapid.IntRange(1, 12).Draw(t, "methods") {
			path := "/" + strings.Join(rapid.SliceOfN(segment, 0, 4).Draw(t, "template"), "/")
			if rapid.IntRange(0, 3).Draw(t, "greedy") == 0 {
				path = strings.TrimSuffix(path, "/") + "/{proxy+}"
			}
			m := rapid.SampledFrom([]string{"GET", "POST", "ANY"}).Draw(t, "verb") + " " + path
			if !seen[m] {
				seen[m] = true
				methods = append(methods, m)
			}
		}
		tree := routesOf(methods...)
		for range 10 {
			path := "/" + strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 5).Draw(t, "path"), "/")
			verb := rapid.SampledFrom([]string{"GET", "HEAD", "POST", "PUT"}).Draw(t, "verb")
			got, _, _ := strings.Cut(tree.found(verb+" "+path)+" ", " ")
			if full := tree.found(verb + " " + path); got != "405" {
				got = full
			}
			if want := naive(methods, verb, path); got != want {
				t.Fatalf("%s %s of %q: got %q, want %q", verb, path, methods, got, want)
			}
		}
	})
}

// The tree agrees with the definition for whatever can be deployed and asked for, too.
func FuzzRoutes(f *testing.F) {
	f.Add("GET /a/{x}/d\nGET /{p}/b/c\nANY /a/{proxy+}", "GET /a/b/c")
	f.Add("GET /\nHEAD /\nANY /{p+}\nPOST /%7B", "HEAD /")
	f.Add("GET /a/{x}\nGET /a/{y}\nPUT /a/b", "GET /a/b/")
	f.Add("ANY /v1/x/y\nGET /v1/x/{y}\nGET /v1/{proxy+}\nGET /v1/x", "POST /v1/x/y")
	f.Add("GET /a/{x}/{y}/{z}/e\nGET /{p}/b/{r}/d/{t}\nGET /a/{x}/c/{q+}", "GET /a/b/c/d/e")
	f.Fuzz(func(t *testing.T, deployed, request string) {
		var methods []string
		for line := range strings.Lines(deployed) {
			if parts := strings.Fields(line); len(parts) == 2 && canBeDeployed(parts[1]) && len(methods) < 40 {
				methods = append(methods, parts[0]+" "+parts[1])
			}
		}
		verb, raw, _ := strings.Cut(request, " ")
		path, fault := canonicalPath(raw)
		if fault != "" || verb == "" || len(parts(path)) > 20 {
			return
		}
		got := routesOf(methods...).found(verb + " " + path)
		if strings.HasPrefix(got, "405 ") {
			got = "405"
		}
		if want := naive(methods, verb, path); got != want {
			t.Errorf("%s %s of %q: got %q, want %q", verb, path, methods, got, want)
		}
	})
}

// canBeDeployed reports whether a template is a path of literals in their one form and of parameters, the greedy one last.
func canBeDeployed(template string) bool {
	if template == "/" {
		return true
	}
	segments := strings.Split(strings.TrimPrefix(template, "/"), "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}") {
			if strings.HasSuffix(s, "+}") && i < len(segments)-1 {
				return false
			}
			continue
		}
		if path, fault := canonicalPath("/" + s); fault != "" || path != "/"+s {
			return false
		}
	}
	return strings.HasPrefix(template, "/")
}

func TestRoutingDoesNotAllocate(t *testing.T) {
	tree := routesOf("GET /users/{id}/orders/{order}", "ANY /{proxy+}")
	if got := testing.AllocsPerRun(100, func() { tree.find("/users/7/orders/8").method("GET") }); got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}
