// Package developer draws the pages of people who call APIs: their overview, apps, keys, subscriptions and usage, and the forms that lead there.
//
//	developer.Key(page, view)
//
// Views are plain values that a handler has prepared: texts are final, addresses are paths of this site, times are in UTC. A form's view holds what was
// typed. The package imports templ, the standard library and its neighbours under templates.
package developer
