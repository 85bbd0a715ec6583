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

// Refusal is an error whose text is a sentence for people: what is wrong with what they gave, and what to do.
type Refusal string

// Error is the sentence.
func (r Refusal) Error() string { return string(r) }

func refuse(format string, args ...any) error { return Refusal(fmt.Sprintf(format, args...)) }

// CheckPassword returns nil or a Refusal. There are no rules of composition: a password must be long enough, and not among the
// first that somebody would try. Context is what is known of the account: its name, its e-mail address.
func CheckPassword(password string, context ...string) error {
	n := utf8.RuneCountInString(password)
	lower := strings.ToLower(password)
	switch {
	case !utf8.ValidString(password):
		return refuse("The password has characters that cannot be read. Please type it again.")
	case n < MinPassword:
		return refuse("Use at least %d characters; this password has %d. A few words in a row are easy to remember.", MinPassword, n)
	case n > MaxPassword:
		return refuse("Use at most %d characters; this password has %d.", MaxPassword, n)
	case repeats([]rune(lower)):
		return refuse("This password repeats itself. Use something less regular.")
	case isSequence([]rune(lower)):
		return refuse("This password is a row of neighbours in the alphabet or on the keyboard. Use something less regular.")
	case leansOn(lower, append([]string{"gatehouse"}, context...)):
		return refuse("This password is little more than your name, your e-mail address or the name of this product. Use something else.")
	case isCommon(lower):
		return refuse("This password is among the first that somebody would try. Use something that only you would think of.")
	}
	return nil
}

// repeats: fewer than 5 different characters, or a piece too short for a password over and over.
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

// keyboardPaths are walked in either direction.
const keyboardPaths = `
1234567890qwertyuiopasdfghjklzxcvbnm1234567890qwertyuiop1234567890
1234567890-=qwertyuiop[]\asdfghjkl;'zxcvbnm,./
!@#$%^&*()_+qwertyuiop{}|asdfghjkl:"zxcvbnm<>?
1q2w3e4r5t6y7u8i9o0p
q1w2e3r4t5y6u7i8o9p0
qawsedrftgyhujikolp
1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/
1qazxsw23edcvfr45tgbnhy67ujm
qazwsxedcrfvtgbyhnujmikolp
!qaz@wsx#edc$rfv%tgb^yhn
qwertzuiopasdfghjklyxcvbnm
azertyuiopqsdfghjklmwxcvbn
`

// isSequence: a run of neighbours of the alphabet with at most 2 breaks, or a path along a keyboard.
func isSequence(s []rune) bool {
	breaks := 0
	for i := 1; i < len(s); i++ {
		if step := s[i] - s[i-1]; step < -1 || step > 1 {
			breaks++
		}
	}
	mirrored := make([]rune, len(s))
	for i, r := range s {
		mirrored[len(s)-1-i] = r
	}
	return breaks <= 2 || strings.Contains(keyboardPaths, string(s)) || strings.Contains(keyboardPaths, string(mirrored))
}

// isCommon: a password of the lists, also with at most 4 characters more at its ends ("password123!!"), or a word of the lists with at
// most 8 digits and signs around it, also when it is written with digits and signs for letters and between words ("P@ssw0rd-2024!").
func isCommon(s string) bool {
	const most = 4
	for before := range most + 1 {
		for after := range most + 1 - before {
			if end := len(s) - after; end-before >= 8 && listed(s[before:end]) {
				return true
			}
		}
	}
	first, last := strings.IndexFunc(s, unicode.IsLetter), strings.LastIndexFunc(s, unicode.IsLetter)
	if first < 0 {
		return false
	}
	_, size := utf8.DecodeRuneInString(s[last:])
	core := s[first : last+size]
	letters := strings.NewReplacer("0", "o", "1", "l", "3", "e", "4", "a", "@", "a", "5", "s", "$", "s", "7", "t", "!", "i").Replace(core)
	letters = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return r
		}
		return -1
	}, letters)
	return len(s)-len(core) <= 8 && listed(letters)
}

// leansOn: fewer than 8 letters and digits are left when the words of context, of 4 or more characters, are taken out.
func leansOn(s string, context []string) bool {
	between := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	left := s
	for _, c := range context {
		for _, word := range strings.FieldsFunc(strings.ToLower(c), between) {
			if utf8.RuneCountInString(word) >= 4 {
				left = strings.ReplaceAll(left, word, " ")
			}
		}
	}
	return left != s && utf8.RuneCountInString(strings.Join(strings.FieldsFunc(left, between), "")) < 8
}
