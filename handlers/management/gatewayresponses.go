package management

import (
	"maps"
	"net/http"
	"slices"
	"strconv"

	"gatehouse/models"
)

const gatewayResponsePath = "/restapis/{api}/gatewayresponses/{type}"

var gatewayResponseOperations = []operation{
	{name: "GetGatewayResponses", verb: http.MethodGet, path: "/restapis/{api}/gatewayresponses", status: http.StatusOK, do: (*call).getGatewayResponses},
	{name: "PutGatewayResponse", verb: http.MethodPut, path: gatewayResponsePath, status: http.StatusCreated, do: (*call).putGatewayResponse},
	{name: "GetGatewayResponse", verb: http.MethodGet, path: gatewayResponsePath, status: http.StatusOK, do: (*call).getGatewayResponse},
	{name: "UpdateGatewayResponse", verb: http.MethodPatch, path: gatewayResponsePath, status: http.StatusOK, do: (*call).updateGatewayResponse},
	{name: "DeleteGatewayResponse", verb: http.MethodDelete, path: gatewayResponsePath, status: http.StatusAccepted, do: (*call).deleteGatewayResponse},
}

// wireGatewayResponse is a GatewayResponse.
type wireGatewayResponse struct {
	Type       string            `json:"responseType"`
	Status     string            `json:"statusCode,omitempty"`
	Parameters map[string]string `json:"responseParameters"`
	Templates  map[string]string `json:"responseTemplates"`
	IsDefault  bool              `json:"defaultResponse"`
}

// The types that stand for all others, by their hundreds.
const (
	default4xx = "DEFAULT_4XX"
	default5xx = "DEFAULT_5XX"
)

// wireGatewayResponseOf is the response of a type: the one that is set, else what is set for all of its hundred, else AWS's own.
func wireGatewayResponseOf(kind string, set map[string]models.GatewayResponse) wireGatewayResponse {
	status := models.GatewayResponseTypes[kind]
	r, is := set[kind]
	if !is && kind != default4xx && kind != default5xx {
		if r = set[default4xx]; status >= http.StatusInternalServerError {
			r = set[default5xx]
		}
	}
	if r.Status != 0 {
		status = r.Status
	}
	out := wireGatewayResponse{Type: kind, Parameters: r.Parameters, Templates: r.Templates, IsDefault: !is}
	if status != 0 {
		out.Status = strconv.Itoa(status)
	}
	if out.Parameters == nil {
		out.Parameters = map[string]string{}
	}
	if len(out.Templates) == 0 {
		out.Templates = map[string]string{"application/json": `{"message":$context.error.messageString}`}
	}
	return out
}

// responseType is the type that a path names.
func (c *call) responseType() (string, error) {
	var broken constraints
	broken.oneOf(c.label["type"], "responseType", slices.Sorted(maps.Keys(models.GatewayResponseTypes))...)
	return c.label["type"], broken.err()
}

func (c *call) getGatewayResponses() (any, error) {
	p, err := c.parts()
	if err != nil {
		return nil, err
	}
	kinds := slices.Sorted(maps.Keys(models.GatewayResponseTypes))
	return listOf(c, kinds, func(k string) string { return k }, func(k string) wireGatewayResponse { return wireGatewayResponseOf(k, p.Responses) })
}

func (c *call) getGatewayResponse() (any, error) {
	kind, err := c.responseType()
	if err != nil {
		return nil, err
	}
	p, err := c.parts()
	if err != nil {
		return nil, err
	}
	return wireGatewayResponseOf(kind, p.Responses), nil
}

// changeGatewayResponse changes the response of the type that a path names. How gets it, and whether it is set; what it returns is set.
func (c *call) changeGatewayResponse(how func(r models.GatewayResponse) (models.GatewayResponse, error)) (any, error) {
	kind, err := c.responseType()
	if err != nil {
		return nil, err
	}
	p, err := c.changeParts(func(p *models.DeploymentParts) error {
		r, err := how(p.Responses[kind])
		if err != nil {
			return err
		}
		r.Type = kind
		set(&p.Responses, kind, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wireGatewayResponseOf(kind, p.Responses), nil
}

func (c *call) putGatewayResponse() (any, error) {
	var in struct {
		Status     string             `json:"statusCode"`
		Parameters map[string]string  `json:"responseParameters"`
		Templates  map[string]*string `json:"responseTemplates"`
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	made := models.GatewayResponse{Parameters: some(in.Parameters)}
	if in.Status != "" {
		if err := checkStatus(in.Status, "putGatewayResponseInput.statusCode"); err != nil {
			return nil, err
		}
		made.Status, _ = strconv.Atoi(in.Status) // three digits can be read
	}
	for kind, text := range in.Templates {
		if orEmpty(text) == "" {
			return nil, emptyTemplate()
		}
		set(&made.Templates, kind, *text)
	}
	return c.changeGatewayResponse(func(models.GatewayResponse) (models.GatewayResponse, error) { return made, nil })
}

func emptyTemplate() error { return badRequest("Invalid null or empty value in responseTemplates") }

var gatewayResponseRules = []patchRule[models.GatewayResponse]{
	{"/statusCode", opReplace, func(r *models.GatewayResponse, in patchOperation, _ parts) error {
		if err := checkStatus(in.Value, "statusCode"); err != nil {
			return err
		}
		r.Status, _ = strconv.Atoi(in.Value) // three digits can be read
		return nil
	}},
	{"/responseParameters/{name}", "add remove replace", setEntry(func(r *models.GatewayResponse) *map[string]string { return &r.Parameters }, "name", noParameter)},
	{"/responseTemplates/{type}", "add replace", func(r *models.GatewayResponse, in patchOperation, at parts) error {
		if in.Value == "" {
			return emptyTemplate()
		}
		set(&r.Templates, at["type"], in.Value)
		return nil
	}},
	{"/responseTemplates/{type}", opRemove, setEntry(func(r *models.GatewayResponse) *map[string]string { return &r.Templates }, "type", noContentType)},
}

var gatewayResponsePatches = patchTable[models.GatewayResponse]{rules: gatewayResponseRules, refuse: func(in patchOperation) error {
	return badRequest("Invalid patch path %s", in.Path)
}}

func (c *call) updateGatewayResponse() (any, error) {
	ops, err := c.patchOperations("updateGatewayResponseInput")
	if err != nil {
		return nil, err
	}
	return c.changeGatewayResponse(func(r models.GatewayResponse) (models.GatewayResponse, error) {
		r.Parameters, r.Templates = maps.Clone(r.Parameters), maps.Clone(r.Templates) // they are the store's
		err := gatewayResponsePatches.apply(&r, ops)
		return r, err
	})
}

func (c *call) deleteGatewayResponse() (any, error) {
	kind, err := c.responseType()
	if err != nil {
		return nil, err
	}
	_, err = c.changeParts(func(p *models.DeploymentParts) error {
		if _, ok := p.Responses[kind]; !ok {
			return notFound("Gateway response type not defined on api")
		}
		delete(p.Responses, kind)
		return nil
	})
	return nil, err
}
