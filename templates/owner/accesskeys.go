package owner

import (
	"slices"
	"time"

	"gatehouse/templates/ui"
)

// AccessKeysView lists the access keys of the management API.
type AccessKeysView struct {
	Rows     []AccessKeyRow
	Full     bool   // there can be no more of them
	Endpoint string // of the management API; "": it is switched off
	Example  string // what to type; "" where it is switched off
	Now      time.Time
}

// AccessKeyRow is an access key.
type AccessKeyRow struct {
	Name, ID, Href string
	State          ui.BadgeProps
	LastUsed       time.Time // zero: never
	From           string    // address of its last use
	Created        time.Time
	Expires        time.Time // zero: never
	Revoked        time.Time // zero: it is not
}

// AccessKeyForm asks for an access key.
type AccessKeyForm struct {
	Expiries []ui.Option
	Expires  string // the one that is chosen
}

// AccessKeyView is one access key. On its first showing it holds the secret.
type AccessKeyView struct {
	Row      AccessKeyRow
	Working  bool // not revoked
	Disabled bool
	Secret   string // shown once; "" ever after
	Shown    bool   // it was
	Endpoint string // of the management API; "": it is switched off
	Audit    string // page of what was done by it
	Blocks   []ui.CodeProps
	Now      time.Time
}

func (v AccessKeyView) about() []ui.Definition {
	out := []ui.Definition{
		{Term: "Access key id", Body: ui.CopyText("access-key-id", v.Row.ID, "Copy the id of this access key")},
		{Term: "Last used", Body: ui.TimeAgo(v.Row.LastUsed, v.Now)},
		{Term: "Created", Body: ui.Time(v.Row.Created)},
	}
	if v.Row.From != "" {
		out = slices.Insert(out, 2, ui.Definition{Term: "Used from", Text: v.Row.From, Mono: true})
	}
	switch {
	case !v.Row.Revoked.IsZero():
		out = append(out, ui.Definition{Term: "Revoked", Body: ui.Time(v.Row.Revoked)})
	case v.Row.Expires.IsZero():
		out = append(out, ui.Definition{Term: "Expires", Text: "Never"})
	default:
		out = append(out, ui.Definition{Term: "Expires", Body: ui.Time(v.Row.Expires)})
	}
	return append(out, ui.Definition{Term: "Changes", Text: "Audit log", Href: v.Audit})
}

func (v AccessKeyView) subtitle() string {
	if v.Working {
		return "Programs that sign with it act for you, in the management API alone."
	}
	return "It signs nothing any more."
}
