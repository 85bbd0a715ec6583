package secret_test

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/models/secret"
)

func TestCheckPassword(t *testing.T) {
	context := []string{"Ada Lovelace", "ada.lovelace@analytical.example"}
	tests := []struct {
		name     string
		password string
		want     string // part of the sentence; empty: accepted
	}{
		{"a few words", "copper teapot maple", ""},
		{"random", "vX9-kq2Lw0pz", ""},
		{"twelve code points of more bytes", "ñandú-密码-øre!", ""},
		{"longest", strings.Repeat("copper teapot ma", 8), ""},
		{"words that are common, among others", "sunshine over copper teapots", ""},
		{"a name among other words", "lovelace walks over copper", ""},
		{"no password", "", "at least 12 characters; this password has 0"},
		{"eleven", "vX9-kq2Lw0p", "at least 12 characters; this password has 11"},
		{"too long", strings.Repeat("copper teapot ma", 8) + "!", "at most 128 characters; this password has 129"},
		{"not text", "vX9-kq2Lw0pz\xff", "cannot be read"},
		{"one character", "aaaaaaaaaaaa", "repeats itself"},
		{"few characters", "abababcdcdcdab", "repeats itself"},
		{"a short piece again and again", "teapotteapotteapot", "repeats itself"},
		{"digits", "123456789012", "row of neighbours"},
		{"digits backwards", "0987654321098", "row of neighbours"},
		{"alphabet", "abcdefghijklm", "row of neighbours"},
		{"keyboard", "qwertyuiopas", "row of neighbours"},
		{"keyboard in capitals, backwards", "MNBVCXZLKJHG", "row of neighbours"},
		{"keyboard in columns", "1qaz2wsx3edc", "row of neighbours"},
		{"common", "passwordpassword", "repeats itself"},
		{"a common word with digits", "Password12345", "among the first"},
		{"a common word in disguise", "P@ssw0rd-2024!", "among the first"},
		{"a common phrase", "Correct Horse Battery Staple", "among the first"},
		{"common as it is", "1q2w3e4r5t6y7u", "row of neighbours"},
		{"common digits", "314159265358", "among the first"},
		{"from a leak", "morganstanley", "among the first"},
		{"from a leak with a little around it", "!bulldog1999!", "among the first"},
		{"a name with digits", "Lovelace2024!", "little more than your name"},
		{"an address", "ada.lovelace@analytical.example", "little more than your name"},
		{"the product", "gatehouse-1234", "little more than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := secret.CheckPassword(tt.password, context...)
			if tt.want == "" {
				if err != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			var refusal secret.Refusal
			if !errors.As(err, &refusal) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if len(tt.password) > 4 && err != nil && strings.Contains(err.Error(), tt.password) {
				t.Error("the sentence tells the password")
			}
		})
	}
}

func FuzzCheckPassword(f *testing.F) {
	f.Add("copper teapot maple", "Ada")
	f.Add("P@ssw0rd-2024!", "")
	f.Add("\xff\xfe", "\xff")
	f.Fuzz(func(t *testing.T, password, context string) {
		err := secret.CheckPassword(password, context)
		if err == nil && len(password) < secret.MinPassword {
			t.Errorf("%q was accepted", password)
		}
	})
}
