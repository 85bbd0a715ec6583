package models

import "fmt"

// Shades are an accent in one theme.
type Shades struct {
	Text Color // links, focus, selection
	Soft Color // behind Text
	Line Color // decoration only
}

// Accent is the one colour of a portal in both themes. The owner chooses Light.Text; the rest is derived.
type Accent struct{ Light, Dark Shades }

// MinContrast is the contrast that text needs (WCAG 2.2, 1.4.3).
const MinContrast = 4.5

// The surfaces on which the accent is read, from static/app.css: bg, side, surface, surface-2, surface-3.
var (
	lightSurfaces = [...]Surface{{"page", Color{0xfa, 0xfa, 0xfb}}, {"sidebar", Color{0xf4, 0xf5, 0xf7}}, {"card", Color{0xff, 0xff, 0xff}}, {"raised", Color{0xf5, 0xf6, 0xf8}}, {"pressed", Color{0xec, 0xee, 0xf1}}}
	darkSurfaces  = [...]Surface{{"page", Color{0x0b, 0x0c, 0x0f}}, {"sidebar", Color{0x0f, 0x11, 0x14}}, {"card", Color{0x13, 0x15, 0x19}}, {"raised", Color{0x1a, 0x1d, 0x22}}, {"pressed", Color{0x23, 0x27, 0x2e}}}
)

// Surface is what text stands on.
type Surface struct {
	Name  string
	Color Color
}

// Surfaces are those of the light or of the dark theme, with the accent's own last.
func (a Accent) Surfaces(dark bool) []Surface {
	if dark {
		return append(darkSurfaces[:len(darkSurfaces):len(darkSurfaces)], Surface{"tint", a.Dark.Soft})
	}
	return append(lightSurfaces[:len(lightSurfaces):len(lightSurfaces)], Surface{"tint", a.Light.Soft})
}

// DefaultAccent is the accent as the portal comes.
func DefaultAccent() Accent {
	return Accent{
		Light: Shades{Text: Color{0x2a, 0x57, 0xd6}, Soft: Color{0xeb, 0xf0, 0xfe}, Line: Color{0xb9, 0xca, 0xf8}},
		Dark:  Shades{Text: Color{0x85, 0xa8, 0xff}, Soft: Color{0x18, 0x23, 0x3f}, Line: Color{0x2c, 0x43, 0x80}},
	}
}

// NewAccent derives an accent from its colour in the light theme. The dark one is as light as it must be to be read.
func NewAccent(light Color) Accent {
	if light == DefaultAccent().Light.Text {
		return DefaultAccent()
	}
	t := light.tone()
	a := Accent{
		Light: Shades{Text: light, Soft: tone{0.957, min(t.c*0.12, 0.022), t.h}.color(), Line: tone{0.85, t.c * 0.36, t.h}.color()},
		Dark:  Shades{Soft: tone{0.265, min(t.c*0.3, 0.055), t.h}.color(), Line: tone{0.40, t.c * 0.58, t.h}.color()},
	}
	for dark := (tone{0.74, min(t.c*0.78, 0.15), t.h}); ; dark.l += 0.01 {
		a.Dark.Text = dark.color()
		if a.Worst(true) >= MinContrast || dark.l >= 1 {
			return a
		}
	}
}

// Worst is the lowest contrast of the accent on the surfaces of a theme.
func (a Accent) Worst(dark bool) float64 {
	text, worst := a.Light.Text, 21.0
	if dark {
		text = a.Dark.Text
	}
	for _, s := range a.Surfaces(dark) {
		worst = min(worst, Contrast(text, s.Color))
	}
	return worst
}

// ParseAccent reads the colour of an accent; field "accent". One that cannot be read on its surfaces is refused, with the nearest that can.
func ParseAccent(s string) (Accent, error) {
	c, ok := ParseColor(s)
	if !ok {
		return Accent{}, Invalid("accent", "Write a colour such as #2a57d6.")
	}
	a := NewAccent(c)
	if worst := a.Worst(false); worst < MinContrast {
		return a, Invalid("accent", fmt.Sprintf("%s has a contrast of %.1f to 1 on light pages, and text needs %.1f. The nearest that has it is %s.", c, worst, MinContrast, NearestAccent(c)))
	}
	return a, nil
}

// NearestAccent is the colour nearest to c, of its hue, that can be read on all light surfaces: c itself if it can.
func NearestAccent(c Color) Color {
	for t := c.tone(); ; t.l -= 0.002 {
		if NewAccent(c).Worst(false) >= MinContrast || t.l <= 0 {
			return c
		}
		c = t.color()
	}
}
