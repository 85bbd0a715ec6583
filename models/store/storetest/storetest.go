package storetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/models/store"
)

// template returns an empty, migrated database file. Migrating takes longer than most tests.
var template = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "gatehouse-storetest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "template.db")
	s, err := store.Open(context.Background(), store.Config{Path: path, Keyring: secret.NewKeyring()})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// Open returns an empty store that is closed when the test ends. Options change its configuration before it is opened; a Path that
// exists is opened as it is.
func Open(t testing.TB, options ...func(*store.Config)) *store.Store {
	t.Helper()
	c := store.Config{Path: filepath.Join(t.TempDir(), "gatehouse.db"), Keyring: secret.NewKeyring(), Unsynced: true}
	for _, option := range options {
		option(&c)
	}
	if _, err := os.Stat(c.Path); os.IsNotExist(err) {
		content, err := template()
		if err != nil {
			t.Fatalf("make template: %v", err)
		}
		if err := os.WriteFile(c.Path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := store.Open(t.Context(), c)
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return s
}

// Closed returns a store whose every method fails, for the answers to faults of ours.
func Closed(t testing.TB) *store.Store {
	t.Helper()
	s := Open(t)
	if err := s.Close(); err != nil {
		t.Fatalf("close store: %v", err)
	}
	return s
}

// Now is the time that the helpers take it to be: a Monday noon, in the middle of nothing.
func Now() time.Time { return time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC) }

// Actor is the account acting for itself.
func Actor(a models.Account) models.Actor {
	return models.Actor{AccountID: a.ID, Role: a.Role, Label: a.Email, Address: "192.0.2.1", RequestID: "test"}
}

// Account makes an account, at Now, whose password is nobody's. An empty e-mail is made up.
func Account(t testing.TB, s *store.Store, role models.Role, email string) models.Account {
	t.Helper()
	if email == "" {
		email = fmt.Sprintf("%s-%s@example.com", role, strings.ToLower(secret.NewToken().Reveal()[:8]))
	}
	a, err := s.CreateAccount(t.Context(), models.CommandLine(), models.NewAccount{
		Email: email, Name: "Test " + role.String(), PasswordHash: "$argon2id$nobody", Role: role,
	}, Now())
	if err != nil {
		t.Fatalf("make %s: %v", role, err)
	}
	return a
}

// Admin makes an administrator.
func Admin(t testing.TB, s *store.Store) models.Account {
	t.Helper()
	return Account(t, s, models.RoleAdmin, "")
}

// Owner makes an API owner.
func Owner(t testing.TB, s *store.Store) models.Account {
	t.Helper()
	return Account(t, s, models.RoleOwner, "")
}

// Developer makes a developer.
func Developer(t testing.TB, s *store.Store) models.Account {
	t.Helper()
	return Account(t, s, models.RoleDeveloper, "")
}
