package help

// KeysView lists what keys do.
type KeysView struct {
	Groups   []KeyGroup
	Off      bool   // single keys are switched off
	SettleAt string // URL where they are switched
}

// KeyGroup is keys of one kind.
type KeyGroup struct {
	Title string
	Keys  []Key
}

// Key is one key, or several after each other.
type Key struct {
	Press []string // "g", "k"
	What  string
	Href  string // where it leads; may be empty
	Held  bool   // pressed together
}
