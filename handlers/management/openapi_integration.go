package management

import (
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/models/openapi"
)

// documentIntegration is the extension that says what answers a method.
type documentIntegration struct {
	Type           string            `json:"type"`
	Verb           string            `json:"httpMethod"`
	URI            string            `json:"uri"`
	ConnectionType string            `json:"connectionType"`
	ConnectionID   string            `json:"connectionId"`
	Credentials    string            `json:"credentials"`
	Parameters     map[string]string `json:"requestParameters"`
	Templates      map[string]string `json:"requestTemplates"`
	Passthrough    string            `json:"passthroughBehavior"`
	Handling       string            `json:"contentHandling"`
	Timeout        integer           `json:"timeoutInMillis"`
	TLS            struct {
		Insecure flag `json:"insecureSkipVerification"`
	} `json:"tlsConfig"`
	CacheNamespace string                      `json:"cacheNamespace"`
	CacheKeys      []string                    `json:"cacheKeyParameters"`
	Responses      map[string]documentResponse `json:"responses"` // by pattern, or default
}

type documentResponse struct {
	Status     wireText          `json:"statusCode"`
	Parameters map[string]string `json:"responseParameters"`
	Templates  map[string]string `json:"responseTemplates"`
	Handling   string            `json:"contentHandling"`
}

// readIntegration reads what answers a method. What Gatehouse has no kind of leaves the method to its stage's upstream, with a warning; a mistake in what it has
// refuses the document, as on AWS.
func (d *imported) readIntegration(m *models.Method, op *openapi.GatewayOperation) {
	var in documentIntegration
	if !d.extension(m.Name(), op.Extensions, "integration", &in) {
		return
	}
	kind := models.IntegrationKind(strings.ToUpper(in.Type))
	switch kind {
	case models.IntegrationHTTP, models.IntegrationHTTPProxy, models.IntegrationMock:
	default:
		d.warn(m.Name(), "The integration is left out: Gatehouse has http_proxy, http and mock, and none of the type %s. The upstream of the stage answers.", models.CutLine(in.Type, 40))
		return
	}
	if strings.EqualFold(in.ConnectionType, "VPC_LINK") {
		d.warn(m.Name(), "The integration is left out: Gatehouse has no VPC links. The upstream of the stage answers.")
		return
	}
	i := &models.Integration{
		Kind: kind, Verb: strings.ToUpper(in.Verb), URL: in.URI, Parameters: orNone(in.Parameters), Templates: orNone(in.Templates),
		Passthrough: models.Passthrough(strings.ToUpper(in.Passthrough)), Timeout: time.Duration(in.Timeout) * time.Millisecond, Insecure: bool(in.TLS.Insecure),
		CacheNamespace: in.CacheNamespace, CacheKeys: in.CacheKeys, Credentials: in.Credentials,
	}
	if kind == models.IntegrationMock {
		i.Verb, i.URL = "", ""
	}
	if in.Verb == "x-amazon-apigateway-any-method" {
		i.Verb = "ANY"
	}
	if in.Handling != "" {
		d.warn(m.Name(), "contentHandling of the integration is left out: bodies pass as they are.")
	}
	i.Responses = d.readResponses(m, in.Responses)
	if err := models.CheckIntegration(*i, m.Path); err != nil {
		d.mistake("Unable to put integration on '%s' for resource at path '%s': %s", m.Verb, m.Path, models.Sentence(err))
		return
	}
	m.Integration = i
}

// readResponses reads the answers of an integration, which are kept by their status: of two with the same one, the default one stays.
func (d *imported) readResponses(m *models.Method, in map[string]documentResponse) map[string]models.IntegrationResponse {
	if len(in) == 0 {
		return nil
	}
	all := map[string]models.IntegrationResponse{}
	for _, pattern := range slices.SortedFunc(maps.Keys(in), defaultLast) {
		from := in[pattern]
		r := models.IntegrationResponse{Pattern: pattern, Parameters: orNone(from.Parameters), Templates: orNone(from.Templates)}
		if pattern == "default" {
			r.Pattern = ""
		}
		status := statusText(from.Status)
		if first, twice := all[status]; twice {
			d.warn(m.Name(), "Of the answers of the integration for %q and %q the second one stays: both have the status %s, by which API Gateway keeps them.", first.Pattern, pattern, status)
		}
		if from.Handling != "" {
			d.warn(m.Name(), "contentHandling of an answer is left out: bodies pass as they are.")
		}
		all[status] = r
	}
	return all
}

func defaultLast(a, b string) int {
	if (a == "default") != (b == "default") {
		if a == "default" {
			return 1
		}
		return -1
	}
	return strings.Compare(a, b)
}
