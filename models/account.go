package models

import (
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/models/limit"
)

// Role is what an account may do. Each role includes the ones before it: every account can have apps and keys, owners publish
// APIs and plans too, administrators also manage accounts and settings.
type Role uint8

// The roles. RoleNone is invalid.
const (
	RoleNone Role = iota
	RoleDeveloper
	RoleOwner
	RoleAdmin
)

var roleNames = [...]string{"", "developer", "owner", "admin"}

// String returns "developer", "owner" or "admin".
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return ""
}

// ParseRole reads what String returns; field "role".
func ParseRole(s string) (Role, error) {
	for r := RoleDeveloper; r <= RoleAdmin; r++ {
		if roleNames[r] == s {
			return r, nil
		}
	}
	return RoleNone, Invalid("role", "Choose developer, owner or admin.")
}

// SeenEvery is how often an account's last visit is written down: a write for every page would cost more than the page.
const SeenEvery = 5 * time.Minute

// Account is a person who can sign in.
type Account struct {
	ID         AccountID
	Email      string // as typed, trimmed; unique without regard to case
	Name       string
	Role       Role
	Throttle   *limit.Throttle // shared by all callers of everything that the account publishes; nil: none
	CreatedAt  time.Time
	LastSeenAt time.Time // zero: never signed in
	DisabledAt time.Time // zero: enabled
	VerifiedAt time.Time // when somebody proved that they read Email; zero: nobody has
	ErasedAt   time.Time // when the account was deleted; who it was is erased, and nobody can ever sign in to it again. Zero: it was not
	Preferences
}

// Verified reports whether somebody proved that they read the account's e-mail.
func (a Account) Verified() bool { return !a.VerifiedAt.IsZero() }

// Erased reports whether the account was deleted.
func (a Account) Erased() bool { return !a.ErasedAt.IsZero() }

// Disabled reports whether the account may not sign in.
func (a Account) Disabled() bool { return !a.DisabledAt.IsZero() }

// CheckAccountThrottle validates the throttle of an account; fields "rate" and "burst". Nil is none.
func CheckAccountThrottle(t *limit.Throttle) error {
	var p Problems
	if t != nil {
		addThrottle(&p, "rate", "burst", *t)
	}
	return p.Err()
}

// CleanEmail trims and checks an e-mail address; field "email".
func CleanEmail(s string) (string, error) {
	s = strings.TrimSpace(s)
	address, err := mail.ParseAddress(s)
	if err != nil || address.Address != s || len(s) > 254 || strings.ContainsAny(s, " \"\r\n") {
		return "", Invalid("email", "Enter an e-mail address such as ana@example.com.")
	}
	return s, nil
}

// CleanName trims and checks a name that people see (an account, app, API, plan or key): 1 to 80 characters, no control characters.
// The error is at the given field.
func CleanName(field, s string) (string, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return "", Invalid(field, "Enter a name.")
	case utf8.RuneCountInString(s) > 80:
		return "", Invalid(field, "Use at most 80 characters.")
	case hasControl(s):
		return "", Invalid(field, "Use letters, digits and signs only; a line break or control character is in the name.")
	}
	return s, nil
}

// cleanLine trims and checks a text of one line that may be empty: at most max characters, no control characters.
func cleanLine(field, s string, max int) (string, error) {
	s = strings.TrimSpace(s)
	switch {
	case utf8.RuneCountInString(s) > max:
		return "", Invalid(field, fmt.Sprintf("Use at most %d characters.", max))
	case hasControl(s):
		return "", Invalid(field, "Use one line without control characters.")
	}
	return s, nil
}

// CleanText trims and checks a longer text: at most max characters, valid UTF-8, no control characters but line breaks and tabs.
func CleanText(field, s string, max int) (string, error) {
	s = strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
	if utf8.RuneCountInString(s) > max {
		return "", Invalid(field, fmt.Sprintf("Use at most %d characters.", max))
	}
	if hasControlBut(s, "\n\t") {
		return "", Invalid(field, "Remove the control characters from this text.")
	}
	return s, nil
}

func hasControl(s string) bool { return hasControlBut(s, "") }

func hasControlBut(s, allowed string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return (r < ' ' || r == 0x7f) && !strings.ContainsRune(allowed, r) })
}

// SignUp says who may make an account.
type SignUp string

// The sign-up modes.
const (
	SignUpOpen    SignUp = "open"
	SignUpInvited SignUp = "invited" // by an invitation link of an administrator
	SignUpClosed  SignUp = "closed"
)

// Settings are the installation's own, changed by administrators.
type Settings struct {
	SignUp SignUp
	Log    LogSettings
}

// LinkKind is what a one-time link does.
type LinkKind string

// The one-time links.
const (
	LinkSetup  LinkKind = "setup"  // makes the first administrator; valid 1 hour
	LinkReset  LinkKind = "reset"  // sets a new password; valid 30 minutes
	LinkInvite LinkKind = "invite" // makes an account; valid 7 days
	LinkVerify LinkKind = "verify" // proves an e-mail address, or changes it to this one; valid 24 hours
)

// Link is a one-time link as a list shows it; its token is known to its receiver alone.
type Link struct {
	Kind      LinkKind
	Email     string
	Role      Role
	AccountID AccountID // reset
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    time.Time
}

// Session is a signed-in browser as its account's owner sees it.
type Session struct {
	Handle    string // names the session in a form; not the cookie
	AccountID AccountID
	CreatedAt time.Time
	SeenAt    time.Time
	ExpiresAt time.Time
	UserAgent string
	Address   string
}

// Actor is who acts, as the audit log keeps it.
type Actor struct {
	AccountID AccountID // zero: the operator at the command line or the system itself
	Role      Role      // with which the request was let in
	Label     string    // e-mail, "command line" or "system"
	Address   string    // the peer's IP address
	RequestID string
	Session   [32]byte // digest of the session that the request came with; zero: none

	Credential string // id of the access key that signed the request; "": none did
}

// CommandLine is the actor of administrative commands.
func CommandLine() Actor { return Actor{Role: RoleAdmin, Label: "command line"} }

// System is the actor of what happens by itself.
func System() Actor { return Actor{Role: RoleAdmin, Label: "system"} }

// IsSystem reports whether it is nobody who acts: something happens by itself.
func (a Actor) IsSystem() bool { return a.AccountID == 0 && a.Label == System().Label }
