package ui

// htmxConfig keeps htmx from making a style sheet of its own, and leaves open
// what a person has opened when a fragment is replaced.
const htmxConfig = `{"includeIndicatorCSS":false,"morphIgnore":["data-htmx-powered","open"]}`
