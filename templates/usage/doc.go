// Package usage draws usage on the pages of owners and developers: tiles, charts by outcome and latency, and breakdowns. The ids of its parts are fixed,
// so that a live page's stream replaces them in place.
//
//	@usage.Show(v.Figures)                       in a page
//	@usage.Update(v.Figures)                     in a message of the page's stream
package usage
