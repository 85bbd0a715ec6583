package handlers

import (
	"net/url"
	"slices"
	"strings"

	"gatehouse/models"
	"gatehouse/models/openapi"
	"gatehouse/templates/snippet"
)

// chosenCall is the stage that a key's page is about: the one in the URL, else the first that calls pass on; -1 when there is none.
func chosenCall(calls []models.KeyCall, stage string) int {
	if at := slices.IndexFunc(calls, func(c models.KeyCall) bool { return c.StageID.String() == stage }); at >= 0 {
		return at
	}
	if at := slices.IndexFunc(calls, func(c models.KeyCall) bool { return c.State == models.MemberActive }); at >= 0 {
		return at
	}
	return min(0, len(calls)-1)
}

// simplest is the method to begin with: a GET that needs a key and nothing else, if there is one. methods is not empty.
func simplest(methods []models.Method) models.Method {
	return slices.MinFunc(methods, func(a, b models.Method) int { return effort(a) - effort(b) })
}

// effort is how much a caller has to know before a call of the method succeeds.
func effort(m models.Method) int {
	n := 8 * strings.Count(m.Path, "{")
	if m.Verb != "GET" {
		n += 4
	}
	if !m.KeyRequired {
		n += 2
	}
	if m.Path != "/get" && m.Path != "/json" {
		n++
	}
	return n
}

// samplePath fills the parameters of a path with values that mostly exist: 200 for a status, else 1.
func samplePath(path string) string {
	return placeholder.ReplaceAllStringFunc(path, func(name string) string {
		name = strings.ToLower(name)
		if strings.Contains(name, "status") || strings.Contains(name, "code") {
			return "200"
		}
		return "1"
	})
}

// sampleVerb is a verb to call a method with: any verb that has none of its own.
func sampleVerb(m models.Method) string {
	if m.Verb == openapi.AnyVerb {
		return "GET"
	}
	return m.Verb
}

// keyRequest is a call of a method as code shows it. A zero value leaves the key to an environment variable, so that code that is pasted into a
// file holds no key.
func keyRequest(base string, call models.KeyCall, m models.Method, value interface {
	IsZero() bool
	Reveal() string
}) snippet.Request {
	op := openapi.Operation{Verb: sampleVerb(m), Path: samplePath(m.Path), KeyRequired: m.KeyRequired && value.IsZero()}
	request := exampleRequest(base, keyVariable(call.APISlug), call.KeySource, op)
	if value.IsZero() || !m.KeyRequired {
		return request
	}
	switch call.KeySource.Place {
	case models.KeyInBearer:
		request.Headers = append(request.Headers, snippet.Header{Name: "Authorization", Value: "Bearer " + value.Reveal()})
	case models.KeyInQuery:
		request.URL += "?" + url.Values{call.KeySource.Name: {value.Reveal()}}.Encode()
	default:
		request.Headers = append(request.Headers, snippet.Header{Name: call.KeySource.Name, Value: value.Reveal()})
	}
	return request
}
