// Package secret makes, checks, hides and keeps secrets: API keys, tokens, passwords, and the keyring that protects them.
//
//	ring, err := secret.OpenKeyring(path)
//	key := secret.Generate(secret.Prefix{})            // shown once, as key.Reveal()
//	row.Digest = ring.Digest(key.Reveal())             // what is looked up
//	row.Sealed = ring.Seal([]byte(key.Reveal()), aad)  // only if the value must be shown again
//	row.Hint = key.Hint()                              // what pages show: "gwk1…x8Zq"
//
// A Value never prints itself (invariant R10). Key values are looked up by a keyed hash, so that a stolen database does not
// tell which value a weak imported key has; the keyring's file is outside the database and outside every backup.
// Passwords are hashed with argon2id, at most two at a time. Everything is safe for concurrent use.
package secret
