package transport

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
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
