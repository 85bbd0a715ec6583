package management

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"gatehouse/models"
)

// AWS's types of authorizers. The first two are services of the owner, the last is a token that an issuer signed.
const (
	typeToken   = "TOKEN"
	typeRequest = "REQUEST"
	typeCognito = "COGNITO_USER_POOLS"
)

// wireAuthorizer is an authorizer as requests and answers have it.
type wireAuthorizer struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Type        string   `json:"type"`
	Providers   []string `json:"providerARNs,omitempty"`
	AuthType    string   `json:"authType,omitempty"`
	URI         string   `json:"authorizerUri,omitempty"`
	Credentials string   `json:"-"` // refused unless empty
	Sources     string   `json:"identitySource,omitempty"`
	Validation  string   `json:"identityValidationExpression,omitempty"`
	TTL         int64    `json:"authorizerResultTtlInSeconds"`
}

// wireAuthorizerOf is an authorizer as its client said it, as far as it is so still.
func wireAuthorizerOf(z models.Authorizer) wireAuthorizer {
	out := wireAuthorizer{ID: z.ID.String(), Name: z.Name, Sources: sourcesOf(z.Identity), TTL: int64(z.TTL / time.Second)}
	if given, err := readSources(z.Wire.Sources); err == nil && sourcesOf(given) == out.Sources {
		out.Sources = z.Wire.Sources
	}
	if z.Kind == models.AuthorizerJWT {
		out.Type, out.AuthType = typeCognito, cmp.Or(z.Wire.AuthType, "cognito_user_pools")
		out.Providers, out.Validation = []string{z.JWT.Issuer}, strings.Join(z.JWT.Audiences, "|")
		if issuer, err := issuerOf(z.Wire.Provider); err == nil && issuer == z.JWT.Issuer {
			out.Providers[0] = z.Wire.Provider
		}
		if given, err := audiencesOf(z.Wire.Validation); err == nil && slices.Equal(given, z.JWT.Audiences) {
			out.Validation = z.Wire.Validation
		}
		return out
	}
	out.Type, out.AuthType, out.URI, out.Validation = typeRequest, cmp.Or(z.Wire.AuthType, "custom"), z.HTTP.URL, z.Identity.Pattern
	if z.Wire.Type == typeToken && isOneHeader(z.Identity) || z.Identity.Pattern != "" && isOneHeader(z.Identity) {
		out.Type = typeToken
	}
	return out
}

func isOneHeader(i models.Identity) bool { return len(i.Headers) == 1 && len(i.Query) == 0 }

// over makes of an authorizer what the wire says; what it does not speak of, such as how long a service may take, stays.
func (a wireAuthorizer) over(z models.Authorizer) (models.Authorizer, error) {
	if a.Credentials != "" {
		return z, unsupported("An authorizer with credentials of AWS")
	}
	identity, err := readSources(a.Sources)
	if err != nil {
		return z, err
	}
	z.Name, z.TTL = a.Name, time.Duration(max(-1, min(a.TTL, 1<<30)))*time.Second
	z.Wire = models.AuthorizerWire{Type: a.Type, AuthType: a.AuthType, Sources: a.Sources}
	if a.Type == typeCognito {
		return a.token(z, identity)
	}
	return a.service(z, identity)
}

// token makes an authorizer of tokens.
func (a wireAuthorizer) token(z models.Authorizer, identity models.Identity) (models.Authorizer, error) {
	if len(a.Providers) != 1 {
		return z, badRequest("Give exactly one of providerARNs: the ARN of a user pool, or the https:// address of an issuer. Gatehouse asks one issuer for an authorizer.")
	}
	issuer, err := issuerOf(a.Providers[0])
	if a.Providers[0] == z.JWT.Issuer { // pages take other names of issuers, too, and audiences of any form
		issuer, err = z.JWT.Issuer, nil
	}
	if err != nil {
		return z, err
	}
	audiences, err := audiencesOf(a.Validation)
	if a.Validation == strings.Join(z.JWT.Audiences, "|") {
		audiences, err = z.JWT.Audiences, nil
	}
	if err != nil {
		return z, err
	}
	if z.Kind == models.AuthorizerJWT {
		identity.Pattern = z.Identity.Pattern
	}
	if z.Kind != models.AuthorizerJWT {
		z.Kind, z.JWT = models.AuthorizerJWT, models.JWTSettings{Leeway: models.DefaultLeeway}
	}
	if z.JWT.Issuer != issuer {
		z.JWT.JWKS = "" // the keys are another's
	}
	z.JWT.Issuer, z.JWT.Audiences, z.Identity = issuer, audiences, identity
	z.Wire.Provider, z.Wire.Validation = a.Providers[0], a.Validation
	return z, nil
}

// service makes an authorizer that asks a service of the owner.
func (a wireAuthorizer) service(z models.Authorizer, identity models.Identity) (models.Authorizer, error) {
	switch {
	case strings.HasPrefix(a.URI, "arn:"):
		return z, badRequest("Gatehouse cannot ask a Lambda function by its ARN. Give the https:// address of a service that answers as the function does, such as the function's own URL, as authorizerUri.")
	case a.URI == "":
		return z, badRequest("Invalid Authorizer URI: give the https:// address of the service that decides as authorizerUri.")
	case len(a.Providers) > 0 && z.Kind != models.AuthorizerJWT: // it may have been one until now
		return z, badRequest("providerARNs belong to authorizers of the type %s.", typeCognito)
	case a.Type == typeToken && a.Sources != "" && !isOneHeader(identity):
		return z, badRequest("Invalid identitySource: an authorizer of the type TOKEN has one header, such as method.request.header.Authorization.")
	case a.Type == typeRequest && a.Sources == "":
		return z, badRequest("Name at least one identitySource, such as method.request.header.Authorization: by it Gatehouse tells callers apart.")
	case a.Type == typeRequest && a.Validation != "" && a.Validation != z.Identity.Pattern:
		return z, badRequest("identityValidationExpression belongs to authorizers of the type TOKEN.")
	}
	if z.Kind != models.AuthorizerHTTP {
		z.Kind, z.HTTP = models.AuthorizerHTTP, models.HTTPSettings{Reuse: models.ReuseIdentity} // as AWS does
	}
	z.HTTP.URL, z.Identity = a.URI, identity
	z.Identity.Pattern = a.Validation
	return z, nil
}

// The places of a request that identify a caller.
const (
	sourceHeader = "method.request.header."
	sourceQuery  = "method.request.querystring."
)

// readSources reads identitySource; what is empty names none.
func readSources(text string) (i models.Identity, err error) {
	for source := range strings.SplitSeq(text, ",") {
		source = strings.TrimSpace(source)
		if name, ok := strings.CutPrefix(source, sourceHeader); ok {
			i.Headers = append(i.Headers, name)
		} else if name, ok := strings.CutPrefix(source, sourceQuery); ok {
			i.Query = append(i.Query, name)
		} else if source != "" {
			return i, badRequest("Invalid identitySource: %s. Gatehouse knows callers by %sNAME and %sNAME.", source, sourceHeader, sourceQuery)
		}
	}
	return i, nil
}

func sourcesOf(i models.Identity) string {
	var sources []string
	for _, name := range i.Headers {
		sources = append(sources, sourceHeader+name)
	}
	for _, name := range i.Query {
		sources = append(sources, sourceQuery+name)
	}
	return strings.Join(sources, ", ")
}

var userPool = regexp.MustCompile(`^arn:aws[a-z-]*:cognito-idp:([a-z0-9-]+):\d{12}:userpool/([A-Za-z0-9_-]+)$`)

// issuerOf is whose tokens a provider's are: those of a user pool, or of the issuer that it is itself.
func issuerOf(provider string) (string, error) {
	if m := userPool.FindStringSubmatch(provider); m != nil {
		return "https://cognito-idp." + m[1] + ".amazonaws.com/" + m[2], nil
	}
	if problem := models.KeyURLProblem(provider); problem != "" {
		return "", badRequest("Invalid provider ARN: %s is neither a user pool (arn:aws:cognito-idp:REGION:ACCOUNT:userpool/ID) nor the https:// address of an issuer.", provider)
	}
	return provider, nil
}

// plainAudience is an audience that is no regular expression, but for dots, which stand for themselves.
var plainAudience = regexp.MustCompile(`^[A-Za-z0-9_.:/@-]+$`)

// audiencesOf reads an identityValidationExpression that is a list of audiences: a, a|b, ^(a|b)$.
func audiencesOf(expression string) (audiences []string, err error) {
	text := strings.TrimSuffix(strings.TrimPrefix(expression, "^"), "$")
	if strings.HasPrefix(text, "(") && strings.HasSuffix(text, ")") {
		text = text[1 : len(text)-1]
	}
	if text == "" {
		return nil, nil
	}
	for audience := range strings.SplitSeq(text, "|") {
		if !plainAudience.MatchString(audience) {
			return nil, badRequest("Invalid identityValidationExpression: %s. Gatehouse compares the audience of tokens with plain ones: name them with | between.", expression)
		}
		audiences = append(audiences, audience)
	}
	return audiences, nil
}
