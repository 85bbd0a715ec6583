package models

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Authorizer decides for methods of its API whether whoever calls may: by a token that an issuer signed, or by an answer of the owner's own service. Its
// settings act at once, as a stage's do; which methods ask it, and with which scopes, is part of a deployment.
type Authorizer struct {
	ID        AuthorizerID
	APIID     APIID
	Name      string // [A-Za-z0-9_-]{1,128}, unique in the API
	Kind      AuthorizerKind
	Identity  Identity
	Forward   bool          // pass what Identity names on to the upstream; default false: it is stripped
	TTL       time.Duration // for which an answer is used again, 0..1 h, whole seconds; 0: each request is asked for
	JWT       JWTSettings   // of AuthorizerJWT
	HTTP      HTTPSettings  // of AuthorizerHTTP
	HasSecret bool          // HTTP.SecretHeader has a value
	Wire      AuthorizerWire
	Epoch     int64 // goes up with each change and each flush: answers of earlier ones are not used any more
	CreatedAt time.Time
	UpdatedAt time.Time
}

// AuthorizerKind says how an authorizer decides.
type AuthorizerKind string

// The kinds of authorizers.
const (
	AuthorizerJWT  AuthorizerKind = "jwt"  // AWS: COGNITO_USER_POOLS, JWT
	AuthorizerHTTP AuthorizerKind = "http" // AWS: TOKEN, REQUEST
)

// Identity is what of a request an authorizer looks at. Where one of them is missing the request is refused without asking.
type Identity struct {
	Headers []string `json:",omitempty"`
	Query   []string `json:",omitempty"` // names of query parameters, such as access_token, for callers that cannot send headers
	Pattern string   `json:",omitempty"` // RE2, that the first of them must match as a whole; empty: anything. AWS: identityValidationExpression
}

// JWTSettings is what a token must have.
type JWTSettings struct {
	Issuer     string        `json:",omitempty"` // claim iss, exactly
	JWKS       string        `json:",omitempty"` // URL of the issuer's keys; empty: what {Issuer}/.well-known/openid-configuration names
	Audiences  []string      `json:",omitempty"` // claim aud, or, where there is none, client_id must be one of them; empty: any
	Algorithms []string      `json:",omitempty"` // empty: JWTAlgorithms
	Leeway     time.Duration `json:",omitempty"` // by which clocks may differ, 0..5 min, whole seconds; of new ones DefaultLeeway
	KeyClaim   string        `json:",omitempty"` // that names the API key, where the API reads keys from its authorizer
	KeyIs      KeyNaming     `json:",omitempty"` // what KeyClaim holds
	Claims     []string      `json:",omitempty"` // that the upstream is told as X-Authorizer-{name}
}

// KeyNaming is how a claim names an API key.
type KeyNaming string

// The ways to name a key. Either way only keys are found that are on a plan of the API's owner.
const (
	KeyByValue KeyNaming = "value"
	KeyByID    KeyNaming = "id"
)

// HTTPSettings is how the owner's service is asked.
type HTTPSettings struct {
	URL          string         `json:",omitempty"`
	Verb         string         `json:",omitempty"` // POST: a JSON document as AWS's REQUEST authorizers get it; GET: headers alone
	Timeout      time.Duration  `json:",omitempty"` // 100 ms..29 s; of new ones DefaultAuthorizerTimeout
	Reuse        AuthorizerUses `json:",omitempty"`
	SecretHeader string         `json:",omitempty"` // that carries a secret which proves who asks; empty: none
}

// AuthorizerWire is how a client of the management API said what an authorizer is, where it can be said in several ways. It has no effect.
type AuthorizerWire struct {
	Type       string `json:",omitempty"` // TOKEN, REQUEST or COGNITO_USER_POOLS
	AuthType   string `json:",omitempty"`
	Provider   string `json:",omitempty"` // an ARN that names the issuer
	Sources    string `json:",omitempty"` // identitySource
	Validation string `json:",omitempty"` // identityValidationExpression
}

// AuthorizerUses says for which other requests an answer holds, while it is kept.
type AuthorizerUses string

// The scopes of an answer, always of one authorizer, stage and identity.
const (
	ReuseMethod   AuthorizerUses = "method"   // for the same method
	ReusePath     AuthorizerUses = "path"     // for the same verb and path
	ReuseIdentity AuthorizerUses = "identity" // for all methods, as on AWS
)

// Limits of authorizers.
const (
	MaxAuthorizers           = 10 // of an API
	MaxIdentitySources       = 5
	MaxAuthorizerTTL         = time.Hour // AWS: authorizerResultTtlInSeconds
	DefaultAuthorizerTTL     = 5 * time.Minute
	MaxLeeway                = 5 * time.Minute
	DefaultLeeway            = time.Minute
	MaxAuthorizerTimeout     = 29 * time.Second
	DefaultAuthorizerTimeout = 5 * time.Second
	MaxAudiences             = 20
	MaxClaims                = 20
	MaxScopes                = 20 // of a method
	MaxAuthorizerSecret      = 1000
)

// JWTAlgorithms are the signatures that tokens may have: none by a shared secret, and never "none" (RFC 8725 3.1).
var JWTAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// GatewayAuthorizer is an authorizer with what the gateway needs to ask it.
type GatewayAuthorizer struct {
	Authorizer
	Secret string // the value of HTTP.SecretHeader
	Fault  string // why it cannot be asked; empty: it can
}

// AuthorizerUse is what asks an authorizer.
type AuthorizerUse struct {
	Default bool     // methods of the API that say nothing else
	Methods int      // of the draft, by name
	Stages  []string // to which methods are deployed that ask it, by name
}

// IsUsed reports whether anything asks the authorizer.
func (u AuthorizerUse) IsUsed() bool { return u.Default || u.Methods > 0 || len(u.Stages) > 0 }

// AuthorizerTrial is what an authorizer says of what its owner enters.
type AuthorizerTrial struct {
	Allowed   bool
	Refused   bool   // it was asked, and says no; neither: it could not be asked
	Reason    string // why not
	Fault     string // for its owner: what went wrong when it was asked
	Principal string
	Scopes    []string
	Told      []HeaderRule // what the upstream is told
	HasKey    bool         // it names an API key
	Until     time.Time    // zero: not known
	Took      time.Duration
}

// MethodAuthorization is who decides about the callers of a method.
type MethodAuthorization struct {
	Authorizer   AuthorizerID `json:",omitzero"` // zero: the API's default one; of a deployment: none
	NoAuthorizer bool         `json:",omitzero"` // none, whatever the API's default is
	Scopes       []string     `json:",omitzero"` // of which a caller must have one; empty: none is asked for
}

var (
	authorizerNamePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	claimPattern          = regexp.MustCompile(`^[A-Za-z0-9_.:/-]{1,128}$`)
	scopePattern          = regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]{1,128}$`) // RFC 6749 3.3
)

// unlikelyIdentities are headers that say nothing of who calls, or that the gateway reads itself.
var unlikelyIdentities = map[string]bool{
	"connection": true, "content-length": true, "transfer-encoding": true, "te": true, "trailer": true, "upgrade": true, "expect": true,
	"x-forwarded-for": true, "x-forwarded-host": true, "x-forwarded-proto": true, "x-request-id": true, "forwarded": true,
}

// Clean trims and checks what an owner typed, puts defaults where nothing was said, and drops what is of another kind. Fields "name", "kind", "headers",
// "query", "pattern", "ttl", "issuer", "jwks", "audiences", "algorithms", "leeway", "key_claim", "claims", "url", "verb", "timeout", "reuse",
// "secret_header".
func (a Authorizer) Clean() (Authorizer, error) {
	var p Problems
	if !authorizerNamePattern.MatchString(a.Name) {
		p.Add("name", "Use 1 to 128 letters, digits, hyphens and underscores, such as staff-login.")
	}
	if a.TTL < 0 || a.TTL > MaxAuthorizerTTL || a.TTL%time.Second != 0 {
		p.Add("ttl", "Enter 0 to 3,600 seconds.")
	}
	a.Identity = a.Identity.clean(&p, a.Kind)
	switch a.Kind {
	case AuthorizerJWT:
		a.JWT, a.HTTP = a.JWT.clean(&p), HTTPSettings{}
	case AuthorizerHTTP:
		a.HTTP, a.JWT = a.HTTP.clean(&p), JWTSettings{}
	default:
		p.Add("kind", "Choose a token or your own service.")
	}
	return a, p.Err()
}

func (i Identity) clean(p *Problems, kind AuthorizerKind) Identity {
	i.Headers, i.Query = cleanNames(i.Headers), cleanNames(i.Query)
	if len(i.Headers)+len(i.Query) == 0 {
		i.Headers = []string{"Authorization"}
	}
	for _, name := range i.Headers {
		if !headerPattern.MatchString(name) || unlikelyIdentities[strings.ToLower(name)] {
			p.Add("headers", fmt.Sprintf("%q cannot say who calls: name headers of letters, digits and hyphens, such as Authorization.", name))
		}
	}
	for _, name := range i.Query {
		if !queryPattern.MatchString(name) {
			p.Add("query", "Name query parameters of letters, digits, hyphens and underscores, such as access_token.")
		}
	}
	switch n := len(i.Headers) + len(i.Query); {
	case kind == AuthorizerJWT && n > 1:
		p.Add("headers", "A token comes in one place: name one header or one query parameter.")
	case n > MaxIdentitySources:
		p.Add("headers", fmt.Sprintf("Name at most %d headers and query parameters together.", MaxIdentitySources))
	}
	if len(i.Pattern) > 512 {
		p.Add("pattern", "Use at most 512 characters.")
	} else if _, err := regexp.Compile(i.Pattern); err != nil {
		p.Add("pattern", "This is no regular expression (RE2) that can be read.")
	}
	return i
}

// cleanNames trims names and drops empty and repeated ones; case does not tell them apart.
func cleanNames(names []string) []string {
	var clean []string
	for _, name := range names {
		name = strings.TrimSpace(name)
		if name != "" && !slices.ContainsFunc(clean, func(c string) bool { return strings.EqualFold(c, name) }) {
			clean = append(clean, name)
		}
	}
	return clean
}

// cleanValues is cleanNames where case matters.
func cleanValues(values []string) []string {
	var clean []string
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" && !slices.Contains(clean, v) {
			clean = append(clean, v)
		}
	}
	return clean
}

func (j JWTSettings) clean(p *Problems) JWTSettings {
	j.Issuer, j.JWKS, j.KeyClaim = strings.TrimSpace(j.Issuer), strings.TrimSpace(j.JWKS), strings.TrimSpace(j.KeyClaim)
	j.Audiences, j.Claims = cleanValues(j.Audiences), cleanValues(j.Claims)
	switch problem := KeyURLProblem(j.Issuer); {
	case j.Issuer == "" || len(j.Issuer) > 500:
		p.Add("issuer", "Enter the issuer as its tokens have it in iss, such as https://login.example.com/.")
	case j.JWKS == "" && problem != "":
		p.Add("issuer", problem)
	}
	if j.JWKS != "" {
		if problem := KeyURLProblem(j.JWKS); problem != "" {
			p.Add("jwks", problem)
		}
	}
	if len(j.Audiences) > MaxAudiences || slices.ContainsFunc(j.Audiences, func(a string) bool { return len(a) > 500 }) {
		p.Add("audiences", fmt.Sprintf("Enter at most %d audiences of at most 500 characters.", MaxAudiences))
	}
	var algorithms []string
	for _, known := range JWTAlgorithms {
		if slices.Contains(j.Algorithms, known) {
			algorithms = append(algorithms, known)
		}
	}
	if len(algorithms) < len(j.Algorithms) {
		p.Add("algorithms", "Choose from "+strings.Join(JWTAlgorithms, ", ")+".")
	}
	if j.Algorithms = algorithms; len(algorithms) == len(JWTAlgorithms) {
		j.Algorithms = nil
	}
	if j.Leeway < 0 || j.Leeway > MaxLeeway || j.Leeway%time.Second != 0 {
		p.Add("leeway", "Enter 0 to 300 seconds.")
	}
	switch {
	case j.KeyClaim == "":
		j.KeyIs = ""
	case !claimPattern.MatchString(j.KeyClaim):
		p.Add("key_claim", "Name a claim, such as api_key_id; a dot leads into an object.")
	case j.KeyIs != KeyByValue && j.KeyIs != KeyByID:
		p.Add("key_claim", "Say whether the claim holds the key's value or its id.")
	}
	if len(j.Claims) > MaxClaims || slices.ContainsFunc(j.Claims, func(c string) bool { return !claimPattern.MatchString(c) }) {
		p.Add("claims", fmt.Sprintf("Name at most %d claims, such as email; a dot leads into an object.", MaxClaims))
	}
	return j
}

// KeyURLProblem judges an address of keys: over TLS, or else on the owner's own network. It returns a sentence, or "".
func KeyURLProblem(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "" || len(s) > 500:
		return "Enter a full address such as https://login.example.com/."
	case u.User != nil || u.Fragment != "" || strings.HasSuffix(s, "#"):
		return "Leave out user name and fragment."
	case u.Scheme == "https":
		return ""
	case u.Scheme == "http" && isNearby(u.Hostname()):
		return ""
	}
	return "Use https://: keys that come over http:// can be replaced on the way. Only on a private network (localhost, a private address, a name without a dot) http:// is taken."
}

// isNearby reports whether a host is one of a private network by its name: the gateway dials it only if its operator allows private addresses.
func isNearby(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsLoopback() || ip.IsPrivate()
	}
	return host == "localhost" || !strings.Contains(host, ".") && net.ParseIP(host) == nil
}

func (h HTTPSettings) clean(p *Problems) HTTPSettings {
	h.URL, h.SecretHeader = strings.TrimSpace(h.URL), strings.TrimSpace(h.SecretHeader)
	u, err := url.Parse(h.URL)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || len(h.URL) > 1000:
		p.Add("url", "Enter a full address such as https://auth.example.com/check.")
	case u.User != nil || u.Fragment != "" || strings.HasSuffix(h.URL, "#"):
		p.Add("url", "Leave out user name and fragment.")
	}
	if h.Verb == "" {
		h.Verb = "POST"
	}
	if h.Verb != "POST" && h.Verb != "GET" {
		p.Add("verb", "Choose POST or GET.")
	}
	if h.Timeout == 0 {
		h.Timeout = DefaultAuthorizerTimeout
	}
	if h.Timeout < 100*time.Millisecond || h.Timeout > MaxAuthorizerTimeout || h.Timeout%time.Millisecond != 0 {
		p.Add("timeout", "Enter 100 to 29,000 milliseconds.")
	}
	switch h.Reuse {
	case "":
		h.Reuse = ReuseMethod
	case ReuseMethod, ReusePath, ReuseIdentity:
	default:
		p.Add("reuse", "Choose for which requests an answer holds.")
	}
	if h.SecretHeader != "" && (!headerPattern.MatchString(h.SecretHeader) || reservedHeaders[strings.ToLower(h.SecretHeader)] && !strings.EqualFold(h.SecretHeader, "Authorization")) {
		p.Add("secret_header", "Name a header of letters, digits and hyphens that HTTP itself does not use, such as X-Gateway-Secret.")
	}
	return h
}

// CheckAuthorizerSecret judges the value of a header that proves who asks; field "secret".
func CheckAuthorizerSecret(value string) error {
	if value == "" || len(value) > MaxAuthorizerSecret || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) || strings.TrimSpace(value) != value {
		return Invalid("secret", fmt.Sprintf("Use 1 to %s letters, digits and signs of ASCII, without spaces around them.", "1,000"))
	}
	return nil
}

// Clean checks scopes; field "scopes". Scopes without an authorizer ask nobody: they are dropped.
func (m MethodAuthorization) Clean() (MethodAuthorization, error) {
	if m.NoAuthorizer {
		return MethodAuthorization{NoAuthorizer: true}, nil
	}
	m.Scopes = cleanValues(m.Scopes)
	if len(m.Scopes) > MaxScopes || slices.ContainsFunc(m.Scopes, func(s string) bool { return !scopePattern.MatchString(s) }) {
		return m, Invalid("scopes", fmt.Sprintf("Enter at most %d scopes of at most 128 characters, separated by spaces.", MaxScopes))
	}
	return m, nil
}

// Equal reports whether two say the same.
func (m MethodAuthorization) Equal(o MethodAuthorization) bool {
	return m.Authorizer == o.Authorizer && m.NoAuthorizer == o.NoAuthorizer && slices.Equal(m.Scopes, o.Scopes)
}

// Resolved returns methods of a draft as a deployment keeps them: each with the authorizer that it asks, if any, where the API's default is that one.
func Resolved(methods []Method, byDefault AuthorizerID) []Method {
	out := slices.Clone(methods)
	for i := range out {
		a := &out[i].MethodAuthorization
		switch {
		case a.NoAuthorizer:
			*a = MethodAuthorization{}
		case a.Authorizer == 0:
			a.Authorizer = byDefault
		}
		if a.Authorizer == 0 {
			a.Scopes = nil
		}
	}
	return out
}

// CheckKeys says why methods cannot be deployed with a key source: a key that comes from an authorizer needs one.
func (k KeySource) CheckKeys(resolved []Method) error {
	if k.Place != KeyInAuthorizer {
		return nil
	}
	for _, m := range resolved {
		if m.KeyRequired && m.Authorizer == 0 {
			return Conflict(m.Name() + " needs an API key, which the API reads from its authorizer, but it has none. Set one, or read keys from a header.")
		}
	}
	return nil
}
