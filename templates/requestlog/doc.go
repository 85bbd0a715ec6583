// Package requestlog is the list of single requests: a developer's, of his keys, and an owner's, of his APIs.
package requestlog
