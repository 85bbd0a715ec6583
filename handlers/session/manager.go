package session

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/gob"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"gatehouse/models"
	"gatehouse/models/secret"
)

// Rows is where sessions live.
type Rows interface {
	SaveSession(ctx context.Context, s models.StoredSession) error
	UpdateSession(ctx context.Context, s models.StoredSession) error
	LoadSession(ctx context.Context, digest [32]byte, now time.Time) (models.StoredSession, error)
	TouchSession(ctx context.Context, digest [32]byte, now time.Time) error
	DeleteSession(ctx context.Context, digest [32]byte) error
	PutSecret(ctx context.Context, digest [32]byte, key models.KeyID, value secret.Value, now time.Time) error
	TakeSecret(ctx context.Context, digest [32]byte, key models.KeyID, now time.Time) (secret.Value, bool, error)
}

// Lifetime is the absolute age at which a session ends; rows end earlier when they are idle.
const Lifetime = 7 * 24 * time.Hour

// touchEvery bounds how often a session that is used is written.
const touchEvery = time.Minute

// Manager opens and saves sessions. It is a gorilla sessions.Store over Rows.
type Manager struct {
	rows   Rows
	codecs []securecookie.Codec
	name   string
	secure bool
	now    func() time.Time
}

// New returns a manager whose cookies are signed and encrypted with the pairs of a hash key and a block key, newest first. Secure says that the portal's public address is https: the cookie then
// is named __Host- and never leaves over plain HTTP.
func New(rows Rows, keys [][]byte, secure bool, now func() time.Time) *Manager {
	m := &Manager{rows: rows, codecs: securecookie.CodecsFromPairs(keys...), name: "gatehouse", secure: secure, now: now}
	if secure {
		m.name = "__Host-gatehouse"
	}
	for _, codec := range m.codecs {
		if c, ok := codec.(*securecookie.SecureCookie); ok {
			c.MaxAge(int(Lifetime.Seconds()))
		}
	}
	return m
}

// Open returns the request's session; an unknown, ended or forged cookie is an empty one. The error is a fault of ours.
func (m *Manager) Open(r *http.Request) (*Session, error) {
	raw, err := m.New(r, m.name)
	if err != nil {
		return nil, err
	}
	return &Session{raw: raw, request: r, manager: m, digest: digestOf(raw.ID)}, nil
}

// Keep writes what changed and sets the cookie. It must run before the body is written.
func (m *Manager) Keep(w http.ResponseWriter, s *Session) error {
	if !s.changed && !s.renew {
		return nil
	}
	if s.renew && s.raw.ID != "" {
		if err := m.rows.DeleteSession(s.request.Context(), s.digest); err != nil {
			return fmt.Errorf("end earlier session: %w", err)
		}
		s.raw.ID = ""
	}
	if err := m.Save(s.request, w, s.raw); err != nil {
		return err
	}
	s.digest, s.changed, s.renew = digestOf(s.raw.ID), false, false
	return nil
}

// Touch notes that a session is used, at most every minute: one that is not used ends early.
func (m *Manager) Touch(ctx context.Context, s *Session) error {
	seen, ok := s.raw.Values[keySeen].(int64)
	if s.raw.IsNew || !ok || m.now().Sub(time.Unix(seen, 0)) < touchEvery {
		return nil
	}
	return m.rows.TouchSession(ctx, s.digest, m.now())
}

// Get implements sessions.Store.
func (m *Manager) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(m, name)
}

// New implements sessions.Store. A bad cookie is an anonymous visitor, not an error: else a change of the keys would lock people out.
func (m *Manager) New(r *http.Request, name string) (*sessions.Session, error) {
	s := sessions.NewSession(m, name)
	s.Options = &sessions.Options{Path: "/", MaxAge: int(Lifetime.Seconds()), HttpOnly: true, Secure: m.secure, SameSite: http.SameSiteLaxMode}
	s.IsNew = true
	cookie, err := r.Cookie(name)
	if err != nil {
		return s, nil
	}
	var token string
	if securecookie.DecodeMulti(name, cookie.Value, &token, m.codecs...) != nil {
		return s, nil
	}
	row, err := m.rows.LoadSession(r.Context(), digestOf(token), m.now())
	switch {
	case models.KindOf(err) == models.KindNotFound:
		return s, nil
	case err != nil:
		return nil, fmt.Errorf("load session: %w", err)
	}
	if err := gob.NewDecoder(bytes.NewReader(row.Data)).Decode(&s.Values); err != nil {
		return s, nil // written by a version that kept other things: start anew
	}
	s.Values[keySeen] = row.SeenAt.Unix()
	s.ID, s.IsNew = token, false
	return s, nil
}

// Save implements sessions.Store. A negative MaxAge ends the session.
func (m *Manager) Save(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
	if s.Options.MaxAge < 0 {
		http.SetCookie(w, sessions.NewCookie(s.Name(), "", s.Options))
		return m.rows.DeleteSession(r.Context(), digestOf(s.ID))
	}
	now, write := m.now(), m.rows.UpdateSession
	if s.ID == "" {
		write = m.rows.SaveSession
		s.ID = rand.Text() + rand.Text() // 260 bits
		s.Values[keyCreated] = now.Unix()
	}
	created, _ := s.Values[keyCreated].(int64)
	var data bytes.Buffer
	if err := gob.NewEncoder(&data).Encode(s.Values); err != nil {
		return fmt.Errorf("encode session: %w", err)
	}
	account, _ := s.Values[keyAccount].(int64)
	digest := digestOf(s.ID)
	row := models.StoredSession{Digest: digest, Data: data.Bytes()}
	row.Handle = fmt.Sprintf("%x", sha256.Sum256(digest[:]))[:16]
	row.AccountID = models.AccountID(account)
	row.CreatedAt, row.SeenAt, row.ExpiresAt = time.Unix(created, 0).UTC(), now, time.Unix(created, 0).UTC().Add(Lifetime)
	row.UserAgent, row.Address = clip(r.UserAgent(), 200), clip(r.RemoteAddr, 64)
	if err := write(r.Context(), row); err != nil {
		return fmt.Errorf("save session: %w", err)
	}
	cookie, err := securecookie.EncodeMulti(s.Name(), s.ID, m.codecs...)
	if err != nil {
		return fmt.Errorf("sign session cookie: %w", err)
	}
	http.SetCookie(w, sessions.NewCookie(s.Name(), cookie, s.Options))
	s.IsNew = false
	return nil
}

func digestOf(token string) [32]byte { return sha256.Sum256([]byte(token)) }

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
