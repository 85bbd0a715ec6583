// Package format writes numbers, rates, sizes and times for people. Every page
// uses it, so that a number looks the same wherever it appears:
//
//	format.Count(1284067)                 "1,284,067"   in tables
//	format.Short(1284067)                 "1.28M"       in tiles
//	format.Rate(50)                       "50 requests a second"
//	format.Duration(7*24*time.Hour+8*time.Hour) "7 d 8 h"
//
// All functions are pure and total: they have an answer for every value, also
// negative ones, infinities and NaN. Times are written in their own zone, which
// pages set by Local. Numbers and units are joined by a no-break space. It imports
// the standard library alone.
package format
