package enforcement

import (
	"mime"
	"net"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"gatehouse/models"
)

// maxAnswerValue is how many bytes of a value stand in an answer: a template may name one often.
const maxAnswerValue = 1 << 10

// ownPiece is a part of a body.
type ownPiece struct {
	models.AnswerPiece
	escape escape
}

// escape is how a value is written where it stands, so that it stays one.
type escape uint8

const (
	plainly  escape = iota
	inString        // between the quotes of JSON
	asString        // of JSON, with quotes
	inMarkup        // of XML and HTML: between tags and in quotes
)

// mediaOf is a media type without its parameters, in lower case.
func mediaOf(contentType string) string {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		media, _, _ = strings.Cut(strings.ToLower(contentType), ";")
	}
	return strings.TrimSpace(media)
}

// compilePieces says how each value is to be written. Where a value of JSON stands without quotes it gets its own: else it could be more than one.
func compilePieces(in []models.AnswerPiece, contentType string) (out []ownPiece) {
	media := mediaOf(contentType)
	quoted, escaped := false, false
	for _, p := range in {
		piece := ownPiece{AnswerPiece: p}
		switch {
		case strings.Contains(media, "json"):
			if p.From == models.AnswerLiteral {
				for i := range len(p.Text) {
					switch c := p.Text[i]; {
					case escaped:
						escaped = false
					case quoted && c == '\\':
						escaped = true
					case c == '"':
						quoted = !quoted
					}
				}
				break
			}
			if piece.escape = asString; quoted {
				piece.escape, escaped = inString, false
			}
		case media != "text/plain" && p.From != models.AnswerLiteral:
			piece.escape = inMarkup
		}
		out = append(out, piece)
	}
	return out
}

// answerValues are what stands in for names in the answer to a problem.
type answerValues struct {
	q       *request
	problem problem
	kind    string // of AWS's gateway responses
}

// markupText writes a value as text, also where a page has it in an attribute, or against the rules in a script.
var markupText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", `\`, "&#92;", "`", "&#96;")

// messageString is the name of a value that brings its quotes along.
const messageString = "error.messageString"

func (v *answerValues) appendBody(out []byte, b *ownBody) []byte {
	for i := range b.pieces {
		p := &b.pieces[i]
		if p.From == models.AnswerLiteral {
			out = append(out, p.Text...)
			continue
		}
		value := shortened(v.of(p.AnswerPiece), maxAnswerValue)
		switch p.escape {
		case inString:
			out = appendText(out, value)
		case asString:
			out = append(appendText(append(out, '"'), value), '"')
		case inMarkup:
			if p.Text == messageString {
				value = `"` + value + `"`
			}
			out = append(out, markupText.Replace(withoutControls(value))...)
		default:
			if p.Text == messageString {
				value = strconv.Quote(value)
			}
			out = append(out, withoutControls(value)...)
		}
	}
	return out
}

// of is the value of a name; "" where the request has none.
func (v *answerValues) of(p models.AnswerPiece) string {
	q := v.q
	switch p.From {
	case models.AnswerLiteral:
		return p.Text
	case models.AnswerOfHeader:
		if strings.EqualFold(p.Text, keyHeader(q.stage.key)) {
			return "" // a key is not repeated
		}
		return q.headerValue(p.Text)
	case models.AnswerOfQuery:
		value, _ := queryValue(q.query, p.Text)
		return value
	case models.AnswerOfPath:
		if q.method == nil {
			return ""
		}
		value, _ := pathValue(q.method.path, q.path, p.Text)
		return value
	case models.AnswerOfVariable:
		return q.stage.policies.variables[p.Text]
	default:
		return v.context(p.Text)
	}
}

// context is the value of one of models.AnswerContexts.
func (v *answerValues) context(name string) string {
	q := v.q
	switch name {
	case "error.message", messageString:
		return q.message(v.problem)
	case "error.responseType":
		return v.kind
	case "error.validationErrorString":
		return q.validationErrors(v.problem)
	case "requestId", "extendedRequestId":
		return q.id
	case "apiId":
		return q.api.id.String()
	case "stage":
		return q.stage.name
	case "resourcePath":
		if q.method != nil {
			return q.method.path
		}
	case "path":
		return q.prefix + q.path
	case "httpMethod":
		return q.r.Method
	case "protocol":
		return q.r.Proto
	case "domainName":
		return q.r.Host
	case "identity.sourceIp":
		if host, _, err := net.SplitHostPort(q.peer); err == nil {
			return host
		}
		return q.peer
	case "identity.userAgent":
		return q.r.UserAgent()
	}
	return ""
}

// message is what AWS's gateway says of a problem.
func (q *request) message(p problem) string {
	message, _ := p.amazon()
	if p != problemParametersMissing || len(q.faults) == 0 {
		return message
	}
	var missing []string
	for _, f := range q.faults {
		missing = append(missing, f.Name)
	}
	return message + ": [" + strings.Join(missing, ", ") + "]"
}

// validationErrors is what is wrong with a request, as one text; "" of another problem.
func (q *request) validationErrors(p problem) string {
	if !p.isOfFaults() || len(q.faults) == 0 {
		return ""
	}
	var parts []string
	for _, f := range q.faults {
		where := f.In
		if f.Name != "" {
			where += " " + f.Name
		}
		if f.Pointer != "" {
			where += " at " + f.Pointer
		}
		parts = append(parts, where+" "+f.Detail)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// headerValue is the first value of a header of the request.
func (q *request) headerValue(name string) string {
	if strings.EqualFold(name, "Host") {
		return q.r.Host
	}
	return q.r.Header.Get(name)
}

// queryValue is the first value of a parameter of a query.
func queryValue(query, name string) (value string, ok bool) {
	for pair := range strings.SplitSeq(query, "&") {
		key, text, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(key); err != nil || plain != name {
			continue
		}
		if plain, err := url.QueryUnescape(text); err == nil {
			return plain, true
		}
	}
	return "", false
}

// pathValue is the part of a path that stands for {name}, or {name+}, of a template.
func pathValue(template, path, name string) (value string, ok bool) {
	rest := strings.Trim(path, "/")
	for _, segment := range segments(template) {
		part, after, _ := strings.Cut(rest, "/")
		switch segment {
		case "{" + name + "+}":
			part = rest
		case "{" + name + "}":
		default:
			rest = after
			continue
		}
		value, err := url.PathUnescape(part)
		return value, err == nil
	}
	return "", false
}

// headerText is a value as a header can carry it: printable ASCII, without what would end it or begin another.
func headerText(s string) string {
	return strings.TrimSpace(shortened(strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s), 4*maxAnswerValue))
}

func withoutControls(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
}

// shortened cuts a text at a number of bytes.
func shortened(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// acceptRanges are the media ranges of a header Accept (RFC 9110, 12.5.1).
type acceptRanges []acceptRange

type acceptRange struct {
	media   string // "application/json", "text/*", "*/*"
	quality float64
}

// mostRanges is how many of a request's are looked at.
const mostRanges = 32

func acceptedRanges(accept []string) (all acceptRanges) {
	for item := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		if len(all) == mostRanges {
			break
		}
		media, parameters, _ := strings.Cut(item, ";")
		r := acceptRange{strings.ToLower(strings.TrimSpace(media)), 1}
		for parameter := range strings.SplitSeq(parameters, ";") {
			if value, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(parameter)), "q="); ok {
				if q, err := strconv.ParseFloat(value, 64); err == nil && q >= 0 && q <= 1 {
					r.quality = q
				}
			}
		}
		if r.media != "" {
			all = append(all, r)
		}
	}
	return all
}

// quality is that of the range which names a type most exactly; 0: it is not accepted.
func (all acceptRanges) quality(media string) (quality float64) {
	main, _, _ := strings.Cut(media, "/")
	best := 0
	for _, r := range all {
		exact := 0
		switch {
		case r.media == media:
			exact = 3
		case r.media == main+"/*":
			exact = 2
		case r.media == "*/*":
			exact = 1
		}
		if exact > best {
			best, quality = exact, r.quality
		}
	}
	return quality
}
