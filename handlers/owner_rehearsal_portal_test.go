package handlers_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/enforcement/recording"
	"gatehouse/handlers"
	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// heldRecording is a recording whose readers wait while the test holds them.
type heldRecording struct {
	*recording.Recorder
	hold  chan struct{} // nil: nobody waits
	fault error
}

func (h *heldRecording) Read(ctx context.Context, plan models.PlanID, from time.Time, visit func([]models.Arrival, float64) error) (models.Recorded, error) {
	if h.fault != nil {
		return models.Recorded{}, h.fault
	}
	covered, err := h.Recorder.Read(ctx, plan, from, func(some []models.Arrival, share float64) error {
		if h.hold != nil {
			if err := visit(nil, 0.4); err != nil {
				return err
			}
			select {
			case <-h.hold:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return visit(some, share)
	})
	return covered, err
}

// record opens the portal's recording.
func (p *ownerPortal) record() {
	p.t.Helper()
	now := func() time.Time { return p.clock }
	r, err := recording.Open(p.t.TempDir(), recording.Config{Log: slog.New(slog.DiscardHandler), Now: now})
	ok(p.t, err)
	p.recording = &heldRecording{Recorder: r}
	p.rehearsals = handlers.NewRehearsals(p.recording, now, slog.New(slog.DiscardHandler))
	p.t.Cleanup(func() { p.rehearsals.Close(); _ = r.Close() })
}

// arrive records, days ago, seconds of so many requests of a key, all of them let pass.
func (p *ownerPortal) arrive(w world, key models.KeyID, daysAgo int, requests ...int64) {
	p.t.Helper()
	methods, err := p.store.Methods(p.t.Context(), w.api.OwnerID, w.api.ID)
	ok(p.t, err)
	var some []models.Arrival
	for i, n := range requests {
		some = append(some, models.Arrival{KeyID: key, PlanID: w.plan.ID, StageID: w.stage.ID, MethodID: methods[0].ID, Second: p.clock.AddDate(0, 0, -daysAgo).Unix() + int64(i)*60, Admitted: n})
	}
	ok(p.t, p.recording.Keep(some))
}

// rehearses presses the button until there is a result.
func (b *browser) rehearses(path string, fields ...string) answer {
	b.portal.t.Helper()
	for {
		if a := b.post(path, with(fields, "action", "rehearse")...); !strings.Contains(a.body, "Look again") {
			return a
		}
	}
}

var reportPattern = regexp.MustCompile(`/owner/plans/[a-z0-9]+/rehearsal/[a-f0-9]+`)

// Flow 7 of the design, without scripts: the numbers are rehearsed before they are saved, nothing that was typed is lost, and the review shows the same.
func TestChangeIsRehearsedBesideTheFormAndOnTheReview(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil) // 80 a second, burst 200
	key := p.subscribe(w.plan, "App").Key.ID
	quiet, _, err := p.store.CreateCustomerKey(t.Context(), storetest.Actor(p.owner), models.NewCustomerKey{Name: "Northwind", CustomerID: "C-7", Plans: []models.PlanID{w.plan.ID}}, p.clock)
	ok(t, err)
	p.arrive(w, key, 12, 150, 3, 4)
	p.arrive(w, quiet.ID, 11, 1, 1)
	b := p.signedIn("owner@example.com")
	path := "/owner/plans/" + w.plan.ID.String()
	b.get(path).has(t, "Rehearsal", "Replay what called this plan in the last 30 days")

	typed := with(planFields(w.stage), "rate", "50", "burst", "20", "name", "Typed", "action", "rehearse")
	page := b.rehearses(path, typed...)
	// All at once 20 of 150 pass; spread over the second, 49 or so come back meanwhile.
	page.has(t, `value="Typed"`, `value="20"`, "Since 18 Feb 2026", "keys replayed 2", "newly refused 1",
		"The draft would have refused 81 to 130 of 159 requests of 2 keys, and touched 1 key; today's limits refuse none.", "Rehearsed: 50 rps · burst 20 · 10,000 requests a month", "App key", "81–130 refused")
	page.hasNot(t, "Northwind")
	if row, err := p.store.Plan(t.Context(), p.owner.ID, w.plan.ID); err != nil || row.Draft != nil {
		t.Errorf("a rehearsal left the draft %+v, %v", row.Draft, err)
	}

	report := b.get(reportPattern.FindString(page.body))
	report.has(t, "Rehearsal of echo plan", "since 18 Feb 2026", "App key", "developer@example.com", "Newly refused", "throttle 81–130", "Northwind", "Customer C-7", "All 2 keys",
		"Every second is replayed twice", "What is left out", "/owner/keys/"+key.String())
	report.hasNot(t, `href="`+path+`/publish"`) // it is not of what is saved

	review := b.sees(b.post(path, with(typed, "action", "review")...))
	review.has(t, "Review and publish", "The draft would have refused 81 to 130 of 159 requests")
	review.hasNot(t, "http-equiv")
	b.get(reportPattern.FindString(review.body)).has(t, `href="`+path+`/publish"`)
	b.get(path).has(t, "The draft would have refused 81 to 130 of 159 requests") // it is kept for a while
	p.clock = p.clock.Add(2 * time.Hour)
	b.sees(b.get(reportPattern.FindString(page.body))).has(t, "That rehearsal is over")
	b.sees(b.post(reportPattern.FindString(page.body))).has(t, "That rehearsal is over")
}

// With scripts the button asks for the card alone, which asks again until there is a result.
func TestRehearsalThatTakesLongIsWaitedForWithAndWithoutScripts(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	p.arrive(w, p.subscribe(w.plan, "App").Key.ID, 3, 150)
	p.recording.hold = make(chan struct{})
	b := p.signedIn("owner@example.com")
	path := "/owner/plans/" + w.plan.ID.String()
	typed := with(planFields(w.stage), "burst", "20", "seen", w.plan.InForce.Digest())

	card := b.fragment(path+"/rehearsal", typed...)
	card.has(t, "Replaying what called this plan", "40 %", `hx-trigger="every 1s"`)
	card.hasNot(t, "<html")
	run := reportPattern.FindString(card.body)
	b.part(run+"/card?editor=1").has(t, "40 %", `hx-get="`+run+`/card?editor=1"`)
	b.part(run).has(t, "40 %", `hx-get="`+run+`"`)
	b.get(run).has(t, "40 %", `http-equiv="refresh"`)
	b.post(path, with(typed, "action", "rehearse", "name", "Typed")...).has(t, "40 %", "Look again", `value="Typed"`)
	b.sees(b.post(path, with(typed, "action", "review")...)).has(t, "40 %", `http-equiv="refresh"`)
	b.sees(b.post(run)).has(t, "40 %") // it is under way already

	close(p.recording.hold)
	p.rehearsals.Wait(t.Context(), run[strings.LastIndex(run, "/")+1:])
	b.part(run+"/card?editor=1").has(t, "Open report", "Rehearse again", `hx-post="`+path+`/rehearsal"`)
	b.part(run+"/card").hasNot(t, "Rehearse again", `hx-trigger="every`)
	b.get(run).has(t, "All 1 key")
	again := b.post(run)
	p.rehearsals.Wait(t.Context(), run[strings.LastIndex(run, "/")+1:])
	b.sees(again).has(t, "All 1 key")
}

func TestWhatCannotBeRehearsedIsSaid(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	p.subscribe(w.plan, "App")
	b := p.signedIn("owner@example.com")
	path := "/owner/plans/" + w.plan.ID.String()
	same := with(planFields(w.stage), "rate", "80", "burst", "200", "name", "Other", "action", "rehearse")
	b.rehearses(path, same...).has(t, "there is nothing to rehearse")
	b.post(path, with(same, "burst", "x")...).again(t, "The form cannot be rehearsed yet", `value="x"`)
	b.fragment(path+"/rehearsal", with(same, "burst", "x")...).has(t, "The form cannot be rehearsed yet")
	b.sees(b.post(path, with(same, "action", "review")...)).has(t, "decides every request as the limits in force do")
	changed := with(same, "burst", "20")
	b.rehearses(path, changed...).has(t, "No traffic has been recorded yet")
	p.recording.Add(models.JournalPosition{}, models.JournalPosition{Segment: 1}, []models.Arrival{{KeyID: 1, PlanID: 77, Second: p.clock.Unix(), Admitted: 1}})
	b.rehearses(path, with(same, "burst", "21")...).has(t, "Nothing has called this plan since 2 Mar 2026")

	p.recording.fault = fmt.Errorf("disk away")
	b.rehearses(path, with(same, "burst", "22")...).has(t, "The rehearsal failed on our side")

	draft := b.post("/owner/plans", planFields(w.stage)...)
	b.sees(draft).has(t, "Once the plan is published and called")
	b.get("/owner/plans/new").hasNot(t, "plan-rehearsal")
	p.rehearsals = handlers.NoRehearsals("This installation does not record what arrives.")
	p.handler = p.serveOwner(p.store)
	b = p.signedIn("owner@example.com")
	b.get(path).has(t, "This installation does not record what arrives.")
	b.rehearses(path, changed...).has(t, "This installation does not record what arrives.")
	b.get(path+"/publish").has(t, "This installation does not record what arrives.")
	if got := b.get(path + "/rehearsal/0123"); got.status != http.StatusNotFound {
		t.Errorf("a rehearsal without a recording: %d", got.status)
	}
}

// What of the traffic was not recorded stands beside what is said about the rest.
func TestMissingTrafficIsToldWithTheResult(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	key := p.subscribe(w.plan, "App").Key.ID
	folder, position := t.TempDir(), models.JournalPosition{Segment: 1, Offset: 64}
	now := p.clock.AddDate(0, 0, -5)
	open := func() {
		r, err := recording.Open(folder, recording.Config{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }, Committed: position})
		ok(t, err)
		p.recording.Recorder = r
		to := models.JournalPosition{Segment: position.Segment, Offset: position.Offset + 64}
		r.Add(position, to, []models.Arrival{{KeyID: key, PlanID: w.plan.ID, StageID: w.stage.ID, Second: now.Unix(), Admitted: 30}})
		position = to
	}
	open()
	ok(t, p.recording.Close())
	position.Segment, now = 3, p.clock.AddDate(0, 0, -2) // a process served without it
	open()
	b := p.signedIn("owner@example.com")
	page := b.rehearses("/owner/plans/"+w.plan.ID.String(), with(planFields(w.stage), "burst", "20")...)
	page.has(t, "of 60 requests", "Nothing was recorded from 25 Feb 2026", "what called then is missing")
	b.get(reportPattern.FindString(page.body)).has(t, "Nothing was recorded from 25 Feb 2026")
}

// R9: rehearsals show customers' traffic, and that is one owner's business.
func TestNobodyElseSeesARehearsal(t *testing.T) {
	p := openOwnerPortal(t)
	w, other := p.world(p.owner, "echo", nil), p.world(p.stranger, "maps", nil)
	p.arrive(w, p.subscribe(w.plan, "App").Key.ID, 3, 150)
	b, stranger := p.signedIn("owner@example.com"), p.signedIn("stranger@example.com")
	path := "/owner/plans/" + w.plan.ID.String()
	run := reportPattern.FindString(b.rehearses(path, with(planFields(w.stage), "burst", "20")...).body)
	developer := p.signedIn("developer@example.com")
	for _, who := range []*browser{stranger, developer} {
		for name, got := range map[string]answer{"report": who.get(run), "card": who.get(run + "/card"), "again": who.post(run),
			"form": who.post(path, with(planFields(w.stage), "action", "rehearse")...), "button": who.post(path+"/rehearsal", planFields(w.stage)...)} {
			if got.status != http.StatusNotFound {
				t.Errorf("%s: %d", name, got.status)
			}
		}
	}
	// Nor under a plan of his own.
	own := "/owner/plans/" + other.plan.ID.String() + run[strings.Index(run, "/rehearsal/"):]
	stranger.sees(stranger.get(own)).has(t, "That rehearsal is over")
	stranger.part(own+"/card").hasNot(t, "App key", "refused")
	if keys, err := p.store.KeysOfPlan(t.Context(), p.stranger.ID, w.plan.ID, nil, p.clock, p.clock); models.KindOf(err) != models.KindNotFound {
		t.Errorf("the store names %v, %v", keys, err)
	}
}
