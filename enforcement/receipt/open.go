package receipt

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/enforcement/disk"
	"gatehouse/enforcement/requestid"
	"gatehouse/models/limit"
)

// The file begins with its head, a page long; the slots of refusals and those of admissions follow.
//
//	 0  "gwrcpt01"
//	 8  size u64
//	16  key of the ids, 16 bytes
//	60  checksum u32 of bytes 0..59
const (
	magic    = "gwrcpt01"
	headSize = 4096
)

// Config is how a ring is kept.
type Config struct {
	Path string
	Size int64        // of the file in bytes, MinSize..MaxSize; 0: DefaultSize. Another size than the file has begins a new ring
	Log  *slog.Logger // nil: slog.Default()
	Now  time.Time    // zero: the present
}

var errHead = errors.New("its head is damaged")

// Open opens the ring in a file, or makes it if it is not there, has another size or a damaged head. The caller makes sure that no other process has it
// open.
func Open(c Config) (*Ring, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Size == 0 {
		c.Size = DefaultSize
	}
	if c.Now.IsZero() {
		c.Now = time.Now()
	}
	c.Size = min(max(c.Size, MinSize), MaxSize) / headSize * headSize
	r, err := openFile(c)
	if errors.Is(err, errHead) {
		c.Log.Warn("receipts begin anew", "file", c.Path, "reason", err.Error())
		err = os.Remove(c.Path)
	}
	if r == nil && (err == nil || errors.Is(err, fs.ErrNotExist)) {
		r, err = create(c)
	}
	if err != nil {
		return nil, fmt.Errorf("open the receipts: %w", err)
	}
	if err := r.begin(c.Now); err != nil {
		return nil, fmt.Errorf("open the receipts: %w", errors.Join(err, r.Close()))
	}
	return r, nil
}

// openFile opens the file that an earlier process left. Its error is errHead, with what is wrong, when it cannot be gone on with.
func openFile(c Config) (*Ring, error) {
	file, err := os.OpenFile(c.Path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	r := &Ring{file: file}
	info, err := file.Stat()
	switch {
	case err != nil:
	case info.Size() != c.Size:
		err = fmt.Errorf("%w: the file has %d bytes, and is to have %d", errHead, info.Size(), c.Size)
	default:
		err = r.mapFile(c.Size)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	head := r.data[:headSize]
	if string(head[:8]) != magic || binary.LittleEndian.Uint64(head[8:]) != uint64(c.Size) ||
		binary.LittleEndian.Uint32(head[60:]) != crc32.Checksum(head[:60], castagnoli) {
		return nil, errors.Join(errHead, r.Close())
	}
	return r, nil
}

// create makes a file that has all its blocks, under its name only when that is done.
func create(c Config) (*Ring, error) {
	unfinished := c.Path + ".new"
	file, err := os.OpenFile(unfinished, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	r := &Ring{file: file}
	err = disk.Allocate(file, c.Size)
	if err == nil {
		err = r.mapFile(c.Size)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reserve %d bytes of disk: %w", c.Size, err), file.Close(), os.Remove(unfinished))
	}
	head := r.data[:headSize]
	copy(head, magic)
	binary.LittleEndian.PutUint64(head[8:], uint64(c.Size))
	_, _ = rand.Read(head[16:32]) // never fails
	binary.LittleEndian.PutUint32(head[60:], crc32.Checksum(head[:60], castagnoli))
	err = unix.Msync(head, unix.MS_SYNC)
	if err == nil {
		err = os.Rename(unfinished, c.Path)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close(), os.Remove(unfinished))
	}
	return r, nil
}

func (r *Ring) mapFile(size int64) (err error) {
	r.data, err = unix.Mmap(int(r.file.Fd()), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return err
}

// begin finds where the records of earlier processes end.
func (r *Ring) begin(now time.Time) (err error) {
	if r.names, err = requestid.New(r.data[16:32]); err != nil {
		return err
	}
	slots := uint64(len(r.data)-headSize) / slotSize
	admitted := slots / 4
	border := headSize + int((slots-admitted)*slotSize)
	for i, p := range []struct {
		data  []byte
		burst int64
	}{refusals: {r.data[headSize:border], refusalBurst}, admissions: {r.data[border:], admissionBurst}} {
		r.parts[i].data, r.parts[i].slots = p.data, uint64(len(p.data))/slotSize
		r.parts[i].share = limit.Throttle{Rate: keyRate, Burst: p.burst}.Compile()
		r.parts[i].recover(now)
	}
	// To look at everything has made everything count as this process's memory. The pages stay in the kernel's cache.
	return unix.Madvise(r.data, unix.MADV_DONTNEED)
}

// recover looks at every slot. The next position is behind all that were used, in the slot behind the newest one, and later than every one that
// may have been lost with the power: there is less than one receipt a microsecond.
func (p *part) recover(now time.Time) {
	newest := uint64(0)
	for i := range p.slots {
		s := p.slot(i)
		if s.position() == 0 {
			continue
		}
		if s.position()%p.slots != i || !s.whole() {
			clear(s) // what stands there is no position: it must not keep a record away
			continue
		}
		newest = max(newest, s.position())
		last := &p.cell(s.key()).last
		last.Store(max(last.Load(), s.position()))
	}
	next := newest + 1
	if least := uint64(max(now.UnixMicro(), 1)); next < least {
		next += (least - next + p.slots - 1) / p.slots * p.slots
	}
	p.next.Store(next)
}
