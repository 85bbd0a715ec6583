package recording

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// load finds what an earlier process left.
func (r *Recorder) load() error {
	entries, err := os.ReadDir(r.folder) // by name, so by number
	if err != nil {
		return err
	}
	var tails []uint64
	for _, e := range entries {
		name, kind, _ := strings.Cut(e.Name(), ".")
		number, err := strconv.ParseUint(name, 10, 64)
		switch {
		case err != nil:
		case kind == "tail":
			tails = append(tails, number)
		case kind == "segment":
			r.loadSegment(number)
		default: // what was being written
			_ = os.Remove(filepath.Join(r.folder, e.Name()))
		}
		r.next = max(r.next, number+1)
	}
	if n := len(r.segments); n > 0 {
		r.begins = r.segments[n-1].until
	}
	return r.loadTails(tails)
}

func (r *Recorder) loadSegment(number uint64) {
	path := r.path(number, "segment")
	s, err := statSegment(path, number)
	if err != nil {
		r.config.Log.Warn("a part of the recording cannot be read and is forgotten", "error", err)
		_ = os.Remove(path)
		return
	}
	r.segments = append(r.segments, s)
}

// loadTails opens the tail, and the one before it if that was being packed.
func (r *Recorder) loadTails(numbers []uint64) error {
	for _, number := range numbers {
		path := r.path(number, "tail")
		if slices.ContainsFunc(r.segments, func(s segment) bool { return s.number == number }) {
			_ = os.Remove(path) // its segment is whole
			continue
		}
		t, cut, err := openTail(path, number, r.config.Committed)
		if errors.Is(err, errDamaged) {
			r.config.Log.Warn("a part of the recording cannot be read and is forgotten", "error", err)
			_ = os.Remove(path)
			continue
		}
		if err != nil {
			return err
		}
		if cut > 0 {
			r.config.Log.Info("the end of the recording was cut to what is whole and committed", "bytes", cut)
		}
		if r.old != nil { // there are never three
			_ = r.old.file.Close()
			_ = os.Remove(r.old.path)
		}
		r.old, r.tail = r.tail, t
	}
	if r.old != nil {
		r.old.arrivals, _ = splitAt(r.old.arrivals, r.tail.begins)
		r.old.until = r.tail.begins
	}
	return nil
}

// resume finds out whether the recording goes on where it ended: its last block is of the place up to which usage is committed. If a process served
// without it, or its end was lost, what is there is closed, and what comes begins anew.
func (r *Recorder) resume() {
	switch {
	case r.tail == nil && len(r.segments) == 0: // it never began
		return
	case r.tail != nil && r.tail.to == r.config.Committed:
		return
	}
	r.gap = true
	r.config.Log.Warn("a part of the time was not recorded: rehearsals of plans will miss its requests")
	if r.tail == nil {
		return
	}
	if len(r.tail.arrivals) == 0 && r.tail.lost == 0 {
		_ = r.tail.file.Close()
		_ = os.Remove(r.tail.path)
		r.tail = nil
		return
	}
	if r.old != nil { // there is room for one
		if err := r.pack(r.old); err != nil {
			r.config.Log.Warn("a part of the recording cannot be packed and is forgotten", "error", err)
			_ = r.old.file.Close()
			_ = os.Remove(r.old.path)
		}
	}
	r.tail.until = max(r.tail.last(), r.tail.since)
	r.begins = r.tail.until
	r.old, r.tail = r.tail, nil
}

// replaceFile writes a file that is there whole or not at all, also after a power cut.
func replaceFile(path string, b []byte) error {
	temporary := path + ".tmp"
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary)
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("keep %s: %w", path, err)
	}
	return errors.Join(folder.Sync(), folder.Close())
}
