package management

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/models"
)

// integrationOut is an integration as documents have it.
type integrationOut struct {
	Type           string                 `json:"type"`
	Verb           string                 `json:"httpMethod,omitempty"`
	URI            string                 `json:"uri,omitempty"`
	Responses      map[string]responseOut `json:"responses,omitempty"`
	Parameters     map[string]string      `json:"requestParameters,omitempty"`
	Templates      map[string]string      `json:"requestTemplates,omitempty"`
	Passthrough    string                 `json:"passthroughBehavior,omitempty"`
	Timeout        int64                  `json:"timeoutInMillis,omitempty"`
	TLS            map[string]bool        `json:"tlsConfig,omitempty"`
	CacheNamespace string                 `json:"cacheNamespace,omitempty"`
	CacheKeys      []string               `json:"cacheKeyParameters,omitempty"`
	Credentials    string                 `json:"credentials,omitempty"`
}

type responseOut struct {
	Status     string            `json:"statusCode"`
	Parameters map[string]string `json:"responseParameters,omitempty"`
	Templates  map[string]string `json:"responseTemplates,omitempty"`
}

func integrationExtension(i models.Integration) integrationOut {
	out := integrationOut{
		Type: strings.ToLower(string(i.Kind)), Verb: i.Verb, URI: i.URL, Parameters: i.Parameters, Templates: i.Templates,
		Passthrough: strings.ToLower(string(i.Passthrough)), Timeout: i.Timeout.Milliseconds(), CacheNamespace: i.CacheNamespace, CacheKeys: i.CacheKeys, Credentials: i.Credentials,
	}
	if i.Insecure {
		out.TLS = map[string]bool{"insecureSkipVerification": true}
	}
	for _, status := range slices.Sorted(maps.Keys(i.Responses)) {
		r := i.Responses[status]
		pattern := r.Pattern
		if pattern == "" {
			pattern = "default"
		}
		if out.Responses == nil {
			out.Responses = map[string]responseOut{}
		}
		if _, twice := out.Responses[pattern]; !twice { // the first is asked first
			out.Responses[pattern] = responseOut{status, r.Parameters, r.Templates}
		}
	}
	return out
}

// gatewayResponsesExtension are the answers of the gateway that are set.
func gatewayResponsesExtension(all map[string]models.GatewayResponse) json.RawMessage {
	type response struct {
		Status     string            `json:"statusCode,omitempty"`
		Parameters map[string]string `json:"responseParameters,omitempty"`
		Templates  map[string]string `json:"responseTemplates,omitempty"`
	}
	out := map[string]response{}
	for kind, r := range all {
		text := response{Parameters: r.Parameters, Templates: r.Templates}
		if r.Status != 0 {
			text.Status = strconv.Itoa(r.Status)
		}
		out[kind] = text
	}
	return jsonOf(out)
}

// exportName is the name of an exported file.
func exportName(kind string, now time.Time, ending string) string {
	return `attachment; filename="` + kind + "_" + now.UTC().Format("2006-01-02T15-04-05Z") + "." + ending + `"`
}

// validatorsExtension are the validators that methods name.
func validatorsExtension(all map[string]models.RequestValidator) json.RawMessage {
	type validator struct {
		Body       bool `json:"validateRequestBody"`
		Parameters bool `json:"validateRequestParameters"`
	}
	out := map[string]validator{}
	for _, v := range all {
		out[v.Name] = validator{v.Body, v.Parameters}
	}
	return jsonOf(out)
}

func authorizerExtensionOf(a models.Authorizer) authorizerExtension {
	wire := wireAuthorizerOf(a)
	ttl := integer(wire.TTL)
	return authorizerExtension{
		Type: strings.ToLower(wire.Type), URI: wire.URI, Providers: wire.Providers, Sources: wire.Sources, Validation: wire.Validation, TTL: &ttl,
	}
}
