package usage

import (
	"time"

	"gatehouse/templates/ui"
)

// MonthsView is an owner's months.
type MonthsView struct {
	Rows []MonthRow
	Next ui.Step // what the owner does next, where there are no rows
}

// MonthRow is a month; one that is closed has links.
type MonthRow struct {
	Name, Text      string
	State           ui.BadgeProps
	ClosedAt        time.Time
	Href, CSV, JSON string
}

// StatementSums are requests.
type StatementSums struct{ Charged, Admitted, Refunded, Refused, Extra int64 }

// StatementsView is the customers of a closed month.
type StatementsView struct {
	Month     string
	ClosedAt  time.Time
	CSV, JSON string
	Rows      []StatementRow
	Pages     ui.Pages
}

// StatementRow is a statement in a list.
type StatementRow struct {
	Name, Detail, Href string // of the customer
	Month, Owner       string
	Sums               StatementSums
}

// StatementView is one statement.
type StatementView struct {
	Customer, Email, Owner, Month string
	ClosedAt                      time.Time
	Sums                          StatementSums
	Lines                         []StatementLine
	Operations                    []StatementOperation
	OperationsNote                string // what the table lacks; "" for nothing
	UsageHref                     string // of the owner's page of the same; "" for developers
}

// StatementOperation is what was called of one operation on one stage.
type StatementOperation struct {
	Verb, Path, Stage string // no verb: it is no method
	Admitted, Refused int64
	Share             float64 // of all requests of the statement
}

// StatementLine is a key on a plan.
type StatementLine struct {
	Plan, Key string
	Sums      StatementSums
}
