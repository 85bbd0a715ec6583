package authorizer

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/models"
)

// triedKeys is how many keys are tried for a token that names none.
const triedKeys = 5

// verify judges a token.
func (p *Pool) verify(ctx context.Context, a *Authorizer, q *Question, id identity) *Verdict {
	token := bearer(id.first())
	if token == "" || strings.ContainsAny(token, " ,;\t") {
		return invalid("The token is not of the form that JWTs have.")
	}
	id.headers, id.query = []string{token}, nil
	key := a.digestOf(q, &id)
	if v := p.allowed.get(key, q.Now); v != nil && q.Now.Before(v.Until) {
		return v
	}
	v := p.judge(ctx, a, q.Now, token)
	if v.Outcome == Allowed && a.TTL > 0 {
		p.allowed.put(key, v, earlier(q.Now.Add(a.TTL), v.Until))
	}
	return v
}

// bearer takes the scheme away; a token may also stand alone.
func bearer(value string) string {
	if scheme, token, ok := strings.Cut(value, " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimLeft(token, " ")
	}
	return value
}

func invalid(reason string) *Verdict { return &Verdict{Outcome: Invalid, Reason: reason} }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (p *Pool) judge(ctx context.Context, a *Authorizer, now time.Time, token string) *Verdict {
	algorithms := a.JWT.Algorithms
	if len(algorithms) == 0 {
		algorithms = models.JWTAlgorithms
	}
	allowed := make([]jose.SignatureAlgorithm, len(algorithms))
	for i, name := range algorithms {
		allowed[i] = jose.SignatureAlgorithm(name)
	}
	signed, err := jose.ParseSignedCompact(token, allowed)
	if err != nil {
		return invalid("The token is no JWT with a signature that the API takes.")
	}
	head := signed.Signatures[0].Protected
	if !isTokenType(head) {
		return invalid("The token is of a type that is no access token.")
	}
	payload, fault := p.open(ctx, a, now, signed, head)
	if fault != nil {
		return fault
	}
	claims, err := readClaims(payload)
	if err != nil {
		return invalid("What the token says cannot be read.")
	}
	if fault := claims.judge(a, now); fault != nil {
		return fault
	}
	return claims.verdict(a)
}

// isTokenType takes tokens without a type, plain ones and those of RFC 9068. Others are signed by the same issuer for other ends, such as logging out. What
// must be understood to be used is not understood here.
func isTokenType(head jose.Header) bool {
	for name := range head.ExtraHeaders {
		if name == "crit" || name == "b64" {
			return false
		}
	}
	kind, there := head.ExtraHeaders[jose.HeaderType]
	if !there {
		return true
	}
	text, _ := kind.(string)
	switch strings.ToLower(strings.TrimPrefix(strings.ToLower(text), "application/")) {
	case "jwt", "at+jwt":
		return true
	default:
		return false
	}
}

// open returns what a token says, if one of the issuer's keys signed it. Keys that come with the token are never looked at.
func (p *Pool) open(ctx context.Context, a *Authorizer, now time.Time, signed *jose.JSONWebSignature, head jose.Header) ([]byte, *Verdict) {
	k, err := a.keys.get(ctx, p, now)
	if k == nil {
		return nil, &Verdict{Outcome: Failed, Reason: "The issuer's keys cannot be fetched.", Cause: err}
	}
	fitting := k.fitting(head.KeyID, head.Algorithm)
	if len(fitting) == 0 {
		if k, err = a.keys.newer(ctx, p, now); k != nil {
			fitting = k.fitting(head.KeyID, head.Algorithm)
		}
	}
	switch {
	case len(fitting) == 0 && err != nil:
		return nil, &Verdict{Outcome: Failed, Reason: "The token's key is not known, and the issuer's keys cannot be fetched.", Cause: err}
	case len(fitting) == 0:
		return nil, invalid("The token is signed by a key that the issuer does not publish.")
	}
	for _, key := range fitting[:min(len(fitting), triedKeys)] {
		if payload, err := signed.Verify(key.Key); err == nil {
			return payload, nil
		}
	}
	return nil, invalid("The token's signature is wrong.")
}

// claims are what a token says.
type claims map[string]any

func readClaims(payload []byte) (c claims, err error) {
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	err = d.Decode(&c)
	return c, err
}

// judge says what is wrong with claims.
func (c claims) judge(a *Authorizer, now time.Time) *Verdict {
	j := a.JWT
	if issuer, _ := c["iss"].(string); issuer != j.Issuer {
		return invalid("The token is of another issuer.")
	}
	if len(j.Audiences) > 0 && !c.isFor(j.Audiences) {
		return invalid("The token is for another audience.")
	}
	expires, ok := c.time("exp")
	switch {
	case !ok:
		return invalid("The token does not say when it expires.")
	case !now.Before(expires.Add(j.Leeway)):
		return invalid("The token expired.")
	}
	for name, reason := range map[string]string{"nbf": "The token does not hold yet.", "iat": "The token was issued in the future."} {
		if _, there := c[name]; !there {
			continue
		}
		if from, ok := c.time(name); !ok || now.Before(from.Add(-j.Leeway)) {
			return invalid(reason)
		}
	}
	return nil
}

// isFor looks at client_id only where a token has no audience, as those of some issuers.
func (c claims) isFor(audiences []string) bool {
	switch aud := c["aud"].(type) {
	case string:
		return slices.Contains(audiences, aud)
	case []any:
		return slices.ContainsFunc(aud, func(one any) bool {
			text, ok := one.(string)
			return ok && slices.Contains(audiences, text)
		})
	case nil:
		client, ok := c["client_id"].(string)
		return ok && slices.Contains(audiences, client)
	default:
		return false
	}
}

// time reads a NumericDate (RFC 7519 2).
func (c claims) time(name string) (time.Time, bool) {
	n, ok := c[name].(json.Number)
	if !ok {
		return time.Time{}, false
	}
	seconds, err := n.Float64()
	if err != nil || math.IsNaN(seconds) || seconds < 0 || seconds > 1<<38 {
		return time.Time{}, false
	}
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9)), true
}

// verdict is what good claims allow.
func (c claims) verdict(a *Authorizer) *Verdict {
	v := &Verdict{Outcome: Allowed, scopes: slices.Concat(scopesIn(c["scope"]), scopesIn(c["scp"]))}
	if expires, ok := c.time("exp"); ok {
		v.Until = expires.Add(a.JWT.Leeway)
	}
	for _, name := range []string{"sub", "client_id"} {
		if text, ok := c[name].(string); ok && text != "" && isHeaderText(text) {
			v.Principal = text
			break
		}
	}
	for _, name := range a.JWT.Claims {
		if text, ok := textOf(c.lookUp(name)); ok && isHeaderText(text) {
			v.Values = append(v.Values, Value{headerOf(name), text})
		}
	}
	if name, ok := c.lookUp(a.JWT.KeyClaim).(string); ok && name != "" {
		v.nameKey(a.JWT.KeyIs, name)
	}
	return v
}

// nameKey notes which API key is meant. What cannot be one names none.
func (v *Verdict) nameKey(by models.KeyNaming, name string) {
	switch by {
	case models.KeyByID:
		v.KeyID, _ = models.ParseID[models.Key](name) // zero: none
	case models.KeyByValue:
		v.KeyValue = name
	}
}

// scopesIn reads a list in one text, or a list of texts.
func scopesIn(claim any) (scopes []string) {
	switch s := claim.(type) {
	case string:
		return strings.Fields(s)
	case []any:
		for _, one := range s {
			if text, ok := one.(string); ok {
				scopes = append(scopes, text)
			}
		}
	}
	return scopes
}

// lookUp finds a claim by its name, or by one with dots that lead into objects.
func (c claims) lookUp(name string) any {
	if name == "" {
		return nil
	}
	if value, there := c[name]; there {
		return value
	}
	outer, inner, ok := strings.Cut(name, ".")
	if object, is := c[outer].(map[string]any); ok && is {
		return claims(object).lookUp(inner)
	}
	return nil
}

// textOf is how a claim or a value stands in a header: texts, numbers, booleans, and lists of them with commas between.
func textOf(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	case []any:
		parts := make([]string, len(v))
		for i, one := range v {
			if _, nested := one.([]any); nested {
				return "", false
			}
			text, ok := textOf(one)
			if !ok {
				return "", false
			}
			parts[i] = text
		}
		return strings.Join(parts, ","), true
	default:
		return "", false
	}
}

// maxValue bounds what the upstream is told of one thing.
const maxValue = 1 << 10

// isHeaderText reports whether a text can be a header's value as it is.
func isHeaderText(s string) bool {
	return len(s) <= maxValue && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// headerOf is the header in which a value is told: X-Authorizer- and its name, with a hyphen for each sign that headers do not have.
func headerOf(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '-'
	}, name)
	return textproto.CanonicalMIMEHeaderKey("X-Authorizer-" + plain)
}
