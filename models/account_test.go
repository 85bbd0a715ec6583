package models_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
)

func TestNamesAreTrimmedAndPrintable(t *testing.T) {
	for _, c := range []struct {
		in, want string
		ok       bool
	}{
		{"  Weather ", "Weather", true},
		{"Zoë's app 🌦", "Zoë's app 🌦", true},
		{strings.Repeat("é", 80), strings.Repeat("é", 80), true},
		{strings.Repeat("é", 81), "", false},
		{" \t", "", false},
		{"a\nb", "", false},
		{"a\x00b", "", false},
		{"a\xffb", "", false},
	} {
		got, err := models.CleanName("name", c.in)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%q: got %q, %v", c.in, got, err)
		}
	}
}

func TestTextsKeepLineBreaksOnly(t *testing.T) {
	if got, err := models.CleanText("text", " a\r\n\tb ", 10); got != "a\n\tb" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	for _, bad := range []string{"a\x07", "12345678901"} {
		if _, err := models.CleanText("text", bad, 10); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestEmailAddressesAreBare(t *testing.T) {
	for in, ok := range map[string]bool{
		"ana@example.com": true, " ana+x@example.com ": true,
		"": false, "ana": false, "Ana <ana@example.com>": false, "ana@example.com\n": true, "a b@example.com": false,
		"\"a b\"@example.com": false, strings.Repeat("a", 250) + "@example.com": false,
	} {
		if _, err := models.CleanEmail(in); (err == nil) != ok {
			t.Errorf("%q: got %v", in, err)
		}
	}
}

func TestRolesSurviveTheirNames(t *testing.T) {
	for _, r := range []models.Role{models.RoleDeveloper, models.RoleOwner, models.RoleAdmin} {
		if got, err := models.ParseRole(r.String()); got != r || err != nil {
			t.Errorf("%s: got %v, %v", r, got, err)
		}
	}
	for _, s := range []string{"", "root", "Admin"} {
		if _, err := models.ParseRole(s); err == nil {
			t.Errorf("%q is a role", s)
		}
	}
}

func TestProblemsKeepTheFirstSentenceOfAField(t *testing.T) {
	var p models.Problems
	if p.Err() != nil {
		t.Fatal("no problems are an error")
	}
	p.Add("a", "first")
	p.Add("a", "second")
	p.Join(nil, errors.New("a fault"), models.Invalid("b", "third"))
	err := p.Err()
	if models.KindOf(err) != models.KindInvalid {
		t.Fatalf("got %v", err)
	}
	if diff := cmp.Diff(map[string]string{"a": "first", "b": "third"}, err.(*models.Error).Fields); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if models.Sentence(errors.New("a fault")) != "" || models.Sentence(err) == "" {
		t.Error("a sentence for people was made of a fault, or none of an error for them")
	}
}
