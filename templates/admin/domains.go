package admin

import (
	"time"

	"gatehouse/templates/ui"
)

// DomainsView lists everybody's custom domains.
type DomainsView struct {
	Rows  []DomainRow
	Pages ui.Pages
	Now   time.Time
}

// DomainRow is a custom domain.
type DomainRow struct {
	Host, Leads, Owner, Href, Words string
	State                           ui.BadgeProps
	Waiting                         bool
	Added                           time.Time
}
