// Package pages holds the pages that say why there is no other page: what was asked for is not there, not allowed or did not work
// (Problem), and what failed on our side (Broken).
package pages
