package models

import (
	"slices"
	"time"

	"gatehouse/models/limit"
)

// NoticeKind is what somebody is told of; the name is a webhook's event type, too.
type NoticeKind string

// The kinds of notices.
const (
	NoticeVerify NoticeKind = "account.verify" // prove that this address is yours
	NoticeReset  NoticeKind = "account.reset"  // choose a new password
	NoticeInvite NoticeKind = "account.invite" // to somebody without an account
	NoticeMoved  NoticeKind = "account.moved"  // to the address that an account had

	NoticeSubscriptionAsked    NoticeKind = "subscription.requested" // to the owner
	NoticeSubscriptionApproved NoticeKind = "subscription.approved"
	NoticeSubscriptionRefused  NoticeKind = "subscription.refused"
	NoticeSubscriptionChanged  NoticeKind = "subscription.changed" // suspended, resumed, moved: State says
	NoticeSubscriptionEnded    NoticeKind = "subscription.ended"   // to the developer by the owner, or to the owner by the developer

	NoticeInvitationAsked    NoticeKind = "invitation.requested" // to the owner of a plan by invitation: somebody asks to be let in
	NoticeInvitationApproved NoticeKind = "invitation.approved"
	NoticeInvitationRefused  NoticeKind = "invitation.refused"

	NoticeKeyRotated  NoticeKind = "key.rotated"
	NoticeKeyRevoked  NoticeKind = "key.revoked"
	NoticeKeyExpiring NoticeKind = "key.expiring"
	NoticeKeyExpired  NoticeKind = "key.expired"
	NoticeKeyUnused   NoticeKind = "key.unused"
	NoticeKeyBlocked  NoticeKind = "key.blocked"    // by a plan's owner, or let call again: State says
	NoticeLimits      NoticeKind = "limits.changed" // of one key, or of a subscription's, by the plan's owner: State says

	NoticeQuota     NoticeKind = "quota.reached"
	NoticeThrottled NoticeKind = "throttle.refusing"
	NoticeErrors    NoticeKind = "errors.rising"

	NoticePlanChanging NoticeKind = "plan.changing"
	NoticePlanEnding   NoticeKind = "plan.ending"
	NoticePlanFailed   NoticeKind = "plan.publish_failed" // to the owner: a scheduled version did not come into force
	NoticeDeprecated   NoticeKind = "operation.deprecated"

	NoticeCertificate NoticeKind = "certificate.expiring" // to the owner: a client certificate that stages show ends, or has ended

	NoticeWeek NoticeKind = "owner.week" // the digest of an owner's APIs

	NoticeImportEnded     NoticeKind = "import.ended"
	NoticeWebhookDisabled NoticeKind = "webhook.disabled"
	NoticeTest            NoticeKind = "webhook.test"
)

// Topic groups the mails that one refuses together.
type Topic string

// The topics. TopicAccount is of mails that are part of using an account: nobody refuses them.
const (
	TopicAccount       Topic = "account"
	TopicSubscriptions Topic = "subscriptions"
	TopicKeys          Topic = "keys"
	TopicUsage         Topic = "usage"
	TopicPlans         Topic = "plans"
	TopicWork          Topic = "work" // imports, webhooks, certificates
	TopicWeek          Topic = "week" // the digest of owners
)

// Topics are those that can be refused, in the order of a page.
func Topics() []Topic {
	return []Topic{TopicSubscriptions, TopicKeys, TopicUsage, TopicPlans, TopicWork, TopicWeek}
}

// NoticeType says how notices of a kind are told.
type NoticeType struct {
	Kind    NoticeKind
	Topic   Topic
	Side    Side // whose webhooks may ask for it; SideNone: nobody's, it is told by mail alone
	Both    bool // the other side's, too
	Secret  bool // carries a one-time link: it is forgotten when it was sent
	Proves  bool // goes to an address that nobody has proved yet
	Gathers bool // after the first, those of the next hour go in one mail
}

// Side is the hat in which somebody is told: as a developer of what happens to one's keys, as an owner of what customers do.
type Side string

// The sides.
const (
	SideNone      Side = ""
	SideDeveloper Side = "developer"
	SideOwner     Side = "owner"
)

var noticeTypes = []NoticeType{
	{Kind: NoticeVerify, Topic: TopicAccount, Secret: true, Proves: true},
	{Kind: NoticeReset, Topic: TopicAccount, Secret: true, Proves: true},
	{Kind: NoticeInvite, Topic: TopicAccount, Secret: true, Proves: true},
	{Kind: NoticeMoved, Topic: TopicAccount, Proves: true},
	{Kind: NoticeSubscriptionAsked, Topic: TopicSubscriptions, Side: SideOwner, Gathers: true},
	{Kind: NoticeSubscriptionApproved, Topic: TopicSubscriptions, Side: SideDeveloper},
	{Kind: NoticeSubscriptionRefused, Topic: TopicSubscriptions, Side: SideDeveloper},
	{Kind: NoticeSubscriptionChanged, Topic: TopicSubscriptions, Side: SideDeveloper, Gathers: true},
	{Kind: NoticeSubscriptionEnded, Topic: TopicSubscriptions, Side: SideDeveloper, Both: true, Gathers: true},
	{Kind: NoticeInvitationAsked, Topic: TopicSubscriptions, Side: SideOwner, Gathers: true},
	{Kind: NoticeInvitationApproved, Topic: TopicSubscriptions, Side: SideDeveloper},
	{Kind: NoticeInvitationRefused, Topic: TopicSubscriptions, Side: SideDeveloper},
	{Kind: NoticeKeyRotated, Topic: TopicKeys, Side: SideDeveloper, Gathers: true},
	{Kind: NoticeKeyRevoked, Topic: TopicKeys, Side: SideDeveloper, Gathers: true},
	{Kind: NoticeKeyExpiring, Topic: TopicKeys, Side: SideDeveloper, Both: true, Gathers: true},
	{Kind: NoticeKeyExpired, Topic: TopicKeys, Side: SideDeveloper, Both: true, Gathers: true},
	{Kind: NoticeKeyUnused, Topic: TopicKeys, Side: SideDeveloper, Both: true, Gathers: true},
	{Kind: NoticeKeyBlocked, Topic: TopicKeys, Side: SideDeveloper, Gathers: true},
	{Kind: NoticeLimits, Topic: TopicKeys, Side: SideDeveloper, Gathers: true},
	{Kind: NoticeQuota, Topic: TopicUsage, Side: SideDeveloper, Both: true, Gathers: true},
	{Kind: NoticeThrottled, Topic: TopicUsage, Side: SideDeveloper, Both: true, Gathers: true},
	{Kind: NoticeErrors, Topic: TopicUsage, Side: SideDeveloper, Both: true, Gathers: true},
	{Kind: NoticePlanChanging, Topic: TopicPlans, Side: SideDeveloper, Gathers: true},
	{Kind: NoticePlanEnding, Topic: TopicPlans, Side: SideDeveloper, Gathers: true},
	{Kind: NoticePlanFailed, Topic: TopicPlans, Side: SideOwner},
	{Kind: NoticeDeprecated, Topic: TopicPlans, Side: SideDeveloper, Gathers: true},
	{Kind: NoticeCertificate, Topic: TopicWork, Side: SideOwner, Gathers: true},
	{Kind: NoticeWeek, Topic: TopicWeek},
	{Kind: NoticeImportEnded, Topic: TopicWork, Side: SideOwner, Gathers: true},
	{Kind: NoticeWebhookDisabled, Topic: TopicWork},
	{Kind: NoticeTest, Topic: TopicWork},
}

// NoticeTypes are all kinds, in the order of pages and documents.
func NoticeTypes() []NoticeType { return slices.Clone(noticeTypes) }

// Type returns how notices of the kind are told; the zero NoticeType for a kind that there is not.
func (k NoticeKind) Type() NoticeType {
	for _, t := range noticeTypes {
		if t.Kind == k {
			return t
		}
	}
	return NoticeType{}
}

// ToldTo reports whether webhooks of a side may ask for notices of the type.
func (t NoticeType) ToldTo(side Side) bool { return t.Side != SideNone && (t.Side == side || t.Both) }

// Notice is something to tell an account. It is queued in the transaction of what it tells of, for its mail and for each of its webhooks that asks for the
// kind, and delivered at least once: a receiver that sees one twice knows it by its Message-ID or webhook-id.
type Notice struct {
	Kind    NoticeKind
	Account AccountID // zero: somebody without an account, at Email
	Side    Side      // whose webhooks are told
	Email   string    // where to, instead of the account's address: it is about to become another one
	Data    NoticeData
	// Dedupe names what the notice is of, so that it is queued once however often it is said; "": it always is.
	Dedupe string
	// What an alert wants to be told by; neither: by both.
	ByMail, ByWebhook bool
}

// NoticeData is what a notice says. A kind has some of the fields; in JSON it is the data of a webhook's event. It holds no key values.
type NoticeData struct {
	Link   string `json:"link,omitempty"`   // one-time, of kinds with Secret; never in a webhook
	Href   string `json:"href,omitempty"`   // the page about it: a path in the portal
	Actor  string `json:"actor,omitempty"`  // who did it, by e-mail
	Reason string `json:"reason,omitempty"` // in the words of a person

	Email string `json:"email,omitempty"`
	Name  string `json:"name,omitempty"` // of the other party
	Role  string `json:"role,omitempty"`

	SubscriptionID SubscriptionID `json:"subscriptionId,omitzero"`
	State          string         `json:"state,omitempty"`
	Message        string         `json:"message,omitempty"`
	PlanID         PlanID         `json:"planId,omitzero"`
	Plan           string         `json:"plan,omitempty"`
	API            string         `json:"api,omitempty"`
	AppID          AppID          `json:"appId,omitzero"`
	App            string         `json:"app,omitempty"`
	KeyID          KeyID          `json:"keyId,omitzero"`
	Key            string         `json:"key,omitempty"`
	KeyHint        string         `json:"keyHint,omitempty"` // first and last four characters
	AlertID        AlertID        `json:"alertId,omitzero"`

	At       time.Time `json:"at,omitzero"`       // of what is announced: an expiry, the stop of an old value, the end of a plan
	From     time.Time `json:"from,omitzero"`     // of what is counted
	To       time.Time `json:"to,omitzero"`       // of what is counted; of a quota its reset
	LastUsed time.Time `json:"lastUsed,omitzero"` // of a key
	Level    int64     `json:"level,omitempty"`   // percent, minutes or days, of an alert
	Minutes  int64     `json:"minutes,omitempty"` // in which something was refused
	Used     int64     `json:"used,omitempty"`
	Limit    int64     `json:"limit,omitempty"`
	Requests int64     `json:"requests,omitempty"`
	Refused  int64     `json:"refused,omitempty"` // by a throttle
	Failed   int64     `json:"failed,omitempty"`

	Throttle *limit.Throttle `json:"throttle,omitempty"` // that holds from now on, of each key; nil: none does
	Quota    *limit.Quota    `json:"quota,omitempty"`
	Week     *OwnerWeek      `json:"week,omitempty"`
	Extra    int64           `json:"extra,omitempty"` // requests that were added to a period's quota, or taken from it

	Created int64 `json:"created,omitempty"` // keys of an import
	Updated int64 `json:"updated,omitempty"`
	Bad     int64 `json:"bad,omitempty"` // lines

	// Title and Lines are the words of a notice that whoever queued it wrote: the plan's changes, with the receiver's own numbers.
	Title string   `json:"title,omitempty"`
	Lines []string `json:"lines,omitempty"`
}

// What has become of limits, in a NoticeLimits, and of a key, in a NoticeKeyBlocked.
const (
	LimitsSet      = "set"
	LimitsEnded    = "ended" // the plan's hold again
	LimitsExtended = "extended"
	KeyWasBlocked  = "blocked"
	KeyWasLetIn    = "allowed"
)

// Channel is how a message is delivered.
type Channel string

// The channels.
const (
	ByMail    Channel = "mail"
	ByWebhook Channel = "webhook"
)

// MessageState is what became of a message.
type MessageState string

// The states of a message.
const (
	MessageWaiting MessageState = "waiting" // to be delivered, at Due or while a worker is at it
	MessageSent    MessageState = "sent"    // the receiver's server took it
	MessageKept    MessageState = "kept"    // there is no mail server: an administrator finds it in the outbox
	MessageDropped MessageState = "dropped" // nobody wants it, or may have it; Reason says why
	MessageFailed  MessageState = "failed"  // given up; Reason says why
)

// Message is a notice on its way by one channel.
type Message struct {
	ID        MessageID
	Kind      NoticeKind
	Channel   Channel
	AccountID AccountID
	WebhookID WebhookID
	Email     string // where it went, or goes
	Name      string // of the account
	Subject   string // of a mail, once it was written
	Others    int    // messages that went in the same mail; only the outbox counts them
	Data      NoticeData
	Forgotten bool // Data is not kept any more
	State     MessageState
	Reason    string
	Attempts  int
	CreatedAt time.Time
	Due       time.Time // zero: it is not tried again
	Done      time.Time
}

// Delivery is what a worker is to deliver at once: a message, with others of its kind that go in the same mail.
type Delivery struct {
	Claim    int64
	Messages []Message // at least one; the first names the delivery
	// Mail: who reads it.
	To       Receiver
	Refused  bool // the account wants no mail of the topic
	Disabled bool // nobody can sign in to the account
	Webhook  Webhook
	Secrets  []string // that sign, newest first
}

// Receiver is who gets a mail.
type Receiver struct {
	Account  AccountID
	Email    string
	Name     string
	Verified bool // somebody proved that they read the address
	Zone     string
}

// Location is the zone in which the receiver reads times.
func (r Receiver) Location() *time.Location { return Preferences{Zone: r.Zone}.Location() }

// Mail is a mail as it is sent.
type Mail struct {
	ID          string // left part of the Message-ID, the same in each try
	To          Receiver
	Subject     string
	Text        string
	HTML        string
	Unsubscribe string // address that ends mails of the topic, also with one click (RFC 8058); "": nobody refuses these
}

// Attempt is what came of a try to deliver a message.
type Attempt struct {
	Number  int
	At      time.Time
	Took    time.Duration
	Status  int    // of HTTP or SMTP; 0: no answer
	Problem string // "": it was taken
	Answer  string // the beginning of it
}

// Delivered is what a worker made of a delivery.
type Delivered struct {
	State   MessageState // MessageWaiting: it is tried again at Due
	Reason  string
	Subject string
	Email   string    // where it went
	Due     time.Time // of the next try
	Attempt *Attempt  // nil: it was not tried
	Disable string    // why the webhook is switched off; "": it is not
}

// QueueState is how deliveries come along, for operators.
type QueueState struct {
	Waiting int       // due, by one channel
	Oldest  time.Time // since when the oldest has been due; zero: none is
}

// Times of messages.
const (
	MessagesKept = 30 * 24 * time.Hour // after they are done
	GatherFor    = time.Hour           // mails of a kind go together after the first
	MailsPerDay  = 24                  // to one account, of kinds that gather; what is more goes together on the next day
	MaxQueued    = 1000                // messages that wait for one webhook; what is more is dropped
)
