package search

// View is what was found.
type View struct {
	Query   string
	Groups  []Group
	Visitor bool // nobody is signed in
}

// Group is what was found of one kind.
type Group struct {
	Title    string
	Items    []Item
	MoreHref string // the list of all that match; may be empty
}

// Item is one thing.
type Item struct {
	Label, Detail, Href string
	Icon                string
	Mono                bool
}
