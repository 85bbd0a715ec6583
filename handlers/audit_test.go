package handlers_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// TestAuditShowsOwnersTheirsAndAdministratorsAll.
func TestAuditShowsOwnersTheirsAndAdministratorsAll(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	olga, otto := p.account(models.RoleOwner, "olga@example.com"), p.account(models.RoleOwner, "otto@example.com")
	for _, owner := range []models.Account{olga, otto} {
		_, err := p.store.CreatePlan(t.Context(), storetest.Actor(owner), models.NewTerms("Plan of "+owner.Email), p.clock)
		ok(t, err)
	}
	got := p.signedIn("olga@example.com").get("/owner/audit")
	got.has(t, "Plan of olga@example.com")
	got.hasNot(t, "otto@example.com")
	p.signedIn("admin@example.com").get("/admin/audit").has(t, "Plan of olga@example.com", "Plan of otto@example.com")
}

// TestAuditFilters: by actor, kind, object and day; each filter in force can be taken away, and wrong ones are said.
func TestAuditFilters(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	olga := p.account(models.RoleOwner, "olga@example.com")
	_, err := p.store.CreatePlan(t.Context(), storetest.Actor(olga), models.NewTerms("Free <b>"), p.clock.Add(24*time.Hour))
	ok(t, err)
	b := p.signedIn("admin@example.com")
	tests := []struct {
		query     string
		want, not string
	}{
		{"?actor=olga", "Free &lt;b&gt;", "admin@example.com</span> <span"},
		{"?action=plan.", "Free &lt;b&gt;", "created account"},
		{"?action=account.", "admin@example.com", "Free &lt;b&gt;"},
		{"?object=" + olga.ID.String(), "olga@example.com", "Free &lt;b&gt;"},
		{"?from=2026-03-03", "Free &lt;b&gt;", "account </span>"},
		{"?to=2026-03-02", "olga@example.com", "Free &lt;b&gt;"},
		{"?from=2026-03-03&to=2026-03-03", "Free &lt;b&gt;", "account </span>"},
		{"?actor=nobody", "Nothing found", "Free &lt;b&gt;"},
	}
	for _, tt := range tests {
		got := b.get("/admin/audit" + tt.query)
		if got.status != http.StatusOK {
			t.Errorf("%s: %d", tt.query, got.status)
		}
		got.has(t, tt.want, "Remove this filter")
		got.hasNot(t, tt.not)
	}
	for query, want := range map[string]string{"?from=yesterday": "Enter a day", "?from=2026-03-03&to=2026-03-01": "The last day is before the first one"} {
		got := b.get("/admin/audit" + query)
		if got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d, want 422", query, got.status)
		}
		got.has(t, want)
	}
}

// TestAuditTellsByWhichAccessKey: a change that a program made is told from one of its account's person.
func TestAuditTellsByWhichAccessKey(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	olga := p.account(models.RoleOwner, "olga@example.com")
	key, _, err := p.store.CreateAccessKey(t.Context(), storetest.Actor(olga), olga.ID, models.NewAccessKey{Name: "deploy"}, p.clock)
	ok(t, err)
	signing, err := p.store.SigningKey(t.Context(), key.ID, p.clock)
	ok(t, err)
	for name, actor := range map[string]models.Actor{"By program": signing.Actor("192.0.2.1", "r1"), "By hand": storetest.Actor(olga)} {
		_, err := p.store.CreatePlan(t.Context(), actor, models.NewTerms(name), p.clock)
		ok(t, err)
	}
	for email, path := range map[string]string{"admin@example.com": "/admin/audit", "olga@example.com": "/owner/audit"} {
		b := p.signedIn(email)
		b.get(path).has(t, "by access key <code>"+key.ID, `href="`+path+"?credential="+key.ID+`"`, "By hand")
		narrowed := b.get(path + "?credential=" + key.ID)
		narrowed.has(t, "By program", "access key: "+key.ID, `name="credential" value="`+key.ID+`"`)
		narrowed.hasNot(t, "By hand")
	}
}

var nextPattern = regexp.MustCompile(`href="([^"]*after=[^"]*)"`)

// TestAuditIsReadPageByPage: all events once, in order, with the filter kept.
func TestAuditIsReadPageByPage(t *testing.T) {
	p := openPortal(t)
	p.account(models.RoleAdmin, "admin@example.com")
	olga := p.account(models.RoleOwner, "olga@example.com")
	for i := range 120 {
		_, err := p.store.CreatePlan(t.Context(), storetest.Actor(olga), models.NewTerms(fmt.Sprintf("Plan %03d", i)), p.clock.Add(time.Duration(i)*time.Second))
		ok(t, err)
	}
	b := p.signedIn("admin@example.com")
	path, want, pages := "/admin/audit?action=plan.", 119, 0
	for ; path != ""; pages++ {
		got := b.get(path)
		for _, name := range regexp.MustCompile(`<span class="strong">Plan (\d+)</span>`).FindAllStringSubmatch(got.body, -1) {
			if name[1] != fmt.Sprintf("%03d", want) {
				t.Fatalf("page %d lists plan %s, want %03d", pages+1, name[1], want)
			}
			want--
		}
		path = ""
		if next := nextPattern.FindStringSubmatch(got.body); next != nil {
			path = strings.ReplaceAll(next[1], "&amp;", "&")
		}
	}
	if want != -1 || pages != 3 {
		t.Errorf("%d plans are missing after %d pages", want+1, pages)
	}
	if got := b.get("/admin/audit?after=nonsense"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a place that does not exist: %d, want 422", got.status)
	}
}
