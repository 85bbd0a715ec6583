package enforcement_test

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/enforcement"
	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/secret"
)

// Every problem can be met, and has the shape that clients of either world read. A problem that is added without a case here fails.
func TestEveryProblemIsReachableAndShaped(t *testing.T) {
	get := func(with func(t *testing.T, o *one), target string, more ...func(*http.Request)) func(*testing.T, *one) *httptest.ResponseRecorder {
		return func(t *testing.T, o *one) *httptest.ResponseRecorder {
			if with != nil {
				with(t, o)
				catchUp(t, o.g)
			}
			return in(o.g, "GET", target, o.value, more...)
		}
	}
	edit := func(with func(o *one, c *models.Credential)) func(*testing.T, *one) {
		return func(_ *testing.T, o *one) {
			o.change(o.key, func(c *models.Credential) { with(o, c) })
		}
	}
	member := func(s models.MembershipState) func(*testing.T, *one) {
		return edit(func(_ *one, c *models.Credential) { c.Plans[0].State = s })
	}
	withKey := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header["X-Api-Key"] = []string{value} }
	}
	upstreamAt := func(url string) func(*testing.T, *one) {
		return func(_ *testing.T, o *one) { o.world.stage(func() { o.stage.Upstream = url }) }
	}
	upstreamSays := func(bytes string) func(*testing.T, *one) {
		return func(t *testing.T, o *one) { upstreamAt("http://"+rawServer(t, bytes))(t, o) }
	}
	onWire := func(bytes string) func(*testing.T, *one) *httptest.ResponseRecorder {
		return func(t *testing.T, o *one) *httptest.ResponseRecorder { return raw(t, serve(t, o.g), bytes) }
	}
	const a = "/echo/prod/a"
	tests := map[string]func(*testing.T, *one) *httptest.ResponseRecorder{
		"not-ready": func(t *testing.T, o *one) *httptest.ResponseRecorder {
			o.g = enforcement.New(o.config(t))
			return in(o.g, "GET", a, o.value)
		},
		"journal-full": func(t *testing.T, o *one) *httptest.ResponseRecorder {
			o.mostJournal = 3 * 64 << 10 // 1,023 records each, and nobody makes room
			o.g = o.gateway(t)
			for range 4000 {
				o.g.Admit("echo", "prod", "GET", "/a", o.value)
			}
			return in(o.g, "GET", a, o.value)
		},
		"ledger-away": get(func(_ *testing.T, o *one) {
			o.publish(o.plan, quota(10, limit.PeriodDay))
			o.ledgerFault = errAway
		}, a),
		"ledger-busy": get(func(t *testing.T, o *one) {
			o.g = o.gateway(t, func(c *enforcement.Config) { c.Patience = time.Millisecond })
			o.publish(o.plan, quota(10, limit.PeriodDay))
			o.ledgerPause = 100 * time.Millisecond
		}, a),
		"head-invalid":            onWire("GET " + a + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"),
		"version-unsupported":     onWire("GET " + a + " HTTP/1.2\r\nHost: x\r\n\r\n"),
		"coding-unsupported":      onWire("POST " + a + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
		"expectation-unsupported": onWire("GET " + a + " HTTP/1.1\r\nHost: x\r\nExpect: the-best\r\n\r\n"),
		"head-too-slow": func(t *testing.T, o *one) *httptest.ResponseRecorder {
			soon := func(s *http.Server) { s.ReadHeaderTimeout = 20 * time.Millisecond }
			return raw(t, serve(t, o.g, soon), "GET "+a+" HTTP/1.1\r\nHost: x\r\nX-Api-Key: "+o.value)
		},
		"target-too-long":  get(nil, a+"?"+strings.Repeat("x", 8192)),
		"head-too-large":   get(nil, a, func(r *http.Request) { r.Header["X-Many"] = make([]string, 128) }),
		"path-invalid":     get(nil, a, func(r *http.Request) { r.RequestURI = "/echo/prod/%2e%2e/a" }),
		"verb-unsupported": get(nil, a, func(r *http.Request) { r.Method = "TRACE" }),
		"host-unknown": get(func(_ *testing.T, o *one) {
			o.world.stage(func() { o.domains = []models.GatewayDomain{{Host: "gone.example.com", Stage: 1}} })
		}, a, func(r *http.Request) { r.Host = "gone.example.com" }),
		"api-unknown":   get(nil, "/eco/prod/a"),
		"stage-unknown": get(nil, "/echo/Prod/a"),
		"stage-broken":  get(upstreamAt("ftp://example.com"), a),
		"parameters-missing": func(t *testing.T, o *one) *httptest.ResponseRecorder {
			o.wants(t, "GET /a", models.MethodRequest{Parameters: map[string]bool{"method.request.header.X-Team": true}})
			return in(o.g, "GET", a, o.value)
		},
		"body-unfit": func(t *testing.T, o *one) *httptest.ResponseRecorder {
			o.wants(t, "POST /a", models.MethodRequest{Models: map[string]string{"application/json": "Note"}})
			return in(o.g, "POST", a, o.value, asJSON("{}"))
		},
		"request-invalid": func(t *testing.T, o *one) *httptest.ResponseRecorder {
			o.deploy(t, notes)
			return in(o.g, "GET", a+"?limit=x", o.value)
		},
		"maintenance": get(func(_ *testing.T, o *one) {
			o.world.stage(func() { o.stage.Settings.Maintenance = &models.Maintenance{} })
		}, a),
		"preflights-throttled": func(_ *testing.T, o *one) (w *httptest.ResponseRecorder) {
			for range 501 {
				w = in(o.g, "OPTIONS", a, "", asPreflight)
			}
			return w
		},
		"origin-refused": func(t *testing.T, o *one) *httptest.ResponseRecorder {
			o.world.stage(func() { o.stage.Settings.CORS = &models.CORS{Origins: []string{"https://app.example.org"}} })
			catchUp(t, o.g)
			return in(o.g, "OPTIONS", a, "", asPreflight)
		},
		"path-unknown": get(nil, "/echo/prod/c"),
		"verb-unknown": get(nil, a, func(r *http.Request) { r.Method = "DELETE" }),
		"integration-invalid": get(func(_ *testing.T, o *one) {
			o.world.stage(func() { o.stage.Methods[0].Integration = &models.Integration{Kind: "AWS"} })
		}, a),
		"media-type-unsupported": get(func(_ *testing.T, o *one) {
			o.world.stage(func() {
				o.stage.Methods[0].Integration = &models.Integration{Kind: models.IntegrationMock, Passthrough: models.PassNever}
			})
		}, a, func(r *http.Request) { r.Header.Set("Content-Type", "text/odd") }),
		"body-too-large": bodyTooLarge,
		"too-many-open":  tooManyOpen,
		"body-too-slow":  bodyTooSlow,
		"query-invalid": get(func(_ *testing.T, o *one) {
			o.world.stage(func() { o.stage.KeySource = models.KeySource{Place: models.KeyInQuery, Name: "key"} })
		}, a+"?a=1;key=2"),
		"key-missing":            get(nil, a, func(r *http.Request) { r.Header.Del("X-Api-Key") }),
		"ambiguous-key":          get(nil, a, func(r *http.Request) { r.Header["X-Api-Key"] = append(r.Header["X-Api-Key"], r.Header["X-Api-Key"]...) }),
		"key-malformed":          get(nil, a, withKey("gwk1"+strings.Repeat("a", 38))),
		"key-unknown":            get(nil, a, withKey(secret.Generate(secret.Prefix{}).Reveal())),
		"key-replaced":           get(edit(func(o *one, c *models.Credential) { c.Secrets[0].StopsAt = o.clock.now() }), a),
		"key-revoked":            get(edit(func(_ *one, c *models.Credential) { c.Revoked, c.Enabled = true, false }), a),
		"key-expired":            get(edit(func(o *one, c *models.Credential) { c.ExpiresAt = o.clock.now() }), a),
		"key-disabled":           get(edit(func(_ *one, c *models.Credential) { c.Enabled = false }), a),
		"unauthorized":           get(authorizes(models.AuthorizerJWT, "https://login.example.com/", nil), a),
		"authorizer-denied":      get(authorizes(models.AuthorizerHTTP, "403", nil), a, bearing("x")),
		"insufficient-scope":     get(authorizes(models.AuthorizerHTTP, "204", []string{"write"}), a, bearing("x")),
		"authorizer-failed":      get(authorizes(models.AuthorizerHTTP, "500", nil), a, bearing("x")),
		"no-plan":                get(edit(func(_ *one, c *models.Credential) { c.Plans = nil }), a),
		"plan-ended":             get(func(_ *testing.T, o *one) { o.world.end(o.plan, o.clock.now()) }, a),
		"subscription-pending":   get(member(models.MemberPending), a),
		"subscription-suspended": get(member(models.MemberSuspended), a),
		"key-blocked":            get(member(models.MemberBlocked), a),
		"operation-not-in-plan": get(func(_ *testing.T, o *one) {
			o.publish(o.plan, func(t *models.Terms) { t.Stages[0].Excluded = []models.MethodID{methodOf(o.stage, "GET /a")} })
		}, a),
		"operation-gone": get(func(t *testing.T, o *one) {
			o.deprecate(t, models.Deprecation{StageID: o.stage.ID, Since: o.clock.now(), Sunset: o.clock.now()})
		}, a),
		"brownout": get(func(t *testing.T, o *one) {
			now := o.clock.now()
			o.deprecate(t, models.Deprecation{StageID: o.stage.ID, Since: now, Sunset: now.Add(time.Hour), Brownouts: []models.Brownout{{From: now, To: now.Add(time.Minute)}}})
		}, a),
		"upstream-out": func(t *testing.T, o *one) (w *httptest.ResponseRecorder) {
			upstreamAt("http://"+closedPort(t))(t, o)
			catchUp(t, o.g)
			for range 6 {
				w = in(o.g, "GET", a, o.value)
			}
			return w
		},
		"throttled":      get(func(_ *testing.T, o *one) { o.publish(o.plan, throttle(0, 0)) }, a),
		"quota-exceeded": get(func(_ *testing.T, o *one) { o.publish(o.plan, quota(0, limit.PeriodDay)) }, a),
		"quotes-throttled": func(t *testing.T, o *one) (w *httptest.ResponseRecorder) {
			o.publish(o.plan, throttle(1, 5))
			catchUp(t, o.g)
			for range 2 {
				w = in(o.g, "GET", a, o.value, asQuote)
			}
			return w
		},
		"body-invalid": func(t *testing.T, o *one) *httptest.ResponseRecorder {
			up := newUpstream(t, func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
			o.world.stage(func() { o.stage.Upstream = up.url })
			catchUp(t, o.g)
			return raw(t, serve(t, o.g), "POST "+a+" HTTP/1.1\r\nHost: x\r\nx-api-key: "+o.value+"\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello")
		},
		"upstream-forbidden":   get(upstreamAt("http://10.0.0.1:9/"), a),
		"upstream-unreachable": get(upstreamAt("http://"+closedPort(t)), a),
		"upstream-invalid":     get(upstreamSays("220 smtp.example.com ESMTP\r\n"), a),
		"upstream-timeout": func(t *testing.T, o *one) *httptest.ResponseRecorder {
			up := newUpstream(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			o.world.stage(func() { o.stage.Upstream, o.stage.Timeout = up.url, 20*time.Millisecond })
			catchUp(t, o.g)
			return in(o.g, "GET", a, o.value)
		},
		"internal": func(t *testing.T, o *one) *httptest.ResponseRecorder {
			c := o.config(t)
			c.Keyring = brokenDigester{}
			g := enforcement.New(c)
			if err := g.Load(context.Background()); err != nil {
				t.Fatal(err)
			}
			return in(g, "GET", a, o.value)
		},
	}
	refused := "User is not authorized to access this resource" // as AWS says
	own := map[string]string{"authorizer-denied": refused, "insufficient-scope": refused, "unauthorized": "Unauthorized"}
	messages := map[int]string{403: "Forbidden", 404: "Not Found", 504: "Endpoint request timed out"}
	for _, p := range enforcement.Problems() {
		t.Run(p.Slug, func(t *testing.T) {
			reach := tests[p.Slug]
			if reach == nil {
				t.Fatal("there is no way to meet this problem")
			}
			o := newOne(t, nil)
			w := reach(t, o)
			got := problemOf(t, w.Header(), w.Body)
			if w.Code != p.Status || got.Status != p.Status || got.Type != "https://portal.example/problems/"+p.Slug || got.Title != p.Title {
				t.Fatalf("got %d %+v, want %d %s", w.Code, got, p.Status, p.Slug)
			}
			if len(got.Detail) < 20 || strings.Contains(got.Detail, "%!") || !strings.HasSuffix(got.Detail, ".") {
				t.Errorf("detail = %q", got.Detail)
			}
			if want := cmp.Or(own[p.Slug], messages[p.Status]); want != "" && got.Message != want || got.Message == "" {
				t.Errorf("message = %q, want %q", got.Message, want)
			}
			if id := w.Header().Get("X-Request-Id"); id == "" || id != got.RequestID || id != w.Header().Get("x-amzn-RequestId") {
				t.Errorf("request id %q in the header, %q in the body", id, got.RequestID)
			}
			if w.Header().Get("x-amzn-ErrorType") == "" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("headers = %v", w.Header())
			}
			if p.Status == 405 && w.Header().Get("Allow") != "GET, HEAD, POST" {
				t.Errorf("Allow = %q", w.Header().Get("Allow"))
			}
			if p.Status == 503 && w.Header().Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			for _, private := range []string{o.value, "127.0.0.1", "10.0.0.1"} {
				if strings.Contains(got.Detail, private) {
					t.Errorf("detail tells %q: %s", private, got.Detail)
				}
			}
		})
	}
	for slug := range tests {
		if !slices.ContainsFunc(enforcement.Problems(), func(p enforcement.Problem) bool { return p.Slug == slug }) {
			t.Errorf("no problem has the slug %q", slug)
		}
	}
}

type brokenDigester struct{}

func (brokenDigester) Digest(string) secret.Digest { panic("a mistake") }

// closedPort is a loopback address on which nobody listens.
func closedPort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// rawServer says the same bytes to everybody, after it has read a head, and closes.
func rawServer(t testing.TB, say string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r := bufio.NewReader(c)
				for {
					line, err := r.ReadString('\n')
					if err != nil || line == "\r\n" {
						break
					}
				}
				io.WriteString(c, say)
			}()
		}
	}()
	return l.Addr().String()
}

// raw sends bytes and reads one answer.
func raw(t testing.TB, url, bytes string) *httptest.ResponseRecorder {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, bytes); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	w := httptest.NewRecorder()
	for name, values := range res.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(res.StatusCode)
	io.Copy(w, res.Body)
	return w
}

// The limit of the manual is the limit to the byte, whatever net/http adds to what it is told.
func TestAHeadMayHave32KiBAndNoByteMore(t *testing.T) {
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for size, want := range map[int]int{32 << 10: http.StatusNoContent, 32<<10 + 1: http.StatusRequestHeaderFieldsTooLarge} {
		head, end := "GET / HTTP/1.1\r\nHost: x\r\nA: ", "\r\n\r\n"
		head += strings.Repeat("a", size-len(head)-len(end)) + end
		if got := raw(t, url, head).Code; got != want {
			t.Errorf("a head of %d bytes: got %d, want %d", size, got, want)
		}
	}
}

// The page of each problem, the list in the code and the manual say the same.
func TestTheManualListsEveryProblem(t *testing.T) {
	manual, err := os.ReadFile("../docs/gateway.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, p := range enforcement.Problems() {
		want = append(want, fmt.Sprintf("| `%s` | %d | %s | %s %s |", p.Slug, p.Status, p.Title, p.Explanation, p.WhatToDo))
	}
	got := regexp.MustCompile("(?m)^\\| `[a-z-]+` \\| [0-9]{3} \\| .+ \\|$").FindAllString(string(manual), -1)
	if !slices.Equal(got, want) {
		t.Errorf("docs/gateway.md lists\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, p := range enforcement.Problems() {
		if p.Title == "" || p.Explanation == "" || p.WhatToDo == "" {
			t.Errorf("%s has no words", p.Slug)
		}
	}
}

// authorizes has all methods ask an authorizer: of an issuer, or of a service that answers a status.
func authorizes(kind models.AuthorizerKind, by string, scopes []string) func(*testing.T, *one) {
	return func(t *testing.T, o *one) {
		a := models.GatewayAuthorizer{Authorizer: models.Authorizer{ID: id[models.Authorizer](o.world), Name: "check", Kind: kind}}
		if kind == models.AuthorizerJWT {
			a.JWT.Issuer = by
		} else {
			status, _ := strconv.Atoi(by)
			a.HTTP.URL = newUpstream(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }).url
		}
		o.world.stage(func() {
			o.apis[0].Authorizers = []models.GatewayAuthorizer{a}
			for i := range o.stage.Methods {
				o.stage.Methods[i].MethodAuthorization = models.MethodAuthorization{Authorizer: a.ID, Scopes: scopes}
			}
		})
	}
}
