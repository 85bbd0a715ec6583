package secret

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// frameSize is how many bytes are sealed at a time: what is held in memory.
const frameSize = 64 << 10

// Sealer seals what is written to it, so that a file can be as long as it may and yet is never in clear on a disk. Each frame is bound to the name, its
// number and whether it is the last one: frames cannot be exchanged, and a file that was cut off is not taken for a whole one. Close it, or it is one.
type Sealer struct {
	ring  *Keyring
	w     io.Writer
	name  string
	frame []byte
	n     uint64
}

// SealTo returns a Sealer that writes to w. The name must be the one that is given to OpenFrom.
func (k *Keyring) SealTo(w io.Writer, name string) *Sealer {
	return &Sealer{ring: k, w: w, name: name, frame: make([]byte, 0, frameSize)}
}

// Write implements io.Writer.
func (s *Sealer) Write(p []byte) (written int, err error) {
	for len(p) > 0 {
		if len(s.frame) == frameSize {
			if err := s.flush(false); err != nil {
				return written, err
			}
		}
		n := min(len(p), frameSize-len(s.frame))
		s.frame = append(s.frame, p[:n]...)
		p, written = p[n:], written+n
	}
	return written, nil
}

// Close writes the last frame; w stays open.
func (s *Sealer) Close() error { return s.flush(true) }

func (s *Sealer) flush(last bool) error {
	sealed := s.ring.Seal(s.frame, frameName(s.name, s.n, last))
	s.n++
	s.frame = s.frame[:0]
	head := binary.BigEndian.AppendUint32(nil, uint32(len(sealed)))
	if _, err := s.w.Write(append(head, sealed...)); err != nil {
		return fmt.Errorf("write sealed: %w", err)
	}
	return nil
}

func frameName(name string, n uint64, last bool) []byte {
	return fmt.Appendf(nil, "%s frame %d last %t", name, n, last)
}

// OpenFrom reads what a Sealer with the same name wrote to r. Its errors are ErrUnsealable for bytes that no such Sealer wrote, or not to the end, and
// those of r.
func (k *Keyring) OpenFrom(r io.Reader, name string) io.Reader {
	return &unsealer{ring: k, r: r, name: name}
}

type unsealer struct {
	ring *Keyring
	r    io.Reader
	name string
	rest []byte
	n    uint64
	last bool
}

// Read implements io.Reader.
func (u *unsealer) Read(p []byte) (int, error) {
	for len(u.rest) == 0 {
		if u.last {
			return 0, io.EOF
		}
		if err := u.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, u.rest)
	u.rest = u.rest[n:]
	return n, nil
}

func (u *unsealer) next() error {
	var head [4]byte
	if err := u.full(head[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > frameSize+1024 {
		return ErrUnsealable
	}
	sealed := make([]byte, size)
	if err := u.full(sealed); err != nil {
		return err
	}
	var err error
	if u.rest, err = u.ring.Open(sealed, frameName(u.name, u.n, false)); err != nil {
		if u.rest, err = u.ring.Open(sealed, frameName(u.name, u.n, true)); err != nil {
			return err
		}
		u.last = true
	}
	u.n++
	return nil
}

// full reads all of p.
func (u *unsealer) full(p []byte) error {
	_, err := io.ReadFull(u.r, p)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w (cut off)", ErrUnsealable)
	}
	return err
}
