package models

import "time"

// Limits of the keys that the management API makes, AWS's (spec 1.4).
const (
	MaxWireKeyName        = 1024
	MaxWireKeyDescription = 125_000
)

// WireKey is a key with what the management API says of it.
type WireKey struct {
	Key
	Unnamed   bool      // it was given no name, and Name is only for people
	UpdatedAt time.Time // of its settings; at first CreatedAt
	Value     string    // "": it was not asked for, or is not kept
	Tags      ResourceTags
}

// KeyEdit is what an owner says of a key that he makes or changes in one go.
type KeyEdit struct {
	Name        string // "": none
	Description string
	CustomerID  string
	Enabled     bool
	Tags        ResourceTags
}

// Clean trims and checks it; fields "name", "description", "customer_id", "tags".
func (e KeyEdit) Clean() (KeyEdit, error) {
	var p Problems
	var nameErr, descriptionErr, customerErr error
	e.Name, nameErr = cleanLine("name", e.Name, MaxWireKeyName)
	e.Description, descriptionErr = CleanText("description", e.Description, MaxWireKeyDescription)
	e.CustomerID, customerErr = cleanLine("customer_id", e.CustomerID, 80)
	p.Join(nameErr, descriptionErr, customerErr, e.Tags.Check())
	return e, p.Err()
}

// ErrValueTaken says that there is a key with a value already, whoever has it.
var ErrValueTaken = Conflict("API Key already exists")
