package owner

import (
	"time"

	"gatehouse/templates/ui"
)

// DiffView is what a document changes of an API: one that waits, or the one that was imported last.
type DiffView struct {
	API, APIHref, Href, ImportHref string
	Now                            time.Time
	None                           bool // no document waits, and none was imported over another
	Waits, Stale                   bool
	Change                         string // id of what waits
	File, By                       string
	At                             time.Time // when it came, or was imported
	Before, After                  string    // title, version and format of the documents
	OtherHref, OtherWords          string    // the other of the two comparisons; empty for none
	ChangelogHref                  string
	Deploys                        []DiffDeploy // what brings an import to callers; none when it is there
	Lead                           string       // what it comes to, in a sentence
	Sum                            string       // how many operations and schemas that is
	Broken                         bool         // somebody's program breaks
	Callers                        DiffCallers
	Tabs                           []ui.Tab
	Show, Query                    string
	Groups                         []DiffGroup
	Pages                          ui.Pages
	Notes                          []Note
}

// DiffDeploy deploys to a stage.
type DiffDeploy struct{ Stage, Action string }

// DiffCallers are the keys that call what breaks.
type DiffCallers struct {
	Words string // "14 keys called 3 of these operations in the last 30 days"
	Rows  []CallerRow
	More  bool // there are more keys than rows
}

// DiffGroup are items of one weight.
type DiffGroup struct {
	ID, Title, Text string
	Items           []DiffItem
}

// DiffItem is one operation, webhook or schema.
type DiffItem struct {
	ID, Href            string
	Verb, Name, Summary string
	Badges              []ui.BadgeProps
	Changes             []DiffChange
	More                int    // changes that the item's own page lists
	Through             string // schemas by which an operation changes
	UsedBy              string // operations that use a schema
	Calls               string // "4 keys, 1,204 calls in 30 days"; empty where that does not matter
}

// DiffChange is one change by its rule.
type DiffChange struct {
	Level              ui.BadgeProps // without text for what harms nobody
	Words, Where       string
	Before, After, Why string
}

// DiffItemView is an item on a page of its own.
type DiffItemView struct {
	API, List string
	Item      DiffItem
	Now       time.Time
	Callers   DiffCallers
	Asked     bool   // whether callers were looked for
	Deprecate string // where the operation can be deprecated instead of removed; empty for none
}
