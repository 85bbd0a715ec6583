package handlers

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// OwnerSubscriptionStore is what the pages of subscriptions need of the store.
type OwnerSubscriptionStore interface {
	OwnerSubscriptions(ctx context.Context, owner models.AccountID, f models.SubscriptionFilter, p models.Page) (models.List[models.SubscriptionRow], error)
	OwnerSubscription(ctx context.Context, owner models.AccountID, id models.SubscriptionID) (models.SubscriptionRow, error)
	Undecided(ctx context.Context, owner models.AccountID) (models.Undecided, error)
	DecideSubscription(ctx context.Context, actor models.Actor, id models.SubscriptionID, d models.Decision, reason string, now time.Time) (models.Subscription, error)
	MoveSubscription(ctx context.Context, actor models.Actor, id models.SubscriptionID, to models.PlanID, withCount bool, now time.Time) (models.Subscription, error)
	SubscriptionKeys(ctx context.Context, owner models.AccountID, id models.SubscriptionID) ([]models.KeyRow, error)
	SubscriptionOverride(ctx context.Context, id models.SubscriptionID) (models.Override, bool, error)
	joiningStore
	standingStore
	Plans(ctx context.Context, owner models.AccountID, state models.PlanState, p models.Page) (models.List[models.PlanRow], error)
	Plan(ctx context.Context, owner models.AccountID, id models.PlanID) (models.PlanRow, error)
}

// OwnerSubscriptions are the pages on which an owner decides who may use what.
type OwnerSubscriptions struct {
	Store OwnerSubscriptionStore
	// Settle commits what the gateway has admitted until now; nil: all is committed.
	Settle   func(context.Context) error
	Markdown *Markdown
}

func subscriptionsCrumb() ui.Crumb {
	return ui.Crumb{Label: "Subscriptions", Href: "/owner/subscriptions"}
}

// plansListed is how many plans a choice of one offers.
const plansListed = 200

var subscriptionTabs = []struct {
	state models.SubscriptionState
	label string
}{{models.SubscriptionPending, "Waiting"}, {models.SubscriptionActive, "Active"}, {models.SubscriptionSuspended, "Suspended"}, {models.SubscriptionRefused, "Refused"}, {models.SubscriptionEnded, "Ended"}}

// List is the list of subscriptions: what waits for a decision first, unless the URL asks for something.
func (o *OwnerSubscriptions) List(r *Request) (Reply, error) {
	undecided, err := o.Store.Undecided(r.Context(), r.Account.ID)
	if err != nil {
		return Reply{}, err
	}
	waiting, p, query := undecided.Subscriptions, r.Page(), r.URL.Query()
	var f models.SubscriptionFilter
	v := owner.SubscriptionsView{Now: r.Now, Query: p.Search, State: r.Query("state"), Waiting: waiting, Asks: planAsks(undecided)}
	if len(query) == 0 && waiting > 0 {
		v.State = string(models.SubscriptionPending)
	}
	v.Tabs = []ui.Tab{{Label: "All", Href: pathWith("/owner/subscriptions", "state", "all", "plan", r.Query("plan"), "q", p.Search), Current: true}}
	for _, tab := range subscriptionTabs {
		t := ui.Tab{Label: tab.label, Href: pathWith("/owner/subscriptions", "state", string(tab.state), "plan", r.Query("plan"), "q", p.Search), Current: v.State == string(tab.state)}
		if t.Current {
			f.State, v.Tabs[0].Current = tab.state, false
		}
		if tab.state == models.SubscriptionPending && waiting > 0 {
			t.Count = plainNumber(float64(waiting))
		}
		v.Tabs = append(v.Tabs, t)
	}
	if text := r.Query("plan"); text != "" {
		id, err := models.ParseID[models.Plan](text)
		if err != nil {
			return Reply{}, models.NotFound("plan")
		}
		plan, err := o.Store.Plan(r.Context(), r.Account.ID, id)
		if err != nil {
			return Reply{}, err
		}
		f.PlanID, v.Plan = id, text
		v.Pills = []ui.Pill{{Label: "Plan: " + plan.Name(), RemoveHref: pathWith("/owner/subscriptions", "state", v.State, "q", p.Search)}}
	}
	list, err := o.Store.OwnerSubscriptions(r.Context(), r.Account.ID, f, p)
	if err != nil {
		return Reply{}, err
	}
	v.Pages = listPages(r, p, list.Next)
	for _, row := range list.Items {
		v.Rows = append(v.Rows, ownerSubscriptionRow(row))
	}
	return Page(owner.Subscriptions(r.layout("Subscriptions", ui.Crumb{}), v)), nil
}

// planAsks are the plans that people ask to be let in to.
func planAsks(u models.Undecided) []owner.PlanAsks {
	var out []owner.PlanAsks
	for _, p := range u.Plans {
		asks := owner.PlanAsks{Plan: p.Name, Href: ownerPlanPath(p.ID) + "/invitations#waiting", Words: "1 person asks"}
		if p.Asks != 1 {
			asks.Words = format.Count(int64(p.Asks)) + " people ask"
		}
		out = append(out, asks)
	}
	return out
}

func ownerSubscriptionRow(row models.SubscriptionRow) owner.SubscriptionRow {
	who := row.AccountName
	if who == "" {
		who = row.AccountEmail
	}
	return owner.SubscriptionRow{ID: row.ID.String(), Href: ownerSubscriptionPath(row.ID), App: row.AppName, Who: who, Email: row.AccountEmail, Plan: row.PlanName, PlanHref: ownerPlanPath(row.PlanID),
		State: ownerSubscriptionBadge(row.State), Pending: row.State == models.SubscriptionPending, Closed: row.State == models.SubscriptionPending && row.PlanState != models.PlanPublished,
		Message: row.Message, Requested: row.RequestedAt, Keys: row.Keys, KeysHref: "/owner/keys?plan=" + row.PlanID.String()}
}

func (o *OwnerSubscriptions) subscription(r *Request) (models.SubscriptionRow, error) {
	id, err := param[models.Subscription](r, "subscription")
	if err != nil {
		return models.SubscriptionRow{}, err
	}
	return o.Store.OwnerSubscription(r.Context(), r.Account.ID, id)
}

// Show is one subscription with what can be decided about it.
func (o *OwnerSubscriptions) Show(r *Request) (Reply, error) {
	row, err := o.subscription(r)
	if err != nil {
		return Reply{}, err
	}
	return o.page(r, row, NewForm(), Page)
}

// page draws a subscription; f is one of its forms after a mistake.
func (o *OwnerSubscriptions) page(r *Request, row models.SubscriptionRow, f *Form, reply func(templ.Component) Reply) (Reply, error) {
	v := owner.SubscriptionView{SubscriptionRow: ownerSubscriptionRow(row), Now: r.Now, Decided: row.DecidedAt, Ended: row.EndedAt, Reason: row.Reason, Terms: limitsLine(row.Terms),
		Open: row.State.Open(), Active: row.State == models.SubscriptionActive, Suspended: row.State == models.SubscriptionSuspended, Tried: f.Get("decision"),
		UsageHref: pathWith("/owner/usage", "plan", row.PlanID.String()), LogHref: pathWith(ownersLog, "plan", row.PlanID.String()), AuditHref: "/owner/audit?object=" + row.ID.String(), CustomerHref: customerPath(models.CustomerRef{AccountID: row.AccountID})}
	if row.PlanState != models.PlanEnded {
		v.PlanEnds = row.PlanEndsAt
	}
	var err error
	if v.Joined, err = joinedView(r, o.Store, row.ID, o.Markdown); err != nil {
		return Reply{}, err
	}
	for _, api := range row.APIs {
		v.APIs = append(v.APIs, owner.APILink{Name: api.Name, Href: ownerAPIPath(api.APIID), Stages: strings.Join(api.Stages, ", ")})
	}
	if row.State.Open() {
		if of, ok, err := o.Store.SubscriptionOverride(r.Context(), row.ID); err != nil {
			return Reply{}, err
		} else if ok {
			v.Override = overrideLine(of, r.Now)
		}
		keys, err := o.Store.SubscriptionKeys(r.Context(), r.Account.ID, row.ID)
		if err != nil {
			return Reply{}, err
		}
		for _, k := range keys {
			if k.Status(r.Now) == models.KeyRevoked {
				continue
			}
			s, err := standingView(r, o.Store, k.ID, row.PlanID, v.Href+"/keys/"+k.ID.String(), f)
			if err != nil {
				return Reply{}, err
			}
			one := owner.KeyStanding{Name: k.Name, Href: ownerKeyPath(k.ID), Status: keyStatus(k.Key, k.Memberships, r.Now), Standing: s}
			for _, m := range k.Memberships {
				if m.PlanID == row.PlanID && m.Override != nil && m.Override.SubscriptionID == 0 {
					one.Override = overrideLine(*m.Override, r.Now)
				}
			}
			v.Standings = append(v.Standings, one)
		}
	}
	return reply(owner.Subscription(r.layout(row.AppName+" on "+row.PlanName, subscriptionsCrumb(), ui.Crumb{}), v, f)), nil
}

// Extend lets one of the subscription's keys call more in the present window, or less.
func (o *OwnerSubscriptions) Extend(r *Request) (Reply, error) {
	return o.changeStanding(r, func(key models.KeyID, plan models.PlanID, f *Form) (string, error) {
		return extend(r, o.Store, o.Settle, key, plan, f)
	})
}

// Release lets one of the subscription's keys have what is in doubt.
func (o *OwnerSubscriptions) Release(r *Request) (Reply, error) {
	return o.changeStanding(r, func(key models.KeyID, plan models.PlanID, _ *Form) (string, error) {
		return release(r, o.Store, key, plan)
	})
}

// changeStanding runs a change of how one of the subscription's keys stands with the plan.
func (o *OwnerSubscriptions) changeStanding(r *Request, fn func(models.KeyID, models.PlanID, *Form) (string, error)) (Reply, error) {
	row, err := o.subscription(r)
	if err != nil {
		return Reply{}, err
	}
	key, err := param[models.Key](r, "key")
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	message, err := fn(key, row.PlanID, f)
	if f.Accept(err) || !f.OK() {
		return o.page(r, row, f, Again)
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done(ownerSubscriptionPath(row.ID), message), nil
}

var decided = map[models.Decision]string{
	models.Approve: "Approved: its keys work from the next request on.",
	models.Refuse:  "Refused. The developer sees your reason.",
	models.Suspend: "Suspended: its keys get 403 from the next request on.",
	models.Resume:  "Resumed: its keys work again from the next request on.",
	models.End:     "Ended: its keys are off the plan.",
}

// Decide approves, refuses, suspends, resumes or ends.
func (o *OwnerSubscriptions) Decide(r *Request) (Reply, error) {
	row, err := o.subscription(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	d := models.Decision(f.Get("decision"))
	_, err = o.Store.DecideSubscription(r.Context(), r.Actor(), row.ID, d, f.Trimmed("reason"), r.Now)
	if f.Accept(err) {
		return o.page(r, row, f, Again)
	}
	if err != nil {
		return Reply{}, err
	}
	to := ownerSubscriptionPath(row.ID)
	if f.Get("from") == "list" {
		to = "/owner/subscriptions"
	}
	return r.Done(to, row.AppName+" on "+row.PlanName+": "+decided[d]), nil
}

// MoveForm asks for the plan that a subscription moves to.
func (o *OwnerSubscriptions) MoveForm(r *Request) (Reply, error) {
	row, err := o.subscription(r)
	if err != nil {
		return Reply{}, err
	}
	page, err := o.movePage(r, row, NewForm())
	return Page(page), err
}

func (o *OwnerSubscriptions) movePage(r *Request, row models.SubscriptionRow, f *Form) (templ.Component, error) {
	path := ownerSubscriptionPath(row.ID)
	c := ui.Confirm{Title: "Move " + row.AppName + " to another plan?", Action: path + "/move", Button: "Move subscription", Cancel: path, Problem: f.Message(),
		Text: "The keys of the app leave " + row.PlanName + " and follow the new plan from their next request on. Their values stay."}
	v, err := moveView(r, o.Store, row.PlanID, nil)
	if err != nil {
		return nil, err
	}
	if row.Terms.Quota != nil && row.Terms.Quota.IsSet() {
		v.Count = "Each key has used something of its own quota on " + row.PlanName + "; it is shown on the subscription's page."
	}
	return owner.Move(r.layout("Move", subscriptionsCrumb(), ui.Crumb{Label: row.AppName + " on " + row.PlanName, Href: path}, ui.Crumb{}), c, v, f), nil
}

// planMenu is what a list is narrowed to a plan by.
func planMenu(r *Request, store interface {
	PlanChoices(ctx context.Context, owner models.AccountID, limit int) ([]models.PlanChoice, error)
}) ([]ui.Option, error) {
	plans, err := store.PlanChoices(r.Context(), r.Account.ID, plansListed)
	if err != nil {
		return nil, err
	}
	options := []ui.Option{{Value: "", Label: "All plans"}}
	for _, p := range plans {
		options = append(options, ui.Option{Value: p.ID.String(), Label: p.Name})
	}
	return options, nil
}

// planLister is what choosing a plan needs of the store.
type planLister interface {
	Plans(ctx context.Context, owner models.AccountID, state models.PlanState, p models.Page) (models.List[models.PlanRow], error)
}

// publishedPlans are the plans that keys can be put on, without those given.
func publishedPlans(r *Request, store planLister, without ...models.PlanID) ([]ui.Option, error) {
	list, err := store.Plans(r.Context(), r.Account.ID, models.PlanPublished, models.Page{Limit: plansListed})
	if err != nil {
		return nil, err
	}
	var out []ui.Option
	for _, p := range list.Items {
		if !slices.Contains(without, p.ID) {
			out = append(out, ui.Option{Value: p.ID.String(), Label: p.Name(), Hint: limitsLine(p.InForce)})
		}
	}
	return out, nil
}

// Move puts the subscription on another plan.
func (o *OwnerSubscriptions) Move(r *Request) (Reply, error) {
	row, err := o.subscription(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	to, err := models.ParseID[models.Plan](f.Get("plan"))
	if err != nil {
		f.Fail("plan", "Choose a plan.")
	} else {
		_, err = o.Store.MoveSubscription(r.Context(), r.Actor(), row.ID, to, f.Checked("count"), r.Now)
		if err == nil {
			return r.Done("/owner/subscriptions?state=all&plan="+to.String(), row.AppName+" is on the new plan: its keys follow it from their next request on."), nil
		}
		if !f.Accept(err) {
			return Reply{}, err
		}
	}
	page, err := o.movePage(r, row, f)
	return Again(page), err
}
