package management

import (
	"net/http"
	"regexp"

	"gatehouse/models"
)

const methodResponsePath = methodPath + "/responses/{status}"

var methodResponseOperations = []operation{
	{name: "PutMethodResponse", verb: http.MethodPut, path: methodResponsePath, status: http.StatusCreated, do: (*call).putMethodResponse},
	{name: "GetMethodResponse", verb: http.MethodGet, path: methodResponsePath, status: http.StatusOK, do: (*call).getMethodResponse},
	{name: "UpdateMethodResponse", verb: http.MethodPatch, path: methodResponsePath, status: http.StatusCreated, do: (*call).updateMethodResponse},
	{name: "DeleteMethodResponse", verb: http.MethodDelete, path: methodResponsePath, status: http.StatusNoContent, do: (*call).deleteMethodResponse},
}

// wireMethodResponse is a MethodResponse.
type wireMethodResponse struct {
	Status     string            `json:"statusCode"`
	Parameters map[string]bool   `json:"responseParameters,omitempty"`
	Models     map[string]string `json:"responseModels,omitempty"`
}

func wireMethodResponseOf(status string, r models.MethodResponse) wireMethodResponse {
	return wireMethodResponse{status, r.Parameters, r.Models}
}

var statusPattern = regexp.MustCompile(`^[1-5]\d\d$`)

// statusCode is the status that a path names.
func (c *call) statusCode() (string, error) {
	status := c.label["status"]
	return status, checkStatus(status, "statusCode")
}

func checkStatus(status, member string) error {
	var broken constraints
	if !statusPattern.MatchString(status) {
		broken.add(status, member, `satisfy regular expression pattern: [1-5]\d\d`)
	}
	return broken.err()
}

func noResponse() error { return notFound("Invalid Response status code specified") }

func (c *call) putMethodResponse() (any, error) {
	status, err := c.statusCode()
	if err != nil {
		return nil, err
	}
	var in struct {
		Parameters map[string]flag   `json:"responseParameters"`
		Models     map[string]string `json:"responseModels"`
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	made := models.MethodResponse{Parameters: booleans(in.Parameters), Models: some(in.Models)}
	_, _, _, err = c.change(func(_ methodView, m *models.Method) error {
		if _, ok := m.Responses[status]; ok {
			return conflict("Response already exists for this method")
		}
		set(&m.Responses, status, made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wireMethodResponseOf(status, made), nil
}

func (c *call) getMethodResponse() (any, error) {
	status, err := c.statusCode()
	if err != nil {
		return nil, err
	}
	_, _, m, err := c.found()
	if err != nil {
		return nil, err
	}
	r, ok := m.Responses[status]
	if !ok {
		return nil, noResponse()
	}
	return wireMethodResponseOf(status, r), nil
}

var methodResponseRules = []patchRule[models.MethodResponse]{
	{"/responseParameters/{name}", "add remove replace", setFlag(func(r *models.MethodResponse) *map[string]bool { return &r.Parameters })},
	{"/responseModels/{type}", "add remove replace", setEntry(func(r *models.MethodResponse) *map[string]string { return &r.Models }, "type", noContentType)},
}

var methodResponsePatches = patchTable[models.MethodResponse]{methodResponseRules, plainly(methodResponseRules)}

func (c *call) updateMethodResponse() (any, error) {
	status, err := c.statusCode()
	if err != nil {
		return nil, err
	}
	ops, err := c.patchOperations("updateMethodResponseInput")
	if err != nil {
		return nil, err
	}
	_, _, m, err := c.change(func(_ methodView, m *models.Method) error {
		r, ok := m.Responses[status]
		if !ok {
			return noResponse()
		}
		if err := methodResponsePatches.apply(&r, ops); err != nil {
			return err
		}
		m.Responses[status] = r
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wireMethodResponseOf(status, m.Responses[status]), nil
}

func (c *call) deleteMethodResponse() (any, error) {
	status, err := c.statusCode()
	if err != nil {
		return nil, err
	}
	_, _, _, err = c.change(func(_ methodView, m *models.Method) error {
		if _, ok := m.Responses[status]; !ok {
			return noResponse()
		}
		unset(&m.Responses, status)
		return nil
	})
	return nil, err
}
