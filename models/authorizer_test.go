package models

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func jwt(change func(*Authorizer)) Authorizer {
	a := Authorizer{Name: "login", Kind: AuthorizerJWT, JWT: JWTSettings{Issuer: "https://login.example.com/"}}
	change(&a)
	return a
}

func service(change func(*Authorizer)) Authorizer {
	a := Authorizer{Name: "check", Kind: AuthorizerHTTP, HTTP: HTTPSettings{URL: "https://auth.example.com/"}}
	change(&a)
	return a
}

// Each mistake is told at its field; keys never come from where anybody on the way could replace them.
func TestAuthorizersAreJudgedAtTheirFields(t *testing.T) {
	tests := []struct {
		name  string
		in    Authorizer
		field string // "": none
	}{
		{"the least of a token's", jwt(func(*Authorizer) {}), ""},
		{"the least of a service's", service(func(*Authorizer) {}), ""},
		{"no kind", jwt(func(a *Authorizer) { a.Kind = "" }), "kind"},
		{"a name with a space", jwt(func(a *Authorizer) { a.Name = "a b" }), "name"},
		{"kept for over an hour", jwt(func(a *Authorizer) { a.TTL = time.Hour + time.Second }), "ttl"},
		{"two places of a token", jwt(func(a *Authorizer) { a.Identity = Identity{Headers: []string{"A"}, Query: []string{"b"}} }), "headers"},
		{"two places of a service", service(func(a *Authorizer) { a.Identity = Identity{Headers: []string{"A"}, Query: []string{"b"}} }), ""},
		{"too many places", service(func(a *Authorizer) { a.Identity.Headers = strings.Fields("A B C D E F") }), "headers"},
		{"a header of HTTP's own", service(func(a *Authorizer) { a.Identity.Headers = []string{"Connection"} }), "headers"},
		{"a query parameter with a sign", service(func(a *Authorizer) { a.Identity.Query = []string{"a&b"} }), "query"},
		{"a pattern that is none", service(func(a *Authorizer) { a.Identity.Pattern = "(" }), "pattern"},
		{"no issuer", jwt(func(a *Authorizer) { a.JWT.Issuer = "" }), "issuer"},
		{"an issuer that is no address", jwt(func(a *Authorizer) { a.JWT.Issuer = "accounts" }), "issuer"},
		{"an issuer that is no address, with keys", jwt(func(a *Authorizer) { a.JWT.Issuer, a.JWT.JWKS = "accounts", "https://keys.example.com/" }), ""},
		{"keys in clear", jwt(func(a *Authorizer) { a.JWT.JWKS = "http://keys.example.com/" }), "jwks"},
		{"keys in clear on this machine", jwt(func(a *Authorizer) { a.JWT.JWKS = "http://127.0.0.1:8080/" }), ""},
		{"keys in clear by a name of the network", jwt(func(a *Authorizer) { a.JWT.JWKS = "http://keycloak:8080/" }), ""},
		{"keys in clear at a public address", jwt(func(a *Authorizer) { a.JWT.JWKS = "http://192.0.2.1/" }), "jwks"},
		{"a shared secret's algorithm", jwt(func(a *Authorizer) { a.JWT.Algorithms = []string{"HS256"} }), "algorithms"},
		{"no algorithm", jwt(func(a *Authorizer) { a.JWT.Algorithms = []string{"none"} }), "algorithms"},
		{"clocks an hour apart", jwt(func(a *Authorizer) { a.JWT.Leeway = time.Hour }), "leeway"},
		{"a key's claim without its kind", jwt(func(a *Authorizer) { a.JWT.KeyClaim = "key" }), "key_claim"},
		{"a claim with a space", jwt(func(a *Authorizer) { a.JWT.Claims = []string{"a b"} }), "claims"},
		{"no address", service(func(a *Authorizer) { a.HTTP.URL = "auth" }), "url"},
		{"an address with a user", service(func(a *Authorizer) { a.HTTP.URL = "https://a:b@auth.example.com/" }), "url"},
		{"a verb that changes things", service(func(a *Authorizer) { a.HTTP.Verb = "DELETE" }), "verb"},
		{"too patient", service(func(a *Authorizer) { a.HTTP.Timeout = time.Minute }), "timeout"},
		{"an unknown reuse", service(func(a *Authorizer) { a.HTTP.Reuse = "all" }), "reuse"},
		{"a secret in the host", service(func(a *Authorizer) { a.HTTP.SecretHeader = "Host" }), "secret_header"},
		{"a secret as a bearer", service(func(a *Authorizer) { a.HTTP.SecretHeader = "Authorization" }), ""},
	}
	for _, tt := range tests {
		_, err := tt.in.Clean()
		var e *Error
		if ok := errors.As(err, &e); ok != (tt.field != "") || ok && e.Fields[tt.field] == "" {
			t.Errorf("%s: got %v, want a problem of %q", tt.name, err, tt.field)
		}
	}
	got, err := service(func(a *Authorizer) { a.JWT.Issuer = "of the other kind" }).Clean()
	if err != nil || got.JWT.Issuer != "" || got.HTTP.Verb != "POST" || got.HTTP.Timeout != DefaultAuthorizerTimeout || got.HTTP.Reuse != ReuseMethod || got.Identity.Headers[0] != "Authorization" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// A document that is imported anew says nothing of authorizers: what was protected stays so.
func TestImportsKeepAuthorization(t *testing.T) {
	present := []Method{{ID: 1, Verb: "GET", Path: "/a", MethodAuthorization: MethodAuthorization{Authorizer: 7, Scopes: []string{"read"}}}}
	next, _ := MergeMethods(present, nil, []Method{{Verb: "GET", Path: "/a"}})
	if !next[0].MethodAuthorization.Equal(present[0].MethodAuthorization) {
		t.Errorf("got %+v", next[0])
	}
}

func TestCheckAuthorizerSecret(t *testing.T) {
	for value, good := range map[string]bool{"s3cret": true, "two words": true, "": false, " a": false, "a\r\nX: b": false, "ä": false, strings.Repeat("a", 1001): false} {
		if err := CheckAuthorizerSecret(value); (err == nil) != good {
			t.Errorf("%q: %v", value, err)
		}
	}
}
