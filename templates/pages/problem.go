package pages

// ProblemView is what went wrong, in words for the person who caused it.
type ProblemView struct {
	Title    string
	Text     string // a sentence that says what to do
	NotFound bool   // there is nothing here, for this reader
	SignedIn bool
	Next     *Step // where to go on instead of home; nil: home
}

// Step is a place to go on.
type Step struct{ Label, Href string }

// home is where the reader begins.
func (v ProblemView) home() string {
	if v.SignedIn {
		return "/home"
	}
	return "/"
}

// BrokenView is a fault of ours.
type BrokenView struct {
	RequestID string // finds the fault in the log
	Retry     string // URL of the page that failed; empty where it was a form
}
