package handlers

import (
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/models/rehearsal"
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
	own, err := s.ownTraffic(r, row, plans, waitForTable)
	if err != nil {
		return Reply{}, err
	}
	v := developer.ChangeView{Plan: row.PlanName, Href: subscriptionPath(row.ID), App: row.AppName, Traffic: own.text, Missing: own.missing}
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
	for _, c := range comparePlans(plans, r.Here()) {
		v.Rows = append(v.Rows, developer.CompareRow{Label: c.Label, Cells: c.Cells})
	}
	if own.cells != nil {
		v.Rows = append(v.Rows, developer.CompareRow{Label: "Your own calls refused", Cells: own.cells})
	}
	page := subscriptionFrame(r, row, "Change")
	if own.waiting {
		page.Refresh = refreshSeconds
	}
	return Page(developer.Change(page, v)), nil
}

// How long a page waits for comparisons, so that it is whole at once where they are short.
const (
	waitForTable   = 700 * time.Millisecond
	waitForConfirm = 1200 * time.Millisecond
)

// ownTraffic is what a subscription's keys would have met on some plans.
type ownTraffic struct {
	text    string   // what was replayed, or why nothing was
	cells   []string // in the order of the plans; nil: there is nothing to say
	missing []string
	waiting bool
	pairs   []Comparison // of the second plan and those after it
}

// ownTraffic compares the first plan, which is the subscription's own, with each of the others.
func (s *Subscriptions) ownTraffic(r *Request, row models.SubscriptionRow, plans []models.CatalogPlan, atMost time.Duration) (own ownTraffic, err error) {
	if len(plans) < 2 {
		return own, nil
	}
	keys, err := s.keys(r, row)
	if err != nil {
		return own, err
	}
	return appTraffic(r, s.Rehearsals, row.PlanID, rowsOf(keys), plans, atMost), nil
}

// appTraffic compares the first plan, which an app's keys are on, with each of the others.
func appTraffic(r *Request, rehearsals *Rehearsals, plan models.PlanID, keys []models.KeyRow, plans []models.CatalogPlan, atMost time.Duration) (own ownTraffic) {
	ids, until := keyIDs(keys), time.Now().Add(atMost)
	for _, p := range plans[1:] {
		own.pairs = append(own.pairs, rehearsals.CompareMove(r.Context(), r.Account.ID, plan, ids, plans[0].Terms, p.Terms, max(0, time.Until(until))))
	}
	first := own.pairs[0]
	if own.text = first.Text; own.text != "" {
		return own
	}
	own.cells, own.missing = []string{comparedCell(first, first.Today)}, first.Missing
	for _, c := range own.pairs {
		own.waiting = own.waiting || c.Waiting
		own.cells = append(own.cells, comparedCell(c, c.Wanted))
		if c.Sentence != "" {
			own.text = c.Span + ": " + format.Plural(c.Offered, "call") + " of this app, replayed through the limits of each plan."
		}
	}
	if own.waiting {
		own.text = "Replaying the app's own calls of the last 30 days through each plan."
	}
	return own
}

// comparedCell says what a plan would have refused.
func comparedCell(c Comparison, refused rehearsal.Refusals) string {
	switch {
	case c.Waiting:
		return "Counting"
	case c.Text != "":
		return "–"
	}
	return rangeWords(refused.All()) + " of " + format.Count(c.Offered)
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
	own, err := s.ownTraffic(r, row, []models.CatalogPlan{plans[0], wanted}, waitForConfirm)
	if err != nil {
		return Reply{}, err
	}
	if v.Traffic = own.text; len(own.pairs) > 0 && own.pairs[0].Sentence != "" {
		v.Traffic = own.pairs[0].Span + ": " + "o" + strings.TrimPrefix(own.pairs[0].Sentence, "O")
	}
	join, err := s.Store.Joining(r.Context(), wanted.PlanID)
	if err != nil {
		return Reply{}, err
	}
	if v.Join = joinView(join, f, s.Markdown); join.Carries {
		v.Consequences[1] = "What was used in this period counts on the new plan, too."
	}
	for _, c := range comparePlans([]models.CatalogPlan{plans[0], wanted}, r.Here()) {
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
	join, err := s.Store.Joining(r.Context(), to)
	if err != nil {
		return Reply{}, err
	}
	made, err := s.Store.ChangePlanBy(r.Context(), r.Actor(), row.ID, to, readJoin(join, f), r.Now)
	if err != nil {
		if f.Accept(err) {
			return s.confirmChange(r, row, f.Get("to"), f, Again)
		}
		return Reply{}, err
	}
	return r.Done(subscriptionPath(made.ID), "Changed. The new limits hold from the next request on."), nil
}
