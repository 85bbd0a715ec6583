package models

import (
	_ "embed" // the list of time zones
	"strings"
	"time"
)

// Theme is light or dark, or as the system has it.
type Theme string

// The themes.
const (
	ThemeSystem Theme = ""
	ThemeLight  Theme = "light"
	ThemeDark   Theme = "dark"
)

// ParseTheme reads a theme; field "theme".
func ParseTheme(s string) (Theme, error) {
	switch t := Theme(s); t {
	case ThemeSystem, ThemeLight, ThemeDark:
		return t, nil
	}
	return ThemeSystem, Invalid("theme", "Choose the system's theme, light or dark.")
}

// Preferences are how a person likes the portal. The zero value is how it comes: times in UTC, the system's theme, single keys that lead to pages.
type Preferences struct {
	Zone   string // IANA name, such as "Europe/Berlin"; "" is UTC
	Theme  Theme
	NoKeys bool // single keys lead nowhere (WCAG 2.1.4)
}

// Clean checks what a person chose; fields "zone" and "theme".
func (p Preferences) Clean() (Preferences, error) {
	p.Zone = strings.TrimSpace(p.Zone)
	if p.Zone == "UTC" {
		p.Zone = ""
	}
	var problems Problems
	if _, err := zone(p.Zone); err != nil {
		problems.Add("zone", "Choose a time zone of the list.")
	}
	_, err := ParseTheme(string(p.Theme))
	problems.Join(err)
	return p, problems.Err()
}

// Location returns the zone in which the person reads times. A name that this system does not know is UTC.
func (p Preferences) Location() *time.Location {
	if l, err := zone(p.Zone); err == nil {
		return l
	}
	return time.UTC
}

// zone finds a time zone by its name; that of the machine has none that says where it is.
func zone(name string) (*time.Location, error) {
	if name == "Local" {
		return nil, ErrID
	}
	return time.LoadLocation(name)
}

// zoneNames are the zones of which any two differ since 1970 (the IANA database's zone1970.tab).
//
//go:embed zones.txt
var zoneNames string

// Zones lists the names of time zones, by continent and place.
func Zones() []string { return strings.Fields(zoneNames) }
