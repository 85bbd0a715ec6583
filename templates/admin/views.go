package admin

import (
	"time"

	"gatehouse/templates/ui"
)

// AccountsView is the list of accounts.
type AccountsView struct {
	Rows  []AccountRow
	Query string
	Pages ui.Pages
	Now   time.Time
}

// AccountRow is an account in the list.
type AccountRow struct {
	Href, Name, Email    string
	Role, State          string
	Kind                 ui.Kind // of State
	Off                  bool    // disabled
	Seen                 time.Time
	Sessions, Apps, APIs int
	You                  bool
}

// AccountView is one account.
type AccountView struct {
	Href, Name, Email, ID string
	Role, State           string
	Kind                  ui.Kind
	Created, Seen, Now    time.Time
	Disabled              time.Time // zero: enabled
	Erased                time.Time // zero: not deleted
	RoleValue             string    // as chosen
	RoleError             string
	Publishes             bool // it can have a throttle
	Rate, RateError       string
	Burst, BurstError     string
	Problem               string
	Sessions              []SessionView
	Link                  *LinkView // a link that was just made
	DidHref               string    // what the account did
	AuditHref             string    // what was done to it
	Mails                 bool      // a link can be sent by mail
	Verified              time.Time // zero: nobody has proved the address
	You                   bool
}

// SessionView is a browser that is signed in.
type SessionView struct {
	Browser, UserAgent, Address string
	Since, Seen                 time.Time
}

// LinkView is a one-time link, shown to the one who made it.
type LinkView struct {
	URL, Email   string
	Expires, Now time.Time
}

// InvitationsView is the form for an invitation and the list of links.
type InvitationsView struct {
	Email, EmailError string
	Role, RoleError   string
	Problem           string
	Made              *LinkView
	Rows              []LinkRow
	Query             string
	Pages             ui.Pages
	Mails             bool // a link can be sent by mail
	Now               time.Time
}

// LinkRow is a link in the list; its address is not kept.
type LinkRow struct {
	Email, What      string
	State            string
	Kind             ui.Kind
	Created, Expires time.Time
	Used             time.Time
}

// SettingsView is the installation's settings.
type SettingsView struct {
	SignUp, SignUpError   string
	PublicURL, GatewayURL string
	Log                   *LogView // nil: none is kept
}

// LogView is what the request log keeps.
type LogView struct {
	Size, Limit                string // of its files
	Failing                    bool   // entries are lost
	Days, Refusals, Admissions Number
}

// Number is a field as it was typed.
type Number struct{ Value, Error string }

// AuditView is the audit log.
type AuditView struct {
	Action              string // address of the page
	Actor, Verb, Object string
	Credential          string // id of an access key
	From, To            string
	Actions             []ui.Option
	Problems            []ui.FieldError
	Pills               []ui.Pill
	Events              []EventView
	Pages               ui.Pages
	All                 bool // everything, not the reader's own
	Now                 time.Time
}

// EventView is one thing that somebody did.
type EventView struct {
	ID                 string
	At                 time.Time
	Actor, ActorHref   string
	Action, Words      string
	Icon               string
	Kind               string // of the object
	Object, ObjectHref string
	Address, RequestID string
	Credential         string // id of the access key that the actor came with; "": none
	CredentialHref     string
	Changes            []Change
}

// Change is one value that an event changed; empty: there was none.
type Change struct{ Name, Before, After string }
