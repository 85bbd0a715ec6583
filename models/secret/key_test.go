package secret_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models/secret"
)

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func TestGeneratedKeysAreUniqueAndPlausible(t *testing.T) {
	const n = 100_000
	seen := make(map[string]bool, n)
	var counts [secret.Length][128]int
	for range n {
		value := secret.Generate(secret.Prefix{}).Reveal()
		if len(value) != 42 || !strings.HasPrefix(value, "gwk1") || strings.Trim(value, alphabet) != "" {
			t.Fatalf("not of the form of a key: %q", value)
		}
		if got := secret.Check(value, secret.Prefix{}); got != secret.Plausible {
			t.Fatalf("%q is %v", value, got)
		}
		if seen[value] {
			t.Fatal("the same key twice")
		}
		seen[value] = true
		for i := range value {
			counts[i][value[i]]++
		}
	}
	// Every random character is as likely at every place. Chi-square with 61 degrees of freedom: 150 is beyond one in 10^9.
	for i := 4; i < 36; i++ {
		chi, want := 0.0, float64(n)/float64(len(alphabet))
		for _, c := range alphabet {
			d := float64(counts[i][c]) - want
			chi += d * d / want
		}
		if chi > 150 {
			t.Errorf("place %d: chi-square %.0f", i, chi)
		}
	}
}

// A typo is refused without a look-up: every wrong character, every two neighbours exchanged, every piece cut off.
func TestCheckFindsEveryTypo(t *testing.T) {
	for range 20 {
		value := secret.Generate(secret.Prefix{}).Reveal()
		for i := 4; i < len(value); i++ {
			for _, c := range alphabet {
				if typo := value[:i] + string(c) + value[i+1:]; typo != value && secret.Check(typo, secret.Prefix{}) != secret.Typo {
					t.Fatalf("%q for %q was not found", typo, value)
				}
			}
			if i+1 < len(value) && value[i] != value[i+1] {
				typo := value[:i] + value[i+1:i+2] + value[i:i+1] + value[i+2:]
				if secret.Check(typo, secret.Prefix{}) != secret.Typo {
					t.Fatalf("%q for %q was not found", typo, value)
				}
			}
			if i >= secret.MinLength && secret.Check(value[:i], secret.Prefix{}) != secret.Typo {
				t.Fatalf("the first %d characters of %q were not found", i, value)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	ours, err := secret.ParsePrefix("acme")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, value string
		want        secret.Verdict
	}{
		{"empty", "", secret.Malformed},
		{"too short", strings.Repeat("a", 19), secret.Malformed},
		{"shortest", strings.Repeat("a", 20), secret.Plausible},
		{"longest", strings.Repeat("a", 128), secret.Plausible},
		{"too long", strings.Repeat("a", 129), secret.Malformed},
		{"a space", "apikey 1234abcdefghij", secret.Malformed},
		{"a control character", "apikey\x001234abcdefghij", secret.Malformed},
		{"not ASCII", "apikeyé1234abcdefghij", secret.Malformed},
		{"imported", "apikey1234abcdefghij0123456789", secret.Plausible},
		{"imported, with signs", "~!apikey/1234=abcdefghij+", secret.Plausible},
		{"ours", secret.Generate(ours).Reveal(), secret.Plausible},
		{"ours, twice", strings.Repeat(secret.Generate(ours).Reveal(), 2), secret.Typo},
		{"of another prefix", secret.Generate(secret.Prefix{}).Reveal(), secret.Plausible},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := secret.Check(tt.value, ours); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if err := secret.CheckImport(tt.value, ours); (err == nil) != (tt.want == secret.Plausible) {
				t.Errorf("import: got %v", err)
			} else if err != nil && len(tt.value) > 8 && strings.Contains(err.Error(), tt.value) {
				t.Errorf("the refusal tells the value: %v", err)
			}
		})
	}
}

// Keys are printed in scripts and found by scanners: their form must not change.
func TestChecksumKeepsItsForm(t *testing.T) {
	if got := secret.Check("gwk10123456789ABCDEFGHIJKLMNOPQRSTUV"+"331Ujn", secret.Prefix{}); got != secret.Plausible {
		t.Errorf("got %v", got)
	}
}

func TestParsePrefixWantsFourLettersOrDigits(t *testing.T) {
	for _, s := range []string{"", "abc", "abcde", "ab_d", "ab d", "äbc"} {
		if _, err := secret.ParsePrefix(s); err == nil {
			t.Errorf("%q was accepted", s)
		}
	}
	if p, err := secret.ParsePrefix("Ac3e"); err != nil || p.String() != "Ac3e" {
		t.Errorf("got %v, %v", p, err)
	}
}

func TestNamesOfVerdicts(t *testing.T) {
	got := []string{secret.Malformed.String(), secret.Typo.String(), secret.Plausible.String(), secret.Verdict(9).String()}
	if diff := cmp.Diff([]string{"malformed", "typo", "plausible", "Verdict(9)"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCheckDoesNotAllocate(t *testing.T) {
	ours := secret.Generate(secret.Prefix{}).Reveal()
	for _, value := range []string{ours, ours[:41] + "!", "apikey1234abcdefghij0123456789", "short"} {
		if n := testing.AllocsPerRun(100, func() { secret.Check(value, secret.Prefix{}) }); n != 0 {
			t.Errorf("%d characters: %v allocations", len(value), n)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	value := secret.Generate(secret.Prefix{}).Reveal()
	b.ReportAllocs()
	for b.Loop() {
		secret.Check(value, secret.Prefix{})
	}
}

func BenchmarkGenerate(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		secret.Generate(secret.Prefix{})
	}
}
