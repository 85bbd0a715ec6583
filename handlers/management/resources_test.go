package management

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

type resourceOnWire struct {
	ID, ParentID, PathPart, Path string
	ResourceMethods              map[string]map[string]any
}

// resources reads an API's resources by path.
func (r *rig) resources(api string) map[string]resourceOnWire {
	r.t.Helper()
	var all struct{ Item []resourceOnWire }
	r.call("GET", api+"/resources?limit=500&embed=methods", "").is(200).read(&all)
	found := map[string]resourceOnWire{}
	last := ""
	for _, one := range all.Item {
		if one.Path < last {
			r.t.Errorf("%s comes after %s", one.Path, last)
		}
		found[one.Path], last = one, one.Path
	}
	return found
}

// resource makes a resource, and returns its path on the wire.
func (r *rig) resource(api, parent, part string) string {
	r.t.Helper()
	w := r.call("POST", api+"/resources/"+parent, map[string]string{"pathPart": part}).is(201)
	return w.member("id")
}

func TestResourcesAreATree(t *testing.T) {
	r := newRig(t)
	api, root := r.newAPI("Pets")
	r.call("GET", api+"/resources", "").is(200).says(`{"item":[{"id":"` + root + `","path":"/"}]}`)
	pets := r.resource(api, root, "pets")
	one := r.resource(api, pets, "{id}")
	r.call("GET", api+"/resources/"+one, "").is(200).says(`{"id":"` + one + `","parentId":"` + pets + `","pathPart":"{id}","path":"/pets/{id}"}`)
	proxy := r.resource(api, one, "{proxy+}")
	post := func(parent, part string) wireReply {
		return r.call("POST", api+"/resources/"+parent, map[string]string{"pathPart": part})
	}
	post(root, "pets").refused(409, "ConflictException", "Another resource with the same parent already has this name: pets")
	post(pets, "{other}").refused(400, "BadRequestException", "A sibling ({id}) of this resource already has a variable path part -- only one is allowed")
	post(proxy, "x").refused(400, "BadRequestException", "Cannot create a child of a resource with a greedy path variable: {proxy+}")
	for _, part := range []string{"a b", "a/b", "", "{a", "a}", "{+}", "..", "{a}b"} {
		post(root, part).refused(400, "BadRequestException", "Resource's path part only allow a-zA-Z0-9._-")
	}
	post("zzzzzzzzzz", "x").refused(404, "NotFoundException", "Invalid Resource identifier specified")
	r.call("POST", api+"/resources/"+root, `{}`).refused(400, "ValidationException", "1 validation error detected: Value null at 'createResourceInput.pathPart'")
	r.call("POST", api+"/resources/"+root, `{"pathPart":true}`).refused(400, "SerializationException", "class java.lang.Boolean can not be converted to an String")
	r.call("DELETE", api+"/resources/"+root, "").refused(400, "BadRequestException", "Root resource")
	r.call("DELETE", api+"/resources/"+pets, "").is(202)
	r.call("GET", api+"/resources", "").is(200).says(`{"item":[{"id":"` + root + `","path":"/"}]}`)
	if again := r.resource(api, root, "pets"); again != pets {
		t.Errorf("/pets was %s and is %s", pets, again)
	}
}

// Pages know methods alone. Without it one face would not see what the other made.
func TestPagesAndWireSeeTheSameMethods(t *testing.T) {
	r := newRig(t)
	id, _ := r.stage("pets", "prod", "GET /", "GET /pets/{id}/toys", "POST /pets/")
	api := "/restapis/" + id.String()
	found := r.resources(api)
	if len(found) != 4 || found["/pets"].ResourceMethods["POST"]["apiKeyRequired"] != true || found["/"].ResourceMethods["GET"]["authorizationType"] != "NONE" || found["/pets/{id}"].ResourceMethods != nil {
		t.Errorf("got %v", found)
	}
	toys := api + "/resources/" + found["/pets/{id}/toys"].ID
	r.call("PUT", toys+"/methods/ANY", `{"authorizationType":"NONE","apiKeyRequired":"true","operationName":"anyToy"}`).is(201).
		says(`{"httpMethod":"ANY","authorizationType":"NONE","apiKeyRequired":true,"operationName":"anyToy"}`)
	r.call("PUT", toys+"/methods/GET", `{"authorizationType":"NONE"}`).refused(409, "ConflictException", "Method already exists for this resource")
	r.call("DELETE", toys+"/methods/GET", "").is(204)
	r.call("GET", toys+"/methods/GET", "").refused(404, "NotFoundException", "Invalid Method identifier specified")
	methods, err := r.Methods(t.Context(), r.owner.ID, id)
	if err != nil || names(methods) != "GET /, POST /pets/, ANY /pets/{id}/toys" || !methods[2].KeyRequired {
		t.Errorf("got %s, %v", names(methods), err)
	}
	if err := r.RemoveMethod(t.Context(), r.actor(), id, methods[2].ID, r.now); err != nil {
		t.Fatal(err)
	}
	r.call("GET", toys, "").is(200) // the wire took a method from it: it stays
	a, err := r.API(t.Context(), r.owner.ID, id)
	if err != nil || !a.Undeployed {
		t.Errorf("undeployed is %v, %v", a.Undeployed, err)
	}
}

func names(methods []models.Method) string {
	all := make([]string, len(methods))
	for i, m := range methods {
		all[i] = m.Name()
	}
	return strings.Join(all, ", ")
}

// Plans say which methods they limit by their ids. Without it renaming a path would free it of its limits.
func TestRenamingAResourceKeepsTheIdsOfAllBelowIt(t *testing.T) {
	r := newRig(t)
	id, _ := r.stage("pets", "prod", "GET /pets", "GET /pets/{id}", "GET /pets/{id}/toys", "GET /petshop")
	api := "/restapis/" + id.String()
	before := r.resources(api)
	was, err := r.Methods(t.Context(), r.owner.ID, id)
	if err != nil {
		t.Fatal(err)
	}
	r.patch(api+"/resources/"+before["/pets"].ID, "replace /pathPart animals").is(200).
		says(`{"id":"` + before["/pets"].ID + `","parentId":"` + before["/"].ID + `","pathPart":"animals","path":"/animals","resourceMethods":{"GET":{}}}`)
	after := r.resources(api)
	for from, to := range map[string]string{"/pets": "/animals", "/pets/{id}": "/animals/{id}", "/pets/{id}/toys": "/animals/{id}/toys", "/petshop": "/petshop"} {
		if after[to].ID != before[from].ID || len(after[to].ResourceMethods) != 1 {
			t.Errorf("%s was %+v, and is %+v", from, before[from], after[to])
		}
	}
	is, err := r.Methods(t.Context(), r.owner.ID, id)
	if err != nil || names(is) != "GET /animals, GET /animals/{id}, GET /animals/{id}/toys, GET /petshop" {
		t.Errorf("got %s, %v", names(is), err)
	}
	for i, m := range is {
		if m.ID != was[i].ID {
			t.Errorf("%s was %s", m.Name(), was[i].ID)
		}
	}
	// What is made at the old path is another resource, and stays it when the first one is gone.
	pets := r.resource(api, before["/"].ID, "pets")
	if pets == before["/pets"].ID {
		t.Errorf("two resources are %s", pets)
	}
	r.call("DELETE", api+"/resources/"+before["/pets"].ID, "").is(202)
	if now := r.resources(api); now["/pets"].ID != pets || now["/animals"].ID != "" {
		t.Errorf("got %v", now)
	}
}

func TestAMovedMethodTakesThePlaceOfOneThatWasRemoved(t *testing.T) {
	r := newRig(t)
	id, _ := r.stage("pets", "prod", "GET /old", "GET /new")
	api := "/restapis/" + id.String()
	found := r.resources(api)
	r.call("DELETE", api+"/resources/"+found["/new"].ID, "").is(202)
	r.patch(api+"/resources/"+found["/old"].ID, "replace /pathPart new").is(200)
	methods, err := r.Methods(t.Context(), r.owner.ID, id)
	if err != nil || names(methods) != "GET /new" {
		t.Errorf("got %s, %v", names(methods), err)
	}
	if _, err := r.AddMethod(t.Context(), r.actor(), id, models.Method{Verb: "GET", Path: "/old"}, r.now); err != nil {
		t.Error(err)
	}
}

func TestResourcesCannotBeMovedWhereTheyDoNotBelong(t *testing.T) {
	r := newRig(t)
	api, root := r.newAPI("Pets")
	a := r.resource(api, root, "a")
	b := r.resource(api, a, "{b}")
	c := r.resource(api, root, "c")
	path := func(id string) string { return api + "/resources/" + id }
	before := r.resources(api)
	r.patch(path(root), "replace /pathPart x").refused(400, "BadRequestException", "Root resource cannot update its pathPart.")
	r.patch(path(root), "replace /parentId "+a).refused(400, "BadRequestException", "Root resource cannot update its parentId.")
	r.patch(path(a), "replace /pathPart x", "replace /parentId "+b).refused(400, "BadRequestException", "Resources cannot be cyclical.")
	r.patch(path(a), "replace /parentId "+a).refused(400, "BadRequestException", "Resources cannot be cyclical.")
	r.patch(path(a), "replace /pathPart c").refused(409, "ConflictException", "Another resource with the same parent already has this name: c")
	r.patch(path(a), "replace /pathPart {x+}").refused(400, "BadRequestException", "Cannot create a child of a resource with a greedy path variable: {x+}")
	r.patch(path(c), "replace /pathPart {c}", "replace /parentId "+a).refused(400, "BadRequestException", "A sibling ({b}) of this resource already has a variable path part")
	r.patch(path(c), "replace /parentId zzzzzzzzzz").refused(404, "NotFoundException", "Invalid Resource identifier specified")
	r.patch(path(a), "replace /pathPart y", "add /pathPart x").refused(400, "BadRequestException", "Invalid patch path  '/pathPart' specified for op 'add'. Please choose supported operations")
	r.patch(path(a), "replace /pathPart y", "replace /path x").refused(400, "BadRequestException", "Invalid patch path  '/path' specified for op 'replace'. Must be one of: [/parentId, /pathPart]")
	r.call("PATCH", path(a), `{"patchOperations":[{"op":"set","path":"/pathPart"}]}`).refused(400, "ValidationException",
		"1 validation error detected: Value 'set' at 'updateResourceInput.patchOperations.1.member.op' failed to satisfy constraint: Member must satisfy enum value set: [add, remove, move, test, replace, copy]")
	after := r.resources(api)
	for p, one := range before {
		if one.ID != after[p].ID || len(before) != len(after) {
			t.Errorf("%s was %s, is %s", p, one.ID, after[p].ID)
		}
	}
	r.patch(path(c), "replace /parentId "+b, "replace /pathPart d").is(200)
	if got := r.resources(api)["/a/{b}/d"].ID; got != c {
		t.Errorf("got %s, want %s", got, c)
	}
}

// AWS answers concurrent changes with 409; here they wait for each other.
func TestChangesAtOnceAreAllMade(t *testing.T) {
	r := newRig(t)
	path, _ := r.newAPI("Pets")
	id := mustID[models.API](t, strings.TrimPrefix(path, "/restapis/"))
	root := models.DerivedResourceID(id, "/", 0)
	if _, err := r.CreateMethod(t.Context(), r.actor(), id, root, models.Method{Verb: "GET"}, r.now); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			_, err := r.ChangeMethod(t.Context(), storetest.Actor(r.owner), id, root, "GET", func(m *models.Method) error {
				set(&m.Responses, fmt.Sprint(200+n), models.MethodResponse{})
				return nil
			}, r.now)
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	var m struct{ MethodResponses map[string]json.RawMessage }
	r.call("GET", path+"/resources/"+root.String()+"/methods/GET", "").is(200).read(&m)
	if len(m.MethodResponses) != 8 {
		t.Errorf("got %v", m.MethodResponses)
	}
}
