package models

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"gatehouse/models/limit"
)

// API is what an owner offers. Its methods are edited freely; callers see them as deployed.
type API struct {
	ID        APIID
	OwnerID   AccountID
	Slug      string // in URLs: [a-z0-9-]{2,40}, unique
	Name      string
	Summary   string   // one line for the catalog
	Tags      []string // what it is about, for the catalog; see CleanTags
	KeySource KeySource
	Details   APIDetails
	// Authorizer is asked for methods that say nothing else; zero: none is. It holds with the next deployment.
	Authorizer AuthorizerID
	CreatedAt  time.Time
	UpdatedAt  time.Time
	// HasDocument reports whether an OpenAPI document stands behind the API.
	HasDocument bool
	// Undeployed reports that methods, document or key source changed since the newest deployment.
	Undeployed bool
}

// KeyPlace is where callers put their key.
type KeyPlace string

// The places of a key in a request (DECISIONS 14).
const (
	KeyInHeader KeyPlace = "header"
	KeyInBearer KeyPlace = "bearer" // Authorization: Bearer KEY
	KeyInQuery  KeyPlace = "query"
	// KeyInAuthorizer is what the method's authorizer names (AWS: apiKeySource AUTHORIZER); the header is not looked at then.
	KeyInAuthorizer KeyPlace = "authorizer"
)

// KeySource says where the gateway reads the key of an API and whether the upstream sees it.
type KeySource struct {
	Place   KeyPlace
	Name    string // of the header or query parameter; empty for bearer and authorizer
	Forward bool   // pass the key on to the upstream; default false: it is stripped
}

// DefaultKeySource is the x-api-key header, stripped before the upstream.
func DefaultKeySource() KeySource { return KeySource{Place: KeyInHeader, Name: "x-api-key"} }

var (
	queryPattern  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	slugPattern   = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])$`)
	stagePattern  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	headerPattern = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
)

// reservedHeaders cannot carry a key: HTTP or the gateway gives them a meaning of their own.
var reservedHeaders = map[string]bool{
	"host": true, "connection": true, "content-length": true, "content-type": true, "transfer-encoding": true, "te": true, "trailer": true,
	"upgrade": true, "expect": true, "cookie": true, "authorization": true, "accept": true, "origin": true, "forwarded": true,
	"x-forwarded-for": true, "x-forwarded-host": true, "x-forwarded-proto": true, "x-request-id": true, "proxy-authorization": true,
}

// Check validates a key source; fields "key_place", "key_name".
func (k KeySource) Check() error {
	switch k.Place {
	case KeyInBearer, KeyInAuthorizer:
		return nil
	case KeyInHeader:
		if !headerPattern.MatchString(k.Name) || reservedHeaders[strings.ToLower(k.Name)] {
			return Invalid("key_name", "Name a header of letters, digits and hyphens that HTTP itself does not use, such as x-api-key.")
		}
	case KeyInQuery:
		if !queryPattern.MatchString(k.Name) {
			return Invalid("key_name", "Name a query parameter of letters, digits, hyphens and underscores, such as api_key.")
		}
	default:
		return Invalid("key_place", "Choose header, bearer, query or authorizer.")
	}
	return nil
}

// CheckSlug validates a slug; field "slug".
func CheckSlug(slug string) error {
	if !slugPattern.MatchString(slug) {
		return Invalid("slug", "Use 2 to 40 lower-case letters, digits and hyphens, such as weather.")
	}
	return nil
}

// Slugify proposes a slug for a name; it always passes CheckSlug.
func Slugify(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() == 40 {
			break
		}
	}
	slug := strings.Trim(b.String(), "-")
	if len(slug) < 2 {
		return "api" + slug
	}
	return slug
}

// Method is a verb on a path. Its id stays while verb and path stay, also over imports.
type Method struct {
	ID          MethodID
	Verb        string // GET, POST, …, or ANY
	Path        string // template: /users/{id}, /files/{proxy+}
	Summary     string
	KeyRequired bool
	MethodAuthorization
	MethodDetails
}

// MethodDetails are what the management API says of a method beside what every API has. The zero value is a method that its stage's upstream answers.
type MethodDetails struct {
	OperationName string                    `json:",omitzero"`
	AuthType      string                    `json:",omitzero"` // authorizationType as it was given, where it says more than the authorizer does; empty: NONE, or the authorizer's
	Request       MethodRequest             `json:",omitzero"`
	Responses     map[string]MethodResponse `json:",omitzero"` // by status: "200"
	Integration   *Integration              `json:",omitzero"` // nil: the stage's upstream answers
}

// Name returns "GET /users/{id}".
func (m Method) Name() string { return m.Verb + " " + m.Path }

// Verbs are the verbs that a method may have. ANY answers every verb that has no method of its own.
var Verbs = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY"}

var segmentPattern = regexp.MustCompile(`^(?:[A-Za-z0-9\-._~!$&'()*+,=:@%]+|\{[A-Za-z0-9_\-.]{1,64}\}|\{[A-Za-z0-9_\-.]{1,64}\+\})$`)

// CheckMethod validates verb and path template; fields "verb", "path". A {name+} may only be the last segment.
func CheckMethod(verb, path string) error {
	var p Problems
	if !slices.Contains(Verbs, verb) {
		p.Add("verb", "Choose one of "+strings.Join(Verbs, ", ")+".")
	}
	switch {
	case !strings.HasPrefix(path, "/"):
		p.Add("path", "A path begins with a slash, such as /users/{id}.")
	case len(path) > 1024:
		p.Add("path", "Use at most 1,024 characters.")
	default:
		checkSegments(&p, path)
	}
	return p.Err()
}

func checkSegments(p *Problems, path string) {
	if path == "/" {
		return
	}
	segments := strings.Split(strings.TrimSuffix(path[1:], "/"), "/")
	seen := map[string]bool{}
	for i, s := range segments {
		if s == "." || s == ".." || !segmentPattern.MatchString(s) {
			p.Add("path", fmt.Sprintf("%q is not a path segment: use letters, digits, signs that URLs allow, {name} or a last {name+}.", s))
			return
		}
		if !strings.HasPrefix(s, "{") {
			continue
		}
		if strings.HasSuffix(s, "+}") && i != len(segments)-1 {
			p.Add("path", "A greedy segment such as {proxy+} must be the last one.")
			return
		}
		if seen[s] {
			p.Add("path", fmt.Sprintf("The name %s stands twice in the path.", s))
			return
		}
		seen[s] = true
	}
}

// MaxMethods is how many methods an API may have.
const MaxMethods = 20_000

// CleanMethods trims the summaries of an API's methods and checks the methods; field "path". No two have the same verb and path.
func CleanMethods(methods []Method) ([]Method, error) {
	if len(methods) > MaxMethods {
		return nil, Invalid("path", fmt.Sprintf("An API has at most %d methods, these are %d.", MaxMethods, len(methods)))
	}
	clean := make([]Method, len(methods))
	seen := make(map[string]bool, len(methods))
	for i, m := range methods {
		if err := CheckMethod(m.Verb, m.Path); err != nil {
			return nil, Invalid("path", m.Name()+": "+Sentence(err))
		}
		if seen[m.Name()] {
			return nil, Invalid("path", m.Name()+" stands twice among the methods.")
		}
		seen[m.Name()] = true
		m.Summary = cutLine(m.Summary, 200)
		clean[i] = m
	}
	return clean, nil
}

// CutLine makes one line of at most max characters of a text.
func CutLine(s string, max int) string { return cutLine(s, max) }

// cutLine makes one line of at most max characters from a text that a document brought along.
func cutLine(s string, max int) string {
	s = strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > max {
		return strings.TrimSpace(string(runes[:max-1])) + "…"
	}
	return s
}

// SameRequests reports whether two methods answer the same requests: the same verb, and paths that differ at most in the names of their
// parameters or a last slash.
func (m Method) SameRequests(o Method) bool {
	return m.Verb == o.Verb && pathShape(m.Path) == pathShape(o.Path)
}

var paramPattern = regexp.MustCompile(`\{[^{}+]*(\+?)\}`)

func pathShape(path string) string {
	return paramPattern.ReplaceAllString(strings.TrimSuffix(path, "/"), "{$1}")
}

// MergeMethods returns an API's methods after a document with the imported ones replaced the present ones, in the document's order, and
// what changed. A method that is present or was removed before keeps its id; a present one keeps its KeyRequired and its authorization too, which its owner
// may have changed. New methods have no id yet.
func MergeMethods(present, removed, imported []Method) ([]Method, ImportChanges) {
	known := make(map[string]Method, len(present)+len(removed))
	here := make(map[MethodID]bool, len(present))
	for _, m := range slices.Concat(removed, present) {
		known[m.Name()] = m
	}
	for _, m := range present {
		here[m.ID] = true
	}
	var changes ImportChanges
	next := make([]Method, len(imported))
	for i, m := range imported {
		old, ok := known[m.Name()]
		m.ID = old.ID
		switch {
		case !ok || !here[old.ID]:
			changes.Added = append(changes.Added, m)
		default:
			delete(here, old.ID)
			m.KeyRequired, m.MethodAuthorization, m.MethodDetails = old.KeyRequired, old.MethodAuthorization, old.MethodDetails
			if m.Summary != old.Summary {
				changes.Changed = append(changes.Changed, m)
			}
		}
		next[i] = m
	}
	for _, m := range present {
		if here[m.ID] {
			changes.Removed = append(changes.Removed, m)
		}
	}
	return next, changes
}

// CleanNote trims and checks a deployment's note: one line of at most 200 characters; field "note".
func CleanNote(note string) (string, error) { return cleanLine("note", note, 200) }

// Document is what an owner brought to describe an API, with what was read from it. It has no fields of its own: its parts are large, and read one by one.
type Document struct{}

// Deployment is an immutable snapshot of an API's methods and description (R3).
type Deployment struct {
	ID        DeploymentID
	APIID     APIID
	Number    int // 1, 2, 3 … within the API
	Note      string
	Methods   []Method
	Parts     DeploymentParts
	KeySource KeySource
	CreatedAt time.Time
	CreatedBy string // the actor's label
}

// Stage is a name that points at one deployment and one upstream.
type Stage struct {
	ID         StageID
	APIID      APIID
	Name       string
	Upstream   string          // as ParseUpstream reads it, when ${stageVariables.name} are replaced; empty: its methods' integrations answer
	Throttle   *limit.Throttle // shared by all callers of the stage; nil: none
	Timeout    time.Duration   // for the upstream's answer to begin; 1 s to 5 min, default 30 s
	Settings   StageSettings
	Deployment DeploymentID // zero: nothing is deployed here yet
	Number     int          // of that deployment
	DeployedAt time.Time
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// DefaultTimeout is a stage's timeout unless its owner says otherwise.
const DefaultTimeout = 30 * time.Second

// Check validates what an owner types of a stage; fields "name", "upstream", "rate", "burst", "timeout" and those of StageSettings.Check.
func (s Stage) Check() error {
	var p Problems
	if !stagePattern.MatchString(s.Name) {
		p.Add("name", "Use 1 to 128 letters, digits, hyphens and underscores, such as prod.")
	}
	if s.Upstream != "" { // without one its methods have integrations
		if problem := s.Settings.addressProblem(s.Upstream); problem != "" {
			p.Add("upstream", problem)
		}
	} else if len(s.Settings.Targets.Others) > 0 {
		p.Add("upstream", "Enter the stage's own upstream before further ones.")
	}
	if s.Throttle != nil {
		addThrottle(&p, "rate", "burst", *s.Throttle)
	}
	if s.Timeout < time.Second || s.Timeout > 5*time.Minute {
		p.Add("timeout", "Enter 1 to 300 seconds.")
	}
	p.Join(s.Settings.Check())
	return p.Err()
}

// upstreamProblem judges the form of an upstream's address. Whether it may be dialled is the operator's to say (DECISIONS 35).
func upstreamProblem(s string) string {
	if _, err := ParseUpstream(s); err != nil {
		return err.Error()
	}
	return ""
}

// Release is one entry of a stage's deployment history.
type Release struct {
	Deployment DeploymentID
	Number     int
	Note       string
	At         time.Time
	By         string
	Current    bool
}
