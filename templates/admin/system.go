package admin

import (
	"time"

	"gatehouse/templates/ui"
)

// SystemView says how the process is.
type SystemView struct {
	Ready             bool
	Trouble, Operator string // what is wrong, and what to do
	Groups            []FactGroup
	Report            string
	Now               time.Time
}

// FactGroup is facts of one kind.
type FactGroup struct {
	Title string
	Facts []ui.Definition
}

// JobsView lists long work.
type JobsView struct {
	Rows     []JobRow
	Openings []OpeningRow
	Busy     bool
	Pages    ui.Pages
	Now      time.Time
}

// JobRow is an import.
type JobRow struct {
	File, Owner, Progress, Reason string
	State                         ui.BadgeProps
	At, Ended                     time.Time
}

// OpeningRow is a plan whose keys are being let into a stage.
type OpeningRow struct{ Plan, Stage, Owner string }
