package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// wantKind fails unless err is an error for people of the given kind.
func wantKind(t *testing.T, what string, err error, want models.Kind) {
	t.Helper()
	if got := models.KindOf(err); got != want || err == nil {
		t.Errorf("%s: error %v of kind %d, want kind %d", what, err, got, want)
	}
}

func wantField(t *testing.T, what string, err error, field string) {
	t.Helper()
	var e *models.Error
	if !errors.As(err, &e) || e.Fields[field] == "" {
		t.Errorf("%s: error %v, want one at field %q", what, err, field)
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newAccount(email string) models.NewAccount {
	return models.NewAccount{Email: email, Name: "Ana", PasswordHash: "hash", Role: models.RoleDeveloper}
}

func TestAccountsAreFoundByEmailWithoutRegardToCase(t *testing.T) {
	s := storetest.Open(t)
	made := storetest.Account(t, s, models.RoleOwner, "Ana@Example.com")
	got, hash, err := s.AccountByEmail(t.Context(), "aNA@example.COM")
	ok(t, err)
	if diff := cmp.Diff(got, made); diff != "" || hash == "" {
		t.Errorf("account (-got +want):\n%s, hash %q", diff, hash)
	}
	_, err = s.CreateAccount(t.Context(), models.CommandLine(), newAccount("ANA@example.com"), storetest.Now())
	wantKind(t, "the same e-mail again", err, models.KindConflict)
	wantField(t, "the same e-mail again", err, "email")
}

func TestAccountInputIsJudgedAtItsFields(t *testing.T) {
	s := storetest.Open(t)
	_, err := s.CreateAccount(t.Context(), models.CommandLine(), models.NewAccount{Email: "ana", PasswordHash: "hash"}, storetest.Now())
	for _, field := range []string{"email", "name", "role"} {
		wantField(t, "an empty account", err, field)
	}
}

// R9 for accounts: roles and other people's accounts are out of reach, and what is not an administrator's does not exist.
func TestAccountsBelongToTheirPersonAndToAdministrators(t *testing.T) {
	s := storetest.Open(t)
	ctx, now := t.Context(), storetest.Now()
	admin, victim := storetest.Admin(t, s), storetest.Developer(t, s)
	calls := map[string]func(models.Actor) error{
		"create account": func(a models.Actor) error {
			_, err := s.CreateAccount(ctx, a, newAccount(fmt.Sprintf("x%d@example.com", a.AccountID)), now)
			return err
		},
		"role": func(a models.Actor) error { return s.SetRole(ctx, a, victim.ID, models.RoleOwner, now) },
		"disable": func(a models.Actor) error {
			return errors.Join(s.SetAccountDisabled(ctx, a, victim.ID, true, now), s.SetAccountDisabled(ctx, a, victim.ID, false, now))
		},
		"link": func(a models.Actor) error {
			_, _, err := s.CreateLink(ctx, a, models.NewLink{Kind: models.LinkReset, AccountID: victim.ID}, now)
			return err
		},
		"settings": func(a models.Actor) error {
			return s.SaveSettings(ctx, a, models.Settings{SignUp: models.SignUpClosed}, now)
		},
		"password": func(a models.Actor) error { return s.SetPasswordHash(ctx, a, victim.ID, "new", [32]byte{}, now) },
		"rename":   func(a models.Actor) error { return s.RenameAccount(ctx, a, victim.ID, "Mallory", now) },
		"end session": func(a models.Actor) error {
			if open, err := s.Sessions(ctx, victim.ID, now); err != nil || len(open) == 0 {
				ok(t, errors.Join(err, s.SaveSession(ctx, session(victim.ID, 1, now))))
			}
			return s.EndSession(ctx, a, victim.ID, "handle-1", now)
		},
		"end sessions": func(a models.Actor) error {
			_, err := s.EndSessions(ctx, a, victim.ID, [32]byte{}, now)
			return err
		},
	}
	own := map[string]bool{"password": true, "rename": true, "end session": true, "end sessions": true}
	for name, call := range calls {
		for _, other := range []models.Account{storetest.Developer(t, s), storetest.Owner(t, s)} {
			want := models.KindDenied
			if own[name] {
				want = models.KindNotFound
			}
			wantKind(t, name+" by "+other.Role.String(), call(storetest.Actor(other)), want)
		}
		if own[name] {
			wantKind(t, name+" by nobody", call(models.Actor{}), models.KindNotFound)
			ok(t, call(storetest.Actor(victim)))
		} else {
			wantKind(t, name+" by the account itself", call(storetest.Actor(victim)), models.KindDenied)
		}
		ok(t, call(storetest.Actor(admin)))
	}
}

func TestTheLastAdministratorStays(t *testing.T) {
	s := storetest.Open(t)
	ctx, now := t.Context(), storetest.Now()
	first := storetest.Admin(t, s)
	wantKind(t, "demote", s.SetRole(ctx, storetest.Actor(first), first.ID, models.RoleOwner, now), models.KindConflict)
	wantKind(t, "disable", s.SetAccountDisabled(ctx, storetest.Actor(first), first.ID, true, now), models.KindConflict)

	second := storetest.Admin(t, s)
	ok(t, s.SetAccountDisabled(ctx, storetest.Actor(second), first.ID, true, now))
	wantKind(t, "demote the only enabled one", s.SetRole(ctx, storetest.Actor(second), second.ID, models.RoleOwner, now), models.KindConflict)
	ok(t, s.SetRole(ctx, storetest.Actor(second), first.ID, models.RoleOwner, now))
	ok(t, s.SetAccountDisabled(ctx, storetest.Actor(second), first.ID, false, now))
	ok(t, s.SetRole(ctx, storetest.Actor(second), first.ID, models.RoleAdmin, now))

	// Two administrators who demote each other at once: one of them stays.
	var wg sync.WaitGroup
	for _, id := range []models.AccountID{first.ID, second.ID} {
		wg.Go(func() { _ = s.SetRole(ctx, models.CommandLine(), id, models.RoleDeveloper, now) })
	}
	wg.Wait()
	a, errA := s.Account(ctx, first.ID)
	b, errB := s.Account(ctx, second.ID)
	if errA != nil || errB != nil || (a.Role == models.RoleAdmin) == (b.Role == models.RoleAdmin) {
		t.Errorf("roles %v and %v (%v, %v), want one administrator", a.Role, b.Role, errA, errB)
	}
}

func TestSignUpIsForDevelopersWhileItIsOpen(t *testing.T) {
	s := storetest.Open(t)
	ctx, now := t.Context(), storetest.Now()
	stranger := models.Actor{Address: "192.0.2.7"}
	_, err := s.SignUp(ctx, newAccount("early@example.com"), false, stranger, now)
	wantKind(t, "before there is an administrator", err, models.KindDenied)

	admin := storetest.Admin(t, s)
	in := newAccount("bo@example.com")
	in.Role = models.RoleAdmin
	a, err := s.SignUp(ctx, in, false, stranger, now)
	ok(t, err)
	if a.Role != models.RoleDeveloper {
		t.Errorf("role %v, want developer", a.Role)
	}
	for _, mode := range []models.SignUp{models.SignUpInvited, models.SignUpClosed} {
		ok(t, s.SaveSettings(ctx, storetest.Actor(admin), models.Settings{SignUp: mode}, now))
		_, err = s.SignUp(ctx, newAccount("late@example.com"), false, stranger, now)
		wantKind(t, string(mode), err, models.KindDenied)
	}
	wantField(t, "settings", s.SaveSettings(ctx, storetest.Actor(admin), models.Settings{SignUp: "maybe"}, now), "sign_up")
}

func TestAccountsListPagesAndSearches(t *testing.T) {
	s := storetest.Open(t)
	ctx := t.Context()
	for i := range 5 {
		in := models.NewAccount{Email: fmt.Sprintf("u%d@example.com", i), Name: fmt.Sprintf("Zoë %d", i), PasswordHash: "x", Role: models.RoleDeveloper}
		if i == 3 {
			in.Name = "100%_sure"
		}
		a, err := s.CreateAccount(ctx, models.CommandLine(), in, storetest.Now().Add(time.Duration(i)*time.Hour))
		ok(t, err)
		ok(t, s.SaveSession(ctx, session(a.ID, byte(i), storetest.Now().Add(time.Duration(i)*time.Hour))))
	}
	list := func(p models.Page) (emails []string) {
		for first := true; first || p.After != ""; first = false {
			l, err := s.Accounts(ctx, p)
			ok(t, err)
			for _, row := range l.Items {
				emails = append(emails, row.Email[:2])
				if row.Sessions != 1 {
					t.Errorf("%s has %d sessions, want 1", row.Email, row.Sessions)
				}
			}
			p.After = l.Next
		}
		return emails
	}
	for _, test := range []struct {
		search string
		limit  int
		want   []string
	}{
		{"", 2, []string{"u4", "u3", "u2", "u1", "u0"}},
		{"", 5, []string{"u4", "u3", "u2", "u1", "u0"}},
		{"U1@EX", 0, []string{"u1"}},
		{"zo", 1, []string{"u4", "u2", "u1", "u0"}},
		{"100%_", 0, []string{"u3"}},
		{"%", 0, nil},
		{"_", 0, nil},
	} {
		got := list(models.Page{Search: test.search, Limit: test.limit})
		if diff := cmp.Diff(got, test.want); diff != "" {
			t.Errorf("search %q by %d (-got +want):\n%s", test.search, test.limit, diff)
		}
	}
	_, err := s.Accounts(ctx, models.Page{After: "nonsense"})
	wantKind(t, "a cursor of nobody's", err, models.KindInvalid)
}

func TestLastSeenIsWrittenAtMostEveryFiveMinutes(t *testing.T) {
	s := storetest.Open(t)
	a := storetest.Developer(t, s)
	at := storetest.Now()
	for _, step := range []struct{ after, want time.Duration }{{0, 0}, {4 * time.Minute, 0}, {5 * time.Minute, 5 * time.Minute}} {
		ok(t, s.MarkSeen(t.Context(), a.ID, at.Add(step.after)))
		got, err := s.Account(t.Context(), a.ID)
		ok(t, err)
		if want := at.Add(step.want); !got.LastSeenAt.Equal(want) {
			t.Errorf("after %v: seen %v, want %v", step.after, got.LastSeenAt, want)
		}
	}
}

// A form that was let in completes only if its sender may still send it: what was taken from an account holds at once.
func TestAFormDoesNotOutliveItsSendersRights(t *testing.T) {
	tests := map[string]func(*world, models.Actor) error{
		"disabled": func(w *world, admin models.Actor) error {
			return w.SetAccountDisabled(w.t.Context(), admin, w.owner.ID, true, w.later())
		},
		"a lower role": func(w *world, admin models.Actor) error {
			return w.SetRole(w.t.Context(), admin, w.owner.ID, models.RoleDeveloper, w.later())
		},
		"signed out": func(w *world, admin models.Actor) error {
			_, err := w.EndSessions(w.t.Context(), admin, w.owner.ID, [32]byte{}, w.later())
			return err
		},
	}
	for name, take := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			actor := w.asOwner()
			actor.Session = [32]byte{1}
			session := models.StoredSession{Digest: actor.Session, Data: []byte("{}")}
			session.AccountID, session.CreatedAt, session.SeenAt = w.owner.ID, w.now, w.now
			ok(t, w.SaveSession(t.Context(), session))
			_, err := w.CreatePlan(t.Context(), actor, termsOf("before"), w.later())
			ok(t, err)
			ok(t, take(w, storetest.Actor(storetest.Admin(t, w.Store))))
			_, err = w.CreatePlan(t.Context(), actor, termsOf("after"), w.later())
			wantKind(t, "a form under way", err, models.KindDenied)
		})
	}
}
