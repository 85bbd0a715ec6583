package pages

// ProblemView is what went wrong, in words for the person who caused it.
type ProblemView struct {
	Title    string
	Text     string // a sentence that says what to do
	NotFound bool   // there is nothing here, for this reader
}

// BrokenView is a fault of ours.
type BrokenView struct {
	RequestID string // finds the fault in the log
}
