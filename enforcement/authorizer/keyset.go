package authorizer

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/models"
)

// Times of keys.
const (
	fetchTimeout = 5 * time.Second
	fetchEvery   = 10 * time.Second // at most, whatever tokens come
	retryEvery   = 2 * time.Second  // after a failure
	leastAge     = time.Minute      // whatever the issuer says
	mostAge      = 6 * time.Hour
	defaultAge   = 15 * time.Minute
	staleAfter   = 12 * time.Hour // an issuer that is away that long is believed no more

	maxKeysBody = 1 << 20
	maxKeys     = 100
	leastRSA    = 2048 // bits (RFC 7518 3.3)
)

// keySet is the keys of an issuer.
type keySet struct {
	issuer, url string

	mu      sync.Mutex // never held while anybody is asked
	now     *keys      // nil: none were had yet
	due     bool       // somebody said that they changed
	tried   time.Time
	failure error         // of the last try
	flight  chan struct{} // closed when the try under way has ended; nil: there is none
}

// keys are those of one moment.
type keys struct {
	list    []jose.JSONWebKey
	fetched time.Time
	age     time.Duration // after which they are fetched again
}

func newKeySet(issuer, url string) *keySet { return &keySet{issuer: issuer, url: url} }

// refreshSoon has them fetched again when they are needed next.
func (s *keySet) refreshSoon() {
	s.mu.Lock()
	s.due = true
	s.mu.Unlock()
}

// get returns keys to verify with. Old ones are replaced in the background.
func (s *keySet) get(ctx context.Context, p *Pool, now time.Time) (*keys, error) {
	s.mu.Lock()
	have := s.now
	if have != nil && now.Sub(have.fetched) < staleAfter {
		if s.due || now.Sub(have.fetched) >= have.age {
			s.try(p, now)
		}
		s.mu.Unlock()
		return have, nil
	}
	s.now = nil
	wait := s.try(p, now)
	s.mu.Unlock()
	return s.await(ctx, wait)
}

// newer returns keys that were fetched for a token whose key is not among those that there were, unless they were fetched just now.
func (s *keySet) newer(ctx context.Context, p *Pool, now time.Time) (*keys, error) {
	s.mu.Lock()
	wait := s.try(p, now)
	s.mu.Unlock()
	return s.await(ctx, wait)
}

func (s *keySet) await(ctx context.Context, wait chan struct{}) (*keys, error) {
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure != nil {
		return s.now, s.failure
	}
	return s.now, nil
}

// try returns what ends when the try under way does. It begins one unless the last one was just now; then it returns nil. The lock is held.
func (s *keySet) try(p *Pool, now time.Time) chan struct{} {
	if s.flight != nil {
		return s.flight
	}
	pause := fetchEvery
	if s.failure != nil {
		pause = retryEvery
	}
	if since := now.Sub(s.tried); !s.tried.IsZero() && since >= 0 && since < pause {
		return nil
	}
	s.tried, s.due = now, false
	done := make(chan struct{})
	s.flight = done
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
		defer cancel()
		fetched, err := s.fetch(ctx, p)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.flight, s.failure = nil, err
		if err != nil {
			s.due = s.now != nil
			p.log.Warn("keys of an issuer cannot be fetched", "issuer", s.issuer, "error", err)
			return
		}
		fetched.fetched = now
		s.now = fetched
	}()
	return done
}

func (s *keySet) fetch(ctx context.Context, p *Pool) (*keys, error) {
	address := s.url
	if address == "" {
		var d struct {
			Issuer string `json:"issuer"`
			JWKS   string `json:"jwks_uri"`
		}
		if _, err := p.getJSON(ctx, strings.TrimRight(s.issuer, "/")+"/.well-known/openid-configuration", &d); err != nil {
			return nil, fmt.Errorf("discover the issuer: %w", err)
		}
		if d.Issuer != s.issuer {
			return nil, fmt.Errorf("discover the issuer: it calls itself %.200q", d.Issuer)
		}
		if problem := models.KeyURLProblem(d.JWKS); problem != "" {
			return nil, errors.New("discover the issuer: its jwks_uri cannot be used: " + problem)
		}
		address = d.JWKS
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	header, err := p.getJSON(ctx, address, &set)
	if err != nil {
		return nil, fmt.Errorf("fetch keys: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("fetch keys: there are %d, at most %d are read", len(set.Keys), maxKeys)
	}
	k := &keys{age: ageOf(header.Get("Cache-Control"))}
	for _, raw := range set.Keys {
		if key, ok := usable(raw); ok {
			k.list = append(k.list, key)
		}
	}
	if len(k.list) == 0 {
		return nil, errors.New("fetch keys: none of them can verify signatures")
	}
	return k, nil
}

// usable reads a key, and leaves out whatever does not verify signatures of an issuer: secrets, private keys, keys for encryption, short ones, unknown ones.
func usable(raw json.RawMessage) (jose.JSONWebKey, bool) {
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(raw); err != nil || !key.IsPublic() || !key.Valid() || key.Use != "" && key.Use != "sig" {
		return key, false
	}
	if r, ok := key.Key.(*rsa.PublicKey); ok && r.N.BitLen() < leastRSA {
		return key, false
	}
	return key, true
}

// ageOf reads max-age, within bounds.
func ageOf(cacheControl string) time.Duration {
	for directive := range strings.SplitSeq(cacheControl, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if !strings.EqualFold(name, "max-age") {
			continue
		}
		if seconds, err := strconv.Atoi(value); err == nil {
			return min(max(time.Duration(min(max(seconds, 0), int(mostAge/time.Second)))*time.Second, leastAge), mostAge)
		}
	}
	return defaultAge
}

// getJSON reads a document, of which at most 1 MiB is taken in.
func (p *Pool) getJSON(ctx context.Context, address string, to any) (http.Header, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", userAgent)
	p.asked.Add(1)
	res, err := p.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %d", r.URL.Redacted(), res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxKeysBody+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxKeysBody:
		return nil, fmt.Errorf("%s answered more than %d bytes", r.URL.Redacted(), maxKeysBody)
	}
	if err := json.Unmarshal(body, to); err != nil {
		return nil, fmt.Errorf("%s: %w", r.URL.Redacted(), err)
	}
	return res.Header, nil
}

const userAgent = "Gatehouse"

// fitting returns the keys that may have made a signature: of this id, where the token names one, for this algorithm, and of its kind. A key of another kind is
// never tried, whatever a token says (RFC 8725 3.1).
func (k *keys) fitting(kid, algorithm string) (found []*jose.JSONWebKey) {
	for i := range k.list {
		key := &k.list[i]
		if (kid == "" || key.KeyID == kid) && (key.Algorithm == "" || key.Algorithm == algorithm) && fits(key.Key, algorithm) {
			found = append(found, key)
		}
	}
	return found
}

func fits(key any, algorithm string) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(algorithm, "RS") || strings.HasPrefix(algorithm, "PS")
	case *ecdsa.PublicKey:
		return algorithm == "ES256" && k.Curve == elliptic.P256() || algorithm == "ES384" && k.Curve == elliptic.P384() || algorithm == "ES512" && k.Curve == elliptic.P521()
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	default:
		return false
	}
}
