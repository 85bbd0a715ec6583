package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/templates/account"
	"gatehouse/templates/format"
)

// SignInStore is what coming in needs of the store.
type SignInStore interface {
	AccountByEmail(ctx context.Context, email string) (models.Account, string, error)
	PasswordHash(ctx context.Context, id models.AccountID) (string, error)
	Settings(ctx context.Context) (models.Settings, error)
	HasAccounts(ctx context.Context) (bool, error)
	SignUp(ctx context.Context, in models.NewAccount, verify bool, actor models.Actor, now time.Time) (models.Account, error)
}

// SignIn is the pages where people come in and go out, and where they prove their password once more.
type SignIn struct {
	Store     SignInStore
	Passwords *secret.Hasher
	Throttle  *Throttle
}

// errSignIn is the one answer to an unknown address, a wrong password and a disabled account.
const errSignIn = "This e-mail address and password do not belong together. Check both, or ask for a new password."

// Show asks for e-mail and password. Who is signed in goes on at once.
func (s *SignIn) Show(r *Request) (Reply, error) {
	next := r.Query("next")
	if r.Account.ID != 0 {
		return See(safeNext(next, "/home")), nil
	}
	return s.page(r, NewForm("next", safeNext(next, ""), "unsent", r.Query("unsent")), Page)
}

// page draws the form. Where nobody has an account yet it says how the first one is made.
func (s *SignIn) page(r *Request, f *Form, reply func(c templ.Component) Reply) (Reply, error) {
	some, err := s.Store.HasAccounts(r.Context())
	if err != nil {
		return Reply{}, err
	}
	v := account.SignInView{Mails: r.Site.mails(), Email: f.Get("email"), Next: f.Get("next"), Problem: f.Message(), Unsent: f.Get("unsent") != "", JoinHref: withNext("/join", f.Get("next")), Fresh: !some}
	return reply(account.SignIn(r.layout("Sign in"), v)), nil
}

// Submit signs in. An address that nobody has costs the same time as one that somebody has, and gets the same answer.
func (s *SignIn) Submit(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	f.Set("next", safeNext(f.Get("next"), ""))
	attempt, wait := s.Throttle.Enter(f.Get("email"), r.Peer(), r.Now)
	if attempt == nil {
		f.message = tooManyTries(wait)
		return s.page(r, f, TooMany)
	}
	defer attempt.Leave()
	person, hash, err := s.Store.AccountByEmail(r.Context(), f.Trimmed("email"))
	if err != nil && models.KindOf(err) != models.KindNotFound {
		return Reply{}, err
	}
	ok, _, err := s.Passwords.Verify(r.Context(), hash, f.Get("password"))
	if err != nil && !errors.Is(err, secret.ErrPasswordHash) {
		return Reply{}, fmt.Errorf("sign in: %w", err)
	}
	if !ok || person.Disabled() {
		r.Site.Log.InfoContext(r.Context(), "sign-in refused", "address", r.Peer(), "request_id", r.ID)
		f.message = errSignIn
		return s.page(r, f, Again)
	}
	attempt.Succeed(r.Now)
	r.Session.SignIn(person.ID)
	return See(safeNext(f.Get("next"), "/home")), nil
}

func tooManyTries(wait time.Duration) string {
	return "Too many attempts. Try again in " + format.Seconds(max(1, wait.Seconds())) + "."
}

// Out ends the session.
func (s *SignIn) Out(r *Request) (Reply, error) {
	r.Session.SignOut()
	return See("/"), nil
}

// JoinForm asks for name, e-mail and password, or says why nobody can join here.
func (s *SignIn) JoinForm(r *Request) (Reply, error) {
	next := safeNext(r.Query("next"), "")
	if r.Account.ID != 0 {
		return See(safeNext(next, "/home")), nil
	}
	return s.join(r, NewForm("next", next), Page)
}

func (s *SignIn) join(r *Request, f *Form, reply func(c templ.Component) Reply) (Reply, error) {
	settings, err := s.Store.Settings(r.Context())
	if err != nil {
		return Reply{}, err
	}
	some, err := s.Store.HasAccounts(r.Context())
	if err != nil {
		return Reply{}, err
	}
	v := account.JoinView{
		Form: personForm(f), Action: "/join", Next: f.Get("next"), SignInHref: withNext("/signin", f.Get("next")), Closed: closedWords(settings.SignUp, some),
	}
	return reply(account.Join(r.layout("Sign up"), v)), nil
}

// closedWords says why nobody can sign up; "" where everybody can.
func closedWords(mode models.SignUp, some bool) string {
	switch {
	case !some:
		return "Nobody has an account here yet. The first one is made with the setup link that `gatehouse serve` prints when it starts."
	case mode == models.SignUpInvited:
		return "New accounts are made by invitation here. Ask an administrator for an invitation link."
	case mode == models.SignUpClosed:
		return "New accounts are not made here at the moment. If you need one, ask an administrator."
	}
	return ""
}

// Join makes a developer's account and goes on to what the person came for.
func (s *SignIn) Join(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	f.Set("next", safeNext(f.Get("next"), ""))
	// An address that is taken is said here: without mail there is no other way to tell its person. The throttle keeps it from being
	// asked for many addresses.
	attempt, wait := s.Throttle.Enter("", r.Peer(), r.Now)
	if attempt == nil {
		f.message = tooManyTries(wait)
		return s.join(r, f, TooMany)
	}
	defer attempt.Leave()
	settings, err := s.Store.Settings(r.Context())
	if err != nil {
		return Reply{}, err
	}
	if settings.SignUp != models.SignUpOpen {
		return s.join(r, f, Again)
	}
	in, err := newPerson(r, s.Passwords, f, true)
	if err != nil {
		return Reply{}, err
	}
	if !f.OK() {
		return s.join(r, f, Again)
	}
	person, err := s.Store.SignUp(r.Context(), in, r.Site.mails(), r.Actor(), r.Now)
	if f.Accept(err) {
		return s.join(r, f, Again)
	}
	if err != nil {
		return Reply{}, err
	}
	r.Session.SignIn(person.ID)
	return r.Done(safeNext(f.Get("next"), "/home"), "Welcome, "+person.Name+". Your account is ready."), nil
}

// newPerson reads name, e-mail and password, notes what is wrong with them, and hashes the password only when nothing is.
func newPerson(r *Request, passwords *secret.Hasher, f *Form, withEmail bool) (models.NewAccount, error) {
	in := models.NewAccount{Email: f.Get("email")}
	if withEmail {
		email, err := models.CleanEmail(in.Email)
		f.Accept(err)
		in.Email = email
	}
	name, err := models.CleanName("name", f.Get("name"))
	f.Accept(err)
	in.Name = name
	in.PasswordHash, err = newPassword(r, passwords, f, in.Name, in.Email)
	return in, err
}

// newPassword checks the password that was typed and, when the whole form is right, hashes it.
func newPassword(r *Request, passwords *secret.Hasher, f *Form, context ...string) (string, error) {
	if err := secret.CheckPassword(f.Get("password"), context...); err != nil {
		f.Fail("password", err.Error())
	}
	if !f.OK() {
		return "", nil
	}
	return passwords.Hash(r.Context(), f.Get("password"))
}

// personForm is what was typed, without the password: it is never sent back.
func personForm(f *Form) account.PersonForm {
	return account.PersonForm{
		Email: f.Get("email"), Name: f.Get("name"), Message: f.Message(),
		EmailError: f.Error("email"), NameError: f.Error("name"), PasswordError: f.Error("password"),
	}
}

// ConfirmForm asks for the password once more, before something that a borrowed browser must not do.
func (s *SignIn) ConfirmForm(r *Request) (Reply, error) {
	return Page(confirmPage(r, NewForm("next", safeNext(r.Query("next"), "/home")))), nil
}

func confirmPage(r *Request, f *Form) templ.Component {
	return account.Confirm(r.layout("Confirm your password"), account.ConfirmView{
		Email: r.Account.Email, Next: f.Get("next"), Problem: f.Error("password"), CancelHref: "/home",
	})
}

// Confirm notes that the password was proved and goes on.
func (s *SignIn) Confirm(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	f.Set("next", safeNext(f.Get("next"), "/home"))
	refused, err := provePassword(r, s.Store, s.Passwords, s.Throttle, f, "password")
	if err != nil {
		return Reply{}, err
	}
	if refused != nil {
		return refused(confirmPage(r, f)), nil
	}
	r.Session.Confirm()
	return See(f.Get("next")), nil
}

// passwordHashes tells the hash of an account's password.
type passwordHashes interface {
	PasswordHash(ctx context.Context, id models.AccountID) (string, error)
}

// provePassword checks the reader's own password, typed into a field. Where it is wrong, or was tried too often, the field says so and
// refused answers with the form again.
func provePassword(r *Request, store passwordHashes, passwords *secret.Hasher, throttle *Throttle, f *Form, field string) (refused func(templ.Component) Reply, err error) {
	attempt, wait := throttle.Enter(r.Account.Email, r.Peer(), r.Now)
	if attempt == nil {
		f.Fail(field, tooManyTries(wait))
		return TooMany, nil
	}
	defer attempt.Leave()
	hash, err := store.PasswordHash(r.Context(), r.Account.ID)
	if err != nil {
		return nil, err
	}
	ok, _, err := passwords.Verify(r.Context(), hash, f.Get(field))
	switch {
	case err != nil && !errors.Is(err, secret.ErrPasswordHash):
		return nil, fmt.Errorf("prove password: %w", err)
	case !ok:
		f.Fail(field, "This is not your password.")
		return Again, nil
	}
	attempt.Succeed(r.Now)
	return nil, nil
}

// withNext adds where to go on to a path.
func withNext(path, next string) string {
	if next == "" {
		return path
	}
	return path + "?next=" + url.QueryEscape(next)
}
