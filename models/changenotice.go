package models

import (
	"fmt"
	"strconv"
	"time"
)

// ChangeNoticeKind is what a notice tells of.
type ChangeNoticeKind string

// The kinds of notices. The database stores them.
const (
	ChangeOfPlan     ChangeNoticeKind = "plan"           // a plan gets other terms
	ChangeTakenBack  ChangeNoticeKind = "plan_cancelled" // it does not, after all
	ChangeDeprecated ChangeNoticeKind = "deprecated"     // an operation or a stage is deprecated, or its dates changed
	ChangeSunsetNear ChangeNoticeKind = "sunset_near"    // it goes soon
	ChangeKept       ChangeNoticeKind = "kept"           // it stays, after all
)

// ChangeNoticeState is what became of what a notice tells of.
type ChangeNoticeState string

// The states of what was announced.
const (
	ChangeAnnounced ChangeNoticeState = "announced"
	ChangeInForce   ChangeNoticeState = "in_force"
	ChangeCancelled ChangeNoticeState = "cancelled"
)

// ChangeNotice is what people are told of a change that somebody else makes. Its texts stay as they were told.
type ChangeNotice struct {
	ID           ChangeNoticeID
	OwnerID      AccountID
	Kind         ChangeNoticeKind
	State        ChangeNoticeState
	PlanID       PlanID        // zero: it is about no plan
	APIID        APIID         // zero: it is about no single API; may be gone
	Deprecation  DeprecationID // zero: none; may be gone
	Subject      string        // the plan, operation or stage, as people call it
	Slug         string        // of the API
	Changes      []TermsChange // in words
	Note         string        // the owner's own words
	TakesAt      time.Time     // when it takes effect
	CreatedAt    time.Time
	Told         int  // receivers until now
	StillTelling bool // there may be more
}

// ChangeNoticeRow is a notice in its receiver's list.
type ChangeNoticeRow struct {
	ChangeNotice
	Seen bool // its receiver has acknowledged it
}

// ChangeNumbers are a change of limits on one's own calls of the last 30 days, or since they are recorded: what the limits until then and the new ones would
// have refused of them, at least and at most.
type ChangeNumbers struct {
	From                    time.Time // since when calls are known; zero: there are no numbers
	Offered                 int64
	BeforeLeast, BeforeMost int64
	AfterLeast, AfterMost   int64
}

// ChangeNoticeFor is what a notice means for one subscription of its receiver; a zero SubscriptionID is for none.
type ChangeNoticeFor struct {
	SubscriptionID SubscriptionID
	AppName        string
	Open           bool // the subscription still is
	Counted        bool // Numbers are there, or there will be none
	Numbers        ChangeNumbers
}

// ChangeNoticeDetail is a notice with what it means for its receiver.
type ChangeNoticeDetail struct {
	ChangeNoticeRow
	For []ChangeNoticeFor
}

// UncountedChange is a change of terms whose effect on some receivers is not known yet.
type UncountedChange struct {
	ID            ChangeNoticeID
	PlanID        PlanID
	Before, After Terms
	Cancelled     bool // nobody needs to know any more
}

// UncountedReceiver is a subscription of a receiver, with the keys that it has on the plan.
type UncountedReceiver struct {
	AccountID      AccountID
	SubscriptionID SubscriptionID
	AppName        string
	Keys           []KeyID
	Numbers        ChangeNumbers // to be filled in
}

// Title says what a notice is about, in one line; times are in the zone of TakesAt.
func (n ChangeNotice) Title() string {
	day := n.TakesAt.Format("2 Jan 2006")
	switch n.Kind {
	case ChangeOfPlan:
		switch n.State {
		case ChangeInForce:
			return n.Subject + " has changed"
		case ChangeCancelled:
			return "A change of " + n.Subject + " that was taken back"
		}
		return n.Subject + " changes on " + day
	case ChangeTakenBack:
		return n.Subject + " does not change after all"
	case ChangeSunsetNear:
		return n.Subject + " goes on " + day
	case ChangeKept:
		return n.Subject + " stays after all"
	}
	return n.Subject + " is deprecated"
}

// Lead says what happens, and when; times are in the zone of TakesAt.
func (n ChangeNotice) Lead() string {
	at := n.TakesAt.Format("2 Jan 2006, 15:04 MST")
	switch n.Kind {
	case ChangeOfPlan:
		switch n.State {
		case ChangeInForce:
			return "The plan's new terms hold since " + at + "."
		case ChangeCancelled:
			return "These terms do not come into force as they were announced. A later notice says what holds."
		}
		return "The plan's owner changes its terms. The new ones come into force on " + at + "; until then nothing changes."
	case ChangeTakenBack:
		return "The change that was announced for " + at + " does not come: the plan goes on as it is."
	case ChangeSunsetNear:
		return "One of your keys called it in the last 30 days. From " + at + " on it answers 410 Gone."
	case ChangeKept:
		return "It is not deprecated any more. There is nothing that you have to do."
	}
	return "One of your keys called it in the last 30 days."
}

// Sentence says what new terms would have meant for the calls of one app: "The new limits would have refused 3 of the 41,200 calls …"; "" where nothing is
// known. Announced is when the receiver was told, in his zone.
func (c ChangeNumbers) Sentence(app string, announced time.Time) string {
	switch from := c.From.In(announced.Location()); {
	case c.From.IsZero():
		return ""
	case c.Offered == 0:
		return app + " has not called on this plan since " + from.Format("2 Jan 2006") + "."
	default:
		since := "in the last 30 days before it was announced"
		if announced.Sub(c.From) < 29*24*time.Hour {
			since = "since " + from.Format("2 Jan 2006, 15:04 MST")
		}
		calls := "the " + grouped(c.Offered) + " calls"
		if c.Offered == 1 {
			calls = "the one call"
		}
		return fmt.Sprintf("The new limits would have refused %s of %s that %s sent %s. The limits before refuse %s.", between(c.AfterLeast, c.AfterMost), calls, app, since,
			between(c.BeforeLeast, c.BeforeMost))
	}
}

// between says a number that is not known to the unit.
func between(least, most int64) string {
	switch {
	case most == 0:
		return "none"
	case least == most:
		return grouped(most)
	case least == 0:
		return "up to " + grouped(most)
	}
	return grouped(least) + " to " + grouped(most)
}

// grouped writes a number that is not negative with commas.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Notice is what mails and webhooks say of it to one receiver. Sub and app are zero where it is about no subscription; numbers may be nil.
func (n ChangeNotice) Notice(to AccountID, sub SubscriptionID, app string, numbers *ChangeNumbers) Notice {
	kind := NoticePlanChanging
	if n.PlanID == 0 {
		kind = NoticeDeprecated
	}
	lines := []string{n.Lead()}
	for _, c := range n.Changes {
		lines = append(lines, c.What+": "+c.Before+" → "+c.After)
	}
	if n.Note != "" {
		lines = append(lines, "The owner says: "+n.Note)
	}
	data := NoticeData{Href: "/notices/" + n.ID.String(), PlanID: n.PlanID, SubscriptionID: sub, App: app, At: n.TakesAt, Title: n.Title()}
	if n.PlanID != 0 {
		data.Plan = n.Subject
	}
	if numbers != nil {
		data.Requests = numbers.Offered
		if sentence := numbers.Sentence(app, n.CreatedAt); sentence != "" {
			lines = append(lines, sentence)
		}
	}
	data.Lines = lines
	return Notice{Kind: kind, Account: to, Side: SideDeveloper, Data: data, Dedupe: "change " + n.ID.String() + " " + sub.String()}
}
