package models

// ImportJob is somebody's import, as an administrator sees it.
type ImportJob struct {
	Import
	Owner string // e-mail address
}

// OpeningJob is a plan whose keys are being let into a stage.
type OpeningJob struct {
	Plan, Stage string
	Owner       string // e-mail address
}
