package secret_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gatehouse/models/secret"
)

// master is a master key for tests: 32 times b.
func master(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

// write makes a keyring file with the given versions, each with master(version).
func write(t *testing.T, active int, versions ...int) string {
	t.Helper()
	var keys []string
	for _, v := range versions {
		keys = append(keys, fmt.Sprintf("%q: %q", fmt.Sprint(v), base64.StdEncoding.EncodeToString(master(byte(v)))))
	}
	return writeText(t, fmt.Sprintf(`{"active": %d, "keys": {%s}}`, active, strings.Join(keys, ", ")), 0o600)
}

func writeText(t *testing.T, text string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyring")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // WriteFile's mode is subject to the umask
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, path string) *secret.Keyring {
	t.Helper()
	ring, err := secret.OpenKeyring(path)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestCreatedKeyringIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyring")
	made, err := secret.CreateKeyring(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	read := open(t, path)
	if made.Digest("a value of twenty ch") != read.Digest("a value of twenty ch") || made.Fingerprint() != read.Fingerprint() {
		t.Error("the file gives another keyring")
	}
	other := secret.NewKeyring()
	if other.Fingerprint() == read.Fingerprint() || other.Digest("v") == read.Digest("v") {
		t.Error("two keyrings are the same")
	}
}

// A second keyring in the place of a lost one would make every key of the database useless without a word.
func TestCreateKeyringNeverOverwrites(t *testing.T) {
	path := write(t, 1, 1)
	before, _ := os.ReadFile(path)
	if _, err := secret.CreateKeyring(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
	if _, err := secret.CreateKeyring(filepath.Join(t.TempDir(), "no", "keyring")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a folder: got %v", err)
	}
}

func TestOpenKeyringRefuses(t *testing.T) {
	key := base64.StdEncoding.EncodeToString(master(7))
	tests := []struct {
		name, text string
		mode       fs.FileMode
		want       string
	}{
		{"readable by the group", `{}`, 0o640, "chmod 600"},
		{"readable by everybody", `{}`, 0o604, "mode 0604"},
		{"writable by everybody", `{}`, 0o602, "chmod 600"},
		{"empty", ``, 0o600, "not a keyring"},
		{"not JSON", key, 0o600, "not a keyring"},
		{"cut off", `{"active": 1, "keys": {"1": "` + key, 0o600, "not a keyring"},
		{"two of them", `{"active":1,"keys":{"1":"` + key + `"}}{}`, 0o600, "not a keyring"},
		{"unknown field", `{"active":1,"keys":{"1":"` + key + `"},"more":1}`, 0o600, "not a keyring"},
		{"no keys", `{"active":1}`, 0o600, "active version 1 is not among"},
		{"other versions", `{"active":2,"keys":{"1":"` + key + `"}}`, 0o600, "active version 2 is not among"},
		{"version 0", `{"active":0,"keys":{"0":"` + key + `"}}`, 0o600, "1 to 255"},
		{"version 256", `{"active":1,"keys":{"256":"` + key + `"}}`, 0o600, "not a keyring"},
		{"short key", `{"active":1,"keys":{"1":"` + key[:40] + `"}}`, 0o600, "32 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := secret.OpenKeyring(writeText(t, tt.text, tt.mode))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), key[:8]) {
				t.Errorf("the error tells the key: %v", err)
			}
		})
	}
	if _, err := secret.OpenKeyring(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
	if _, err := secret.OpenKeyring(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is not a file") {
		t.Errorf("a folder: got %v", err)
	}
}

// Digests and sealed rows are in databases: what is derived from a master key must never change.
func TestDerivedKeysKeepTheirForm(t *testing.T) {
	ring := open(t, write(t, 3, 3))
	derive := func(label string, n int) []byte {
		b, err := hkdf.Key(sha256.New, master(3), nil, "gatehouse "+label, n)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	mac := func(key []byte, text string) secret.Digest {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return secret.Digest(h.Sum(nil))
	}
	for _, text := range []string{"", "k", "apikey1234abcdefghij0123456789", strings.Repeat("x", 128), strings.Repeat("long", 1000)} {
		if got, want := ring.Digest(text), mac(derive("pepper", 32), text); got != want {
			t.Errorf("digest of %d characters: got %x, want %x", len(text), got, want)
		}
		if got, want := ring.TokenDigest(text), mac(derive("token", 32), text); got != want {
			t.Errorf("token digest of %d characters: got %x, want %x", len(text), got, want)
		}
	}
	if got := hex.EncodeToString(derive("pepper", 32)[:8]); got != "2bf31ba1a57f9996" {
		t.Errorf("pepper begins with %s", got)
	}
	sealed, err := base64.StdEncoding.DecodeString("A5KELV7lGVHnaOMmLd3XO0K/QbTp3sdZu8XmiwRHZcwV5X7rofxaA+XVS8/l1w==")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ring.Open(sealed, []byte("row 1")); err != nil || string(got) != "value" {
		t.Errorf("sealed before: got %q, %v", got, err)
	}
	keys := ring.CookieKeys()
	if len(keys) != 2 || !bytes.Equal(keys[0], derive("cookie hash", 64)) || !bytes.Equal(keys[1], derive("cookie block", 32)) {
		t.Error("other cookie keys")
	}
}

func TestRotatedKeyringStillReadsTheOld(t *testing.T) {
	before, after := open(t, write(t, 1, 1)), open(t, write(t, 2, 1, 2))
	aad := []byte("row")
	sealed := before.Seal([]byte("value"), aad)
	if got, err := after.Open(sealed, aad); err != nil || string(got) != "value" {
		t.Errorf("sealed before: got %q, %v", got, err)
	}
	if _, err := before.Open(after.Seal([]byte("value"), aad), aad); !errors.Is(err, secret.ErrUnsealable) {
		t.Errorf("sealed after, by a keyring without that version: got %v", err)
	}
	if after.Version() != 2 || after.Digest("v") == before.Digest("v") {
		t.Error("new digests are not of the active version")
	}
	if got, err := after.DigestAt(1, "v"); err != nil || got != before.Digest("v") {
		t.Errorf("old digest: got %x, %v", got, err)
	}
	if _, err := after.DigestAt(9, "v"); err == nil {
		t.Error("a digest of a version that there is not")
	}
	if keys := after.CookieKeys(); len(keys) != 4 || !bytes.Equal(keys[2], before.CookieKeys()[0]) || !bytes.Equal(keys[3], before.CookieKeys()[1]) {
		t.Error("old cookies are not read any more")
	}
	if got := after.Fingerprints(); len(got) != 2 || got[0] != after.Fingerprint() || got[1] != before.Fingerprint() {
		t.Errorf("fingerprints %v", got)
	}
}

// A sealed value opens only in its own row and only as it was sealed.
func TestSealedDataCannotBeMovedOrChanged(t *testing.T) {
	ring := secret.NewKeyring()
	a, b := ring.Seal([]byte("of a"), []byte("row a")), ring.Seal([]byte("of b"), []byte("row b"))
	if got, err := ring.Open(a, []byte("row a")); err != nil || string(got) != "of a" {
		t.Fatalf("got %q, %v", got, err)
	}
	for name, sealed := range map[string][]byte{"another row's": b, "empty": nil, "short": a[:20], "cut off": a[:len(a)-1]} {
		if _, err := ring.Open(sealed, []byte("row a")); !errors.Is(err, secret.ErrUnsealable) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for i := range a {
		changed := bytes.Clone(a)
		changed[i] ^= 1
		if _, err := ring.Open(changed, []byte("row a")); !errors.Is(err, secret.ErrUnsealable) {
			t.Errorf("byte %d changed: got %v", i, err)
		}
	}
	if bytes.Equal(a, ring.Seal([]byte("of a"), []byte("row a"))) {
		t.Error("the same value sealed twice is the same: rows tell who shares a value")
	}
	if bytes.Contains(a, []byte("of a")) {
		t.Error("the value is not sealed")
	}
}

func TestKeyringIsNeverPrinted(t *testing.T) {
	ring := open(t, write(t, 3, 3))
	out := ""
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		out += fmt.Sprintf(verb, ring) + fmt.Sprintf(verb, *ring) + fmt.Sprintf(verb, struct{ ring *secret.Keyring }{ring})
	}
	for _, key := range ring.CookieKeys() {
		for _, form := range []string{fmt.Sprint(key[:4]), hex.EncodeToString(key[:4]), fmt.Sprintf("%#v", key[:4])} {
			if strings.Contains(out, strings.Trim(form, "[]}")) {
				t.Errorf("a key of the keyring was printed: %s", form)
			}
		}
	}
}

func TestDigestIsSafeForConcurrentUse(t *testing.T) {
	ring := secret.NewKeyring()
	values := [...]string{"one value of the keys", "another value of them", strings.Repeat("long", 50)}
	var want [len(values)]secret.Digest
	for i, v := range values {
		want[i] = ring.Digest(v)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 300 {
				if ring.Digest(values[i%len(values)]) != want[i%len(values)] {
					t.Error("another digest")
					return
				}
			}
		})
	}
	wg.Wait()
}

// Part of every request.
func TestDigestDoesNotAllocate(t *testing.T) {
	if raced {
		t.Skip("pools are random under the race detector")
	}
	ring, value := secret.NewKeyring(), secret.Generate(secret.Prefix{}).Reveal()
	if n := testing.AllocsPerRun(1000, func() { ring.Digest(value) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDigest(b *testing.B) {
	ring, value := secret.NewKeyring(), secret.Generate(secret.Prefix{}).Reveal()
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ring.Digest(value)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				ring.Digest(value)
			}
		})
	})
	b.Run("crypto/hmac", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h := hmac.New(sha256.New, master(1))
			h.Write([]byte(value))
			h.Sum(nil)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	ring, aad := secret.NewKeyring(), []byte("row")
	sealed := ring.Seal([]byte(secret.Generate(secret.Prefix{}).Reveal()), aad)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.Open(sealed, aad); err != nil {
			b.Fatal(err)
		}
	}
}
