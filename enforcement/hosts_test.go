package enforcement_test

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/enforcement"
	"gatehouse/models"
)

// named is a gateway with every kind of name: its own, the portal's, APIs' and owners'.
func named(t *testing.T) *one {
	t.Helper()
	o := newOne(t, nil)
	o.addAPI("gate", o.up.url, "GET /a") // its name is under the domain, too
	other := o.addAPI("other", o.up.url, "GET /a", "GET /only")
	o.domains = []models.GatewayDomain{
		{Host: "weather.example.org", Stage: o.stage.ID}, {Host: "a.weather.example.org", Stage: o.stage.ID}, {Host: "based.example.org", BasePath: "/v1", Stage: o.stage.ID},
		{Host: "other.example.org", Stage: other.ID}, {Host: "bare.example.org", Stage: 1},
		// What the operator owns is not an owner's, whatever the records say.
		{Host: "gate.example.com", Stage: other.ID}, {Host: "dev.example.com", Stage: other.ID}, {Host: "echo.apis.example.com", Stage: other.ID}, {Host: "apis.example.com", Stage: other.ID},
	}
	o.g = o.gateway(t, func(c *enforcement.Config) {
		c.Hosts = enforcement.Hosts{Gateway: "gate.example.com", Portal: "dev.example.com", Domain: "apis.example.com"}
	})
	return o
}

func (o *one) at(t *testing.T, host, target string) string {
	t.Helper()
	return slugOf(t, in(o.g, "GET", target, o.value, func(r *http.Request) { r.Host = host }))
}

func TestAHostLeadsToItsStageAndNowhereElse(t *testing.T) {
	o := named(t)
	for _, tt := range []struct{ host, target, want string }{
		{"gate.example.com", "/echo/prod/a", ""},
		{"gate.example.com", "/a", "api-unknown"},
		{"anything.example.net", "/echo/prod/a", ""},
		{"127.0.0.1:8081", "/echo/prod/a", ""},
		{"[::1]:8081", "/echo/prod/a", ""},
		{"", "/echo/prod/a", ""},

		{"weather.example.org", "/a", ""},
		{"weather.example.org", "/a/", ""},
		{"weather.example.org", "/echo/prod/a", "path-unknown"},
		{"weather.example.org", "/other/prod/only", "path-unknown"},
		{"weather.example.org", "/", "path-unknown"},
		{"weather.example.org", "/../echo/prod/a", "path-invalid"},
		{"based.example.org", "/v1/a", ""},
		{"based.example.org", "/v1", "path-unknown"},
		{"based.example.org", "/a", "path-unknown"},
		{"based.example.org", "/v1a", "path-unknown"},
		{"based.example.org", "/v2/a", "path-unknown"},
		{"based.example.org", "/echo/prod/a", "path-unknown"},
		{"other.example.org", "/only", "no-plan"},
		{"bare.example.org", "/a", "host-unknown"},
		{"bare.example.org", "/echo/prod/a", "host-unknown"},

		{"echo.apis.example.com", "/prod/a", ""},
		{"echo.apis.example.com", "/prod", "path-unknown"},
		{"echo.apis.example.com", "/", "stage-unknown"},
		{"echo.apis.example.com", "/echo/prod/a", "stage-unknown"},
		{"eco.apis.example.com", "/prod/a", "api-unknown"},
		{"x.echo.apis.example.com", "/prod/a", "api-unknown"},
		{".apis.example.com", "/prod/a", "api-unknown"},
		{"apis.example.com", "/echo/prod/a", ""},

		{"gate.apis.example.com", "/echo/prod/a", "stage-unknown"},
		{"dev.example.com", "/echo/prod/a", "host-unknown"},
		{"dev.example.com", "/signin", "host-unknown"},
	} {
		if got := o.at(t, tt.host, tt.target); got != tt.want {
			t.Errorf("%s%s: got %q, want %q", tt.host, tt.target, got, tt.want)
		}
	}
}

// A name that is written in another way must not lead to another policy (GW-20, GW-22).
func TestSpellingsOfAHostLeadToTheSame(t *testing.T) {
	o := named(t)
	for _, host := range []string{"weather.example.org", "based.example.org", "other.example.org", "bare.example.org", "echo.apis.example.com", "eco.apis.example.com", "dev.example.com"} {
		for _, target := range []string{"/a", "/v1/a", "/only", "/prod/a", "/echo/prod/a", "/other/prod/only"} {
			want := o.at(t, host, target)
			for _, spelled := range []string{strings.ToUpper(host), host + ".", host + ":443", host + ".:8081", strings.ToUpper(host[:3]) + host[3:] + ".:80"} {
				if got := o.at(t, spelled, target); got != want {
					t.Errorf("%s%s: got %q, and for %s %q", spelled, target, got, host, want)
				}
			}
		}
	}
}

func TestAnUpstreamLearnsWhatStandsBeforeThePath(t *testing.T) {
	o := named(t)
	for _, tt := range []struct{ host, target, prefix, path string }{
		{"gate.example.com", "/echo/prod/a", "/echo/prod", "/a"},
		{"weather.example.org", "/a", "", "/a"},
		{"based.example.org", "/v1/a", "/v1", "/a"},
		{"echo.apis.example.com", "/prod/a", "/prod", "/a"},
	} {
		o.at(t, tt.host, tt.target)
		all := o.up.requests()
		if len(all) == 0 {
			t.Fatal("nothing came")
		}
		if last := all[len(all)-1]; last.URL.Path != tt.path || last.Header.Get("X-Forwarded-Prefix") != tt.prefix || last.Header.Get("X-Forwarded-Host") != tt.host {
			t.Errorf("%s%s: upstream got %s %v", tt.host, tt.target, last.URL.Path, last.Header)
		}
	}
}

func TestADomainHoldsAndEndsWithTheTopology(t *testing.T) {
	o := newOne(t, nil)
	if got := o.at(t, "late.example.org", "/a"); got != "api-unknown" {
		t.Errorf("before: got %q", got)
	}
	o.world.stage(func() {
		o.domains = []models.GatewayDomain{{Host: "late.example.org", BasePath: "/x", Stage: o.stage.ID}}
	})
	catchUp(t, o.g)
	if got := o.at(t, "late.example.org", "/x/a"); got != "" {
		t.Errorf("added: got %q", got)
	}
	if host, base := o.g.DomainOf(o.stage.ID); host != "late.example.org" || base != "/x" || !o.g.Leads(host) || o.g.Leads("gate.example.com") {
		t.Errorf("got %q %q", host, base)
	}
	o.world.stage(func() { o.domains = nil })
	catchUp(t, o.g)
	if got := o.at(t, "late.example.org", "/x/a"); got != "api-unknown" {
		t.Errorf("removed: got %q", got)
	}
	if host, _ := o.g.DomainOf(o.stage.ID); host != "" {
		t.Errorf("removed: it is still told, %q", host)
	}
}

func TestTheOperatorsOwnNamesAreNoAPIsBelowTheDomain(t *testing.T) {
	o := newOne(t, nil)
	for _, slug := range []string{"gate", "dev"} {
		o.addAPI(slug, o.up.url, "GET /a")
	}
	o.g = o.gateway(t, func(c *enforcement.Config) {
		c.Hosts = enforcement.Hosts{Gateway: "gate.example.com", Portal: "dev.example.com", Domain: "example.com"}
	})
	for host, want := range map[string]string{"gate.example.com": "", "dev.example.com": "host-unknown", "echo.example.com": "stage-unknown", "example.com": ""} {
		if got := o.at(t, host, "/echo/prod/a"); got != want {
			t.Errorf("%s: got %q, want %q", host, got, want)
		}
	}
	if o.g.Leads("gate.example.com") || o.g.Leads("dev.example.com") || !o.g.Leads("echo.example.com") || o.g.Leads("nobody.example.com") {
		t.Error("Leads takes the operator's names for an API's, or does not know an API's")
	}
}
