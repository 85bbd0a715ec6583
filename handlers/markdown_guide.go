package handlers

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"gatehouse/models"
	"gatehouse/static"
	"gatehouse/templates/public"
)

// GuideText makes pages of guides. Other than Markdown it gives headings ids, all with the same beginning, so that none can stand in for a part of the page; it
// lets links lead to other pages of the portal, and puts a copy button at code. Safe for concurrent use.
type GuideText struct {
	parser goldmark.Markdown
	policy *bluemonday.Policy
}

// NewGuideText returns a renderer; a process needs one.
func NewGuideText() *GuideText {
	policy := textPolicy()
	policy.AllowRelativeURLs(true)
	policy.AllowAttrs("id").Matching(headingID).OnElements("h2", "h3", "h4", "h5", "h6")
	return &GuideText{
		parser: goldmark.New(
			goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify),
			goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(lowerHeadings{}, 100), util.Prioritized(nameHeadings{}, 110))),
		),
		policy: policy,
	}
}

// renderedGuide is a guide as a page.
type renderedGuide struct {
	html     public.SafeHTML
	contents []public.Heading
	images   int // that are left out
}

// guideKey is where a guide's headings are gathered while it is parsed.
var guideKey = parser.NewContextKey()

// render makes a page of a text.
func (g *GuideText) render(source string) renderedGuide {
	if len(source) > models.MaxGuideSize {
		source = strings.ToValidUTF8(source[:models.MaxGuideSize], "")
	}
	var out renderedGuide
	pc := parser.NewContext()
	pc.Set(belowKey, 1)
	pc.Set(guideKey, &out)
	var html bytes.Buffer
	if g.parser.Convert([]byte(source), &html, parser.WithContext(pc)) != nil { // a buffer refuses nothing: goldmark met what it cannot render
		return renderedGuide{}
	}
	out.html = public.SafeHTML(copyable(string(g.policy.SanitizeBytes(html.Bytes()))))
	return out
}

// nameHeadings gives headings the ids that a table of contents needs, and counts images.
type nameHeadings struct{}

// Transform implements parser.ASTTransformer.
func (nameHeadings) Transform(node *ast.Document, reader text.Reader, pc parser.Context) {
	out, ok := pc.Get(guideKey).(*renderedGuide)
	if !ok {
		return
	}
	taken := map[string]int{}
	_ = ast.Walk(node, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // this walker never fails
		switch h := n.(type) {
		case *ast.Image:
			if entering {
				out.images++
			}
		case *ast.Heading:
			if entering {
				words := wordsOf(h, reader.Source())
				id := "s-" + models.Slugify(words)
				if taken[id]++; taken[id] > 1 {
					id += "-" + strconv.Itoa(taken[id])
				}
				h.SetAttributeString("id", []byte(id))
				out.contents = append(out.contents, public.Heading{ID: id, Text: words, Deep: h.Level > 2})
			}
		}
		return ast.WalkContinue, nil
	})
}

// wordsOf is what a person reads of a node.
func wordsOf(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // this walker never fails
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(t.Segment.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// copyable puts a copy button at each block of code. In sanitised markup "<pre><code" is never text, which has no angle brackets.
func copyable(html string) string {
	const open, shut = "<pre><code", "</code></pre>"
	var b strings.Builder
	for i := 1; ; i++ {
		before, rest, found := strings.Cut(html, open)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		code, after, _ := strings.Cut(rest, shut)
		id := "c-" + strconv.Itoa(i)
		b.WriteString(`<div><button class="btn ghost icon sm scripted" type="button" data-copy="#` + id + `" aria-label="Copy code ` + strconv.Itoa(i) + `">` +
			`<svg class="i" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">` + static.Icon("copy") + `</svg></button>` +
			`<pre tabindex="0" role="group" aria-label="Code ` + strconv.Itoa(i) + `"><code id="` + id + `"` + code + shut + `</div>`)
		html = after
	}
}
