package enforcement

import (
	"hash/maphash"
	"net/netip"
	"sync/atomic"
	"time"

	"gatehouse/models/limit"
)

// The preflights of an address: a page of many calls asks for each once in ten minutes, so that this is enough for an office behind one address.
const (
	preflightRate  = 100 // a second
	preflightBurst = 500
	// preflightCells is how many levels are kept, half a megabyte in all, however many addresses there are: those that meet in a cell share it.
	preflightCells = 1 << 16
)

// preflights limits what nobody is charged for, per address.
type preflights struct {
	bucket limit.Bucket
	seed   maphash.Seed // so that nobody can choose to meet somebody else
	cells  []atomic.Int64
}

func newPreflights() *preflights {
	t := limit.Throttle{Rate: preflightRate, Burst: preflightBurst}
	return &preflights{bucket: t.Compile(), seed: maphash.MakeSeed(), cells: make([]atomic.Int64, preflightCells)}
}

// take spends one of an address and port, at a moment of the clock of throttles.
func (p *preflights) take(address string, now int64) bool {
	cell := &p.cells[maphash.Comparable(p.seed, networkOf(address))%preflightCells]
	for {
		level := cell.Load()
		next, ok, _ := p.bucket.Look(level, now)
		if !ok {
			return false
		}
		if cell.CompareAndSwap(level, next) {
			return true
		}
	}
}

// networkOf is who an address belongs to: itself, or the 64 bits that a host of IPv6 is given.
func networkOf(address string) netip.Addr {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.Addr{} // a request made in process
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is6() {
		if prefix, err := ip.Prefix(64); err == nil {
			return prefix.Addr()
		}
	}
	return ip
}

// preflightWait is after which a refused address may ask again.
const preflightWait = time.Second
