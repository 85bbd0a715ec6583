package store_test

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

var mark = store.Mark{At: storetest.Now(), Version: "1.2.3"}

func backupOf(t *testing.T, path string) (to string, file store.File) {
	t.Helper()
	to = filepath.Join(t.TempDir(), "copy.bak")
	file, err := store.Backup(t.Context(), path, to, mark)
	ok(t, err)
	return to, file
}

func TestABackupIsOneSoundFileThatSaysWhatItHolds(t *testing.T) {
	config := store.Config{Path: filepath.Join(t.TempDir(), "gatehouse.db"), Keyring: secret.NewKeyring()}
	s := storetest.Open(t, func(c *store.Config) { *c = config })
	ok(t, s.BindKeyring(t.Context()))
	newFixture(t, s)
	to, file := backupOf(t, config.Path)
	if file.Accounts != 2 || file.APIs != 1 || file.Plans != 1 || file.Keys != 1 || file.Schema != file.Known || file.Keyring != config.Keyring.Fingerprint() {
		t.Errorf("got %+v", file)
	}
	if names := entries(t, filepath.Dir(to)); len(names) != 1 {
		t.Errorf("made %v, want one file", names)
	}
	if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (%v), want 0600", info.Mode(), err)
	}
	again, err := store.Inspect(t.Context(), to)
	if err != nil || again.Backup == nil || !again.Backup.At.Equal(mark.At) || again.Backup.Version != mark.Version {
		t.Errorf("the file says %+v (%v)", again, err)
	}
}

// On a busy disk every statement of a backup may be slow.
func TestASlowStatementOfACommandIsNoFault(t *testing.T) {
	db, err := store.OpenAlone(filepath.Join(t.TempDir(), "copy.bak"))
	ok(t, err)
	db.Logger.Trace(t.Context(), storetest.Now(), func() (string, int64) { return "SELECT 1", 1 }, nil)
	pool, err := db.DB()
	ok(t, err)
	ok(t, pool.Close())
}

// A backup lies about on other machines for years.
func TestABackupLetsNobodyIn(t *testing.T) {
	config := store.Config{Path: filepath.Join(t.TempDir(), "gatehouse.db"), Keyring: secret.NewKeyring()}
	s := storetest.Open(t, func(c *store.Config) { *c = config })
	ok(t, s.BindKeyring(t.Context()))
	f := newFixture(t, s)
	digest := [32]byte{1, 1}
	ok(t, s.SaveSession(t.Context(), session(f.developer.ID, 1, storetest.Now())))
	ok(t, s.PutSecret(t.Context(), digest, f.key, secret.NewToken(), storetest.Now()))
	_, _, err := s.CreateLink(t.Context(), models.CommandLine(), models.NewLink{Kind: models.LinkInvite, Email: "guest@example.com", Role: models.RoleDeveloper}, storetest.Now())
	ok(t, err)
	to, _ := backupOf(t, config.Path)
	pool, err := sql.Open(storetest.Driver(), "file:"+to)
	ok(t, err)
	defer pool.Close()
	rows := countRows(t, pool)
	if rows["sessions"] != 0 || rows["secret_slots"] != 0 || rows["links"] != 0 || rows["accounts"] != 2 {
		t.Errorf("rows: %v", rows)
	}
}

// Copied into place by hand, a backup would hand out again what was in hand when it was made.
func TestABackupIsNotOpenedAsADatabase(t *testing.T) {
	config := store.Config{Path: filepath.Join(t.TempDir(), "gatehouse.db"), Keyring: secret.NewKeyring()}
	s := storetest.Open(t, func(c *store.Config) { *c = config })
	ok(t, s.BindKeyring(t.Context()))
	config.Path, _ = backupOf(t, config.Path)
	if _, err := store.Open(t.Context(), config); err == nil || !strings.Contains(err.Error(), "gatehouse restore") {
		t.Errorf("error %v", err)
	}
}

func TestABackupNeedsNoMigration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gatehouse.db")
	want := firstSchema(t, path)
	to, file := backupOf(t, path)
	if file.Schema != 1 || int(file.Accounts) != want["accounts"] {
		t.Errorf("got %+v", file)
	}
	if again, err := store.Inspect(t.Context(), to); err != nil || again.Schema != 1 {
		t.Errorf("the file says %+v (%v)", again, err)
	}
}

func TestWhatCannotBeBackedUpLeavesNoFile(t *testing.T) {
	foreign := filepath.Join(t.TempDir(), "foreign.db")
	spoil(t, foreign, `CREATE TABLE t (x)`)
	text := filepath.Join(t.TempDir(), "text.db")
	ok(t, os.WriteFile(text, []byte(strings.Repeat("not a database ", 1000)), 0o600))
	newer := filepath.Join(t.TempDir(), "newer.db")
	firstSchema(t, newer)
	spoil(t, newer, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)`)
	for _, tt := range []struct{ name, path, want string }{
		{"another program's database", foreign, "not a database of Gatehouse"},
		{"no database", text, "not a database"},
		{"a newer version's", newer, "run the newer version"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "copy.bak")
			if _, err := store.Backup(t.Context(), tt.path, to, mark); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
			if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
				t.Error("the file is there")
			}
		})
	}
}

// The gateway's rights and usage are committed all the time; a backup that stopped them would stop requests.
func TestABackupShowsOneMomentAndHoldsNobodyUp(t *testing.T) {
	config := store.Config{Path: filepath.Join(t.TempDir(), "gatehouse.db"), Keyring: secret.NewKeyring()}
	s := storetest.Open(t, func(c *store.Config) { *c = config })
	ok(t, store.Writer(s).Exec(`CREATE TABLE pairs (a INTEGER, b INTEGER)`).Error)
	ok(t, store.Writer(s).Exec(`INSERT INTO pairs VALUES (0, 0)`).Error)
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := store.Writer(s).Exec(`UPDATE pairs SET a = a + 1, b = b - 1`).Error; err != nil {
				t.Error(err)
			}
		}
	})
	defer writer.Wait()
	defer close(stop)
	for range 5 {
		to, _ := backupOf(t, config.Path)
		pool, err := sql.Open(storetest.Driver(), "file:"+to)
		ok(t, err)
		var sum int
		ok(t, pool.QueryRowContext(t.Context(), `SELECT a + b FROM pairs`).Scan(&sum))
		if sum != 0 {
			t.Errorf("half a transaction is in the backup: %d", sum)
		}
		ok(t, pool.Close())
	}
}

// A large file takes longer than a statement should. The copy before a migration is made without a log to say so in.
func TestASlowBackupIsNoFault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gatehouse.db")
	storetest.Open(t, func(c *store.Config) { c.Path = path })
	ok(t, store.CopySlowly(t.Context(), path))
}
