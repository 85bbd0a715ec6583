package enforcement_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
)

// settle changes the stage's settings.
func (o *one) settle(t testing.TB, with func(*models.StageSettings)) {
	t.Helper()
	o.world.stage(func() { with(&o.stage.Settings) })
	catchUp(t, o.g)
}

func TestHeaderRulesChangeRequestsAndAnswersInTheirOrder(t *testing.T) {
	o, url := through(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", "upstream")
		w.Header().Set("X-Old", "1")
		w.Header().Add("Vary", "Accept")
	})
	o.settle(t, func(s *models.StageSettings) {
		s.Variables = map[string]string{"region": "eu", "token": "t0k"}
		s.Request = []models.HeaderRule{
			{Action: models.HeaderSet, Name: "Authorization", Value: "Bearer ${stageVariables.token}"},
			{Action: models.HeaderAdd, Name: "x-team", Value: "${stageVariables.region}-${requestId}-${requestId}"},
			{Action: models.HeaderRemove, Name: "User-Agent"},
			{Action: models.HeaderSet, Name: "X-Twice", Value: "first"},
			{Action: models.HeaderRemove, Name: "X-Twice"},
			{Action: models.HeaderAdd, Name: "X-Twice", Value: "last"},
		}
		s.Response = []models.HeaderRule{
			{Action: models.HeaderRemove, Name: "Server"},
			{Action: models.HeaderSet, Name: "X-Old", Value: "2"},
			{Action: models.HeaderAdd, Name: "Vary", Value: "X-Team"},
			{Action: models.HeaderSet, Name: "X-Answer-Of", Value: "${requestId}"},
		}
	})
	for range 2 { // what one request is told is not left to the next
		r := newRequest(t, "GET", url+"/echo/prod/a", nil)
		r.Header = http.Header{"Authorization": {"Basic x"}, "X-Team": {"mine"}, "User-Agent": {"test"}}
		res := o.do(t, r)
		id := res.Header.Get("X-Request-Id")
		got := o.up.requests()[len(o.up.requests())-1].Header
		for name, want := range map[string][]string{
			"Authorization": {"Bearer t0k"}, "X-Team": {"mine", "eu-" + id + "-" + id}, "User-Agent": nil, "X-Twice": {"last"}, "X-Request-Id": {id},
		} {
			if diff := cmp.Diff(want, got[name]); diff != "" {
				t.Errorf("the upstream's %s (-want +got):\n%s", name, diff)
			}
		}
		for name, want := range map[string][]string{"Server": nil, "X-Old": {"2"}, "Vary": {"Accept", "X-Team"}, "X-Answer-Of": {id}} {
			if diff := cmp.Diff(want, res.Header[name]); diff != "" {
				t.Errorf("the caller's %s (-want +got):\n%s", name, diff)
			}
		}
	}
}

// What the gateway says of a caller, of limits and of the message itself is out of an owner's reach, under every spelling that some server takes for it.
func TestNoHeaderRuleTouchesWhatTheGatewaySays(t *testing.T) {
	o := newOne(t, nil)
	requests := []string{
		"x-api-key", "X-Api-Key-Id", "X_Consumer_Id", "X-Forwarded-For", "x-forwarded-anything", "Forwarded", "X-Real-IP", "X-Original-URL", "X-Gatehouse-Quote",
		"X-HTTP-Method-Override", "Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length", "Host", "Expect", "X-Request-Id", "Proxy",
		"HTTP2-Settings", "Sec-WebSocket-Key",
	}
	answers := []string{
		"RateLimit", "RateLimit-Policy", "X-RateLimit-Remaining", "Retry-After", "X-Request-Id", "X-Amzn-RequestId", "X-Amzn-ErrorType", "Connection", "Content-Length",
		"Transfer-Encoding", "Trailer", "Upgrade", "Access-Control-Allow-Origin", "Alt-Svc", "Clear-Site-Data", "Cache-Status", "Age",
	}
	refused := func(name string, with func(*models.StageSettings)) {
		t.Helper()
		o.settle(t, func(s *models.StageSettings) { *s = models.StageSettings{}; with(s) })
		if slug := o.get(t, "/a"); slug != "stage-broken" {
			t.Errorf("%s: the answer is %q, want stage-broken", name, slug)
		}
	}
	for _, name := range requests {
		for _, action := range []models.HeaderAction{models.HeaderSet, models.HeaderAdd, models.HeaderRemove} {
			refused(string(action)+" "+name, func(s *models.StageSettings) {
				s.Request = []models.HeaderRule{{Action: action, Name: name, Value: "x"}}
			})
		}
	}
	for _, name := range answers {
		for _, action := range []models.HeaderAction{models.HeaderSet, models.HeaderAdd, models.HeaderRemove} {
			refused(string(action)+" "+name, func(s *models.StageSettings) {
				s.Response = []models.HeaderRule{{Action: action, Name: name, Value: "x"}}
			})
		}
	}
	for _, value := range []string{"", " x", "x\r\nX-Evil: 1", "x\x00", "ü", "${stageVariables.none}", "${secret}", "${requestId", strings.Repeat("x", 4097)} {
		refused("the value "+value, func(s *models.StageSettings) {
			s.Request = []models.HeaderRule{{Action: models.HeaderSet, Name: "X-A", Value: value}}
		})
	}
	refused("a variable with a line end", func(s *models.StageSettings) {
		s.Variables = map[string]string{"v": "x\nX-Evil: 1"}
		s.Request = []models.HeaderRule{{Action: models.HeaderSet, Name: "X-A", Value: "${stageVariables.v}"}}
	})
	refused("a cookie", func(s *models.StageSettings) {
		s.Response = []models.HeaderRule{{Action: models.HeaderAdd, Name: "Set-Cookie", Value: "gatehouse=x"}}
	})
	refused("another action", func(s *models.StageSettings) {
		s.Request = []models.HeaderRule{{Action: "copy", Name: "X-A", Value: "x"}}
	})
	o.world.stage(func() { o.stage.KeySource = models.KeySource{Place: models.KeyInBearer} })
	refused("Authorization, in which the key comes", func(s *models.StageSettings) {
		s.Request = []models.HeaderRule{{Action: models.HeaderSet, Name: "Authorization", Value: "x"}}
	})
	if n := len(o.up.requests()); n != 0 {
		t.Errorf("%d requests reached the upstream", n)
	}
}
