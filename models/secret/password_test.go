package secret_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"gatehouse/models/secret"
)

func TestPasswordIsVerified(t *testing.T) {
	ctx, h := context.Background(), secret.NewHasher()
	const password = "pässword of mine, with ünicode 密码"
	hash, err := h.Hash(ctx, password)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash %q", hash)
	}
	if ok, stale, err := h.Verify(ctx, hash, password); !ok || stale || err != nil {
		t.Errorf("the right one: got %v, %v, %v", ok, stale, err)
	}
	if ok, _, err := h.Verify(ctx, hash, password+" "); ok || err != nil {
		t.Errorf("a wrong one: got %v, %v", ok, err)
	}
	if again, _ := h.Hash(ctx, password); again == hash {
		t.Error("the same salt twice")
	}
}

// SEC-16: a password is never cut. bcrypt would take these for the same.
func TestLongPasswordsDifferInTheirLastByte(t *testing.T) {
	ctx, h := context.Background(), secret.NewHasher()
	for _, n := range []int{71, 72, 73, 128} {
		a := strings.Repeat("x", n-1)
		hash, err := h.Hash(ctx, a+"a")
		if err != nil {
			t.Fatal(err)
		}
		if ok, _, _ := h.Verify(ctx, hash, a+"b"); ok {
			t.Errorf("%d characters: the last one does not count", n)
		}
	}
}

// From the tests of the reference implementation (github.com/P-H-C/phc-winner-argon2, src/test.c).
func TestHashesOfTheReferenceImplementationAreRead(t *testing.T) {
	ctx, h := context.Background(), secret.NewHasher()
	for _, tt := range []struct {
		hash  string
		stale bool
	}{
		{"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", false},
		{"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", true},
		{"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", true},
	} {
		if ok, stale, err := h.Verify(ctx, tt.hash, "password"); !ok || stale != tt.stale || err != nil {
			t.Errorf("%s: got %v, stale %v, %v", tt.hash, ok, stale, err)
		}
		if ok, stale, _ := h.Verify(ctx, tt.hash, "passwort"); ok || stale {
			t.Errorf("%s: a wrong password: got %v, stale %v", tt.hash, ok, stale)
		}
	}
}

// A row that somebody wrote into the database must not be able to take the machine, or to be anybody's password.
func TestHashesOutOfBoundsAreRefused(t *testing.T) {
	ctx, h := context.Background(), secret.NewHasher()
	const salt, hash = "c29tZXNhbHQ", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for _, encoded := range []string{
		"password", "$", "$$$$$",
		"$argon2i$v=19$m=256,t=2,p=1$" + salt + "$" + hash,
		"$argon2id$v=16$m=256,t=2,p=1$" + salt + "$" + hash,
		"$argon2id$v=19$m=4294967295,t=2,p=1$" + salt + "$" + hash,
		"$argon2id$v=19$m=4294967552,t=2,p=1$" + salt + "$" + hash,
		"$argon2id$v=19$m=256,t=11,p=1$" + salt + "$" + hash,
		"$argon2id$v=19$m=256,t=0,p=1$" + salt + "$" + hash,
		"$argon2id$v=19$m=256,t=2,p=0$" + salt + "$" + hash,
		"$argon2id$v=19$m=256,t=2,p=5$" + salt + "$" + hash,
		"$argon2id$v=19$m=256,t=2,p=257$" + salt + "$" + hash,
		"$argon2id$v=19$m=-256,t=2,p=1$" + salt + "$" + hash,
		"$argon2id$v=19$m=256,t=2,p=1,x=1$" + salt + "$" + hash,
		"$argon2id$v=19$m=256,t=2,p=1$$" + hash,
		"$argon2id$v=19$m=256,t=2,p=1$" + salt + "$",
		"$argon2id$v=19$m=256,t=2,p=1$" + salt + "$" + hash + "=",
		"$argon2id$v=19$m=256,t=2,p=1$" + salt + "$" + hash + "$",
		"$argon2id$v=19$m=0256,t=2,p=1$" + salt + "$" + hash,
	} {
		if ok, _, err := h.Verify(ctx, encoded, "password"); ok || !errors.Is(err, secret.ErrPasswordHash) {
			t.Errorf("%s: got %v, %v", encoded, ok, err)
		}
	}
}

func TestNobodysPasswordIsNeverRight(t *testing.T) {
	ctx, h := context.Background(), secret.NewHasher()
	hash, err := h.Hash(ctx, "a password of somebody")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ hash, password string }{
		"unknown account":              {"", "a password of somebody"},
		"unknown account, no password": {"", ""},
		"no password":                  {hash, ""},
		"longer than any":              {hash, strings.Repeat("a", 1<<20)},
	} {
		if ok, stale, err := h.Verify(ctx, tt.hash, tt.password); ok || stale || err != nil {
			t.Errorf("%s: got %v, %v, %v", name, ok, stale, err)
		}
	}
}

// SEC-21: whether an account exists must not show in the time. That the same work is done shows in the memory it takes.
func TestUnknownAccountTakesAsMuchWork(t *testing.T) {
	ctx, h := context.Background(), secret.NewHasher()
	hash, err := h.Hash(ctx, "a password of somebody")
	if err != nil {
		t.Fatal(err)
	}
	work := func(hash, password string) float64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, _, err := h.Verify(ctx, hash, password); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc-before.TotalAlloc) / (19 << 20)
	}
	for name, got := range map[string]float64{
		"known":             work(hash, "a password of nobody"),
		"unknown":           work("", "a password of nobody"),
		"known, too long":   work(hash, strings.Repeat("a", 10_000)),
		"unknown, too long": work("", strings.Repeat("a", 10_000)),
	} {
		if got < 1 || got > 1.05 {
			t.Errorf("%s: %.2f times the memory of a hash", name, got)
		}
	}
}

// A flood of logins waits instead of taking 19 MiB each, and leaves when its callers do.
func TestHasherEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h := secret.NewHasher()
	failed := 0
	for range 20 {
		if _, err := h.Hash(ctx, "password"); errors.Is(err, context.Canceled) {
			failed++
		}
		if _, _, err := h.Verify(ctx, "", "password"); errors.Is(err, context.Canceled) {
			failed++
		}
	}
	if failed != 40 {
		t.Errorf("%d of 40 calls ended with their context", failed)
	}
}

func BenchmarkHash(b *testing.B) {
	h := secret.NewHasher()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Hash(context.Background(), "a password of somebody"); err != nil {
			b.Fatal(err)
		}
	}
}
