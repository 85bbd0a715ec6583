// Package receipt is the page about one request (which rule answered, with which numbers) and the list of a key's refusals on the key's own page.
package receipt
