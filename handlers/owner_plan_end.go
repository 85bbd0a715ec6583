package handlers

import (
	"fmt"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// EndForm asks when a plan ends.
func (o *OwnerPlans) EndForm(r *Request) (Reply, error) {
	row, err := o.plan(r)
	if err != nil {
		return Reply{}, err
	}
	ends := r.Now.Add(models.PlanNotice)
	if !row.EndsAt.IsZero() {
		ends = row.EndsAt
	}
	return Page(endPage(r, row, NewForm("ends", ends.UTC().Format(time.DateOnly)))), nil
}

func endPage(r *Request, row models.PlanRow, f *Form) templ.Component {
	path := ownerPlanPath(row.ID)
	c := ui.Confirm{Title: "End " + row.Name() + "?", Action: path + "/end", Button: "Announce the end", Danger: true, Cancel: path, Problem: f.Message(),
		Text: "Subscribers see the date wherever they see the plan. From then on its keys get 403, its subscriptions are ended, and what was used stays on record. You can take the end back until then."}
	v := owner.EndView{Today: r.Now.UTC().Format(time.DateOnly)}
	if row.Keys > 0 {
		v.Who = fmt.Sprintf("It touches %s of %s.", count(row.Keys, "key"), count(row.Subscribers, "subscriber"))
	}
	if row.State == models.PlanPublished {
		v.Catalog = "It stays in the catalog until then, with the date. Retire it, too, if nobody new shall subscribe."
	}
	if !row.EndsAt.IsZero() {
		c.Title, c.Button = "Change the end of "+row.Name()+"?", "Change the end"
	}
	return owner.EndPlan(r.layout("End "+row.Name(), plansCrumb(), ui.Crumb{Label: row.Name(), Href: path}, ui.Crumb{}), c, v, f)
}

// End announces when a plan ends; today is now.
func (o *OwnerPlans) End(r *Request) (Reply, error) {
	row, err := o.plan(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	ends := day(f, "ends")
	if ends.IsZero() {
		f.Fail("ends", "Enter a day such as 2027-03-31.")
	}
	if f.OK() {
		message := "Announced: the plan ends on " + format.Date(ends) + ", 00:00 UTC."
		if ends.Format(time.DateOnly) == r.Now.UTC().Format(time.DateOnly) {
			ends, message = r.Now, "The plan has ended: its keys get 403 from their next request on."
		}
		err = o.Store.EndPlan(r.Context(), r.Actor(), row.ID, ends, r.Now)
		if err == nil {
			return r.Done(ownerPlanPath(row.ID), message), nil
		}
		if !f.Accept(err) {
			return Reply{}, err
		}
	}
	return Again(endPage(r, row, f)), nil
}

// Keep takes the announced end of a plan back.
func (o *OwnerPlans) Keep(r *Request) (Reply, error) {
	id, err := param[models.Plan](r, "plan")
	if err != nil {
		return Reply{}, err
	}
	return ownerDone(r, o.Store.KeepPlan(r.Context(), r.Actor(), id, r.Now), ownerPlanPath(id), ownerPlanPath(id), "Taken back: the plan goes on.")
}

// endBadge names the day on which a plan ends; ok is false where none is announced, or where it is over.
func endBadge(p models.Plan, now time.Time) (b ui.BadgeProps, ok bool) {
	if p.EndsAt.IsZero() || p.At(now).State == models.PlanEnded {
		return b, false
	}
	return ui.BadgeProps{Kind: ui.Warn, Text: "Ends " + format.Date(p.EndsAt.In(now.Location()))}, true
}
