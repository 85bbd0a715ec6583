package secret

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Lengths of a password, in code points.
const (
	MinPassword = 12
	MaxPassword = 128
)

// Weak is the error of CheckPassword: a sentence for people.
type Weak string

// Error is the sentence.
func (w Weak) Error() string { return string(w) }

// CheckPassword returns nil or a Weak. There are no rules of composition; a password must be long enough and not among the first
// that somebody would try. Context is what is known of the account: its name, its e-mail address.
func CheckPassword(password string, context ...string) error {
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return Weak("The password has characters that cannot be read. Please type it again.")
	case n < MinPassword:
		return Weak(fmt.Sprintf("Use at least %d characters; this password has %d. A few words in a row are easy to remember.", MinPassword, n))
	case n > MaxPassword:
		return Weak(fmt.Sprintf("Use at most %d characters; this password has %d.", MaxPassword, n))
	}
	lower := strings.ToLower(password)
	switch {
	case repeats([]rune(lower)):
		return Weak("This password repeats itself. Use something less regular.")
	case isSequence(lower):
		return Weak("This password is a row of neighbours, as in the alphabet or on a keyboard. Use something less regular.")
	case isCommon(lower):
		return Weak("This password is among the first that somebody would try. Use something that only you would think of.")
	case leansOn(lower, append(context, "gatehouse")):
		return Weak("This password is little more than your name, your e-mail address or the name of this product. Use something else.")
	}
	return nil
}

// repeats: fewer than 5 different characters, or a piece shorter than a password, over and over.
func repeats(s []rune) bool {
	different := map[rune]bool{}
	for _, r := range s {
		different[r] = true
	}
	if len(different) < 5 {
		return true
	}
	for period := 1; period <= len(s)/2 && period < MinPassword; period++ {
		i := period
		for i < len(s) && s[i] == s[i-period] {
			i++
		}
		if i == len(s) {
			return true
		}
	}
	return false
}

// isSequence: at most 2 breaks in a run of neighbours of the alphabet, or a path along a keyboard.
func isSequence(s string) bool {
	breaks, previous, mirrored := 0, rune(-1), ""
	for _, r := range s {
		if step := r - previous; previous >= 0 && step != 1 && step != -1 && step != 0 {
			breaks++
		}
		previous, mirrored = r, string(r)+mirrored
	}
	if breaks <= 2 {
		return true
	}
	for _, path := range [...]string{
		"1234567890qwertyuiopasdfghjklzxcvbnm1234567890", "qwertyuiop1234567890", "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0",
		"1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p1qaz2wsx", "qazwsxedcrfvtgbyhnujmikolp", "!qaz@wsx#edc$rfv%tgb^yhn",
		"!@#$%^&*()qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm", "azertyuiopqsdfghjklmwxcvbn",
	} {
		if strings.Contains(path, s) || strings.Contains(path, mirrored) {
			return true
		}
	}
	return false
}

// isCommon: one of the list, or a word of the list with at most 8 digits and signs around it, also when it is written with digits
// for letters ("P@ssw0rd2024!").
func isCommon(s string) bool {
	asLetters := strings.NewReplacer("0", "o", "1", "l", "3", "e", "4", "a", "@", "a", "5", "s", "$", "s", "7", "t", "!", "i").Replace(s)
	notLetter := func(r rune) bool { return !unicode.IsLetter(r) }
	for _, form := range [...]string{s, strings.TrimFunc(s, notLetter), asLetters, leet(s)} {
		if len(s)-len(form) <= 8 && strings.Contains(commonPasswords, "\n"+form+"\n") {
			return true
		}
	}
	return false
}

// leet reads digits as letters up to the last letter, and drops what follows.
func leet(s string) string {
	end := strings.LastIndexFunc(s, unicode.IsLetter) + 1
	start := max(strings.IndexFunc(s, unicode.IsLetter), 0)
	return strings.NewReplacer("0", "o", "1", "l", "3", "e", "4", "a", "@", "a", "5", "s", "$", "s", "7", "t", "!", "i").Replace(s[start:max(end, start)])
}

// leansOn: fewer than 8 letters and digits are left when the words of context of 4 or more characters are taken out.
func leansOn(s string, context []string) bool {
	split := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	left := s
	for _, c := range context {
		for _, word := range strings.FieldsFunc(strings.ToLower(c), split) {
			if utf8.RuneCountInString(word) >= 4 {
				left = strings.ReplaceAll(left, word, " ")
			}
		}
	}
	return left != s && utf8.RuneCountInString(strings.Join(strings.FieldsFunc(left, split), "")) < 8
}
