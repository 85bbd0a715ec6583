package ui

import (
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
	Lang  string          // "curl", "node", "python", "go": remembered as the reader's choice
	Label string          // "cURL"
	Body  templ.Component // coloured code; its text is what is copied
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

// SnippetsOf writes a request in all languages.
func SnippetsOf(r snippet.Request) []Snippet {
	return []Snippet{
		{Lang: "curl", Label: "cURL", Body: snippet.Curl(r).Body()},
		{Lang: "node", Label: "Node", Body: snippet.Node(r).Body()},
		{Lang: "python", Label: "Python", Body: snippet.Python(r).Body()},
		{Lang: "go", Label: "Go", Body: snippet.Go(r).Body()},
	}
}
