package models

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Resource is a place in the tree of paths of an API's draft, as the management API has it. Pages know methods alone: each part of a method's path is a
// resource, too.
type Resource struct {
	ID      ResourceID
	Parent  ResourceID // zero: it is the root
	Path    string     // "/", "/users/{id}"; no slash at its end
	Methods []Method   // of the draft
}

// Part returns the last part of the path; empty for the root.
func (r Resource) Part() string { return partOf(r.Path) }

// Method returns the method of a verb.
func (r Resource) Method(verb string) (Method, error) {
	for _, m := range r.Methods {
		if m.Verb == verb {
			return m, nil
		}
	}
	return Method{}, &Error{Kind: KindNotFound, Message: "Invalid Method identifier specified"}
}

// KeptResource is a resource whose id does not follow from its path alone: it was made by itself, renamed, or is gone.
type KeptResource struct {
	ID   ResourceID
	Path string // empty: it is gone, and its id is not given again
}

// MaxResources is how many resources may be kept of an API, beside those that its methods make.
const MaxResources = 20_000

// ResourcePath is the path of the resource that a method is of. A slash at the end of a path does not tell methods apart.
func ResourcePath(method string) string {
	if p := strings.TrimSuffix(method, "/"); p != "" {
		return p
	}
	return "/"
}

func parentOf(path string) string { return cmp.Or(path[:strings.LastIndexByte(path, '/')], "/") }

func partOf(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func joinPath(parent, part string) string { return strings.TrimSuffix(parent, "/") + "/" + part }

// isBelow reports whether a path is that of a resource or of one below it.
func isBelow(path, of string) bool {
	return of == "/" || path == of || strings.HasPrefix(path, of+"/")
}

// ResourceTree is all resources of an API. It is made of what is kept and of the paths of methods, and the same each time. It is not for concurrent changes.
type ResourceTree struct {
	api   APIID
	ids   map[string]ResourceID // by path
	paths map[ResourceID]string // of those that are there
	taken map[ResourceID]bool   // and of those that are gone
}

// NewResourceTree makes the tree of an API. Ids that are not kept follow from the paths; where one of them was given to a resource that moved away, the next
// one does.
func NewResourceTree(api APIID, kept []KeptResource, methods []string) *ResourceTree {
	t := &ResourceTree{api: api, ids: map[string]ResourceID{}, paths: map[ResourceID]string{}, taken: map[ResourceID]bool{}}
	for _, k := range kept {
		t.taken[k.ID] = true
		if k.Path != "" {
			t.ids[k.Path], t.paths[k.ID] = k.ID, k.Path
		}
	}
	t.grow("/")
	for _, k := range kept {
		if k.Path != "" {
			t.grow(k.Path)
		}
	}
	for _, path := range methods {
		t.grow(ResourcePath(path))
	}
	return t
}

// grow makes a path and all before it places of the tree.
func (t *ResourceTree) grow(path string) {
	for ; path != "/"; path = parentOf(path) {
		t.add(path)
	}
	t.add("/")
}

func (t *ResourceTree) add(path string) {
	if t.ids[path] != 0 {
		return
	}
	id := t.Draw(path)
	t.ids[path], t.paths[id], t.taken[id] = id, path, true
}

// Draw returns the id that a resource at a path gets.
func (t *ResourceTree) Draw(path string) (id ResourceID) {
	for n := 0; ; n++ {
		if id = DerivedResourceID(t.api, path, n); !t.taken[id] {
			return id
		}
	}
}

// DerivedResourceID is the id that follows from a path; n is how many before it were taken.
func DerivedResourceID(api APIID, path string, n int) ResourceID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %s", api, n, path))
	return NewID[Resource](binary.LittleEndian.Uint64(sum[:8]))
}

// Root is the id of the root, which always is there.
func (t *ResourceTree) Root() ResourceID { return t.ids["/"] }

// ByID finds a resource, without its methods.
func (t *ResourceTree) ByID(id ResourceID) (Resource, error) {
	path, ok := t.paths[id]
	if !ok {
		return Resource{}, &Error{Kind: KindNotFound, Message: "Invalid Resource identifier specified"}
	}
	return t.at(path), nil
}

// At finds the resource of a path that is in the tree, without its methods.
func (t *ResourceTree) at(path string) Resource {
	r := Resource{ID: t.ids[path], Path: path}
	if path != "/" {
		r.Parent = t.ids[parentOf(path)]
	}
	return r
}

// Below lists a resource and all below it by path, without their methods.
func (t *ResourceTree) Below(path string) (list []Resource) {
	for p := range t.ids {
		if isBelow(p, path) {
			list = append(list, t.at(p))
		}
	}
	slices.SortFunc(list, func(a, b Resource) int { return cmp.Compare(a.Path, b.Path) })
	return list
}

// Above lists a resource and those that it is in, from the root on, without their methods.
func (t *ResourceTree) Above(path string) (list []Resource) {
	for ; path != "/"; path = parentOf(path) {
		list = append(list, t.at(path))
	}
	slices.Reverse(list)
	return list
}

// With adds methods to a list of resources.
func (t *ResourceTree) With(list []Resource, methods []Method) []Resource {
	at := make(map[string]int, len(list))
	for i, r := range list {
		at[r.Path] = i
	}
	for _, m := range methods {
		if i, ok := at[ResourcePath(m.Path)]; ok {
			list[i].Methods = append(list[i].Methods, m)
		}
	}
	return list
}

// partPattern is what AWS takes of a resource's part: colon and comma, which older ones of its versions did not, included.
var partPattern = regexp.MustCompile(`^(?:[a-zA-Z0-9._:,-]+|\{[a-zA-Z0-9._-]{1,64}\+?\})$`)

// Place returns the path of a resource that is to be made in another one; the errors are AWS's. Moving is the path of one that comes from elsewhere, which does
// not stand in its own way; empty: none.
func (t *ResourceTree) Place(parent ResourceID, part, moving string) (string, error) {
	in, err := t.ByID(parent)
	if err != nil {
		return "", err
	}
	if !partPattern.MatchString(part) || part == "." || part == ".." {
		return "", Invalid("pathPart", "Resource's path part only allow a-zA-Z0-9._-: and curly braces at the beginning and the end and an optional plus sign before the closing brace.")
	}
	if strings.HasSuffix(in.Part(), "+}") {
		return "", Invalid("pathPart", "Cannot create a child of a resource with a greedy path variable: "+in.Part())
	}
	for path := range t.ids {
		if path == "/" || path == moving || parentOf(path) != in.Path {
			continue
		}
		if partOf(path) == part {
			return "", Conflict("Another resource with the same parent already has this name: " + part)
		}
	}
	for path := range t.ids {
		if path != "/" && path != moving && parentOf(path) == in.Path && part[0] == '{' && partOf(path)[0] == '{' {
			return "", Invalid("pathPart", fmt.Sprintf("A sibling (%s) of this resource already has a variable path part -- only one is allowed", partOf(path)))
		}
	}
	return joinPath(in.Path, part), nil
}

// ResourcePlace is what of a resource can be changed.
type ResourcePlace struct {
	Parent ResourceID
	Part   string
}

// Move returns what becomes of the path of a resource, and of all below it, when it gets another place; the errors are AWS's.
func (t *ResourceTree) Move(from Resource, to ResourcePlace) (moved []KeptResource, err error) {
	if from.Path == "/" {
		return nil, Invalid("pathPart", "Root resource cannot be moved.")
	}
	in, err := t.ByID(to.Parent)
	if err != nil {
		return nil, err
	}
	if isBelow(in.Path, from.Path) {
		return nil, Invalid("parentId", "Resources cannot be cyclical.")
	}
	path, err := t.Place(to.Parent, to.Part, from.Path)
	if err != nil {
		return nil, err
	}
	all := t.Below(from.Path)
	if len(all) > 1 && strings.HasSuffix(path, "+}") {
		return nil, Invalid("pathPart", "Cannot create a child of a resource with a greedy path variable: "+to.Part)
	}
	for _, r := range all {
		k := KeptResource{ID: r.ID, Path: path + strings.TrimPrefix(r.Path, from.Path)}
		if err := CheckMethod("ANY", k.Path); err != nil {
			return nil, err
		}
		moved = append(moved, k)
	}
	return moved, nil
}
