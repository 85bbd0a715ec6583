package handlers_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/handlers"
	"gatehouse/models"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// system is a page of the system whose facts the test gives.
func (p *portal) system(s *store.Store) *handlers.System {
	return &handlers.System{Store: s, Facts: func(context.Context) (handlers.SystemFacts, error) {
		if p.facts == nil {
			return handlers.SystemFacts{}, errors.New("the test gave no facts")
		}
		return *p.facts, nil
	}}
}

// Whoever reports a fault copies what the page says, and nothing in it may be a secret.
func TestTheSystemPageHasAReportToCopy(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	b := p.signedIn("admin@example.com")
	p.facts = &handlers.SystemFacts{Version: "1.2.3", Revision: "abcdef", Go: "go1", Driver: "sqlite", Platform: "linux/amd64", Folder: "/data", Database: 3_000_000, Schema: 19,
		Started: p.clock.Add(-26 * time.Hour), Clock: p.clock, Goroutines: 41, CertificateTrouble: "late.example.com: no answer",
		Certificates: []handlers.CertificateFact{{Name: "api.example.com", Ends: p.clock.AddDate(0, 0, 60)}, {Name: "old.example.com", Ends: p.clock.AddDate(0, 0, -1)}}}
	got := b.get("/admin/system")
	got.has(t, "The gateway keeps its promise", "1 d 2 h", "3 MB", "data-copy=\"#report\"", "schema: 19", "goroutines: 41", "api.example.com, until ", "certificate: old.example.com, ended on ", "late.example.com: no answer")
	p.facts.Ready = "journal-full"
	b.get("/admin/system").has(t, "The gateway cannot write down what it admits.", "free space")
	p.facts = nil
	if got := b.get("/admin/system"); got.status != http.StatusInternalServerError {
		t.Errorf("without facts: %d, want 500", got.status)
	}
	b.get("/admin/system").has(t, "Try again")
}

// An administrator sees what works for whom, and cannot open what is an owner's.
func TestJobsOfEverybodyAreListed(t *testing.T) {
	p := openOwnerPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	b := p.signedIn("admin@example.com")
	b.get("/admin/jobs").has(t, "No imports yet")
	id := models.NewID[models.Import](1)
	err := p.store.BeginImport(t.Context(), storetest.Actor(p.owner), models.NewImport{ID: id, File: "keys.csv", Bytes: 10}, p.clock)
	ok(t, err)
	got := b.get("/admin/jobs")
	got.has(t, "keys.csv", "owner@example.com", "http-equiv=\"refresh\"")
	got.hasNot(t, "/owner/imports/"+id.String())
}

// Search engines list what a stranger may see, and are told of nothing else.
func TestSearchEnginesAreToldOfPublicPagesAlone(t *testing.T) {
	p := openOwnerPortal(t)
	p.world(p.owner, "weather", nil)
	p.world(p.owner, "hidden", func(terms *models.Terms) { terms.Audience = models.AudienceInvited })
	robots := p.visitor().get("/robots.txt")
	robots.has(t, "Disallow: /owner", "Sitemap: https://portal.example.com/sitemap.xml")
	list := p.visitor().get("/sitemap.xml")
	if kind := list.header.Get("Content-Type"); !strings.HasPrefix(kind, "application/xml") {
		t.Errorf("the site map is %s", kind)
	}
	list.has(t, "<loc>https://portal.example.com/apis/weather</loc>", "<loc>https://portal.example.com/apis/weather/docs</loc>")
	list.hasNot(t, "hidden", "/owner")
	p.signedIn("owner@example.com").get("/sitemap.xml").hasNot(t, "hidden")
	p.visitor().get("/apis/weather").has(t, `<link rel="canonical" href="https://portal.example.com/apis/weather"`)
}
