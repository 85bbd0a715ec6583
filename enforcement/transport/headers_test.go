package transport

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/enforcement/front"
)

func TestCookiesOfThePortalAreTakenOutAndOthersStayAsTheyAre(t *testing.T) {
	hide := []string{"gatehouse", "__Host-gatehouse"}
	tests := []struct {
		name      string
		got, want []string
	}{
		{"none", nil, nil},
		{"others", []string{`a=1; b="x;y"; c`}, []string{`a=1; b="x;y"; c`}},
		{"only ours", []string{"gatehouse=x"}, nil},
		{"ours among others", []string{"a=1;gatehouse=x ; b=2"}, []string{"a=1; b=2"}},
		{"ours twice, in other letters", []string{"GateHouse=x; a=1; __host-GATEHOUSE=y"}, []string{"a=1"}},
		{"names that begin like ours", []string{"gatehouse2=x; my-gatehouse=y"}, []string{"gatehouse2=x; my-gatehouse=y"}},
		{"several lines", []string{"gatehouse=x", "a=1"}, []string{"a=1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			if tt.got != nil {
				h["Cookie"] = tt.got
			}
			dropCookies(h, hide)
			if diff := cmp.Diff(tt.want, h["Cookie"]); diff != "" {
				t.Errorf("cookies (-want +got):\n%s", diff)
			}
		})
	}
}

// Underscores for hyphens are how headers are forged past proxies to CGI, WSGI and PHP (SECURITY.md, GW-24).
func TestNoSpellingOfAPrivateHeaderPasses(t *testing.T) {
	h := http.Header{}
	for _, name := range []string{
		"X-Api-Key-Id", "X_Api_Key_Id", "X-Api_Key-Id", "x_api_key_id", "X_CONSUMER_ID", "x-forwarded-for", "X_Forwarded_For", "X-Forwarded-Anything", "X-Forwarded",
		"X_Weather_Key", "Forwarded", "X_Real_IP", "Proxy",
	} {
		h[name] = []string{"forged"}
	}
	h["X-Weather-Key"], h["X_Other"] = []string{"key"}, []string{"1"}
	dropPrivate(h, "X-Weather-Key")
	// The key's own header is the caller's to remove or to keep.
	want := http.Header{"X-Weather-Key": {"key"}, "X_Other": {"1"}}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

// A stage without rules pays for no copy of the header, and its upstream gets the same one.
func TestAHeaderThatIsWrittenAtOnceIsTheOneThatIsMade(t *testing.T) {
	p := New(Config{HideCookies: []string{"gatehouse", "__Host-gatehouse"}})
	some := map[string][]string{
		"Accept": {"*/*", "text/plain"}, "User-Agent": {"a"}, "Connection": {"keep-alive, X-Hop", "close"}, "X-Hop": {"1"}, "Te": {"gzip, trailers"}, "Trailer": {"X-T"},
		"Cookie": {"gatehouse=1; b=2 ", "__host-gatehouse=1", " c=3;d"}, "Keep-Alive": {"5"}, "Proxy-Authorization": {"x"}, "Transfer-Encoding": {"chunked"}, "Content-Length": {"3"},
		"X-Forwarded-For": {"1.2.3.4"}, "X_forwarded_host": {"a"}, "Forwarded": {"for=a"}, "X-Api-Key": {"secret"}, "X_api_key": {"secret"}, "X-Consumer-Id": {"me"}, "Host": {"h"},
		"Content-Type": {"text/plain"}, "Empty": {""}, "None": nil, "Bad Name": {"a"}, "Bad-Value": {"a\r\nb", "good"}, "Proxy-Connection": {"x"}, "Proxy": {"x"}, "X-Long-" + strings.Repeat("a", 60): {"1"},
	}
	names := slices.Sorted(maps.Keys(some))
	rapid.Check(t, func(t *rapid.T) {
		h := http.Header{}
		for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID[string]).Draw(t, "names") {
			h[name] = slices.Clone(some[name])
		}
		in := &http.Request{Header: h, Host: "gateway.example", RemoteAddr: rapid.SampledFrom([]string{"10.0.0.1:80", "[::1]:80", "@"}).Draw(t, "peer")}
		x := &Exchange{
			Plain: true, KeyHeader: rapid.SampledFrom([]string{"", "x-api-key", "X-Long-None"}).Draw(t, "key header"), RequestID: "id", Caller: nothing{},
			Prefix: rapid.SampledFrom([]string{"", "/a/b"}).Draw(t, "prefix"), KeyID: rapid.SampledFrom([]string{"", "key"}).Draw(t, "key"),
		}
		if rapid.Bool().Draw(t, "behind a proxy") {
			x.Forwarded = &front.Forwarded{For: "1.2.3.4", Proto: "https"}
		}
		if !isPlain(in, x) {
			t.Fatal("it is not plain")
		}
		lines := func(head []byte) []string {
			all := strings.Split(string(head), "\r\n")
			slices.SortStableFunc(all, func(a, b string) int { // of one name they keep their order
				nameA, _, _ := strings.Cut(a, ":")
				nameB, _, _ := strings.Cut(b, ":")
				return strings.Compare(nameA, nameB)
			})
			return all
		}
		if diff := cmp.Diff(lines(appendFields(nil, p.headerOf(in, x))), lines(p.appendHeader(nil, in, x))); diff != "" {
			t.Fatalf("the header (-made +written):\n%s", diff)
		}
	})
}

// nothing is a caller who has nothing to say.
type nothing struct{}

func (nothing) Prepare(http.Header)                              {}
func (nothing) Decorate(http.Header)                             {}
func (nothing) Fail(w http.ResponseWriter, _ Failure, err error) {}
