package ui

import (
	"strings"

	"github.com/a-h/templ"

	"gatehouse/templates/chart"
)

// Head is the head of a page.
type Head struct {
	Title    string
	Subtitle string
	Icon     string
	Badges   []BadgeProps // beside the title: the state of what the page is about
}

// BadgeProps is a state in a word; it has a dot unless it is Plain or Line.
type BadgeProps struct {
	Kind Kind
	Text string
}

// CardProps is a titled surface.
type CardProps struct {
	ID       string // where a link or a live update targets it
	Title    string // an h2; unique in the page, or set ID
	Subtitle string
	Actions  templ.Component // at the right of the title
	Foot     templ.Component // below a line
}

// heading is the id of the title.
func (c CardProps) heading() string {
	if c.ID != "" {
		return c.ID + "-title"
	}
	return "h-" + slug(c.Title)
}

// slug makes an id of a title.
func slug(title string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, title), "-")
}

// Trend is the direction of a change, as an icon.
type Trend string

// Trends.
const (
	Up   Trend = "trending-up"
	Down Trend = "trending-down"
)

// Stat is a tile: a number, its change against the period before, a small line.
type Stat struct {
	Label string
	Value string // shortened: "1.28M"
	Unit  string
	Exact string // for the title: "1,284,067"
	Href  string // what the number is made of
	Delta string // "12.4 %"
	Trend Trend  // arrow before the delta; empty for none
	Good  bool   // the change is for the better: green
	Bad   bool   // for the worse: red
	Note  string // "vs previous 24 h"
	Spark []float64
	Kind  chart.Kind // colour of the line
}

func (s Stat) mood() string {
	switch {
	case s.Good:
		return "up"
	case s.Bad:
		return "down"
	}
	return ""
}

// Definition is a term with its value: Body if set, else Text, as a link if it has
// an Href.
type Definition struct {
	Term string
	Text string
	Href string
	Mono bool
	Body templ.Component
}
