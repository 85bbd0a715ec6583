// Package requestid makes the ids of requests, and reads them.
//
//	names.Write(requestid.ID{Part: 1, Second: 1795000000, Number: 42}, &raw)  // 16 bytes, shown as 32 hexadecimal digits
//	id, ok := names.Read(text)
//
// An id is encrypted with a key of the installation (AES, one block): nobody can guess one, and whoever has the key reads from it when the request
// came and where its receipt is. So a request is found by its id without an index of ids.
package requestid

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// KeySize is the length of a key in bytes.
const KeySize = 16

// ID is what an id says. Part and Number together are never used twice.
type ID struct {
	Part   uint8  // of what Number is: 1 and 2 are places of receipts, None is a random number
	Second uint32 // when the request came, Unix seconds; 0: not known
	Number uint64
}

// None is the part of a request without a receipt.
const None = 3

// Names makes and reads ids. It is safe for concurrent use, and does not allocate to make one.
type Names struct{ block cipher.Block }

// New returns the names of a key of KeySize bytes.
func New(key []byte) (*Names, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("ids of requests: %w", err)
	}
	return &Names{block}, nil
}

// Write makes an id.
func (n *Names) Write(id ID, to *[16]byte) {
	*to = [16]byte{0: id.Part}
	binary.LittleEndian.PutUint32(to[1:], id.Second)
	binary.LittleEndian.PutUint64(to[8:], id.Number)
	n.block.Encrypt(to[:], to[:])
}

// Read reads an id from its 32 digits; ok is false for one that Write never made.
func (n *Names) Read(text string) (id ID, ok bool) {
	var b [16]byte
	if len(text) != 2*len(b) {
		return ID{}, false
	}
	if n, err := hex.Decode(b[:], []byte(text)); err != nil || n != len(b) || hex.EncodeToString(b[:]) != text {
		return ID{}, false // capitals are no id of ours
	}
	n.block.Decrypt(b[:], b[:])
	id = ID{Part: b[0], Second: binary.LittleEndian.Uint32(b[1:]), Number: binary.LittleEndian.Uint64(b[8:])}
	return id, [3]byte(b[5:8]) == [3]byte{} && id.Part >= 1 && id.Part <= None
}
