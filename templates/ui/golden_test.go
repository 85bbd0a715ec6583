package ui_test

import (
	"bytes"
	"context"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/google/go-cmp/cmp"

	"gatehouse/templates/chart"
	"gatehouse/templates/htmlcheck"
	"gatehouse/templates/snippet"
	"gatehouse/templates/ui"
)

var update = flag.Bool("update", false, "rewrite golden files")

var now = time.Date(2026, 11, 23, 15, 50, 0, 0, time.UTC)

// full is a page with everything that a shell can show.
func full() ui.Page {
	return ui.Page{
		Title: "Usage", Description: "How much is called.", Demo: true,
		Flash:   &ui.Flash{Kind: ui.OK, Text: "Saved.", Href: "/keys", Link: "Back to keys"},
		Account: &ui.AccountBadge{Name: "Mira Okafor", Email: "mira@example.com", Items: []ui.NavItem{{Label: "Profile", Href: "/me", Icon: "user-round"}}, SignOutURL: "/logout"},
		Nav: []ui.NavSection{
			{Items: []ui.NavItem{{Label: "Usage", Href: "/usage", Icon: "chart-column", Current: true}, {Label: "Keys", Href: "/keys", Icon: "key-round", Count: 4, Hot: true}}},
			{Label: "Team", Items: []ui.NavItem{{Label: "Settings", Href: "/settings"}}},
		},
		NavFoot:     []ui.NavItem{{Label: "Catalog", Href: "/apis", Icon: "library"}},
		Hats:        []ui.Hat{{Label: "Developer", Detail: "Apps and keys", Href: "/home", Current: true}, {Label: "Owner", Detail: "APIs and plans", Href: "/owner"}},
		Breadcrumbs: []ui.Crumb{{Label: "Apps", Href: "/apps"}, {Label: "Usage"}},
		Notices:     []ui.Notice{{Kind: ui.Bad, Title: "The gateway refuses calls.", Text: "Free disk space.", Href: "/problems/x", Link: "What callers see"}, {Kind: ui.Warn, Text: "Not encrypted."}},
		RequestID:   "01JD", Live: "/live/usage?range=24h", Refresh: 2, NoIndex: true,
	}
}

// with gives a component its children.
func with(c templ.Component, children templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return c.Render(templ.WithChildren(ctx, children), w)
	})
}

// hostile is what a person may type; it must come out as text.
const hostile = `"><script>alert(1)</script>'&`

var pages = map[string]templ.Component{
	"app":         with(ui.App(full()), ui.PageHeader(ui.Head{Title: "Usage", Subtitle: "Of Acme", Icon: "key-round", Badges: []ui.BadgeProps{{Kind: ui.OK, Text: "Active"}, {Kind: ui.Line, Text: "Version 7"}}})),
	"app-plain":   with(ui.App(ui.Page{Title: hostile, Rail: true, Wide: true, Hats: []ui.Hat{{Label: "Owner", Current: true}}}), ui.PageHeader(ui.Head{Title: hostile})),
	"public":      with(ui.Public(ui.Page{Title: "Catalog", Description: "All APIs.", Nav: []ui.NavSection{{Items: []ui.NavItem{{Label: "Catalog", Href: "/apis", Current: true}}}}}), ui.PublicHeader(ui.Head{Title: "Catalog"})),
	"public-full": with(ui.Public(full()), ui.PublicHeader(ui.Head{Title: "Catalog"})),
	"narrow":      with(ui.Narrow(ui.Page{Title: "Sign in", Flash: &ui.Flash{Kind: ui.Bad, Text: "Too many tries."}}, "Sign in", "To your keys."), ui.Field(ui.FieldProps{Name: "email", Label: "Email", Type: "email", Autocomplete: "username", Required: true})),
	"confirm":     with(ui.App(ui.Page{Title: "Revoke"}), ui.ConfirmForm(ui.Confirm{Title: "Revoke ios?", Text: "Calls with it fail at once.", Action: "/keys/7/revoke", Button: "Revoke key", Danger: true, Cancel: "/keys/7", Hidden: []ui.Pair{{Name: "v", Value: hostile}}, Typed: "ios", Problem: "That is not its name."})),
}

var components = map[string]templ.Component{
	"button":         ui.Button(ui.ButtonProps{Label: "Save", Variant: ui.Primary, Name: "do", Value: "save", Form: "f", FormAction: "/x", NoValidate: true, Disabled: true}),
	"button-copy":    ui.Button(ui.ButtonProps{Label: "Copy", Icon: "copy", IconOnly: true, Small: true, Copy: "#secret"}),
	"link-button":    ui.LinkButton(ui.ButtonProps{Label: "Rotate", AriaLabel: "Rotate ios", Href: "/keys/7/rotate", Dialog: true, Variant: ui.Danger}),
	"field":          ui.Field(ui.FieldProps{Name: "rate", Label: "Rate", Value: hostile, Hint: "For one key.", Prefix: "€", Suffix: "a second", InputMode: "decimal", Placeholder: "50", MaxLength: 9, Min: "0", Max: "9", Step: "0.1", Optional: true, Autofocus: true, Readonly: true, Mono: true, Datalist: []string{"1", "2"}}),
	"field-error":    ui.Field(ui.FieldProps{ID: "x", Name: "rate", Label: "Rate", Value: "10x", Hint: "For one key.", Error: "Write a number, such as 10.", Required: true, Disabled: true, HideLabel: true}),
	"field-file":     ui.Field(ui.FieldProps{Name: "doc", Label: "Document", Type: "file", Value: "never shown"}),
	"select":         ui.Select(ui.SelectProps{Name: "state", Label: "State", Value: "b", Options: []ui.Option{{Value: "a", Label: "A"}, {Value: "b", Label: "B"}}, Error: "Choose another.", Quiet: true, Submit: true}),
	"textarea":       ui.Textarea(ui.TextareaProps{Name: "text", Label: "Text", Value: "\none\n two" + hostile, Hint: "Shown.", MaxLength: 80, Placeholder: "p", Required: true, Mono: true}),
	"check":          ui.Check(ui.CheckProps{Name: "all", Label: "All methods", Checked: true, Hint: "As in the document."}),
	"toggle":         ui.Toggle(ui.CheckProps{Name: "on", Label: "Limit the rate", Value: "1", Error: "Needs a rate.", Disabled: true}),
	"radios":         ui.Radios(ui.ChoiceProps{Name: "when", Label: "Old value stops", Value: "24h", Options: []ui.Option{{Value: "now", Label: "Now", Hint: "For a leak."}, {Value: "24h", Label: "In 24 hours"}}, Error: "Choose one."}),
	"option-cards":   ui.OptionCards(ui.ChoiceProps{Name: "who", Label: "Who", HideLabel: true, Value: "any", Options: []ui.Option{{Value: "any", Label: "Anyone", Hint: "At once"}, {Value: "ask", Label: "Ask first"}}}),
	"segmented":      ui.Segmented(ui.ChoiceProps{Name: "period", Label: "Per", Value: "DAY", Options: []ui.Option{{Value: "DAY", Label: "Day"}, {Value: "MONTH", Label: "Month"}}, Hint: "UTC"}),
	"error-summary":  ui.ErrorSummary([]ui.FieldError{{Field: "f-a", Text: "A is missing."}, {Text: "Try later."}}),
	"error-none":     ui.ErrorSummary(nil),
	"card":           with(ui.Card(ui.CardProps{ID: "c", Title: "Keys", Subtitle: "Of Acme", Actions: ui.Number(12), Foot: ui.Pagination(ui.Pages{Summary: "1–2 of 4 keys", Next: "/keys?page=2"})}), ui.Number(1284067)),
	"bare-card":      with(ui.BareCard(ui.CardProps{Title: "Plan: Growth & more"}), ui.Section("Basics", "What it is called.")),
	"stat":           ui.StatTile(ui.Stat{Label: "Requests", Value: "1.28M", Unit: "calls", Exact: "1,284,067", Href: "/log", Delta: "12 %", Trend: ui.Up, Good: true, Note: "vs before", Spark: []float64{1, 3, 2}, Kind: chart.Throttled}),
	"definitions":    ui.Definitions([]ui.Definition{{Term: "Id", Text: "k1", Mono: true}, {Term: "Plan", Text: "Growth", Href: "/plans/1"}, {Term: "State", Body: ui.StatusBadge(ui.OK, "Active")}}),
	"times":          templ.Join(ui.TimeAgo(now.Add(-3*time.Minute), now), ui.TimeAgo(time.Time{}, now), ui.Time(now), ui.Day(now)),
	"badges":         templ.Join(ui.Badge(ui.Info, "Info"), ui.IconBadge(ui.Pur, "history", "30 days"), ui.StatusCode(200), ui.StatusCode(302), ui.StatusCode(404), ui.StatusCode(429), ui.StatusCode(502), ui.Method("GET"), ui.Method("DELETE"), ui.Method("ANY"), ui.Avatar("Mira Okafor")),
	"callout":        with(ui.Callout(ui.Bad), ui.Number(12)),
	"empty":          with(ui.Empty(ui.EmptyProps{Icon: "key-round", Title: "No keys yet", Text: "A key lets a program call."}), ui.LinkButton(ui.ButtonProps{Label: "New key", Href: "/new"})),
	"steps":          ui.Steps([]ui.Step{{Title: "App", Done: true, Href: "/x", Action: "Open"}, {Title: "Plan", Text: "Pick one.", Href: "/apis", Action: "Browse", Current: true}, {Title: "Call"}}),
	"timeline":       ui.Timeline([]ui.TimelineItem{{Icon: "key-round", Kind: ui.OK, Title: "Created", Text: "by Mira", Href: "/e/1", At: now.Add(-time.Hour), Now: now}, {Icon: "x", Title: hostile, At: now, Now: now}}),
	"table":          ui.Table(ui.TableProps{ID: "rows", Caption: "Keys", Flush: true, Columns: []ui.Column{{Label: "Name", SortHref: "/keys?sort=name", Sorted: ui.Ascending}, {Label: "Calls", Num: true, Hide: ui.Tablet, SortHref: "/k", Sorted: ui.Descending}, {Label: "Actions", Quiet: true}}}),
	"pagination":     ui.Pagination(ui.Pages{Summary: "51–100", Prev: "/k?page=1"}),
	"filter-bar":     with(ui.FilterBar("/keys", []ui.Pill{{Label: "state: active", RemoveHref: "/keys"}}), ui.SearchField("q", "Find by name", hostile)),
	"tabs":           ui.Tabs("App", []ui.Tab{{Label: "Keys", Href: "/k", Count: "4", Current: true}, {Label: "Log", Href: "/l"}}),
	"ranges":         ui.Ranges("Range", []ui.Range{{Label: "1h", Href: "?r=1h"}, {Label: "24h", Href: "?r=24h", Current: true}}),
	"scroll":         with(ui.Scroll("Compare"), ui.Number(12)),
	"code-block":     ui.CodeBlock(ui.CodeProps{ID: "env", Title: ".env", Text: "A=1\n  B=" + hostile}),
	"snippets":       ui.Snippets("s", ui.SnippetsOf(snippet.Request{URL: "http://h/x", Headers: []snippet.Header{{Name: "x-api-key", Value: "k"}}}, "go")),
	"copy-text":      templ.Join(ui.CopyText("id", "k1", "Copy id"), ui.KeyValue("gtwy", "x9Fd")),
	"reveal":         with(ui.SecretReveal(ui.Reveal{Badge: "Created", Title: "ios is ready", Text: "Copy it now.", Label: "New API key", Secret: "gtwyA", DownloadHref: "/env", DownloadName: "acme.env", DoneHref: "/keys", Snippets: ui.SnippetsOf(snippet.Request{URL: "http://h/x"}, "")}), ui.Number(12)),
	"plan-card":      ui.PlanCard(ui.Plan{Name: "Growth", Text: "For production.", Price: "€49", Unit: "/ month", Badge: "Most chosen", Features: []string{"50 requests a second"}, Href: "/subscribe", Button: "Subscribe", Primary: true}),
	"plan-card-note": ui.PlanCard(ui.Plan{Name: "Partner", Price: "On request", Note: "Invited only"}),
	"hostile-links":  templ.Join(ui.LinkButton(ui.ButtonProps{Label: "x", Href: "javascript:alert(1)"}), ui.Tabs("x", []ui.Tab{{Label: "x", Href: "javascript:alert(1)"}})),
}

func render(t *testing.T, c templ.Component) string {
	t.Helper()
	var out bytes.Buffer
	if err := c.Render(context.Background(), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

var (
	hashes = regexp.MustCompile(`\.[0-9a-f]{8}\.(css|js|woff2|svg|png)`)
	drawn  = regexp.MustCompile(`(<svg class="i[^>]*>).*?</svg>`)
)

// golden compares markup with the file of its name. Hashes and icons are left out,
// and tags start lines, so that a difference is read at a glance.
func golden(t *testing.T, name, html string) {
	t.Helper()
	got := hashes.ReplaceAllString(drawn.ReplaceAllString(html, "$1</svg>"), ".HASH.$1")
	got = strings.ReplaceAll(got, "><", ">\n<") + "\n"
	path := filepath.Join("testdata", name+".html")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestComponents(t *testing.T) {
	for name, c := range components {
		t.Run(name, func(t *testing.T) {
			html := render(t, c)
			golden(t, name, html)
			for _, problem := range htmlcheck.Fragment(html) {
				t.Error(problem)
			}
			if strings.Contains(html, "<script>") || strings.Contains(html, `"javascript:`) {
				t.Errorf("hostile text became markup:\n%s", html)
			}
		})
	}
}

func TestPages(t *testing.T) {
	for name, c := range pages {
		t.Run(name, func(t *testing.T) {
			html := render(t, c)
			golden(t, "page-"+name, html)
			for _, problem := range htmlcheck.Page(html) {
				t.Error(problem)
			}
			if strings.Contains(html, "<script>") {
				t.Errorf("hostile text became markup:\n%s", html)
			}
		})
	}
}

// What was typed must come back unchanged, a leading line break included, which
// HTML drops once after <textarea>.
func TestTextareaKeepsItsText(t *testing.T) {
	html := render(t, ui.Textarea(ui.TextareaProps{Name: "t", Label: "T", Value: "\none\n two"}))
	if !strings.Contains(html, ">\n\none\n two</textarea>") {
		t.Errorf("got %q", html)
	}
}

// Copying takes the text of an element: nothing may stand around it.
func TestCodeHasNoSpaceAroundIt(t *testing.T) {
	html := render(t, ui.CodeBlock(ui.CodeProps{ID: "c", Text: "a\n b"}))
	if !strings.Contains(html, ">a\n b</code>") {
		t.Errorf("got %q", html)
	}
	html = render(t, ui.Snippets("s", ui.SnippetsOf(snippet.Request{URL: "http://h/"}, "")))
	if !strings.Contains(html, `id="s-curl-code"><span class="tok-fn">curl</span>`) {
		t.Errorf("got %q", html)
	}
}

// Pages that use no htmx must not load it.
func TestScriptsAreLoadedWhereTheyAreNeeded(t *testing.T) {
	tests := []struct {
		name      string
		page      ui.Page
		htmx, sse bool
	}{
		{"plain", ui.Page{Title: "x"}, false, false},
		{"fragments", ui.Page{Title: "x", Htmx: true}, true, false},
		{"live", ui.Page{Title: "x", Live: "/live"}, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			html := render(t, ui.App(tt.page))
			if got := strings.Contains(html, "htmx.min"); got != tt.htmx {
				t.Errorf("htmx is %v", got)
			}
			if got := strings.Contains(html, "hx-sse.min"); got != tt.sse {
				t.Errorf("hx-sse is %v", got)
			}
		})
	}
}

func TestLiveFigureCanBeTargeted(t *testing.T) {
	c := chart.Chart{ID: "requests", Caption: "Requests", Start: now, Step: time.Hour, Series: chart.Outcomes(), Points: make([]chart.Point, 2)}
	if html := render(t, chart.Bars(c)); !strings.HasPrefix(html, `<figure id="requests">`) {
		t.Errorf("got %q", html[:60])
	}
}
