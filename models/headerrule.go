package models

import (
	"fmt"
	"strings"
)

// HeaderSide says which message a rule is for.
type HeaderSide uint8

// The sides of header rules.
const (
	ToUpstream HeaderSide = iota // the request, when everything of the client's is checked
	ToCaller                     // the upstream's answer, also one that was kept
)

// MaxHeaderRules is how many rules a side may have.
const MaxHeaderRules = 50

// maxHeaderValue is bytes of a value, when the variables stand in it.
const maxHeaderValue = 4096

// requestIDPlace stands for the request's id in a value.
const requestIDPlace = "requestId"

// Headers, in lower case and with hyphens for underscores, that no rule changes: those that carry the message itself, those by which the gateway says who
// calls from where, and those by which it speaks to callers. Names that begin with one of the prefixes belong to them.
var (
	framingHeaders = names("connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "proxy-authentication-info", "te", "trailer",
		"transfer-encoding", "upgrade", "http2-settings", "content-length", "host", "expect", "x-request-id", "x-amzn-requestid")
	callerHeaders = names("x-api-key-id", "x-consumer-id", "forwarded", "x-real-ip", "true-client-ip", "x-client-ip", "x-cluster-client-ip",
		"cf-connecting-ip", "fastly-client-ip", "proxy", "x-rewrite-url", "x-http-method-override", "x-http-method", "x-method-override")
	callerPrefixes = []string{"x-forwarded", "x-original-", "x-envoy-", "x-gatehouse-", "x-authorizer-", "sec-websocket-"}
	answerHeaders  = names("ratelimit", "ratelimit-policy", "retry-after", "x-amzn-errortype", "cache-status", "age", "alt-svc", "clear-site-data")
	answerPrefixes = []string{"x-ratelimit-", "access-control-", "x-gatehouse-", "sec-websocket-"}
)

func names(all ...string) map[string]bool {
	set := make(map[string]bool, len(all))
	for _, name := range all {
		set[name] = true
	}
	return set
}

// Problem says in a sentence why the gateway does not take a rule; "": it does. Key is where the API reads its key, variables are the stage's.
func (r HeaderRule) Problem(side HeaderSide, key KeySource, variables map[string]string) string {
	if !headerPattern.MatchString(strings.ReplaceAll(r.Name, "_", "-")) {
		return "Name a header of letters, digits, hyphens and underscores, such as X-Team."
	}
	if isProtected(r.Name, side, key) {
		return fmt.Sprintf("The header %s is the gateway's own: no rule changes it.", r.Name)
	}
	switch r.Action {
	case HeaderRemove:
		return ""
	case HeaderSet, HeaderAdd:
	default:
		return "Choose set, add or remove."
	}
	if side == ToCaller && strings.EqualFold(r.Name, "Set-Cookie") {
		return "Cookies are the upstream's to set; a rule can only remove Set-Cookie."
	}
	_, problem := r.Pieces(variables)
	return problem
}

// isProtected folds a name as servers do that take X_Consumer_Id for X-Consumer-Id.
func isProtected(name string, side HeaderSide, key KeySource) bool {
	folded := strings.ReplaceAll(strings.ToLower(name), "_", "-")
	own, prefixes := callerHeaders, callerPrefixes
	if side == ToCaller {
		own, prefixes = answerHeaders, answerPrefixes
	}
	if framingHeaders[folded] || own[folded] {
		return true
	}
	for _, prefix := range prefixes {
		if strings.HasPrefix(folded, prefix) {
			return true
		}
	}
	if side == ToCaller {
		return false
	}
	switch key.Place {
	case KeyInHeader:
		return folded == strings.ReplaceAll(strings.ToLower(key.Name), "_", "-")
	case KeyInBearer:
		return folded == "authorization"
	default:
		return false
	}
}

// Pieces is the value of a rule with the variables in it: what stands before, between and behind the places of the request's id. Problem is a sentence.
func (r HeaderRule) Pieces(variables map[string]string) (pieces []string, problem string) {
	pieces = []string{""}
	last := func() *string { return &pieces[len(pieces)-1] }
	size := 0
	for rest := r.Value; rest != ""; {
		before, after, found := strings.Cut(rest, "${")
		*last() += before
		size += len(before)
		if !found {
			break
		}
		name, after, closed := strings.Cut(after, "}")
		variable, isVariable := strings.CutPrefix(name, "stageVariables.")
		value, known := variables[variable]
		switch {
		case !closed:
			return nil, "A ${ is not closed by }."
		case name == requestIDPlace:
			pieces = append(pieces, "")
		case isVariable && known:
			*last() += value
			size += len(value)
		case isVariable:
			return nil, fmt.Sprintf("The stage has no variable %q.", variable)
		default:
			return nil, "Only ${stageVariables.name} and ${requestId} can stand in a value."
		}
		rest = after
	}
	return pieces, valueProblem(strings.Join(pieces, "x"), size)
}

func valueProblem(value string, size int) string {
	if value == "" || strings.TrimSpace(value) != value {
		return "Enter a value that neither begins nor ends with a space."
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c > '~' {
			return "A value has printable ASCII characters only."
		}
	}
	if size > maxHeaderValue {
		return "A value may have 4,096 characters."
	}
	return ""
}
