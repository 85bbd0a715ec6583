package handlers

import (
	"strings"
	"testing"
)

// TestMarkdownLeavesNoWayToRunOrLoadAnything: what owners write is shown to everybody (SEC-43). After rendering, no element and no
// attribute is left that could run, load, style or stand in for a part of the page.
func TestMarkdownLeavesNoWayToRunOrLoadAnything(t *testing.T) {
	m := NewMarkdown()
	for _, source := range []string{
		`<script>alert(1)</script>`,
		`<ScRiPt src=//evil.example></ScRiPt>`,
		`<img src=x onerror=alert(1)>`,
		`![x](https://evil.example/pixel.png)`,
		`![x](javascript:alert(1))`,
		`<svg/onload=alert(1)>`,
		`<svg><script>alert(1)</script></svg>`,
		`<iframe src="javascript:alert(1)"></iframe>`,
		`<object data="data:text/html,<script>alert(1)</script>"></object>`,
		`<a href="javascript:alert(1)">x</a>`,
		`[x](javascript:alert(1))`,
		`[x](JaVaScRiPt:alert(1))`,
		`[x](java&#x09;script:alert(1))`,
		`[x](&#106;avascript:alert(1))`,
		`[x](data:text/html;base64,PHNjcmlwdD4=)`,
		`[x](vbscript:msgbox)`,
		`[x](  javascript:alert(1))`,
		`<javascript:alert(1)>`,
		`[x](//evil.example)`,
		`[x](/signout)`,
		`[x](#main)`,
		"[x]: javascript:alert(1)\n\n[x]",
		`[x](https://example.com "onmouseover=alert(1)")`,
		`[x](https://example.com/"onmouseover="alert(1))`,
		`<p style="position:fixed;inset:0">x</p>`,
		`<div id="main" class="btn">x</div>`,
		`<form action="/signout" method="post"><button>x</button></form>`,
		`<input autofocus onfocus=alert(1)>`,
		`<meta http-equiv="refresh" content="0;url=https://evil.example">`,
		`<base href="https://evil.example/">`,
		`<link rel=stylesheet href=//evil.example>`,
		`<style>body{display:none}</style>`,
		`<details open ontoggle=alert(1)>`,
		`<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>`,
		`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`,
		"```html\n<script>alert(1)</script>\n```",
		"```\"><script>alert(1)</script>\nx\n```",
		"`<script>alert(1)</script>`",
		"| a |\n|---|\n| <img src=x onerror=alert(1)> |",
		"# <script>alert(1)</script>",
		"- [x] <b onclick=alert(1)>task</b>",
		"&lt;script&gt;alert(1)&lt;/script&gt;",
		"<!-- --><script>alert(1)</script>",
		"<![CDATA[<script>alert(1)</script>]]>",
		"\x00<scr\x00ipt>alert(1)</scr\x00ipt>",
		"~~<a href='https://example.com' onclick='alert(1)'>x</a>~~",
		"https://example.com/<script>alert(1)</script>",
		strings.Repeat(">", 5000) + "<script>alert(1)</script>",
	} {
		checkSafe(t, source, string(m.HTML(source, 2)))
	}
}

// checkSafe reads the markup as tags and looks at each.
func checkSafe(t *testing.T, source, html string) {
	t.Helper()
	allowed := map[string]bool{"p": true, "br": true, "hr": true, "strong": true, "em": true, "del": true, "code": true, "pre": true, "blockquote": true,
		"ul": true, "ol": true, "li": true, "h2": true, "h3": true, "h4": true, "h5": true, "h6": true, "table": true, "thead": true, "tbody": true, "tr": true,
		"th": true, "td": true, "a": true}
	for _, part := range strings.Split(html, "<")[1:] {
		tag, _, closed := strings.Cut(part, ">")
		if !closed {
			t.Errorf("%q leaves an open tag: %s", source, html)
			continue
		}
		name, attributes, _ := strings.Cut(strings.TrimPrefix(strings.TrimSuffix(tag, "/"), "/"), " ")
		switch {
		case !allowed[name]:
			t.Errorf("%q leaves the element %q", source, name)
		case attributes == "":
		case name != "a" || !strings.HasPrefix(attributes, `href="http`) && !strings.HasPrefix(attributes, `href="mailto:`):
			t.Errorf("%q leaves %s with %s", source, name, attributes)
		case !strings.HasSuffix(attributes, `" rel="nofollow noreferrer"`) || strings.Count(attributes, `"`) != 4:
			t.Errorf("%q leaves a link with %s", source, attributes)
		}
	}
}

// TestMarkdownRendersWhatDocumentsUse.
func TestMarkdownRendersWhatDocumentsUse(t *testing.T) {
	tests := []struct {
		name, source, want string
		below              int
	}{
		{"nothing", "", "", 1},
		{"emphasis", "**a** _b_ `c` ~~d~~", "<p><strong>a</strong> <em>b</em> <code>c</code> <del>d</del></p>", 1},
		{"link", "[x](https://example.com/a?b=c)", `<p><a href="https://example.com/a?b=c" rel="nofollow noreferrer">x</a></p>`, 1},
		{"bare address", "see https://example.com.", `<p>see <a href="https://example.com" rel="nofollow noreferrer">https://example.com</a>.</p>`, 1},
		{"mail", "[x](mailto:a@example.com)", `<p><a href="mailto:a@example.com" rel="nofollow noreferrer">x</a></p>`, 1},
		{"headings go below the page's", "# A\n\n## B", "<h2>A</h2>\n<h3>B</h3>", 1},
		{"headings leave no level out", "# A\n\n#### B\n\n# C\n\n###### D", "<h3>A</h3>\n<h4>B</h4>\n<h3>C</h3>\n<h4>D</h4>", 2},
		{"a first heading of a deep level", "#### A", "<h3>A</h3>", 2},
		{"code", "```json\n{\"a\": 1}\n```", "<pre><code>{&#34;a&#34;: 1}\n</code></pre>", 1},
		{"table", "| a | b |\n|:-:|--:|\n| 1 | 2 |", "<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n<td>2</td>\n</tr>\n</tbody>\n</table>", 1},
		{"list", "- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>", 1},
	}
	m := NewMarkdown()
	for _, tt := range tests {
		if got := strings.TrimSpace(string(m.HTML(tt.source, tt.below))); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestMarkdownIsCutWhereItIsTooLong: one text cannot make a page slow.
func TestMarkdownIsCutWhereItIsTooLong(t *testing.T) {
	got := string(NewMarkdown().HTML(strings.Repeat("ä", maxMarkdown), 1))
	if len(got) > maxMarkdown+10 || strings.ContainsRune(got, '\uFFFD') {
		t.Errorf("%d bytes of a text of %d, or half a letter", len(got), 2*maxMarkdown)
	}
}

func FuzzMarkdown(f *testing.F) {
	f.Add("# a\n<b onclick=x>[y](javascript:z)")
	f.Add("| <i> |\n|-|\n| ![](x) |")
	m := NewMarkdown()
	f.Fuzz(func(t *testing.T, source string) { checkSafe(t, source, string(m.HTML(source, 1))) })
}
