package admin

import "gatehouse/templates/public"

// LookView is the page of the portal's look.
type LookView struct {
	Form     LookForm
	Errors   map[string]string
	Problem  string
	LogoHref string // of the image that is in the form; empty: none
	IconHref string
	Contrast ContrastView
	Preview  bool   // the page is drawn as it would be
	Headline string // of the first page, as it would be
	Intro    public.SafeHTML
}

// LookForm is what was typed.
type LookForm struct{ Name, Accent, Logo, Icon, Headline, Intro, Version string }

// ContrastView says how an accent reads in both themes.
type ContrastView struct {
	Problem string // why it is refused; empty: it is not
	Nearest string // the colour that would not be; may be empty
	Themes  []ContrastTheme
}

// ContrastTheme is an accent in one theme.
type ContrastTheme struct {
	Name     string
	Color    string // "#2a57d6"
	Derived  bool   // from the other theme's
	Worst    string // ratio
	Surfaces []ContrastSurface
}

// ContrastSurface is an accent on one surface.
type ContrastSurface struct {
	Name, Color, Ratio string
	Fails              bool
}
