package main

import (
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

var (
	tagPattern = regexp.MustCompile(`(?s)<(?:script|style)\b.*?</(?:script|style)>|<[^>]*>`)
	// What is set in UTC begins at midnight: days, quotas, months. Every other moment with UTC beside it was forgotten.
	forgottenPattern = regexp.MustCompile(`\d\d:\d\d(?::\d\d)?\s*UTC\b|(?:Time|Hour|From|To|Closed) \(UTC\)|Times are UTC`)
)

// forgottenIn are the moments of a page that stand in UTC though its reader has another zone.
func forgottenIn(text string) (out []string) {
	for _, at := range forgottenPattern.FindAllStringIndex(text, -1) {
		if found := text[at[0]:at[1]]; !strings.HasPrefix(found, "00:00 UTC") {
			out = append(out, text[max(0, at[0]-60):min(len(text), at[1]+20)])
		}
	}
	return out
}

// A person who chose a zone reads every time in it, and is told once in which: a page with two clocks makes somebody miss a deadline. The clock stands after New York's
// clocks went forward, so that pages show times of both offsets; India is half an hour off.
func TestPagesKeepToTheReadersZone(t *testing.T) {
	folder := t.TempDir()
	p := openPortal(t, folder, seedFolder(t, folder, storetest.Few()))
	after := p.Now.AddDate(0, 0, 6)
	p.in.now = func() time.Time { return after }
	p.in.site.Now = p.in.now
	for _, reader := range []string{developer, owner, admin} {
		p.signIn(t, reader) // the sessions of the seeding are over
	}
	for zone, want := range map[string][]string{"America/New_York": {">03:00 EDT<", ">01:30 EST<"}, "Asia/Kolkata": {">17:30 (so far)<"}} {
		seen := map[int]int{}
		for _, email := range []string{developer, owner, admin} {
			a, _, err := p.in.store.AccountByEmail(t.Context(), email)
			if err == nil {
				err = p.in.store.SavePreferences(t.Context(), storetest.Actor(a), models.Preferences{Zone: zone}, after)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, g := range append(p.pages(t), page{route: "/statements", reader: owner, path: "/owner/statements?month=2026-02"}, page{route: "/usage", reader: developer, path: "/usage?from=2026-03-07T20:00:00Z&to=2026-03-08T12:00:00Z"},
			page{route: "/usage", reader: developer, path: "/usage?range=30d"}, page{route: "/owner/usage", reader: owner, path: "/owner/usage?range=7d"}) {
			if g.reader == visitor && strings.HasPrefix(g.route, "/apis") {
				g.reader = developer // a visitor has no zone
			}
			w := p.get(g.reader, g.path)
			seen[w.Code]++
			if g.route == "/admin/system" || strings.HasPrefix(g.route, "/admin/outbox/:message") {
				continue // a report for others, and mails in the zone of who gets them
			}
			if g.reader == visitor || w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
				continue
			}
			text := strings.ReplaceAll(html.UnescapeString(tagPattern.ReplaceAllString(w.Body.String(), " ")), "\u00a0", " ")
			for _, found := range forgottenIn(strings.Join(strings.Fields(text), " ")) {
				t.Errorf("%s for %s in %s: …%s…", g.path, g.reader, zone, found)
			}
			if n := strings.Count(text, "Times in "+strings.ReplaceAll(zone, "_", " ")); n > 1 || n == 0 && strings.Contains(w.Body.String(), `class="foot"`) {
				t.Errorf("%s says %d times that it is in %s", g.path, n, zone)
			}
		}
		if seen[200] < 100 {
			t.Errorf("of the pages %v were seen", seen)
		}
		usage := p.get(developer, "/usage?from=2026-03-07T20:00:00Z&to=2026-03-08T12:00:00Z").Body.String()
		if zone == "Asia/Kolkata" {
			usage = p.get(developer, "/usage?range=24h").Body.String()
		}
		for _, label := range want {
			if !strings.Contains(strings.ReplaceAll(usage, "\u00a0", " "), label) {
				t.Errorf("the chart in %s has no bar of %q", zone, label)
			}
		}
	}
}
