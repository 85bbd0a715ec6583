package handlers

import (
	"context"
	"strings"
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
	RotateKey(ctx context.Context, actor models.Actor, id models.KeyID, overlap models.Overlap, now time.Time) (models.Key, secret.Value, error)
	StopOldValue(ctx context.Context, actor models.Actor, id models.KeyID, now time.Time) error
	RevokeKey(ctx context.Context, actor models.Actor, id models.KeyID, now time.Time) error
	AddKeyToPlan(ctx context.Context, actor models.Actor, key models.KeyID, plan models.PlanID, now time.Time) error
	RemoveKeyFromPlan(ctx context.Context, actor models.Actor, key models.KeyID, plan models.PlanID, now time.Time) error
	MoveKey(ctx context.Context, actor models.Actor, key models.KeyID, from, to models.PlanID, now time.Time) error
	ImportKeys(ctx context.Context, actor models.Actor, rows []models.KeyImport, now time.Time) (models.KeyImportReport, error)
	ExportKeys(ctx context.Context, actor models.Actor, withValues bool, now time.Time, fn func(models.KeyExport) error) error
	Plans(ctx context.Context, owner models.AccountID, state models.PlanState, p models.Page) (models.List[models.PlanRow], error)
	Plan(ctx context.Context, owner models.AccountID, id models.PlanID) (models.PlanRow, error)
	QuotaUsed(ctx context.Context, key models.KeyID, plan models.PlanID, from, to time.Time) (int64, error)
	UsageSeries(ctx context.Context, sc models.UsageScope, r models.UsageRange) ([]models.UsagePoint, error)
}

// OwnerKeys are the pages of keys: the ones that an owner made for customers, and developers' keys on his plans.
type OwnerKeys struct{ Store OwnerKeyStore }

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
	plans, err := o.Store.Plans(r.Context(), r.Account.ID, "", models.Page{Limit: plansListed})
	if err != nil {
		return Reply{}, err
	}
	v.Plans = []ui.Option{{Value: "", Label: "All plans"}}
	for _, plan := range plans.Items {
		if plan.Version > 0 {
			v.Plans = append(v.Plans, ui.Option{Value: plan.ID.String(), Label: plan.Name()})
		}
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

func (o *OwnerKeys) key(r *Request) (models.KeyDetail, error) {
	id, err := param[models.Key](r, "key")
	if err != nil {
		return models.KeyDetail{}, err
	}
	return o.Store.Key(r.Context(), r.Account.ID, id)
}

// own returns a key that the reader made for a customer: the others are their developers' to change.
func (o *OwnerKeys) own(r *Request) (models.KeyDetail, error) {
	key, err := o.key(r)
	if err == nil && key.OwnerID != r.Account.ID {
		return key, models.NotFound("key")
	}
	return key, err
}

// Show is a key's page; a value that waits is shown once.
func (o *OwnerKeys) Show(r *Request) (Reply, error) {
	key, err := o.key(r)
	if err != nil {
		return Reply{}, err
	}
	return o.keyPage(r, key, nil, Page)
}

// keyPage draws the page; f is one of its forms after a mistake, else nil.
func (o *OwnerKeys) keyPage(r *Request, key models.KeyDetail, f *Form, reply func(templ.Component) Reply) (Reply, error) {
	value, waiting, err := r.Session.TakeSecret(key.ID)
	if err != nil {
		return Reply{}, err
	}
	own := key.OwnerID == r.Account.ID
	v := owner.KeyView{
		KeyRow: ownerKeyRow(key.KeyRow, r.Now), ID: key.ID.String(), Now: r.Now, Own: own, Created: key.CreatedAt, Rotated: key.RotatedAt, OldStops: key.OldStopsAt, Revoked: key.RevokedAt,
		Rotating: key.Status(r.Now) == models.KeyRotating, Working: key.RevokedAt.IsZero(), Enabled: key.Enabled, Customer: key.CustomerID, Description: key.Description,
		App: key.AppName, Developer: key.AccountEmail, Sealed: key.Sealed, Lost: r.Query("new") != "" && !waiting, AuditHref: "/owner/audit?object=" + key.ID.String(),
	}
	if !own {
		v.Enabled = !blocked(key.Memberships)
	}
	if err := o.keyPlans(r, key, &v); err != nil {
		return Reply{}, err
	}
	span := parseRange(nil, r.Now)
	points, err := seriesOf(r.Context(), o.Store, keyScopes(key), span.wanted())
	if err != nil {
		return Reply{}, err
	}
	v.Figures = figuresOf(points, span, nil)
	if waiting {
		v.Reveal = revealView(r, key, value)
	}
	if own && v.Working {
		without := make([]models.PlanID, len(key.Memberships))
		for i, m := range key.Memberships {
			without[i] = m.PlanID
		}
		if v.AddPlans, err = publishedPlans(r, o.Store, without...); err != nil {
			return Reply{}, err
		}
	}
	return reply(owner.Key(r.layout(key.Name, keysCrumb(), ui.Crumb{}), v, keyForm(key, f))), nil
}

// keyScopes are where a key's usage is looked at: the stages that it may call by the reader's plans. It may be on others' plans too.
func keyScopes(key models.KeyDetail) []models.UsageScope {
	var out []models.UsageScope
	for _, call := range key.Calls {
		out = append(out, models.UsageScope{Keys: []models.KeyID{key.ID}, Stage: call.StageID})
	}
	return out
}

// keyForm fills what a form of the page did not send.
func keyForm(key models.KeyDetail, f *Form) *Form {
	if f == nil {
		f = NewForm()
	}
	fill := func(name, value string) {
		if _, typed := f.values[name]; !typed {
			f.Set(name, value)
		}
	}
	fill("name", key.Name)
	fill("description", key.Description)
	fill("customer_id", key.CustomerID)
	if !key.ExpiresAt.IsZero() {
		fill("expires", key.ExpiresAt.UTC().Format(time.DateOnly))
	}
	return f
}

func blocked(memberships []models.Membership) bool {
	for _, m := range memberships {
		if m.State == models.MemberBlocked {
			return true
		}
	}
	return false
}

// keyPlans fills in the plans that the key is on, with the quota used on each.
func (o *OwnerKeys) keyPlans(r *Request, key models.KeyDetail, v *owner.KeyView) error {
	for _, m := range key.Memberships {
		p := owner.KeyPlan{ID: m.PlanID.String(), Name: m.PlanName, Href: ownerPlanPath(m.PlanID), State: ownerMemberBadge(m.State), Added: m.AddedAt,
			UsageHref: pathWith("/owner/usage", "key", key.ID.String(), "plan", m.PlanID.String())}
		if m.SubscriptionID != 0 {
			p.SubscriptionHref = ownerSubscriptionPath(m.SubscriptionID)
		}
		for _, call := range key.Calls {
			if call.PlanID != m.PlanID {
				continue
			}
			p.Stages = append(p.Stages, call.APIName+" · "+call.StageName)
			p.Limits = limitsLine(call.Terms)
			if q := call.Terms.Quota; q != nil && p.Meter == nil {
				window := q.Window(r.Now)
				used, err := o.Store.QuotaUsed(r.Context(), key.ID, m.PlanID, window.Start, window.End)
				if err != nil {
					return err
				}
				p.Meter = quotaMeter(KeyLimits{Quota: *q, Used: used, Left: q.Remaining(0, used), Window: window}, r.Now)
			}
		}
		v.Memberships = append(v.Memberships, p)
	}
	return nil
}

// revealView shows a value once, with a call that works as it stands where the key may call something.
func revealView(r *Request, key models.KeyDetail, value secret.Value) *ui.Reveal {
	reveal := &ui.Reveal{Badge: "Created", Title: key.Name + " is ready", Label: "New API key", Secret: value.Reveal(), DoneHref: ownerKeyPath(key.ID),
		Text: "Copy the key now and give it to your customer over a safe channel. Only its hash is kept, so nobody can show it again."}
	if !key.RotatedAt.IsZero() {
		reveal.Badge, reveal.Title = "Rotated", key.Name+" has a new value"
	}
	if at := chosenCall(key.Calls, ""); at >= 0 && len(key.Calls[at].Methods) > 0 {
		call := key.Calls[at]
		ops := make([]operation, len(call.Methods))
		for i, m := range call.Methods {
			ops[i] = operation{m.ID, describe(nil, m)}
		}
		reveal.Snippets = ui.SnippetsOf(keyRequest(r.Site.GatewayURL, call, simplest(ops).Operation, value))
	}
	return reveal
}

// change runs a change that one of the forms of a key's page asks for.
func (o *OwnerKeys) change(r *Request, find func(*Request) (models.KeyDetail, error), fn func(models.KeyDetail, *Form) (string, error)) (Reply, error) {
	key, err := find(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	message, err := fn(key, f)
	if f.Accept(err) || !f.OK() {
		return o.keyPage(r, key, f, Again)
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done(ownerKeyPath(key.ID), message), nil
}

// Settings changes name, description and customer id.
func (o *OwnerKeys) Settings(r *Request) (Reply, error) {
	return o.change(r, o.own, func(key models.KeyDetail, f *Form) (string, error) {
		in := models.CustomerKeySettings{Name: f.Get("name"), Description: f.Get("description"), CustomerID: f.Get("customer_id")}
		return "Saved.", o.Store.UpdateCustomerKey(r.Context(), r.Actor(), key.ID, in, r.Now)
	})
}

// Enabled turns a key on or off: a customer's key as a whole, a developer's on the reader's plans.
func (o *OwnerKeys) Enabled(r *Request) (Reply, error) {
	return o.change(r, o.key, func(key models.KeyDetail, f *Form) (string, error) {
		on := f.Get("enabled") == "true"
		message := "Enabled: the key works from its next request on."
		if !on {
			message = "Disabled: the key gets 403 from its next request on."
		}
		return message, o.Store.SetKeyEnabled(r.Context(), r.Actor(), key.ID, on, r.Now)
	})
}

// Expiry sets the day on which a key stops.
func (o *OwnerKeys) Expiry(r *Request) (Reply, error) {
	return o.change(r, o.own, func(key models.KeyDetail, f *Form) (string, error) {
		expires := day(f, "expires")
		if !f.OK() {
			return "", nil
		}
		if expires.IsZero() {
			return "The key does not expire.", o.Store.SetKeyExpiry(r.Context(), r.Actor(), key.ID, expires, r.Now)
		}
		return "The key stops working on " + expires.Format("2 Jan 2006") + ", 00:00 UTC.", o.Store.SetKeyExpiry(r.Context(), r.Actor(), key.ID, expires, r.Now)
	})
}

// StopOld ends the overlap of a rotation.
func (o *OwnerKeys) StopOld(r *Request) (Reply, error) {
	return o.change(r, o.own, func(key models.KeyDetail, _ *Form) (string, error) {
		return "The old value has stopped.", o.Store.StopOldValue(r.Context(), r.Actor(), key.ID, r.Now)
	})
}

// AddPlan puts a customer's key on a plan.
func (o *OwnerKeys) AddPlan(r *Request) (Reply, error) {
	return o.change(r, o.own, func(key models.KeyDetail, f *Form) (string, error) {
		plan, err := models.ParseID[models.Plan](f.Get("plan"))
		if err != nil {
			return "", models.Invalid("plan", "Choose a plan.")
		}
		return "The key is on the plan: it works there from its next request on.", onPlan(o.Store.AddKeyToPlan(r.Context(), r.Actor(), key.ID, plan, r.Now))
	})
}

// onPlan puts a conflict at the field where the plan was chosen.
func onPlan(err error) error {
	if models.KindOf(err) == models.KindConflict {
		return models.Invalid("plan", models.Sentence(err))
	}
	return err
}

// RemovePlan takes a key off one of the reader's plans.
func (o *OwnerKeys) RemovePlan(r *Request) (Reply, error) {
	plan, err := param[models.Plan](r, "plan")
	if err != nil {
		return Reply{}, err
	}
	return o.change(r, o.key, func(key models.KeyDetail, _ *Form) (string, error) {
		return "The key is off the plan: it gets 403 there from its next request on.", o.Store.RemoveKeyFromPlan(r.Context(), r.Actor(), key.ID, plan, r.Now)
	})
}

// Key values that a rotation offers, in the order of the page.
var ownerOverlaps = []struct {
	value, label, hint string
	overlap            models.Overlap
}{
	{"none", "Now", "For a key that leaked: whoever has the old value is out at once.", models.OverlapNone},
	{"1h", "In 1 hour", "", models.OverlapHour},
	{"24h", "In 24 hours", "Right for most rotations.", models.OverlapDay},
	{"7d", "In 7 days", "", models.OverlapWeek},
}

// RotateForm asks when the old value stops.
func (o *OwnerKeys) RotateForm(r *Request) (Reply, error) {
	key, err := o.own(r)
	if err != nil {
		return Reply{}, err
	}
	return Page(ownerRotatePage(r, key, NewForm("overlap", "24h"))), nil
}

func ownerRotatePage(r *Request, key models.KeyDetail, f *Form) templ.Component {
	path := ownerKeyPath(key.ID)
	c := ui.Confirm{Title: "Rotate " + key.Name + "?", Action: path + "/rotate", Button: "Rotate key", Cancel: path, Problem: f.Message(),
		Text: "The key gets a new value, shown once. Its name, plans, limits and counters stay. The old value works on for as long as you choose."}
	var choices []ui.Option
	for _, overlap := range ownerOverlaps {
		choices = append(choices, ui.Option{Value: overlap.value, Label: overlap.label, Hint: overlap.hint})
	}
	return owner.Rotate(r.layout("Rotate", keysCrumb(), ui.Crumb{Label: key.Name, Href: path}, ui.Crumb{}), c, choices, f)
}

// Rotate gives the key a new value and shows it once, on its page.
func (o *OwnerKeys) Rotate(r *Request) (Reply, error) {
	key, err := o.own(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	overlap := models.Overlap(-1)
	for _, o := range ownerOverlaps {
		if o.value == f.Get("overlap") {
			overlap = o.overlap
		}
	}
	if f.Accept(overlap.Check()) {
		return Again(ownerRotatePage(r, key, f)), nil
	}
	_, value, err := o.Store.RotateKey(r.Context(), r.Actor(), key.ID, overlap, r.Now)
	if f.Accept(err) {
		return Again(ownerRotatePage(r, key, f)), nil
	}
	if err != nil {
		return Reply{}, err
	}
	if err := r.Session.PutSecret(key.ID, value); err != nil {
		return Reply{}, err
	}
	return See(ownerKeyPath(key.ID) + "?new=1"), nil
}

// RevokeForm asks before a key ends for good.
func (o *OwnerKeys) RevokeForm(r *Request) (Reply, error) {
	key, err := o.own(r)
	if err != nil {
		return Reply{}, err
	}
	path := ownerKeyPath(key.ID)
	text := "Every call with it gets 403 from the next request on. This is final; to stop it for a while, disable it."
	if !key.LastUsedAt.IsZero() {
		text += " It was last used on " + key.LastUsedAt.UTC().Format("2 Jan 2006, 15:04") + " UTC."
	}
	return Page(owner.Confirm(r.layout("Revoke", keysCrumb(), ui.Crumb{Label: key.Name, Href: path}, ui.Crumb{}),
		ui.Confirm{Title: "Revoke " + key.Name + "?", Text: text, Action: path + "/revoke", Button: "Revoke key", Danger: true, Cancel: path})), nil
}

// Revoke ends a key for good.
func (o *OwnerKeys) Revoke(r *Request) (Reply, error) {
	return o.change(r, o.own, func(key models.KeyDetail, _ *Form) (string, error) {
		return key.Name + " is revoked.", o.Store.RevokeKey(r.Context(), r.Actor(), key.ID, r.Now)
	})
}

// MoveForm asks for the plan that a key moves to from the plan in ?from=.
func (o *OwnerKeys) MoveForm(r *Request) (Reply, error) {
	key, err := o.own(r)
	if err != nil {
		return Reply{}, err
	}
	return o.movePage(r, key, NewForm("from", r.Query("from")), Page)
}

func (o *OwnerKeys) movePage(r *Request, key models.KeyDetail, f *Form, reply func(templ.Component) Reply) (Reply, error) {
	var from models.Membership
	var without []models.PlanID
	for _, m := range key.Memberships {
		without = append(without, m.PlanID)
		if m.PlanID.String() == f.Get("from") {
			from = m
		}
	}
	if from.PlanID == 0 {
		return Reply{}, models.NotFound("plan of this key")
	}
	plans, err := publishedPlans(r, o.Store, without...)
	if err != nil {
		return Reply{}, err
	}
	path := ownerKeyPath(key.ID)
	c := ui.Confirm{Title: "Move " + key.Name + " to another plan?", Action: path + "/move", Button: "Move key", Cancel: path, Problem: f.Message(), Hidden: []ui.Pair{{Name: "from", Value: f.Get("from")}},
		Text: "It leaves " + from.PlanName + " and follows the new plan from its next request on. It starts there with an unused quota."}
	return reply(owner.Move(r.layout("Move", keysCrumb(), ui.Crumb{Label: key.Name, Href: path}, ui.Crumb{}), c, plans, f)), nil
}

// Move moves a key between the reader's plans.
func (o *OwnerKeys) Move(r *Request) (Reply, error) {
	key, err := o.own(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	from, errFrom := models.ParseID[models.Plan](f.Get("from"))
	to, errTo := models.ParseID[models.Plan](f.Get("plan"))
	switch {
	case errFrom != nil:
		return Reply{}, models.NotFound("plan")
	case errTo != nil:
		f.Fail("plan", "Choose a plan.")
	default:
		err := o.Store.MoveKey(r.Context(), r.Actor(), key.ID, from, to, r.Now)
		if err == nil {
			return r.Done(ownerKeyPath(key.ID), "The key is on the new plan from its next request on."), nil
		}
		if !f.Accept(err) {
			return Reply{}, err
		}
	}
	return o.movePage(r, key, f, Again)
}

// lineNumber is the number in "line 7", for the order of a report; 0 for what is no line.
func lineNumber(field string) int {
	n := 0
	for _, digit := range strings.TrimPrefix(field, "line ") {
		if digit < '0' || digit > '9' {
			return 0
		}
		n = n*10 + int(digit-'0')
	}
	return n
}
