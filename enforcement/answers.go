package enforcement

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"gatehouse/models"
)

// This file and answervalues.go are for stages whose deployment replaces answers of the gateway's own: AWS's gateway responses. Status, headers and body are then
// the API owner's. What the gateway says of itself in headers stays: ids, limits, Retry-After, what is announced, and who may read the answer. Logs, receipts and
// metrics go on telling the problem.

// answers are the replacements, by type.
type answers map[string]*ownAnswer

type ownAnswer struct {
	status  int // 0: as the gateway's own
	headers []ownHeader
	bodies  []ownBody // the one to prefer first
}

type ownHeader struct {
	name string // canonical
	from models.AnswerPiece
}

type ownBody struct {
	contentType string // as it is sent
	media       string // of the template: what callers accept
	pieces      []ownPiece
}

// defaultTemplate is AWS's for every type.
const defaultTemplate = `{"message":$context.error.messageString}`

// compileAnswers returns what replaces answers of the stage; nil: nothing does.
func compileAnswers(in *models.GatewayStage) (answers, error) {
	if len(in.Parts.Responses) == 0 {
		return nil, nil
	}
	all := answers{}
	for kind, r := range in.Parts.Responses {
		r.Type = kind
		if err := models.CheckGatewayResponse(r); err != nil {
			return nil, fmt.Errorf("its gateway response %s is not valid: %w", kind, err)
		}
		a := &ownAnswer{status: r.Status}
		contentType := ""
		for _, name := range slices.Sorted(maps.Keys(r.Parameters)) {
			header, from, _ := models.ParseAnswerHeader(name, r.Parameters[name]) // the check read it
			if header = textproto.CanonicalMIMEHeaderKey(header); header == "Content-Type" {
				contentType = from.Text
				continue
			}
			a.headers = append(a.headers, ownHeader{header, from})
		}
		templates := r.Templates
		if len(templates) == 0 {
			templates = map[string]string{"application/json": defaultTemplate}
		}
		for media, template := range templates {
			pieces, _ := models.ParseAnswerTemplate(template)
			sent := cmp.Or(contentType, media)
			a.bodies = append(a.bodies, ownBody{sent, mediaOf(media), compilePieces(pieces, sent)})
		}
		slices.SortFunc(a.bodies, func(x, y ownBody) int {
			if x.media != y.media && (x.media == "application/json" || y.media == "application/json") {
				return map[bool]int{true: -1, false: 1}[x.media == "application/json"]
			}
			return cmp.Or(strings.Compare(x.media, y.media), strings.Compare(x.contentType, y.contentType))
		})
		all[kind] = a
	}
	return all, nil
}

// answerTypes are the types of AWS's gateway responses that a problem is of, the most exact one first. Of a path or verb that is not there AWS says that the
// authentication token is missing: what is set for that is an answer to it, too.
var answerTypes = [numProblems][]string{
	problemStageBroken:         {"API_CONFIGURATION_ERROR"},
	problemIntegration:         {"API_CONFIGURATION_ERROR"},
	problemPathUnknown:         {"RESOURCE_NOT_FOUND", "MISSING_AUTHENTICATION_TOKEN"},
	problemVerbUnknown:         {"RESOURCE_NOT_FOUND", "MISSING_AUTHENTICATION_TOKEN"},
	problemBodyTooLarge:        {"REQUEST_TOO_LARGE"},
	problemQueryInvalid:        {"BAD_REQUEST_PARAMETERS"},
	problemKeyMissing:          {"INVALID_API_KEY"},
	problemKeyAmbiguous:        {"INVALID_API_KEY"},
	problemKeyMalformed:        {"INVALID_API_KEY"},
	problemKeyUnknown:          {"INVALID_API_KEY"},
	problemKeyReplaced:         {"INVALID_API_KEY"},
	problemKeyRevoked:          {"INVALID_API_KEY"},
	problemKeyExpired:          {"INVALID_API_KEY"},
	problemKeyDisabled:         {"INVALID_API_KEY"},
	problemNoPlan:              {"INVALID_API_KEY"},
	problemPlanEnded:           {"INVALID_API_KEY"},
	problemPending:             {"INVALID_API_KEY"},
	problemSuspended:           {"INVALID_API_KEY"},
	problemBlocked:             {"INVALID_API_KEY"},
	problemExcluded:            {"ACCESS_DENIED"},
	problemUnauthorized:        {"UNAUTHORIZED"},
	problemAuthorizerDenied:    {"ACCESS_DENIED"},
	problemScope:               {"ACCESS_DENIED"},
	problemAuthorizerFailed:    {"AUTHORIZER_FAILURE"},
	problemParametersMissing:   {"BAD_REQUEST_PARAMETERS"},
	problemBodyUnfit:           {"BAD_REQUEST_BODY"},
	problemRequestInvalid:      {"BAD_REQUEST_PARAMETERS"}, // or of the body: see typesOf
	problemTooManyOpen:         {"THROTTLED"},
	problemPreflights:          {"THROTTLED"},
	problemThrottled:           {"THROTTLED"},
	problemQuota:               {"QUOTA_EXCEEDED"},
	problemBodyInvalid:         {"BAD_REQUEST_BODY"},
	problemUpstreamOut:         {"INTEGRATION_FAILURE"},
	problemUpstreamForbidden:   {"INTEGRATION_FAILURE"},
	problemUpstreamUnreachable: {"INTEGRATION_FAILURE"},
	problemUpstreamInvalid:     {"INTEGRATION_FAILURE"},
	problemUpstreamTimeout:     {"INTEGRATION_TIMEOUT"},
}

// typesOf are those of answerTypes, as the request makes them more exact, and the one of all others of the status.
func (q *request) typesOf(p problem) (exact []string, rest string) {
	exact, status := answerTypes[p], p.entry().Status
	switch {
	case p == problemRequestInvalid && len(q.faults) > 0 && q.faults[0].In == "body":
		exact = []string{"BAD_REQUEST_BODY"}
	case p == problemAuthorizerFailed && q.method != nil && q.method.authorizer != nil && q.method.authorizer.Fault != "":
		exact = []string{"AUTHORIZER_CONFIGURATION_ERROR"}
	case exact == nil && status == http.StatusUnsupportedMediaType:
		exact = []string{"UNSUPPORTED_MEDIA_TYPE"}
	}
	if status >= 500 {
		return exact, "DEFAULT_5XX"
	}
	return exact, "DEFAULT_4XX"
}

// replacement is what is answered in place of a problem, and of which type that is; nil: the gateway's own answer. Who asks for a quote, asks the gateway.
func (q *request) replacement(p problem) (a *ownAnswer, kind string) {
	if q.stage == nil || q.stage.policies == nil || q.stage.policies.answers == nil || q.isQuote() {
		return nil, ""
	}
	all := q.stage.policies.answers
	exact, rest := q.typesOf(p)
	kind = rest
	if len(exact) > 0 {
		kind = exact[0]
	}
	for _, name := range exact {
		if a := all[name]; a != nil {
			return a, name
		}
	}
	return all[rest], kind
}

// answerReplaced answers a problem as the API's owner says. What the gateway says in headers is there.
func (q *request) answerReplaced(w http.ResponseWriter, a *ownAnswer, p problem, kind string) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	v := answerValues{q: q, problem: p, kind: kind}
	for _, header := range a.headers {
		if value := headerText(v.of(header.from)); value != "" {
			h[header.name] = []string{value}
		}
	}
	h.Set("X-Content-Type-Options", "nosniff") // else a value could be taken for a page
	if q.instead == http.StatusNoContent || q.instead == http.StatusNotModified || q.instead == http.StatusResetContent {
		w.WriteHeader(q.instead)
		return
	}
	b := a.body(q.r.Header["Accept"])
	room := bodies.Get().(*[]byte)
	defer bodies.Put(room)
	text := v.appendBody((*room)[:0], b)
	*room = text
	q.sent = int64(len(text))
	h.Set("Content-Type", b.contentType)
	h.Set("Content-Length", strconv.FormatInt(q.sent, 10))
	w.WriteHeader(q.instead)
	_, _ = w.Write(text) // the client may be gone
}

// body is the one that the caller likes best; the first, if he says nothing or none will do.
func (a *ownAnswer) body(accept []string) *ownBody {
	best, most := &a.bodies[0], 0.0
	if len(accept) == 0 || len(a.bodies) == 1 {
		return best
	}
	ranges := acceptedRanges(accept)
	for i := range a.bodies {
		if q := ranges.quality(a.bodies[i].media); q > most {
			best, most = &a.bodies[i], q
		}
	}
	return best
}
