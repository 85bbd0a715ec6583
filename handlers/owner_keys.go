package handlers

import (
	"context"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// OwnerKeyStore is what the pages of keys need of the store.
type OwnerKeyStore interface {
	OwnerKeys(ctx context.Context, owner models.AccountID, f models.KeyFilter, p models.Page) (models.List[models.KeyRow], error)
	Key(ctx context.Context, account models.AccountID, id models.KeyID) (models.KeyDetail, error)
	CreateCustomerKey(ctx context.Context, actor models.Actor, in models.NewCustomerKey, now time.Time) (models.Key, secret.Value, error)
	UpdateCustomerKey(ctx context.Context, actor models.Actor, id models.KeyID, in models.CustomerKeySettings, now time.Time) error
	SetKeyEnabled(ctx context.Context, actor models.Actor, id models.KeyID, enabled bool, now time.Time) error
	SetKeyExpiry(ctx context.Context, actor models.Actor, id models.KeyID, expires, now time.Time) error
	RotateKey(ctx context.Context, actor models.Actor, id models.KeyID, how models.Rotation, now time.Time) (models.Key, secret.Value, error)
	OldValues(ctx context.Context, account models.AccountID, id models.KeyID, now time.Time) ([]models.OldValue, error)
	StopOldValue(ctx context.Context, actor models.Actor, id models.KeyID, now time.Time) error
	RevokeKey(ctx context.Context, actor models.Actor, id models.KeyID, now time.Time) error
	AddKeyToPlan(ctx context.Context, actor models.Actor, key models.KeyID, plan models.PlanID, now time.Time) error
	RemoveKeyFromPlan(ctx context.Context, actor models.Actor, key models.KeyID, plan models.PlanID, now time.Time) error
	MoveKey(ctx context.Context, actor models.Actor, key models.KeyID, from, to models.PlanID, withCount bool, now time.Time) error
	standingStore
	ExportKeys(ctx context.Context, actor models.Actor, withValues bool, now time.Time, fn func(models.KeyExport) error) error
	PlanChoices(ctx context.Context, owner models.AccountID, limit int) ([]models.PlanChoice, error)
	Plans(ctx context.Context, owner models.AccountID, state models.PlanState, p models.Page) (models.List[models.PlanRow], error)
	Plan(ctx context.Context, owner models.AccountID, id models.PlanID) (models.PlanRow, error)
	UsageSeries(ctx context.Context, sc models.UsageScope, r models.UsageRange) ([]models.UsagePoint, error)
}

// OwnerKeys are the pages of keys: the ones that an owner made for customers, and developers' keys on his plans.
type OwnerKeys struct {
	Store OwnerKeyStore
	// Settle commits what the gateway has admitted until now; nil: all is committed.
	Settle   func(context.Context) error
	Receipts *Receipts // nil: none are kept
}

func keysCrumb() ui.Crumb { return ui.Crumb{Label: "Keys", Href: "/owner/keys"} }

// List is the list of keys.
func (o *OwnerKeys) List(r *Request) (Reply, error) {
	p := r.Page()
	v := owner.KeysView{Now: r.Now, Query: p.Search, Status: r.Query("status"), Plan: r.Query("plan")}
	var f models.KeyFilter
	switch s := models.KeyStatus(v.Status); s {
	case models.KeyActive, models.KeyDisabled, models.KeyExpired, models.KeyRevoked:
		f.Status = s
	default:
		v.Status = ""
	}
	var err error
	if v.Plans, err = planMenu(r, o.Store); err != nil {
		return Reply{}, err
	}
	if v.Plan != "" {
		id, err := models.ParseID[models.Plan](v.Plan)
		if err != nil {
			return Reply{}, models.NotFound("plan")
		}
		plan, err := o.Store.Plan(r.Context(), r.Account.ID, id)
		if err != nil {
			return Reply{}, err
		}
		f.PlanID = id
		v.Pills = append(v.Pills, ui.Pill{Label: "Plan: " + plan.Name(), RemoveHref: pathWith("/owner/keys", "status", v.Status, "q", p.Search)})
	}
	list, err := o.Store.OwnerKeys(r.Context(), r.Account.ID, f, p)
	if err != nil {
		return Reply{}, err
	}
	v.Pages = listPages(r, p, list.Next)
	for _, row := range list.Items {
		v.Rows = append(v.Rows, ownerKeyRow(row, r.Now))
	}
	return Page(owner.Keys(r.layout("Keys", ui.Crumb{}), v)), nil
}

func ownerKeyRow(k models.KeyRow, now time.Time) owner.KeyRow {
	row := owner.KeyRow{Name: k.Name, Href: ownerKeyPath(k.ID), Who: keyHolder(k), Hint: k.Hint, Status: keyStatus(k.Key, k.Memberships, now), LastUsed: k.LastUsedAt, Expires: k.ExpiresAt,
		Near: !k.ExpiresAt.IsZero() && k.ExpiresAt.Sub(now) < soon, Gone: !k.RevokedAt.IsZero(), UsageHref: "/owner/usage?key=" + k.ID.String()}
	for _, m := range k.Memberships {
		row.Plans = append(row.Plans, owner.PlanLink{Name: m.PlanName, Href: ownerPlanPath(m.PlanID)})
	}
	return row
}

// New is the form of a key for a customer.
func (o *OwnerKeys) New(r *Request) (Reply, error) {
	f := NewForm()
	if plan := r.Query("plan"); plan != "" {
		f.Add("plan", plan)
	}
	return o.newPage(r, f, Page)
}

func (o *OwnerKeys) newPage(r *Request, f *Form, reply func(templ.Component) Reply) (Reply, error) {
	plans, err := publishedPlans(r, o.Store)
	if err != nil {
		return Reply{}, err
	}
	return reply(owner.NewKey(r.layout("New key", keysCrumb(), ui.Crumb{}), plans, f)), nil
}

// Create makes a key for a customer and shows its value once, on its page.
func (o *OwnerKeys) Create(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	in := models.NewCustomerKey{Name: f.Get("name"), Description: f.Get("description"), CustomerID: f.Get("customer_id"), ExpiresAt: day(f, "expires")}
	for _, text := range f.All("plan") {
		id, err := models.ParseID[models.Plan](text)
		if err != nil {
			f.Fail("plans", "Choose plans from the list.")
		}
		in.Plans = append(in.Plans, id)
	}
	if !f.OK() {
		return o.newPage(r, f, Again)
	}
	key, value, err := o.Store.CreateCustomerKey(r.Context(), r.Actor(), in, r.Now)
	if f.Accept(err) {
		return o.newPage(r, f, Again)
	}
	if err != nil {
		return Reply{}, err
	}
	if err := r.Session.PutSecret(key.ID, value); err != nil {
		return Reply{}, err
	}
	return See(ownerKeyPath(key.ID) + "?new=1"), nil
}
