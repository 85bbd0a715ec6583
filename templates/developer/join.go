package developer

import (
	"time"

	"gatehouse/templates/public"
	"gatehouse/templates/ui"
)

// JoinView is what a plan asks of those who subscribe, with what was typed.
type JoinView struct {
	Fields      []JoinField
	Terms       public.SafeHTML
	Version     string // of the terms; empty: there are none
	Accepted    bool
	AcceptError string
}

// JoinField is one question.
type JoinField struct {
	Name, Label, Value, Error string
	Kind                      string      // "text", "choice", "yesno"
	Options                   []ui.Option // of the others than "text"
	Required                  bool
}

// JoinedView is what was answered and accepted.
type JoinedView struct {
	Answers []ui.Definition
	Terms   public.SafeHTML // the very text; empty: there was none
	At      time.Time
}

// AskView asks to be let in to a plan that is by invitation.
type AskView struct {
	API, APIHref, Action, PlanID string
	Plan                         ui.Plan
	Message, MessageError        string
	Waiting                      bool   // asked, and not decided
	Declined                     string // why it was declined; empty: it was not
}
