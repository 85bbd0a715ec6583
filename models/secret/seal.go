package secret

import (
	"crypto/cipher"
	"crypto/rand"
	"errors"

	"golang.org/x/crypto/chacha20poly1305"
)

// ErrUnsealable is the error of Open for bytes that were not sealed by this keyring with this associated data.
var ErrUnsealable = errors.New("sealed data cannot be opened: it was changed, moved to another row or sealed with another keyring")

type aead = cipher.AEAD

func newAEAD(key []byte) (aead, error) { return chacha20poly1305.NewX(key) }

// Seal encrypts plaintext with the active version (XChaCha20-Poly1305): version, 24 random bytes, ciphertext and tag, 41 bytes more
// than plaintext. Aad is not kept but must be given to Open: name the row in it, so that sealed data cannot be moved to
// another row.
func (k *Keyring) Seal(plaintext, aad []byte) []byte {
	// 24 random bytes never repeat in practice; the 12 of AES-GCM would after 2^32 rows.
	out := make([]byte, 1+chacha20poly1305.NonceSizeX, 1+chacha20poly1305.NonceSizeX+len(plaintext)+chacha20poly1305.Overhead)
	out[0] = k.active
	nonce := out[1:]
	rand.Read(nonce) // never fails: it ends the program instead
	return k.versions[k.active].seal.Seal(out, nonce, plaintext, aad)
}

// Open decrypts what Seal returned under any version of the keyring.
func (k *Keyring) Open(sealed, aad []byte) ([]byte, error) {
	if len(sealed) < 1+chacha20poly1305.NonceSizeX {
		return nil, ErrUnsealable
	}
	d := k.versions[sealed[0]]
	if d == nil {
		return nil, ErrUnsealable
	}
	nonce, ciphertext := sealed[1:1+chacha20poly1305.NonceSizeX], sealed[1+chacha20poly1305.NonceSizeX:]
	plaintext, err := d.seal.Open(nil, nonce, ciphertext, aad)
	if err != nil {
		return nil, ErrUnsealable
	}
	return plaintext, nil
}
