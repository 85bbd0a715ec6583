package management

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"gatehouse/models"
)

// apiRecords is what is asked of the store about APIs.
type apiRecords interface {
	API(ctx context.Context, owner models.AccountID, id models.APIID) (models.API, error)
	APIs(ctx context.Context, owner models.AccountID, p models.Page) (models.List[models.APIRow], error)
	CreateAPI(ctx context.Context, actor models.Actor, in models.NewAPI, now time.Time) (models.API, error)
	ChangeAPI(ctx context.Context, actor models.Actor, id models.APIID, change func(*models.API) error, now time.Time) (models.API, error)
	DeleteAPI(ctx context.Context, actor models.Actor, id models.APIID, now time.Time) error
	ResourceTags(ctx context.Context, kind models.ResourceKind, id int64) (models.ResourceTags, error)
}

var apiOperations = []operation{
	{name: "CreateRestApi", verb: http.MethodPost, path: "/restapis", status: http.StatusCreated, do: (*call).createAPI},
	{name: "GetRestApis", verb: http.MethodGet, path: "/restapis", status: http.StatusOK, do: (*call).getAPIs},
	{name: "GetRestApi", verb: http.MethodGet, path: "/restapis/{api}", status: http.StatusOK, do: (*call).getAPI},
	{name: "UpdateRestApi", verb: http.MethodPatch, path: "/restapis/{api}", status: http.StatusOK, do: (*call).updateAPI},
	{name: "DeleteRestApi", verb: http.MethodDelete, path: "/restapis/{api}", status: http.StatusAccepted, do: (*call).deleteAPI},
}

// Where keys are read.
const (
	keysInHeader     = "HEADER"
	keysOfAuthorizer = "AUTHORIZER"
)

type endpointConfiguration struct {
	Types         []string `json:"types"`
	IPAddressType string   `json:"ipAddressType,omitempty"`
	Endpoints     []string `json:"vpcEndpointIds,omitempty"`
}

// wireAPI is a RestApi.
type wireAPI struct {
	ID                string                `json:"id"`
	Name              string                `json:"name"`
	Description       string                `json:"description,omitempty"`
	Created           stamp                 `json:"createdDate"`
	Version           string                `json:"version,omitempty"`
	BinaryTypes       []string              `json:"binaryMediaTypes,omitempty"`
	MinCompression    *int                  `json:"minimumCompressionSize,omitempty"`
	KeySource         string                `json:"apiKeySource"`
	Endpoint          endpointConfiguration `json:"endpointConfiguration"`
	Tags              models.ResourceTags   `json:"tags,omitzero"`
	DefaultIsDisabled bool                  `json:"disableExecuteApiEndpoint"`
	Root              string                `json:"rootResourceId"`
	SecurityPolicy    string                `json:"securityPolicy,omitempty"`
	AccessMode        string                `json:"endpointAccessMode,omitempty"`
}

// wireAPIOf is an API as AWS shows it; tags are left out where they are nil.
func wireAPIOf(a models.API, tags models.ResourceTags) wireAPI {
	d := a.Details
	out := wireAPI{
		ID: a.ID.String(), Name: a.Name, Description: a.FullDescription(), Created: stamp(a.CreatedAt), Version: d.Version, BinaryTypes: d.BinaryTypes, MinCompression: d.MinCompression,
		KeySource: keysInHeader, Endpoint: endpointConfiguration{Types: []string{cmp.Or(d.Endpoint, "EDGE")}, IPAddressType: d.IPAddress}, Tags: tags,
		Root: models.DerivedResourceID(a.ID, "/", 0).String(), SecurityPolicy: d.SecurityPolicy, AccessMode: d.AccessMode,
	}
	if a.KeySource.Place == models.KeyInAuthorizer {
		out.KeySource = keysOfAuthorizer
	}
	if out.Endpoint.IPAddressType == "" {
		out.Endpoint.IPAddressType = map[bool]string{true: "dualstack", false: "ipv4"}[d.Endpoint == "PRIVATE"]
	}
	return out
}

// restAPI is the API that a path names.
func (c *call) restAPI() (models.API, error) {
	const unknown = "Invalid API identifier specified %s:%s"
	id, err := models.ParseID[models.API](c.label["api"])
	if err != nil {
		return models.API{}, notFound(unknown, c.AccountID, c.label["api"])
	}
	a, err := c.Records.API(c.ctx, c.owner(), id)
	return a, ifUnknown(err, unknown, c.AccountID, c.label["api"])
}

type newRestAPI struct {
	Name             *string                `json:"name"`
	Description      *string                `json:"description"`
	Version          string                 `json:"version"`
	CloneFrom        string                 `json:"cloneFrom"`
	BinaryTypes      []string               `json:"binaryMediaTypes"`
	MinCompression   *integer               `json:"minimumCompressionSize"`
	KeySource        string                 `json:"apiKeySource"`
	Endpoint         *endpointConfiguration `json:"endpointConfiguration"`
	Policy           string                 `json:"policy"`
	Tags             models.ResourceTags    `json:"tags"`
	DisablesEndpoint flag                   `json:"disableExecuteApiEndpoint"`
	SecurityPolicy   string                 `json:"securityPolicy"`
	AccessMode       string                 `json:"endpointAccessMode"`
}

func (in newRestAPI) check() error {
	var broken constraints
	if in.Name == nil {
		broken.required("createRestApiInput.name")
	}
	if in.KeySource != "" {
		broken.oneOf(in.KeySource, "createRestApiInput.apiKeySource", keysInHeader, keysOfAuthorizer)
	}
	switch {
	case broken.err() != nil:
		return broken.err()
	case *in.Name == "":
		return badRequest("API name cannot be an empty string")
	case in.Description != nil && *in.Description == "":
		return badRequest("Description cannot be an empty string")
	case in.CloneFrom != "":
		return unsupported("A clone of an API (export it and import it instead)")
	case in.Policy != "":
		return unsupportedPolicy()
	case bool(in.DisablesEndpoint):
		return unsupportedDisable()
	}
	return nil
}

func unsupportedPolicy() error { return unsupported("A resource policy") }

func unsupportedDisable() error { return unsupported("disableExecuteApiEndpoint") }

// read takes over an endpoint configuration.
func (e endpointConfiguration) read(d *models.APIDetails) error {
	switch {
	case len(e.Endpoints) > 0:
		return unsupported("A VPC endpoint")
	case len(e.Types) > 1:
		return badRequest("Cannot create an api with multiple Endpoint Types.")
	case len(e.Types) == 0 && e.Types != nil:
		return badRequest("REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.")
	case len(e.Types) == 1:
		if !slices.Contains(models.EndpointTypes, e.Types[0]) {
			return badRequest("Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE")
		}
		d.Endpoint = e.Types[0]
	}
	d.IPAddress = e.IPAddressType
	return nil
}

func (c *call) createAPI() (any, error) {
	var in newRestAPI
	if err := c.read(&in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	var a models.API
	a.Describe(orEmpty(in.Description))
	a.Details.Version, a.Details.BinaryTypes, a.Details.SecurityPolicy, a.Details.AccessMode = in.Version, in.BinaryTypes, in.SecurityPolicy, in.AccessMode
	if in.MinCompression != nil {
		n := int(*in.MinCompression)
		a.Details.MinCompression = &n
	}
	if in.Endpoint != nil {
		if err := in.Endpoint.read(&a.Details); err != nil {
			return nil, err
		}
	}
	setKeySource(&a, in.KeySource)
	a, err := c.Records.CreateAPI(c.ctx, c.actor, models.NewAPI{
		Name: *in.Name, DrawSlug: true, Summary: a.Summary, KeySource: a.KeySource, Details: a.Details, ResourceTags: in.Tags,
		Parts: models.DeploymentParts{Models: models.DefaultModels()},
	}, c.now)
	if err != nil {
		return nil, err
	}
	return wireAPIOf(a, in.Tags), nil
}

// setKeySource says where keys are read. A page's other places of keys are a header to AWS, and stay.
func setKeySource(a *models.API, source string) {
	switch {
	case source == keysOfAuthorizer:
		a.KeySource = models.KeySource{Place: models.KeyInAuthorizer}
	case a.KeySource.Place == models.KeyInAuthorizer || a.KeySource.Place == "":
		a.KeySource = models.DefaultKeySource()
	}
}

func (c *call) getAPIs() (any, error) {
	page := models.Page{Limit: c.limit()}
	if _, err := c.position(&page.After); err != nil {
		return nil, err
	}
	found, err := c.Records.APIs(c.ctx, c.owner(), page)
	if err != nil {
		return nil, err
	}
	out := list[wireAPI]{Item: []wireAPI{}}
	for _, a := range found.Items {
		tags, err := c.Records.ResourceTags(c.ctx, models.ResourceAPI, int64(a.ID))
		if err != nil {
			return nil, err
		}
		if len(tags) == 0 {
			tags = nil
		}
		out.Item = append(out.Item, wireAPIOf(a.API, tags))
	}
	if found.Next != "" {
		out.Position = positionOf(found.Next)
	}
	return out, nil
}

func (c *call) getAPI() (any, error) {
	a, err := c.restAPI()
	if err != nil {
		return nil, err
	}
	return c.taggedAPI(a)
}

func (c *call) taggedAPI(a models.API) (any, error) {
	tags, err := c.Records.ResourceTags(c.ctx, models.ResourceAPI, int64(a.ID))
	return wireAPIOf(a, tags), err
}

func (c *call) deleteAPI() (any, error) {
	a, err := c.restAPI()
	if err != nil {
		return nil, err
	}
	return nil, c.Records.DeleteAPI(c.ctx, c.actor, a.ID, c.now)
}

func (c *call) updateAPI() (any, error) {
	a, err := c.restAPI()
	if err != nil {
		return nil, err
	}
	ops, err := c.patchOperations("updateRestApiInput")
	if err != nil {
		return nil, err
	}
	a, err = c.Records.ChangeAPI(c.ctx, c.actor, a.ID, func(a *models.API) error { return apiPatches.apply(a, ops) }, c.now)
	if err != nil {
		return nil, err
	}
	return c.taggedAPI(a)
}

var apiRules = []patchRule[models.API]{
	{"/name", opReplace, setText(func(a *models.API) *string { return &a.Name })},
	{"/description", opReplace, func(a *models.API, in patchOperation, _ parts) error {
		a.Describe(in.Value)
		return nil
	}},
	{"/version", opReplace, setText(func(a *models.API) *string { return &a.Details.Version })},
	{"/securityPolicy", opReplace, setText(func(a *models.API) *string { return &a.Details.SecurityPolicy })},
	{"/endpointAccessMode", opReplace, setText(func(a *models.API) *string { return &a.Details.AccessMode })},
	{"/apiKeySource", opReplace, func(a *models.API, in patchOperation, _ parts) error {
		if in.Value != keysInHeader && in.Value != keysOfAuthorizer {
			return badRequest("Invalid API key source specified: %s. Must be one of: [HEADER, AUTHORIZER]", in.Value)
		}
		setKeySource(a, in.Value)
		return nil
	}},
	{"/binaryMediaTypes/{type}", "add remove replace", func(a *models.API, in patchOperation, at parts) error {
		kind := at["type"]
		a.Details.BinaryTypes = slices.DeleteFunc(a.Details.BinaryTypes, func(t string) bool { return t == kind })
		switch in.Op {
		case opAdd:
			a.Details.BinaryTypes = append(a.Details.BinaryTypes, kind)
		case opReplace:
			a.Details.BinaryTypes = append(a.Details.BinaryTypes, in.Value)
		}
		return nil
	}},
	{"/minimumCompressionSize", "replace remove", func(a *models.API, in patchOperation, _ parts) error {
		if a.Details.MinCompression = nil; in.Op == opRemove || in.Value == "" {
			return nil
		}
		n, err := strconv.Atoi(in.Value)
		if err != nil {
			n = -1 // refused with all else that is out of range
		}
		a.Details.MinCompression = &n
		return nil
	}},
	{"/policy", "replace remove", func(_ *models.API, in patchOperation, _ parts) error {
		if in.Op == opReplace && in.Value != "" {
			return unsupportedPolicy()
		}
		return nil
	}},
	{"/disableExecuteApiEndpoint", opReplace, func(_ *models.API, in patchOperation, _ parts) error {
		if isTrue(in.Value) {
			return unsupportedDisable()
		}
		return nil
	}},
	{"/endpointConfiguration/types/{old}", opReplace, func(a *models.API, in patchOperation, at parts) error {
		if at["old"] != cmp.Or(a.Details.Endpoint, "EDGE") || !slices.Contains(models.EndpointTypes, in.Value) {
			return badRequest("Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE")
		}
		a.Details.Endpoint = in.Value
		return nil
	}},
	{"/endpointConfiguration/ipAddressType", opReplace, func(a *models.API, in patchOperation, _ parts) error {
		if in.Value == "" {
			return badRequest("ipAddressType must be either ipv4 or dualstack.")
		}
		a.Details.IPAddress = in.Value
		return nil
	}},
	{"/endpointConfiguration/vpcEndpointIds", "add remove", func(_ *models.API, in patchOperation, _ parts) error {
		if in.Op == opAdd {
			return unsupported("A VPC endpoint")
		}
		return nil
	}},
}

var apiPatches = patchTable[models.API]{apiRules, plainly(apiRules)}

// plainly makes the refusal of resources whose operations AWS refuses without naming all paths.
func plainly[T any](rules []patchRule[T]) func(patchOperation) error {
	return func(in patchOperation) error {
		for _, rule := range rules {
			if _, ok := match(rule.path, in.Path); ok && rule.ops == opReplace {
				return badRequest("Invalid patch operation specified. Must be one of: [%s]", opReplace)
			}
		}
		return badRequest("Invalid patch path %s", in.Path)
	}
}
