package fast

// buffers are byte slices for what has to wait: a part of a head, bytes that a socket does not take. They belong to one loop.
type buffers struct{ free [][]byte }

const (
	smallBuffer = 4 << 10
	mostBuffers = 256
)

// keep returns a copy of b.
func (p *buffers) keep(b []byte) []byte {
	if n := len(p.free); n > 0 {
		kept := p.free[n-1]
		p.free = p.free[:n-1]
		return append(kept, b...)
	}
	return append(make([]byte, 0, max(smallBuffer, len(b))), b...)
}

// give takes a slice back that is not needed any more. Large ones are left to the collector.
func (p *buffers) give(b []byte) {
	if cap(b) >= smallBuffer && cap(b) <= 4*smallBuffer && len(p.free) < mostBuffers {
		p.free = append(p.free, b[:0])
	}
}
