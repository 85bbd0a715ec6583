package management

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"gatehouse/models"
)

type authorizerRecords interface {
	Authorizers(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Authorizer, error)
	Authorizer(ctx context.Context, owner models.AccountID, api models.APIID, id models.AuthorizerID) (models.Authorizer, error)
	SaveAuthorizer(ctx context.Context, actor models.Actor, in models.Authorizer, secret *string, now time.Time) (models.Authorizer, error)
	ChangeAuthorizer(ctx context.Context, actor models.Actor, api models.APIID, id models.AuthorizerID, change func(*models.Authorizer) error, now time.Time) (models.Authorizer, error)
	DeleteAuthorizer(ctx context.Context, actor models.Actor, api models.APIID, id models.AuthorizerID, now time.Time) error
}

// authorizerOperations are about who decides whether callers may.
var authorizerOperations = []operation{
	{name: "CreateAuthorizer", verb: http.MethodPost, path: "/restapis/{api}/authorizers", status: http.StatusCreated, do: (*call).createAuthorizer},
	{name: "GetAuthorizers", verb: http.MethodGet, path: "/restapis/{api}/authorizers", status: http.StatusOK, do: (*call).getAuthorizers},
	{name: "GetAuthorizer", verb: http.MethodGet, path: "/restapis/{api}/authorizers/{authorizer}", status: http.StatusOK, do: (*call).getAuthorizer},
	{name: "UpdateAuthorizer", verb: http.MethodPatch, path: "/restapis/{api}/authorizers/{authorizer}", status: http.StatusOK, do: (*call).updateAuthorizer},
	{name: "DeleteAuthorizer", verb: http.MethodDelete, path: "/restapis/{api}/authorizers/{authorizer}", status: http.StatusAccepted, do: (*call).deleteAuthorizer},
}

// authorizerKinds says of each authorizer of an API how it decides.
func (c *call) authorizerKinds(api models.APIID) (map[models.AuthorizerID]models.AuthorizerKind, error) {
	all, err := c.Records.Authorizers(c.ctx, c.owner(), api)
	kinds := make(map[models.AuthorizerID]models.AuthorizerKind, len(all))
	for _, a := range all {
		kinds[a.ID] = a.Kind
	}
	return kinds, err
}

// authorizerFault says in AWS's words why an authorizer cannot be saved.
func authorizerFault(err error, name string) error {
	if models.KindOf(err) == models.KindConflict && hasField(err, "name") {
		return badRequest("Authorizer name must be unique. Authorizer %s already exists in this RestApi.", name)
	}
	return err
}

func (c *call) createAuthorizer() (any, error) {
	var in struct {
		Name        *string  `json:"name"`
		Type        *string  `json:"type"`
		Providers   []string `json:"providerARNs"`
		AuthType    string   `json:"authType"`
		URI         string   `json:"authorizerUri"`
		Credentials string   `json:"authorizerCredentials"`
		Sources     string   `json:"identitySource"`
		Validation  string   `json:"identityValidationExpression"`
		TTL         *integer `json:"authorizerResultTtlInSeconds"`
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	var broken constraints
	if in.Name == nil {
		broken.required("createAuthorizerInput.name")
	}
	if in.Type == nil {
		broken.required("createAuthorizerInput.type")
	} else {
		broken.oneOf(*in.Type, "createAuthorizerInput.type", typeToken, typeRequest, typeCognito)
	}
	api, err := c.restAPI()
	if err != nil {
		return nil, err
	}
	if err := broken.err(); err != nil {
		return nil, err
	}
	wire := wireAuthorizer{Name: *in.Name, Type: *in.Type, Providers: in.Providers, AuthType: in.AuthType, URI: in.URI, Credentials: in.Credentials, Sources: in.Sources,
		Validation: in.Validation, TTL: int64(models.DefaultAuthorizerTTL / time.Second)}
	if in.TTL != nil {
		wire.TTL = int64(*in.TTL)
	}
	z, err := wire.over(models.Authorizer{APIID: api.ID})
	if err != nil {
		return nil, err
	}
	if z, err = c.Records.SaveAuthorizer(c.ctx, c.actor, z, nil, c.now); err != nil {
		return nil, authorizerFault(err, wire.Name)
	}
	return wireAuthorizerOf(z), nil
}

// authorizerID reads which authorizer a request's path names.
func (c *call) authorizerID() (models.APIID, models.AuthorizerID, error) {
	api, err := c.restAPI()
	if err != nil {
		return 0, 0, err
	}
	id, err := models.ParseID[models.Authorizer](c.label["authorizer"])
	if err != nil {
		return 0, 0, notFound(noAuthorizer)
	}
	return api.ID, id, nil
}

const noAuthorizer = "Invalid Authorizer identifier specified"

func (c *call) getAuthorizers() (any, error) {
	api, err := c.restAPI()
	if err != nil {
		return nil, err
	}
	all, err := c.Records.Authorizers(c.ctx, c.owner(), api.ID)
	if err != nil {
		return nil, err
	}
	return listOf(c, all, func(a models.Authorizer) string { return a.ID.String() }, wireAuthorizerOf)
}

func (c *call) getAuthorizer() (any, error) {
	api, id, err := c.authorizerID()
	if err != nil {
		return nil, err
	}
	a, err := c.Records.Authorizer(c.ctx, c.owner(), api, id)
	return wireAuthorizerOf(a), ifUnknown(err, noAuthorizer)
}

// authorizerPatches changes an authorizer as answers have it; what comes of it is judged when all is done, so that one provider may be added before another goes.
var authorizerPatches = patchTable[wireAuthorizer]{rules: []patchRule[wireAuthorizer]{
	{"/name", opReplace, setText(func(to *wireAuthorizer) *string { return &to.Name })},
	{"/authType", opSet, setText(func(to *wireAuthorizer) *string { return &to.AuthType })},
	{"/authorizerUri", opSet, setText(func(to *wireAuthorizer) *string { return &to.URI })},
	{"/authorizerCredentials", opUnset, setText(func(to *wireAuthorizer) *string { return &to.Credentials })},
	{"/identitySource", opUnset, setText(func(to *wireAuthorizer) *string { return &to.Sources })},
	{"/identityValidationExpression", opUnset, setText(func(to *wireAuthorizer) *string { return &to.Validation })},
	{"/type", opReplace, func(to *wireAuthorizer, in patchOperation, _ parts) error {
		if !slices.Contains([]string{typeToken, typeRequest, typeCognito}, in.Value) {
			return badRequest("Invalid authorizer type: %s. Must be one of: [%s, %s, %s]", in.Value, typeToken, typeRequest, typeCognito)
		}
		to.Type = in.Value
		return nil
	}},
	{"/authorizerResultTtlInSeconds", opReplace, func(to *wireAuthorizer, in patchOperation, _ parts) (err error) {
		if to.TTL, err = strconv.ParseInt(in.Value, 10, 64); err != nil {
			return badRequest("Invalid authorizerResultTtlInSeconds: %s. It is a whole number of 0 to 3600", in.Value)
		}
		return nil
	}},
	{"/providerARNs", opAdd, func(to *wireAuthorizer, in patchOperation, _ parts) error {
		if !slices.Contains(to.Providers, in.Value) {
			to.Providers = append(to.Providers, in.Value)
		}
		return nil
	}},
	{"/providerARNs", opReplace, func(to *wireAuthorizer, in patchOperation, _ parts) error {
		to.Providers = []string{in.Value}
		return nil
	}},
	{"/providerARNs", opRemove, func(to *wireAuthorizer, in patchOperation, _ parts) error {
		to.Providers = slices.DeleteFunc(to.Providers, func(p string) bool { return p == in.Value })
		return nil
	}},
}}

func (c *call) updateAuthorizer() (any, error) {
	api, id, err := c.authorizerID()
	if err != nil {
		return nil, err
	}
	ops, err := c.patchOperations("updateAuthorizerInput")
	if err != nil {
		return nil, err
	}
	name := ""
	z, err := c.Records.ChangeAuthorizer(c.ctx, c.actor, api, id, func(z *models.Authorizer) error {
		wire := wireAuthorizerOf(*z)
		if err := authorizerPatches.apply(&wire, ops); err != nil {
			return err
		}
		name = wire.Name
		changed, err := wire.over(*z)
		*z = changed
		return err
	}, c.now)
	if err != nil {
		return nil, ifUnknown(authorizerFault(err, name), noAuthorizer)
	}
	return wireAuthorizerOf(z), nil
}

func (c *call) deleteAuthorizer() (any, error) {
	api, id, err := c.authorizerID()
	if err != nil {
		return nil, err
	}
	return nil, ifUnknown(c.Records.DeleteAuthorizer(c.ctx, c.actor, api, id, c.now), noAuthorizer)
}
