// Package mail is what mails look like: one column of 560 px with inline styles, which mail programs want and pages of ours never have, in colours that turn dark where
// the reader's do; and the same words as a text of their own.
//
// It imports templ and the standard library only.
package mail
