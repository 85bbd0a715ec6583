package notices

import (
	"time"

	"gatehouse/templates/ui"
)

// MailsView is which mails somebody gets, and where.
type MailsView struct {
	Email      string
	NewEmail   string // that was typed
	EmailError string
	Problem    string
	Verified   time.Time // zero: nobody has proved the address
	Server     bool      // there is one that mails can be sent by
	Topics     []ui.CheckProps
	Now        time.Time
}

// UnsubscribeView asks whether mails of a topic shall end, or says that they have.
type UnsubscribeView struct {
	Action, Topic string
	Done          bool
}

// ForgotView asks for the address of an account.
type ForgotView struct {
	Email, Problem string
	Done, Server   bool
}

// VerifyView asks to confirm an address.
type VerifyView struct {
	Action, Email, Product string
}

// OutboxView is the mails of an installation.
type OutboxView struct {
	Server bool
	All    bool   // of every state
	Stuck  string // since when the oldest mail has waited, in words; "": none is stuck
	Tabs   []ui.Tab
	Rows   []OutboxRow
	Pages  ui.Pages
	Now    time.Time
}

// OutboxRow is one mail.
type OutboxRow struct {
	Href, Subject, To, State, Reason string
	Gathers                          string // "5 messages in one mail"; "": it is of one
	Kind                             ui.Kind
	At                               time.Time
}

// MailView is one mail with what became of it.
type MailView struct {
	Href, Subject, To, State, Reason string
	Kind                             ui.Kind
	What                             string // its kind
	Gathers                          string // as OutboxRow's
	Created, Due, Done               time.Time
	Text                             string
	Links                            []string // addresses in it, to copy
	Forgotten                        bool
	CanSend                          bool
	Attempts                         []Attempt
	Now                              time.Time
}

// Attempt is one try to deliver.
type Attempt struct {
	At      time.Time
	Took    string
	Status  string
	Problem string
	Answer  string
}

// WebhooksView is somebody's webhooks.
type WebhooksView struct {
	Base, Subtitle string
	Rows           []WebhookRow
	Full           bool
	Now            time.Time
}

// WebhookRow is one webhook in a list.
type WebhookRow struct {
	Href, URL, Note, State string
	Kind                   ui.Kind
	Events                 string
	Succeeded              time.Time
}

// WebhookForm is a webhook as it is edited.
type WebhookForm struct {
	Action, Submit      string
	Cancel              string
	URL, Note           string
	URLError, NoteError string
	KindsError, Problem string
	Groups              []KindGroup
}

// KindGroup is events that belong together.
type KindGroup struct {
	Label string
	Kinds []ui.CheckProps
}

// WebhookView is one webhook.
type WebhookView struct {
	Href, Base, URL, State string
	Note                   string // in its owner's words
	Kind                   ui.Kind
	Secret                 string // shown once; "": not now
	SecretTitle            string
	OldUntil               time.Time
	Problem                string
	Disabled               bool
	DisabledWhy            string
	Failing                string // since when, in words; "": it is not
	Form                   WebhookForm
	Created, Succeeded     time.Time
	Deliveries             []DeliveryRow
	Pages                  ui.Pages
	Now                    time.Time
}

// DeliveryRow is one delivery in a list.
type DeliveryRow struct {
	Href, Event, State string
	Kind               ui.Kind
	Attempts           int
	At, Due            time.Time
}

// DeliveryView is one delivery with its request and what was answered.
type DeliveryView struct {
	Href, Event, State, Reason string
	Kind                       ui.Kind
	ID                         string // webhook-id
	Request                    string // body
	URL                        string
	Created, Due               time.Time
	CanResend                  bool
	Attempts                   []Attempt
	Now                        time.Time
}

// AlertsView is what somebody is told of.
type AlertsView struct {
	Base, Subtitle string
	Rows           []AlertRow
	Mailless       string // why mails do not arrive; "": they do
	MaillessHref   string
	Broken         string // a webhook that takes nothing; "": none
	BrokenHref     string
	HooksHref      string
	Hooks          int
	Full           bool
	Now            time.Time
}

// AlertRow is one alert.
type AlertRow struct {
	Href, Title, Scope, Does, State string
	Kind                            ui.Kind
	Fired                           time.Time
	Muted                           bool
}

// AlertForm is an alert as it is edited.
type AlertForm struct {
	Title, Action, Submit, Cancel string
	Kind, Levels, Minutes, Scope  string
	Kinds, Scopes, Spans          []ui.Option
	KindError, LevelsError        string
	MinutesError, ScopeError      string
	ChannelError, Problem         string
	Mail, Webhook                 bool
	Delete                        string // where a form that deletes it goes; "": it is new
	Mute                          string
	Muted                         string // until when, in words; "": it is not
	Fired                         string
}
