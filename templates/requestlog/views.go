package requestlog

import (
	"time"

	"gatehouse/templates/format"
	"gatehouse/templates/ui"
)

// View is a page of the log.
type View struct {
	Path     string // of the page
	Subtitle string // whose requests, and what is kept of them
	Ranges   []ui.Range
	Pills    []ui.Pill
	Problems []ui.FieldError

	Search   string
	Apps     []App // to choose from, several at once; none: there is no choice
	API      string
	APIs     []ui.Option // to choose from; none: there is no choice
	Key      string
	Keys     []ui.Option
	Outcome  string
	Outcomes []ui.Option
	Status   string
	Statuses []ui.Option
	Verb     string
	Verbs    []ui.Option
	From, To string // RFC 3339; fields only where one of them is in force
	Span     bool
	Hidden   []ui.Pair // filters in force that no field shows

	Rows    []Row
	Live    bool
	LiveURL string // switches that
	Pages   ui.Pages

	None    *Nothing // there are no rows
	Further *Further // the search ended before the page was full
	Edge    string   // a sentence where the log begins
	Damaged bool     // something could not be read
	Failing bool     // what happens now is not kept
}

// App is one of a developer's.
type App struct {
	ID, Name string
	Chosen   bool
}

// chosen says which apps are.
func (v View) chosen() string {
	n, name := 0, ""
	for _, a := range v.Apps {
		if a.Chosen {
			n, name = n+1, a.Name
		}
	}
	switch n {
	case 0:
		return "All apps"
	case 1:
		return name
	}
	return format.Plural(int64(n), "app")
}

// Row is one request.
type Row struct {
	At      time.Time
	Now     time.Time
	Href    string
	Verb    string
	Path    string
	Status  int // 0: none was sent
	Key     string
	KeyHref string
	Took    string // "43 ms"
	Outcome string // "Throttled"
}

// Nothing says why there are no rows, and where to go.
type Nothing struct {
	Title, Text string
	Href, Label string
	Main        bool // the step is the page's own
}

// Further says how far back it was looked.
type Further struct{ Words, Href string }
