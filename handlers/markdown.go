package handlers

import (
	"bytes"
	"html"
	"regexp"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"gatehouse/templates/public"
)

// maxMarkdown bounds what one text may cost to render; a longer one is shown up to here.
const maxMarkdown = 64 << 10

// Markdown makes markup of what an API's owner wrote. It is the only place that makes markup of a stranger's text: goldmark leaves raw
// HTML out, and then everything goes that is not on the policy's short list. Safe for concurrent use.
type Markdown struct {
	parser goldmark.Markdown
	policy *bluemonday.Policy
}

// NewMarkdown returns a renderer; a process needs one.
func NewMarkdown() *Markdown {
	policy := textPolicy()
	policy.AllowRelativeURLs(false) // relative to the owner's site, not to ours
	return &Markdown{
		parser: goldmark.New(
			goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify),
			goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(lowerHeadings{}, 100))),
		),
		policy: policy,
	}
}

// textPolicy is the short list of what a text may have.
func textPolicy() *bluemonday.Policy {
	policy := bluemonday.NewPolicy()
	policy.AllowElements("p", "br", "hr", "strong", "em", "del", "code", "pre", "blockquote", "ul", "ol", "li",
		"h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td")
	policy.AllowAttrs("href").OnElements("a")
	policy.AllowURLSchemes("http", "https", "mailto")
	policy.RequireParseableURLs(true)
	policy.RequireNoFollowOnLinks(true)
	policy.RequireNoReferrerOnLinks(true)
	return policy
}

// headingID is what the id of a guide's heading may be.
var headingID = regexp.MustCompile(`^s-[a-z0-9-]{1,60}$`)

// HTML renders a text that stands under a heading of the level below, 1 to 5. It has no ids, so that it cannot stand in for a part of
// the page, no images, so that reading does not tell another site who reads, and no style.
func (m *Markdown) HTML(source string, below int) public.SafeHTML {
	if source == "" {
		return ""
	}
	if len(source) > maxMarkdown {
		source = strings.ToValidUTF8(source[:maxMarkdown], "")
	}
	if isPlain(source) {
		return public.SafeHTML("<p>" + html.EscapeString(source) + "</p>\n")
	}
	pc := parser.NewContext()
	pc.Set(belowKey, below)
	var out bytes.Buffer
	if m.parser.Convert([]byte(source), &out, parser.WithContext(pc)) != nil { // a buffer refuses nothing: goldmark met what it cannot render
		return ""
	}
	return public.SafeHTML(m.policy.SanitizeBytes(out.Bytes()))
}

// isPlain says that a text means itself in Markdown: a page of a reference has hundreds of such, and rendering one takes longer than all else about it.
func isPlain(s string) bool {
	if strings.ContainsAny(s, "*_`[]<>&#|~\\!@:\n\r\t\x00=+\"'") || strings.Contains(s, "www.") {
		return false
	}
	first := s[0]
	return first != ' ' && first != '-' && (first < '0' || first > '9') && s[len(s)-1] != ' '
}

// belowKey is where the level goes through the parser.
var belowKey = parser.NewContextKey()

// lowerHeadings puts an author's headings below the page's own, without leaving a level out: readers who listen go by the levels.
type lowerHeadings struct{}

// highestHeading is the level at which a text begins: some authors leave the first to the page.
func highestHeading(node ast.Node) int {
	highest := 6
	_ = ast.Walk(node, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // this walker never fails
		if h, ok := n.(*ast.Heading); ok && entering {
			highest = min(highest, h.Level)
		}
		return ast.WalkContinue, nil
	})
	return highest
}

// Transform implements parser.ASTTransformer.
func (lowerHeadings) Transform(node *ast.Document, _ text.Reader, pc parser.Context) {
	below, _ := pc.Get(belowKey).(int)
	last, highest := below, highestHeading(node)
	_ = ast.Walk(node, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // this walker never fails
		if h, ok := n.(*ast.Heading); ok && entering {
			h.Level = min(below+h.Level-highest+1, last+1, 6)
			last = h.Level
		}
		return ast.WalkContinue, nil
	})
}
