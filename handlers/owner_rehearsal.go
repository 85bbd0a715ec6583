package handlers

import (
	"context"
	"time"

	"gatehouse/models"
	"gatehouse/models/rehearsal"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// How long an answer waits for a short rehearsal to end, so that its page is whole at once: where somebody pressed the button, and on the review page.
const (
	waitForPressed = 1500 * time.Millisecond
	waitForReview  = 400 * time.Millisecond
)

// keysOnCard is how many keys the card names.
const keysOnCard = 3

func rehearsalPath(plan models.PlanID, id string) string {
	return ownerPlanPath(plan) + "/rehearsal/" + id
}

// noRehearsal says why terms of a plan cannot be rehearsed; "": they can.
func (o *OwnerPlans) noRehearsal(row models.PlanRow, now time.Time) string {
	switch {
	case o.Rehearsals.off():
		return o.Rehearsals.why
	case row.Version == 0:
		return "Once the plan is published and called, a change can be rehearsed here with its real traffic before you publish it."
	case row.Plan.At(now).State != models.PlanPublished:
		return "The terms of this plan do not change any more, so there is nothing to rehearse."
	}
	return ""
}

// rehearse begins the rehearsal of terms, or finds it, and waits a moment for its end.
func (o *OwnerPlans) rehearse(r *Request, row models.PlanRow, terms models.Terms, atMost time.Duration) rehearsed {
	if o.noRehearsal(row, r.Now) != "" || !rehearsal.Differ(row.InForce, terms) {
		return rehearsed{}
	}
	v := o.Rehearsals.Ask(r.Account.ID, row.ID, row.InForce, terms)
	if v.state == rehearsalWaiting || v.state == rehearsalRunning {
		o.wait(r, v.id, atMost)
		v = o.Rehearsals.Look(r.Account.ID, row.ID, v.id)
	}
	return v
}

// wait returns at the end of a rehearsal, or when the answer must go out.
func (o *OwnerPlans) wait(r *Request, id string, atMost time.Duration) {
	ctx, cancel := context.WithTimeout(r.Context(), atMost)
	defer cancel()
	o.Rehearsals.Wait(ctx, id)
}

// rehearsalCard is the card beside the editor. Terms are what the form says.
func (o *OwnerPlans) rehearsalCard(r *Request, row models.PlanRow, terms models.Terms, v rehearsed) (owner.Rehearsal, error) {
	if text := o.noRehearsal(row, r.Now); text != "" {
		return owner.Rehearsal{Text: text}, nil
	}
	if v.state == rehearsalNone && rehearsal.Differ(row.InForce, terms) {
		v = o.Rehearsals.Of(r.Account.ID, row.ID, row.InForce, terms)
	}
	card, err := o.rehearsalView(r, row, v, keysOnCard)
	forEditor(&card, row.ID)
	if v.state == rehearsalNone {
		card.Text = "Replay what called this plan in the last 30 days, with what the form says in place of the limits in force. Nothing is saved or published."
	}
	return card, err
}

// Rehearse replays the plan's traffic with what is in the form, and answers with the card; nothing is saved.
func (o *OwnerPlans) Rehearse(r *Request) (Reply, error) {
	row, choices, err := o.planAndChoices(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	terms := readTerms(f, choices, row.Current())
	card, err := o.rehearsePressed(r, row, f, terms)
	if err != nil || r.Fragment() {
		return Page(owner.RehearsalCard(card)), err
	}
	return See(ownerPlanPath(row.ID)), nil // the button sends the form to the editor's own address where scripts do not run
}

// rehearsePressed is the card after the button was pressed.
func (o *OwnerPlans) rehearsePressed(r *Request, row models.PlanRow, f *Form, terms models.Terms) (owner.Rehearsal, error) {
	var v rehearsed
	if f.OK() {
		v = o.rehearse(r, row, terms, waitForPressed)
	}
	card, err := o.rehearsalCard(r, row, terms, v)
	switch {
	case err != nil || card.Action == "":
	case !f.OK():
		card = owner.Rehearsal{Action: card.Action, Bad: true, Text: "The form cannot be rehearsed yet. Save the draft to see what is to be mended."}
	case v.state == rehearsalNone:
		card.Text = sameDecisions
	}
	return card, err
}

// forEditor gives the card a button that sends the form.
func forEditor(card *owner.Rehearsal, plan models.PlanID) {
	card.Action = ownerPlanPath(plan) + "/rehearsal"
	card.Card += "?editor=1"
}

const sameDecisions = "These limits decide every request as the ones in force do: there is nothing to rehearse."

// rehearsalOnReview is the card on the page that asks before the draft is published.
func (o *OwnerPlans) rehearsalOnReview(r *Request, row models.PlanRow) (owner.Rehearsal, error) {
	if text := o.noRehearsal(row, r.Now); text != "" {
		return owner.Rehearsal{Text: text}, nil
	}
	if !rehearsal.Differ(row.InForce, row.Current()) {
		return owner.Rehearsal{Text: "The draft decides every request as the limits in force do."}, nil
	}
	return o.rehearsalView(r, row, o.rehearse(r, row, row.Current(), waitForReview), keysOnCard)
}

// RehearsalCard is the card of a rehearsal that was begun, for pages that wait for its end.
func (o *OwnerPlans) RehearsalCard(r *Request) (Reply, error) {
	row, v, err := o.rehearsalOf(r)
	if err != nil {
		return Reply{}, err
	}
	card, err := o.rehearsalView(r, row, v, keysOnCard)
	if r.Query("editor") != "" {
		forEditor(&card, row.ID)
	}
	return Page(owner.RehearsalCard(card)), err
}

// rehearsalOf finds the rehearsal that the path names.
func (o *OwnerPlans) rehearsalOf(r *Request) (models.PlanRow, rehearsed, error) {
	row, err := o.plan(r)
	if err != nil {
		return row, rehearsed{}, err
	}
	if o.Rehearsals.off() {
		return row, rehearsed{}, models.NotFound("rehearsal")
	}
	return row, o.Rehearsals.Look(r.Account.ID, row.ID, r.Param("run")), nil
}

// Rehearsal is the page of a rehearsal.
func (o *OwnerPlans) Rehearsal(r *Request) (Reply, error) {
	row, v, err := o.rehearsalOf(r)
	if err != nil {
		return Reply{}, err
	}
	if v.state == rehearsalNone && !r.Fragment() {
		return r.Sorry(ownerPlanPath(row.ID), "That rehearsal is over: what it found is kept for an hour. Rehearse the draft again."), nil
	}
	card, err := o.rehearsalView(r, row, v, rehearsalKeys)
	if err != nil {
		return Reply{}, err
	}
	report := owner.RehearsalReport{PlanHead: planHead(row, r.Here()), Rehearsal: card, URL: rehearsalPath(row.ID, r.Param("run")), At: v.at, Now: r.Now, ReviewURL: ownerPlanPath(row.ID) + "/publish"}
	report.Saved = row.Draft != nil && v.state == rehearsalDone && !rehearsal.Differ(v.draft, row.Current()) && !rehearsal.Differ(v.today, row.InForce)
	report.Subtitle = "What called the plan in the last 30 days, replayed through the limits in force and through others."
	if v.state == rehearsalDone {
		fillReport(&report, v.local(r.Context()))
	}
	if r.Fragment() {
		return Page(owner.RehearsalBody(report)), nil
	}
	page := r.layout("Rehearsal", plansCrumb(), ui.Crumb{Label: row.Name(), Href: report.Href}, ui.Crumb{})
	if page.Htmx = true; card.Waiting {
		page.Refresh = refreshSeconds
	}
	return Page(owner.RehearsalPage(page, report)), nil
}

// refreshSeconds is how often a page that waits is loaded again where scripts do not run.
const refreshSeconds = 2

// RehearseAgain begins a rehearsal once more.
func (o *OwnerPlans) RehearseAgain(r *Request) (Reply, error) {
	row, v, err := o.rehearsalOf(r)
	if err != nil {
		return Reply{}, err
	}
	if v.state == rehearsalNone {
		return r.Sorry(ownerPlanPath(row.ID), "That rehearsal is over. Rehearse the draft again."), nil
	}
	if v = o.Rehearsals.Again(r.Account.ID, row.ID, v.id); v.state == rehearsalBusy {
		return r.Sorry(rehearsalPath(row.ID, r.Param("run")), manyWait), nil
	}
	o.wait(r, v.id, waitForPressed)
	return See(rehearsalPath(row.ID, v.id)), nil
}

// keyNames reads the keys of a result, to be named.
func (o *OwnerPlans) keyNames(r *Request, plan models.PlanID, keys []rehearsal.Key) (map[models.KeyID]models.KeyRow, error) {
	ids := make([]models.KeyID, len(keys))
	for i, k := range keys {
		ids[i] = k.KeyID
	}
	rows, err := o.Store.KeysOfPlan(r.Context(), r.Account.ID, plan, ids, r.Now.AddDate(0, 0, -rehearsalDays-1), r.Now)
	names := map[models.KeyID]models.KeyRow{}
	for _, row := range rows {
		names[row.ID] = row
	}
	return names, err
}
