// Package docs has the chapters that the portal shows, too.
package docs

import _ "embed"

// Stages explains the settings of a stage, in Markdown. Its first line is its title.
//
//go:embed stages.md
var Stages string
