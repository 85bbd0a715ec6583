package owner

import (
	"time"

	"gatehouse/templates/chart"
	"gatehouse/templates/ui"
)

// ImportKeysView asks for a file of keys.
type ImportKeysView struct {
	Plans []ui.Option // ids to write into the file
	Lines []LineProblem
}

// LineProblem is a mistake in a line.
type LineProblem struct {
	Line int
	Text string
}

// KeyImportsView is the list of imports.
type KeyImportsView struct {
	Now   time.Time
	Rows  []KeyImportRow
	Pages ui.Pages
}

// KeyImportRow is an import in a list.
type KeyImportRow struct {
	Href, File              string
	State                   ui.BadgeProps
	Lines, Created, Updated int64
	At                      time.Time
}

// KeyImportView is where an import stands.
type KeyImportView struct {
	Href, File, Size, By string
	At, Ended, Now       time.Time
	State                ui.BadgeProps
	Title, Text, Problem string
	Meter                *chart.Meter    // nil: nothing is being written
	Counts               []ui.Definition // of lines; none: not known yet
	Lines                []LineProblem
	MoreBad              int64  // bad lines that are not shown
	Read, Ignored        string // columns
	Report               string // empty: there is none

	CanStart, CanSkip, CanCancel bool
	SkipsBad                     bool
	Changes                      int64 // lines that make or change a key
}
