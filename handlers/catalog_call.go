package handlers

import (
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/models/openapi"
	"gatehouse/templates/public"
	"gatehouse/templates/snippet"
)

// stageURL is the path of a stage at the gateway, which holds also where callers use another name.
func stageURL(gateway, slug, stage string) string {
	return gateway + "/" + url.PathEscape(slug) + "/" + url.PathEscape(stage)
}

// weighed is how many operations of an API are looked at in full for the one to begin with.
const weighed = 40

// firstCall is the call to begin with: of the first stage, a GET that needs a key and nothing that the reader would have to find out, if
// there is one.
func firstCall(r *Request, api models.CatalogAPI, ref *openapi.Reference, store identityStore, id string) (*public.CallView, error) {
	if len(api.Stages) == 0 || len(api.Stages[0].Methods) == 0 {
		return nil, nil
	}
	best, err := easiest(ref, api.Stages[0].Methods)
	if err != nil {
		return nil, err
	}
	who, err := readIdentities(r.Context(), store, api.ID, api.Stages[0].Methods)
	if err != nil {
		return nil, err
	}
	for _, m := range api.Stages[0].Methods {
		if m.Name() == best.Name() {
			best.Parameters = who.with(best.Parameters, m)
		}
	}
	base := r.Site.stageURL(api.Slug, api.Stages[0].Name, api.Stages[0].ID)
	call := &public.CallView{
		ID: id, Title: best.Verb + " " + best.Path,
		Snippets: r.snippets(exampleRequest(base, keyVariable(api.Slug), api.KeySource, best)),
	}
	call.Answer, call.AnswerTitle = exampleAnswer(best)
	if best.KeyRequired {
		call.KeyWords = keyWords(api.KeySource)
	}
	return call, nil
}

// exampleAnswer is what the document says that an operation answers when all is well, coloured; nil where it has no example of it.
func exampleAnswer(op openapi.Operation) (body templ.Component, title string) {
	for _, answer := range op.Responses {
		if !strings.HasPrefix(answer.Status, "2") {
			continue
		}
		for _, content := range answer.Contents {
			if strings.Contains(content.MediaType, "json") && content.Example != "" {
				return exampleCode(content.MediaType, content.Example).Body(), answer.Status + " " + content.MediaType
			}
		}
	}
	return nil, ""
}

// easiest is the operation that takes the least effort to call, of those that look easy by their verb and path. There is at least one method.
func easiest(ref *openapi.Reference, methods []models.Method) (best openapi.Operation, err error) {
	methods = slices.Clone(methods)
	slices.SortStableFunc(methods, func(a, b models.Method) int { return effort(brief(ref, a)) - effort(brief(ref, b)) })
	least := math.MaxInt
	for _, m := range methods[:min(len(methods), weighed)] {
		op, err := described(ref, m)
		if err != nil {
			return op, err
		}
		if effort(op) < least {
			best, least = op, effort(op)
		}
	}
	return best, nil
}

// effort is how hard it is to call an operation that one does not know.
func effort(op openapi.Operation) int {
	n := 0
	if op.Verb != "GET" {
		n += 8
	}
	if op.Deprecated {
		n += 8
	}
	if !op.KeyRequired {
		n++ // works, but shows nothing of the key
	}
	n += 4 * strings.Count(op.Path, "{")
	for _, p := range op.Parameters {
		switch known := p.Example != "" || p.Default != "" || len(p.Enum) > 0; {
		case p.In == "path" && known:
			n -= 2
		case p.In != "path" && p.Required && !known:
			n += 4
		}
	}
	return n
}

var placeholder = regexp.MustCompile(`\{([^{}]*)\}`)

// finish adds a query to a request, and the key where the API reads it: from an environment variable, or not at all where none is named. A key in the query
// stands at the end.
func finish(request *snippet.Request, query string, source models.KeySource, variable string) {
	switch {
	case variable == "", source.Place == models.KeyInAuthorizer:
	case source.Place == models.KeyInBearer:
		request.Headers = append(request.Headers, snippet.Header{Name: "Authorization", Value: "Bearer ", Env: variable})
	case source.Place == models.KeyInQuery:
		request.URLEnv = variable
		query = strings.TrimPrefix(query+"&", "&") + url.QueryEscape(source.Name) + "="
	default:
		request.Headers = append(request.Headers, snippet.Header{Name: source.Name, Env: variable})
	}
	if query != "" {
		request.URL += "?" + query
	}
}

// exampleRequest is a call of an operation with the examples of its document. The key is read from an environment variable, so that
// pasting a snippet into a file does not put a key there.
func exampleRequest(base, variable string, source models.KeySource, op openapi.Operation) snippet.Request {
	return newTrial(op, source, nil).request(base, variable)
}

func exampleValue(p openapi.Parameter) string {
	switch {
	case p.Example != "":
		return p.Example
	case p.Default != "":
		return p.Default
	case len(p.Enum) > 0:
		return p.Enum[0]
	case strings.HasPrefix(p.Type, "boolean"):
		return "true"
	case strings.HasPrefix(p.Type, "integer"), strings.HasPrefix(p.Type, "number"):
		return "1"
	}
	return p.Name
}

// keyVariable is the environment variable that holds a key of the API: WEATHER_KEY.
func keyVariable(slug string) string {
	name := strings.ToUpper(strings.ReplaceAll(slug, "-", "_")) + "_KEY"
	if name[0] >= '0' && name[0] <= '9' {
		return "API_" + name
	}
	return name
}
