package models

import (
	"regexp"
	"strings"
)

// MappingPlace is where a mapped value comes from.
type MappingPlace uint8

// The places. The zero value is none.
const (
	FromNowhere   MappingPlace = iota
	FromLiteral                // the name is the value
	FromPath                   // a path parameter of the method
	FromQuery                  // a query parameter of the request
	FromHeader                 // a header of the request
	FromAnswer                 // a header of the upstream's answer
	FromVariable               // of the stage
	FromContext                // see IsContextVariable
	FromParameter              // of templates: the parameter of path, query or header, whichever has it
	FromBody                   // of templates: the body that is mapped
)

// Mapping says where a value comes from.
type Mapping struct {
	From MappingPlace
	Name string
}

// The beginnings of expressions.
const (
	integrationRequest  = "integration.request."
	integrationResponse = "integration.response.header."
	methodRequest       = "method.request."
	methodResponse      = "method.response.header."
)

var (
	parameterName = regexp.MustCompile(`^[A-Za-z0-9._$\[\]:@-]{1,256}$`)
	plainVariable = regexp.MustCompile(`^stageVariables\.([A-Za-z0-9_]{1,64})$`)
)

// ParseMapping reads where a value comes from: 'literal', method.request.{path,querystring,header}.name, integration.response.header.name,
// stageVariables.name or context.name. What is none of them, or what the gateway does not have, is not ok.
func ParseMapping(source string) (m Mapping, ok bool) {
	if n := len(source); n >= 2 && source[0] == '\'' && source[n-1] == '\'' {
		return Mapping{FromLiteral, source[1 : n-1]}, isPrintable(source)
	}
	for prefix, from := range map[string]MappingPlace{
		methodRequest + "path.": FromPath, methodRequest + "querystring.": FromQuery, methodRequest + "header.": FromHeader, integrationResponse: FromAnswer,
	} {
		if name, is := strings.CutPrefix(source, prefix); is {
			ok = parameterName.MatchString(name)
			if from == FromHeader || from == FromAnswer {
				ok = isHeaderName(name)
			}
			return Mapping{from, name}, ok
		}
	}
	if parts := plainVariable.FindStringSubmatch(source); parts != nil {
		return Mapping{FromVariable, parts[1]}, true
	}
	name, is := strings.CutPrefix(source, "context.")
	return Mapping{FromContext, name}, is && IsContextVariable(name)
}

// IsContextVariable reports whether the gateway can say $context.{name} of a request. The value of the key is none of them: it is the caller's secret.
func IsContextVariable(name string) bool {
	switch name {
	case "requestId", "extendedRequestId", "stage", "apiId", "httpMethod", "resourcePath", "path", "protocol", "domainName", "requestTimeEpoch",
		"identity.sourceIp", "identity.userAgent", "identity.apiKeyId":
		return true
	default:
		return false
	}
}

// IntegrationParameter takes the name of a request parameter of an integration apart: path, querystring or header, and the parameter's own name.
func IntegrationParameter(target string) (where, name string, ok bool) {
	rest, is := strings.CutPrefix(target, integrationRequest)
	where, name, _ = strings.Cut(rest, ".")
	switch where {
	case "path", "querystring":
		return where, name, is && parameterName.MatchString(name)
	case "header":
		return where, name, is && isHeaderName(name)
	default:
		return where, name, false
	}
}

// AnswerHeader returns the header that a response parameter of an integration sets.
func AnswerHeader(target string) (name string, ok bool) {
	name, ok = strings.CutPrefix(target, methodResponse)
	return name, ok && isHeaderName(name)
}

func isHeaderName(name string) bool {
	return headerPattern.MatchString(strings.ReplaceAll(name, "_", "-"))
}

func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// CheckMapping judges a request parameter of an integration; path is the template of its method. Field "requestParameters".
func CheckMapping(target, source, path string) error {
	where, name, ok := IntegrationParameter(target)
	if !ok {
		return badMapping("requestParameters", target)
	}
	m, ok := ParseMapping(source)
	switch {
	case !ok, m.From == FromAnswer, m.From == FromPath && !hasParameter(path, m.Name):
		return badMapping("requestParameters", source)
	case where == "header" && isProtected(name, ToUpstream, KeySource{}):
		return Invalid("requestParameters", "The header "+name+" is the gateway's own: no mapping sets it.")
	case where == "path" && m.From == FromContext && !isSafeInPath(m.Name), where == "path" && m.From == FromLiteral && m.Name == "":
		return Invalid("requestParameters", "A path cannot be made of "+source+".")
	}
	return nil
}

// isSafeInPath reports whether a variable of the context is one segment of a path, whoever calls.
func isSafeInPath(name string) bool {
	switch name {
	case "requestId", "extendedRequestId", "stage", "apiId", "httpMethod", "requestTimeEpoch", "identity.sourceIp", "identity.apiKeyId":
		return true
	default:
		return false
	}
}

// CheckAnswerMapping judges a response parameter of an integration. Field "responseParameters".
func CheckAnswerMapping(target, source string) error {
	name, ok := AnswerHeader(target)
	if !ok {
		return badMapping("responseParameters", target)
	}
	m, ok := ParseMapping(source)
	switch {
	case !ok, m.From == FromPath, m.From == FromQuery, m.From == FromHeader:
		return badMapping("responseParameters", source)
	case !strings.HasPrefix(strings.ToLower(name), "access-control-") && isProtected(name, ToCaller, KeySource{}):
		return Invalid("responseParameters", "The header "+name+" is the gateway's own: no mapping sets it.")
	case strings.EqualFold(name, "Set-Cookie") && m.From != FromAnswer:
		return Invalid("responseParameters", "Cookies are the upstream's to set: map Set-Cookie from integration.response.header.Set-Cookie.")
	}
	return nil
}

// badMapping says it as AWS does.
func badMapping(field, expression string) error {
	return Invalid(field, "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: "+expression+"]")
}

// hasParameter reports whether a path template has {name} or {name+}.
func hasParameter(path, name string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "{"+name+"}" || segment == "{"+name+"+}" {
			return true
		}
	}
	return false
}
