// Package account holds the pages of people and their accounts: coming in and going out, the pages behind one-time links, and a person's
// own page. Passwords are never sent back to a form.
package account
