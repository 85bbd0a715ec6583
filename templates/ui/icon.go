package ui

import (
	"github.com/a-h/templ"

	"gatehouse/templates/icon"
)

// Icon is icon.Icon, so that pages import one package less.
func Icon(name string) templ.Component { return icon.Icon(name) }

// SmallIcon is icon.Small.
func SmallIcon(name string) templ.Component { return icon.Small(name) }

// LargeIcon is icon.Large.
func LargeIcon(name string) templ.Component { return icon.Large(name) }
