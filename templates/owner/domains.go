package owner

import (
	"time"

	"gatehouse/templates/ui"
)

// DomainsView is the custom domains of a stage.
type DomainsView struct {
	Frame    StageFrame
	Href     string // of the list itself
	Example  string // a base path's effect, for the hint
	Rows     []DomainRow
	Full     bool // no more may be added
	Unproved bool // one of them is
	Now      time.Time
}

// DomainRow is one of them.
type DomainRow struct {
	ID, Host, Base, Href string
	State                ui.BadgeProps
	Words                string // on its state
	Certificate          string // what its certificate is; empty: not said
	CertificateBad       bool
	Checked              time.Time // zero: not yet
	Records              string    // to set in DNS; empty: nothing is missing
}
