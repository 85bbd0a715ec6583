package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// withOwner makes an installation with an owner and a developer.
func withOwner(t *testing.T) (data string) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	for email, role := range map[string]string{"olga@example.com": "owner", "dan@example.com": "developer"} {
		commandJSON(t, "a long enough pass\n", "account", "create", "--data", data, "--email", email, "--password-stdin", "--role", role)
	}
	return data
}

func fileOf(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func keyLines(n int) string {
	var b strings.Builder
	b.WriteString("Name,Key\n")
	for i := range n {
		fmt.Fprintf(&b, "key %d,customer-value-%06d\n", i, i)
	}
	return b.String()
}

func TestKeysAreImportedAndExportedFromTheCommandLine(t *testing.T) {
	data := withOwner(t)
	key := func(stdin string, args ...string) map[string]any {
		t.Helper()
		return commandJSON(t, stdin, append([]string{"key", "import", "--data", data, "--account", "olga@example.com"}, args...)...)
	}
	report := filepath.Join(t.TempDir(), "report.csv")
	file := fileOf(t, keyLines(300))
	if got := key("", "--dry-run", "--report", report, file); got["state"] != "checked" || got["created"] != 300. {
		t.Errorf("dry run: %v", got)
	}
	if text, err := os.ReadFile(report); err != nil || !strings.Contains(string(text), "\n2,created,,\n") {
		t.Errorf("the report of a dry run: %.80q, %v", text, err)
	}
	if got := key(keyLines(300), "--report", report, "-"); got["state"] != "done" || got["created"] != 300. {
		t.Errorf("import: %v", got)
	}
	if text, err := os.ReadFile(report); err != nil || strings.Count(string(text), ",created,") != 300 || strings.Contains(string(text), ",created,,") {
		t.Errorf("the report: %.80q, %v", text, err)
	}
	if got := key("", file); got["state"] != "checked" || got["unchanged"] != 300. {
		t.Errorf("the same file again: %v", got)
	}
	bad := fileOf(t, keyLines(301)+"short,x\n")
	says(t, fails(t, "key", "import", "--data", data, "--account", "olga@example.com", bad), "1 of 302 lines cannot be", "--report")
	if got := key("", "--mode", "skip-bad", bad); got["created"] != 1. || got["errors"] != 1. {
		t.Errorf("skip-bad: %v", got)
	}
	says(t, fails(t, "key", "import", "--data", data, "--account", "olga@example.com", fileOf(t, "Name,Key\n\"x")), "nothing was imported", "quotes")

	plain, values := filepath.Join(t.TempDir(), "plain.csv"), filepath.Join(t.TempDir(), "values.csv")
	for path, flags := range map[string][]string{plain: nil, values: {"--values"}} {
		p, _, errs := testProgram(nil)
		if status := run(t.Context(), append([]string{"key", "export", "--data", data, "--account", "olga@example.com", path}, flags...), p); status != 0 {
			t.Fatalf("export: %s", errs)
		}
	}
	for path, want := range map[string]int{plain: 0, values: 301} {
		text, err := os.ReadFile(path)
		if info, statErr := os.Stat(path); err != nil || statErr != nil || info.Mode().Perm() != 0o600 || strings.Count(string(text), "customer-value-") != want {
			t.Errorf("%s has %d values, want %d (%v, %v)", path, strings.Count(string(text), "customer-value-"), want, err, statErr)
		}
		if got := key("", path); got["unchanged"] != 301. || got["created"] != 0. || got["errors"] != 0. {
			t.Errorf("an export imports as %v", got)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(data, importsFolder)); err != nil || len(entries) != 2 {
		t.Errorf("%d folders of imports, want the two that were done (%v)", len(entries), err)
	}
}

func TestKeyCommandsAreRefusedClearly(t *testing.T) {
	data := withOwner(t)
	for _, c := range []struct {
		status int
		says   string
		args   []string
	}{
		{exitUsage, "import or export", []string{"key"}}, {exitUsage, "--account", []string{"key", "import", "--data", data, "x.csv"}},
		{exitUsage, "name one file", []string{"key", "import", "--data", data, "--account", "olga@example.com"}},
		{exitUsage, "neither", []string{"key", "import", "--data", data, "--account", "olga@example.com", "--mode", "some", "x.csv"}},
		{exitUsage, "name one file, or none", []string{"key", "export", "--data", data, "--account", "olga@example.com", "a", "b"}},
		{exitFailed, "no such file", []string{"key", "import", "--data", data, "--account", "olga@example.com", "/nowhere/x.csv"}},
		{exitFailed, "no account", []string{"key", "export", "--data", data, "--account", "nobody@example.com"}},
		{exitFailed, "no API owner", []string{"key", "export", "--data", data, "--account", "dan@example.com"}},
		{exitFailed, "no database", []string{"key", "export", "--data", t.TempDir(), "--account", "olga@example.com"}},
		{exitFailed, "there already", []string{"key", "export", "--data", data, "--account", "olga@example.com", filepath.Join(data, databaseFile)}},
	} {
		p, out, errs := testProgram(nil)
		if status := run(t.Context(), c.args, p); status != c.status || !strings.Contains(errs.String(), c.says) || out.Len() > 0 {
			t.Errorf("%v: status %d, %q, %q", c.args, status, errs, out)
		}
	}
}
