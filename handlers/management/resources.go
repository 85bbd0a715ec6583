package management

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/models"
)

// resourceRecords is what is asked of the store about the tree of an API's paths and its methods.
type resourceRecords interface {
	Resources(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Resource, error)
	Resource(ctx context.Context, owner models.AccountID, api models.APIID, id models.ResourceID) (models.Resource, error)
	CreateResource(ctx context.Context, actor models.Actor, api models.APIID, parent models.ResourceID, part string, now time.Time) (models.Resource, error)
	MoveResource(ctx context.Context, actor models.Actor, api models.APIID, id models.ResourceID, change func(models.Resource, *models.ResourcePlace) error, now time.Time) (models.Resource, error)
	DeleteResource(ctx context.Context, actor models.Actor, api models.APIID, id models.ResourceID, now time.Time) error
	CreateMethod(ctx context.Context, actor models.Actor, api models.APIID, resource models.ResourceID, m models.Method, now time.Time) (models.Method, error)
	ChangeMethod(ctx context.Context, actor models.Actor, api models.APIID, resource models.ResourceID, verb string, change func(*models.Method) error, now time.Time) (models.Method, error)
	DeleteMethod(ctx context.Context, actor models.Actor, api models.APIID, resource models.ResourceID, verb string, now time.Time) error
	Authorizers(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Authorizer, error)
}

var resourceOperations = []operation{
	{name: "GetResources", verb: http.MethodGet, path: "/restapis/{api}/resources", status: http.StatusOK, do: (*call).getResources},
	{name: "GetResource", verb: http.MethodGet, path: "/restapis/{api}/resources/{resource}", status: http.StatusOK, do: (*call).getResource},
	{name: "CreateResource", verb: http.MethodPost, path: "/restapis/{api}/resources/{resource}", status: http.StatusCreated, do: (*call).createResource},
	{name: "UpdateResource", verb: http.MethodPatch, path: "/restapis/{api}/resources/{resource}", status: http.StatusOK, do: (*call).updateResource},
	{name: "DeleteResource", verb: http.MethodDelete, path: "/restapis/{api}/resources/{resource}", status: http.StatusAccepted, do: (*call).deleteResource},
}

// wireResource is a Resource.
type wireResource struct {
	ID      string         `json:"id"`
	Parent  string         `json:"parentId,omitempty"`
	Part    string         `json:"pathPart,omitempty"`
	Path    string         `json:"path"`
	Methods map[string]any `json:"resourceMethods,omitempty"`
}

// place is an API, and which of its resources a path names.
func (c *call) place() (v methodView, id models.ResourceID, err error) {
	a, err := c.restAPI()
	if err != nil {
		return v, 0, err
	}
	if id, err = models.ParseID[models.Resource](c.label["resource"]); err != nil {
		return v, 0, notFound("Invalid Resource identifier specified")
	}
	authorizers, err := c.Records.Authorizers(c.ctx, c.owner(), a.ID)
	return newMethodView(a, authorizers), id, err
}

// wire is a resource as AWS shows it: with whole methods if they are embedded.
func (v methodView) wire(r models.Resource, embed bool) wireResource {
	out := wireResource{ID: r.ID.String(), Parent: r.Parent.String(), Part: r.Part(), Path: r.Path, Methods: map[string]any{}}
	for _, m := range r.Methods {
		if embed {
			out.Methods[m.Verb] = v.method(r.ID, m)
		} else {
			out.Methods[m.Verb] = struct{}{}
		}
	}
	return out
}

func (c *call) embeds(what string) bool {
	return slices.ContainsFunc(c.query["embed"], func(e string) bool { return slices.Contains(strings.Split(e, ","), what) })
}

func (c *call) getResources() (any, error) {
	a, err := c.restAPI()
	if err != nil {
		return nil, err
	}
	authorizers, err := c.Records.Authorizers(c.ctx, c.owner(), a.ID)
	if err != nil {
		return nil, err
	}
	all, err := c.Records.Resources(c.ctx, c.owner(), a.ID)
	if err != nil {
		return nil, err
	}
	v := newMethodView(a, authorizers)
	return listOf(c, all, func(r models.Resource) string { return r.ID.String() }, func(r models.Resource) wireResource { return v.wire(r, c.embeds("methods")) })
}

func (c *call) getResource() (any, error) {
	v, id, err := c.place()
	if err != nil {
		return nil, err
	}
	r, err := c.Records.Resource(c.ctx, c.owner(), v.api.ID, id)
	if err != nil {
		return nil, err
	}
	return v.wire(r, c.embeds("methods")), nil
}

func (c *call) createResource() (any, error) {
	v, parent, err := c.place()
	if err != nil {
		return nil, err
	}
	var in struct {
		Part *string `json:"pathPart"`
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	if in.Part == nil {
		var broken constraints
		broken.required("createResourceInput.pathPart")
		return nil, broken.err()
	}
	r, err := c.Records.CreateResource(c.ctx, c.actor, v.api.ID, parent, *in.Part, c.now)
	if err != nil {
		return nil, err
	}
	return v.wire(r, false), nil
}

// resourceEdit is where a resource is to be.
type resourceEdit struct {
	root bool
	to   *models.ResourcePlace
}

var resourcePatches = patchTable[resourceEdit]{rules: []patchRule[resourceEdit]{
	{"/parentId", opReplace, func(e *resourceEdit, in patchOperation, _ parts) (err error) {
		if e.root {
			return badRequest("Root resource cannot update its parentId.")
		}
		if e.to.Parent, err = models.ParseID[models.Resource](in.Value); err != nil {
			return notFound("Invalid Resource identifier specified")
		}
		return nil
	}},
	{"/pathPart", opReplace, func(e *resourceEdit, in patchOperation, _ parts) error {
		if e.root {
			return badRequest("Root resource cannot update its pathPart.")
		}
		e.to.Part = in.Value
		return nil
	}},
}, refuse: onlyReplace([]string{"/parentId", "/pathPart"})}

// onlyReplace makes the refusal of resources of which replace is the only operation.
func onlyReplace(paths []string) func(patchOperation) error {
	return func(in patchOperation) error {
		if in.Op != opReplace {
			return badRequest("Invalid patch path  '%s' specified for op '%s'. Please choose supported operations", in.Path, in.Op)
		}
		return invalidPatch(in, paths)
	}
}

func (c *call) updateResource() (any, error) {
	v, id, err := c.place()
	if err != nil {
		return nil, err
	}
	ops, err := c.patchOperations("updateResourceInput")
	if err != nil {
		return nil, err
	}
	r, err := c.Records.MoveResource(c.ctx, c.actor, v.api.ID, id, func(r models.Resource, to *models.ResourcePlace) error {
		return resourcePatches.apply(&resourceEdit{r.Path == "/", to}, ops)
	}, c.now)
	if err != nil {
		return nil, err
	}
	return v.wire(r, false), nil
}

func (c *call) deleteResource() (any, error) {
	v, id, err := c.place()
	if err != nil {
		return nil, err
	}
	return nil, c.Records.DeleteResource(c.ctx, c.actor, v.api.ID, id, c.now)
}
