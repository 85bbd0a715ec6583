package models

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// ResourceKind is what a tag of the management API is on.
type ResourceKind string

// The things that can be tagged.
const (
	ResourceAPI   ResourceKind = "restapi"
	ResourceStage ResourceKind = "stage"
	ResourceKey   ResourceKind = "apikey"
	ResourcePlan  ResourceKind = "usageplan"
)

// Limits of the tags of a thing, AWS's (spec 1.4).
const (
	MaxResourceTags  = 50
	maxResourceTag   = 128 // characters of a name
	maxResourceValue = 256
)

// OwnTag is what the names of tags begin with that say what a thing is here. They are not kept, but read from the thing and written to it.
const OwnTag = "gatehouse:"

// ResourceTags are what an owner wrote on a thing: value by name. They mean nothing to Gatehouse.
type ResourceTags map[string]string

// Check says whether tags can be kept; field "tags".
func (tags ResourceTags) Check() error {
	if len(tags) > MaxResourceTags {
		return Invalid("tags", fmt.Sprintf("A resource has at most %d tags, these are %d.", MaxResourceTags, len(tags)))
	}
	for name, value := range tags {
		switch {
		case name == "" || utf8.RuneCountInString(name) > maxResourceTag:
			return Invalid("tags", fmt.Sprintf("The name of a tag has 1 to %d characters.", maxResourceTag))
		case strings.HasPrefix(strings.ToLower(name), "aws:"):
			return Invalid("tags", fmt.Sprintf("The tag %q begins with aws:, which is not for others to use.", name))
		case strings.HasPrefix(name, OwnTag):
			return Invalid("tags", fmt.Sprintf("There is no tag %q here: names that begin with %s are Gatehouse's.", name, OwnTag))
		case utf8.RuneCountInString(value) > maxResourceValue:
			return Invalid("tags", fmt.Sprintf("The value of the tag %q has more than %d characters.", name, maxResourceValue))
		case hasControl(name) || hasControl(value):
			return Invalid("tags", fmt.Sprintf("The tag %q has control characters.", CutLine(name, 40)))
		}
	}
	return nil
}
