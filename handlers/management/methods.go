package management

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"gatehouse/models"
)

const methodPath = "/restapis/{api}/resources/{resource}/methods/{verb}"

var methodOperations = []operation{
	{name: "PutMethod", verb: http.MethodPut, path: methodPath, status: http.StatusCreated, do: (*call).putMethod},
	{name: "GetMethod", verb: http.MethodGet, path: methodPath, status: http.StatusOK, do: (*call).getMethod},
	{name: "UpdateMethod", verb: http.MethodPatch, path: methodPath, status: http.StatusOK, do: (*call).updateMethod},
	{name: "DeleteMethod", verb: http.MethodDelete, path: methodPath, status: http.StatusNoContent, do: (*call).deleteMethod},
}

// The ways to decide about callers.
const (
	authNone    = "NONE"
	authIAM     = "AWS_IAM"
	authCustom  = "CUSTOM"
	authCognito = "COGNITO_USER_POOLS"
)

// wireMethod is a Method.
type wireMethod struct {
	Verb          string                        `json:"httpMethod"`
	AuthType      string                        `json:"authorizationType"`
	Authorizer    string                        `json:"authorizerId,omitempty"`
	Scopes        []string                      `json:"authorizationScopes,omitempty"`
	KeyRequired   bool                          `json:"apiKeyRequired"`
	OperationName string                        `json:"operationName,omitempty"`
	Validator     string                        `json:"requestValidatorId,omitempty"`
	Parameters    map[string]bool               `json:"requestParameters,omitempty"`
	Models        map[string]string             `json:"requestModels,omitempty"`
	Responses     map[string]wireMethodResponse `json:"methodResponses,omitempty"`
	Integration   *wireIntegration              `json:"methodIntegration,omitempty"`
}

// methodView is what of an API says how its methods look: which authorizer decides, and how AWS calls that.
type methodView struct {
	api   models.API
	kinds map[models.AuthorizerID]string
}

func newMethodView(a models.API, authorizers []models.Authorizer) methodView {
	v := methodView{a, map[models.AuthorizerID]string{}}
	for _, z := range authorizers {
		v.kinds[z.ID] = authCustom
		if z.Kind == models.AuthorizerJWT {
			v.kinds[z.ID] = authCognito
		}
	}
	return v
}

// authorization says who decides about the callers of a method: of one that says nothing, the API's default authorizer.
func (v methodView) authorization(m models.Method) (kind string, id models.AuthorizerID) {
	switch id = cmp.Or(m.Authorizer, v.api.Authorizer); {
	case m.NoAuthorizer || id == 0:
		return authNone, 0
	case id == m.Authorizer && m.AuthType != "":
		return m.AuthType, id
	default:
		return v.kinds[id], id
	}
}

func (v methodView) method(resource models.ResourceID, m models.Method) wireMethod {
	kind, authorizer := v.authorization(m)
	out := wireMethod{
		Verb: m.Verb, AuthType: kind, Authorizer: authorizer.String(), Scopes: m.Scopes, KeyRequired: m.KeyRequired, OperationName: m.OperationName,
		Validator: m.Request.Validator, Parameters: m.Request.Parameters, Models: m.Request.Models, Responses: map[string]wireMethodResponse{},
	}
	for status, r := range m.Responses {
		out.Responses[status] = wireMethodResponseOf(status, r)
	}
	if m.Integration != nil {
		i := wireIntegrationOf(resource, *m.Integration)
		out.Integration = &i
	}
	return out
}

// authorize makes a method ask whom the wire says.
func (v methodView) authorize(m *models.Method, kind, authorizer string, scopes []string) error {
	switch kind {
	case authNone:
		if len(scopes) > 0 {
			return badRequest("Authorization scopes need an authorizer: set authorizationType to CUSTOM or COGNITO_USER_POOLS.")
		}
		m.MethodAuthorization, m.AuthType = models.MethodAuthorization{NoAuthorizer: true}, ""
		return nil
	case authIAM:
		return unsupported("The authorization type AWS_IAM (there are NONE, CUSTOM and COGNITO_USER_POOLS)")
	case authCustom, authCognito:
	default:
		return badRequest("Invalid authorization type specified. Valid options are NONE, CUSTOM, COGNITO_USER_POOLS")
	}
	id, err := models.ParseID[models.Authorizer](authorizer)
	if err != nil || v.kinds[id] == "" {
		return models.InvalidAuthorizer()
	}
	m.MethodAuthorization, m.AuthType = models.MethodAuthorization{Authorizer: id, Scopes: scopes}, ""
	if kind != v.kinds[id] {
		m.AuthType = kind
	}
	return nil
}

// method finds where the method is that a path names.
func (c *call) method() (v methodView, id models.ResourceID, verb string, err error) {
	if v, id, err = c.place(); err != nil {
		return v, id, "", err
	}
	if verb = strings.ToUpper(c.label["verb"]); !slices.Contains(models.Verbs, verb) {
		return v, id, verb, badRequest("Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY")
	}
	return v, id, verb, nil
}

// found reads the method that a path names.
func (c *call) found() (v methodView, id models.ResourceID, m models.Method, err error) {
	v, id, verb, err := c.method()
	if err != nil {
		return v, id, m, err
	}
	r, err := c.Records.Resource(c.ctx, c.owner(), v.api.ID, id)
	if err != nil {
		return v, id, m, err
	}
	m, err = r.Method(verb)
	return v, id, m, err
}

// change changes the method that a path names.
func (c *call) change(how func(methodView, *models.Method) error) (v methodView, id models.ResourceID, m models.Method, err error) {
	v, id, verb, err := c.method()
	if err != nil {
		return v, id, m, err
	}
	m, err = c.Records.ChangeMethod(c.ctx, c.actor, v.api.ID, id, verb, func(m *models.Method) error { return how(v, m) }, c.now)
	return v, id, m, err
}

func (c *call) putMethod() (any, error) {
	v, id, verb, err := c.method()
	if err != nil {
		return nil, err
	}
	var in struct {
		AuthType      *string           `json:"authorizationType"`
		Authorizer    string            `json:"authorizerId"`
		Scopes        []string          `json:"authorizationScopes"`
		KeyRequired   flag              `json:"apiKeyRequired"`
		OperationName string            `json:"operationName"`
		Validator     string            `json:"requestValidatorId"`
		Parameters    map[string]flag   `json:"requestParameters"`
		Models        map[string]string `json:"requestModels"`
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	if in.AuthType == nil {
		var broken constraints
		broken.required("putMethodInput.authorizationType")
		return nil, broken.err()
	}
	m := models.Method{Verb: verb, KeyRequired: bool(in.KeyRequired), MethodDetails: models.MethodDetails{
		OperationName: in.OperationName, Request: models.MethodRequest{Validator: in.Validator, Parameters: booleans(in.Parameters), Models: some(in.Models)},
	}}
	if err := v.authorize(&m, *in.AuthType, in.Authorizer, in.Scopes); err != nil {
		return nil, err
	}
	if m, err = c.Records.CreateMethod(c.ctx, c.actor, v.api.ID, id, m, c.now); err != nil {
		return nil, err
	}
	return v.method(id, m), nil
}

// booleans reads a map of booleans; nil for none.
func booleans(in map[string]flag) map[string]bool {
	var out map[string]bool
	for name, is := range in {
		set(&out, name, bool(is))
	}
	return out
}

// some is a map, or nil for an empty one.
func some[V any](m map[string]V) map[string]V {
	if len(m) == 0 {
		return nil
	}
	return m
}

// set writes into a map that may not be there yet.
func set[V any](m *map[string]V, name string, value V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[name] = value
}

// unset takes out of a map, which is nil when nothing is left.
func unset[V any](m *map[string]V, name string) {
	delete(*m, name)
	*m = some(*m)
}

func (c *call) getMethod() (any, error) {
	v, id, m, err := c.found()
	if err != nil {
		return nil, err
	}
	return v.method(id, m), nil
}

func (c *call) deleteMethod() (any, error) {
	v, id, verb, err := c.method()
	if err != nil {
		return nil, err
	}
	return nil, c.Records.DeleteMethod(c.ctx, c.actor, v.api.ID, id, verb, c.now)
}

// methodEdit is a method that is being patched.
type methodEdit struct {
	*models.Method
	kind, authorizer string
	scopes           []string
}

var methodRules = []patchRule[methodEdit]{
	{"/authorizationType", opReplace, setText(func(e *methodEdit) *string { return &e.kind })},
	{"/authorizerId", opReplace, setText(func(e *methodEdit) *string { return &e.authorizer })},
	{"/operationName", opReplace, setText(func(e *methodEdit) *string { return &e.OperationName })},
	{"/requestValidatorId", opReplace, setText(func(e *methodEdit) *string { return &e.Request.Validator })},
	{"/apiKeyRequired", opReplace, func(e *methodEdit, in patchOperation, _ parts) error {
		e.KeyRequired = isTrue(in.Value)
		return nil
	}},
	{"/requestParameters/{name}", "add remove replace", setFlag(func(e *methodEdit) *map[string]bool { return &e.Request.Parameters })},
	{"/requestModels/{type}", "add remove replace", setEntry(func(e *methodEdit) *map[string]string { return &e.Request.Models }, "type", noContentType)},
	{"/authorizationScopes", "add remove", func(e *methodEdit, in patchOperation, _ parts) error {
		e.scopes = slices.DeleteFunc(slices.Clone(e.scopes), func(s string) bool { return s == in.Value })
		if in.Op == opAdd {
			e.scopes = append(e.scopes, in.Value)
		}
		return nil
	}},
}

var methodPatches = patchTable[methodEdit]{methodRules, plainly(methodRules)}

// What is said of a path that names what is not there.
const (
	noContentType = "Content-Type specified was not found"
	noParameter   = "Invalid parameter name specified"
)

// setFlag makes a rule's do of a map of booleans, by {name}.
func setFlag[T any](field func(*T) *map[string]bool) func(*T, patchOperation, parts) error {
	return func(to *T, in patchOperation, at parts) error {
		m, name := field(to), at["name"]
		if _, ok := (*m)[name]; !ok && in.Op != opAdd {
			return notFound(noParameter)
		}
		if in.Op == opRemove {
			unset(m, name)
		} else {
			set(m, name, isTrue(in.Value))
		}
		return nil
	}
}

// setEntry makes a rule's do of a map of texts, by what the path has at a name; missing is said where there is no such entry.
func setEntry[T any](field func(*T) *map[string]string, key, missing string) func(*T, patchOperation, parts) error {
	return func(to *T, in patchOperation, at parts) error {
		m, name := field(to), at[key]
		if _, ok := (*m)[name]; !ok && in.Op != opAdd {
			return notFound("%s", missing)
		}
		if in.Op == opRemove {
			unset(m, name)
		} else {
			set(m, name, in.Value)
		}
		return nil
	}
}

func (c *call) updateMethod() (any, error) {
	ops, err := c.patchOperations("updateMethodInput")
	if err != nil {
		return nil, err
	}
	v, id, m, err := c.change(func(v methodView, m *models.Method) error {
		kind, authorizer := v.authorization(*m)
		e := methodEdit{m, kind, authorizer.String(), m.Scopes}
		if err := methodPatches.apply(&e, ops); err != nil {
			return err
		}
		if e.kind == kind && e.authorizer == authorizer.String() && slices.Equal(e.scopes, m.Scopes) {
			return nil
		}
		if e.kind == authNone && kind != authNone {
			e.scopes = nil // they went with the authorizer
		}
		return v.authorize(m, e.kind, e.authorizer, e.scopes)
	})
	if err != nil {
		return nil, err
	}
	return v.method(id, m), nil
}
