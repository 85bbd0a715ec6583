package main

import (
	"bytes"
	"context"
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"

	"gatehouse/migrations"
	"gatehouse/models/store/storetest"
)

// fails runs a command that must fail and returns what it says.
func fails(t *testing.T, args ...string) string {
	t.Helper()
	p, out, errs := testProgram(nil)
	if status := run(t.Context(), args, p); status != exitFailed || out.Len() != 0 {
		t.Fatalf("%v: status %d, stdout %q, stderr %q", args, status, out, errs)
	}
	return errs.String()
}

func says(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("got %q, want it to say %q", text, w)
		}
	}
}

// installation makes a data folder with one account and returns it.
func installation(t *testing.T) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	commandJSON(t, "a long enough pass\n", "account", "create", "--data", data, "--email", "ana@example.com", "--password-stdin", "--role", "admin")
	return data
}

// older makes the database of a data folder one of schema 1, with the same people.
func older(t *testing.T, data string) {
	t.Helper()
	path := filepath.Join(data, databaseFile)
	if err := os.Rename(path, path+".new"); err != nil {
		t.Fatal(err)
	}
	pool, err := sql.Open(storetest.Driver(), "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	files, _ := fs.Sub(migrations.SQLite, "sqlite")
	provider, err := goose.NewProvider(goose.DialectSQLite3, pool, files)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	_, err = pool.ExecContext(t.Context(), "PRAGMA journal_mode = WAL; ATTACH '"+path+`.new' AS new;
		INSERT INTO settings SELECT * FROM new.settings;
		INSERT INTO accounts (id, email, name, password_hash, role, created_at) SELECT id, email, name, password_hash, role, created_at FROM new.accounts`)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path + ".new"); err != nil {
		t.Fatal(err)
	}
}

func emails(t *testing.T, data string) (emails []string) {
	t.Helper()
	for _, a := range commandJSON(t, "", "account", "list", "--data", data)["accounts"].([]any) {
		emails = append(emails, a.(map[string]any)["email"].(string))
	}
	return emails
}

func TestAnOlderDatabaseIsMigratedAndKept(t *testing.T) {
	data := installation(t)
	older(t, data)
	if notes := commandJSON(t, "", "check", "--data", data)["notes"].([]any); len(notes) == 0 || !strings.Contains(notes[0].(string), "schema 1") {
		t.Errorf("check says %q", notes)
	}
	if kept, _ := filepath.Glob(filepath.Join(data, "*.bak")); len(kept) != 0 {
		t.Fatalf("check migrated: %v", kept)
	}
	p, _, errs := testProgram(nil)
	if status := run(t.Context(), []string{"migrate", "--data", data}, p); status != 0 {
		t.Fatalf("migrate: %s", errs)
	}
	kept, _ := filepath.Glob(filepath.Join(data, databaseFile+".before-*.bak"))
	if len(kept) != 1 {
		t.Fatalf("kept %v", kept)
	}
	says(t, errs.String(), "migrating the database", kept[0])
	if got := emails(t, data); !slices.Equal(got, []string{"ana@example.com"}) {
		t.Errorf("accounts after migrating: %v", got)
	}
	// And back to how it was before, with this version.
	commandJSON(t, "a long enough pass\n", "account", "create", "--data", data, "--email", "bo@example.com", "--password-stdin")
	commandJSON(t, "", "restore", "--data", data, "--force", kept[0])
	if got := emails(t, data); !slices.Equal(got, []string{"ana@example.com"}) {
		t.Errorf("accounts after going back: %v", got)
	}
}

// The server of the older version would go on with tables that are not there any more.
func TestNothingIsMigratedBelowARunningServer(t *testing.T) {
	data := installation(t)
	older(t, data)
	release, err := lockData(data)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	says(t, fails(t, "account", "list", "--data", data), "stop that one first")
	if kept, _ := filepath.Glob(filepath.Join(data, "*.bak")); len(kept) != 0 {
		t.Errorf("something was migrated: %v", kept)
	}
}

func TestABackupIsRestoredWholeAndEverythingElsePutAside(t *testing.T) {
	data := installation(t)
	file := filepath.Join(t.TempDir(), "monday.bak")
	made := commandJSON(t, "", "backup", "--data", data, file)
	if made["accounts"].(float64) != 1 || made["file"] != file || made["bytes"].(float64) == 0 || made["version"] != release {
		t.Errorf("backup: %v", made)
	}
	commandJSON(t, "a long enough pass\n", "account", "create", "--data", data, "--email", "bo@example.com", "--password-stdin")
	for _, folder := range []string{journalFolder, recordingFolder} {
		if err := errorsOf(os.Mkdir(filepath.Join(data, folder), 0o700), os.WriteFile(filepath.Join(data, folder, "1"), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	says(t, fails(t, "restore", "--data", data, file), "--force")
	restored := commandJSON(t, "", "restore", "--data", data, file, "--force")
	if got := emails(t, data); !slices.Equal(got, []string{"ana@example.com"}) {
		t.Errorf("accounts: %v", got)
	}
	aside := restored["putAside"].(string)
	for _, name := range []string{databaseFile, filepath.Join(journalFolder, "1"), filepath.Join(recordingFolder, "1")} {
		if _, err := os.Stat(filepath.Join(aside, name)); err != nil {
			t.Errorf("put aside: %v", err)
		}
	}
	for _, folder := range []string{journalFolder, recordingFolder} {
		if _, err := os.Stat(filepath.Join(data, folder)); err == nil {
			t.Errorf("the %s of another history is still there", folder)
		}
	}
	if got := commandJSON(t, "", "check", "--data", data); got["ok"] != true {
		t.Errorf("check: %v", got)
	}
}

func TestABackupIsRestoredOnAnotherMachineWithItsKeyringAlone(t *testing.T) {
	data := installation(t)
	file := filepath.Join(t.TempDir(), "monday.bak")
	commandJSON(t, "", "backup", "--data", data, file)
	other := t.TempDir()
	says(t, fails(t, "restore", "--data", other, file), "there is no keyring at", "put the one there")
	stranger := installation(t)
	says(t, fails(t, "restore", "--data", other, "--keyring", filepath.Join(stranger, "keyring.json"), file), "another keyring")
	if names, _ := filepath.Glob(filepath.Join(other, databaseFile+"*")); len(names) != 0 {
		t.Errorf("a refused restore left %v", names)
	}
	restored := commandJSON(t, "", "restore", "--data", other, "--keyring", filepath.Join(data, "keyring.json"), file)
	if restored["putAside"] != nil || restored["doubt"].(float64) != 0 {
		t.Errorf("restore: %v", restored)
	}
}

func TestBackupAndRestoreRefuseWhatWouldLoseSomething(t *testing.T) {
	data := installation(t)
	folder := t.TempDir()
	file, text, empty := filepath.Join(folder, "monday.bak"), filepath.Join(folder, "text"), t.TempDir()
	commandJSON(t, "", "backup", "--data", data, file)
	content := []byte("precious, and not a backup at all")
	if err := os.WriteFile(text, content, 0o600); err != nil {
		t.Fatal(err)
	}
	torn, _ := os.ReadFile(file)
	if err := os.WriteFile(filepath.Join(folder, "torn"), torn[:len(torn)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(empty, databaseFile+restoringSuffix), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	keyring := filepath.Join(data, "keyring.json")
	for _, tt := range []struct {
		name, want string
		args       []string
	}{
		{"an older backup", "--force", []string{"backup", "--data", data, file}},
		{"another file", "not an older backup", []string{"backup", "--data", data, "--force", text}},
		{"the database itself", "in use", []string{"backup", "--data", data, "--force", filepath.Join(data, databaseFile)}},
		{"the keyring", "in use", []string{"backup", "--data", data, "--force", keyring}},
		{"a folder", "not a file", []string{"backup", "--data", data, "--force", folder}},
		{"no folder for the file", "no such file", []string{"backup", "--data", data, filepath.Join(folder, "no", "such")}},
		{"no database", "no database", []string{"backup", "--data", folder, filepath.Join(folder, "new")}},
		{"restore nothing", "no such file", []string{"restore", "--data", folder, filepath.Join(folder, "new")}},
		{"restore a text", "not a backup", []string{"restore", "--data", folder, text}},
		{"restore half a file", "torn", []string{"restore", "--data", folder, "--keyring", keyring, filepath.Join(folder, "torn")}},
		{"an interrupted restore", "interrupted", []string{"migrate", "--data", empty}},
	} {
		t.Run(tt.name, func(t *testing.T) { says(t, fails(t, tt.args...), tt.want) })
	}
	if got, _ := os.ReadFile(text); !bytes.Equal(got, content) {
		t.Error("the text was changed")
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "*unfinished*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	commandJSON(t, "", "backup", "--data", data, "--force", file)
}

func TestRestoreRefusesAFolderThatIsServed(t *testing.T) {
	data := installation(t)
	file := filepath.Join(t.TempDir(), "monday.bak")
	release, err := lockData(data)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	commandJSON(t, "", "backup", "--data", data, file) // beside a server
	says(t, fails(t, "restore", "--data", data, "--force", file), "another Gatehouse is serving")
}

func TestBackupAndRestoreTakeOneFile(t *testing.T) {
	for _, args := range [][]string{{"backup"}, {"backup", ""}, {"backup", "a", "b"}, {"restore"}, {"restore", "--keyring", "k"}, {"backup", "--wrong", "a"}} {
		p, _, errs := testProgram(nil)
		if status := run(context.Background(), args, p); status != exitUsage {
			t.Errorf("%v: status %d, %s", args, status, errs)
		}
	}
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
