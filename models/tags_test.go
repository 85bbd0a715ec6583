package models_test

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/models"
)

func TestTagsAreKeptInOneForm(t *testing.T) {
	for typed, want := range map[string][]string{
		"":                                 nil,
		" , ,":                             nil,
		"Weather,  open   data ,weather":   {"weather", "open data"},
		"geo-data, İstanbul, 天気":           {"geo-data", strings.ToLower("İstanbul"), "天気"},
		"maps":                             {"maps"},
		"a":                                nil,
		"no/slash":                         nil,
		"-x":                               nil,
		"ab, cd, ef, gh, ij, kl, mn":       nil,
		strings.Repeat("x", 31):            nil,
		"ab, cd, ef, gh, ij, kl, KL":       {"ab", "cd", "ef", "gh", "ij", "kl"},
		"<script>alert(1)</script>":        nil,
		"two  words":                       {"two words"},
		"1, 2":                             nil,
		"3d models , machine learning  ,,": {"3d models", "machine learning"},
	} {
		got, err := models.CleanTags(models.SplitTags(typed))
		if refused := want == nil && strings.Trim(typed, " ,") != ""; refused != (err != nil) || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", typed, got, err, want)
		}
	}
}
