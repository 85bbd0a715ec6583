package models

import (
	"encoding/json"
	"time"
)

// Event is one entry of the audit log: who did what to which object. Before and After hold no secrets.
type Event struct {
	ID         EventID
	At         time.Time
	Actor      string // label: e-mail, "command line", "system"
	ActorID    AccountID
	Action     string // "plan.publish", "key.rotate", …: object.verb
	ObjectKind string // "plan", "key", …
	ObjectID   string
	ObjectName string
	OwnerID    AccountID // whose page shows it, besides administrators and the actor
	Before     json.RawMessage
	After      json.RawMessage
	Address    string
	RequestID  string
	Credential string // id of the access key that the actor came with; "": none
}

// EventFilter narrows the audit log; zero fields do not.
type EventFilter struct {
	Actor      string // prefix of the label
	Action     string // prefix: "plan." or "plan.publish"
	Object     string // id of the object
	Credential string // id of an access key
	From       time.Time
	To         time.Time
}

// Page asks for a part of a list.
type Page struct {
	Search string // prefix of name, id or customer id, or a key's last four characters
	After  string // List.Next of the page before; "" for the first
	Limit  int    // 1 to 200; 0 means 50
}

// List is a part of a list; Next is "" on the last one.
type List[T any] struct {
	Items []T
	Next  string
}
