package models

import "time"

// This file has what a method is beside verb and path, as AWS's API Gateway models it: what its requests must have, what answers them, and with what. The
// management API writes it; it is part of a deployment as the methods are.

// IntegrationKind is what answers a method.
type IntegrationKind string

// The kinds of integrations that the gateway has.
const (
	IntegrationHTTPProxy IntegrationKind = "HTTP_PROXY" // an upstream gets the request and gives the answer as they are
	IntegrationHTTP      IntegrationKind = "HTTP"       // an upstream gets what is mapped; its answer is mapped, too
	IntegrationMock      IntegrationKind = "MOCK"       // nobody is asked
)

// Integration is what answers a method in place of its stage's upstream.
type Integration struct {
	Kind        IntegrationKind
	Verb        string            `json:",omitzero"` // of the request to the upstream; ANY: the caller's. Empty of MOCK
	URL         string            `json:",omitzero"` // http, https: may have {name}, fed by Parameters, and ${stageVariables.name}. Empty of MOCK
	Parameters  map[string]string `json:",omitzero"` // "integration.request.path.id": "method.request.path.id"; see MappingSource
	Templates   map[string]string `json:",omitzero"` // bodies by media type of the request
	Passthrough Passthrough       `json:",omitzero"` // what becomes of a body of HTTP for whose media type there is no template
	Timeout     time.Duration     `json:",omitzero"` // for the answer to begin, 50 ms..29 s; 0: DefaultIntegrationTimeout
	Insecure    bool              `json:",omitzero"` // the upstream's certificate is not looked at

	Responses map[string]IntegrationResponse `json:",omitzero"` // by status of the answer to the caller: "200"

	// What is kept because clients read it back, and has no effect.
	CacheNamespace string   `json:",omitzero"`
	CacheKeys      []string `json:",omitzero"`
	Credentials    string   `json:",omitzero"`
}

// DefaultIntegrationTimeout is AWS's.
const DefaultIntegrationTimeout = 29 * time.Second

// Passthrough says what becomes of a request body that has no template.
type Passthrough string

// The ways. A body that is not passed on is answered with 415.
const (
	PassNoMatch     Passthrough = "WHEN_NO_MATCH"     // of a media type without a template: it is passed on
	PassNoTemplates Passthrough = "WHEN_NO_TEMPLATES" // it is passed on only where there is no template at all
	PassNever       Passthrough = "NEVER"
)

// IntegrationResponse makes the answer to the caller of what an integration of kind HTTP or MOCK gave.
type IntegrationResponse struct {
	Pattern    string            `json:",omitzero"` // RE2 that the upstream's status must match as a whole; empty: the default one
	Parameters map[string]string `json:",omitzero"` // "method.response.header.X": "'literal'" or "integration.response.header.Y"
	Templates  map[string]string `json:",omitzero"` // bodies by media type of the answer; none: the upstream's body
}

// MethodRequest is what the requests of a method must have.
type MethodRequest struct {
	Parameters map[string]bool   `json:",omitzero"` // "method.request.header.X", .querystring., .path.: whether it must be there
	Models     map[string]string `json:",omitzero"` // names of models by media type
	Validator  string            `json:",omitzero"` // id of a RequestValidator; empty: nothing is compared
}

// MethodResponse is an answer that a method announces. It is kept for clients that read it, and for export.
type MethodResponse struct {
	Parameters map[string]bool   `json:",omitzero"` // "method.response.header.X"
	Models     map[string]string `json:",omitzero"`
}

// RequestValidator says which parts of requests are compared with what their method says.
type RequestValidator struct {
	ID         string // six letters and digits
	Name       string
	Body       bool // with the model of its media type
	Parameters bool // that must be there
}

// SchemaModel is a JSON schema (draft 4) that methods name.
type SchemaModel struct {
	ID          string // six letters and digits
	Name        string // letters and digits
	Description string
	ContentType string
	Schema      string // JSON; a reference to another model ends with /models/{name}
}

// GatewayResponse replaces the gateway's own answer of a type.
type GatewayResponse struct {
	Type       string            // of GatewayResponseTypes
	Status     int               // 0: as the gateway's own
	Parameters map[string]string `json:",omitzero"` // "gatewayresponse.header.X": "'literal'", method.request.*, context.*, stageVariables.*
	Templates  map[string]string `json:",omitzero"` // bodies by media type; none: the default one
}

// GatewayResponseTypes are the types and their statuses; 0: as they are.
var GatewayResponseTypes = map[string]int{
	"ACCESS_DENIED": 403, "API_CONFIGURATION_ERROR": 500, "AUTHORIZER_CONFIGURATION_ERROR": 500, "AUTHORIZER_FAILURE": 500, "BAD_REQUEST_BODY": 400,
	"BAD_REQUEST_PARAMETERS": 400, "DEFAULT_4XX": 0, "DEFAULT_5XX": 0, "EXPIRED_TOKEN": 403, "INTEGRATION_FAILURE": 504, "INTEGRATION_TIMEOUT": 504,
	"INVALID_API_KEY": 403, "INVALID_SIGNATURE": 403, "MISSING_AUTHENTICATION_TOKEN": 403, "QUOTA_EXCEEDED": 429, "REQUEST_TOO_LARGE": 413,
	"RESOURCE_NOT_FOUND": 404, "THROTTLED": 429, "UNAUTHORIZED": 401, "UNSUPPORTED_MEDIA_TYPE": 415, "WAF_FILTERED": 403,
}

// DeploymentParts is what a deployment holds beside its methods.
type DeploymentParts struct {
	Validators map[string]RequestValidator `json:",omitzero"` // by id, those that methods name
	Models     map[string]SchemaModel      `json:",omitzero"` // by name
	Responses  map[string]GatewayResponse  `json:",omitzero"` // by type, those that are set
}

// AllMethods is the name of MethodSetting in StageSettings.Methods that holds for every method without its own: AWS's */*. Others are named as Method.Name
// says.
const AllMethods = "*"

// MethodSetting is what a stage says of one method, or of all.
type MethodSetting struct {
	Rate  *float64 `json:",omitzero"` // requests a second, over all callers; -1: no limit; nil: not set
	Burst *int     `json:",omitzero"`

	Caching  bool          `json:",omitzero"` // of methods that the stage's cache is for
	CacheTTL time.Duration `json:",omitzero"` // 0: AWS's default, 300 s

	// What is kept because clients read it back, and has no effect.
	Metrics        bool   `json:",omitzero"`
	LoggingLevel   string `json:",omitzero"`
	DataTrace      bool   `json:",omitzero"`
	CacheEncrypted bool   `json:",omitzero"`
	OpenControl    bool   `json:",omitzero"` // requireAuthorizationForCacheControl is false
	Unauthorized   string `json:",omitzero"` // unauthorizedCacheControlHeaderStrategy; empty: SUCCEED_WITH_RESPONSE_HEADER
	Key            string `json:",omitzero"` // how its client writes the method's name, where that is not how answers do
}
