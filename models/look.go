package models

// Look is what administrators make of the portal's looks. The zero value is how it comes.
type Look struct {
	Version  int    // counts the changes; a change names the one that it was made from
	Name     string // of the product; "" is Gatehouse
	Accent   string // "#2a57d6", in the light theme; "" as it comes
	Logo     string // hash of an image that was kept; "" none
	Icon     string // of browsers' tabs, likewise
	Headline string // of the first page
	Intro    string // below it, Markdown
}

// DefaultName is what the product is called until somebody calls it otherwise.
const DefaultName = "Gatehouse"

// Limits of a look.
const (
	maxProductName = 40
	maxHeadline    = 90
	maxIntro       = 4000
)

// Clean trims and checks what was typed; fields "name", "accent", "headline", "intro".
func (l Look) Clean() (Look, error) {
	var p Problems
	var err error
	if l.Name, err = cleanLine("name", l.Name, maxProductName); err != nil {
		p.Join(err)
	}
	if l.Name == DefaultName {
		l.Name = ""
	}
	if l.Headline, err = cleanLine("headline", l.Headline, maxHeadline); err != nil {
		p.Join(err)
	}
	if l.Intro, err = CleanText("intro", l.Intro, maxIntro); err != nil {
		p.Join(err)
	}
	if l.Accent != "" {
		a, err := ParseAccent(l.Accent)
		p.Join(err)
		l.Accent = a.Light.Text.String()
		if a == DefaultAccent() {
			l.Accent = ""
		}
	}
	return l, p.Err()
}

// Product is the name of the product.
func (l Look) Product() string {
	if l.Name == "" {
		return DefaultName
	}
	return l.Name
}

// Colors is the look's accent.
func (l Look) Colors() Accent {
	if c, ok := ParseColor(l.Accent); ok {
		return NewAccent(c)
	}
	return DefaultAccent()
}
