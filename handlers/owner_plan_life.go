package handlers

import (
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// PublishForm shows what publishing changes, and for whom.
func (o *OwnerPlans) PublishForm(r *Request) (Reply, error) {
	page, err := o.publishPage(r, whenForm(r.Now), "")
	return Page(page), err
}

func (o *OwnerPlans) publishPage(r *Request, f *Form, problem string) (templ.Component, error) {
	row, choices, err := o.planAndChoices(r)
	if err != nil {
		return nil, err
	}
	names, terms := namesOf(choices), row.Current()
	v := owner.PublishView{PlanHead: planHead(row, r.Here()), First: row.Version == 0, Seen: terms.Digest(), NothingToDo: row.Draft == nil, Card: previewCard(terms, names),
		Warnings: termsWarnings(terms, names, r.Now), Problem: problem}
	if !v.First {
		v.Changes = changeViews(termsChanges(row.InForce, terms, names))
	}
	switch {
	case v.First:
		v.Who = row.Name() + " · the first version"
	case row.Keys == 0:
		v.Who = row.Name() + " · no keys are on the plan yet"
	default:
		v.Who = row.Name() + " · holds for " + count(row.Keys, "key") + " of " + count(row.Subscribers, "subscriber") + " from the next request"
	}
	if v.Rehearsal, err = o.rehearsalOnReview(r, row); err != nil {
		return nil, err
	}
	if v.Schedule, err = o.scheduleView(r, row); err != nil {
		return nil, err
	}
	if v.Told, err = o.toldWords(r, row, subscriberChanges(row, names)); err != nil {
		return nil, err
	}
	if closed := closedStages(row.InForce, terms, names); closed != "" && row.Keys > 0 {
		v.Warnings = append(v.Warnings, count(row.Keys, "key")+" will get 403 on "+closed+".")
	}
	page := r.layout("Review and publish", plansCrumb(), ui.Crumb{Label: row.Name(), Href: v.Href}, ui.Crumb{})
	if page.Htmx = true; v.Rehearsal.Waiting {
		page.Refresh = refreshSeconds
	}
	return owner.Publish(page, v, f), nil
}

func closedStages(before, after models.Terms, names stageNames) string {
	var out []string
	for _, s := range before.Stages {
		if !after.Opens(s.StageID) {
			out = append(out, names.stage(s.StageID))
		}
	}
	return strings.Join(out, ", ")
}

// Publish brings the draft into force, now or at the time that the form says.
func (o *OwnerPlans) Publish(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	row, choices, err := o.planAndChoices(r)
	if err != nil {
		return Reply{}, err
	}
	f = f.Over(whenForm(r.Now))
	if row.CheckSeen(f.Get("seen")) != nil {
		page, err := o.publishPage(r, f, "The draft was changed since you opened this page. Look at what changes now, and publish it then.")
		return Again(page), err
	}
	changes := subscriberChanges(row, namesOf(choices))
	var done string
	if f.Get("when") == "later" {
		done, err = o.schedule(r, row, f, changes)
	} else {
		var plan models.Plan
		plan, err = o.Store.PublishPlan(r.Context(), r.Actor(), row.ID, r.Now, changes...)
		done = "Version " + plainNumber(float64(plan.Version)) + " of " + plan.Name() + " is in force. Keys follow it on their next request."
	}
	switch {
	case err == nil && f.OK():
		return r.Done(ownerPlanPath(row.ID), done), nil
	case f.OK() && !f.Accept(err):
		return Reply{}, err
	}
	problem := models.Sentence(err)
	if f.Error("publish_at") != "" {
		problem = ""
	}
	page, err := o.publishPage(r, f, problem)
	return Again(page), err
}

// Discard forgets the draft.
func (o *OwnerPlans) Discard(r *Request) (Reply, error) {
	id, err := param[models.Plan](r, "plan")
	if err != nil {
		return Reply{}, err
	}
	return ownerDone(r, o.Store.DiscardDraft(r.Context(), r.Actor(), id, r.Now), ownerPlanPath(id), ownerPlanPath(id), "The unpublished changes are gone. What is in force has not changed.")
}

// RetireForm asks before a plan is retired.
func (o *OwnerPlans) RetireForm(r *Request) (Reply, error) {
	row, err := o.plan(r)
	if err != nil {
		return Reply{}, err
	}
	text := "Nobody new can subscribe. It is gone from the catalog, and its terms cannot be changed any more."
	if row.Keys > 0 {
		text += " What is on it goes on as it is: " + count(row.Keys, "key") + "."
	}
	if row.Waiting > 0 {
		text += " " + count(row.Waiting, "request") + " still waiting can then be refused or moved to another plan, not approved."
	}
	return Page(owner.Confirm(r.layout("Retire "+row.Name(), plansCrumb(), ui.Crumb{Label: row.Name(), Href: ownerPlanPath(row.ID)}, ui.Crumb{}),
		ui.Confirm{Title: "Retire " + row.Name() + "?", Text: text, Action: ownerPlanPath(row.ID) + "/retire", Button: "Retire plan", Danger: true, Cancel: ownerPlanPath(row.ID)})), nil
}

// Retire takes a plan out of the catalog.
func (o *OwnerPlans) Retire(r *Request) (Reply, error) {
	id, err := param[models.Plan](r, "plan")
	if err != nil {
		return Reply{}, err
	}
	return ownerDone(r, o.Store.RetirePlan(r.Context(), r.Actor(), id, r.Now), ownerPlanPath(id), ownerPlanPath(id), "Retired: nobody new can subscribe. Keys that are on the plan go on working.")
}

// DeleteForm asks before a draft is deleted.
func (o *OwnerPlans) DeleteForm(r *Request) (Reply, error) {
	row, err := o.plan(r)
	if err != nil {
		return Reply{}, err
	}
	return Page(owner.Confirm(r.layout("Delete "+row.Name(), plansCrumb(), ui.Crumb{Label: row.Name(), Href: ownerPlanPath(row.ID)}, ui.Crumb{}),
		ui.Confirm{Title: "Delete " + row.Name() + "?", Text: "The plan was never published, so nobody is on it.", Action: ownerPlanPath(row.ID) + "/delete", Button: "Delete plan", Danger: true, Cancel: ownerPlanPath(row.ID)})), nil
}

// Delete deletes a plan that was never published.
func (o *OwnerPlans) Delete(r *Request) (Reply, error) {
	id, err := param[models.Plan](r, "plan")
	if err != nil {
		return Reply{}, err
	}
	return ownerDone(r, o.Store.DeletePlan(r.Context(), r.Actor(), id, r.Now), ownerPlanPath(id), "/owner/plans", "The plan is deleted.")
}

// Duplicate makes a draft with the same terms.
func (o *OwnerPlans) Duplicate(r *Request) (Reply, error) {
	row, err := o.plan(r)
	if err != nil {
		return Reply{}, err
	}
	terms := row.Current()
	terms.Name = copyName(terms.Name)
	plan, err := o.Store.CreatePlan(r.Context(), r.Actor(), terms, r.Now)
	if refused := NewForm(); refused.Accept(err) {
		return r.Sorry(ownerPlanPath(row.ID), models.Sentence(err)), nil
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done(ownerPlanPath(plan.ID), "A copy of "+row.Name()+", as a draft. Its subscribers and invitations stay with the original."), nil
}

// copyName is a name for a copy, not longer than a name may be.
func copyName(name string) string {
	if runes := []rune(name); len(runes) > 75 {
		name = strings.TrimSpace(string(runes[:75]))
	}
	return name + " copy"
}

// InvitationsForm is the list of the invited.
func (o *OwnerPlans) InvitationsForm(r *Request) (Reply, error) {
	row, err := o.plan(r)
	if err != nil {
		return Reply{}, err
	}
	emails, err := o.Store.PlanInvitations(r.Context(), r.Account.ID, row.ID)
	if err != nil {
		return Reply{}, err
	}
	page, err := o.invitationsPage(r, row, NewForm("emails", strings.Join(emails, "\n")), "")
	return Page(page), err
}

// invitationsPage draws the page; tried is of the waiting list, after a mistake.
func (o *OwnerPlans) invitationsPage(r *Request, row models.PlanRow, f *Form, tried string) (templ.Component, error) {
	v := owner.InvitationsView{PlanHead: planHead(row, r.Here()), Invited: row.Current().Audience == models.AudienceInvited, Now: r.Now, Tried: tried}
	waiting, err := o.Store.WaitingList(r.Context(), r.Account.ID, row.ID)
	if err != nil {
		return nil, err
	}
	for _, w := range waiting {
		v.Waiting = append(v.Waiting, owner.WaitingRow{ID: w.AccountID.String(), Name: personName(w.Name, w.Email), Email: w.Email, Message: w.Message, At: w.AskedAt})
	}
	if tried != "" {
		emails, err := o.Store.PlanInvitations(r.Context(), r.Account.ID, row.ID)
		if err != nil {
			return nil, err
		}
		f.Set("emails", strings.Join(emails, "\n"))
	}
	return owner.Invitations(r.layout("Invitations", plansCrumb(), ui.Crumb{Label: row.Name(), Href: v.Href}, ui.Crumb{}), v, f), nil
}

// Invitations replaces the list.
func (o *OwnerPlans) Invitations(r *Request) (Reply, error) {
	row, err := o.plan(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	emails := strings.FieldsFunc(f.Get("emails"), func(r rune) bool { return strings.ContainsRune(" ,;\r\n\t", r) })
	for i, email := range emails {
		clean, err := models.CleanEmail(email)
		if err != nil {
			f.Fail("emails", "\""+cut(email, 60)+"\" is not an e-mail address.")
		}
		emails[i] = clean
	}
	if f.OK() {
		slices.Sort(emails)
		emails = slices.Compact(emails)
		err = o.Store.SetPlanInvitations(r.Context(), r.Actor(), row.ID, emails, r.Now)
		if err == nil {
			return r.Done(ownerPlanPath(row.ID)+"/invitations", count(len(emails), "person")+" invited."), nil
		}
		if !f.Accept(err) {
			return Reply{}, err
		}
	}
	page, err := o.invitationsPage(r, row, f, "")
	return Again(page), err
}

// Usage is the busiest keys of a plan in a month, ?month=2026-03.
func (o *OwnerPlans) Usage(r *Request) (Reply, error) {
	row, err := o.plan(r)
	if err != nil {
		return Reply{}, err
	}
	this := time.Date(r.Now.Year(), r.Now.Month(), 1, 0, 0, 0, 0, time.UTC)
	month := this
	if m, err := time.Parse("2006-01", r.Query("month")); err == nil && !m.After(this) && m.After(this.AddDate(-3, 0, 0)) {
		month = m
	}
	p := r.Page()
	list, err := o.Store.PlanKeys(r.Context(), r.Account.ID, row.ID, month, p)
	if err != nil {
		return Reply{}, err
	}
	path := ownerPlanPath(row.ID)
	v := owner.PlanUsageView{PlanHead: planHead(row, r.Here()), Now: r.Now, Month: month.Format("January 2006"), Query: p.Search, UsageHref: "/owner/usage?plan=" + row.ID.String(), Pages: listPages(r, p, list.Next)}
	if month.AddDate(0, 1, 0).After(row.CreatedAt) && month.After(row.CreatedAt.AddDate(0, -1, 0)) {
		v.Prev = pathWith(path+"/usage", "month", month.AddDate(0, -1, 0).Format("2006-01"), "q", p.Search)
	}
	if month.Before(this) {
		v.Next = pathWith(path+"/usage", "month", month.AddDate(0, 1, 0).Format("2006-01"), "q", p.Search)
	}
	for _, k := range list.Items {
		v.Rows = append(v.Rows, owner.PlanKeyRow{Name: k.Name, Href: ownerKeyPath(k.ID), Hint: k.Hint, Who: keyHolder(k.KeyRow), Status: keyStatus(k.Key, k.Memberships, r.Now),
			Requests: k.Requests, Refused: k.Refused, LastUsed: k.LastUsedAt, UsageHref: pathWith("/owner/usage", "key", k.ID.String(), "plan", row.ID.String(), "range", "30d")})
	}
	return Page(owner.PlanUsage(r.layout("Usage", plansCrumb(), ui.Crumb{Label: row.Name(), Href: path}, ui.Crumb{}), v)), nil
}

// keyHolder says whose key it is: the app and its developer, or the customer.
func keyHolder(k models.KeyRow) string {
	switch {
	case k.AppName != "":
		return k.AppName + " · " + k.AccountEmail
	case k.CustomerID != "":
		return "Customer " + k.CustomerID
	}
	return "Made by you"
}
