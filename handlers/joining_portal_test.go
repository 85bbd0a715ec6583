package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// What a plan asks is asked of who subscribes, answers and the very text of the terms are kept, and a later text changes nothing for who accepted an earlier one.
func TestQuestionsAndTermsAreKeptWithTimeAndText(t *testing.T) {
	p := openDeveloperPortal(t)
	actor := storetest.Actor(p.owner)
	j := models.Joining{Terms: "Be kind.", Questions: []models.Question{{Label: "What do you build?", Kind: models.QuestionText, Required: true},
		{Label: "Where?", Kind: models.QuestionChoice, Choices: []string{"EU", "US"}}, {Label: "In production?", Kind: models.QuestionYesNo, Required: true}}}
	ok(t, p.store.SetJoining(t.Context(), actor, p.free.ID, j, p.clock))
	b := p.signedIn("developer@example.com")
	path := "/apis/echo/subscribe"
	b.get(path+"?plan="+p.free.ID.String()).says(t, "What do you build?", "Where? (optional)", "In production?", "Be kind.", "I accept the terms of use")
	fields := []string{"plan", p.free.ID.String(), "app", "new", "app_name", "Acme", "key_name", "k", "answer.0", "A shop", "answer.1", "Mars", "terms", "1"}
	wrong := b.post(path, fields...)
	if wrong.status != http.StatusUnprocessableEntity {
		t.Fatalf("%d", wrong.status)
	}
	wrong.says(t, "A shop", "Choose one of the answers.", "Answer this question.", "Read the terms of use and accept them.")
	fields = append(with(fields, "answer.1", "EU"), "answer.2", "Yes", "accept", "on")
	j.Terms = "Be kind, and pay."
	ok(t, p.store.SetJoining(t.Context(), actor, p.free.ID, j, p.clock))
	b.post(path, fields...).says(t, "The terms of use have changed since you opened this page.")
	done := b.post(path, with(fields, "terms", "2")...)
	if done.status != http.StatusSeeOther {
		t.Fatalf("%d: %s", done.status, done.text())
	}
	j.Terms = "Entirely other terms."
	ok(t, p.store.SetJoining(t.Context(), actor, p.free.ID, j, p.clock))
	apps, err := p.store.Apps(t.Context(), p.developer.ID, models.Page{})
	ok(t, err)
	sub := apps.Items[0].Subscriptions[0].ID.String()
	page := b.get("/subscriptions/" + sub)
	page.says(t, "What you answered", "A shop", "EU", "Yes", "Be kind, and pay.", "accepted")
	page.hasNot(t, "Entirely other")
}

// Who changes to a plan answers what it asks, too.
func TestChangeOfPlanAsksWhatTheNewPlanAsks(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.growth, "Acme")
	ok(t, p.store.SetJoining(t.Context(), storetest.Actor(p.owner), p.free.ID, models.Joining{Carries: true, Terms: "Be kind.", Questions: []models.Question{{Label: "Why?", Kind: models.QuestionText, Required: true}}}, p.clock))
	b := p.signedIn("developer@example.com")
	path := "/subscriptions/" + made.Subscription.ID.String() + "/change"
	b.get(path+"?to="+p.free.ID.String()).says(t, "Why?", "Be kind.", "What was used in this period counts on the new plan, too.")
	b.post(path, "to", p.free.ID.String()).says(t, "Answer this question.", "accept them")
	if got := b.post(path, "to", p.free.ID.String(), "answer.0", "Cheaper", "accept", "on", "terms", "1"); got.status != http.StatusSeeOther {
		t.Fatalf("%d: %s", got.status, got.text())
	}
}

// A plan by invitation that may be asked for: the developer asks, the owner invites or declines with a reason, and both see where it stands.
func TestWaitingListOfAPlanByInvitation(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	private := p.plan(p.owner, "Partners", w.stage, func(terms *models.Terms) { terms.Audience = models.AudienceInvited })
	o, path := p.signedIn("owner@example.com"), "/owner/plans/"+private.ID.String()
	o.get(path+"/joining").has(t, "Questions", "Waiting list")
	o.post(path+"/joining", "question.0", "Where?", "kind.0", "choice", "choices.0", "EU", "kind.1", "text", "kind.2", "text", "kind.3", "text", "kind.4", "text").again(t, "Enter 2 to 20 choices", "Where?")
	o.sees(o.post(path+"/joining", "waiting_list", "on", "kind.0", "text", "kind.1", "text", "kind.2", "text", "kind.3", "text", "kind.4", "text", "terms", "Be kind.")).has(t, "Version 1.", "Saved.")
	api, err := p.store.CatalogAPI(t.Context(), p.developer.ID, "echo")
	ok(t, err)
	asked := func() models.WaitingState {
		plans, err := p.store.AskablePlans(t.Context(), p.developer.ID, api.ID)
		ok(t, err)
		if len(plans) == 0 {
			return "invited"
		}
		return plans[0].Asked.State
	}
	if got := asked(); got != "" {
		t.Fatalf("before: %q", got)
	}
	ok(t, p.store.AskInvitation(t.Context(), storetest.Actor(p.developer), private.ID, "Let me in", p.clock))
	asks := func(owner models.AccountID, want int) {
		t.Helper()
		u, err := p.store.Undecided(t.Context(), owner)
		ok(t, err)
		if u.Asks != want || u.All() != want || len(u.Plans) != min(want, 1) {
			t.Errorf("%+v waits, want %d", u, want)
		}
	}
	asks(p.owner.ID, 1)
	asks(p.stranger.ID, 0)
	o.get("/owner/subscriptions").has(t, "1 person asks to be let in to Partners", path+"/invitations#waiting")
	o.get("/owner/plans").has(t, "1 ask to be let in")
	list := o.get(path + "/invitations")
	list.has(t, "Waiting list", "developer@example.com", "Let me in")
	decide := path + "/waiting/" + p.developer.ID.String()
	o.post(decide, "reason", "").again(t, "Say why")
	o.post(decide, "reason", "Not yet")
	asks(p.owner.ID, 0)
	if got := asked(); got != models.WaitingDeclined {
		t.Errorf("declined: %q", got)
	}
	ok(t, p.store.AskInvitation(t.Context(), storetest.Actor(p.developer), private.ID, "Now?", p.clock))
	if got := o.post(decide, "invite", "yes"); !strings.HasSuffix(got.location, "/invitations#waiting") || asked() != "invited" {
		t.Errorf("invited: %d, %q", got.status, asked())
	}
	if got := o.post(decide, "invite", "yes"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("twice: %d", got.status)
	}
	if _, _, err := p.store.Subscribe(t.Context(), storetest.Actor(p.developer), models.NewSubscription{PlanID: private.ID, AppName: "App", Join: models.JoinForm{Accept: true, Version: 1}}, p.clock); err != nil {
		t.Errorf("the invited cannot subscribe: %v", err)
	}
}

// A queue is decided at once: a refusal needs a reason, and what was decided meanwhile is told.
func TestRequestsAreDecidedTogether(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", func(terms *models.Terms) { terms.Audience = models.AudienceAsk })
	one, two, three := p.subscribe(w.plan, "One"), p.subscribe(w.plan, "Two"), p.subscribe(w.plan, "Three")
	b := p.signedIn("owner@example.com")
	b.get("/owner/subscriptions").has(t, "Approve selected", "Select One on echo plan")
	const path = "/owner/subscriptions/decide"
	b.sees(b.post(path, "decision", "refuse", "subscription", one.Subscription.ID.String())).has(t, "0 requests decided", "Say why")
	b.sees(b.post(path, "decision", "approve")).has(t, "Select the requests first.")
	b.sees(b.post(path, "decision", "approve", "subscription", one.Subscription.ID.String(), "subscription", two.Subscription.ID.String())).has(t, "Approved: 2 requests.")
	b.sees(b.post(path, "decision", "refuse", "reason", "Too small", "subscription", two.Subscription.ID.String(), "subscription", three.Subscription.ID.String())).has(t, "1 request decided", "active now")
	if got := p.signedIn("stranger@example.com").post(path, "decision", "refuse", "reason", "x", "subscription", one.Subscription.ID.String()); got.status != http.StatusNotFound {
		t.Errorf("a stranger: %d", got.status)
	}
}
