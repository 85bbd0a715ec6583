package enforcement

import (
	"slices"
	"strings"

	"gatehouse/enforcement/authorizer"
	"gatehouse/enforcement/transport"
	"gatehouse/models"
)

// routes finds the method of a path and verb: a tree of segments. A literal segment beats {param} beats {proxy+}, segment by segment from
// the left, and where the better one leads nowhere, the next one is tried. The path decides first, then the verb: the exact one, GET for
// HEAD, then ANY.
type routes struct{ root node }

type node struct {
	literals map[string]*node
	param    *node
	methods  *endpoint // of the path that ends here
	greedy   *endpoint // of {proxy+} below here
}

// endpoint is the methods of one path.
type endpoint struct {
	verbs map[string]*method
	any   *method
	allow string // value of the header Allow
}

// method is a verb on a path as the gateway serves it.
type method struct {
	id          models.MethodID
	index       int // among the methods of its stage
	name        string
	keyRequired bool
	path        string                 // template
	authorizer  *authorizer.Authorizer // who decides about callers; nil: nobody
	scopes      []string               // of which they must have one
	life        *life                  // nil: nothing is announced of it
	limit       *methodLimit           // nil: the stage's own throttle holds for it
	integration *integration           // what answers it; nil: its stage's upstream
	pool        *transport.Pool        // where its requests go; nil: nobody is asked, or it is broken
	broken      string                 // why nothing answers it, for its callers; empty: something does
	wanted      *wanted                // nil: its requests are passed on as they come
}

// add enters a method. Two templates that match the same paths are one; if both have the verb, the one stays that is better protected, by a key or an authorizer: an ambiguous
// description must not open anything. A literal that no canonical path can contain matches nothing.
func (t *routes) add(verb, template string, m *method) {
	n := &t.root
	for _, segment := range segments(template) {
		switch {
		case strings.HasPrefix(segment, "{") && strings.HasSuffix(segment, "+}"):
			n.greedy = n.greedy.with(verb, m)
			return
		case strings.HasPrefix(segment, "{"):
			if n.param == nil {
				n.param = &node{}
			}
			n = n.param
		default:
			literal, fault := canonicalPath("/" + segment)
			if fault != "" {
				return
			}
			n = n.literal(literal[1:])
		}
	}
	n.methods = n.methods.with(verb, m)
}

func segments(template string) []string {
	template = strings.Trim(template, "/")
	if template == "" {
		return nil
	}
	return strings.Split(template, "/")
}

func (n *node) literal(segment string) *node {
	if n.literals == nil {
		n.literals = map[string]*node{}
	}
	next := n.literals[segment]
	if next == nil {
		next = &node{}
		n.literals[segment] = next
	}
	return next
}

// find returns the methods of a canonical path below the stage, empty or beginning with a slash; nil if there are none.
func (t *routes) find(path string) *endpoint {
	return t.root.find(strings.Trim(path, "/"))
}

// find visits a node at most once, since a path leads to it in one way only.
func (n *node) find(rest string) *endpoint {
	if rest == "" {
		return n.methods
	}
	segment, after, _ := strings.Cut(rest, "/")
	if next := n.literals[segment]; next != nil {
		if e := next.find(after); e != nil {
			return e
		}
	}
	if n.param != nil {
		if e := n.param.find(after); e != nil {
			return e
		}
	}
	return n.greedy
}

// with returns e with a method more; e may be nil.
func (e *endpoint) with(verb string, m *method) *endpoint {
	if e == nil {
		e = &endpoint{verbs: map[string]*method{}}
	}
	if verb == "ANY" {
		e.any = stricter(e.any, m)
	} else {
		e.verbs[verb] = stricter(e.verbs[verb], m)
	}
	e.allow = e.allowed()
	return e
}

func stricter(old, new *method) *method {
	if old == nil || new.guards() > old.guards() {
		return new
	}
	return old
}

// guards is by how much a method is protected.
func (m *method) guards() (n int) {
	if m.keyRequired {
		n++
	}
	if m.authorizer != nil {
		n++
	}
	return n
}

// method returns what serves a verb, or nil.
func (e *endpoint) method(verb string) *method {
	if m := e.verbs[verb]; m != nil {
		return m
	}
	if verb == "HEAD" && e.verbs["GET"] != nil {
		return e.verbs["GET"]
	}
	return e.any
}

func (e *endpoint) allowed() string {
	var verbs []string
	for _, verb := range models.Verbs {
		if verb != "ANY" && e.method(verb) != nil {
			verbs = append(verbs, verb)
		}
	}
	slices.Sort(verbs)
	return strings.Join(verbs, ", ")
}
