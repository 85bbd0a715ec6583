package enforcement_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/enforcement"
	"gatehouse/models"
)

// What HTTP/2 frames is not judged on the wire, but its target and its headers go to the same upstreams.
func TestOverHTTP2TheSameIsRefused(t *testing.T) {
	o := newOne(t, nil)
	set := func(name string, values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header[name] = values }
	}
	for name, tt := range map[string]struct {
		with func(*http.Request)
		want string
	}{
		"nothing odd":                {set("X_Other", "1"), ""},
		"several Accepts":            {set("Accept", "a/b", "c/d"), ""},
		"an imitation":               {set("X_forwarded_for", "1"), "head-invalid"},
		"an imitation with a hyphen": {set("X-Consumer_id", "1"), "head-invalid"},
		"an imitation of the key":    {set("X_api_key", "1"), "head-invalid"},
		"two Content-Types":          {set("Content-Type", "a/b", "c/d"), "head-invalid"},
		"two lengths":                {set("Content-Length", "1", "1"), "head-invalid"},
		"two keys":                   {set("X-Api-Key", o.value, o.value), "ambiguous-key"},
		"two credentials":            {set("Authorization", "a", "b"), "head-invalid"},
		"a space in the target":      {func(r *http.Request) { r.RequestURI = "/echo/prod/a?x HTTP/1.1" }, "path-invalid"},
		"a control in the target":    {func(r *http.Request) { r.RequestURI = "/echo/prod/a?x\r\nA: b" }, "path-invalid"},
		"a fragment":                 {func(r *http.Request) { r.RequestURI = "/echo/prod/a#x" }, "path-invalid"},
		"an authority with a user":   {func(r *http.Request) { r.Host = "u@a" }, "head-invalid"},
		"an empty authority":         {func(r *http.Request) { r.Host = "" }, "head-invalid"},
		"many headers":               {set("A", make([]string, 200)...), "head-too-large"},
	} {
		got := slugOf(t, in(o.g, "GET", "/echo/prod/a", o.value, func(r *http.Request) {
			r.Proto, r.ProtoMajor, r.ProtoMinor, r.RequestURI = "HTTP/2.0", 2, 0, "/echo/prod/a"
			tt.with(r)
		}))
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

func TestASecondCredentialThatIsTheUpstreamsIsRefused(t *testing.T) {
	for place, want := range map[models.KeyPlace][2]string{
		models.KeyInHeader: {"ambiguous-key", "head-invalid"}, models.KeyInBearer: {"head-invalid", "ambiguous-key"}, models.KeyInQuery: {"head-invalid", "head-invalid"},
	} {
		o := newOne(t, nil)
		name := "x-api-key"
		if place == models.KeyInBearer {
			name = ""
		}
		o.world.stage(func() { o.stage.KeySource = models.KeySource{Place: place, Name: name} })
		catchUp(t, o.g)
		for i, header := range []string{"X-Api-Key", "Authorization"} {
			got := slugOf(t, in(o.g, "GET", "/echo/prod/a", "", func(r *http.Request) { r.Header[header] = []string{"Bearer a", "Bearer b"} }))
			if got != want[i] {
				t.Errorf("%v, two of %s: got %q, want %q", place, header, got, want[i])
			}
		}
	}
}

func TestRefusalsAtTheWireAreCountedAndLogged(t *testing.T) {
	o := newOne(t, nil)
	log, lines := accessLog(t)
	o.g = o.gateway(t, func(c *enforcement.Config) { c.AccessLog = log })
	url := serve(t, o.g)
	raw(t, url, "GET / HTTP/1.1\nHost: a\n\n")
	raw(t, url, "GET /"+strings.Repeat("x", 9000)+" HTTP/1.1\r\nHost: a\r\n\r\n")
	drain(t, o.g)
	want := map[any]float64{"head-invalid": 400, "target-too-long": 414}
	written := lines()
	for _, line := range written {
		if line["verb"] != nil || line["path"] != nil || line["protocol"] != nil || line["status"] != want[line["problem"]] || line["request_id"] == nil || line["address"] == nil {
			t.Errorf("the access log says %v", line)
		}
	}
	if len(written) != len(want) {
		t.Errorf("%d lines of the access log", len(written))
	}
	r := prometheus.NewRegistry()
	o.g.Register(r)
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]float64{}
	for _, m := range all {
		if m.GetName() == "gatehouse_requests_total" {
			for _, sample := range m.GetMetric() {
				for _, label := range sample.GetLabel() {
					if label.GetName() == "answer" {
						counted[label.GetValue()] = sample.GetCounter().GetValue()
					}
				}
			}
		}
	}
	if counted["head-invalid"] != 1 || counted["target-too-long"] != 1 {
		t.Errorf("counted %v", counted)
	}
}

func TestABrokenChunkIsExplained(t *testing.T) {
	o, url := through(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	w := raw(t, url, "POST /echo/prod/a HTTP/1.1\r\nHost: a\r\nx-api-key: "+o.value+"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n")
	if p := problemOf(t, w.Header(), w.Body); !strings.HasSuffix(p.Type, "/body-invalid") || p.Detail != "The request's body has a chunk that is longer than its size." {
		t.Errorf("%+v", p)
	}
}

// The portal and every other handler answer what the judge refused as the gateway does.
func TestAnyHandlerCanAnswerWhatWasRefused(t *testing.T) {
	url := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") }))
	w := raw(t, url, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
	p := problemOf(t, w.Header(), w.Body)
	if w.Code != 400 || p.Type != "https://portal.example/problems/head-invalid" || p.Detail != "The request has more than one Host." || p.RequestID == "" {
		t.Errorf("%d %+v", w.Code, p)
	}
	if !slices.ContainsFunc(enforcement.Problems(), func(known enforcement.Problem) bool { return strings.HasSuffix(p.Type, "/"+known.Slug) }) {
		t.Error("the problem has no page")
	}
}
