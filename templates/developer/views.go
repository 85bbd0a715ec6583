package developer

import (
	"strings"
	"time"

	"github.com/a-h/templ"

	"gatehouse/templates/chart"
	"gatehouse/templates/ui"
)

// KeyLine is a key in a table.
type KeyLine struct {
	Name, Href     string
	Hint           string // "gwk1…8Pz2"
	App, AppHref   string // empty on the app's own page
	Status         ui.BadgeProps
	Plans          string // "Growth", "2 plans"
	LastUsed       time.Time
	Spark          []float64 // calls a day
	Calls          string    // in words: "1,204 calls in 7 days"
	Expires        time.Time
	Near           bool   // it expires soon
	Gone           string // "Revoked 3 Mar 2026", "Expired …": the row is greyed; empty for a key that works
	Rotate, Revoke bool   // what can still be done
}

// KeyTable is a list of keys.
type KeyTable struct {
	Title string // names the table for those who do not see it
	Now   time.Time
	Keys  []KeyLine
	Apps  bool // says which app each key is of
	Spark bool // shows the last seven days
}

// split cuts a hint into the beginning and the last four characters of a key.
func split(hint string) (prefix, last string) {
	prefix, last, _ = strings.Cut(hint, "…")
	return prefix, last
}

// pages is the foot of a list; a list on one page has none.
func pages(p ui.Pages) templ.Component {
	if p == (ui.Pages{}) {
		return nil
	}
	return ui.Pagination(p)
}

// SubscriptionCard is a subscription with the key that is nearest to its quota.
type SubscriptionCard struct {
	API, Stages    string
	Href           string // of the subscription
	DocsHref       string
	Plan, Price    string
	App            string // empty on the app's own page
	State          ui.BadgeProps
	Meter          *chart.Meter
	Extra          string // "+500 extra until 1 Dec, 00:00 UTC"; empty where the quota was not extended
	Nearest        string // the key that the meter is of, where there are several
	NearestHref    string
	Text           string // in place of the meter: why there is none
	Limits         string // "50 rps · burst 100 · 2 keys"
	Ends           string // "Ends 24 Dec 2026"; empty where no end is announced
	Action, ToHref string // what to do next; empty for nothing
}

// QuotaCard is a key on a plan with its quota and its rate.
type QuotaCard struct {
	ID             string // unique in the page
	Key, KeyHref   string
	Plan, PlanHref string
	Meter          *chart.Meter // nil: the plan has no quota
	Extra          string       // "+500 extra until 1 Dec, 00:00 UTC"; empty where the quota was not extended
	Own            string       // that the key has limits of its own, in sentences; empty where it has the plan's
	Burn           *chart.Burn
	Throttled      bool // the plan has a throttle
	Rate, Burst    float64
	Brief          bool   // what the plan allows stands elsewhere in the page
	Level          string // "93 of 100 requests can be sent at once now"
	Slower         []Slower
	State          ui.BadgeProps
	Text           string // what the state means; empty while calls pass
	Charge         string // what counts
	API, APIHref   string
	Stages         string
}

// Slower is a method with a limit of its own.
type Slower struct{ Method, Limit string }
