package models

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// AccessKey is what a program signs its calls of the management API with, in the name of an owner or administrator. Its secret is in no field.
type AccessKey struct {
	ID           string // 20 characters when made here: "GHAK" and 16 of A-Z2-7; imported ones have 8 to 128 of A-Za-z0-9_
	AccountID    AccountID
	Name         string
	Enabled      bool
	CreatedAt    time.Time
	ExpiresAt    time.Time // zero: never
	RevokedAt    time.Time // zero: not revoked
	LastUsedAt   time.Time // zero: never; to the minute
	LastUsedFrom string    // address of the caller then
}

// SigningKey is an access key that works, with its secret and whom it acts for.
type SigningKey struct {
	AccessKey
	Email  string
	Role   Role // RoleOwner or RoleAdmin
	Secret string
}

// Actor is who acts by the key.
func (k SigningKey) Actor(address, requestID string) Actor {
	return Actor{AccountID: k.AccountID, Role: k.Role, Label: k.Email, Address: address, RequestID: requestID, Credential: k.ID}
}

// Slot names the key among the one-time secrets of a session, which are those of keys otherwise.
func (k AccessKey) Slot() KeyID {
	sum := sha256.Sum256([]byte("access key " + k.ID))
	return NewID[Key](binary.LittleEndian.Uint64(sum[:]))
}

// Limits of access keys.
const (
	MaxAccessKeys     = 20 // of an account, revoked ones aside
	AccessKeyUseEvery = time.Minute
	minAccessKeyID    = 8  // brought along: AWS's documents have shorter ones than AWS
	minAccessKey      = 16 // of a secret
	maxAccessKey      = 128
	accessKeyPrefix   = "GHAK" // as AWS's begin with AKIA: leak scanners can find them
)

// AccessKeyState is an access key's state in one word.
type AccessKeyState string

// The states of an access key by itself, worst first. Whether it works depends on its account, too.
const (
	AccessKeyRevoked  AccessKeyState = "revoked"
	AccessKeyExpired  AccessKeyState = "expired"
	AccessKeyDisabled AccessKeyState = "disabled"
	AccessKeyActive   AccessKeyState = "active"
)

// State returns the key's state at now.
func (k AccessKey) State(now time.Time) AccessKeyState {
	switch {
	case !k.RevokedAt.IsZero():
		return AccessKeyRevoked
	case !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt):
		return AccessKeyExpired
	case !k.Enabled:
		return AccessKeyDisabled
	}
	return AccessKeyActive
}

// NewAccessKey asks for an access key. Fields "name", "expires", "id", "secret".
type NewAccessKey struct {
	Name      string
	ExpiresAt time.Time // zero: never
	ID        string    // of one that is brought along, with its Secret; "": both are made
	Secret    string
}

// Clean trims and checks what was asked.
func (in NewAccessKey) Clean(now time.Time) (NewAccessKey, error) {
	var p Problems
	name, nameErr := CleanName("name", in.Name)
	p.Join(nameErr, CheckExpiry(in.ExpiresAt, now))
	in.Name = name
	if in.ID == "" && in.Secret == "" {
		return in, p.Err()
	}
	if len(in.ID) < minAccessKeyID || len(in.ID) > maxAccessKey || strings.ContainsFunc(in.ID, notInAccessKey) {
		p.Add("id", fmt.Sprintf("Use %d to %d letters, digits and underscores.", minAccessKeyID, maxAccessKey))
	}
	if len(in.Secret) < minAccessKey || len(in.Secret) > maxAccessKey || strings.ContainsFunc(in.Secret, func(r rune) bool { return r <= ' ' || r > '~' }) {
		p.Add("secret", fmt.Sprintf("Use %d to %d printable ASCII characters without blanks.", minAccessKey, maxAccessKey)) // and repeat nothing of it
	}
	return in, p.Err()
}

func notInAccessKey(r rune) bool {
	return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// NewAccessKeyID draws the id of an access key.
func NewAccessKeyID() string {
	var b [10]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return accessKeyPrefix + base32.StdEncoding.EncodeToString(b[:])
}
