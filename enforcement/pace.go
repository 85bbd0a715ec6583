package enforcement

import (
	"errors"
	"io"
	"math"
	"net/http"
	"os"
	"time"
)

// pace is how slowly a client may send or read: in any time of limit that is spent waiting for it, bytes must move. The zero pace is no limit.
type pace struct {
	limit time.Duration
	bytes int64
	of    paced

	begun  time.Time     // of the wait that is now
	waited time.Duration // since bytes last moved
	moved  int64         // since then
	until  time.Time     // the deadline that is set
}

// paced is what has a deadline while the client is waited for.
type paced interface {
	setDeadline(at time.Time) error // in memory there is none to set
}

func (g *Gateway) paceOf(of paced) pace {
	b := g.bounds.Load()
	return pace{limit: b.Stall, bytes: b.StallBytes, of: of}
}

func (p *pace) isOn() bool { return p.limit > 0 }

// begin is called before the client is waited for, until whole bytes have moved, or any if that is 0. The deadline is moved only when that makes a
// difference: it costs a timer.
func (p *pace) begin(whole int64) {
	if !p.isOn() {
		return
	}
	p.begun = time.Now()
	patience := p.limit - p.waited
	if p.bytes > 0 && whole > p.bytes {
		patience = time.Duration(float64(p.limit) * float64(whole) / float64(p.bytes))
	}
	if want := p.begun.Add(patience); p.until.IsZero() || want.Sub(p.until).Abs() > p.limit/8 {
		p.until = want
		_ = p.of.setDeadline(want)
	}
}

// end is called with what moved.
func (p *pace) end(n int64) {
	if !p.isOn() {
		return
	}
	if p.moved += n; p.moved >= p.bytes {
		p.waited, p.moved = 0, 0
		return
	}
	p.waited += time.Since(p.begun)
}

// stop takes the deadline away.
func (p *pace) stop() {
	if p.isOn() && !p.until.IsZero() {
		_ = p.of.setDeadline(time.Time{})
	}
	p.limit = 0
}

// finish leaves a client a moment, in which what it still sends is taken in so that it reads the answer.
func (p *pace) finish() {
	if p.of != nil {
		_ = p.of.setDeadline(time.Now().Add(unreadTimeout))
	}
	p.limit = 0
}

// writer is where the answer goes. A client that does not read it is not waited for longer than one that does not send.
type writer struct {
	http.ResponseWriter
	pace pace
}

// pieceOf is how much is written before it is looked whether the client takes it.
const pieceOf = 64 << 10

// Unwrap lets http.ResponseController set deadlines, flush and hijack.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) setDeadline(at time.Time) error {
	return http.NewResponseController(w.ResponseWriter).SetWriteDeadline(at)
}

// Write writes p with a deadline that moves as the client reads.
func (w *writer) Write(p []byte) (int, error) {
	w.pace.begin(int64(len(p)))
	n, err := w.ResponseWriter.Write(p)
	w.pace.end(int64(n))
	return n, err
}

// ReadFrom lets the kernel copy where it can, piece by piece.
func (w *writer) ReadFrom(r io.Reader) (n int64, err error) {
	to, ok := w.ResponseWriter.(io.ReaderFrom)
	if !ok {
		return io.Copy(struct{ io.Writer }{w}, r)
	}
	left := int64(math.MaxInt64)
	if limited, ok := r.(*io.LimitedReader); ok { // the kernel copies from a connection behind one limit, not two
		r, left = limited.R, limited.N
		defer func() { limited.N -= n }()
	}
	for n < left {
		want := min(pieceOf, left-n)
		w.pace.begin(want)
		piece, err := to.ReadFrom(&io.LimitedReader{R: r, N: want})
		w.pace.end(piece)
		n += piece
		if err != nil || piece < want {
			return n, err
		}
	}
	return n, nil
}

// tooSlow reports whether an error of reading is that the deadline passed.
func tooSlow(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
