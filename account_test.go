package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// commandJSON runs the program and returns what it printed as one JSON object.
func commandJSON(t *testing.T, stdin string, args ...string) map[string]any {
	t.Helper()
	p, out, errs := testProgram(nil)
	p.stdin = strings.NewReader(stdin)
	if status := run(t.Context(), append(args, "--json"), p); status != 0 {
		t.Fatalf("%v: status %d: %s", args, status, errs)
	}
	decoder := json.NewDecoder(out)
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	if decoder.More() {
		t.Fatalf("%v printed more than one object", args)
	}
	return object
}

func TestAccountsAreManagedFromTheCommandLine(t *testing.T) {
	data := t.TempDir()
	made := commandJSON(t, "a long enough pass\n", "account", "create", "--data", data, "--email", "ana@example.com", "--password-stdin", "--role", "admin")
	if made["email"] != "ana@example.com" || made["role"] != "admin" || made["disabled"] != false || len(made["id"].(string)) != 10 {
		t.Errorf("created: %v", made)
	}
	commandJSON(t, "another long pass\n", "account", "create", "--data", data, "--email", "bo@example.com", "--password-stdin")
	if got := commandJSON(t, "", "account", "set-role", "--data", data, "--email", "bo@example.com", "--role", "owner"); got["role"] != "owner" {
		t.Errorf("set-role: %v", got)
	}
	if got := commandJSON(t, "", "account", "disable", "--data", data, "--email", "bo@example.com"); got["disabled"] != true {
		t.Errorf("disable: %v", got)
	}
	if got := commandJSON(t, "", "account", "enable", "--data", data, "--email", "bo@example.com"); got["disabled"] != false {
		t.Errorf("enable: %v", got)
	}
	if got := commandJSON(t, "yet another pass\n", "account", "reset-password", "--data", data, "--email", "bo@example.com", "--password-stdin"); got["email"] != "bo@example.com" {
		t.Errorf("reset-password: %v", got)
	}
	if got := commandJSON(t, "", "account", "reset-password", "--data", data, "--email", "bo@example.com", "--public-url", "https://portal.example"); !strings.HasPrefix(got["link"].(string), "https://portal.example/reset/") {
		t.Errorf("reset link: %v", got)
	}
	if got := commandJSON(t, "", "account", "list", "--data", data)["accounts"].([]any); len(got) != 2 {
		t.Errorf("list: %v", got)
	}
	if got := commandJSON(t, "", "check", "--data", data); got["ok"] != true {
		t.Errorf("check: %v", got)
	}
	if got := commandJSON(t, "", "version", "--data", data); got["version"] != release {
		t.Errorf("version: %v", got)
	}
	if got := commandJSON(t, "", "migrate", "--data", data); got["schema"].(float64) < 1 {
		t.Errorf("migrate: %v", got)
	}
}

func TestCommandsThatFailSayWhyAndEndWithStatusOne(t *testing.T) {
	data := t.TempDir()
	commandJSON(t, "a long enough pass\n", "account", "create", "--data", data, "--email", "ana@example.com", "--password-stdin", "--role", "admin")
	for _, tt := range []struct {
		name, stdin, want string
		args              []string
	}{
		{"taken address", "a long enough pass\n", "There is an account with this e-mail address already.", []string{"account", "create", "--data", data, "--email", "ANA@example.com", "--password-stdin"}},
		{"unknown account", "", "there is no account", []string{"account", "disable", "--data", data, "--email", "who@example.com"}},
		{"last administrator", "", "administrator", []string{"account", "disable", "--data", data, "--email", "ana@example.com"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, out, errs := testProgram(nil)
			p.stdin = strings.NewReader(tt.stdin)
			if status := run(t.Context(), tt.args, p); status != exitFailed || out.Len() != 0 {
				t.Errorf("got status %d, stdout %q", status, out)
			}
			if !strings.Contains(errs.String(), tt.want) {
				t.Errorf("got %q, want it to say %q", errs, tt.want)
			}
		})
	}
}

func TestAMistypedFolderIsNoEmptyInstallation(t *testing.T) {
	data := filepath.Join(t.TempDir(), "mistyped")
	for _, action := range []string{"list", "set-role", "reset-password", "disable", "enable"} {
		args := []string{"account", action, "--data", data}
		if action != "list" {
			args = append(args, "--email", "ana@example.com")
		}
		p, out, errs := testProgram(nil)
		if status := run(t.Context(), args, p); status != exitFailed || out.Len() != 0 || !strings.Contains(errs.String(), "there is no database in "+data) {
			t.Errorf("%s: got status %d, stdout %q, stderr %q", action, status, out, errs)
		}
	}
	if _, err := os.Stat(data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is there now: %v", err)
	}
}

func TestCheckMakesNoDatabase(t *testing.T) {
	data := filepath.Join(t.TempDir(), "mistyped")
	if got := commandJSON(t, "", "check", "--data", data); got["ok"] != true {
		t.Errorf("check: %v", got)
	}
	if _, err := os.Stat(data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is there after a check: %v", err)
	}
}

func TestCheckSaysEachProblemByItself(t *testing.T) {
	p, out, _ := testProgram(nil)
	args := []string{"check", "--json", "--data", t.TempDir(), "--portal-listen", "nowhere", "--gateway-url", "ftp://x", "--allow-upstream", "everything"}
	if status := run(t.Context(), args, p); status != exitFailed {
		t.Errorf("got status %d", status)
	}
	var got struct{ Problems []string }
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got.Problems) != 3 {
		t.Errorf("got %q, %v; want three problems", got.Problems, err)
	}
}

func TestOnlyTheirOwnerReadsTheRecords(t *testing.T) {
	data := t.TempDir()
	commandJSON(t, "", "migrate", "--data", data)
	for _, name := range []string{databaseFile, "keyring.json"} {
		info, err := os.Stat(filepath.Join(data, name))
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s: got mode %04o, want 0600", name, mode)
		}
	}
}

func TestAMissingKeyringIsNotReplaced(t *testing.T) {
	data := t.TempDir()
	commandJSON(t, "a long enough pass\n", "account", "create", "--data", data, "--email", "ana@example.com", "--password-stdin", "--role", "admin")
	p, _, errs := testProgram(nil)
	if status := run(t.Context(), []string{"check", "--data", data, "--keyring", data + "/elsewhere.json"}, p); status != exitFailed || !strings.Contains(errs.String(), "is missing") {
		t.Errorf("got status %d: %s", status, errs)
	}
}
