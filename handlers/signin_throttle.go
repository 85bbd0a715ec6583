package handlers

import (
	"crypto/sha256"
	"net/netip"
	"strings"
	"sync"
	"time"

	"gatehouse/models/limit"
)

// How passwords may be tried (SEC-20). A person mistypes a few times; a guesser needs thousands.
const (
	freeTries   = 5           // of one account from one network, before the first wait
	firstWait   = time.Second // doubled by each further try
	longestWait = 15 * time.Minute
	forgetTries = 24 * time.Hour // after the last one
	maxTracked  = 10_000         // pairs, accounts and networks each; the least recent go first
	maxJudged   = 64             // tries at once: each costs a hash, and they queue for two processors
	fullHouse   = time.Second    // the wait when that many are being judged
)

// Throttle slows down who guesses passwords. It holds back the pair of an account and a network, so that nobody can lock an account's
// person out from elsewhere, and beside it each network over all accounts, and each account over all networks that have not signed in
// to it before. It lives in memory and is bounded; a restart forgets it. Accounts and addresses are kept as hashes. Safe for
// concurrent use.
type Throttle struct {
	mu       sync.Mutex
	start    time.Time
	judged   int
	pairs    recent[tries]
	accounts recent[int64] // the TAT of perAccount
	networks recent[int64] // the TAT of perNetwork

	perAccount, perNetwork limit.Bucket
}

// tries are what came for one account from one network.
type tries struct {
	count int // since the last success
	last  time.Time
	next  time.Time // none before
	known bool      // the right password came from here before
}

// NewThrottle returns a throttle that knows nobody. Later times are counted from now.
func NewThrottle(now time.Time) *Throttle {
	return &Throttle{
		start: now, pairs: newRecent[tries](maxTracked), accounts: newRecent[int64](maxTracked), networks: newRecent[int64](maxTracked),
		perAccount: limit.Throttle{Rate: 0.1, Burst: 100}.Compile(),
		perNetwork: limit.Throttle{Rate: 0.2, Burst: 60}.Compile(),
	}
}

// Attempt is a try that is being judged. It counts as failed unless it succeeds, also when its browser does not wait for the answer.
type Attempt struct {
	throttle               *Throttle
	pair, account, network trackKey
	at                     time.Time
	anyAccount             bool
}

// Enter lets a try from an address at an account be judged, or says how long to wait. The account is the e-mail address as typed,
// whether there is such an account or not; "" when the try is not about one. The caller must call Leave.
func (t *Throttle) Enter(account, address string, now time.Time) (a *Attempt, wait time.Duration) {
	network := networkOf(address)
	account = strings.ToLower(strings.TrimSpace(account))
	a = &Attempt{throttle: t, at: now, anyAccount: account == "",
		pair: keyOf(account, network), account: keyOf(account), network: keyOf("network", network)}
	t.mu.Lock()
	defer t.mu.Unlock()
	pair := t.pairs.get(a.pair)
	if now.Sub(pair.last) > forgetTries {
		pair = tries{known: pair.known}
	}
	if !a.anyAccount && now.Before(pair.next) {
		return nil, pair.next.Sub(now)
	}
	if t.judged >= maxJudged {
		return nil, fullHouse
	}
	clock := int64(now.Sub(t.start))
	networkTAT, ok, wait := t.perNetwork.Look(t.networks.get(a.network), clock)
	if !ok {
		return nil, wait
	}
	if !a.anyAccount {
		if !pair.known {
			tat, ok, wait := t.perAccount.Look(t.accounts.get(a.account), clock)
			if !ok {
				return nil, wait
			}
			t.accounts.put(a.account, tat)
		}
		pair.count, pair.last = pair.count+1, now
		if over := pair.count - freeTries; over >= 0 {
			pair.next = now.Add(min(firstWait<<min(over, 20), longestWait))
		}
		t.pairs.put(a.pair, pair)
	}
	t.networks.put(a.network, networkTAT)
	t.judged++
	return a, 0
}

// Succeed notes that the password was right: what the try spent is given back, and the network is known from now on.
func (a *Attempt) Succeed(now time.Time) {
	t := a.throttle
	t.mu.Lock()
	defer t.mu.Unlock()
	out := now.Sub(a.at)
	t.networks.put(a.network, t.perNetwork.GiveBack(t.networks.get(a.network), out))
	if a.anyAccount {
		return
	}
	if !t.pairs.get(a.pair).known {
		t.accounts.put(a.account, t.perAccount.GiveBack(t.accounts.get(a.account), out))
	}
	t.pairs.put(a.pair, tries{known: true, last: now})
}

// Leave ends the judging.
func (a *Attempt) Leave() {
	a.throttle.mu.Lock()
	defer a.throttle.mu.Unlock()
	a.throttle.judged--
}

// networkOf is the part of an address that one person or organisation usually holds alone: /24 of IPv4, /64 of IPv6.
func networkOf(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	ip = ip.Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = 24
	}
	prefix, err := ip.Prefix(bits)
	if err != nil {
		return address
	}
	return prefix.String()
}

type trackKey [16]byte

func keyOf(parts ...string) trackKey {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return trackKey(sum[:16])
}
