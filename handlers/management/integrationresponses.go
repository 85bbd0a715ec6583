package management

import (
	"net/http"

	"gatehouse/models"
)

const integrationResponsePath = integrationPath + "/responses/{status}"

var integrationResponseOperations = []operation{
	{name: "PutIntegrationResponse", verb: http.MethodPut, path: integrationResponsePath, status: http.StatusCreated, do: (*call).putIntegrationResponse},
	{name: "GetIntegrationResponse", verb: http.MethodGet, path: integrationResponsePath, status: http.StatusOK, do: (*call).getIntegrationResponse},
	{name: "UpdateIntegrationResponse", verb: http.MethodPatch, path: integrationResponsePath, status: http.StatusOK, do: (*call).updateIntegrationResponse},
	{name: "DeleteIntegrationResponse", verb: http.MethodDelete, path: integrationResponsePath, status: http.StatusNoContent, do: (*call).deleteIntegrationResponse},
}

// wireIntegrationResponse is an IntegrationResponse, given or answered.
type wireIntegrationResponse struct {
	Status          string            `json:"statusCode"`
	Pattern         string            `json:"selectionPattern,omitempty"`
	Parameters      map[string]string `json:"responseParameters,omitempty"`
	Templates       map[string]string `json:"responseTemplates,omitempty"`
	ContentHandling string            `json:"contentHandling,omitempty"`
}

func wireIntegrationResponseOf(status string, r models.IntegrationResponse) wireIntegrationResponse {
	return wireIntegrationResponse{Status: status, Pattern: r.Pattern, Parameters: r.Parameters, Templates: r.Templates}
}

func (w wireIntegrationResponse) response() (models.IntegrationResponse, error) {
	if w.ContentHandling != "" {
		return models.IntegrationResponse{}, unsupported("A conversion of contents (contentHandling)")
	}
	return models.IntegrationResponse{Pattern: w.Pattern, Parameters: some(w.Parameters), Templates: some(w.Templates)}, nil
}

// changeResponse changes one answer of the integration of the method that a path names. How gets it, and whether it is there; what it returns is kept, or
// nothing where it returns nil.
func (c *call) changeResponse(how func(r models.IntegrationResponse, is bool) (*models.IntegrationResponse, error)) (any, error) {
	status, err := c.statusCode()
	if err != nil {
		return nil, err
	}
	_, _, m, err := c.change(func(_ methodView, m *models.Method) error {
		if err := withIntegration(m); err != nil {
			return err
		}
		r, ok := m.Integration.Responses[status]
		kept, err := how(r, ok)
		switch {
		case err != nil:
			return err
		case kept == nil:
			unset(&m.Integration.Responses, status)
		default:
			set(&m.Integration.Responses, status, *kept)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wireIntegrationResponseOf(status, m.Integration.Responses[status]), nil
}

func (c *call) putIntegrationResponse() (any, error) {
	var in wireIntegrationResponse
	if err := c.read(&in); err != nil {
		return nil, err
	}
	made, err := in.response()
	if err != nil {
		return nil, err
	}
	return c.changeResponse(func(models.IntegrationResponse, bool) (*models.IntegrationResponse, error) { return &made, nil })
}

func (c *call) getIntegrationResponse() (any, error) {
	status, err := c.statusCode()
	if err != nil {
		return nil, err
	}
	_, _, m, err := c.found()
	if err != nil {
		return nil, err
	}
	if err := withIntegration(&m); err != nil {
		return nil, err
	}
	r, ok := m.Integration.Responses[status]
	if !ok {
		return nil, noResponse()
	}
	return wireIntegrationResponseOf(status, r), nil
}

var integrationResponseRules = []patchRule[wireIntegrationResponse]{
	{"/selectionPattern", "replace remove", setText(func(w *wireIntegrationResponse) *string { return &w.Pattern })},
	{"/contentHandling", opReplace, setText(func(w *wireIntegrationResponse) *string { return &w.ContentHandling })},
	{"/responseParameters/{name}", "add remove replace", setEntry(func(w *wireIntegrationResponse) *map[string]string { return &w.Parameters }, "name", noParameter)},
	{"/responseTemplates/{type}", "add remove replace", setEntry(func(w *wireIntegrationResponse) *map[string]string { return &w.Templates }, "type", noContentType)},
}

var integrationResponsePatches = patchTable[wireIntegrationResponse]{integrationResponseRules, plainly(integrationResponseRules)}

func (c *call) updateIntegrationResponse() (any, error) {
	ops, err := c.patchOperations("updateIntegrationResponseInput")
	if err != nil {
		return nil, err
	}
	return c.changeResponse(func(r models.IntegrationResponse, is bool) (*models.IntegrationResponse, error) {
		if !is {
			return nil, noResponse()
		}
		w := wireIntegrationResponseOf("", r)
		if err := integrationResponsePatches.apply(&w, ops); err != nil {
			return nil, err
		}
		kept, err := w.response()
		return &kept, err
	})
}

func (c *call) deleteIntegrationResponse() (any, error) {
	_, err := c.changeResponse(func(_ models.IntegrationResponse, is bool) (*models.IntegrationResponse, error) {
		if !is {
			return nil, noResponse()
		}
		return nil, nil
	})
	return nil, err
}
