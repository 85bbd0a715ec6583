package openapi

import (
	"strconv"
	"strings"
	"unicode"
)

// maxSlug bounds the name of an operation in an address, in bytes.
const maxSlug = 80

// Slug is the name of an operation in an address: its operationId in words, "listPets" as "list-pets", else its verb and path, "get-pets-id". It has
// lower-case letters, digits and hyphens alone, begins and ends with no hyphen, and is never empty.
func Slug(op Operation) string {
	if s := kebab(op.ID); s != "" {
		return s
	}
	if s := kebab(op.Verb + " " + op.Path); s != "" && op.Path != "/" {
		return s
	}
	return strings.ToLower(op.Verb) + "-root"
}

// kebab puts the words of a name in lower case with hyphens between them.
func kebab(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r):
			r = '-'
		case unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || unicode.IsDigit(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]) && unicode.IsUpper(runes[i-1])):
			b.WriteByte('-') // a word begins: listPets, getURLOfPet
		}
		if s := b.String(); r != '-' || s != "" && !strings.HasSuffix(s, "-") {
			b.WriteRune(unicode.ToLower(r))
		}
		if b.Len() >= maxSlug {
			break
		}
	}
	return strings.Trim(strings.ReplaceAll(b.String(), "--", "-"), "-")
}

// Slugs names operations in addresses, each differently. The zero value has none yet.
type Slugs struct {
	next map[string]int // name -> number that its next bearer gets
}

// Name gives an operation its name: the first that wants one has it, later ones get a number behind theirs.
func (s *Slugs) Name(op Operation) string { return s.unique(Slug(op)) }

// Reserve keeps a name from being given.
func (s *Slugs) Reserve(name string) { s.unique(name) }

func (s *Slugs) unique(name string) string {
	if s.next == nil {
		s.next = map[string]int{}
	}
	n, taken := s.next[name]
	if !taken {
		s.next[name] = 2
		return name
	}
	for ; ; n++ {
		free := name + "-" + strconv.Itoa(n)
		if _, taken := s.next[free]; !taken {
			s.next[name], s.next[free] = n+1, 2
			return free
		}
	}
}
