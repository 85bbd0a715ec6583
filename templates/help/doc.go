// Package help holds the pages that explain the portal itself.
package help
