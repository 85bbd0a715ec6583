package store_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// An older binary that writes to a newer schema would break it in ways that nobody can repair.
func TestOpenRefusesWhatANewerVersionMigrated(t *testing.T) {
	config := store.Config{Path: filepath.Join(t.TempDir(), "gatehouse.db"), Keyring: secret.NewKeyring()}
	s := storetest.Open(t, func(c *store.Config) { *c = config })
	if err := store.Writer(s).Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)`).Error; err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), config); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("error %v, want a refusal", err)
	}
}

func TestRecordsAreThereAfterReopening(t *testing.T) {
	config := store.Config{Path: filepath.Join(t.TempDir(), "gatehouse.db"), Keyring: secret.NewKeyring()}
	first, err := store.Open(t.Context(), config)
	ok(t, err)
	a := storetest.Developer(t, first)
	ok(t, first.SaveSession(t.Context(), session(a.ID, 1, storetest.Now())))
	ok(t, first.Close())
	second := storetest.Open(t, func(c *store.Config) { *c = config })
	if _, err := second.LoadSession(t.Context(), [32]byte{1, 1}, storetest.Now()); err != nil {
		t.Errorf("session after reopening: %v", err)
	}
}

// The settings of the file are what exactness rests on, with either driver.
func TestHandlesAreSetAsPromised(t *testing.T) {
	s := storetest.Open(t, func(c *store.Config) { c.Unsynced = false })
	want := map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000", "cache_size": "-16000"}
	for pragma, value := range want {
		var got string
		if err := store.Writer(s).Raw("PRAGMA " + pragma).Scan(&got).Error; err != nil || got != value {
			t.Errorf("%s of %s is %q (%v), want %q", pragma, store.Driver, got, err, value)
		}
	}
	if err := store.Reader(s).Exec(`DELETE FROM settings`).Error; err == nil {
		t.Error("the reading handle wrote")
	}
}

func TestAClosedStoreAnswersWithFaults(t *testing.T) {
	s := storetest.Closed(t)
	_, err := s.Account(t.Context(), 1)
	if err == nil || models.KindOf(err) != models.KindNone {
		t.Errorf("error %v, want one that people are not shown", err)
	}
}

// A log for debugging has every statement, and of nobody's values any.
func TestStatementsAreLoggedWithoutTheirValues(t *testing.T) {
	var text bytes.Buffer
	s := storetest.Open(t, func(c *store.Config) {
		c.Log = slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: store.LevelStatements}))
	})
	if _, _, err := s.AccountByEmail(t.Context(), "somebody@example.com"); models.KindOf(err) != models.KindNotFound {
		t.Fatal(err)
	}
	if _, err := s.Accounts(t.Context(), models.Page{Search: "somebody"}); err != nil {
		t.Fatal(err)
	}
	_, err := s.LinkByToken(t.Context(), "somebody", storetest.Now())
	if models.KindOf(err) != models.KindNotFound {
		t.Fatal(err)
	}
	if log := text.String(); strings.Contains(log, "somebody") || !strings.Contains(log, "FROM accounts") || !strings.Contains(log, "lower(email)") {
		t.Errorf("logged %s", log)
	}
}
