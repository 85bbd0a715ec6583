package ui

import (
	"slices"

	"github.com/a-h/templ"

	"gatehouse/templates/snippet"
)

// CodeProps is a block of code with a copy button.
type CodeProps struct {
	ID    string // unique in the page
	Title string // above the code; may be empty
	Text  string // the code; children may colour it instead
}

// Snippet is the same call in one language.
type Snippet struct {
	Lang   string          // "python": remembered as the reader's choice
	Label  string          // "Python"
	Chosen bool            // shown at first; one is
	Href   string          // this page with the language chosen and remembered, for where scripts do not run; empty where it must not be loaded again
	Body   templ.Component // coloured code; its text is what is copied
}

// Reveal shows a secret once.
type Reveal struct {
	Badge        string // "Created", "Rotated"
	Title        string // "ios-production is ready"
	Text         string // why now and never again
	Label        string // what the secret is, read aloud: "New API key"
	Secret       string
	DownloadHref string // an .env file with it; may be empty
	DownloadName string
	DoneHref     string // the page without the secret
	Snippets     []Snippet
}

func orCode(title string) string {
	if title == "" {
		return "code"
	}
	return title
}

// SnippetsOf writes a request in all languages; chosen is shown at first, or the first one if there is none of that name.
func SnippetsOf(r snippet.Request, chosen string) []Snippet {
	languages := snippet.Languages()
	at := max(0, slices.IndexFunc(languages, func(l snippet.Language) bool { return l.ID == chosen }))
	out := make([]Snippet, len(languages))
	for i, l := range languages {
		out[i] = Snippet{Lang: l.ID, Label: l.Label, Chosen: i == at, Body: l.Write(r).Body()}
	}
	return out
}
