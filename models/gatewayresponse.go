package models

import (
	"fmt"
	"maps"
	"mime"
	"slices"
	"strings"
)

// Bounds of a gateway response. Together with maxima of what callers send they bound an answer's size.
const (
	maxResponseHeaders  = 20
	maxResponseBodies   = 10
	maxResponseTemplate = 32 << 10 // bytes
	maxResponseValues   = 100      // places in one template that something stands in for
)

// AnswerSource is where a part of a gateway response comes from.
type AnswerSource uint8

// The sources. The zero one is the text itself.
const (
	AnswerLiteral    AnswerSource = iota
	AnswerOfHeader                // of the request: method.request.header.NAME
	AnswerOfQuery                 // method.request.querystring.NAME
	AnswerOfPath                  // method.request.path.NAME
	AnswerOfVariable              // of the stage: stageVariables.NAME
	AnswerOfContext               // context.NAME, one of AnswerContexts
)

// AnswerPiece is a part of a header's value or of a body.
type AnswerPiece struct {
	From AnswerSource
	Text string // of a literal; else a name
}

// AnswerContexts are the names that may stand behind context. They say nothing that the caller does not know, but for the owner's own names of things.
var AnswerContexts = []string{
	"apiId", "domainName", "error.message", "error.messageString", "error.responseType", "error.validationErrorString", "extendedRequestId", "httpMethod",
	"identity.sourceIp", "identity.userAgent", "path", "protocol", "requestId", "resourcePath", "stage",
}

// secretHeaders are those of a request that no answer repeats: they are what callers are known by.
var secretHeaders = names("authorization", "cookie", "proxy-authorization", "x-api-key")

// CheckGatewayResponse judges what replaces an answer of the gateway, in AWS's words; fields "responseType", "statusCode", "responseParameters" and
// "responseTemplates".
func CheckGatewayResponse(r GatewayResponse) error {
	if _, ok := GatewayResponseTypes[r.Type]; !ok {
		return Invalid("responseType", fmt.Sprintf("1 validation error detected: Value '%s' at 'responseType' failed to satisfy constraint: Member must satisfy enum value set: [%s]",
			cutLine(r.Type, 80), strings.Join(slices.Sorted(maps.Keys(GatewayResponseTypes)), ", ")))
	}
	if r.Status != 0 && (r.Status < 200 || r.Status > 599) {
		return Invalid("statusCode", fmt.Sprintf("Invalid status code specified: %d. Use one of 200 to 599.", r.Status))
	}
	if len(r.Parameters) > maxResponseHeaders {
		return Invalid("responseParameters", fmt.Sprintf("Too many response parameters: use at most %d.", maxResponseHeaders))
	}
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(r.Parameters)) {
		if r.Parameters[name] == "" {
			return Invalid("responseParameters", "Invalid null or empty value in responseParameters")
		}
		header, _, problem := ParseAnswerHeader(name, r.Parameters[name])
		if problem == "" && seen[strings.ToLower(header)] {
			problem = "the header stands there twice"
		}
		if problem != "" {
			return Invalid("responseParameters", fmt.Sprintf("Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: %s (%s)]",
				cutLine(name, 200), problem))
		}
		seen[strings.ToLower(header)] = true
	}
	return checkResponseTemplates(r.Templates)
}

func checkResponseTemplates(templates map[string]string) error {
	if len(templates) > maxResponseBodies {
		return Invalid("responseTemplates", fmt.Sprintf("Too many response templates: use at most %d.", maxResponseBodies))
	}
	for _, kind := range slices.Sorted(maps.Keys(templates)) {
		if templates[kind] == "" {
			return Invalid("responseTemplates", "Invalid null or empty value in responseTemplates")
		}
		if !isMediaType(kind) {
			return Invalid("responseTemplates", fmt.Sprintf("Validation Result: warnings : [], errors : [Invalid content type specified: %s]", cutLine(kind, 80)))
		}
		if _, problem := ParseAnswerTemplate(templates[kind]); problem != "" {
			return Invalid("responseTemplates", fmt.Sprintf("Invalid mapping template specified for %s: %s", kind, problem))
		}
	}
	return nil
}

// isMediaType reports whether a text is a type that an answer can have: one of text, JSON, XML or HTML, in which a value can be written so that it stays one.
func isMediaType(kind string) bool {
	media, _, err := mime.ParseMediaType(kind)
	main, sub, _ := strings.Cut(media, "/")
	if media != "text/plain" && !strings.Contains(sub, "json") && !strings.Contains(sub, "xml") && !strings.Contains(sub, "html") {
		return false
	}
	return err == nil && main != "" && sub != "" && !strings.Contains(media, "*") && valueProblem(kind, len(kind)) == "" && len(kind) <= 200
}

// ParseAnswerHeader reads a header of a gateway response: "gatewayresponse.header.X" and "'literal'", "method.request.header.Y" (or querystring, path),
// "context.Z" or "stageVariables.Z". Problem says why it cannot be sent; "": it can.
func ParseAnswerHeader(name, value string) (header string, from AnswerPiece, problem string) {
	header, ok := strings.CutPrefix(name, "gatewayresponse.header.")
	switch {
	case !ok || !headerPattern.MatchString(header):
		return "", from, "name it gatewayresponse.header.NAME"
	case isProtected(header, ToCaller, KeySource{}) && !strings.HasPrefix(strings.ToLower(header), "access-control-"):
		return "", from, "the header is the gateway's own"
	case strings.EqualFold(header, "Set-Cookie"):
		return "", from, "cookies are the upstream's to set"
	}
	if text, ok := strings.CutPrefix(value, "'"); ok {
		text, ok = strings.CutSuffix(text, "'")
		if !ok {
			return "", from, "a literal has a ' before and behind it"
		}
		if problem := valueProblem(text, len(text)); problem != "" {
			return "", from, strings.TrimSuffix(problem, ".")
		}
		if strings.EqualFold(header, "Content-Type") && !isMediaType(text) {
			return "", from, "the literal is no media type"
		}
		return header, AnswerPiece{Text: text}, ""
	}
	if strings.EqualFold(header, "Content-Type") {
		return "", from, "the media type of a body is a literal"
	}
	from, problem = answerSource(value)
	return header, from, problem
}

// answerSource reads what a name such as context.requestId stands for.
func answerSource(name string) (p AnswerPiece, problem string) {
	for _, source := range [...]struct {
		prefix string
		from   AnswerSource
	}{
		{"method.request.header.", AnswerOfHeader}, {"method.request.querystring.", AnswerOfQuery}, {"method.request.path.", AnswerOfPath},
		{"stageVariables.", AnswerOfVariable}, {"context.", AnswerOfContext},
	} {
		rest, ok := strings.CutPrefix(name, source.prefix)
		if !ok {
			continue
		}
		switch {
		case rest == "":
			return p, "a name is missing behind " + source.prefix
		case source.from == AnswerOfContext && !slices.Contains(AnswerContexts, rest):
			return p, cutLine(name, 80) + " is not known"
		case source.from == AnswerOfVariable && !variableName.MatchString(rest):
			return p, cutLine(name, 80) + " is no name of a stage variable"
		case source.from == AnswerOfHeader && !headerPattern.MatchString(rest):
			return p, cutLine(rest, 80) + " is no name of a header"
		case source.from == AnswerOfHeader && secretHeaders[strings.ToLower(rest)]:
			return p, "what callers are known by is not repeated"
		case len(rest) > 128:
			return p, "a name is too long"
		}
		return AnswerPiece{source.from, rest}, ""
	}
	return p, cutLine(name, 80) + " cannot be substituted"
}

// ParseAnswerTemplate reads a body of a gateway response: text with $context.NAME, $stageVariables.NAME and $method.request.header.NAME (or querystring, path)
// in it, also as ${NAME}. There is nothing else of templates. What else begins with $ is text, but for what AWS's other templates know, which is a problem: it would
// not be what was meant.
func ParseAnswerTemplate(text string) (pieces []AnswerPiece, problem string) {
	if len(text) > maxResponseTemplate {
		return nil, fmt.Sprintf("it is longer than %d KiB", maxResponseTemplate>>10)
	}
	literal, values := "", 0
	for {
		before, after, found := strings.Cut(text, "$")
		literal += before
		if !found {
			break
		}
		braced := strings.HasPrefix(after, "{")
		name := after
		if braced {
			name = after[1:]
		}
		if !isReference(name) {
			literal, text = literal+"$", after
			continue
		}
		name = referenceOf(name)
		rest := strings.TrimPrefix(after, "{")[len(name):]
		if braced {
			var closed bool
			if rest, closed = strings.CutPrefix(rest, "}"); !closed {
				return nil, "a ${ is not closed by }"
			}
		}
		p, problem := answerSource(name)
		if n := len(literal) - len(strings.TrimRight(literal, `\`)); n%2 == 1 {
			problem = `a \ stands before a value`
		}
		if problem != "" {
			return nil, problem
		}
		if values++; values > maxResponseValues {
			return nil, fmt.Sprintf("more than %d values stand in it", maxResponseValues)
		}
		if literal != "" {
			pieces = append(pieces, AnswerPiece{Text: literal})
		}
		pieces, literal, text = append(pieces, p), "", rest
	}
	if literal != "" {
		pieces = append(pieces, AnswerPiece{Text: literal})
	}
	return pieces, ""
}

// isReference reports whether a text behind a $ begins with what templates of AWS know.
func isReference(s string) bool {
	for _, root := range [...]string{"context", "stageVariables", "method.request", "input", "util"} {
		if rest, ok := strings.CutPrefix(s, root); ok && strings.HasPrefix(rest, ".") {
			return true
		}
	}
	return false
}

// referenceOf cuts off what stands behind a reference: "context.stage" of "context.stage-1".
func referenceOf(s string) string {
	more, root := "._-", ""
	switch {
	case strings.HasPrefix(s, "context."):
		more = "."
	case strings.HasPrefix(s, "stageVariables."):
		more, root = "_", "stageVariables."
	}
	rest := s[len(root):]
	end := strings.IndexFunc(rest, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(more, r))
	})
	if end >= 0 {
		rest = rest[:end]
	}
	return root + strings.TrimRight(rest, ".-")
}
