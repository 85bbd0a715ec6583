// Package chart draws charts on the server: they are in the page at first paint,
// follow the theme by CSS classes, print, and need no script to be read.
//
// Three rules hold for all of them. An SVG holds geometry alone and is stretched
// to any width (preserveAspectRatio none); text stands beside it in HTML, so it is
// never distorted and nothing is measured. The numbers are in a table inside the
// figure, which is also what the ts-chart element of app.js reads for its
// cross-hair. Where there is no data there is a gap, never a zero.
//
//	@chart.Bars(chart.Chart{
//		ID: "requests", Caption: "Requests by outcome, last 24 hours",
//		Start: from, Step: 30 * time.Minute, Now: now,
//		Series: chart.Outcomes(), Points: points,
//	})
//
// Units: values are plain numbers whose unit is Chart.Unit; rates are requests a
// second; times are written in UTC. All functions are pure and may be called from
// any goroutine. The package imports templ, the standard library, and its
// neighbours format and icon.
package chart
