package transport

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
)

// This file sends a request, and sends it again where that can do no harm: nothing of it was sent, or it may be repeated by its verb, has no body that was
// read, and the connection broke before any byte of an answer. An answer that began is never thrown away, and a time that ran out is none to try again in.

// send makes the exchange's request.
func (p *Proxy) send(o *outgoing) (*reply, error) {
	x := o.x
	x.pick.pool.retries.earn()
	for tries := 0; ; tries++ {
		a := attempt{}
		o.target = x.pick.target
		rep, err := o.target.carrier.send(o, &a)
		if err == nil {
			x.pick.answered(rep.status, p.clock())
			x.pick = Pick{}
			return rep, nil
		}
		f := failureOf(x, err)
		failed := x.pick
		failed.failed(f, err, p.clock())
		x.pick = Pick{}
		if tries >= failed.pool.retriesAllowed() || !a.mayRepeat(o, f) || !failed.pool.retries.spend() {
			return nil, err
		}
		next, _ := failed.pool.pick(p.clock(), failed.target)
		if next.target == nil {
			return nil, err
		}
		if next.target == failed.target && isRefused(err) {
			next.Release()
			return nil, err
		}
		x.pick = next
		p.retried.Add(1)
	}
}

// defaultRetries is how often a request that may be sent again is, unless its stage says otherwise.
const defaultRetries = 1

func (p *Pool) retriesAllowed() int { return or(p.spec.Retries, defaultRetries) }

// attempt is one try.
type attempt struct {
	connected bool // some of it may have been sent
	answered  bool // a byte of an answer came
}

// mayRepeat reports whether the request can be sent once more without being made twice.
func (a *attempt) mayRepeat(o *outgoing, f Failure) bool {
	switch {
	case f != Unreachable && f != Invalid || o.x.bodyRead.Load():
		return false
	case !a.connected:
		return true
	default:
		return !a.answered && f == Unreachable && o.mayRepeat()
	}
}

// isIdempotent are the verbs that may be repeated (RFC 9110, 9.2.2).
func isIdempotent(verb string) bool {
	switch verb {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

// answered tells the target's health of an answer.
func (k Pick) answered(status int, now int64) {
	if isDeclined(status) {
		k.declined(now)
	} else {
		k.worked()
	}
}

// isDeclined reports whether an answer says that its upstream cannot serve now.
func isDeclined(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// failed tells it of a failure, unless that is not its doing.
func (k Pick) failed(f Failure, err error, now int64) {
	switch {
	case f == Unreachable && !isRefused(err), f == Invalid, f == Timeout:
		k.brokeDown(now)
	default:
		k.Release()
	}
}

// Refused is an error of a dialer that does not dial an address at all.
type Refused interface {
	error
	Refused()
}

func isRefused(err error) bool {
	var r Refused
	return errors.As(err, &r)
}

// budget keeps retries from multiplying an outage: a fifth of the requests, and some in reserve.
type budget struct{ tokens atomic.Int64 }

const (
	retryCost    = 10
	retryReserve = 100 * retryCost
	earnEvery    = 16                             // requests that earn at once, so that not every one writes to what all share
	earned       = earnEvery * retryCost * 2 / 10 // a fifth of a retry each
)

func (b *budget) earn() {
	if rand.Uint32()%earnEvery == 0 && b.tokens.Load() < retryReserve {
		b.tokens.Add(earned)
	}
}

func (b *budget) spend() bool {
	if b.tokens.Add(-retryCost) >= 0 {
		return true
	}
	b.tokens.Add(retryCost)
	return false
}
