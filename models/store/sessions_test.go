package store_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/models/store/storetest"
)

// session is session number n of an account.
func session(account models.AccountID, n byte, now time.Time) models.StoredSession {
	return models.StoredSession{
		Session: models.Session{Handle: fmt.Sprintf("handle-%d", n), AccountID: account, CreatedAt: now, SeenAt: now, UserAgent: "test", Address: "192.0.2.1"},
		Digest:  [32]byte{1, n}, Data: []byte("values of the session"),
	}
}

func TestSessionsComeBackAsTheyWereSaved(t *testing.T) {
	s := storetest.Open(t)
	a := storetest.Developer(t, s)
	for i, account := range []models.AccountID{a.ID, 0} {
		in := session(account, byte(i), storetest.Now())
		ok(t, s.SaveSession(t.Context(), in))
		in.ExpiresAt = in.CreatedAt.Add(12 * time.Hour)
		got, err := s.LoadSession(t.Context(), in.Digest, storetest.Now())
		ok(t, err)
		if diff := cmp.Diff(got, in); diff != "" {
			t.Errorf("session (-got +want):\n%s", diff)
		}
	}
}

func TestSessionsEndAfterIdleTimeAndAfterAWeek(t *testing.T) {
	s := storetest.Open(t)
	start := storetest.Now()
	in := session(storetest.Developer(t, s).ID, 1, start)
	ok(t, s.SaveSession(t.Context(), in))
	open := func(at time.Duration) bool {
		_, err := s.LoadSession(t.Context(), in.Digest, start.Add(at))
		if err != nil {
			wantKind(t, "closed session", err, models.KindNotFound)
		}
		return err == nil
	}
	if !open(12*time.Hour-time.Millisecond) || open(12*time.Hour) {
		t.Error("an idle session must end after 12 hours")
	}
	ok(t, s.TouchSession(t.Context(), in.Digest, start.Add(59*time.Second)))
	if open(12 * time.Hour) {
		t.Error("a touch within a minute was written")
	}
	last := time.Duration(0)
	for at := 11 * time.Hour; at < 7*24*time.Hour; at += 11 * time.Hour {
		if !open(at) {
			t.Fatalf("the session in use ended after %v", at)
		}
		ok(t, s.TouchSession(t.Context(), in.Digest, start.Add(at)))
		last = at
	}
	if !open(7*24*time.Hour-time.Millisecond) || open(7*24*time.Hour) {
		t.Errorf("a session in use until %v must end after 7 days", last)
	}
	// Saving it again, with another sign-in time even, makes it no younger.
	in.CreatedAt, in.SeenAt = start.Add(last), start.Add(last)
	ok(t, s.UpdateSession(t.Context(), in))
	if open(7 * 24 * time.Hour) {
		t.Error("saving again prolonged the session")
	}
	ok(t, s.TouchSession(t.Context(), in.Digest, start.Add(8*24*time.Hour)))
	if open(8*24*time.Hour + time.Second) {
		t.Error("a touch woke an ended session")
	}
}

func TestTheOldestSessionsGoWhenThereAreMoreThanTen(t *testing.T) {
	s := storetest.Open(t)
	a, other := storetest.Developer(t, s), storetest.Developer(t, s)
	ok(t, s.SaveSession(t.Context(), session(other.ID, 100, storetest.Now())))
	for n := range byte(12) {
		// The last three begin at once: the one just made is never the one that goes.
		at := storetest.Now().Add(time.Duration(min(n, 9)) * time.Minute)
		ok(t, s.SaveSession(t.Context(), session(a.ID, n, at)))
		if _, err := s.LoadSession(t.Context(), [32]byte{1, n}, at); err != nil {
			t.Errorf("session %d, just made: %v", n, err)
		}
	}
	open, err := s.Sessions(t.Context(), a.ID, storetest.Now())
	ok(t, err)
	if len(open) != 10 {
		t.Errorf("%d sessions open, want 10", len(open))
	}
	for _, gone := range []byte{0, 1} {
		_, err := s.LoadSession(t.Context(), [32]byte{1, gone}, storetest.Now())
		wantKind(t, "an old session", err, models.KindNotFound)
	}
	if _, err := s.LoadSession(t.Context(), [32]byte{1, 100}, storetest.Now()); err != nil {
		t.Errorf("somebody else's session: %v", err)
	}
}

func TestDisablingAnAccountEndsItsSessions(t *testing.T) {
	s := storetest.Open(t)
	a := storetest.Developer(t, s)
	in := session(a.ID, 1, storetest.Now())
	ok(t, s.SaveSession(t.Context(), in))
	ok(t, s.SetAccountDisabled(t.Context(), models.CommandLine(), a.ID, true, storetest.Now()))
	_, err := s.LoadSession(t.Context(), in.Digest, storetest.Now())
	wantKind(t, "session of a disabled account", err, models.KindNotFound)
	ok(t, s.UpdateSession(t.Context(), in)) // a page that was under way
	_, err = s.LoadSession(t.Context(), in.Digest, storetest.Now())
	wantKind(t, "session saved late", err, models.KindNotFound)
}

func TestARequestUnderWayDoesNotBringAnEndedSessionBack(t *testing.T) {
	s := storetest.Open(t)
	in := session(storetest.Developer(t, s).ID, 1, storetest.Now())
	ok(t, s.SaveSession(t.Context(), in))
	in.Data = []byte("a message")
	ok(t, s.UpdateSession(t.Context(), in))
	if got, err := s.LoadSession(t.Context(), in.Digest, storetest.Now()); err != nil || string(got.Data) != "a message" {
		t.Errorf("an open session holds %q, %v", got.Data, err)
	}
	ok(t, s.DeleteSession(t.Context(), in.Digest))
	ok(t, s.UpdateSession(t.Context(), in))
	_, err := s.LoadSession(t.Context(), in.Digest, storetest.Now())
	wantKind(t, "ended session", err, models.KindNotFound)
}

func TestChangingThePasswordKeepsTheCallersSessionOnly(t *testing.T) {
	s := storetest.Open(t)
	ctx, now := t.Context(), storetest.Now()
	a := storetest.Developer(t, s)
	for n := range byte(3) {
		ok(t, s.SaveSession(ctx, session(a.ID, n, now)))
	}
	ok(t, s.SetPasswordHash(ctx, storetest.Actor(a), a.ID, "new", [32]byte{1, 1}, now))
	open, err := s.Sessions(ctx, a.ID, now)
	ok(t, err)
	if len(open) != 1 || open[0].Handle != "handle-1" {
		t.Errorf("open %+v, want handle-1 alone", open)
	}
	ended, err := s.EndSessions(ctx, storetest.Actor(a), a.ID, [32]byte{1, 1}, now)
	if err != nil || ended != 0 {
		t.Errorf("ended %d more (%v), want 0", ended, err)
	}
	wantKind(t, "end a session that is not there", s.EndSession(ctx, storetest.Actor(a), a.ID, "handle-0", now), models.KindNotFound)
	ok(t, s.EndSession(ctx, storetest.Actor(a), a.ID, "handle-1", now))
	ok(t, s.DeleteSession(ctx, [32]byte{1, 1}))
}

func TestSecretsAreTakenOnce(t *testing.T) {
	s := storetest.Open(t)
	ctx, now := t.Context(), storetest.Now()
	in := session(storetest.Developer(t, s).ID, 1, now)
	key := models.KeyID(77)
	value := secret.Generate(secret.Prefix{})
	wantKind(t, "without a session", s.PutSecret(ctx, in.Digest, key, value, now), models.KindNotFound)
	ok(t, s.SaveSession(ctx, in))
	ok(t, s.PutSecret(ctx, in.Digest, key, secret.NewValue("an earlier value of the key"), now))
	ok(t, s.PutSecret(ctx, in.Digest, key, value, now))

	if _, found, err := s.TakeSecret(ctx, [32]byte{9}, key, now); found || err != nil {
		t.Errorf("another session took it: %v, %v", found, err)
	}
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, found, err := s.TakeSecret(ctx, in.Digest, key, now)
			if err != nil {
				t.Error(err)
			}
			if found && got.Equal(value) {
				taken.Add(1)
			}
		})
	}
	wg.Wait()
	if taken.Load() != 1 {
		t.Errorf("taken %d times, want once", taken.Load())
	}
	ok(t, s.PutSecret(ctx, in.Digest, key, value, now))
	if _, found, err := s.TakeSecret(ctx, in.Digest, key, now.Add(10*time.Minute)); found || err != nil {
		t.Errorf("taken after ten minutes: %v, %v", found, err)
	}
}
