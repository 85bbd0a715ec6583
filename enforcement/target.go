package enforcement

import (
	"net/http"
	"strings"

	"gatehouse/enforcement/wire"
)

// target is what a request is for.
type target struct {
	api     *api
	stage   *stage
	methods *endpoint // of the path
	method  *method   // of path and verb
}

// locate finds the stage that a request is for, in this order: size, verb, path, host, API, stage. What it does not understand it refuses. Raw and query are
// of the request's target, headers is how many it has.
func (c *call) locate(s *snapshot, raw, query, host string, headers int) (at place, p problem) {
	if len(raw)+len(query) > wire.MaxTarget {
		return at, problemTargetTooLong
	}
	if headers > wire.MaxFields {
		c.fault = tooManyHeaders(headers)
		return at, problemHeadTooLarge
	}
	if !isVerb(c.verb) {
		return at, problemVerbUnsupported
	}
	path, fault := canonicalPath(raw)
	if strings.Contains(query, "#") {
		fault = "its query contains a fragment"
	}
	if fault != "" {
		c.fault = fault
		return at, problemPathInvalid
	}
	at, ok := s.hosts.locate(host, path)
	c.path, c.query, c.named = at.path, query, at.named
	c.prefix = path[:len(path)-len(c.path)]
	switch {
	case !ok:
		return at, problemHostUnknown
	case at.domain != nil:
		c.stage, c.api = at.domain.stage, at.domain.stage.api
		return at, problemNone
	default:
		return at, c.findStage(s, at.api, at.stage)
	}
}

// isVerb refuses CONNECT and TRACE, which no upstream shall see, and what an upstream could take for another verb, such as "get".
func isVerb(verb string) bool {
	if verb == "" || verb == http.MethodConnect || verb == http.MethodTrace {
		return false
	}
	for i := range len(verb) {
		if verb[i] < 'A' || verb[i] > 'Z' {
			return false
		}
	}
	return true
}

// find finds all but the method, never in a canary.
func (t *target) find(s *snapshot, apiName, stageName, path string) problem {
	if p := t.findStage(s, apiName, stageName); p != problemNone {
		return p
	}
	return t.findPath(path)
}

func (t *target) findStage(s *snapshot, apiName, stageName string) problem {
	if t.api = s.apis[apiName]; t.api == nil {
		return problemAPIUnknown
	}
	if t.stage = t.api.stages[stageName]; t.stage == nil {
		return problemStageUnknown
	}
	return problemNone
}

func (t *target) findPath(path string) problem {
	if t.stage.broken != "" {
		return problemStageBroken
	}
	if t.methods = t.stage.routes.find(path); t.methods == nil {
		return problemPathUnknown
	}
	return problemNone
}
