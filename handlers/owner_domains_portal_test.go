package handlers_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/store"
)

// domainNames knows the names that the gateway would know.
type domainNames struct{ store *store.Store }

func (n domainNames) domains() []models.GatewayDomain {
	t, err := n.store.Topology(context.Background())
	if err != nil {
		panic(err)
	}
	return t.Domains
}

func (n domainNames) DomainOf(id models.StageID) (host, base string) {
	for _, d := range n.domains() {
		if d.Stage == id {
			return d.Host, d.BasePath
		}
	}
	return "", ""
}

func (n domainNames) Leads(host string) bool {
	for _, d := range n.domains() {
		if d.Host == host {
			return true
		}
	}
	return false
}

func (p *ownerPortal) checkDomain(ctx context.Context, d models.Domain) error {
	return p.store.NoteDomain(ctx, d.ID, models.DomainCheck{Proofs: p.proofs, Known: true}, p.clock)
}

var proofPattern = regexp.MustCompile(`gatehouse=[a-z2-7]{26}`)

func TestAnOwnerBringsADomainByItsProof(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "weather", nil)
	b := p.signedIn("owner@example.com")
	path := "/owner/apis/" + w.api.ID.String() + "/stages/" + w.stage.ID.String() + "/domains"
	b.get("/owner/apis/"+w.api.ID.String()+"/stages/"+w.stage.ID.String()).has(t, `href="`+path+`"`)
	b.get(path).has(t, "No domains yet", "https://gateway.example.com/weather/prod", "Headers and CORS")
	for host, words := range map[string]string{"": "Name a host", "localhost": "Name a host", "10.0.0.1": "Name a host", "portal.example.com": "operator", "PORTAL.example.com.": "operator"} {
		got := b.post(path, "host", host, "base_path", "/v1")
		if got.status != http.StatusUnprocessableEntity {
			t.Errorf("%q: got %d, want 422", host, got.status)
		}
		got.has(t, words, `value="/v1"`)
	}
	shown := b.sees(b.post(path, "host", "Bücher.Example.org", "base_path", "v1"))
	shown.has(t, "xn--bcher-kva.example.org/v1", "Waiting", "_gatehouse.xn--bcher-kva.example.org. TXT", "xn--bcher-kva.example.org. CNAME gateway.example.com.")
	if got := b.post(path, "host", "xn--bcher-kva.example.org"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("the same once more: %d", got.status)
	}
	visitor := p.visitor()
	visitor.get("/apis/weather").has(t, "https://gateway.example.com/weather/prod")

	p.proofs = []string{proofPattern.FindString(shown.body)}
	check := regexp.MustCompile(path + `/[0-9a-z]{10}/check`).FindString(shown.body)
	p.clock = p.clock.Add(time.Minute)
	b.sees(b.post(check)).has(t, "Active")
	visitor.get("/apis/weather").has(t, "https://xn--bcher-kva.example.org/v1/get")
	visitor.get("/apis/weather").hasNot(t, "gateway.example.com/weather")
	b.get("/owner/audit").has(t, "asked for the domain", "found the proof of the domain")

	for _, who := range []*browser{p.signedIn("stranger@example.com"), p.signedIn("developer@example.com")} {
		for _, got := range []answer{who.get(path), who.post(path, "host", "a.example.org"), who.post(check), who.get("/admin/domains")} {
			if got.status != http.StatusNotFound {
				t.Errorf("somebody else gets %d, want 404", got.status)
			}
		}
	}
	remove := check[:len(check)-len("check")] + "remove"
	b.get(remove).has(t, "Remove xn--bcher-kva.example.org?")
	b.sees(b.post(remove)).has(t, "No domains yet")
	visitor.get("/apis/weather").has(t, "https://gateway.example.com/weather/prod")
}

func TestAnAdministratorLetsADomainInThatDNSCannotProve(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "weather", nil)
	p.account(models.RoleAdmin, "admin@example.com")
	b, admin := p.signedIn("owner@example.com"), p.signedIn("admin@example.com")
	path := "/owner/apis/" + w.api.ID.String() + "/stages/" + w.stage.ID.String() + "/domains"
	admin.get("/admin/domains").has(t, "No domains yet")
	b.sees(b.post(path, "host", "api.corp.internal"))
	page := admin.get("/admin/domains")
	page.has(t, "api.corp.internal", "weather · prod", "owner@example.com", "Waiting")
	approve := regexp.MustCompile(`/admin/domains/[0-9a-z]{10}/approve`).FindString(page.body)
	if got := b.post(approve); got.status != http.StatusNotFound {
		t.Errorf("an owner lets his own in: %d", got.status)
	}
	admin.get(approve).has(t, "Let api.corp.internal in?")
	admin.sees(admin.post(approve)).has(t, "Active", "Let in by an administrator")
	b.get(path).has(t, "https://", "Active")
	remove := approve[:len(approve)-len("approve")] + "remove"
	admin.get(remove).has(t, "Remove api.corp.internal?")
	admin.sees(admin.post(remove)).has(t, "No domains yet")
}

// What is found at the gateway's names is the gateway, also on the portal's listener (SEC-15).
func TestThePortalIsNotFoundAtTheGatewaysNames(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "weather", nil)
	path := "/owner/apis/" + w.api.ID.String() + "/stages/" + w.stage.ID.String() + "/domains"
	b := p.signedIn("owner@example.com")
	b.sees(b.post(path, "host", "api.example.org"))
	shown := b.get(path)
	p.proofs = []string{proofPattern.FindString(shown.body)}
	p.clock = p.clock.Add(time.Minute)
	b.post(regexp.MustCompile(path + `/[0-9a-z]{10}/check`).FindString(shown.body))
	for host, want := range map[string]int{
		"portal.example.com": 200, "portal.example.com:8080": 200, "10.0.0.9:8080": 200, "": 200,
		"gateway.example.com": 404, "GATEWAY.example.com.:8080": 404, "api.example.org": 404, "API.example.org:443": 404,
	} {
		r := httptest.NewRequest(http.MethodGet, "/signin", nil)
		r.Host = host
		got := httptest.NewRecorder()
		p.handler.ServeHTTP(got, r)
		if got.Code != want || got.Header().Get("Content-Security-Policy") == "" {
			t.Errorf("%q: got %d, want %d", host, got.Code, want)
		}
	}
}
