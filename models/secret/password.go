package secret

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// argon is the cost of a hash: memory in KiB, passes, lanes.
type argon struct {
	memory, passes uint32
	lanes          uint8
}

// standard is the least that OWASP's password storage cheat sheet asks for; 45 ms on a small machine.
func standard() argon { return argon{memory: 19 * 1024, passes: 2, lanes: 1} }

// Bounds on what a stored hash may ask for: it must not be able to take the machine.
const (
	maxMemory = 128 * 1024
	maxPasses = 10
	maxLanes  = 4

	saltLength = 16
	hashLength = 32
	atOnce     = 2
)

// ErrPasswordHash is the error of Verify for a stored hash that is none.
var ErrPasswordHash = errors.New("the stored password hash is not one of argon2id within bounds")

// Hasher hashes passwords, at most two at a time: a hash takes 19 MiB, and a flood of logins must not take the memory.
type Hasher struct {
	slots chan struct{}
	cost  argon // of what Hash makes
}

// NewHasher is a Hasher. One process needs one.
func NewHasher() *Hasher { return &Hasher{make(chan struct{}, atOnce), standard()} }

// NewQuickHasher is a Hasher for tests that sign in a lot: to try what it made takes no time, and so it protects no password.
func NewQuickHasher() *Hasher {
	return &Hasher{make(chan struct{}, atOnce), argon{memory: 8, passes: 1, lanes: 1}}
}

// Hash is the PHC string of password, with a salt of its own. Check the password with CheckPassword before. It waits for a
// slot until ctx ends, which is its only error.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltLength)
	rand.Read(salt) // never fails: it ends the program instead
	hash, err := h.run(ctx, password, salt, h.cost, hashLength)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return h.cost.encode(salt, hash), nil
}

// Verify reports whether password is the one of encoded, and whether encoded is weaker than what Hash makes now and should be
// replaced. An empty encoded is nobody's password: give it for an unknown account, so that the answer takes as long.
// The errors are those of ctx and ErrPasswordHash.
func (h *Hasher) Verify(ctx context.Context, encoded, password string) (ok, stale bool, err error) {
	cost, salt, want := h.cost, make([]byte, saltLength), make([]byte, hashLength)
	known := encoded != "" && utf8.RuneCountInString(password) <= MaxPassword
	if known {
		if cost, salt, want, err = decode(encoded); err != nil {
			return false, false, fmt.Errorf("verify password: %w", err)
		}
	} else if len(password) > 4*MaxPassword {
		password = password[:4*MaxPassword]
	}
	got, err := h.run(ctx, password, salt, cost, uint32(len(want)))
	if err != nil {
		return false, false, fmt.Errorf("verify password: %w", err)
	}
	ok = subtle.ConstantTimeCompare(got, want) == 1 && known
	return ok, ok && cost.weaker(h.cost), nil
}

func (h *Hasher) run(ctx context.Context, password string, salt []byte, cost argon, length uint32) ([]byte, error) {
	if ctx.Err() != nil { // else select would toss a coin
		return nil, ctx.Err()
	}
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.slots }()
	return argon2.IDKey([]byte(password), salt, cost.passes, cost.memory, cost.lanes, length), nil
}

func (a argon) weaker(than argon) bool {
	return a.memory < than.memory || a.passes < than.passes
}

func (a argon) encode(salt, hash []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, a.memory, a.passes, a.lanes,
		b64.EncodeToString(salt), b64.EncodeToString(hash))
}

// decode reads a PHC string (github.com/P-H-C/phc-string-format). It says nothing of encoded in its error.
func decode(encoded string) (cost argon, salt, hash []byte, err error) {
	fields := strings.Split(encoded, "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" || fields[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return argon{}, nil, nil, ErrPasswordHash
	}
	if _, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &cost.memory, &cost.passes, &cost.lanes); err != nil {
		return argon{}, nil, nil, ErrPasswordHash
	}
	salt, saltErr := base64.RawStdEncoding.Strict().DecodeString(fields[4])
	hash, hashErr := base64.RawStdEncoding.Strict().DecodeString(fields[5])
	within := func(n, least, most int) bool { return n >= least && n <= most }
	if saltErr != nil || hashErr != nil || !within(len(salt), 8, 64) || !within(len(hash), 16, 64) ||
		!within(int(cost.lanes), 1, maxLanes) || !within(int(cost.passes), 1, maxPasses) ||
		!within(int(cost.memory), 8*int(cost.lanes), maxMemory) || cost.encode(salt, hash) != encoded {
		return argon{}, nil, nil, ErrPasswordHash
	}
	return cost, salt, hash, nil
}
