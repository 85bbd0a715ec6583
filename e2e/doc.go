// Package e2e holds the tests that a person would do: the real binary, a real browser, real clients. `go test ./e2e/` needs Chromium; where
// it is missing the browser tests are skipped, and fail instead when CI is set.
package e2e
