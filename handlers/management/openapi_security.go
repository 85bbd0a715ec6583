package management

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/models/openapi"
)

// authorizerExtension is an authorizer of a document: the extension of a scheme of security, as CreateAuthorizer has it but for its name.
type authorizerExtension struct {
	Type        string        `json:"type"` // token, request, cognito_user_pools; jwt of HTTP APIs
	URI         string        `json:"authorizerUri,omitempty"`
	Credentials string        `json:"authorizerCredentials,omitempty"`
	Providers   []string      `json:"providerARNs,omitempty"`
	Sources     string        `json:"identitySource,omitempty"`
	Validation  string        `json:"identityValidationExpression,omitempty"`
	TTL         *integer      `json:"authorizerResultTtlInSeconds,omitempty"`
	JWT         *jwtExtension `json:"jwtConfiguration,omitempty"`
}

type jwtExtension struct {
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

// authorizer reads the authorizer of a scheme. One that Gatehouse does not have is none.
func (c callers) authorizer(d *imported, s openapi.GatewayScheme) {
	var in authorizerExtension
	if err := json.Unmarshal(s.Authorizer, &in); err != nil {
		c.left[s.Name] = "its authorizer is not as it should be"
		return
	}
	if in.Sources == "" && s.In == "header" && s.Parameter != "" {
		in.Sources = sourceHeader + s.Parameter
	}
	if in.JWT != nil {
		in.Type, in.Providers, in.Validation = typeCognito, []string{in.JWT.Issuer}, strings.Join(in.JWT.Audiences, "|")
	}
	wire := wireAuthorizer{
		Name: authorizerName(s.Name), Type: strings.ToUpper(in.Type), AuthType: s.AuthType, URI: in.URI, Credentials: in.Credentials, Providers: in.Providers, Sources: in.Sources,
		Validation: in.Validation, TTL: int64(models.DefaultAuthorizerTTL / time.Second),
	}
	if in.TTL != nil {
		wire.TTL = int64(*in.TTL)
	}
	if wire.Type != typeToken && wire.Type != typeRequest && wire.Type != typeCognito {
		c.left[s.Name] = "its authorizer is of the type " + models.CutLine(in.Type, 40) + ", which Gatehouse does not have"
		return
	}
	z, err := wire.over(models.Authorizer{})
	if err == nil {
		z, err = z.Clean()
	}
	if err != nil {
		c.left[s.Name] = strings.TrimSuffix(sentenceOf(err), ".")
		return
	}
	d.authorizers = append(d.authorizers, z)
	c.authorizers[s.Name] = len(d.authorizers)
}

// sentenceOf is what an error says to a client.
func sentenceOf(err error) string {
	var own *fault
	if errors.As(err, &own) {
		return own.message
	}
	return models.Sentence(err)
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
