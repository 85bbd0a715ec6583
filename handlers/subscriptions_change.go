package handlers

import (
	"slices"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/developer"
	"gatehouse/templates/format"
)

// ChangeForm compares the plans that a subscription can change to, or with ?to= asks before the change.
func (s *Subscriptions) ChangeForm(r *Request) (Reply, error) {
	row, err := s.own(r)
	if err != nil {
		return Reply{}, err
	}
	if to := r.Query("to"); to != "" {
		return s.confirmChange(r, row, to, NewForm(), Page)
	}
	plans, slug, err := s.plans(r, row)
	if err != nil {
		return Reply{}, err
	}
	v := developer.ChangeView{Plan: row.PlanName, Href: subscriptionPath(row.ID), App: row.AppName}
	if !canChange(row) {
		v.Problem = "This subscription is " + string(row.State) + ", so its plan cannot be changed now."
	}
	for _, p := range plans {
		column := developer.ChangePlan{Name: p.Terms.Name, Price: p.Terms.Price, Now: p.PlanID == row.PlanID}
		switch {
		case column.Now:
			column.Note = "–"
		case !canChange(row):
			column.Note = "Not now"
		case p.Terms.Audience == models.AudienceAsk:
			column.Note, column.NoteHref = "Ask with another app", apiPath(slug)+"/subscribe?plan="+p.PlanID.String()+"&app="+newApp
		case row.Keys > p.Terms.KeysPerApp:
			column.Note, column.NoteHref = "Revoke "+format.Plural(int64(row.Keys-p.Terms.KeysPerApp), "key")+" first", appPath(row.AppID)
		default:
			column.Href = v.Href + "/change?to=" + p.PlanID.String()
		}
		v.Plans = append(v.Plans, column)
	}
	for _, c := range comparePlans(plans, r.Now) {
		v.Rows = append(v.Rows, developer.CompareRow{Label: c.Label, Cells: c.Cells})
	}
	return Page(developer.Change(subscriptionFrame(r, row, "Change"), v)), nil
}

// plans are those that open what the subscription's plan opens, the subscription's own first, even if it is no longer in the catalog.
func (s *Subscriptions) plans(r *Request, row models.SubscriptionRow) (plans []models.CatalogPlan, slug string, err error) {
	own := models.CatalogPlan{PlanID: row.PlanID, EndsAt: row.PlanEndsAt, Terms: row.Terms}
	for _, ref := range row.APIs {
		api, err := s.Store.CatalogAPI(r.Context(), r.Account.ID, ref.Slug)
		if models.KindOf(err) == models.KindNotFound {
			continue // its plans are retired or by invitation
		}
		if err != nil {
			return nil, "", err
		}
		if slug == "" {
			slug = api.Slug
		}
		for _, p := range api.Plans {
			if p.PlanID == row.PlanID {
				own = p
			} else if !slices.ContainsFunc(plans, func(q models.CatalogPlan) bool { return q.PlanID == p.PlanID }) {
				plans = append(plans, p)
			}
		}
	}
	return append([]models.CatalogPlan{own}, plans...), slug, nil
}

// confirmChange asks before a change: what differs, and what follows.
func (s *Subscriptions) confirmChange(r *Request, row models.SubscriptionRow, to string, f *Form, reply func(templ.Component) Reply) (Reply, error) {
	plans, _, err := s.plans(r, row)
	if err != nil {
		return Reply{}, err
	}
	at := slices.IndexFunc(plans, func(p models.CatalogPlan) bool { return p.PlanID.String() == to })
	if at < 1 {
		return Reply{}, models.NotFound("plan")
	}
	wanted := plans[at]
	v := developer.ChangeConfirmView{
		Plan: row.PlanName, To: wanted.Terms.Name, ToID: to, Href: subscriptionPath(row.ID), App: row.AppName, Problem: f.Message(),
		Consequences: []string{
			"The new limits hold from the next request on; the keys keep their values.",
			"Counts begin at 0 on the new plan. Going back to " + row.PlanName + " goes on with what was used there.",
		},
	}
	for _, c := range comparePlans([]models.CatalogPlan{plans[0], wanted}, r.Now) {
		if c.Cells[0] != c.Cells[1] {
			v.Changes = append(v.Changes, developer.Difference{Name: c.Label, Before: c.Cells[0], After: c.Cells[1]})
		}
	}
	if lost := lostStages(row.Terms, wanted.Terms); lost > 0 {
		v.Consequences = append(v.Consequences, format.Plural(int64(lost), "stage")+" that "+row.PlanName+" opens can no longer be called.")
	}
	if most := wanted.Terms.KeysPerApp; row.Keys > most && v.Problem == "" {
		v.Problem = v.To + " allows " + format.Plural(int64(most), "key") + " for an app; " + row.AppName + " has " + format.Count(int64(row.Keys)) + ". Revoke the ones that you can do without first."
	}
	return reply(developer.ChangeConfirm(subscriptionFrame(r, row, "Change"), v)), nil
}

// lostStages counts the stages that only the first terms open.
func lostStages(before, after models.Terms) (n int) {
	for _, id := range before.StageIDs() {
		if !after.Opens(id) {
			n++
		}
	}
	return n
}

// Change moves a subscription to another plan.
func (s *Subscriptions) Change(r *Request) (Reply, error) {
	row, err := s.own(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	to, err := models.ParseID[models.Plan](f.Get("to"))
	if err != nil {
		return Reply{}, models.NotFound("plan")
	}
	made, err := s.Store.ChangePlan(r.Context(), r.Actor(), row.ID, to, r.Now)
	if err != nil {
		if f.Accept(err) {
			return s.confirmChange(r, row, f.Get("to"), f, Again)
		}
		return Reply{}, err
	}
	return r.Done(subscriptionPath(made.ID), "Changed. The new limits hold from the next request on."), nil
}
