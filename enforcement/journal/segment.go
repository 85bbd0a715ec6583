package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"gatehouse/enforcement/disk"
)

// A segment is a file of one size, mapped whole. Its first slot is its head; records follow.
//
//	 0  "gwjrnl01"
//	 8  number u64, rising by one from segment to segment
//	16  nonce u32: what is left of the file's life before cannot pass for a record of now
//	20  flags u32: bit 0 = every admission was on disk before it was let through
//	24  size u64
//	32  boot id, 16 bytes
//	48  filled u64: about how many bytes have been taken for records, so that an end that is wiped out is missed
//	60  checksum u32 of bytes 0..59, with filled as 0
type segment struct {
	number uint64
	nonce  uint32
	synced bool // written by a journal that syncs always
	boot   [16]byte
	path   string
	file   *os.File
	data   []byte // mapped

	next atomic.Uint64 // the first free byte; beyond the end once it is full
}

const (
	magic      = "gwjrnl01"
	suffix     = ".journal"
	syncedFlag = 1
	filledAt   = 48
	fillStep   = 16 // records between two notes of filled: who appends has a cache line of his own otherwise
)

var errHead = errors.New("not a segment of a journal, or its head is damaged")

func fileName(number uint64) string { return fmt.Sprintf("%016x%s", number, suffix) }

// createSegment makes a file that has all its blocks: a full disk is noticed here and never while a record is written.
func createSegment(path string, size int64) (*segment, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := disk.Allocate(file, size); err != nil {
		return nil, errors.Join(fmt.Errorf("reserve %d bytes of disk: %w", size, err), file.Close(), os.Remove(path))
	}
	s := &segment{path: path, file: file}
	if err := s.mapFile(size); err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(path))
	}
	return s, nil
}

// openSegment opens a file that another life left. Its error is errHead when it is none.
func openSegment(path string) (*segment, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	s := &segment{path: path, file: file}
	info, err := file.Stat()
	switch {
	case err != nil:
	case info.Size() < 2*recordSize || info.Size()%recordSize != 0 || info.Size() > maxSegment:
		err = errHead
	default:
		err = s.mapFile(info.Size())
	}
	if err == nil {
		if err = s.readHead(); err != nil {
			err = errors.Join(err, unix.Munmap(s.data))
		}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return s, nil
}

func (s *segment) mapFile(size int64) (err error) {
	s.data, err = unix.Mmap(int(s.file.Fd()), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map %s: %w", s.path, err)
	}
	return nil
}

func (s *segment) close() error {
	return errors.Join(unix.Munmap(s.data), s.file.Close())
}

// isNamed reports whether the file has the name of the segment that it is.
func (s *segment) isNamed() bool { return filepath.Base(s.path) == fileName(s.number) }

// reset makes s the segment with this number: empty, with every page in memory.
func (s *segment) reset(number uint64, nonce uint32, boot [16]byte, synced bool) {
	clear(s.data)
	s.boot, s.synced = boot, synced
	// Whoever appended in the life before has read them: his record was there to be folded. That it was passed on in mapped memory is nothing the race detector knows.
	atomic.StoreUint64(&s.number, number)
	atomic.StoreUint32(&s.nonce, nonce)
	s.writeHead()
	s.next.Store(uint64(len(s.data))) // closed: who still has it from the life before must not write into it
}

// rename gives the file the name of its segment.
func (s *segment) rename(dir string) error {
	path := filepath.Join(dir, fileName(s.number))
	if err := os.Rename(s.path, path); err != nil {
		return err
	}
	s.path = path
	return syncDir(dir)
}

// open lets records in.
func (s *segment) open() { s.next.Store(recordSize) }

func (s *segment) writeHead() {
	head := s.data[:recordSize]
	copy(head, magic)
	binary.LittleEndian.PutUint64(head[8:], s.number)
	binary.LittleEndian.PutUint32(head[16:], s.nonce)
	var flags uint32
	if s.synced {
		flags = syncedFlag
	}
	binary.LittleEndian.PutUint32(head[20:], flags)
	binary.LittleEndian.PutUint64(head[24:], uint64(len(s.data)))
	copy(head[32:], s.boot[:])
	binary.LittleEndian.PutUint32(head[60:], crc32.Checksum(head[:60], castagnoli))
}

func (s *segment) readHead() error {
	head := slices.Clone(s.data[:recordSize])
	clear(head[filledAt : filledAt+8])
	if string(head[:8]) != magic || binary.LittleEndian.Uint32(head[60:]) != crc32.Checksum(head[:60], castagnoli) ||
		binary.LittleEndian.Uint64(head[24:]) != uint64(len(s.data)) {
		return errHead
	}
	s.number, s.nonce = binary.LittleEndian.Uint64(head[8:]), binary.LittleEndian.Uint32(head[16:])
	s.synced = binary.LittleEndian.Uint32(head[20:])&syncedFlag != 0
	copy(s.boot[:], head[32:])
	return nil
}

// pages are the pages that hold the bytes from begin to end.
func (s *segment) pages(begin, end uint64) []byte {
	page := uint64(os.Getpagesize())
	return s.data[begin/page*page : end]
}

// dirty has the kernel take pages for changed, without changing them. Others may be writing to them.
func (s *segment) dirty(begin, end uint64) {
	page := uint64(os.Getpagesize())
	for at := begin / page * page; at < end; at += page {
		atomic.AddUint64(s.slot(at).word(), 0)
	}
}

// slot is the slot at a byte.
func (s *segment) slot(at uint64) *slot { return (*slot)(unsafe.Pointer(&s.data[at])) }

// append writes a record and returns its place; ok is false when s is full.
func (s *segment) append(r *Record) (_ Position, ok bool) {
	at := s.next.Add(recordSize) - recordSize
	if at >= uint64(len(s.data)) {
		return Position{}, false
	}
	to, place, nonce := s.slot(at), Position{atomic.LoadUint64(&s.number), at}, atomic.LoadUint32(&s.nonce)
	if at%(fillStep*recordSize) == 0 {
		atomic.StoreUint64(s.filled(), at+recordSize) // first: once the record is there, the segment may be folded and be another one
	}
	atomic.StoreUint64(to.word(), to.encode(r, nonce)) // from here on s may have another number
	return place, true
}

// filled is the word of the head that says how far the segment is filled.
func (s *segment) filled() *uint64 { return (*uint64)(unsafe.Pointer(&s.data[filledAt])) }

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
