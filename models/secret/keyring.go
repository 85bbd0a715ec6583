package secret

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const (
	masterLength = 32
	maxFile      = 64 << 10
)

// Keyring holds the installation's master keys, by version, and what is derived from them. New things are made with the
// active version; older versions still open what they sealed.
type Keyring struct {
	active   byte
	versions [256]*derived // nil: no such version; 0 is never used
}

// derived is everything that one master key gives, each by its own HKDF label: to know one tells nothing of the others.
type derived struct {
	pepper, token *mac
	seal          aead
	cookieHash    []byte
	cookieBlock   []byte
	fingerprint   string
}

// keyringFile is the file's form. Master keys are 32 bytes in base64.
type keyringFile struct {
	Active byte            `json:"active"`
	Keys   map[byte][]byte `json:"keys"`
}

// OpenKeyring reads the file at path. It refuses a file that anybody but its owner may read or write, and one that does
// not hold what it should. The error wraps fs.ErrNotExist if there is none.
func OpenKeyring(path string) (*Keyring, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open keyring: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open keyring: %w", err)
	}
	if mode := info.Mode(); !mode.IsRegular() {
		return nil, fmt.Errorf("open keyring: %s is not a file", path)
	} else if mode.Perm()&0o077 != 0 {
		return nil, fmt.Errorf("open keyring: %s can be read or changed by others (mode %04o); run: chmod 600 %[1]s", path, mode.Perm())
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("read keyring %s: %w", path, err)
	}
	ring, err := parseKeyring(data)
	if err != nil {
		return nil, fmt.Errorf("read keyring %s: %w", path, err)
	}
	return ring, nil
}

// CreateKeyring makes a keyring with one random master key and writes it to path, mode 0600, on the disk when it returns. It never
// overwrites: the error wraps fs.ErrExist if there is something at path.
func CreateKeyring(path string) (*Keyring, error) {
	file := randomKeyring()
	ring, err := file.derive()
	if err != nil {
		return nil, fmt.Errorf("create keyring: %w", err)
	}
	data, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("create keyring: %w", err)
	}
	if err := writeNew(path, append(data, '\n')); err != nil {
		return nil, fmt.Errorf("create keyring: %w", err)
	}
	return ring, nil
}

// NewKeyring is a keyring that is kept nowhere, for tests and for what need not be read again.
func NewKeyring() *Keyring {
	ring, err := randomKeyring().derive()
	if err != nil {
		panic(err) // not reachable: the only errors are about what randomKeyring sets
	}
	return ring
}

// Fingerprint names the active master key without telling it, so that a database can tell that it was given another keyring.
func (k *Keyring) Fingerprint() string { return k.versions[k.active].fingerprint }

// Fingerprints names every master key, the active one first.
func (k *Keyring) Fingerprints() []string {
	names := []string{k.Fingerprint()}
	for v, d := range k.versions {
		if d != nil && byte(v) != k.active {
			names = append(names, d.fingerprint)
		}
	}
	return names
}

// Format writes the fingerprint, whatever the verb: a keyring in a struct that is logged must not tell its keys.
func (k Keyring) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "keyring "+k.Fingerprint()) // fmt has no place for an error
}

// CookieKeys is the pairs of a hash key (64 bytes) and a block key (32 bytes, AES-256) that gorilla/sessions takes: the active
// version's, then the others', which are still read.
func (k *Keyring) CookieKeys() [][]byte {
	pairs := [][]byte{k.versions[k.active].cookieHash, k.versions[k.active].cookieBlock}
	for v, d := range k.versions {
		if d != nil && byte(v) != k.active {
			pairs = append(pairs, d.cookieHash, d.cookieBlock)
		}
	}
	return pairs
}

func randomKeyring() keyringFile {
	master := make([]byte, masterLength)
	rand.Read(master) // never fails: it ends the program instead
	return keyringFile{Active: 1, Keys: map[byte][]byte{1: master}}
}

// parseKeyring says nothing of the data in its errors: they are logged.
func parseKeyring(data []byte) (*Keyring, error) {
	var file keyringFile
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&file) != nil || decoder.More() {
		return nil, errors.New(`not a keyring: want {"active": 1, "keys": {"1": "32 bytes in base64"}}`)
	}
	return file.derive()
}

func (f keyringFile) derive() (*Keyring, error) {
	if f.Keys[f.Active] == nil {
		return nil, fmt.Errorf("the active version %d is not among the keys", f.Active)
	}
	ring := &Keyring{active: f.Active}
	for version, master := range f.Keys {
		if version == 0 || len(master) != masterLength {
			return nil, fmt.Errorf("key %d: want a version of 1 to 255 and 32 bytes in base64", version)
		}
		d, err := deriveKeys(master)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", version, err)
		}
		ring.versions[version] = d
	}
	return ring, nil
}

func deriveKeys(master []byte) (*derived, error) {
	var problem error
	key := func(label string, length int) []byte {
		b, err := hkdf.Key(sha256.New, master, nil, "gatehouse "+label, length)
		problem = errors.Join(problem, err)
		return b
	}
	d := &derived{
		pepper:      newMAC(key("pepper", 32)),
		token:       newMAC(key("token", 32)),
		cookieHash:  key("cookie hash", 64),
		cookieBlock: key("cookie block", 32),
		fingerprint: hex.EncodeToString(key("fingerprint", 8)),
	}
	seal, err := newAEAD(key("seal", 32))
	d.seal = seal
	return d, errors.Join(problem, err)
}

// writeNew leaves either a whole file that survives a power cut, or none.
func writeNew(path string, data []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
