package models

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// MaxTags is how many tags an API may have.
const MaxTags = 6

// tagPattern is a tag: 2 to 30 letters and digits of any script, with single blanks or hyphens between. A comma would end it.
var tagPattern = regexp.MustCompile(`^[\p{L}\p{N}]+(?:[ -][\p{L}\p{N}]+)*$`)

// SplitTags reads tags as they are typed: with commas between them.
func SplitTags(text string) (tags []string) {
	for tag := range strings.SplitSeq(text, ",") {
		if tag = strings.Join(strings.Fields(tag), " "); tag != "" {
			tags = append(tags, tag)
		}
	}
	return tags
}

// CleanTags puts tags into lower case, drops repeated ones and checks the others; field "tags".
func CleanTags(tags []string) ([]string, error) {
	var clean []string
	for _, tag := range tags {
		tag = strings.ToLower(tag)
		if n := len([]rune(tag)); n < 2 || n > 30 || !tagPattern.MatchString(tag) {
			return nil, Invalid("tags", fmt.Sprintf("%q is no tag: use 2 to 30 letters and digits, with blanks or hyphens between, and a comma behind each tag.", CutLine(tag, 40)))
		}
		if !slices.Contains(clean, tag) {
			clean = append(clean, tag)
		}
	}
	if len(clean) > MaxTags {
		return nil, Invalid("tags", fmt.Sprintf("Use at most %d tags, these are %d.", MaxTags, len(clean)))
	}
	return clean, nil
}
