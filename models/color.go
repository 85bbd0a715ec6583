package models

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Color is an sRGB colour of a page.
type Color struct{ R, G, B uint8 }

// ParseColor reads "#2a57d6", "2a57d6" or "#25d".
func ParseColor(s string) (Color, bool) {
	s = strings.TrimPrefix(strings.TrimSpace(s), "#")
	if len(s) == 3 {
		s = string([]byte{s[0], s[0], s[1], s[1], s[2], s[2]})
	}
	n, err := strconv.ParseUint(s, 16, 32)
	if err != nil || len(s) != 6 {
		return Color{}, false
	}
	return Color{uint8(n >> 16), uint8(n >> 8), uint8(n)}, true
}

// String returns "#2a57d6".
func (c Color) String() string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// linear is one channel as light, 0 to 1 (IEC 61966-2-1).
func linear(v uint8) float64 {
	x := float64(v) / 255
	if x <= 0.04045 {
		return x / 12.92
	}
	return math.Pow((x+0.055)/1.055, 2.4)
}

// channel is the reverse of linear; ok is false where no screen has the light.
func channel(x float64) (v uint8, ok bool) {
	if x < -1e-4 || x > 1+1e-4 {
		return 0, false
	}
	x = min(max(x, 0), 1)
	if x <= 0.0031308 {
		x *= 12.92
	} else {
		x = 1.055*math.Pow(x, 1/2.4) - 0.055
	}
	return uint8(math.Round(x * 255)), true
}

// luminance is WCAG 2.2's relative luminance.
func (c Color) luminance() float64 {
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}

// Contrast is WCAG 2.2's contrast ratio of two colours, 1 to 21.
func Contrast(a, b Color) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// tone is a colour by lightness (0 to 1), chroma and hue (radians): OKLCH, in which equal steps look equal (bottosson.github.io/posts/oklab).
type tone struct{ l, c, h float64 }

func (c Color) tone() tone {
	r, g, b := linear(c.R), linear(c.G), linear(c.B)
	l := math.Cbrt(0.4122214708*r + 0.5363325363*g + 0.0514459929*b)
	m := math.Cbrt(0.2119034982*r + 0.6806995451*g + 0.1073969566*b)
	s := math.Cbrt(0.0883024619*r + 0.2817188376*g + 0.6299787005*b)
	lightness := 0.2104542553*l + 0.7936177850*m - 0.0040720468*s
	x := 1.9779984951*l - 2.4285922050*m + 0.4505937099*s
	y := 0.0259040371*l + 0.7827717662*m - 0.8086757660*s
	return tone{lightness, math.Hypot(x, y), math.Atan2(y, x)}
}

// color is the tone on a screen. One that no screen has loses chroma until one has it; its lightness and hue stay.
func (t tone) color() Color {
	for {
		x, y := t.c*math.Cos(t.h), t.c*math.Sin(t.h)
		l := math.Pow(t.l+0.3963377774*x+0.2158037573*y, 3)
		m := math.Pow(t.l-0.1055613458*x-0.0638541728*y, 3)
		s := math.Pow(t.l-0.0894841775*x-1.2914855480*y, 3)
		r, okR := channel(4.0767416621*l - 3.3077115913*m + 0.2309699292*s)
		g, okG := channel(-1.2684380046*l + 2.6097574011*m - 0.3413193965*s)
		b, okB := channel(-0.0041960863*l - 0.7034186147*m + 1.7076147010*s)
		if okR && okG && okB {
			return Color{r, g, b}
		}
		if t.c < 0.004 {
			return tone{l: min(max(t.l, 0), 1)}.color()
		}
		t.c -= 0.004
	}
}
