package handlers_test

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/store/storetest"
)

// An owner deprecates an operation, sees who still calls it, rehearses the sunset, and its callers read why.
func TestAnOperationIsDeprecatedRehearsedAndKept(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	made := p.subscribe(w.plan, "App")
	methods, err := p.store.Methods(t.Context(), p.owner.ID, w.api.ID)
	ok(t, err)
	ok(t, p.store.CommitUsage(t.Context(), models.UsageBatch{Cells: []models.UsageCell{{KeyID: made.Key.ID, PlanID: w.plan.ID, StageID: w.stage.ID, MethodID: methods[0].ID,
		Minute: p.clock.Truncate(time.Minute).Unix(), Outcome: models.OutcomeSuccess, Count: 7}}}))
	b := p.signedIn("owner@example.com")
	path := "/owner/apis/" + w.api.ID.String() + "/deprecations"
	b.get(path).has(t, "Nothing is deprecated", path+"/new")
	b.get(path+"/new?what=GET+/get").has(t, `value="GET /get"`, `value="stage prod"`, `value="`+p.clock.Format(time.DateOnly)+`"`)
	b.post(path, "what", "GET /nowhere", "since", "someday", "link", "javascript:x").again(t, "Name an operation as the API has it", `value="GET /nowhere"`, `value="someday"`)
	b.post(path, "what", "GET /get", "since", "2026-03-02", "sunset", "2026-03-01", "link", "javascript:x").again(t, "The sunset comes after", "begins with https://")
	page := b.sees(b.post(path, "what", "GET /get", "since", "2026-03-02", "sunset", "2026-04-01", "note", "Use v2.", "successor", "https://example.com/v2"))
	page.has(t, "Deprecated: its answers say so", "Who still calls it", "1 key in the last 30 days", "App · developer@example.com", ">7<", `value="2026-04-01"`, "5 minutes of each hour of a day")
	all, err := p.store.Deprecations(t.Context(), w.api.ID)
	ok(t, err)
	one := path + "/" + all[0].ID.String()
	b.post(path, "what", "GET /get", "since", "2026-03-02").again(t, "It is deprecated already")
	b.post(one+"/brownouts", "dark", "hour", "dark_on", "2026-04-05", "dark_at", "09:00").again(t, "A brownout ends before the sunset")
	b.post(one+"/brownouts", "dark", "hour", "dark_on", "", "dark_at", "x").again(t, "Enter a day such as", "Enter a time such as")
	b.sees(b.post(one+"/brownouts", "dark", "hourly", "dark_on", "2026-03-20")).has(t, "20 Mar 2026, 00:00", "5 min of each 60 min")
	b.sees(b.post(one+"/brownouts", "dark", "hour", "dark_on", "2026-03-25", "dark_at", "09:30")).has(t, "25 Mar 2026, 09:30", "all of it")
	b.sees(b.post(one+"/brownouts/remove", "index", "0", "from", "2026-03-20T00:00:00Z")).hasNot(t, "5 min of each 60 min")
	b.post(one+"/brownouts/remove", "index", "7", "from", "2026-03-20T00:00:00Z").again(t, "The list has changed")
	b.sees(b.post(one, "since", "2026-03-02", "sunset", "2026-04-02", "note", "Use v3.")).has(t, "Saved, and in force")
	b.get(path).has(t, "GET /get", "Deprecated", "2 Apr 2026")

	ok(t, p.store.TellChanges(t.Context(), p.clock))
	d := p.signedIn("developer@example.com")
	d.get("/notices").has(t, "GET /get of echo is deprecated")
	d.get("/apis/echo/changes").has(t, "GET /get", "answers 410 Gone from", "Use v3.", "Switched off for a while", `id="`+all[0].ID.String()+`"`, "Nothing is written yet")
	d.get("/apis/echo/changes.md").has(t, "- GET /get: since 2026-03-02, answers 410 from 2026-04-02T00:00:00Z on. Use v3.")
	if page := d.get(one); page.status == 200 {
		t.Errorf("a developer sees the owner's page: %d", page.status)
	}
	if page := p.signedIn("stranger@example.com").get(one); page.status != 404 {
		t.Errorf("another owner sees it: %d", page.status)
	}
	visitor := p.visitor()
	visitor.get("/apis/echo").has(t, "Goes 2 Apr 2026")
	visitor.get("/apis/echo/docs").has(t, "Goes 2 Apr 2026")
	visitor.get("/apis/echo/docs.md").has(t, "(goes 2 Apr 2026)")
	visitor.get("/apis/echo/docs/get-get").has(t, "Deprecated since 2 Mar 2026.", "It answers 410 Gone from")
	visitor.get("/apis/echo/docs/get-get.md").has(t, "> Deprecated since 2 Mar 2026.", "410 Gone from")
	visitor.get("/apis/echo/openapi.json").has(t, `"deprecated": true`, `"x-sunset": "2026-0`)
	b.sees(b.post(one+"/keep")).has(t, "Taken back: it stays", "Nothing is deprecated")
	ok(t, p.store.TellChanges(t.Context(), p.clock))
	d.get("/notices").has(t, "GET /get of echo stays after all")
}

// A day that is saved again keeps the time of day that it has, and the form says which.
func TestTheTimeOfASunsetIsSaidAndKept(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	since, sunset := p.clock.Truncate(time.Hour).Add(30*time.Minute), time.Date(2026, 4, 1, 9, 15, 0, 0, time.UTC)
	d, err := p.store.Deprecate(t.Context(), models.Actor{AccountID: p.owner.ID, Role: models.RoleOwner}, models.Deprecation{APIID: w.api.ID, StageID: w.stage.ID, Since: since, Sunset: sunset}, p.clock)
	ok(t, err)
	b := p.signedIn("owner@example.com")
	list := "/owner/apis/" + w.api.ID.String() + "/deprecations"
	one := list + "/" + d.ID.String()
	b.get(list+"/new").has(t, "At 00:00 UTC.", "From 00:00 UTC of this day on")
	b.get(one).has(t, "At "+since.Format("15:04")+" UTC.", "From 09:15 UTC of this day on", `value="2026-04-01"`)
	b.sees(b.post(one, "since", since.Format(time.DateOnly), "sunset", "2026-04-03", "note", "")).has(t, "Saved, and in force", "From 09:15 UTC")
	saved, err := p.store.Deprecation(t.Context(), p.owner.ID, w.api.ID, d.ID)
	ok(t, err)
	if want := sunset.AddDate(0, 0, 2); !saved.Since.Equal(since) || !saved.Sunset.Equal(want) {
		t.Errorf("saved %s and %s, want %s and %s", saved.Since, saved.Sunset, since, want)
	}
}

// What an owner writes is read as a page, as Markdown and as a feed, by whoever may see the API; what is proposed is his alone.
func TestAChangelogIsReadInThreeForms(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b := p.signedIn("owner@example.com")
	path := "/owner/apis/" + w.api.ID.String() + "/changes"
	b.get(path).has(t, "Nothing is published yet")
	b.post(path, "title", "", "day", "x").again(t, "Enter a day such as")
	b.post(path, "title", "", "day", "2026-03-02").again(t, "Say in one line what changed")
	b.sees(b.post(path, "title", "Version <2>", "day", "2026-03-02", "breaking", "on", "body", "See **here** <script>alert(1)</script>")).has(t, "Published: who sees the API", "Version &lt;2&gt;", "Breaking")
	b.sees(b.post("/owner/apis/"+w.api.ID.String()+"/deprecations", "what", "stage prod", "since", "2026-03-02", "sunset", "2026-05-01")).has(t, "Deprecated: its answers")
	b.get(path).has(t, "Proposed to you", "The stage prod of echo is deprecated", "New plan: echo plan")

	visitor := p.visitor()
	page := visitor.get("/apis/echo/changes")
	page.has(t, "Version &lt;2&gt;", "<strong>here</strong>", "Breaking", "The stage prod")
	page.hasNot(t, "<script>alert", "is deprecated.")
	visitor.get("/apis/echo/changes.md").has(t, "## 2026-03-02: Version <2> (breaking)", "See **here**")
	feed := visitor.get("/apis/echo/changes.atom")
	var parsed struct {
		ID      string `xml:"id"`
		Entries []struct {
			Title   string `xml:"title"`
			Content string `xml:"content"`
		} `xml:"entry"`
	}
	ok(t, xml.Unmarshal([]byte(feed.body), &parsed))
	if parsed.ID != "https://portal.example.com/apis/echo/changes" || len(parsed.Entries) != 1 || parsed.Entries[0].Title != "Version <2>" || !strings.Contains(parsed.Entries[0].Content, "<strong>here</strong>") {
		t.Errorf("the feed is %+v", parsed)
	}
	proposals, err := p.store.ChangelogProposals(t.Context(), p.owner.ID, w.api.ID)
	ok(t, err)
	entry := path
	for _, e := range proposals {
		if e.Title == "New plan: echo plan" {
			b.get(path+"/"+e.ID.String()).has(t, "Proposed entry", "The plan echo plan is new.", "Dismiss")
			b.sees(b.post(path+"/"+e.ID.String()+"/delete")).has(t, "Dismissed: nobody is told")
		} else {
			entry += "/" + e.ID.String()
		}
	}
	b.get(entry).has(t, "Proposed entry", "answers 410 from then on")
	b.sees(b.post(entry, "title", "The stage prod goes", "day", "2026-03-03", "body", "Move.")).hasNot(t, "Proposed to you")
	visitor.get("/apis/echo/changes").has(t, "The stage prod goes")
	b.sees(b.post(entry+"/delete")).has(t, "Deleted")
	visitor.get("/apis/echo/changes").hasNot(t, "The stage prod goes")
	if page := p.signedIn("stranger@example.com").get(entry); page.status != 404 {
		t.Errorf("another owner reads it: %d", page.status)
	}
	if page := visitor.get("/apis/nowhere/changes"); page.status != 404 {
		t.Errorf("of no API: %d", page.status)
	}
}

// What is said of an API is found, and stands where people look for it.
func TestEntriesGuidesAndChangesAreFoundWherePeopleLook(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	actor := storetest.Actor(p.owner)
	entry, err := p.store.SaveChangelogEntry(t.Context(), actor, models.ChangelogEntry{APIID: w.api.ID, Day: p.clock, Title: "Faster than light", Body: "By relativity."}, p.clock)
	ok(t, err)
	for _, q := range []string{"than+light", "relativity"} {
		p.visitor().get("/search?q="+q).has(t, "Changes", "Faster than light", "/apis/echo/changes#e-"+entry.ID.String())
	}
	p.visitor().get("/search?q=New+plan").hasNot(t, "New plan: echo plan") // it is proposed, and no more

	p.visitor().get("/apis/echo/docs").hasNot(t, ">Guides<")
	_, err = p.store.CreateGuide(t.Context(), actor, w.api.ID, models.Guide{Title: "First steps", Slug: "first-steps", Text: "Begin.", Published: true}, p.clock)
	ok(t, err)
	p.visitor().get("/apis/echo/docs").has(t, ">Guides<", "/apis/echo/guides/first-steps", "First steps")

	terms := models.NewTerms("echo plan")
	terms.Quota, terms.Stages = &limit.Quota{Limit: 5_000, Period: limit.PeriodMonth}, []models.PlanStage{{StageID: w.stage.ID}}
	_, err = p.store.SaveDraft(t.Context(), actor, w.plan.ID, "", terms, p.clock)
	ok(t, err)
	at := p.clock.AddDate(0, 0, 20)
	_, err = p.store.SchedulePlan(t.Context(), actor, w.plan.ID, at, []models.TermsChange{{What: "Quota", Before: "10,000", After: "5,000"}}, p.clock)
	ok(t, err)
	d := p.signedIn("developer@example.com")
	d.get("/apis/echo/subscribe").has(t, "This plan changes on", "Quota", "10,000", "5,000", "holds until then")

	ok(t, p.store.DeleteStage(t.Context(), actor, w.api.ID, w.stage.ID, p.clock))
	p.signedIn("owner@example.com").get("/owner").has(t, "echo plan", "did not: it is a draft again. One of its stages was deleted.", "Open the draft")
}
