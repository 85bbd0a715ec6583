package models

import (
	"errors"
	"strconv"
	"strings"
)

// ID identifies a T. It is a random number in [36^9, 36^10), shown as ten lower-case letters and digits, the form that AWS uses for
// APIs and keys; the zero ID means "none". The database stores the number.
type ID[T any] int64

// The bounds of an ID: the numbers that have exactly ten digits in base 36.
const (
	minID = 101559956668416  // 36^9
	maxID = 3656158440062976 // 36^10, exclusive
)

// ErrID says that a text is not an id; pages answer it like an unknown one.
var ErrID = errors.New("not an id")

// NewID returns the id that the 64 random bits select. Callers draw the bits from crypto/rand.
func NewID[T any](random uint64) ID[T] {
	return ID[T](minID + int64(random%(maxID-minID)))
}

// ParseID reads the ten-character form.
func ParseID[T any](s string) (ID[T], error) {
	if len(s) != 10 || strings.ToLower(s) != s {
		return 0, ErrID
	}
	n, err := strconv.ParseInt(s, 36, 64)
	if err != nil || n < minID || n >= maxID {
		return 0, ErrID
	}
	return ID[T](n), nil
}

// String returns the ten-character form, or "" for the zero ID.
func (id ID[T]) String() string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(int64(id), 36)
}

// MarshalText implements encoding.TextMarshaler.
func (id ID[T]) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; an empty text is the zero ID.
func (id *ID[T]) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*id = 0
		return nil
	}
	n, err := ParseID[T](string(b))
	*id = n
	return err
}

// The ids of the vocabulary.
type (
	AccountID      = ID[Account]
	ConsumerID     = ID[Consumer]
	APIID          = ID[API]
	MethodID       = ID[Method]
	ResourceID     = ID[Resource]
	DeploymentID   = ID[Deployment]
	DocumentID     = ID[Document]
	StageID        = ID[Stage]
	PlanID         = ID[Plan]
	AppID          = ID[App]
	KeyID          = ID[Key]
	SubscriptionID = ID[Subscription]
	EventID        = ID[Event]
	ImportID       = ID[Import]
	CustomerNoteID = ID[CustomerNote]
	GuideID        = ID[Guide]
	MessageID      = ID[Message]
	WebhookID      = ID[Webhook]
	AlertID        = ID[Alert]
	ChangeNoticeID = ID[ChangeNotice]
	DeprecationID  = ID[Deprecation]
	ChangelogID    = ID[ChangelogEntry]

	DocumentChangeID    = ID[DocumentChange]
	ClientCertificateID = ID[ClientCertificate]
	AuthorizerID        = ID[Authorizer]
	DomainID            = ID[Domain]
)
