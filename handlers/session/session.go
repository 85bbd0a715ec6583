package session

import (
	"net/http"
	"time"

	"github.com/gorilla/sessions"

	"gatehouse/models"
	"gatehouse/models/secret"
)

// The names of the values of a session.
const (
	keyAccount = "account"
	keyCreated = "created"
	keySeen    = "seen"
	keyAuthed  = "authed"
	keyKind    = "flash.kind"
	keyFlash   = "flash"
	keyAs      = "as"
	keyAsUntil = "as.until"
)

// Kind is the tone of a flash message.
type Kind string

// The tones.
const (
	Good Kind = "ok"
	Bad  Kind = "bad"
)

// Session is what one browser carries.
type Session struct {
	raw     *sessions.Session
	request *http.Request
	manager *Manager
	digest  [32]byte
	changed bool
	renew   bool
}

// Account returns who is signed in, or zero.
func (s *Session) Account() models.AccountID {
	id, _ := s.raw.Values[keyAccount].(int64)
	return models.AccountID(id)
}

// Digest names the session's row; zero for a visitor without one.
func (s *Session) Digest() [32]byte {
	if s.raw.ID == "" {
		return [32]byte{}
	}
	return s.digest
}

// SignIn makes the session the account's, under a new token.
func (s *Session) SignIn(id models.AccountID) {
	s.raw.Values = map[any]any{keyAccount: int64(id), keyAuthed: s.manager.now().Unix()}
	s.changed, s.renew = true, true
}

// SignOut ends the session and clears the cookie.
func (s *Session) SignOut() {
	s.raw.Values = map[any]any{}
	s.raw.Options.MaxAge = -1
	s.changed = true
}

// Confirm notes that the account has just proved its password.
func (s *Session) Confirm() {
	s.raw.Values[keyAuthed] = s.manager.now().Unix()
	s.changed = true
}

// ConfirmedWithin reports whether the password was proved within d.
func (s *Session) ConfirmedWithin(d time.Duration) bool {
	at, ok := s.raw.Values[keyAuthed].(int64)
	return ok && s.manager.now().Sub(time.Unix(at, 0)) <= d
}

// SeeAs notes that the account sees the portal as another one does until then. The session stays its own.
func (s *Session) SeeAs(id models.AccountID, until time.Time) {
	s.raw.Values[keyAs], s.raw.Values[keyAsUntil] = int64(id), until.Unix()
	s.changed = true
}

// SeeingAs returns whom the account sees the portal as, and until when.
func (s *Session) SeeingAs() (id models.AccountID, until time.Time, ok bool) {
	as, ok := s.raw.Values[keyAs].(int64)
	end, _ := s.raw.Values[keyAsUntil].(int64)
	return models.AccountID(as), time.Unix(end, 0), ok
}

// SeeNoMore ends it.
func (s *Session) SeeNoMore() {
	delete(s.raw.Values, keyAs)
	delete(s.raw.Values, keyAsUntil)
	s.changed = true
}

// Flash leaves a message for the next page.
func (s *Session) Flash(kind Kind, text string) {
	s.raw.Values[keyKind], s.raw.Values[keyFlash] = string(kind), text
	s.changed = true
}

// TakeFlash returns the message that an earlier page left, once; not to a HEAD, whose page nobody sees.
func (s *Session) TakeFlash() (kind Kind, text string, ok bool) {
	text, ok = s.raw.Values[keyFlash].(string)
	if !ok || s.request.Method == http.MethodHead {
		return "", "", false
	}
	k, _ := s.raw.Values[keyKind].(string)
	delete(s.raw.Values, keyFlash)
	delete(s.raw.Values, keyKind)
	s.changed = true
	return Kind(k), text, true
}

// PutSecret keeps a key's new value for the one page that shows it.
func (s *Session) PutSecret(key models.KeyID, value secret.Value) error {
	return s.manager.rows.PutSecret(s.request.Context(), s.digest, key, value, s.manager.now())
}

// TakeSecret returns the value that was kept for the key, once; not to a HEAD, whose page nobody sees.
func (s *Session) TakeSecret(key models.KeyID) (secret.Value, bool, error) {
	if s.request.Method == http.MethodHead {
		return secret.Value{}, false, nil
	}
	return s.manager.rows.TakeSecret(s.request.Context(), s.digest, key, s.manager.now())
}
