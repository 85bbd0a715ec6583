package authorizer_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"gatehouse/enforcement/authorizer"
	"gatehouse/enforcement/authorizer/authorizertest"
	"gatehouse/models"
)

var start = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func pool() *authorizer.Pool {
	return authorizer.New(authorizer.Config{Log: slog.New(slog.DiscardHandler)})
}

// of makes an authorizer that believes an issuer.
func of(i *authorizertest.Issuer, change func(*models.GatewayAuthorizer)) *authorizer.Authorizer {
	in := models.GatewayAuthorizer{Authorizer: models.Authorizer{ID: 1, APIID: 1, Name: "login", Kind: models.AuthorizerJWT, Epoch: 1,
		JWT: models.JWTSettings{Issuer: i.URL, Audiences: []string{"weather", "maps"}, Leeway: time.Minute}}}
	if change != nil {
		change(&in)
	}
	return authorizer.Compile(in, nil)
}

func asking(token string, now time.Time) *authorizer.Question {
	return &authorizer.Question{Now: now, Header: http.Header{"Authorization": {"Bearer " + token}}, Verb: "GET", Path: "/users/7", Resource: "/users/{id}", API: 1, APIName: "echo", Stage: 2,
		StageName: "prod", Method: 3}
}

// Each kind of key and signature that issuers use is taken.
func TestGoodTokensPass(t *testing.T) {
	i, p := authorizertest.New(t), pool()
	a := of(i, func(in *models.GatewayAuthorizer) {
		in.JWT.Claims, in.JWT.KeyClaim, in.JWT.KeyIs = []string{"email", "realm.roles", "absent"}, "gatehouse.key", models.KeyByValue
	})
	for _, algorithm := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		claims := i.Claims(start, map[string]any{"email": "mia@example.com", "realm": map[string]any{"roles": []string{"a", "b"}}, "gatehouse": map[string]any{"key": "a value"}, "aud": []string{"x", "maps"}})
		v := p.Ask(t.Context(), a, asking(i.Token(algorithm, claims), start))
		if v.Outcome != authorizer.Allowed || v.Principal != "mia" || v.KeyValue != "a value" || !v.Until.Equal(start.Add(11*time.Minute)) {
			t.Errorf("%s: %+v", algorithm, v)
		}
		if diff := cmp.Diff([]authorizer.Value{{Header: "X-Authorizer-Email", Text: "mia@example.com"}, {Header: "X-Authorizer-Realm-Roles", Text: "a,b"}}, v.Values); diff != "" {
			t.Errorf("%s: values (-want +got):\n%s", algorithm, diff)
		}
	}
	if i.Fetched() != 1 {
		t.Errorf("the keys were fetched %d times", i.Fetched())
	}
}

// SEC-32: fifteen tokens and more that must not pass, and why.
func TestBadTokensDoNotPass(t *testing.T) {
	i, other, p := authorizertest.New(t), authorizertest.New(t), pool()
	now := start
	good := func(more map[string]any) string { return i.Token("RS256", i.Claims(now, more)) }
	with := func(options *jose.SignerOptions) string { return i.TokenWith("RS256", i.Claims(now, nil), options) }
	kid := func() *jose.SignerOptions { return (&jose.SignerOptions{}).WithHeader("kid", i.KeyID("RS256")) }
	public, err := x509.MarshalPKIXPublicKey(i.Public("RS256"))
	if err != nil {
		t.Fatal(err)
	}
	pemKey := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	payload, _ := json.Marshal(i.Claims(now, nil))
	pieces := strings.Split(good(nil), ".")
	tests := map[string]string{
		"of another issuer":                good(map[string]any{"iss": "https://evil.example/"}),
		"of an issuer with a slash more":   good(map[string]any{"iss": i.URL + "/"}),
		"of no issuer":                     good(map[string]any{"iss": nil}),
		"of another issuer's key":          other.Token("RS256", i.Claims(now, nil)),
		"for another audience":             good(map[string]any{"aud": "other"}),
		"for other audiences":              good(map[string]any{"aud": []string{"other", "weather2"}}),
		"for an object":                    good(map[string]any{"aud": map[string]any{"weather": true}}),
		"for nobody":                       good(map[string]any{"aud": nil}),
		"for the client of another":        good(map[string]any{"aud": "other", "client_id": "weather"}),
		"expired":                          good(map[string]any{"exp": now.Add(-time.Minute).Unix()}),
		"without an end":                   good(map[string]any{"exp": nil}),
		"with an end in words":             good(map[string]any{"exp": "tomorrow"}),
		"with an end beyond time":          good(map[string]any{"exp": 1e300}),
		"not yet":                          good(map[string]any{"nbf": now.Add(61 * time.Second).Unix()}),
		"with a beginning in words":        good(map[string]any{"nbf": "now"}),
		"issued in the future":             good(map[string]any{"iat": now.Add(2 * time.Minute).Unix()}),
		"algorithm none":                   part(`{"alg":"none","kid":"`+i.KeyID("RS256")+`"}`) + "." + part(string(payload)) + ".",
		"algorithm None":                   part(`{"alg":"None"}`) + "." + part(string(payload)) + ".",
		"HMAC with the public key":         authorizertest.Sign(t, "HS256", pemKey, i.Claims(now, nil), kid()),
		"HMAC with the key's bytes":        authorizertest.Sign(t, "HS512", public, i.Claims(now, nil), kid()),
		"a stranger's key in its head":     authorizertest.Sign(t, "RS256", stranger, i.Claims(now, nil), &jose.SignerOptions{EmbedJWK: true}),
		"a stranger's key with a known id": authorizertest.Sign(t, "RS256", stranger, i.Claims(now, nil), kid()),
		"an unknown id":                    with((&jose.SignerOptions{}).WithHeader("kid", "../../etc/passwd")),
		"an id of another kind of key":     with((&jose.SignerOptions{}).WithHeader("kid", i.KeyID("ES256"))),
		"an id that is a question":         with((&jose.SignerOptions{}).WithHeader("kid", "' OR 1=1 --")),
		"an address of keys in its head":   authorizertest.Sign(t, "RS256", stranger, i.Claims(now, nil), (&jose.SignerOptions{}).WithHeader("jku", other.URL+"/keys")),
		"a type for logging out":           with(kid().WithType("logout+jwt")),
		"a type of proofs":                 with(kid().WithType("dpop+jwt")),
		"what must be understood":          with(kid().WithCritical("exp").WithHeader("exp", 1)),
		"a signature of another":           pieces[0] + "." + part(string(payload)) + "x." + pieces[2],
		"no signature":                     pieces[0] + "." + pieces[1] + ".",
		"two parts":                        pieces[0] + "." + pieces[1],
		"five parts":                       good(nil) + ".a.b",
		"JSON":                             `{"payload":"` + pieces[1] + `","protected":"` + pieces[0] + `","signature":"` + pieces[2] + `"}`,
		"two tokens":                       good(nil) + ", " + good(nil),
		"a huge token":                     good(map[string]any{"x": strings.Repeat("x", 16<<10)}),
		"claims that are no object":        i.TokenWith("RS256", nil, kid()),
		"nothing":                          " ",
	}
	a := of(i, nil)
	for name, token := range tests {
		v := p.Ask(t.Context(), a, asking(token, now))
		if v.Outcome != authorizer.Invalid || v.Reason == "" || strings.ContainsAny(v.Reason, `"\`) {
			t.Errorf("%s: %+v", name, v)
		}
	}
	for name, token := range map[string]string{
		"just expired": good(map[string]any{"exp": now.Add(-59 * time.Second).Unix()}), "soon": good(map[string]any{"nbf": now.Add(60 * time.Second).Unix(), "iat": now.Add(time.Minute).Unix()}),
		"a part of a second": good(map[string]any{"exp": float64(now.Unix()) + 0.5}), "of a client": good(map[string]any{"aud": nil, "client_id": "weather"}),
		"typed": with(kid().WithType("at+jwt")), "typed at length": with(kid().WithType("application/AT+JWT")), "without an id": with(&jose.SignerOptions{}),
	} {
		if v := p.Ask(t.Context(), a, asking(token, now)); v.Outcome != authorizer.Allowed {
			t.Errorf("%s: %+v", name, v)
		}
	}
	narrow := of(i, func(in *models.GatewayAuthorizer) { in.JWT.Algorithms = []string{"ES256"} })
	if v := p.Ask(t.Context(), narrow, asking(good(nil), now)); v.Outcome != authorizer.Invalid {
		t.Errorf("an algorithm that the owner does not take: %+v", v)
	}
}

// A token is where it was said to be, once.
func TestTokensAreReadInOnePlace(t *testing.T) {
	i, p := authorizertest.New(t), pool()
	token := i.Token("ES256", i.Claims(start, nil))
	byQuery := of(i, func(in *models.GatewayAuthorizer) { in.Identity.Query = []string{"access_token"} })
	byHeader := of(i, func(in *models.GatewayAuthorizer) { in.Identity.Headers = []string{"X-Token"} })
	tests := []struct {
		name  string
		a     *authorizer.Authorizer
		head  http.Header
		query string
		want  authorizer.Outcome
	}{
		{"none", of(i, nil), nil, "", authorizer.Missing},
		{"empty", of(i, nil), http.Header{"Authorization": {""}}, "", authorizer.Missing},
		{"twice", of(i, nil), http.Header{"Authorization": {"Bearer " + token, "Bearer " + token}}, "", authorizer.Invalid},
		{"alone", of(i, nil), http.Header{"Authorization": {token}}, "", authorizer.Allowed},
		{"another scheme", of(i, nil), http.Header{"Authorization": {"Basic " + token}}, "", authorizer.Invalid},
		{"header", byHeader, http.Header{"X-Token": {token}}, "", authorizer.Allowed},
		{"query", byQuery, nil, "a=1&access_token=" + token, authorizer.Allowed},
		{"no query", byQuery, http.Header{"Authorization": {"Bearer " + token}}, "", authorizer.Missing},
		{"query twice", byQuery, nil, "access_token=" + token + "&access_token=x", authorizer.Invalid},
		{"query encoded twice", byQuery, nil, "access_token=" + token + "&access%5ftoken=x", authorizer.Invalid},
		{"query behind a semicolon", byQuery, nil, "access_token=" + token + ";access_token=x", authorizer.Invalid},
	}
	for _, tt := range tests {
		q := asking("", start)
		q.Header, q.Query = tt.head, tt.query
		if v := p.Ask(t.Context(), tt.a, q); v.Outcome != tt.want {
			t.Errorf("%s: %+v, want %d", tt.name, v, tt.want)
		}
	}
}

// One of the scopes is enough, however the issuer writes them.
func TestScopesOfTokens(t *testing.T) {
	i, p := authorizertest.New(t), pool()
	a := of(i, nil)
	for _, more := range []map[string]any{{"scope": "read write"}, {"scope": []string{"write"}}, {"scope": nil, "scp": []string{"write"}}, {"scope": nil, "scp": "x write"}} {
		q := asking(i.Token("EdDSA", i.Claims(start, more)), start)
		q.Scopes = []string{"admin", "write"}
		if v := p.Ask(t.Context(), a, q); v.Outcome != authorizer.Allowed {
			t.Errorf("%v: %+v", more, v)
		}
		q.Scopes = []string{"admin", "writ"}
		if v := p.Ask(t.Context(), a, q); v.Outcome != authorizer.ScopeMissing {
			t.Errorf("%v without them: %+v", more, v)
		}
	}
}

// Keys rotate without a failure: a token of a new key has them fetched once, and no more often than every ten seconds, whatever comes.
func TestKeysRotate(t *testing.T) {
	i, p := authorizertest.New(t), pool()
	a := of(i, nil)
	now := start
	ask := func() authorizer.Outcome {
		return p.Ask(t.Context(), a, asking(i.Token("RS256", i.Claims(now, nil)), now)).Outcome
	}
	if got := ask(); got != authorizer.Allowed {
		t.Fatal(got)
	}
	old := i.Token("RS256", i.Claims(now, nil))
	i.Rotate()
	if got := ask(); got != authorizer.Invalid { // fetched just now
		t.Errorf("within ten seconds: %d", got)
	}
	now = now.Add(10 * time.Second)
	if got := ask(); got != authorizer.Allowed || i.Fetched() != 2 {
		t.Errorf("behind them: %d, fetched %d times", got, i.Fetched())
	}
	if v := p.Ask(t.Context(), a, asking(old, now)); v.Outcome != authorizer.Invalid {
		t.Errorf("a key that was withdrawn: %+v", v)
	}
	for n := range 1000 {
		unknown := i.TokenWith("EdDSA", i.Claims(now, nil), (&jose.SignerOptions{}).WithHeader("kid", fmt.Sprint("k", n)))
		p.Ask(t.Context(), a, asking(unknown, now))
	}
	if i.Fetched() != 2 {
		t.Errorf("tokens of unknown keys had them fetched %d times", i.Fetched())
	}
}

// Many requests that need the keys at once have them fetched once; none waits longer than the issuer gets.
func TestKeysAreFetchedOnceForMany(t *testing.T) {
	i, p := authorizertest.New(t), pool()
	a := of(i, nil)
	token := i.Token("ES256", i.Claims(start, nil))
	var allowed atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if p.Ask(context.Background(), a, asking(token, start)).Outcome == authorizer.Allowed {
				allowed.Add(1)
			}
		})
	}
	all.Wait()
	if allowed.Load() != 50 || i.Fetched() != 1 {
		t.Errorf("%d of 50 passed, fetched %d times", allowed.Load(), i.Fetched())
	}
}

// While the issuer is away its keys hold for twelve hours; then nobody passes.
func TestKeysOutliveTheirIssuerForAWhile(t *testing.T) {
	i, p := authorizertest.New(t), pool()
	a := of(i, nil)
	now := start
	ask := func() *authorizer.Verdict {
		return p.Ask(t.Context(), a, asking(i.Token("RS256", i.Claims(now, nil)), now))
	}
	if v := ask(); v.Outcome != authorizer.Allowed {
		t.Fatal(v)
	}
	i.Answer(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusBadGateway) })
	for range 11 {
		now = now.Add(time.Hour)
		if v := ask(); v.Outcome != authorizer.Allowed {
			t.Fatalf("after %s: %+v", now.Sub(start), v)
		}
	}
	now = now.Add(time.Hour)
	if v := ask(); v.Outcome != authorizer.Failed || v.Cause == nil {
		t.Errorf("after %s: %+v", now.Sub(start), v)
	}
	i.Answer(nil)
	now = now.Add(2 * time.Second)
	if v := ask(); v.Outcome != authorizer.Allowed {
		t.Errorf("when it is back: %+v", v)
	}
}

// Whatever stands where keys should be, nobody passes, and little is read.
func TestBadKeysLetNobodyPass(t *testing.T) {
	secret, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	short, _ := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &secret.PublicKey, KeyID: "short"}}})
	shared, _ := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: []byte("0123456789abcdef0123456789abcdef"), KeyID: "shared"}}})
	answers := map[string]http.HandlerFunc{
		"nothing":       func(http.ResponseWriter, *http.Request) {},
		"a page":        func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") },
		"no keys":       func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"keys":[]}`) },
		"short keys":    func(w http.ResponseWriter, _ *http.Request) { w.Write(short) },
		"shared keys":   func(w http.ResponseWriter, _ *http.Request) { w.Write(shared) },
		"unknown kinds": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"keys":[{"kty":"XYZ"},7,null]}`) },
		"an error":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
		},
		"an endless answer": func(w http.ResponseWriter, _ *http.Request) {
			for n := 0; n < 64; n++ {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		},
	}
	for name, answer := range answers {
		i, p := authorizertest.New(t), pool()
		i.Answer(answer)
		v := p.Ask(t.Context(), of(i, nil), asking(i.Token("RS256", i.Claims(start, nil)), start))
		if v.Outcome != authorizer.Failed || v.Cause == nil {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// Keys that hang hold a request up as long as it wants to wait, and later ones no longer than the issuer's time.
func TestKeysThatHangAreNotWaitedForBeyondTheRequest(t *testing.T) {
	i, p := authorizertest.New(t), pool()
	release := make(chan struct{})
	defer close(release)
	i.Answer(func(http.ResponseWriter, *http.Request) { <-release })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if v := p.Ask(ctx, of(i, nil), asking(i.Token("RS256", i.Claims(start, nil)), start)); v.Outcome != authorizer.Failed {
		t.Errorf("%+v", v)
	}
}

// Discovery binds keys to the issuer that it names, and to addresses where nobody replaces them on the way.
func TestDiscoveryIsTakenAtItsWord(t *testing.T) {
	i, p := authorizertest.New(t), pool()
	for name, document := range map[string]string{
		"another issuer": `{"issuer":"https://evil.example","jwks_uri":"` + i.URL + `/keys"}`,
		"keys in clear":  `{"issuer":"%s","jwks_uri":"http://keys.example.com/"}`,
		"no keys":        `{"issuer":"%s"}`,
	} {
		var server *httptest.Server
		server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, strings.ReplaceAll(document, "%s", server.URL))
		}))
		a := of(i, func(in *models.GatewayAuthorizer) { in.JWT.Issuer = server.URL })
		if v := p.Ask(t.Context(), a, asking(i.Token("RS256", i.Claims(start, map[string]any{"iss": server.URL})), start)); v.Outcome != authorizer.Failed {
			t.Errorf("%s: %+v", name, v)
		}
		server.Close()
	}
}

// What is dialled is judged by whoever hands the dialer in.
func TestTheDialerDecides(t *testing.T) {
	i := authorizertest.New(t)
	p := authorizer.New(authorizer.Config{Log: slog.New(slog.DiscardHandler), Dial: func(context.Context, string, string) (net.Conn, error) { return nil, fmt.Errorf("not allowed") }})
	if v := p.Ask(t.Context(), of(i, nil), asking(i.Token("RS256", i.Claims(start, nil)), start)); v.Outcome != authorizer.Failed || i.Fetched() != 0 {
		t.Errorf("%+v, fetched %d times", v, i.Fetched())
	}
}

// 100,000 different garbage tokens keep nothing, and ask nobody.
func TestGarbageTokensAreNotKept(t *testing.T) {
	i, p := authorizertest.New(t), pool()
	a := of(i, nil)
	if v := p.Ask(t.Context(), a, asking(i.Token("EdDSA", i.Claims(start, nil)), start)); v.Outcome != authorizer.Allowed {
		t.Fatal(v)
	}
	pieces := strings.Split(i.TokenWith("EdDSA", i.Claims(start, nil), (&jose.SignerOptions{}).WithHeader("kid", "unknown")), ".")
	before := heap()
	tokens := 20_000 // of which one whose 250 bytes are kept is noticed
	if os.Getenv("GATEHOUSE_FLOODS") == "all" {
		tokens = 100_000
	}
	for n := range tokens {
		payload := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"n":%d}`, n))
		if v := p.Ask(t.Context(), a, asking(pieces[0]+"."+payload+"."+pieces[2], start)); v.Outcome != authorizer.Invalid {
			t.Fatal(v)
		}
	}
	if grown := heap() - before; grown > 4<<20 || p.Kept() > 1 || i.Fetched() != 1 {
		t.Errorf("%d bytes more, %d answers kept, keys fetched %d times", grown, p.Kept(), i.Fetched())
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A verified token is not verified again while it is kept, never beyond its end, and not after a flush.
func TestVerifiedTokensAreKept(t *testing.T) {
	i, p := authorizertest.New(t), pool()
	a := of(i, func(in *models.GatewayAuthorizer) { in.TTL, in.JWT.Leeway = time.Hour, 0 })
	token := i.Token("RS256", i.Claims(start, nil))
	first := p.Ask(t.Context(), a, asking(token, start))
	if second := p.Ask(t.Context(), a, asking(token, start.Add(9*time.Minute))); second != first || first.Outcome != authorizer.Allowed {
		t.Errorf("%+v and %+v", first, second)
	}
	if v := p.Ask(t.Context(), a, asking(token, start.Add(10*time.Minute))); v.Outcome != authorizer.Invalid {
		t.Errorf("at its end: %+v", v)
	}
	in := a.GatewayAuthorizer
	in.Epoch++
	if v := p.Ask(t.Context(), authorizer.Compile(in, a), asking(token, start)); v == first || v.Outcome != authorizer.Allowed {
		t.Errorf("after a flush: %+v", v)
	}
}
