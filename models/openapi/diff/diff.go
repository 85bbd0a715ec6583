package diff

import (
	"gatehouse/models/openapi"
)

// Bounds on a Diff.
const (
	MaxChanges    = 200    // of one item
	MaxAllChanges = 20_000 // of all items
	maxNamed      = 20     // models that an item names, and operations that use a model
)

// Diff is what a document changes. The zero value changes nothing.
type Diff struct {
	Before Document `json:"before"`
	After  Document `json:"after"`
	// Items are the operations, then webhooks, then models, each in the order of the new document; what is gone stands before its kind.
	Items []Item `json:"items,omitempty"`
	// Same is how many operations do not change at all.
	Same int  `json:"same"`
	Cut  bool `json:"cut,omitempty"` // there are more changes than are listed
}

// Document is what identifies one.
type Document struct {
	Title   string   `json:"title"`
	Version string   `json:"version"`
	Format  string   `json:"format"`
	Servers []string `json:"servers,omitempty"`
}

// Kind is what an item is about.
type Kind string

// The kinds of items.
const (
	OfOperation Kind = "operation"
	OfWebhook   Kind = "webhook"
	OfModel     Kind = "model"
)

// State is what becomes of what an item is about.
type State string

// The states of an item. One that is Reworded says the same in other words, or with other examples.
const (
	Added    State = "added"
	Removed  State = "removed"
	Changed  State = "changed"
	Reworded State = "reworded"
)

// Level says what a change means for who calls the API.
type Level int

// The levels, by weight.
const (
	Harmless Level = iota
	Doubtful       // it depends on the caller's program
	Breaking
)

// Item is one operation, webhook or model that is not as it was.
type Item struct {
	Kind    Kind   `json:"kind"`
	State   State  `json:"state"`
	Slug    string `json:"slug"` // its name in addresses, unique among items
	Name    string `json:"name"` // "GET /users/{id}", or of a model
	Verb    string `json:"verb,omitempty"`
	Path    string `json:"path,omitempty"`
	Summary string `json:"summary,omitempty"`
	ID      string `json:"id,omitempty"` // Call.ID of an operation as it was; "" for one that is new
	// Level is the worst of the changes and of the models that an operation uses; a removed or an added item is judged by its rule.
	Level   Level    `json:"level,omitempty"`
	Changes []Change `json:"changes,omitempty"`
	More    int      `json:"more,omitempty"` // changes that are not listed
	// Through is how many models changed that the operation leads to; Models names at most 20 of them, the worst first.
	Through int      `json:"through,omitempty"`
	Models  []string `json:"models,omitempty"`
	// Of a model: operations that lead to it, at most 20 by name; of one that breaks callers all of them by Call.ID.
	UsedBy  []string `json:"usedBy,omitempty"`
	UsedIDs []string `json:"usedIds,omitempty"`
	Uses    int      `json:"uses,omitempty"` // how many operations lead to the model
}

// Own is the worst level of an item's own changes, without those of models that it uses.
func (it Item) Own() Level {
	level := Harmless
	for _, c := range it.Changes {
		level = max(level, c.Level)
	}
	return level
}

// Change is one thing that is not as it was.
type Change struct {
	Rule     Rule  `json:"rule"`
	Level    Level `json:"level,omitempty"`
	Sent     bool  `json:"sent,omitempty"`     // it is about what callers send
	Received bool  `json:"received,omitempty"` // it is about what they receive
	// Place is the part of the operation: "query parameter limit", "request body", "response 200"; "" for the operation as a whole and within a model.
	Place string `json:"place,omitempty"`
	// Field is the dotted path within the place, with [] for an element of a list and {} for any key of a map; "" for all of it.
	Field  string `json:"field,omitempty"`
	Before string `json:"before,omitempty"` // in words; "" where the rule says it all
	After  string `json:"after,omitempty"`
}

// Where is the place and the field.
func (c Change) Where() string {
	switch {
	case c.Field == "":
		return c.Place
	case c.Place == "":
		return c.Field
	}
	return c.Place + ": " + c.Field
}

// Call is an operation of an API, whether its document describes it or not.
type Call struct {
	Verb, Path, Summary string
	ID                  string // the caller's own name for it, kept in Item.ID; may be empty
}

// Name is the verb and the path.
func (c Call) Name() string { return c.Verb + " " + c.Path }

// Side is an API before or after.
type Side struct {
	*openapi.Reference
	Calls []Call // in the document's order
}

// Calls are all operations that a document describes.
func Calls(r *openapi.Reference) []Call {
	calls := make([]Call, len(r.Operations))
	for i, op := range r.Operations {
		calls[i] = Call{Verb: op.Verb, Path: op.Path, Summary: op.Summary}
	}
	return calls
}

// Counts are how many items there are of each kind that a page tells apart.
type Counts struct {
	Added, Removed, Changed, Reworded int // operations and webhooks
	Models                            int // models that are not as they were
	Breaking, Doubtful                int // changes, each once: those of a model count with it, not with the operations that use it
}

// Counts adds up.
func (d Diff) Counts() (n Counts) {
	for _, it := range d.Items {
		for _, c := range it.Changes {
			switch c.Level {
			case Breaking:
				n.Breaking++
			case Doubtful:
				n.Doubtful++
			}
		}
		switch {
		case it.Kind == OfModel:
			n.Models++
		case it.State == Added:
			n.Added++
		case it.State == Removed:
			n.Removed++
		case it.State == Changed:
			n.Changed++
		default:
			n.Reworded++
		}
	}
	return n
}

// Nothing reports whether everything is as it was, word for word.
func (d Diff) Nothing() bool { return len(d.Items) == 0 }

// Broken are the Call.IDs of operations that were there and whose callers have to do something, or may have to.
func (d Diff) Broken() (ids []string) {
	for _, it := range d.Items {
		if it.Kind == OfOperation && it.ID != "" && it.Level == Breaking {
			ids = append(ids, it.ID)
		}
	}
	return ids
}
