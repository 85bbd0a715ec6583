package store_test

import (
	"sync"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// use makes an account by a link, whatever the link is for.
func use(s *store.Store, kind models.LinkKind, token string, t *testing.T, now time.Time) error {
	var err error
	switch in := newAccount("new@example.com"); kind {
	case models.LinkSetup:
		_, err = s.CompleteSetup(t.Context(), token, in, models.Actor{}, now)
	case models.LinkInvite:
		_, err = s.AcceptInvite(t.Context(), token, in, models.Actor{}, now)
	case models.LinkReset:
		_, err = s.ResetPassword(t.Context(), token, "new hash", models.Actor{}, now)
	}
	return err
}

// newLink makes a link of the kind on an installation where it can be used.
func newLink(t *testing.T, kind models.LinkKind) (*store.Store, string) {
	t.Helper()
	s := storetest.Open(t)
	in := models.NewLink{Kind: kind, Email: "Guest@example.com", Role: models.RoleOwner}
	if kind != models.LinkSetup {
		in.AccountID = storetest.Developer(t, s).ID
	}
	token, link, err := s.CreateLink(t.Context(), models.CommandLine(), in, storetest.Now())
	ok(t, err)
	if link.Kind != kind || token == "" {
		t.Fatalf("made %+v with token of %d characters", link, len(token))
	}
	return s, token
}

func TestLinksWorkOnceEvenForManyAtOnce(t *testing.T) {
	for _, kind := range []models.LinkKind{models.LinkSetup, models.LinkReset, models.LinkInvite} {
		t.Run(string(kind), func(t *testing.T) {
			s, token := newLink(t, kind)
			results := make([]error, 8)
			var wg sync.WaitGroup
			for i := range results {
				wg.Go(func() { results[i] = use(s, kind, token, t, storetest.Now()) })
			}
			wg.Wait()
			used := 0
			for _, err := range results {
				if err == nil {
					used++
				} else if models.KindOf(err) != models.KindNotFound {
					t.Errorf("a late one: %v, want not found", err)
				}
			}
			if used != 1 {
				t.Errorf("used %d times, want once", used)
			}
			_, err := s.LinkByToken(t.Context(), token, storetest.Now())
			wantKind(t, "look at the used link", err, models.KindNotFound)
		})
	}
}

func TestLinksExpireAndServeTheirKindOnly(t *testing.T) {
	valid := map[models.LinkKind]time.Duration{models.LinkSetup: time.Hour, models.LinkReset: 30 * time.Minute, models.LinkInvite: 7 * 24 * time.Hour}
	for kind, lives := range valid {
		s, token := newLink(t, kind)
		wantKind(t, string(kind)+" late", use(s, kind, token, t, storetest.Now().Add(lives)), models.KindNotFound)
		_, err := s.LinkByToken(t.Context(), token, storetest.Now().Add(lives))
		wantKind(t, string(kind)+" looked at late", err, models.KindNotFound)
		for other := range valid {
			if other != kind {
				wantKind(t, string(kind)+" used as "+string(other), use(s, other, token, t, storetest.Now()), models.KindNotFound)
			}
		}
		wantKind(t, "a wrong token", use(s, kind, token+"x", t, storetest.Now()), models.KindNotFound)
		ok(t, use(s, kind, token, t, storetest.Now().Add(lives-time.Millisecond)))
	}
}

func TestSetupEndsWithTheFirstAccount(t *testing.T) {
	s, token := newLink(t, models.LinkSetup)
	second, _, err := s.CreateLink(t.Context(), models.CommandLine(), models.NewLink{Kind: models.LinkSetup}, storetest.Now())
	ok(t, err)
	wantKind(t, "a replaced setup link", use(s, models.LinkSetup, token, t, storetest.Now()), models.KindNotFound)
	storetest.Admin(t, s)
	wantKind(t, "setup beside an account", use(s, models.LinkSetup, second, t, storetest.Now()), models.KindNotFound)
	_, _, err = s.CreateLink(t.Context(), models.CommandLine(), models.NewLink{Kind: models.LinkSetup}, storetest.Now())
	wantKind(t, "another setup link", err, models.KindConflict)
}

func TestInvitationsDecideEmailAndRole(t *testing.T) {
	s, token := newLink(t, models.LinkInvite)
	a, err := s.AcceptInvite(t.Context(), token, newAccount("mallory@example.com"), models.Actor{}, storetest.Now())
	ok(t, err)
	if a.Email != "Guest@example.com" || a.Role != models.RoleOwner {
		t.Errorf("made %s with role %v, want the invitation's", a.Email, a.Role)
	}
	_, _, err = s.CreateLink(t.Context(), models.CommandLine(), models.NewLink{Kind: models.LinkInvite, Email: "guest@example.com", Role: models.RoleOwner}, storetest.Now())
	wantField(t, "invite somebody who has an account", err, "email")
}

func TestResetEndsSessionsAndOtherResetLinks(t *testing.T) {
	s := storetest.Open(t)
	ctx, now := t.Context(), storetest.Now()
	a := storetest.Developer(t, s)
	reset := models.NewLink{Kind: models.LinkReset, AccountID: a.ID}
	token, _, err := s.CreateLink(ctx, models.CommandLine(), reset, now)
	ok(t, err)
	ok(t, s.SetPasswordHash(ctx, storetest.Actor(a), a.ID, "own", [32]byte{}, now))
	wantKind(t, "reset after the person chose a password", use(s, models.LinkReset, token, t, now), models.KindNotFound)

	token, _, err = s.CreateLink(ctx, models.CommandLine(), reset, now)
	ok(t, err)
	ok(t, s.SaveSession(ctx, session(a.ID, 1, now)))
	ok(t, use(s, models.LinkReset, token, t, now))
	open, err := s.Sessions(ctx, a.ID, now)
	ok(t, err)
	hash, err := s.PasswordHash(ctx, a.ID)
	ok(t, err)
	if len(open) != 0 || hash != "new hash" {
		t.Errorf("%d sessions open, hash %q", len(open), hash)
	}

	ok(t, s.SetAccountDisabled(ctx, models.CommandLine(), a.ID, true, now))
	_, _, err = s.CreateLink(ctx, models.CommandLine(), reset, now)
	wantKind(t, "a reset link of a disabled account", err, models.KindConflict)
}

func TestLinksListShowsInvitationsAndResetsNewestFirst(t *testing.T) {
	s, token := newLink(t, models.LinkInvite)
	later := storetest.Now().Add(time.Hour)
	ok(t, use(s, models.LinkInvite, token, t, later))
	_, _, err := s.CreateLink(t.Context(), models.CommandLine(), models.NewLink{Kind: models.LinkReset, AccountID: storetest.Developer(t, s).ID}, later)
	ok(t, err)
	list, err := s.Links(t.Context(), models.Page{})
	ok(t, err)
	if len(list.Items) != 2 || list.Items[0].Kind != models.LinkReset || !list.Items[1].UsedAt.Equal(later) {
		t.Errorf("links %+v, want the reset, then the used invitation", list.Items)
	}
	list, err = s.Links(t.Context(), models.Page{Search: "GUEST"})
	ok(t, err)
	if len(list.Items) != 1 || list.Items[0].Kind != models.LinkInvite {
		t.Errorf("links of guest %+v, want the invitation", list.Items)
	}
	_, _, err = s.CreateLink(t.Context(), models.CommandLine(), models.NewLink{Kind: models.LinkInvite, Email: "z@example.com", Role: models.RoleOwner}, later.AddDate(0, 2, 0))
	ok(t, err)
	list, err = s.Links(t.Context(), models.Page{})
	ok(t, err)
	if len(list.Items) != 1 {
		t.Errorf("%d links after two months, want the new one only", len(list.Items))
	}
}
