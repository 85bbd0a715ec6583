package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
	"sync"
)

// Digest is the keyed hash (HMAC-SHA-256) under which a secret is stored and looked up.
type Digest [32]byte

// Digest is the look-up hash of a key's value under the active version. It does not allocate.
func (k *Keyring) Digest(value string) Digest { return k.versions[k.active].pepper.digest(value) }

// DigestAt is the look-up hash under another version, for rows that were stored before the active one.
func (k *Keyring) DigestAt(version byte, value string) (Digest, error) {
	d := k.versions[version]
	if d == nil {
		return Digest{}, fmt.Errorf("digest: no key of version %d in the keyring", version)
	}
	return d.pepper.digest(value), nil
}

// Version is the active version, to be stored beside a Digest: 1..255.
func (k *Keyring) Version() byte { return k.active }

// TokenDigest is the hash under which the token of a session, a link or a slot is stored. Who can read or even write the
// database can make no token from it. A new active version ends them all.
func (k *Keyring) TokenDigest(token string) Digest { return k.versions[k.active].token.digest(token) }

// mac is HMAC-SHA-256 with one key. hmac.Reset goes back to a state prepared once, but a hash serves one goroutine at a time:
// hence the pool. Hashing both pads anew for each value takes 1.5 times as long.
type mac struct{ pool sync.Pool }

type macState struct {
	hmac hash.Hash
	in   [MaxLength]byte
	sum  Digest
}

func newMAC(key []byte) *mac {
	return &mac{sync.Pool{New: func() any { return &macState{hmac: hmac.New(sha256.New, key)} }}}
}

func (m *mac) digest(text string) Digest {
	s := m.pool.Get().(*macState)
	s.hmac.Reset()
	for len(text) > 0 {
		n := copy(s.in[:], text)
		s.hmac.Write(s.in[:n])
		text = text[n:]
	}
	s.hmac.Sum(s.sum[:0])
	sum := s.sum
	clear(s.in[:])
	m.pool.Put(s)
	return sum
}
