package wire

// Limits of what is judged (docs/gateway.md, Limits). All are bytes but MaxFields.
const (
	MaxHead    = 32 << 10 // of a request line and its fields, with the empty line behind them
	MaxFields  = 128      // of a head
	MaxTarget  = 8 << 10
	MaxMethod  = 32
	MaxTrailer = 4000 // of the lines behind a chunked body: net/http reads 4,096, and must come to the end of what stands for more
)

// Kind is what kind of refusal a verdict is.
type Kind uint8

// The kinds. The zero value is none: nothing is refused.
const (
	Passed             Kind = iota
	BadHead                 // ambiguous, or not HTTP
	BadTarget               // the same, of the target alone
	BadChunk                // the same, of a chunked body
	TargetTooLong           //
	HeadTooLarge            // in bytes or fields
	UnknownMethod           // longer than any that is served
	UnknownCoding           // a transfer coding other than chunked
	UnknownVersion          // of HTTP
	UnknownExpectation      // other than 100-continue
	TooSlow                 // the head did not come in its time
	numKinds
)

// Status is the HTTP status that a refusal is answered with; 0 for Passed.
func (k Kind) Status() int {
	return [numKinds]int{0, 400, 400, 400, 414, 431, 501, 501, 505, 417, 408}[k]
}

// Verdict is what was judged of a request. The zero value passes.
type Verdict struct {
	Kind   Kind
	Reason string // what is wrong, in words that continue "the request …"; never any of its bytes
}

// Status is the HTTP status that the verdict is answered with; 0: it passes.
func (v Verdict) Status() int { return v.Kind.Status() }

func bad(reason string) Verdict { return Verdict{BadHead, reason} }
