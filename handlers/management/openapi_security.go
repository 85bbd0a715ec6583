package management

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"gatehouse/models"
	"gatehouse/models/openapi"
)

// documentAuthorizer is an authorizer of a document: the extension of a scheme of security, as CreateAuthorizer has it.
type documentAuthorizer struct {
	Name         string     `json:"-"`
	AuthType     string     `json:"-"`
	Type         string     `json:"type"` // token, request, cognito_user_pools
	URI          string     `json:"authorizerUri"`
	Credentials  string     `json:"authorizerCredentials"`
	Providers    []string   `json:"providerARNs"`
	Source       string     `json:"identitySource"`
	Validation   string     `json:"identityValidationExpression"`
	TTL          *integer   `json:"authorizerResultTtlInSeconds"`
	PayloadAs    wireText   `json:"authorizerPayloadFormatVersion"`
	SimpleAnswer flag       `json:"enableSimpleResponses"`
	JWT          *jwtConfig `json:"jwtConfiguration"`
}

type jwtConfig struct {
	Issuer    string   `json:"issuer"`
	Audiences []string `json:"audience"`
}

// callers says what the schemes of a document ask of who calls.
type callers struct {
	keys        map[string]bool   // schemes that are the x-api-key header
	authorizers map[string]int    // scheme -> place among imported.authorizers, from 1 on
	left        map[string]string // scheme -> why it is none of both
}

// readSchemes reads the schemes of security.
func (d *imported) readSchemes(schemes []openapi.GatewayScheme) callers {
	c := callers{map[string]bool{}, map[string]int{}, map[string]string{}}
	for _, s := range schemes {
		switch {
		case strings.EqualFold(s.AuthType, "awsSigv4"):
			c.left[s.Name] = "Gatehouse does not know callers by AWS signatures"
		case len(s.Authorizer) > 0 && string(s.Authorizer) != "null":
			c.authorizer(d, s)
		case s.Type == "apiKey" && s.In == "header" && strings.EqualFold(s.Parameter, "x-api-key"):
			c.keys[s.Name] = true
		default:
			c.left[s.Name] = "it is neither the header x-api-key nor an authorizer"
		}
	}
	return c
}

func (c callers) authorizer(d *imported, s openapi.GatewayScheme) {
	a := documentAuthorizer{Name: authorizerName(s.Name), AuthType: s.AuthType}
	if err := json.Unmarshal(s.Authorizer, &a); err != nil {
		c.left[s.Name] = "its authorizer is not as it should be"
		return
	}
	if why := a.unknown(); why != "" {
		c.left[s.Name] = why
		return
	}
	if a.Source == "" && s.In == "header" && s.Parameter != "" {
		a.Source = "method.request.header." + s.Parameter
	}
	d.authorizers = append(d.authorizers, a)
	c.authorizers[s.Name] = len(d.authorizers)
}

// unknown says why Gatehouse does not have an authorizer; empty: it does.
func (a documentAuthorizer) unknown() string {
	switch strings.ToLower(a.Type) {
	case "token", "request":
		if !strings.HasPrefix(a.URI, "https://") && !strings.HasPrefix(a.URI, "http://") {
			return "its authorizer is a function of AWS, which Gatehouse cannot ask: give it an https:// address"
		}
	case "cognito_user_pools":
		if len(a.Providers) != 1 {
			return "its authorizer must name one user pool"
		}
	case "jwt":
		if a.JWT == nil || a.JWT.Issuer == "" {
			return "its authorizer names no issuer"
		}
	default:
		return "its authorizer is of the type " + models.CutLine(a.Type, 40) + ", which Gatehouse does not have"
	}
	return ""
}

// authorizerName is a scheme's name as authorizers may have it.
func authorizerName(scheme string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '-'
	}, scheme)
	return cutText(name, 128)
}

// admit says who may call a method. AWS takes the alternatives of security together: whatever one of them names is asked for. What Gatehouse cannot ask for
// becomes a key, since a method that its author closed must not be open.
func (c callers) admit(d *imported, m *models.Method, op *openapi.GatewayOperation) {
	var asked []string
	scopes := map[string][]string{}
	for _, alternative := range op.Security {
		for _, name := range slices.Sorted(maps.Keys(alternative)) {
			if !slices.Contains(asked, name) {
				asked = append(asked, name)
			}
			scopes[name] = append(scopes[name], alternative[name]...)
		}
	}
	if len(asked) > 0 && op.Inherited {
		d.warn(wholeDocument, "The security of the whole document is asked for by all operations that say nothing of it, as OpenAPI has it. API Gateway asks for no keys then.")
	}
	for _, name := range asked {
		switch place := c.authorizers[name]; {
		case c.keys[name]:
			m.KeyRequired = true
		case place > 0 && m.Authorizer == 0:
			m.Authorizer, m.Scopes = models.AuthorizerID(place), scopes[name]
			m.AuthType = d.authorizers[place-1].authorizationType()
		case place > 0:
			d.warn(m.Name(), "The authorizer %s is not asked: a method has one, and this one has %s.", name, d.authorizers[m.Authorizer-1].Name)
		default:
			m.KeyRequired = true
			why := c.left[name]
			if why == "" {
				why = "the document does not say what it is"
			}
			d.warn(m.Name(), "The security scheme %s is left out: %s. The method needs an API key instead.", models.CutLine(name, 80), why)
		}
	}
	m.NoAuthorizer = m.Authorizer == 0
	c.readAuth(d, m, op)
}

// readAuth reads the extension with which AWS exports a method that asks for its own signatures.
func (c callers) readAuth(d *imported, m *models.Method, op *openapi.GatewayOperation) {
	var auth struct {
		Type string `json:"type"`
	}
	if d.extension(m.Name(), op.Extensions, "auth", &auth) && !strings.EqualFold(auth.Type, "NONE") && m.Authorizer == 0 {
		m.KeyRequired = true
		d.warn(m.Name(), "The authorization %s is left out: Gatehouse does not know callers by it. The method needs an API key instead.", models.CutLine(auth.Type, 40))
	}
}

// authorizationType is AWS's word for methods that ask the authorizer.
func (a documentAuthorizer) authorizationType() string {
	if t := strings.ToLower(a.Type); t == "cognito_user_pools" || t == "jwt" {
		return "COGNITO_USER_POOLS"
	}
	return "CUSTOM"
}
