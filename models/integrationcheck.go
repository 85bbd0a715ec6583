package models

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// minIntegrationTimeout is AWS's.
const minIntegrationTimeout = 50 * time.Millisecond

var mediaType = regexp.MustCompile(`^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+*-]+$`)

// CheckIntegration judges an integration and its responses; path is the template of its method. What the gateway cannot do is refused, with AWS's words where it
// has some. Whether a stage has the variables that it names shows when it is deployed there. Fields: "type", "httpMethod", "uri", "requestParameters",
// "requestTemplates", "passthroughBehavior", "timeoutInMillis" and those of CheckIntegrationResponse.
func CheckIntegration(i Integration, path string) error {
	switch i.Kind {
	case IntegrationHTTPProxy, IntegrationHTTP:
		if err := i.checkTarget(path); err != nil {
			return err
		}
	case IntegrationMock:
	default:
		return Invalid("type", fmt.Sprintf("Integrations of the type %s are not supported. Gatehouse has HTTP_PROXY, HTTP and MOCK.", cutLine(string(i.Kind), 40)))
	}
	for _, target := range slices.Sorted(maps.Keys(i.Parameters)) {
		if err := CheckMapping(target, i.Parameters[target], path); err != nil {
			return err
		}
	}
	if i.Timeout != 0 && (i.Timeout < minIntegrationTimeout || i.Timeout > DefaultIntegrationTimeout) {
		return Invalid("timeoutInMillis", "Timeout should be between 50 ms and 29000 ms")
	}
	switch i.Passthrough {
	case "", PassNoMatch, PassNoTemplates, PassNever:
	default:
		return Invalid("passthroughBehavior", "Use WHEN_NO_MATCH, WHEN_NO_TEMPLATES or NEVER.")
	}
	if i.Kind == IntegrationHTTPProxy {
		return nil // templates and responses of a proxy have no effect, as on AWS
	}
	if err := checkTemplates("requestTemplates", i.Templates); err != nil {
		return err
	}
	for _, status := range slices.Sorted(maps.Keys(i.Responses)) {
		if err := CheckIntegrationResponse(status, i.Responses[status]); err != nil {
			return err
		}
	}
	return nil
}

// checkTarget judges verb and URL.
func (i *Integration) checkTarget(path string) error {
	switch {
	case i.Verb == "":
		return Invalid("httpMethod", "Enumeration value for HttpMethod must be non-empty")
	case !slices.Contains(Verbs, i.Verb):
		return Invalid("httpMethod", "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY")
	}
	if rest, ok := strings.CutPrefix(i.URL, "http"); !ok || !strings.HasPrefix(strings.TrimPrefix(rest, "s"), "://") {
		return badURL() // a variable cannot say how the upstream is spoken to
	}
	// A value may be a host, a port or a part of a path: a number is good for each.
	t, err := parseTarget(variableInURL.ReplaceAllString(i.URL, "1"))
	if err != nil {
		return err
	}
	for _, p := range slices.Concat(t.Path, t.Query) {
		if p.Param != "" && i.Parameters[integrationRequest+"path."+p.Param] == "" && !hasParameter(path, p.Param) {
			return Invalid("uri", fmt.Sprintf("The URI has {%s}, and nothing feeds it: map integration.request.path.%s.", p.Param, p.Param))
		}
	}
	return nil
}

// AllIntegrated reports whether methods, of which there are some, all have integrations: a stage that serves them needs no upstream.
func AllIntegrated(methods []Method) bool {
	return len(methods) > 0 && !slices.ContainsFunc(methods, func(m Method) bool { return m.Integration == nil })
}

// ParameterSource returns what feeds {name} of the URL of an integration: what is mapped to it, or else the parameter of this name of its method's path.
func (i *Integration) ParameterSource(name string) string {
	if source := i.Parameters[integrationRequest+"path."+name]; source != "" {
		return source
	}
	return methodRequest + "path." + name
}

// CheckIntegrationResponse judges one answer of an integration of kind HTTP or MOCK. Fields: "statusCode", "selectionPattern", "responseParameters",
// "responseTemplates".
func CheckIntegrationResponse(status string, r IntegrationResponse) error {
	if n, err := strconv.Atoi(status); err != nil || len(status) != 3 || n < 200 || n > 599 {
		return Invalid("statusCode", "Invalid response status code specified: Gatehouse answers with 200 to 599.")
	}
	if _, err := CompileSelection(r.Pattern); err != nil {
		return Invalid("selectionPattern", "Invalid selection pattern specified: it is no regular expression of RE2's syntax, which has no look-around and no back-references.")
	}
	for _, target := range slices.Sorted(maps.Keys(r.Parameters)) {
		if err := CheckAnswerMapping(target, r.Parameters[target]); err != nil {
			return err
		}
	}
	return checkTemplates("responseTemplates", r.Templates)
}

// CompileSelection compiles a pattern that a status must match as a whole.
func CompileSelection(pattern string) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(pattern); err != nil { // what closes the group would otherwise be the pattern's
		return nil, err
	}
	return regexp.Compile(`^(?:` + pattern + `)$`)
}

func checkTemplates(field string, templates map[string]string) error {
	for _, kind := range slices.Sorted(maps.Keys(templates)) {
		if !mediaType.MatchString(kind) {
			return Invalid(field, "Validation Result: warnings : [], errors : [Invalid content type specified: "+kind+"]")
		}
		if err := CheckTemplate(templates[kind]); err != nil {
			return Invalid(field, Sentence(err))
		}
	}
	return nil
}
