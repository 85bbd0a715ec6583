package diff

import "strings"

// Rule names what changed, and with it what that means for callers.
type Rule string

// The rules.
const (
	OperationAdded   Rule = "operation-added"
	OperationRemoved Rule = "operation-removed"
	NowDeprecated    Rule = "deprecated"
	NotDeprecated    Rule = "not-deprecated"
	PathRenamed      Rule = "path-renamed"
	SecurityAdded    Rule = "security-added"
	SecurityRemoved  Rule = "security-removed"
	WayInRemoved     Rule = "way-in-removed"
	WayInAdded       Rule = "way-in-added"
	WebhookAdded     Rule = "webhook-added"
	WebhookRemoved   Rule = "webhook-removed"
	CallbackAdded    Rule = "callback-added"
	CallbackRemoved  Rule = "callback-removed"

	ParameterAdded    Rule = "parameter-added"
	ParameterRequired Rule = "parameter-required-added"
	ParameterRemoved  Rule = "parameter-removed"
	StyleChanged      Rule = "style-changed"
	BodyAdded         Rule = "body-added"
	BodyRequired      Rule = "body-required-added"
	BodyRemoved       Rule = "body-removed"
	MediaAdded        Rule = "media-type-added"
	MediaRemoved      Rule = "media-type-removed"
	AnswerAdded       Rule = "response-added"
	AnswerRemoved     Rule = "response-removed"
	ErrorRemoved      Rule = "error-response-removed"
	HeaderAdded       Rule = "header-added"
	HeaderRemoved     Rule = "header-removed"

	ModelAdded     Rule = "model-added"
	ModelRemoved   Rule = "model-removed"
	FieldAdded     Rule = "field-added"
	FieldRequired  Rule = "field-required-added"
	FieldRemoved   Rule = "field-removed"
	BecameRequired Rule = "became-required"
	BecameOptional Rule = "became-optional"
	TypeNarrowed   Rule = "type-narrowed"
	TypeWidened    Rule = "type-widened"
	TypeChanged    Rule = "type-changed"
	FormatChanged  Rule = "format-changed"
	NullAllowed    Rule = "null-allowed"
	NullForbidden  Rule = "null-forbidden"
	ValueAdded     Rule = "value-added"
	ValueRemoved   Rule = "value-removed"
	ValuesListed   Rule = "values-listed"
	ValuesOpened   Rule = "values-opened"
	LimitNarrowed  Rule = "limit-narrowed"
	LimitWidened   Rule = "limit-widened"
	LimitChanged   Rule = "limit-changed"
	VariantAdded   Rule = "variant-added"
	VariantRemoved Rule = "variant-removed"
	DefaultChanged Rule = "default-changed"
)

// direction is which way a value travels.
type direction uint8

const (
	sent     direction = 1 << iota // by the caller
	received                       // by the caller
	both               = sent | received
	neither  direction = 0
)

// law is what a rule says: its level where the value is sent and where it is received, what it is called, and why it matters in each direction.
type law struct {
	sent, received       Level
	words                string // "Field removed"
	whySent, whyReceived string
}

// laws judge, by rule. A rule about an operation as a whole has both directions alike.
func laws(r Rule) law {
	alike := func(level Level, words, why string) law {
		return law{sent: level, received: level, words: words, whySent: why, whyReceived: why}
	}
	switch r {
	case OperationAdded:
		return alike(Harmless, "Operation added", "")
	case OperationRemoved:
		return alike(Breaking, "Operation removed", "Who calls it gets 404 once this is deployed.")
	case NowDeprecated:
		return alike(Harmless, "Marked as deprecated", "The document says so; the gateway tells callers when you deprecate it here, too.")
	case NotDeprecated:
		return alike(Harmless, "Not deprecated any more", "")
	case PathRenamed:
		return alike(Doubtful, "Path parameter renamed", "Callers notice nothing. For plans it is a new operation: limits and exclusions of the old name do not hold for it.")
	case SecurityAdded:
		return alike(Breaking, "Security added", "Who calls it without credentials is refused by what the document says now.")
	case SecurityRemoved:
		return alike(Harmless, "Security removed", "")
	case WayInRemoved:
		return alike(Breaking, "Credentials not accepted any more", "Who comes with these is refused by what the document says now.")
	case WayInAdded:
		return alike(Harmless, "Other credentials accepted, too", "")
	case WebhookAdded:
		return alike(Harmless, "Webhook added", "")
	case WebhookRemoved:
		return alike(Doubtful, "Webhook removed", "Who waits for it is not called any more.")
	case CallbackAdded:
		return alike(Harmless, "Callback added", "")
	case CallbackRemoved:
		return alike(Doubtful, "Callback removed", "Who waits for it is not called any more.")
	}
	if l, ok := partLaws(r); ok {
		return l
	}
	return valueLaws(r)
}

// partLaws are about the parts of an operation.
func partLaws(r Rule) (law, bool) {
	one := func(s, rcv Level, words, whySent, whyReceived string) (law, bool) {
		return law{s, rcv, words, whySent, whyReceived}, true
	}
	switch r {
	case ParameterAdded:
		return one(Harmless, Harmless, "Optional parameter added", "", "")
	case ParameterRequired:
		return one(Breaking, Breaking, "Required parameter added", "Who does not send it is refused.", "Who does not send it is refused.")
	case ParameterRemoved:
		return one(Doubtful, Doubtful, "Parameter removed", "What callers ask for with it is ignored, or refused.", "What callers ask for with it is ignored, or refused.")
	case StyleChanged:
		return one(Breaking, Doubtful, "Written differently", "Several values are written in another way now.", "Several values are written in another way now.")
	case BodyAdded:
		return one(Harmless, Harmless, "Optional body added", "", "")
	case BodyRequired:
		return one(Breaking, Harmless, "Required body added", "Who sends none is refused.", "")
	case BodyRemoved:
		return one(Doubtful, Breaking, "Body removed", "What callers send in it is not used any more.", "Programs that read it find nothing.")
	case MediaAdded:
		return one(Harmless, Harmless, "Media type added", "", "")
	case MediaRemoved:
		return one(Breaking, Breaking, "Media type removed", "Who sends it is refused.", "Who asks for it gets something else.")
	case AnswerAdded:
		return one(Harmless, Harmless, "Response added", "", "")
	case AnswerRemoved:
		return one(Breaking, Breaking, "Response removed", "Who answers so is not understood.", "Programs that wait for it do not get it any more.")
	case ErrorRemoved:
		return one(Harmless, Harmless, "Error response removed", "", "")
	case HeaderAdded:
		return one(Harmless, Harmless, "Response header added", "", "")
	case HeaderRemoved:
		return one(Breaking, Breaking, "Response header removed", "Programs that read it find nothing.", "Programs that read it find nothing.")
	}
	return law{}, false
}

// valueLaws are about values and their schemas.
func valueLaws(r Rule) law {
	switch r {
	case ModelAdded:
		return law{words: "Schema added"}
	case ModelRemoved:
		return law{words: "Schema removed"}
	case FieldAdded:
		return law{words: "Optional field added"}
	case FieldRequired:
		return law{Breaking, Harmless, "Required field added", "Who does not send it is refused.", ""}
	case FieldRemoved:
		return law{Doubtful, Breaking, "Field removed", "What callers send in it is not used any more.", "Programs that read it find nothing."}
	case BecameRequired:
		return law{Breaking, Harmless, "Required now", "Who does not send it is refused.", ""}
	case BecameOptional:
		return law{Harmless, Breaking, "May be missing now", "", "Programs that rely on it may find nothing."}
	case TypeNarrowed:
		return law{Breaking, Harmless, "Type narrowed", "Some of what callers may send is refused.", ""}
	case TypeWidened:
		return law{Harmless, Breaking, "Type widened", "", "Programs may get what they cannot read."}
	case TypeChanged:
		return law{Breaking, Breaking, "Type changed", "What callers send is refused.", "Programs get what they cannot read."}
	case FormatChanged:
		return law{Doubtful, Doubtful, "Format changed", "Some of what callers send may be refused.", "Programs may get what they cannot read."}
	case NullAllowed:
		return law{Harmless, Breaking, "May be null now", "", "Programs that do not expect null stumble."}
	case NullForbidden:
		return law{Breaking, Harmless, "May not be null any more", "Who sends null is refused.", ""}
	case ValueAdded:
		return law{Harmless, Breaking, "Value added", "", "Programs may get a value that they do not know."}
	case ValueRemoved:
		return law{Breaking, Harmless, "Value removed", "Who sends it is refused.", ""}
	case ValuesListed:
		return law{Breaking, Harmless, "Only some values allowed now", "Who sends another is refused.", ""}
	case ValuesOpened:
		return law{Harmless, Breaking, "Any value allowed now", "", "Programs may get a value that they do not know."}
	case LimitNarrowed:
		return law{Breaking, Harmless, "Limit narrowed", "Who sends more, or less, is refused.", ""}
	case LimitWidened:
		return law{Harmless, Doubtful, "Limit widened", "", "Programs may get more, or less, than they have room for."}
	case LimitChanged:
		return law{Doubtful, Doubtful, "Limit changed", "Some of what callers send may be refused.", "Programs may get what they do not expect."}
	case VariantAdded:
		return law{Harmless, Breaking, "Alternative added", "", "Programs may get what they do not know."}
	case VariantRemoved:
		return law{Breaking, Harmless, "Alternative removed", "Who sends it is refused.", ""}
	case DefaultChanged:
		return law{Doubtful, Harmless, "Default changed", "Who leaves it out gets something else.", ""}
	}
	return law{words: string(r)}
}

// Words are what the rule is called: "Required parameter added".
func (r Rule) Words() string { return laws(r).words }

// judge is the level of a rule for a value that travels in some directions: the worst of them.
func (r Rule) judge(d direction) Level {
	l, level := laws(r), Harmless
	if d&sent != 0 {
		level = max(level, l.sent)
	}
	if d&received != 0 {
		level = max(level, l.received)
	}
	return level
}

// Why says in a sentence or two what the change means for callers; "" where it means nothing to them.
func (c Change) Why() string {
	l := laws(c.Rule)
	why := ""
	if c.Sent && l.sent == c.Level {
		why = l.whySent
	}
	if c.Received && l.received == c.Level && l.whyReceived != why {
		why = strings.TrimSpace(why + " " + l.whyReceived)
	}
	return why
}
