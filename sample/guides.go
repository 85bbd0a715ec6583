package sample

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed guides/*.md
var guideFiles embed.FS

// Guide is a text about the sample API, in Markdown.
type Guide struct {
	Title string
	Text  string // without its title
}

// Guides returns the guides to the sample API, in the order of reading.
func Guides() ([]Guide, error) {
	names, err := fs.Glob(guideFiles, "guides/*.md") // sorted
	if err != nil {
		return nil, err
	}
	guides := make([]Guide, len(names))
	for i, name := range names {
		body, err := guideFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		title, text, _ := strings.Cut(string(body), "\n")
		guides[i] = Guide{strings.TrimPrefix(title, "# "), strings.TrimSpace(text)}
	}
	return guides, nil
}
