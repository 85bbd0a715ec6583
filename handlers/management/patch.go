package management

import (
	"slices"
	"strings"
)

// operation of a patch: op is one of AWS's, value is always text.
type patchOperation struct {
	Op    string
	Path  string
	Value string
	From  string
	Set   bool // there is a value, perhaps an empty one
}

// The kinds of patch operations.
const (
	opAdd     = "add"
	opRemove  = "remove"
	opReplace = "replace"
	opCopy    = "copy"
)

// patchRule is one line of a resource's table: what a path means.
type patchRule[T any] struct {
	// path is a pattern: /throttle/rateLimit. {name} stands for one part, {name...} for any number of them, which Terraform sends unescaped; both are given
	// unescaped, parts with slashes between.
	path string
	ops  string // that it takes: "add remove replace"
	do   func(to *T, in patchOperation, at parts) error
}

// parts are what a path has in the places of a pattern's names.
type parts map[string]string

// patchTable says what may be patched of a resource.
type patchTable[T any] struct {
	rules []patchRule[T]
	// refuse is what is said of an operation that no rule takes; nil: invalidPatch.
	refuse func(in patchOperation) error
}

// apply does all operations in order. To is a copy that the caller keeps only if there is no error: all or nothing.
func (t patchTable[T]) apply(to *T, ops []patchOperation) error {
	for _, in := range ops {
		rule, at := t.find(in)
		if rule == nil {
			if t.refuse != nil {
				return t.refuse(in)
			}
			return invalidPatch(in, t.paths(in.Op))
		}
		if err := rule.do(to, in, at); err != nil {
			return err
		}
	}
	return nil
}

func (t patchTable[T]) find(in patchOperation) (*patchRule[T], parts) {
	for i := range t.rules {
		rule := &t.rules[i]
		if !slices.Contains(strings.Fields(rule.ops), in.Op) {
			continue
		}
		if at, ok := match(rule.path, in.Path); ok {
			return rule, at
		}
	}
	return nil, nil
}

// paths are those that an op takes.
func (t patchTable[T]) paths(op string) (paths []string) {
	for _, rule := range t.rules {
		if slices.Contains(strings.Fields(rule.ops), op) && !slices.Contains(paths, rule.path) {
			paths = append(paths, rule.path)
		}
	}
	slices.Sort(paths)
	return paths
}

// invalidPatch is AWS's sentence; its two blanks are AWS's, too.
func invalidPatch(in patchOperation, paths []string) error {
	return badRequest("Invalid patch path  '%s' specified for op '%s'. Must be one of: [%s]", in.Path, in.Op, strings.Join(paths, ", "))
}

// match compares a path with a pattern. Where a pattern has {name...}, as much as is left between its beginning and its end is that part.
func match(pattern, path string) (parts, bool) {
	if !strings.HasPrefix(path, "/") {
		return nil, false
	}
	want, have := strings.Split(pattern[1:], "/"), strings.Split(path[1:], "/")
	at := parts{}
	for i, w := range want {
		if strings.HasSuffix(w, "...}") {
			rest := len(want) - i - 1
			if len(have) < i+rest+1 {
				return nil, false
			}
			middle := have[i : len(have)-rest]
			at[strings.Trim(w, "{.}")] = unescape(strings.Join(middle, "/"))
			more, ok := matchAll(want[i+1:], have[len(have)-rest:], at)
			return more, ok
		}
		if i >= len(have) {
			return nil, false
		}
		if _, ok := matchAll(want[i:i+1], have[i:i+1], at); !ok {
			return nil, false
		}
	}
	return at, len(have) == len(want)
}

// matchAll compares as many parts of a path with those of a pattern.
func matchAll(want, have []string, at parts) (parts, bool) {
	for i, w := range want {
		switch {
		case strings.HasPrefix(w, "{"):
			at[strings.Trim(w, "{}")] = unescape(have[i])
		case w != have[i]:
			return nil, false
		}
	}
	return at, true
}

// unescape undoes JSON Pointer's escapes (RFC 6901).
func unescape(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~")
}

// escape makes one part of a path.
func escape(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~", "~0"), "/", "~1")
}

// patchOperations reads the body of a PATCH. Input is the name of its structure, such as updateUsagePlanInput.
func (c *call) patchOperations(input string) ([]patchOperation, error) {
	var in struct {
		PatchOperations []struct {
			Op    *string `json:"op"`
			Path  *string `json:"path"`
			Value *string `json:"value"`
			From  *string `json:"from"`
		} `json:"patchOperations"`
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	var broken constraints
	ops := make([]patchOperation, len(in.PatchOperations))
	for i, p := range in.PatchOperations {
		broken.oneOf(orEmpty(p.Op), member(input, "patchOperations", i, "op"), opAdd, opRemove, "move", "test", opReplace, opCopy)
		ops[i] = patchOperation{Op: orEmpty(p.Op), Path: orEmpty(p.Path), Value: orEmpty(p.Value), From: orEmpty(p.From), Set: p.Value != nil}
		if p.Path == nil {
			ops[i].Path = "null" // as AWS prints it
		}
	}
	return ops, broken.err()
}

// setText makes a rule's do of a field that is text.
func setText[T any](field func(*T) *string) func(*T, patchOperation, parts) error {
	return func(to *T, in patchOperation, _ parts) error {
		if in.Op == opRemove {
			in.Value = ""
		}
		*field(to) = in.Value
		return nil
	}
}

// isTrue reads a value that is a boolean: what cannot be read is false.
func isTrue(value string) bool { return strings.EqualFold(value, "true") }
