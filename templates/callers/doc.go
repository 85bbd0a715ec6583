// Package callers draws who still presents a key's value that was replaced, for the pages of developers and owners.
//
//	@callers.Page(frame, v)            the page
//	@callers.Notice(v)                 the line on the key's page; nothing without an old value
package callers
