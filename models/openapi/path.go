package openapi

import (
	"regexp"
	"strings"
)

// anyMethod is the key under which exports of AWS API Gateway keep the method that answers every verb.
const anyMethod = "x-amazon-apigateway-any-method"

const maxPath = 2048

// parameterPattern matches one parameter of a path template.
var parameterPattern = regexp.MustCompile(`\{[^{}/]+\}`)

// verbKeys are the keys of a path item that hold operations.
func verbKeys() []string {
	return []string{"get", "put", "post", "delete", "options", "head", "patch", "trace", "query", anyMethod}
}

// pathFault says why requests can never match a path template, in words that follow "left out:"; "" when they can.
func pathFault(path string) string {
	switch {
	case !strings.HasPrefix(path, "/"):
		return `its path does not begin with "/"`
	case len(path) > maxPath:
		return "its path is too long"
	case word(path, maxPath) != path || strings.ContainsAny(path, " \\"):
		return "its path holds a space, a backslash or a control character"
	case strings.ContainsAny(path, "?#"):
		return `its path holds "?" or "#", which never reach the path of a request`
	case strings.Contains(path, "//"):
		return `its path holds "//"`
	}
	segments := strings.Split(path[1:], "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		if plain := strings.ReplaceAll(strings.ToLower(segment), "%2e", "."); plain == "." || plain == ".." {
			return `its path holds a "." or ".." segment`
		}
		if fault := segmentFault(segment, last); fault != "" {
			return fault
		}
	}
	return ""
}

func segmentFault(segment string, last bool) string {
	parameters := parameterPattern.FindAllString(segment, -1)
	for _, p := range parameters {
		if strings.HasSuffix(p, "+}") && (!last || p != segment) {
			return "a greedy parameter such as {proxy+} must be the whole last part of its path"
		}
	}
	if strings.ContainsAny(parameterPattern.ReplaceAllString(segment, ""), "{}") {
		return "its path has a { or } that belongs to no parameter"
	}
	return ""
}

// pathParameters names the parameters of a template in order, a greedy one with its "+".
func pathParameters(path string) []string {
	names := parameterPattern.FindAllString(path, -1)
	for i, name := range names {
		names[i] = name[1 : len(name)-1]
	}
	return names
}

// pathShape is equal for templates that match the same requests: parameters have no names in it, and a slash at the
// end counts for nothing.
func pathShape(path string) string {
	shape := parameterPattern.ReplaceAllStringFunc(path, func(p string) string {
		if strings.HasSuffix(p, "+}") {
			return "{+}"
		}
		return "{}"
	})
	if shape = strings.TrimSuffix(shape, "/"); shape == "" {
		return "/"
	}
	return shape
}
