package models_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/models"
)

// Whatever a brand's colour is, what the portal makes of it can be read.
func TestEveryAccentCanBeReadInBothThemes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := models.Color{R: rapid.Uint8().Draw(t, "r"), G: rapid.Uint8().Draw(t, "g"), B: rapid.Uint8().Draw(t, "b")}
		near := models.NearestAccent(c)
		a, err := models.ParseAccent(near.String())
		if err != nil {
			t.Fatalf("%v: the nearest, %v, is refused: %v", c, near, err)
		}
		for _, dark := range []bool{false, true} {
			if worst := a.Worst(dark); worst < models.MinContrast {
				t.Fatalf("%v: %.2f to 1 (dark: %v)", near, worst, dark)
			}
		}
		if _, err := models.ParseAccent(c.String()); err == nil && near != c {
			t.Fatalf("%v is legal, and %v is offered", c, near)
		}
	})
}

func TestAnAccentThatCannotBeReadIsRefusedWithTheNearestThatCan(t *testing.T) {
	for typed, want := range map[string]string{"#ffcc00": "nearest that has it is #", "#7f7fff": "nearest that has it is #", "blue": "Write a colour", "#12345": "Write a colour", "": "Write a colour"} {
		_, err := models.ParseAccent(typed)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", typed, err, want)
		}
	}
	for _, typed := range []string{"#2a57d6", "2A57D6", " #25d ", "#0b6b3a", "#000000"} {
		if _, err := models.ParseAccent(typed); err != nil {
			t.Errorf("%q: %v", typed, err)
		}
	}
}

// The check means nothing if pages have other surfaces than it knows.
func TestTheSurfacesAreThoseOfTheStyleSheet(t *testing.T) {
	css, err := os.ReadFile("../static/app.css")
	if err != nil {
		t.Fatal(err)
	}
	tokens := map[string][2]string{}
	for _, m := range regexp.MustCompile(`--([\w-]+):light-dark\((#\w{6}),(#\w{6})\)`).FindAllStringSubmatch(string(css), -1) {
		tokens[m[1]] = [2]string{m[2], m[3]}
	}
	a := models.DefaultAccent()
	light, dark := a.Surfaces(false), a.Surfaces(true)
	for i, token := range []string{"bg", "side", "surface", "surface-2", "surface-3", "accent-soft"} {
		if got := [2]string{light[i].Color.String(), dark[i].Color.String()}; got != tokens[token] {
			t.Errorf("--%s is %v in the sheet and %v here", token, tokens[token], got)
		}
	}
	for token, shade := range map[string][2]models.Color{"accent": {a.Light.Text, a.Dark.Text}, "accent-line": {a.Light.Line, a.Dark.Line}} {
		if got := [2]string{shade[0].String(), shade[1].String()}; got != tokens[token] {
			t.Errorf("--%s is %v in the sheet and %v here", token, tokens[token], got)
		}
	}
}
