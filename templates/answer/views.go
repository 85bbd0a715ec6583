package answer

import (
	"github.com/a-h/templ"

	"gatehouse/templates/ui"
)

// View is what a call was answered.
type View struct {
	Title    string // "GET /get on prod"
	Failed   string // why there is no answer; empty when there is
	Status   int
	Took     string
	Size     string
	Limits   []string // what is left of each limit, in words
	Headers  []ui.Definition
	Body     templ.Component // nil: nothing is shown
	BodyNote string          // "the first 256 kB of 1.2 MB", "image/png is not shown"
	Hint     string          // what a refusal means and what to do
	HintHref string          // the page about the request; empty: there is none
}
