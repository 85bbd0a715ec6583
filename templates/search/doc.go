// Package search holds the page that finds things, and its results, which scripts show in a dialog.
package search
