// Package ui holds the components of which all pages are made: the shells, and
// buttons, forms, cards, tables and messages. A page composes them and brings no
// markup of its own where one of them exists:
//
//	templ Plans(p ui.Page, v PlansView) {
//		@ui.App(p) {
//			@ui.PageHeader(ui.Head{Title: "Plans", Subtitle: v.Summary}) {
//				@ui.LinkButton(ui.ButtonProps{Label: "New plan", Href: "/owner/plans/new", Icon: "plus", Variant: ui.Primary})
//			}
//			...
//		}
//	}
//
// Every component takes plain values, works without scripts, is labelled for
// assistive technology, and uses classes of static/app.css alone: there is no
// style attribute, no inline script, and no event attribute in any page. A page
// has one h1, which PageHeader, PublicHeader, or Narrow writes.
//
// The package imports templ, the standard library, and its neighbours chart,
// format, icon and static; never models or handlers.
package ui
