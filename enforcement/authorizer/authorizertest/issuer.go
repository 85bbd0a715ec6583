// Package authorizertest is an issuer of tokens for tests: discovery, keys of three kinds that rotate, and tokens good and bad.
package authorizertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Issuer signs tokens and publishes its keys.
type Issuer struct {
	URL string // its name, and where it listens

	mu      sync.Mutex
	signers map[string]crypto.Signer // by algorithm: RS256, PS256, ES256, EdDSA
	epoch   int                      // of the key ids
	handler http.HandlerFunc         // instead of the keys; nil: the keys
	fetched atomic.Int64
	t       testing.TB
}

// New starts an issuer on loopback.
func New(t testing.TB) *Issuer {
	i := &Issuer{t: t}
	server := httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(server.Close)
	i.URL = server.URL
	i.Rotate()
	return i
}

// rsaKeys take long to make: issuers share some, no two that live at once the same.
var rsaKeys = sync.OnceValue(func() func() *rsa.PrivateKey {
	var keys [4]*rsa.PrivateKey
	for n := range keys {
		keys[n], _ = rsa.GenerateKey(rand.Reader, 2048) // never fails (crypto/rand)
	}
	var next atomic.Uint64
	return func() *rsa.PrivateKey { return keys[next.Add(1)%4] }
})

// Rotate replaces all keys, under new ids.
func (i *Issuer) Rotate() {
	r := rsaKeys()()
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	i.must(err)
	_, d, err := ed25519.GenerateKey(rand.Reader)
	i.must(err)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.epoch++
	i.signers = map[string]crypto.Signer{"RS256": r, "PS256": r, "ES256": e, "EdDSA": d}
}

func (i *Issuer) must(err error) {
	if err != nil {
		i.t.Fatal(err)
	}
}

// Fetched is how often the keys were asked for.
func (i *Issuer) Fetched() int64 { return i.fetched.Load() }

// Answer has h answer instead of the keys; nil: the keys do again.
func (i *Issuer) Answer(h http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.handler = h
}

// Public returns the public key of an algorithm.
func (i *Issuer) Public(algorithm string) crypto.PublicKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.signers[algorithm].Public()
}

// KeyID is that of the key of an algorithm.
func (i *Issuer) KeyID(algorithm string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keyID(algorithm)
}

func (i *Issuer) keyID(algorithm string) string {
	if algorithm == "PS256" {
		algorithm = "RS256"
	}
	return fmt.Sprintf("%s-%d", algorithm, i.epoch)
}

func (i *Issuer) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	case "/keys":
		i.fetched.Add(1)
		i.mu.Lock()
		handler := i.handler
		var set jose.JSONWebKeySet
		for _, algorithm := range []string{"RS256", "ES256", "EdDSA"} {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: i.signers[algorithm].Public(), KeyID: i.keyID(algorithm), Use: "sig"})
		}
		i.mu.Unlock()
		if handler != nil {
			handler(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(set)
	default:
		http.NotFound(w, r)
	}
}

// Claims are good ones, with some in place of others; nil takes one away.
func (i *Issuer) Claims(now time.Time, more map[string]any) map[string]any {
	c := map[string]any{"iss": i.URL, "aud": "weather", "sub": "mia", "iat": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(), "scope": "read write"}
	maps.Copy(c, more)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// Token signs claims with the key of an algorithm.
func (i *Issuer) Token(algorithm string, claims map[string]any) string {
	return i.TokenWith(algorithm, claims, (&jose.SignerOptions{}).WithHeader("kid", i.KeyID(algorithm)))
}

// TokenWith is Token with a head of its own.
func (i *Issuer) TokenWith(algorithm string, claims map[string]any, options *jose.SignerOptions) string {
	i.mu.Lock()
	key := i.signers[algorithm]
	i.mu.Unlock()
	return Sign(i.t, algorithm, key, claims, options)
}

// Sign signs claims with any key.
func Sign(t testing.TB, algorithm string, key any, claims map[string]any, options *jose.SignerOptions) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(algorithm), Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}
