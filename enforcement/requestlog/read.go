package requestlog

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"gatehouse/enforcement/requestid"
	"gatehouse/models"
)

// Sizes of pages, in entries.
const (
	defaultLimit = 50
	maxLimit     = 200
)

// maxRead is how much a page may cost, in bytes of blocks that are read: some 70,000 entries, 30 ms.
const maxRead = 10 << 20

// view is what there was of a log at one moment.
type view struct {
	segments []segment
	open     open
	end      place
}

func (l *Log) view() view {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return view{}
	}
	v := view{segments: slices.Clone(l.segments), open: l.open}
	last := &v.segments[len(v.segments)-1]
	v.end = place{last.number, last.size, len(l.open.starts)}
	return v
}

// question is a models.LogQuestion made ready.
type question struct {
	models.LogQuestion
	from, to int64
	outcomes uint32     // 0: all
	path     string     // in lower case
	any      [][]uint64 // of each, a block must hold one
}

func ask(q models.LogQuestion, oldest int64) question {
	out := question{LogQuestion: q, from: oldest, to: math.MaxInt64, path: strings.ToLower(q.Path)}
	if !q.From.IsZero() {
		out.from = max(out.from, q.From.UnixNano())
	}
	if !q.To.IsZero() {
		out.to = q.To.UnixNano()
	}
	for _, o := range q.Outcomes {
		out.outcomes |= 1 << o
	}
	if q.Apps != nil {
		out.any = append(out.any, things(q.Apps))
	} else {
		out.any = append(out.any, things(q.APIs))
	}
	one := func(set bool, thing uint64) {
		if set {
			out.any = append(out.any, []uint64{thing})
		}
	}
	if q.Callers != nil {
		out.Callers = ordered(q.Callers)
		out.any = append(out.any, things(out.Callers))
	}
	if q.Keys != nil {
		out.Keys = ordered(q.Keys)
		out.any = append(out.any, things(out.Keys))
	}
	one(q.API != 0, uint64(q.API))
	one(q.Stage != 0, uint64(q.Stage))
	one(q.Method != 0, uint64(q.Method))
	one(q.Plan != 0, uint64(q.Plan))
	one(q.Verb != "", verbThing(q.Verb))
	one(q.StatusFrom != 0 && q.StatusFrom == q.StatusTo, statusThing(q.StatusFrom))
	one(q.StatusFrom != q.StatusTo && q.StatusFrom/100 == q.StatusTo/100, classThing(q.StatusFrom))
	return out
}

// ordered makes ids ready to be looked up for each entry: a customer may have hundreds of keys.
func ordered[T any](ids []models.ID[T]) []models.ID[T] {
	out := append([]models.ID[T]{}, ids...)
	slices.Sort(out)
	return out
}

func holds[T any](ids []models.ID[T], id int64) bool {
	_, found := slices.BinarySearch(ids, models.ID[T](id))
	return found
}

func things[T any](ids []models.ID[T]) []uint64 {
	out := make([]uint64, len(ids))
	for i, id := range ids {
		out[i] = uint64(id)
	}
	return out
}

// mayMatch is false where a block certainly has nothing.
func (q *question) mayMatch(s *summary) bool {
	if s.last < q.from || s.first >= q.to || q.outcomes != 0 && q.outcomes&s.outcomes == 0 {
		return false
	}
	for _, some := range q.any {
		if !slices.ContainsFunc(some, s.mayHold) {
			return false
		}
	}
	return true
}

func (q *question) matches(f *first) bool {
	switch {
	case q.Apps != nil && (f.app == 0 || !slices.Contains(q.Apps, models.AppID(f.app))), q.Apps == nil && !slices.Contains(q.APIs, models.APIID(f.api)):
		return false
	case f.at < q.from || f.at >= q.to, q.outcomes != 0 && q.outcomes&(1<<f.outcome) == 0:
		return false
	case q.Keys != nil && !holds(q.Keys, f.key), q.Callers != nil && !holds(q.Callers, f.app), q.Stage != 0 && f.stage != int64(q.Stage), q.Method != 0 && f.methods != int64(q.Method):
		return false
	case q.API != 0 && f.api != int64(q.API), q.Plan != 0 && f.plan != int64(q.Plan):
		return false
	case q.StatusFrom != 0 && f.status < q.StatusFrom, q.StatusTo != 0 && f.status > q.StatusTo, q.Verb != "" && f.verb != q.Verb:
		return false
	}
	return q.path == "" || strings.Contains(strings.ToLower(f.path), q.path)
}

// Entries implements models.RequestLog.
func (l *Log) Entries(ctx context.Context, lq models.LogQuestion) (page models.LogPage, err error) {
	v := l.view()
	before := v.end
	if lq.Before != "" {
		if before, err = parsePlace(lq.Before); err != nil {
			return page, err
		}
	}
	var after place
	if lq.After != "" {
		if after, err = parsePlace(lq.After); err != nil {
			return page, err
		}
	}
	limit := lq.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	oldest := l.config.Now().Add(-l.age()).UnixNano()
	page.Newest, page.Oldest = v.end.String(), v.begins(oldest)
	q := ask(lq, oldest)
	w := walk{view: v, left: maxRead}
	defer w.close()
	err = w.back(ctx, before, after, q.mayMatch, func(f *first, r *reader, at place) bool {
		if !q.matches(f) {
			return true
		}
		if len(page.Entries) == limit {
			page.Next = place{at.segment, at.block, at.entry + 1}.String()
			return false
		}
		page.Entries = append(page.Entries, r.rest(f))
		return true
	})
	page.Damaged = w.damaged
	if w.stopped != nil && page.Next == "" {
		page.Next, page.Searched = w.stopped.String(), w.reached
	}
	return page, err
}

// begins is when a log begins, of which older entries are not shown.
func (v *view) begins(oldest int64) time.Time {
	for i := range v.segments {
		for j := range v.segments[i].blocks {
			if b := &v.segments[i].blocks[j]; b.last >= oldest {
				return time.Unix(0, max(b.first, oldest)).UTC()
			}
		}
	}
	if len(v.open.starts) > 0 {
		_, _ = cutRecord(v.open.records, func(r *reader) { oldest = max(oldest, r.time()) })
		return time.Unix(0, oldest).UTC()
	}
	return time.Time{}
}

// walk reads entries from the newest back.
type walk struct {
	view    view
	left    int64 // bytes that may be read
	damaged int
	stopped *place    // where it ended because nothing was left
	reached time.Time // how far back it was then

	file *os.File
	of   uint64 // segment of file
	body []byte
	read unpacked
	r    reader // of the entry that is visited
	f    first
}

func (w *walk) close() {
	if w.file != nil {
		_ = w.file.Close() // it was only read
	}
}

// visitor gets an entry and where it stands; false ends the walk.
type visitor func(f *first, r *reader, at place) bool

// back visits the entries between two places, newest first, but those of blocks that cannot match.
func (w *walk) back(ctx context.Context, before, after place, mayMatch func(*summary) bool, visit visitor) error {
	v := &w.view
	if len(v.segments) == 0 {
		return nil // it is closed
	}
	block := place{v.end.segment, v.end.block, 0}
	for i := len(v.open.starts) - 1; i >= 0; i-- {
		at := place{block.segment, block.block, i}
		if at.compare(before) >= 0 {
			continue
		}
		if at.compare(after) < 0 {
			return nil
		}
		more := true
		_, _ = cutRecord(v.open.records[v.open.starts[i]:], func(r *reader) {
			w.f = r.first()
			more = visit(&w.f, r, at)
		})
		if !more {
			return nil
		}
	}
	for i := len(v.segments) - 1; i >= 0; i-- {
		s := &v.segments[i]
		if s.number > before.segment {
			continue
		}
		if s.damaged {
			w.damaged++
		}
		for j := len(s.blocks) - 1; j >= 0; j-- {
			b := &s.blocks[j]
			if (place{s.number, b.at, 0}).compare(before) >= 0 {
				continue
			}
			if (place{s.number, b.at, b.count - 1}).compare(after) < 0 {
				return ctx.Err()
			}
			if !mayMatch(b) {
				continue
			}
			if w.left <= 0 {
				w.stopped, w.reached = &place{s.number, b.at, b.count}, time.Unix(0, b.last).UTC()
				return nil
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if !w.block(s, b, before, after, visit) {
				return nil
			}
		}
	}
	return nil
}

// block visits the entries of one block; what cannot be read is counted and skipped.
func (w *walk) block(s *segment, b *summary, before, after place, visit visitor) (more bool) {
	w.left -= b.size
	err := w.load(s, b)
	if errors.Is(err, fs.ErrNotExist) {
		return true // forgotten meanwhile
	}
	if err != nil {
		w.damaged++
		return true
	}
	for i := len(w.read.records) - 1; i >= 0; i-- {
		at := place{s.number, b.at, i}
		if at.compare(before) >= 0 {
			continue
		}
		if at.compare(after) < 0 {
			return false
		}
		w.r = reader{b: w.read.records[i], t: &w.read.tables}
		if w.f = w.r.first(); w.r.bad {
			w.damaged++
			return true
		}
		if !visit(&w.f, &w.r, at) {
			return false
		}
	}
	return true
}

// load reads a block.
func (w *walk) load(s *segment, b *summary) error {
	if w.file == nil || w.of != s.number {
		w.close()
		var err error
		if w.file, err = os.Open(s.path); err != nil {
			w.file = nil
			return err
		}
		w.of = s.number
	}
	w.body = slices.Grow(w.body[:0], int(b.size-b.body))[:b.size-b.body]
	if _, err := w.file.ReadAt(w.body, b.at+b.body); err != nil {
		return errDamaged
	}
	return w.read.unpack(w.body, b)
}

// Entry implements models.RequestLog. The id says when the request came, so that few blocks are read.
func (l *Log) Entry(ctx context.Context, id string) (e models.LogEntry, err error) {
	name, ok := l.names.Read(id)
	if !ok || name.Second == 0 {
		return e, models.NotFound("request")
	}
	var raw [16]byte
	_, _ = hex.Decode(raw[:], []byte(id)) // Names.Read did
	from := int64(name.Second) * int64(time.Second)
	to := from + int64(time.Second)
	oldest := l.config.Now().Add(-l.age()).UnixNano()
	v := l.view()
	if begins := v.begins(oldest); begins.IsZero() || to <= begins.UnixNano() {
		return e, errGone
	}
	found := false
	w := walk{view: v, left: math.MaxInt64}
	defer w.close()
	err = w.back(ctx, v.end, place{}, func(s *summary) bool { return s.first < to && s.last >= from }, func(f *first, r *reader, _ place) bool {
		if f.at < from || f.at >= to || !bytes.HasPrefix(r.b, raw[:]) {
			return true
		}
		e, found = r.rest(f), true
		return false
	})
	switch {
	case err != nil:
		return e, err
	case !found && (w.damaged > 0 || name.Part != requestid.None):
		return e, errGone
	case !found:
		return e, models.NotFound("request")
	}
	return e, nil
}

var errGone = models.Gone("The log of this request is not kept any more: newer ones took its place, or it is older than the log. The request is still counted in usage.")
