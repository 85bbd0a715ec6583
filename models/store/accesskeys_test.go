package store_test

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

func accessKey(t *testing.T, s *store.Store, a models.Account, in models.NewAccessKey) models.AccessKey {
	t.Helper()
	if in.Name == "" {
		in.Name = "ci"
	}
	k, _, err := s.CreateAccessKey(t.Context(), storetest.Actor(a), a.ID, in, storetest.Now())
	ok(t, err)
	return k
}

func signs(t *testing.T, s *store.Store, id string, now time.Time) bool {
	t.Helper()
	_, err := s.SigningKey(t.Context(), id, now)
	if err != nil {
		wantKind(t, "signing key", err, models.KindNotFound)
	}
	return err == nil
}

func TestAnAccessKeySignsForItsOwner(t *testing.T) {
	s := storetest.Open(t)
	owner, now := storetest.Owner(t, s), storetest.Now()
	made, value, err := s.CreateAccessKey(t.Context(), storetest.Actor(owner), owner.ID, models.NewAccessKey{Name: " ci "}, now)
	ok(t, err)
	if len(value.Reveal()) != 40 || made.Name != "ci" || len(made.ID) != 20 {
		t.Errorf("made %+v with a secret of %d characters", made, len(value.Reveal()))
	}
	k, err := s.SigningKey(t.Context(), made.ID, now)
	ok(t, err)
	if k.Secret != value.Reveal() || k.AccountID != owner.ID || k.Email != owner.Email || k.Role != models.RoleOwner || k.AccessKey != made {
		t.Errorf("signing key %+v, made %+v", k, made)
	}
	brought := accessKey(t, s, owner, models.NewAccessKey{ID: "AKIAIOSFODNN7EXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"})
	if k, err := s.SigningKey(t.Context(), brought.ID, now); err != nil || k.Secret != "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" {
		t.Errorf("brought along: %+v, %v", k, err)
	}
	_, _, err = s.CreateAccessKey(t.Context(), storetest.Actor(owner), owner.ID, models.NewAccessKey{Name: "x", ID: brought.ID, Secret: "0123456789abcdef"}, now)
	wantKind(t, "the same id again", err, models.KindConflict)
	wantField(t, "the same id again", err, "id")
	if signs(t, s, "GHAKAAAAAAAAAAAAAAAA", now) {
		t.Error("an unknown key signs")
	}
}

// What takes a key's right away holds for the next call that it signs, and gives it back where that can be.
func TestAnAccessKeyStopsAtOnce(t *testing.T) {
	s := storetest.Open(t)
	ctx, now := t.Context(), storetest.Now()
	admin, owner := storetest.Admin(t, s), storetest.Owner(t, s)
	k := accessKey(t, s, owner, models.NewAccessKey{ExpiresAt: now.Add(time.Hour)})
	steps := []struct {
		name string
		do   func() error
		want bool
	}{
		{"made", func() error { return nil }, true},
		{"disabled", func() error { return s.SetAccessKeyEnabled(ctx, storetest.Actor(owner), owner.ID, k.ID, false, now) }, false},
		{"enabled", func() error { return s.SetAccessKeyEnabled(ctx, storetest.Actor(owner), owner.ID, k.ID, true, now) }, true},
		{"account disabled", func() error { return s.SetAccountDisabled(ctx, storetest.Actor(admin), owner.ID, true, now) }, false},
		{"account enabled", func() error { return s.SetAccountDisabled(ctx, storetest.Actor(admin), owner.ID, false, now) }, true},
		{"no owner any more", func() error { return s.SetRole(ctx, storetest.Actor(admin), owner.ID, models.RoleDeveloper, now) }, false},
		{"owner again", func() error { return s.SetRole(ctx, storetest.Actor(admin), owner.ID, models.RoleOwner, now) }, true},
		{"revoked by an administrator", func() error { return s.RevokeAccessKey(ctx, storetest.Actor(admin), owner.ID, k.ID, now) }, false},
	}
	for _, step := range steps {
		ok(t, step.do())
		if got := signs(t, s, k.ID, now); got != step.want {
			t.Errorf("%s: signs %t, want %t", step.name, got, step.want)
		}
	}
	wantKind(t, "disable what is revoked", s.SetAccessKeyEnabled(ctx, storetest.Actor(owner), owner.ID, k.ID, false, now), models.KindConflict)
	if n := count(t, s, `SELECT count(*) FROM access_keys WHERE secret IS NOT NULL`); n != 0 {
		t.Error("a revoked key's secret is kept")
	}
	short := accessKey(t, s, owner, models.NewAccessKey{ExpiresAt: now.Add(100 * time.Millisecond)})
	if !signs(t, s, short.ID, now) || signs(t, s, short.ID, now.Add(100*time.Millisecond)) {
		t.Error("the expiry does not hold to the moment")
	}
}

// A command beside the server is another process: what it changes holds within a second.
func TestChangesOfAnotherProcessAreSeenWithinASecond(t *testing.T) {
	path, ring := filepath.Join(t.TempDir(), "gatehouse.db"), secret.NewKeyring()
	same := func(c *store.Config) { c.Path, c.Keyring = path, ring }
	server, command := storetest.Open(t, same), storetest.Open(t, same)
	owner, now := storetest.Owner(t, server), storetest.Now()
	k := accessKey(t, command, owner, models.NewAccessKey{})
	if !signs(t, server, k.ID, now) {
		t.Fatal("a new key does not work at once")
	}
	ok(t, command.RevokeAccessKey(t.Context(), models.CommandLine(), owner.ID, k.ID, now))
	if !signs(t, server, k.ID, now.Add(time.Second-1)) {
		t.Error("the key is read for every call")
	}
	if signs(t, server, k.ID, now.Add(time.Second)) {
		t.Error("a revoked key works after a second")
	}
}

func TestAccessKeysBelongToTheirAccount(t *testing.T) {
	s := storetest.Open(t)
	ctx, now := t.Context(), storetest.Now()
	admin, owner, other, developer := storetest.Admin(t, s), storetest.Owner(t, s), storetest.Owner(t, s), storetest.Developer(t, s)
	k := accessKey(t, s, owner, models.NewAccessKey{})
	create := func(a models.Actor, account models.AccountID) error {
		_, _, err := s.CreateAccessKey(ctx, a, account, models.NewAccessKey{Name: "x"}, now)
		return err
	}
	wantKind(t, "create for another owner", create(storetest.Actor(other), owner.ID), models.KindNotFound)
	wantKind(t, "create for another owner by an administrator", create(storetest.Actor(admin), owner.ID), models.KindNotFound)
	wantKind(t, "create by nobody", create(models.Actor{}, owner.ID), models.KindNotFound)
	wantKind(t, "create by a developer", create(storetest.Actor(developer), developer.ID), models.KindDenied)
	wantKind(t, "revoke another's", s.RevokeAccessKey(ctx, storetest.Actor(other), owner.ID, k.ID, now), models.KindNotFound)
	wantKind(t, "revoke another's as one's own", s.RevokeAccessKey(ctx, storetest.Actor(other), other.ID, k.ID, now), models.KindNotFound)
	wantKind(t, "disable another's", s.SetAccessKeyEnabled(ctx, storetest.Actor(other), other.ID, k.ID, false, now), models.KindNotFound)
	list, err := s.AccessKeys(ctx, other.ID)
	ok(t, err)
	if len(list) != 0 || !signs(t, s, k.ID, now) {
		t.Error("another owner has or stopped the key")
	}
	ok(t, create(models.CommandLine(), owner.ID))
	for range models.MaxAccessKeys - 2 {
		ok(t, create(storetest.Actor(owner), owner.ID))
	}
	wantKind(t, "one key too many", create(storetest.Actor(owner), owner.ID), models.KindConflict)
	ok(t, s.RevokeAccessKey(ctx, storetest.Actor(owner), owner.ID, k.ID, now))
	ok(t, create(storetest.Actor(owner), owner.ID))
	if list, err = s.AccessKeys(ctx, owner.ID); err != nil || len(list) != models.MaxAccessKeys+1 || list[len(list)-1].ID != k.ID {
		t.Errorf("%d keys, %v: the revoked one is not the last", len(list), err)
	}
}

func TestRevokedAccessKeysDoNotPileUp(t *testing.T) {
	s := storetest.Open(t)
	owner, now := storetest.Owner(t, s), storetest.Now()
	for range 60 {
		k := accessKey(t, s, owner, models.NewAccessKey{})
		now = now.Add(time.Second)
		ok(t, s.RevokeAccessKey(t.Context(), storetest.Actor(owner), owner.ID, k.ID, now))
	}
	if n := count(t, s, `SELECT count(*) FROM access_keys`); n != 51 {
		t.Errorf("%d keys are kept, want 51", n)
	}
}

// Every change by the management API tells its access key, and a key that was stopped meanwhile changes nothing.
func TestEventsTellTheAccessKeyThatTheyCameWith(t *testing.T) {
	s := storetest.Open(t)
	ctx, now := t.Context(), storetest.Now()
	owner := storetest.Owner(t, s)
	k := accessKey(t, s, owner, models.NewAccessKey{})
	signing, err := s.SigningKey(ctx, k.ID, now)
	ok(t, err)
	actor := signing.Actor("192.0.2.1", "r1")
	ok(t, s.RenameAccount(ctx, actor, owner.ID, "By program", now))
	ok(t, s.RenameAccount(ctx, storetest.Actor(owner), owner.ID, "By hand", now))
	list, err := s.Events(ctx, owner, models.EventFilter{Credential: k.ID}, models.Page{})
	ok(t, err)
	if len(list.Items) != 1 || list.Items[0].Credential != k.ID || list.Items[0].Actor != owner.Email || list.Items[0].Action != "account.rename" {
		t.Errorf("events of the key: %+v", list.Items)
	}
	for _, f := range []models.EventFilter{{Credential: k.ID, Actor: owner.Email}, {Credential: k.ID, Object: owner.ID.String(), Action: "account."}} {
		if list, err := s.Events(ctx, owner, f, models.Page{}); err != nil || len(list.Items) != 1 {
			t.Errorf("with %+v: %d events, %v", f, len(list.Items), err)
		}
	}
	if list, err := s.Events(ctx, storetest.Owner(t, s), models.EventFilter{Credential: k.ID}, models.Page{}); err != nil || len(list.Items) != 0 {
		t.Errorf("another owner sees %d events, %v", len(list.Items), err)
	}
	stops := map[string]func() error{
		"disabled": func() error { return s.SetAccessKeyEnabled(ctx, storetest.Actor(owner), owner.ID, k.ID, false, now) },
		"revoked":  func() error { return s.RevokeAccessKey(ctx, storetest.Actor(owner), owner.ID, k.ID, now) },
	}
	for _, name := range []string{"disabled", "revoked"} {
		ok(t, stops[name]())
		wantKind(t, "a change by a key that is "+name, s.RenameAccount(ctx, actor, owner.ID, "Too late", now), models.KindDenied)
	}
	short := accessKey(t, s, owner, models.NewAccessKey{ExpiresAt: now.Add(time.Minute)})
	actor.Credential = short.ID
	wantKind(t, "a change by a key that has expired", s.RenameAccount(ctx, actor, owner.ID, "Too late", now.Add(time.Minute)), models.KindDenied)
	other := storetest.Owner(t, s)
	actor.Credential = accessKey(t, s, other, models.NewAccessKey{}).ID
	wantKind(t, "a change by somebody else's key", s.RenameAccount(ctx, actor, owner.ID, "Not mine", now), models.KindDenied)
}

func TestUseOfAnAccessKeyIsWrittenOnceAMinute(t *testing.T) {
	s := storetest.Open(t)
	owner, now := storetest.Owner(t, s), storetest.Now()
	k := accessKey(t, s, owner, models.NewAccessKey{})
	for _, step := range []struct {
		after      time.Duration
		from, want string
	}{{0, "192.0.2.1", "192.0.2.1"}, {59 * time.Second, "192.0.2.2", "192.0.2.1"}, {time.Minute, "192.0.2.3", "192.0.2.3"}} {
		ok(t, s.NoteAccessKeyUse(t.Context(), k.ID, step.from, now.Add(step.after)))
		got, err := s.AccessKey(t.Context(), k.ID)
		ok(t, err)
		if got.LastUsedFrom != step.want {
			t.Errorf("after %s: last used %s from %s, want %s", step.after, got.LastUsedAt, got.LastUsedFrom, step.want)
		}
	}
}

func TestADeletedAccountLeavesNoAccessKey(t *testing.T) {
	s := storetest.Open(t)
	ctx, now := t.Context(), storetest.Now()
	storetest.Admin(t, s)
	owner := storetest.Owner(t, s)
	k := accessKey(t, s, owner, models.NewAccessKey{Name: "Ana's laptop"})
	data, err := s.AccountData(ctx, storetest.Actor(owner), owner.ID, now)
	ok(t, err)
	if len(data.AccessKeys) != 1 || data.AccessKeys[0].ID != k.ID || data.AccessKeys[0].Name != "Ana's laptop" {
		t.Errorf("data tells of access keys %+v", data.AccessKeys)
	}
	if !signs(t, s, k.ID, now) {
		t.Fatal("the key does not work")
	}
	ok(t, s.DeleteAccount(ctx, storetest.Actor(owner), owner.ID, now))
	if signs(t, s, k.ID, now) || count(t, s, `SELECT count(*) FROM access_keys`) != 0 || count(t, s, `SELECT count(*) FROM events WHERE object_name LIKE 'Ana%'`) != 0 {
		t.Error("the key or its name is still there")
	}
}

// A read that began before a change must not be kept after it.
func TestAStoppedAccessKeyDoesNotComeBack(t *testing.T) {
	s := storetest.Open(t)
	ctx, now := t.Context(), storetest.Now()
	owner := storetest.Owner(t, s)
	k := accessKey(t, s, owner, models.NewAccessKey{})
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, _ = s.SigningKey(ctx, k.ID, now) // either is right meanwhile
				}
			}
		})
	}
	for i := range 20 {
		enabled := i%2 == 1
		ok(t, s.SetAccessKeyEnabled(ctx, storetest.Actor(owner), owner.ID, k.ID, enabled, now))
		if got := signs(t, s, k.ID, now); got != enabled {
			t.Errorf("change %d: signs %t, want %t", i, got, enabled)
		}
	}
	close(stop)
	readers.Wait()
}
