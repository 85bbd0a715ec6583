package models

import (
	"fmt"
	"time"
)

// Guide is a text about an API, in Markdown, that its owner wrote. Callers see published ones, as they see the API.
type Guide struct {
	ID        GuideID
	APIID     APIID
	Slug      string // its name in addresses, unique in its API
	Title     string
	Text      string // Markdown; empty in lists
	Published bool
	Position  int // 0 is the first
	Version   int // counts the edits; an edit names the one that it was made from
	CreatedAt time.Time
	EditedAt  time.Time
	EditedBy  string
}

// Limits of guides.
const (
	MaxGuides    = 100 // of an API
	MaxGuideSize = 64 << 10
)

// Clean trims and checks what was typed; fields "title", "slug", "text". Without a slug it makes one of the title.
func (g Guide) Clean() (Guide, error) {
	var p Problems
	var err error
	if g.Title, err = CleanName("title", g.Title); err != nil {
		p.Join(err)
	}
	if g.Slug == "" {
		g.Slug = Slugify(g.Title)
	}
	p.Join(CheckSlug(g.Slug))
	if g.Text, err = CleanText("text", g.Text, MaxGuideSize); err != nil {
		p.Join(err)
	} else if len(g.Text) > MaxGuideSize {
		p.Add("text", fmt.Sprintf("Use at most %d kB: split it into several guides.", MaxGuideSize>>10))
	}
	return g, p.Err()
}
