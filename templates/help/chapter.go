package help

import "gatehouse/templates/public"

// ChapterView is a chapter of the documentation.
type ChapterView struct {
	Title    string
	Text     public.SafeHTML
	Contents []public.Heading
}
