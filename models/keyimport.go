package models

import "time"

// Import is a file of keys on its way into the records. Its lines are checked first, and written only when its owner says so. The keys that it makes are
// nobody's to see or use until one update brings all of them to life.
type Import struct {
	ID        ImportID
	OwnerID   AccountID
	File      string // its name; empty: pasted
	Bytes     int64
	SkipBad   bool // import the good lines of a file that has bad ones; otherwise all, or none
	State     ImportState
	Live      bool   // the keys work; what is left to do is for people
	Reason    string // why it failed or was cancelled; a sentence
	Read      []string
	Ignored   []string // columns that are left alone
	Counts    ImportCounts
	Written   int64 // lines that change something and are in the records
	CreatedBy string
	CreatedAt time.Time
	StartedAt time.Time // zero: not written yet
	EndedAt   time.Time // zero: open
}

// ImportState is where an import stands.
type ImportState string

// The states of an import; the last three are final.
const (
	ImportWaiting   ImportState = "waiting"   // to be checked
	ImportChecking  ImportState = "checking"  // its lines are looked at, nothing is written
	ImportChecked   ImportState = "checked"   // its owner decides
	ImportWriting   ImportState = "writing"   // in batches, hidden
	ImportUndoing   ImportState = "undoing"   // what was written is taken back, in batches
	ImportDone      ImportState = "done"      //
	ImportFailed    ImportState = "failed"    // nothing of it is left
	ImportCancelled ImportState = "cancelled" // nothing of it is left
)

// Ended reports whether nothing more will happen.
func (s ImportState) Ended() bool {
	return s == ImportDone || s == ImportFailed || s == ImportCancelled
}

// Busy reports whether there is something to do without its owner.
func (s ImportState) Busy() bool { return !s.Ended() && s != ImportChecked }

// ImportCounts are the lines of a file by what becomes of them.
type ImportCounts struct {
	Created, Updated, Unchanged, Bad int64
}

// Lines is all of them.
func (c ImportCounts) Lines() int64 { return c.Created + c.Updated + c.Unchanged + c.Bad }

// Changes is those that change something.
func (c ImportCounts) Changes() int64 { return c.Created + c.Updated }

// Add counts a line once more, or with -1 takes it out.
func (c *ImportCounts) Add(o ImportOutcome, n int64) {
	switch o {
	case LineCreated:
		c.Created += n
	case LineUpdated:
		c.Updated += n
	case LineUnchanged:
		c.Unchanged += n
	case LineBad:
		c.Bad += n
	}
}

// ImportOutcome is what becomes of a line.
type ImportOutcome string

// The outcomes, as reports write them.
const (
	LineCreated   ImportOutcome = "created"
	LineUpdated   ImportOutcome = "updated"
	LineUnchanged ImportOutcome = "unchanged"
	LineBad       ImportOutcome = "error"
	LineUndone    ImportOutcome = "undone" // of an import that failed or was cancelled
)

// ImportLine says what becomes of a line.
type ImportLine struct {
	Line    int
	Outcome ImportOutcome
	KeyID   KeyID  // zero: none
	Message string // of a bad line; never repeats a value
}

// PlannedKey is a line that was found to be good.
type PlannedKey struct {
	KeyImport
	Outcome ImportOutcome // LineCreated or LineUpdated
	NewID   KeyID         // of a key that is to be made
}

// NewImport asks for an import of a file that was received. The id is its receiver's, for the file is there first.
type NewImport struct {
	ID      ImportID
	File    string
	Bytes   int64
	SkipBad bool
}

// Limits of imports.
const (
	SmallImport    = 200 // lines that are imported at once, in one transaction
	MaxOpenImports = 3   // of an owner: each keeps a file on the disk
	// ImportPatience is how long a checked file waits for its owner: it is full of secrets.
	ImportPatience = 24 * time.Hour
	// ReportsKept is how long the report of an import that has ended can be read.
	ReportsKept = 30 * 24 * time.Hour
)

// CheckStart says whether a checked import can be written, with or without its good lines alone.
func (i Import) CheckStart(skipBad bool) error {
	switch {
	case i.State != ImportChecked:
		return Conflict("This import is " + string(i.State) + " now; reload the page to see what can be done.")
	case i.Counts.Bad > 0 && !skipBad:
		return Conflict("Some lines cannot be imported. Mend the file and send it again, or import the other lines.")
	case i.Counts.Changes() == 0:
		return Conflict("There is nothing to import: no line makes or changes a key.")
	}
	return nil
}

// CheckCancel says whether an import can be cancelled.
func (i Import) CheckCancel() error {
	switch {
	case i.State.Ended():
		return Conflict("This import is " + string(i.State) + " already.")
	case i.Live:
		return Conflict("Its keys work already: this import cannot be cancelled any more.")
	case i.State == ImportUndoing:
		return Conflict("This import is being undone already.")
	}
	return nil
}

// KeyImport is one row of a CSV import.
type KeyImport struct {
	Line        int
	ID          KeyID  // set: an update of that key
	Value       string // 20 to 128 characters; empty only with ID
	Name        string
	Description string
	CustomerID  string
	Enabled     bool // true unless the file says otherwise
	ExpiresAt   time.Time
	// Plans are all plans that the key is to be on. None leave an existing key on the plans that it is on: a file without plans must not stop
	// calls.
	Plans []PlanID
	// Given says which cells the row has; an update leaves the others as they are.
	Given KeyCells
}

// Over returns the key as the line changes it.
func (r KeyImport) Over(k Key) Key {
	k.Name = r.Name
	if r.Given.Description {
		k.Description = r.Description
	}
	if r.Given.CustomerID {
		k.CustomerID = r.CustomerID
	}
	if r.Given.Enabled {
		k.Enabled = r.Enabled
	}
	if r.Given.ExpiresAt {
		k.ExpiresAt = r.ExpiresAt
	}
	return k
}

// KeyCells says which optional cells a row has.
type KeyCells struct{ Description, CustomerID, Enabled, ExpiresAt bool }
