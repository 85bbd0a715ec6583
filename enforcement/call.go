package enforcement

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"time"
	"unsafe"

	"gatehouse/enforcement/front"
	"gatehouse/enforcement/receipt"
	"gatehouse/enforcement/requestid"
	"gatehouse/enforcement/trace"
	"gatehouse/enforcement/transport"
)

// call is what is known of a request in either lane: what it asks for, who asks, what was decided about it and how it ended. How its bytes come and go is
// its lane's: request is the standard lane's.
type call struct {
	g         *Gateway
	shard     uint8 // of what is counted, and of the requests under way
	isFast    bool  // it came by the fast lane
	at        instant
	verb      string // as the client wrote it
	peer      string // whose request it is: address and port
	purpose   purpose
	forwarded *front.Forwarded // what a proxy that is believed says of the client; nil: nobody says anything

	id      string // "" until somebody is to be told it
	text    [32]byte
	raw     [16]byte // of id
	receipt receipt.Place

	prefix    string // what stands before path, as the client wrote it: /{api}/{stage}, or less by a host name that leads further
	path      string // canonical, below the stage: empty or beginning with a slash
	named     bool   // the host leads to the API, or to the stage
	fault     string // of a path that is not, or of a head that is not good
	query     string
	presented string // the key's value, if there was one
	target
	decision decision

	client front.Client // of open: whose request it is
	open   bool         // the request is counted for its address

	proxied bool           // it was admitted, and an answer was looked for
	kept    *transport.End // how the answer went that was kept, or made; nil: the upstream was asked
	made    bool           // the gateway made the answer: nobody was to be asked
	moved   movement       // of its stream
	sent    int64          // bytes of the gateway's own answer
	instead int            // the status of what is answered in place of that; 0: nothing is
	ended   ended
	took    time.Duration // all of it; set at its end

	parent trace.Context // what the client sent
	span   trace.Context // of the request; parent where nothing is traced here
	onward trace.Context // of the upstream's part of it
}

// purpose is what is wanted of the gateway.
type purpose uint8

// All but the first are answered here, and are no calls of an operation.
const (
	forAnswer    purpose = iota // the upstream's answer
	forPreflight                // to know whether a page may ask for one: cors.go
	forQuote                    // to know what would come of it: quote.go
)

func (c *call) isPreflight() bool { return c.purpose == forPreflight }
func (c *call) isQuote() bool     { return c.purpose == forQuote }

// isQuoted reports whether the request was a quote, and answered with one.
func (c *call) isQuoted() bool { return c.isQuote() && c.decision.problem == problemNone }

// name gives the request an id, unless it has one: that of its receipt, or one that tells when it came, or, where nothing is kept, 128 random bits, which
// need not be secret, only different. Whatever id the client sent is not used: it could be another request's.
func (c *call) name() {
	if c.id != "" {
		return
	}
	switch names := c.g.config.Names; {
	case c.receipt.IsSet():
		c.g.config.Receipts.Name(c.receipt, c.at.second(), &c.raw)
	case names != nil:
		names.Write(requestid.ID{Part: requestid.None, Second: uint32(c.at.second()), Number: rand.Uint64()}, &c.raw)
	default:
		binary.LittleEndian.PutUint64(c.raw[:], rand.Uint64())
		binary.LittleEndian.PutUint64(c.raw[8:], rand.Uint64())
	}
	hex.Encode(c.text[:], c.raw[:])
	c.id = unsafe.String(&c.text[0], len(c.text)) // it does not change as long as the call is this one's
}
