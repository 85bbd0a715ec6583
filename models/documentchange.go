package models

import "time"

// DocumentChange is a document that an owner has brought to replace his API's, or the one that he imported last, with what it changes.
type DocumentChange struct {
	ID    DocumentChangeID
	APIID APIID
	File  string // its name; "" for what was pasted
	// Draft tells which draft it was compared with, as APIDraft.Digest does.
	Draft      string
	MadeAt     time.Time
	MadeBy     string // the actor's label
	ImportedAt time.Time
	Diff       []byte // of models/openapi/diff, as JSON
	Document   []byte // as it was uploaded; none once it is imported
	Reading    []byte // what was read from it
	Stale      bool   // it waits, and the draft is not the one any more with which it was compared
}

// Waits reports whether it is not imported yet.
func (c DocumentChange) Waits() bool { return c.ImportedAt.IsZero() }

// APIDraft is what the next deployment of an API would have.
type APIDraft struct {
	Methods  []Method
	Document []byte // "" for an API that was made by a form
	Reading  []byte // what was read from it; none where it is yet to be read again
	Digest   string // another one when another method or document is in it
}
