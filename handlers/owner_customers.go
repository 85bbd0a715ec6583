package handlers

import (
	"context"
	"net/url"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// CustomerStore is what the pages of customers need of the store.
type CustomerStore interface {
	Customers(ctx context.Context, owner models.AccountID, p models.Page) (models.List[models.Customer], error)
	CustomersOfKeys(ctx context.Context, owner models.AccountID, p models.Page) (models.List[models.CustomerOfKeys], error)
	Customer(ctx context.Context, owner, account models.AccountID) (models.Customer, error)
	IsCustomer(ctx context.Context, owner models.AccountID, who models.CustomerRef) error
	CustomerSubscriptions(ctx context.Context, owner, account models.AccountID) ([]models.SubscriptionRow, error)
	CustomerKeys(ctx context.Context, owner models.AccountID, who models.CustomerRef) ([]models.KeyRow, error)
	CustomerEvents(ctx context.Context, owner models.AccountID, objects []string) ([]models.Event, error)
	CustomerNotes(ctx context.Context, owner models.AccountID, who models.CustomerRef) ([]models.CustomerNote, error)
	AddCustomerNote(ctx context.Context, actor models.Actor, who models.CustomerRef, text string, now time.Time) error
	RemoveCustomerNote(ctx context.Context, actor models.Actor, id models.CustomerNoteID, now time.Time) error
	DecideSubscription(ctx context.Context, actor models.Actor, id models.SubscriptionID, d models.Decision, reason string, now time.Time) (models.Subscription, error)
	Plan(ctx context.Context, owner models.AccountID, id models.PlanID) (models.PlanRow, error)
	standingStore
}

// OwnerCustomers are the pages of an owner's customers: developers' accounts with subscriptions to his plans, and customer ids of keys that he made.
type OwnerCustomers struct {
	Store CustomerStore
}

// customerKeysShown is how many keys a customer's page shows with where they stand.
const customerKeysShown = 20

func customersCrumb() ui.Crumb { return ui.Crumb{Label: "Customers", Href: "/owner/customers"} }

func customerPath(who models.CustomerRef) string {
	if who.AccountID != 0 {
		return "/owner/customers/" + who.AccountID.String()
	}
	return "/owner/customers/of?id=" + url.QueryEscape(who.CustomerID)
}

// List is the list of customers; ?kind=keys lists customer ids.
func (o *OwnerCustomers) List(r *Request) (Reply, error) {
	p := r.Page()
	v := owner.CustomersView{Now: r.Now, Query: p.Search}
	if r.Query("kind") == "keys" {
		v.Kind = "keys"
	}
	v.Tabs = []ui.Tab{{Label: "Developers", Href: pathWith("/owner/customers", "q", p.Search), Current: v.Kind == ""},
		{Label: "Customer ids", Href: pathWith("/owner/customers", "kind", "keys", "q", p.Search), Current: v.Kind != ""}}
	next := ""
	if v.Kind == "" {
		list, err := o.Store.Customers(r.Context(), r.Account.ID, p)
		if err != nil {
			return Reply{}, err
		}
		next = list.Next
		for _, c := range list.Items {
			row := owner.CustomerRow{Name: personName(c.Name, c.Email), Detail: c.Email, Href: customerPath(models.CustomerRef{AccountID: c.AccountID}), Since: c.Since, Count: count(c.Subscriptions, "subscription")}
			if c.Waiting > 0 {
				row.Waiting = format.Count(int64(c.Waiting)) + " waiting"
			}
			v.Rows = append(v.Rows, row)
		}
	} else {
		list, err := o.Store.CustomersOfKeys(r.Context(), r.Account.ID, p)
		if err != nil {
			return Reply{}, err
		}
		next = list.Next
		for _, c := range list.Items {
			v.Rows = append(v.Rows, owner.CustomerRow{Name: c.CustomerID, Href: customerPath(models.CustomerRef{CustomerID: c.CustomerID}), Count: count(c.Keys, "key")})
		}
	}
	v.Pages = listPages(r, p, next)
	return Page(owner.Customers(r.layout("Customers", ui.Crumb{}), v)), nil
}

// personName is a name, or the address of somebody who gave none.
func personName(name, email string) string {
	if name == "" {
		return email
	}
	return name
}

// who reads the customer of the path, or of ?id= and the form's field of that name.
func (o *OwnerCustomers) who(r *Request, f *Form) (who models.CustomerRef, err error) {
	if r.Param("account") != "" {
		who.AccountID, err = param[models.Account](r, "account")
		return who, err
	}
	who.CustomerID = r.Query("id")
	if f != nil {
		who.CustomerID = f.Get("id")
	}
	if who.CustomerID == "" {
		return who, models.NotFound("customer")
	}
	return who, nil
}

// Show is a customer's page.
func (o *OwnerCustomers) Show(r *Request) (Reply, error) {
	who, err := o.who(r, nil)
	if err != nil {
		return Reply{}, err
	}
	return o.page(r, who, NewForm(), Page)
}

func (o *OwnerCustomers) page(r *Request, who models.CustomerRef, f *Form, reply func(templ.Component) Reply) (Reply, error) {
	v := owner.CustomerView{Now: r.Now, NoteText: f.Get("text"), NoteError: f.Error("text")}
	var objects []string
	if who.AccountID != 0 {
		c, err := o.Store.Customer(r.Context(), r.Account.ID, who.AccountID)
		if err != nil {
			return Reply{}, err
		}
		v.Name, v.Detail, v.Href = personName(c.Name, c.Email), c.Email, customerPath(who)
		v.SeeAs = v.Href + "/see-as"
		v.Facts = []ui.Definition{{Term: "Customer since", Body: ui.Day(c.Since)}, {Term: "Open subscriptions", Text: format.Count(int64(c.Subscriptions))}, {Term: "Account", Text: c.AccountID.String(), Mono: true}}
		subs, err := o.Store.CustomerSubscriptions(r.Context(), r.Account.ID, who.AccountID)
		if err != nil {
			return Reply{}, err
		}
		for _, s := range subs {
			v.Subscriptions = append(v.Subscriptions, ownerSubscriptionRow(s))
			objects = append(objects, s.ID.String())
			v.CanSuspend = v.CanSuspend || s.State == models.SubscriptionActive
			v.CanResume = v.CanResume || s.State == models.SubscriptionSuspended
		}
	} else {
		if err := o.Store.IsCustomer(r.Context(), r.Account.ID, who); err != nil {
			return Reply{}, err
		}
		v.Name, v.Detail, v.Href, v.ID = who.CustomerID, "Customer id of keys that you made", "/owner/customers/of", who.CustomerID
	}
	keys, err := o.Store.CustomerKeys(r.Context(), r.Account.ID, who)
	if err != nil {
		return Reply{}, err
	}
	v.Facts = append(v.Facts, ui.Definition{Term: "Keys", Text: keysCounted(len(keys))})
	for i, k := range keys {
		objects = append(objects, k.ID.String())
		if i >= customerKeysShown {
			v.MoreKeys = pathWith("/owner/keys", "q", who.CustomerID)
			continue
		}
		one, err := o.key(r, k)
		if err != nil {
			return Reply{}, err
		}
		v.Keys = append(v.Keys, one)
	}
	if err := o.record(r, who, objects, &v); err != nil {
		return Reply{}, err
	}
	return reply(owner.Customer(r.layout(v.Name, customersCrumb(), ui.Crumb{}), v)), nil
}

func keysCounted(n int) string {
	if n >= 100 {
		return "100 and more"
	}
	return format.Count(int64(n))
}

// key is a key with where it stands on each of the reader's plans.
func (o *OwnerCustomers) key(r *Request, k models.KeyRow) (v owner.CustomerKey, err error) {
	v = owner.CustomerKey{Name: k.Name, Href: ownerKeyPath(k.ID), Hint: k.Hint, Status: keyStatus(k.Key, k.Memberships, r.Now), LastUsed: k.LastUsedAt, UsageHref: "/owner/usage?key=" + k.ID.String(), LogHref: pathWith(ownersLog, "key", k.ID.String())}
	for _, m := range k.Memberships {
		p := owner.KeyPlan{ID: m.PlanID.String(), Name: m.PlanName, Href: ownerPlanPath(m.PlanID), State: ownerMemberBadge(m.State)}
		row, err := o.Store.Plan(r.Context(), r.Account.ID, m.PlanID)
		if err != nil {
			return v, err
		}
		p.Limits = limitsLine(m.Terms(row.InForce, r.Now))
		action := ""
		if m.State != models.MemberEnded {
			action = v.Href + "/plans/" + p.ID
			p.OverrideHref = action + "/override"
		}
		if m.Override != nil {
			p.Override = overrideLine(*m.Override, r.Now)
		}
		if p.Standing, err = standingView(r, o.Store, k.ID, m.PlanID, action, nil); err != nil {
			return v, err
		}
		v.Plans = append(v.Plans, p)
	}
	return v, nil
}

// record adds notes and history.
func (o *OwnerCustomers) record(r *Request, who models.CustomerRef, objects []string, v *owner.CustomerView) error {
	notes, err := o.Store.CustomerNotes(r.Context(), r.Account.ID, who)
	if err != nil {
		return err
	}
	for _, n := range notes {
		v.Notes = append(v.Notes, owner.NoteView{ID: n.ID.String(), Text: n.Text, Author: n.Author, At: n.At})
	}
	events, err := o.Store.CustomerEvents(r.Context(), r.Account.ID, objects)
	if err != nil {
		return err
	}
	for _, e := range events {
		v.History = append(v.History, ui.TimelineItem{Icon: kindIcon(e.ObjectKind), Title: e.Actor + " " + actionWords(e.Action) + " " + e.ObjectName, At: e.At, Now: r.Now, Href: "/owner/audit?object=" + e.ObjectID})
	}
	return nil
}

// AddNote notes something of the customer.
func (o *OwnerCustomers) AddNote(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	who, err := o.who(r, f)
	if err != nil {
		return Reply{}, err
	}
	err = o.Store.AddCustomerNote(r.Context(), r.Actor(), who, f.Get("text"), r.Now)
	if f.Accept(err) {
		return o.page(r, who, f, Again)
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done(customerPath(who)+"#notes", "Noted."), nil
}

// RemoveNote removes a note.
func (o *OwnerCustomers) RemoveNote(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	who, err := o.who(r, f)
	if err != nil {
		return Reply{}, err
	}
	id, err := models.ParseID[models.CustomerNote](f.Get("note"))
	if err != nil {
		return Reply{}, models.NotFound("note")
	}
	if err := o.Store.RemoveCustomerNote(r.Context(), r.Actor(), id, r.Now); err != nil {
		return Reply{}, err
	}
	return r.Done(customerPath(who)+"#notes", "The note is removed."), nil
}

// SuspendForm asks before all active subscriptions of a developer are suspended.
func (o *OwnerCustomers) SuspendForm(r *Request) (Reply, error) {
	who, err := o.who(r, nil)
	if err != nil {
		return Reply{}, err
	}
	c, err := o.Store.Customer(r.Context(), r.Account.ID, who.AccountID)
	if err != nil {
		return Reply{}, err
	}
	return Page(suspendPage(r, c, NewForm())), nil
}

func suspendPage(r *Request, c models.Customer, f *Form) templ.Component {
	path := customerPath(models.CustomerRef{AccountID: c.AccountID})
	return owner.SuspendCustomer(r.layout("Suspend", customersCrumb(), ui.Crumb{Label: personName(c.Name, c.Email), Href: path}, ui.Crumb{}), ui.Confirm{
		Title: "Suspend all subscriptions of " + personName(c.Name, c.Email) + "?", Text: "Keys of these apps get 403 on your plans from the next request on, until you resume. Nothing is lost.",
		Action: path + "/suspend", Button: "Suspend all", Danger: true, Cancel: path, Problem: f.Message()}, f)
}

// Suspend suspends all active subscriptions of a developer to the reader's plans.
func (o *OwnerCustomers) Suspend(r *Request) (Reply, error) {
	return o.decideAll(r, models.SubscriptionActive, models.Suspend, "suspended")
}

// Resume resumes all that are suspended.
func (o *OwnerCustomers) Resume(r *Request) (Reply, error) {
	return o.decideAll(r, models.SubscriptionSuspended, models.Resume, "resumed")
}

func (o *OwnerCustomers) decideAll(r *Request, from models.SubscriptionState, d models.Decision, done string) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	who, err := o.who(r, f)
	if err != nil {
		return Reply{}, err
	}
	c, err := o.Store.Customer(r.Context(), r.Account.ID, who.AccountID)
	if err != nil {
		return Reply{}, err
	}
	subs, err := o.Store.CustomerSubscriptions(r.Context(), r.Account.ID, who.AccountID)
	if err != nil {
		return Reply{}, err
	}
	n := 0
	for _, s := range subs {
		if s.State != from {
			continue
		}
		_, err := o.Store.DecideSubscription(r.Context(), r.Actor(), s.ID, d, f.Trimmed("reason"), r.Now)
		if f.Accept(err) {
			return Again(suspendPage(r, c, f)), nil
		}
		if err != nil {
			return Reply{}, err
		}
		n++
	}
	return r.Done(customerPath(who), count(n, "subscription")+" "+done+"."), nil
}
