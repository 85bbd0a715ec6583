package management

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"gatehouse/models"
)

const integrationPath = methodPath + "/integration"

var integrationOperations = []operation{
	{name: "PutIntegration", verb: http.MethodPut, path: integrationPath, status: http.StatusCreated, do: (*call).putIntegration},
	{name: "GetIntegration", verb: http.MethodGet, path: integrationPath, status: http.StatusOK, do: (*call).getIntegration},
	{name: "UpdateIntegration", verb: http.MethodPatch, path: integrationPath, status: http.StatusOK, do: (*call).updateIntegration},
	{name: "DeleteIntegration", verb: http.MethodDelete, path: integrationPath, status: http.StatusNoContent, do: (*call).deleteIntegration},
}

type tlsConfig struct {
	Insecure flag `json:"insecureSkipVerification"`
}

// wireIntegration is an Integration, given or answered.
type wireIntegration struct {
	Kind             string                             `json:"type"`
	Verb             string                             `json:"httpMethod,omitempty"`
	URI              string                             `json:"uri,omitempty"`
	ConnectionType   string                             `json:"connectionType,omitempty"`
	Connection       string                             `json:"connectionId,omitempty"`
	Credentials      string                             `json:"credentials,omitempty"`
	Parameters       map[string]string                  `json:"requestParameters,omitempty"`
	Templates        map[string]string                  `json:"requestTemplates,omitempty"`
	Passthrough      string                             `json:"passthroughBehavior"`
	ContentHandling  string                             `json:"contentHandling,omitempty"`
	Timeout          *integer                           `json:"timeoutInMillis,omitempty"`
	CacheNamespace   string                             `json:"cacheNamespace"`
	CacheKeys        []string                           `json:"cacheKeyParameters"`
	TLS              *tlsConfig                         `json:"tlsConfig,omitempty"`
	ResponseTransfer string                             `json:"responseTransferMode,omitempty"`
	Target           string                             `json:"integrationTarget,omitempty"`
	Responses        map[string]wireIntegrationResponse `json:"integrationResponses,omitempty"`
}

const connectionInternet = "INTERNET"

// wireIntegrationOf is an integration as AWS shows it, what it leaves open included.
func wireIntegrationOf(resource models.ResourceID, i models.Integration) wireIntegration {
	timeout := integer(cmp.Or(i.Timeout, models.DefaultIntegrationTimeout).Milliseconds())
	out := wireIntegration{
		Kind: string(i.Kind), Verb: i.Verb, URI: i.URL, Credentials: i.Credentials, Parameters: i.Parameters, Templates: i.Templates,
		Passthrough: cmp.Or(string(i.Passthrough), string(models.PassNoMatch)), Timeout: &timeout, CacheNamespace: cmp.Or(i.CacheNamespace, resource.String()),
		CacheKeys: i.CacheKeys, Responses: map[string]wireIntegrationResponse{},
	}
	if out.CacheKeys == nil {
		out.CacheKeys = []string{}
	}
	if i.Kind != models.IntegrationMock {
		out.ConnectionType = connectionInternet
	}
	if i.Insecure {
		out.TLS = &tlsConfig{Insecure: true}
	}
	for status, r := range i.Responses {
		out.Responses[status] = wireIntegrationResponseOf(status, r)
	}
	return out
}

// check refuses what an integration cannot be here.
func (w wireIntegration) check(input string) error {
	var broken constraints
	broken.oneOf(w.Kind, input+".type", "HTTP", "AWS", "MOCK", "HTTP_PROXY", "AWS_PROXY")
	if w.ConnectionType != "" {
		broken.oneOf(w.ConnectionType, input+".connectionType", connectionInternet, "VPC_LINK")
	}
	switch {
	case broken.err() != nil:
		return broken.err()
	case w.Kind == "AWS" || w.Kind == "AWS_PROXY":
		return unsupported("An integration of type " + w.Kind + " (there are HTTP_PROXY, HTTP and MOCK)")
	case w.ConnectionType == "VPC_LINK" || w.Connection != "":
		return unsupported("A VPC link (the gateway reaches what its machine reaches)")
	case w.ContentHandling != "":
		return unsupported("A conversion of contents (contentHandling)")
	case w.ResponseTransfer != "" && w.ResponseTransfer != "BUFFERED":
		return unsupported("The response transfer mode " + w.ResponseTransfer)
	case w.Target != "":
		return unsupported("An integration target")
	case w.Timeout != nil && *w.Timeout < 1:
		return badRequest("Timeout should be between 50 ms and 29000 ms")
	case w.Verb != "" && !slices.Contains(models.Verbs, w.Verb):
		return badRequest("Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY")
	}
	return nil
}

// integration reads it; responses are those that it has already.
func (w wireIntegration) integration(resource models.ResourceID, responses map[string]models.IntegrationResponse) *models.Integration {
	i := models.Integration{
		Kind: models.IntegrationKind(w.Kind), Verb: w.Verb, URL: w.URI, Parameters: some(w.Parameters), Templates: some(w.Templates), Passthrough: models.Passthrough(w.Passthrough),
		CacheNamespace: w.CacheNamespace, Credentials: w.Credentials, Insecure: w.TLS != nil && bool(w.TLS.Insecure), Responses: responses,
	}
	if len(w.CacheKeys) > 0 {
		i.CacheKeys = w.CacheKeys
	}
	if w.Timeout != nil {
		i.Timeout = time.Duration(*w.Timeout) * time.Millisecond
	}
	// What is as it would be anyway is not kept.
	if i.CacheNamespace == resource.String() {
		i.CacheNamespace = ""
	}
	if i.Timeout == models.DefaultIntegrationTimeout {
		i.Timeout = 0
	}
	if i.Passthrough == models.PassNoMatch {
		i.Passthrough = ""
	}
	if i.Kind == models.IntegrationMock {
		i.URL = ""
	}
	return &i
}

func (c *call) putIntegration() (any, error) {
	var in wireIntegration
	if err := c.read(&in); err != nil {
		return nil, err
	}
	if err := in.check("putIntegrationInput"); err != nil {
		return nil, err
	}
	return c.changeIntegration(func(id models.ResourceID, m *models.Method) error {
		m.Integration = in.integration(id, nil)
		return nil
	})
}

// changeIntegration changes the integration of the method that a path names.
func (c *call) changeIntegration(how func(models.ResourceID, *models.Method) error) (any, error) {
	resource, err := models.ParseID[models.Resource](c.label["resource"])
	if err != nil {
		resource = 0 // change says so
	}
	_, id, m, err := c.change(func(_ methodView, m *models.Method) error { return how(resource, m) })
	if err != nil {
		return nil, err
	}
	return wireIntegrationOf(id, *m.Integration), nil
}

// withIntegration is a method that has one.
func withIntegration(m *models.Method) error {
	if m.Integration == nil {
		return notFound("Invalid Integration identifier specified")
	}
	return nil
}

func (c *call) getIntegration() (any, error) {
	_, id, m, err := c.found()
	if err != nil {
		return nil, err
	}
	if err := withIntegration(&m); err != nil {
		return nil, err
	}
	return wireIntegrationOf(id, *m.Integration), nil
}

func (c *call) deleteIntegration() (any, error) {
	_, _, _, err := c.change(func(_ methodView, m *models.Method) error {
		if err := withIntegration(m); err != nil {
			return err
		}
		m.Integration = nil
		return nil
	})
	return nil, err
}

var integrationRules = []patchRule[wireIntegration]{
	{"/uri", opReplace, setText(func(w *wireIntegration) *string { return &w.URI })},
	{"/httpMethod", opReplace, setText(func(w *wireIntegration) *string { return &w.Verb })},
	{"/passthroughBehavior", opReplace, setText(func(w *wireIntegration) *string { return &w.Passthrough })},
	{"/connectionType", opReplace, setText(func(w *wireIntegration) *string { return &w.ConnectionType })},
	{"/connectionId", opReplace, setText(func(w *wireIntegration) *string { return &w.Connection })},
	{"/credentials", opReplace, setText(func(w *wireIntegration) *string { return &w.Credentials })},
	{"/contentHandling", opReplace, setText(func(w *wireIntegration) *string { return &w.ContentHandling })},
	{"/cacheNamespace", opReplace, setText(func(w *wireIntegration) *string { return &w.CacheNamespace })},
	{"/responseTransferMode", opReplace, setText(func(w *wireIntegration) *string { return &w.ResponseTransfer })},
	{"/timeoutInMillis", opReplace, func(w *wireIntegration, in patchOperation, _ parts) error {
		n, err := strconv.Atoi(in.Value)
		if err != nil {
			n = 0 // refused with all else that is out of range
		}
		timeout := integer(n)
		w.Timeout = &timeout
		return nil
	}},
	{"/tlsConfig/insecureSkipVerification", opReplace, func(w *wireIntegration, in patchOperation, _ parts) error {
		w.TLS = &tlsConfig{flag(isTrue(in.Value))}
		return nil
	}},
	{"/requestParameters/{name}", "add remove replace", setEntry(func(w *wireIntegration) *map[string]string { return &w.Parameters }, "name", noParameter)},
	{"/requestTemplates/{type}", "add remove replace", setEntry(func(w *wireIntegration) *map[string]string { return &w.Templates }, "type", noContentType)},
	{"/cacheKeyParameters/{name}", "add remove", func(w *wireIntegration, in patchOperation, at parts) error {
		w.CacheKeys = slices.DeleteFunc(slices.Clone(w.CacheKeys), func(k string) bool { return k == at["name"] })
		if in.Op == opAdd {
			w.CacheKeys = append(w.CacheKeys, at["name"])
		}
		return nil
	}},
}

var integrationPatches = patchTable[wireIntegration]{integrationRules, plainly(integrationRules)}

func (c *call) updateIntegration() (any, error) {
	ops, err := c.patchOperations("updateIntegrationInput")
	if err != nil {
		return nil, err
	}
	return c.changeIntegration(func(id models.ResourceID, m *models.Method) error {
		if err := withIntegration(m); err != nil {
			return err
		}
		w := wireIntegrationOf(id, *m.Integration)
		if err := integrationPatches.apply(&w, ops); err != nil {
			return err
		}
		if err := w.check("updateIntegrationInput"); err != nil {
			return err
		}
		m.Integration = w.integration(id, m.Integration.Responses)
		return nil
	})
}
