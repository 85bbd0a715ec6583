package management

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
)

// The credential of the vectors, which botocore signed.
const (
	vectorKey    = "AKIDEXAMPLE"
	vectorSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	vectorScope  = "AKIDEXAMPLE/20260115/us-east-1/apigateway/aws4_request"
	vectorStamp  = "20260115T120000Z"
)

var vectorTime = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

// vectors are requests with the signatures that botocore makes of them.
var vectors = []struct{ name, method, target, body, contentType, signed, signature string }{
	{"a query", "GET", "/usageplans?limit=25&position=a%2Fb%3D%3D", "", "", "accept;host;x-amz-date", "d57e89086a6676fbae198edbbfff8a15b319c76b7ef95a40088bf64894f0f4bb"},
	{"a body", "POST", "/apikeys", `{"name": "k", "enabled": true}`, "application/json", "accept;content-type;host;x-amz-date", "b05ee5e5d7713093c3da11eff5c04b8863e5ee5d4819ede6e82719cdce67dae3"},
	{"a path that is encoded twice", "GET", "/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fusageplans%2Fup1", "", "", "accept;host;x-amz-date", "b08f223e383e0500a0907311a0d24e35229a2d99aa6fd1c33701df0306e6e2fe"},
}

// vectorRequest is a vector as net/http gives it to a handler.
func vectorRequest(i int) *http.Request {
	v := vectors[i]
	r := httptest.NewRequest(v.method, "http://127.0.0.1:8080"+v.target, strings.NewReader(v.body))
	r.RequestURI = v.target
	r.Header.Set("Accept", "application/json")
	r.Header.Set("X-Amz-Date", vectorStamp)
	if v.contentType != "" {
		r.Header.Set("Content-Type", v.contentType)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+vectorScope+", SignedHeaders="+v.signed+", Signature="+v.signature)
	return r
}

// oneKey is the store of one credential.
type oneKey struct{ key models.SigningKey }

func (k oneKey) SigningKey(_ context.Context, id string, _ time.Time) (models.SigningKey, error) {
	if id != k.key.ID {
		return models.SigningKey{}, models.NotFound("access key")
	}
	return k.key, nil
}

func (oneKey) NoteAccessKeyUse(context.Context, string, string, time.Time) error { return nil }

func vectorAPI(at time.Time) *API {
	key := models.SigningKey{AccessKey: models.AccessKey{ID: vectorKey}, Secret: vectorSecret}
	return New(Config{Keys: oneKey{key}, Now: func() time.Time { return at }, Log: slog.New(slog.DiscardHandler), AccountID: "123456789012"})
}

// verify says what becomes of a request's signature.
func verify(r *http.Request, at time.Time) error {
	_, err := vectorAPI(at).authenticate(r, &call{ctx: r.Context(), now: at})
	return err
}

func TestSignaturesOfAWSToolsAreTaken(t *testing.T) {
	for i, v := range vectors {
		if err := verify(vectorRequest(i), vectorTime); err != nil {
			t.Errorf("%s: %v", v.name, err)
		}
		if err := verify(vectorRequest(i), vectorTime.Add(mostSkew)); err != nil {
			t.Errorf("%s, five minutes later: %v", v.name, err)
		}
	}
}

func TestWhateverIsChangedBehindASignatureIsRefused(t *testing.T) {
	for name, change := range map[string]func(*http.Request){
		"method":               func(r *http.Request) { r.Method = "DELETE" },
		"path":                 func(r *http.Request) { r.RequestURI = "/apikeyz" },
		"query":                func(r *http.Request) { r.URL.RawQuery = "mode=import" },
		"body":                 func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(`{"name": "k", "enabled": false}`)) },
		"host":                 func(r *http.Request) { r.Host = "127.0.0.1:8081" },
		"a signed header":      func(r *http.Request) { r.Header.Set("Accept", "text/plain") },
		"a header twice":       func(r *http.Request) { r.Header.Add("Accept", "application/json") },
		"a header without":     func(r *http.Request) { r.Header.Set("X-Amz-Meta", "1") },
		"the hash of the body": func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", strings.Repeat("0", 64)) },
		"region":               func(r *http.Request) { edit(r, "us-east-1", "us-east-2") },
		"order of headers":     func(r *http.Request) { edit(r, "accept;content-type", "content-type;accept") },
		"the signature":        func(r *http.Request) { edit(r, "Signature=b", "Signature=c") },
	} {
		r := vectorRequest(1)
		change(r)
		if code := codeOf(verify(r, vectorTime)); code != "InvalidSignatureException" {
			t.Errorf("%s: %s", name, code)
		}
	}
}

func TestFrontDoorErrorsAreAWSs(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*http.Request)
		at     time.Duration
		want   string
	}{
		"no signature":              {func(r *http.Request) { r.Header.Del("Authorization") }, 0, "MissingAuthenticationTokenException"},
		"another scheme":            {func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, 0, "IncompleteSignatureException"},
		"no credential":             {func(r *http.Request) { edit(r, "Credential=", "Kredential=") }, 0, "IncompleteSignatureException"},
		"a scope that is too short": {func(r *http.Request) { edit(r, "/aws4_request", "") }, 0, "IncompleteSignatureException"},
		"another service":           {func(r *http.Request) { edit(r, "/apigateway/", "/s3/") }, 0, "InvalidSignatureException"},
		"another day":               {func(r *http.Request) { edit(r, "/20260115/", "/20260114/") }, 0, "InvalidSignatureException"},
		"no date":                   {func(r *http.Request) { r.Header.Del("X-Amz-Date") }, 0, "IncompleteSignatureException"},
		"an unknown key":            {func(r *http.Request) { edit(r, vectorKey, "AKIDEXAMPLF") }, 0, "UnrecognizedClientException"},
		"a session's token":         {func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") }, 0, "UnrecognizedClientException"},
		"host not signed":           {func(r *http.Request) { edit(r, ";host", "") }, 0, "InvalidSignatureException"},
		"too late":                  {func(*http.Request) {}, mostSkew + time.Second, "InvalidSignatureException"},
		"too early":                 {func(*http.Request) {}, -mostSkew - time.Second, "InvalidSignatureException"},
	} {
		r := vectorRequest(0)
		c.change(r)
		if code := codeOf(verify(r, vectorTime.Add(c.at))); code != c.want {
			t.Errorf("%s: %s, want %s", name, code, c.want)
		}
	}
}

// Without it a caller without a credential could have the portal keep its bodies.
func TestNobodysBodyIsReadWithoutACredential(t *testing.T) {
	r := vectorRequest(1)
	edit(r, vectorKey, "AKIDEXAMPLF")
	r.Body = io.NopCloser(unreadable{t})
	if code := codeOf(verify(r, vectorTime)); code != "UnrecognizedClientException" {
		t.Error(code)
	}
}

type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func edit(r *http.Request, from, to string) {
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from, to, 1))
}

func codeOf(err error) string {
	var f *fault
	if errors.As(err, &f) {
		return f.code
	}
	return "none"
}
