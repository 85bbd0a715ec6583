package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestAccessKeysAreManagedFromTheCommandLine(t *testing.T) {
	data := withOwner(t)
	made := commandJSON(t, "", "credential", "create", "--data", data, "--account", "olga@example.com", "--name", "deploy", "--expires", "90d", "--management-url", "https://manage.example.com")
	id, _ := made["accessKeyId"].(string)
	if secret, _ := made["secretAccessKey"].(string); len(id) != 20 || len(secret) != 40 || made["account"] != "olga@example.com" || made["state"] != "active" ||
		made["region"] != "us-east-1" || made["endpoint"] != "https://manage.example.com" || made["expiresAt"] == nil {
		t.Errorf("created: %v", made)
	}
	brought := commandJSON(t, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n", "credential", "create", "--data", data, "--account", "olga@example.com", "--access-key-id", "AKIAIOSFODNN7EXAMPLE", "--secret-access-key-stdin")
	if brought["accessKeyId"] != "AKIAIOSFODNN7EXAMPLE" || brought["secretAccessKey"] != "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" || brought["expiresAt"] != nil {
		t.Errorf("brought along: %v", brought)
	}
	for _, step := range []struct{ do, want string }{{"disable", "disabled"}, {"enable", "active"}, {"revoke", "revoked"}, {"revoke", "revoked"}} {
		if got := commandJSON(t, "", "credential", step.do, "--data", data, id); got["state"] != step.want || got["accessKeyId"] != id {
			t.Errorf("%s: %v", step.do, got)
		}
	}
	for email, want := range map[string]int{"olga@example.com": 2, "dan@example.com": 0, "": 2} {
		args := []string{"credential", "list", "--data", data}
		if email != "" {
			args = append(args, "--account", email)
		}
		list := commandJSON(t, "", args...)["credentials"].([]any)
		if len(list) != want {
			t.Errorf("list of %q: %v", email, list)
		}
		for _, one := range list {
			if _, told := one.(map[string]any)["secretAccessKey"]; told {
				t.Errorf("a list tells a secret: %v", one)
			}
		}
	}
	if got := commandJSON(t, "", "check", "--data", data); got["ok"] != true {
		t.Errorf("check: %v", got)
	}
}

// What is printed for people can be pasted into a shell, whatever the secret.
func TestTheSecretOfAnAccessKeyIsPrintedOnceAsAShellReadsIt(t *testing.T) {
	data := withOwner(t)
	p, out, errs := testProgram(nil)
	p.stdin = strings.NewReader("it's $HOME;`rm`!x\n")
	args := []string{"credential", "create", "--data", data, "--account", "olga@example.com", "--access-key-id", "key_0123456789abc", "--secret-access-key-stdin"}
	if status := run(t.Context(), args, p); status != exitUsage || strings.Contains(errs.String(), "HOME") { // a blank
		t.Errorf("status %d, %s", status, errs)
	}
	p.stdin = strings.NewReader("it's$HOME;`rm`!x\n")
	if status := run(t.Context(), args, p); status != 0 || !strings.Contains(out.String(), "\nexport AWS_SECRET_ACCESS_KEY='it'\\''s$HOME;`rm`!x'\n") {
		t.Errorf("status %d: %s%s", status, out, errs)
	}
}

func TestWhatAnAccessKeyCannotBeIsSaid(t *testing.T) {
	data := withOwner(t)
	create := []string{"credential", "create", "--data", data, "--account"}
	for _, test := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"credential"}, exitUsage, "create, list, disable, enable or revoke"},
		{[]string{"credential", "create", "--data", data}, exitUsage, "--account"},
		{append(create, "olga@example.com", "--access-key-id", "AKIAIOSFODNN7EXAMPLE"), exitUsage, "go together"},
		{append(create, "olga@example.com", "--expires", "soon"), exitUsage, "--expires"},
		{append(create, "olga@example.com", "--expires", "2001-01-01"), exitUsage, "future"},
		{append(create, "olga@example.com", "--management-url", "nowhere"), exitUsage, "--management-url"},
		{append(create, "nobody@example.com"), exitFailed, "there is no account"},
		{append(create, "dan@example.com"), exitFailed, "owners"},
		{[]string{"credential", "revoke", "--data", data}, exitUsage, "name one key"},
		{[]string{"credential", "revoke", "--data", data, "GHAKAAAAAAAAAAAAAAAA"}, exitFailed, "there is no access key"},
		{[]string{"credential", "list", "--data", data + "-mistyped"}, exitFailed, "there is no database"},
	} {
		p, out, errs := testProgram(nil)
		if status := run(t.Context(), test.args, p); status != test.status || !strings.Contains(errs.String(), test.want) || out.Len() != 0 {
			t.Errorf("%v: status %d, %s%s", test.args, status, out, errs)
		}
	}
}

func TestExpiriesOnTheCommandLine(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"": {}, "90m": now.Add(90 * time.Minute), "2d": now.AddDate(0, 0, 2), "2030-12-31": time.Date(2030, 12, 31, 0, 0, 0, 0, time.UTC),
		"2030-12-31T10:00:00+02:00": time.Date(2030, 12, 31, 8, 0, 0, 0, time.UTC),
	} {
		if got, err := parseExpiry(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"d", "-1d", "90", "tomorrow", "31.12.2030"} {
		if _, err := parseExpiry(text, now); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestHelpKeepsItsColumns(t *testing.T) {
	var b bytes.Buffer
	help(&b)
	for _, c := range commands() {
		if !strings.Contains(b.String(), "\n  "+c.name+strings.Repeat(" ", 11-len(c.name))+c.about) {
			t.Errorf("%s is not in its column:\n%s", c.name, b.String())
		}
	}
}
