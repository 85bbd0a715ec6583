package management

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/models"
)

// Keys knows the credentials that requests are signed with.
type Keys interface {
	// SigningKey returns a credential that may be used now; NotFound for every other one.
	SigningKey(ctx context.Context, id string, now time.Time) (models.SigningKey, error)
	// NoteAccessKeyUse notes from where a credential was used.
	NoteAccessKeyUse(ctx context.Context, id, address string, now time.Time) error
}

// What requests are signed for, and how far their clocks may be off.
const (
	algorithm   = "AWS4-HMAC-SHA256"
	service     = "apigateway"
	terminator  = "aws4_request"
	amzDate     = "20060102T150405Z"
	mostSkew    = 5 * time.Minute
	tokenHeader = "X-Amz-Security-Token"
)

// signature is what a request says of who sent it: Signature Version 4
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
type signature struct {
	key    string // access key id
	day    string // of the scope
	region string // any
	signed []string
	value  string // hexadecimal
	at     time.Time
	stamp  string // at, as it was sent
}

func frontDoor(code, format string, args ...any) error {
	return &fault{code, http.StatusForbidden, fmt.Sprintf(format, args...)}
}

func incomplete(format string, args ...any) error {
	return &fault{"IncompleteSignatureException", http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func invalidSignature(format string, args ...any) error {
	return frontDoor("InvalidSignatureException", format, args...)
}

var (
	errNoSignature = frontDoor("MissingAuthenticationTokenException", "Missing Authentication Token")
	errNoSuchKey   = frontDoor("UnrecognizedClientException", "The security token included in the request is invalid.")
	errMismatch    = invalidSignature("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
)

// readSignature reads what the headers of a request say.
func readSignature(r *http.Request) (s signature, err error) {
	lines := r.Header.Values("Authorization")
	switch {
	case len(lines) == 0 || lines[0] == "":
		return s, errNoSignature
	case len(lines) > 1:
		return s, incomplete("A request has one Authorization header.")
	case r.Header.Get(tokenHeader) != "":
		return s, errNoSuchKey // credentials here are not of a session
	}
	scheme, rest, _ := strings.Cut(lines[0], " ")
	if scheme != algorithm {
		return s, incomplete("Authorization must be %s, which AWS's tools make when they have an access key.", algorithm)
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if _, twice := parts[name]; !ok || twice {
			return s, incomplete("Authorization must be key=value pairs with commas between, each once.")
		}
		parts[name] = value
	}
	for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
		if parts[name] == "" {
			return s, incomplete("Authorization header requires '%s' parameter.", name)
		}
	}
	if err := s.readScope(parts["Credential"]); err != nil {
		return s, err
	}
	s.signed, s.value = strings.Split(parts["SignedHeaders"], ";"), parts["Signature"]
	return s, s.readDate(r)
}

func (s *signature) readScope(credential string) error {
	scope := strings.Split(credential, "/")
	if len(scope) != 5 {
		return incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.")
	}
	s.key, s.day, s.region = scope[0], scope[1], scope[2]
	switch {
	case scope[3] != service:
		return invalidSignature("Credential should be scoped to correct service: '%s'.", service)
	case scope[4] != terminator:
		return invalidSignature("Credential should be scoped with a valid terminator: '%s'.", terminator)
	}
	return nil
}

func (s *signature) readDate(r *http.Request) (err error) {
	if s.stamp = r.Header.Get("X-Amz-Date"); s.stamp == "" {
		date := r.Header.Get("Date")
		if date == "" {
			return incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
		}
		at, err := http.ParseTime(date)
		if err != nil {
			return incomplete("Date must be in the form of HTTP, or use X-Amz-Date.")
		}
		s.stamp = at.UTC().Format(amzDate)
	}
	if s.at, err = time.Parse(amzDate, s.stamp); err != nil {
		return incomplete("X-Amz-Date must be in the form 20060102T150405Z.")
	}
	if s.day != s.stamp[:8] {
		return invalidSignature("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s'.", s.day, s.stamp[:8])
	}
	return nil
}

// checkTime refuses what was signed too long ago, or will be. Within that a request may come again, as on AWS.
func (s *signature) checkTime(now time.Time) error {
	now = now.UTC()
	switch {
	case s.at.Before(now.Add(-mostSkew)):
		return invalidSignature("Signature expired: %s is now earlier than %s (%s - 5 min.)", s.stamp, now.Add(-mostSkew).Format(amzDate), now.Format(amzDate))
	case s.at.After(now.Add(mostSkew)):
		return invalidSignature("Signature not yet current: %s is still later than %s (%s + 5 min.)", s.stamp, now.Add(mostSkew).Format(amzDate), now.Format(amzDate))
	}
	return nil
}

// check compares the signature with what the secret makes of the request.
func (s *signature) check(r *http.Request, body []byte, secret string) error {
	if err := s.checkHeaders(r); err != nil {
		return err
	}
	digest := sha256.Sum256(body)
	payload := hex.EncodeToString(digest[:])
	if said := r.Header.Get("X-Amz-Content-Sha256"); said != "" && said != payload {
		return errMismatch
	}
	path, _, _ := strings.Cut(r.RequestURI, "?")
	for _, uri := range []string{path, withoutDots(path)} { // the Python SDK signs without empty and dot segments, others as it is
		if s.matches(s.canonical(r, encode(uri, true), payload), secret) {
			return nil
		}
	}
	return errMismatch
}

// checkHeaders demands that what decides is signed. Clients choose the rest.
func (s *signature) checkHeaders(r *http.Request) error {
	if !slices.IsSorted(s.signed) {
		return errMismatch
	}
	if !slices.Contains(s.signed, "host") || !slices.Contains(s.signed, "x-amz-date") && !slices.Contains(s.signed, "date") {
		return invalidSignature("'Host' and 'X-Amz-Date' must be 'SignedHeaders' in the Authorization header.")
	}
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") && !slices.Contains(s.signed, lower) {
			return invalidSignature("'%s' must be a 'SignedHeader' in the Authorization header.", name)
		}
	}
	return nil
}

// canonical is the canonical request.
func (s *signature) canonical(r *http.Request, uri, payload string) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + uri + "\n" + canonicalQuery(r.URL.RawQuery) + "\n")
	for _, name := range s.signed {
		b.WriteString(name + ":" + headerValue(r, name) + "\n")
	}
	b.WriteString("\n" + strings.Join(s.signed, ";") + "\n" + payload)
	return b.String()
}

// headerValue is a header's value as it is signed. net/http keeps some headers elsewhere.
func headerValue(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return fmt.Sprint(max(0, r.ContentLength))
	}
	values := slices.Clone(r.Header.Values(name))
	for i, v := range values {
		values[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(values, ",")
}

func (s *signature) matches(canonical, secret string) bool {
	digest := sha256.Sum256([]byte(canonical))
	scope := s.day + "/" + s.region + "/" + service + "/" + terminator
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.day, s.region, service, terminator, algorithm + "\n" + s.stamp + "\n" + scope + "\n" + hex.EncodeToString(digest[:])} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return hmac.Equal([]byte(hex.EncodeToString(key)), []byte(s.value))
}

// canonicalQuery is a query with its parameters in order.
func canonicalQuery(raw string) string {
	if raw == "" {
		return ""
	}
	var pairs []string
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		pairs = append(pairs, encode(decode(name), false)+"="+encode(decode(value), false))
	}
	slices.SortFunc(pairs, func(a, b string) int { // by name, then by value: = would sort before some letters of names
		nameA, valueA, _ := strings.Cut(a, "=")
		nameB, valueB, _ := strings.Cut(b, "=")
		if c := strings.Compare(nameA, nameB); c != 0 {
			return c
		}
		return strings.Compare(valueA, valueB)
	})
	return strings.Join(pairs, "&")
}

// decode undoes percent-encoding, and leaves what is none.
func decode(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if one, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				b, i = append(b, one[0]), i+2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

// encode percent-encodes all but RFC 3986's unreserved characters, and slashes where a path is meant. A path that is encoded already is encoded once more, as for
// all services but S3.
func encode(s string, path bool) string {
	const hexadecimal = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 || path && c == '/' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hexadecimal[c>>4], hexadecimal[c&15]})
		}
	}
	return b.String()
}

// withoutDots is a path without empty and dot segments, as botocore signs it.
func withoutDots(path string) string {
	var kept []string
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".":
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, segment)
		}
	}
	clean := "/" + strings.Join(kept, "/")
	if len(kept) > 0 && strings.HasSuffix(path, "/") {
		clean += "/"
	}
	return clean
}
