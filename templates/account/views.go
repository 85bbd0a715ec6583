package account

import "time"

// SignInView is the page where people come in.
type SignInView struct {
	Email    string
	Next     string // where to go on; empty for the usual page
	Problem  string
	Unsent   bool // a form was sent without a session
	JoinHref string
	Fresh    bool // nobody has an account yet
	Mails    bool // a link for a new password can be sent
}

// PersonForm is what somebody typed of himself, without the password.
type PersonForm struct {
	Email, Name   string
	Message       string
	EmailError    string
	NameError     string
	PasswordError string
}

// startsAtName reports whether the cursor begins in the name: where it is wrong, or nothing is.
func (f PersonForm) startsAtName() bool {
	return f.NameError != "" || f.EmailError == "" && f.PasswordError == ""
}

// startsAtPassword reports whether the cursor begins in the password: it alone is wrong.
func (f PersonForm) startsAtPassword() bool {
	return f.PasswordError != "" && f.NameError == "" && f.EmailError == ""
}

// JoinView is the page where people make an account.
type JoinView struct {
	Form       PersonForm
	Action     string
	Next       string
	SignInHref string
	Closed     string // why nobody can; empty: everybody can
}

// SetupView is the page that makes the first administrator.
type SetupView struct {
	Form   PersonForm
	Action string
}

// InviteView is the page that an invitation leads to; the e-mail address is the invitation's.
type InviteView struct {
	Form       PersonForm
	Action     string
	Role       string // what the account may do, in a sentence
	SignedInAs string // somebody else, in this browser; may be empty
}

// ResetView is the page that sets a new password.
type ResetView struct {
	Email, Action string
	Problem       string
}

// ConfirmView asks for the password once more.
type ConfirmView struct {
	Email, Next string
	Problem     string
	CancelHref  string
}

// MeView is a person's own page.
type MeView struct {
	Email, Role   string
	Since, Now    time.Time
	Name          string
	NameError     string
	CurrentError  string
	PasswordError string
	Zone          string // IANA name
	ZoneError     string
	Zones         []string // to choose from
	Theme         string   // "light", "dark" or empty
	ThemeError    string
	Keys          bool // single keys lead to pages
	Sessions      []SessionView
	Others        int // sessions besides this one
}

// SessionView is a browser that is signed in.
type SessionView struct {
	Handle      string
	Browser     string
	UserAgent   string
	Address     string
	Since, Seen time.Time
	Current     bool
}
