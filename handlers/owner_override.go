package handlers

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// OverrideStore is what limits of one key or subscription need of the store.
type OverrideStore interface {
	Key(ctx context.Context, reader models.AccountID, id models.KeyID) (models.KeyDetail, error)
	Plan(ctx context.Context, owner models.AccountID, id models.PlanID) (models.PlanRow, error)
	OwnerSubscription(ctx context.Context, owner models.AccountID, id models.SubscriptionID) (models.SubscriptionRow, error)
	SubscriptionOverride(ctx context.Context, id models.SubscriptionID) (models.Override, bool, error)
	SetKeyOverride(ctx context.Context, actor models.Actor, key models.KeyID, plan models.PlanID, in models.NewOverride, now time.Time) error
	EndKeyOverride(ctx context.Context, actor models.Actor, key models.KeyID, plan models.PlanID, now time.Time) error
	SetSubscriptionOverride(ctx context.Context, actor models.Actor, id models.SubscriptionID, in models.NewOverride, now time.Time) error
	EndSubscriptionOverride(ctx context.Context, actor models.Actor, id models.SubscriptionID, now time.Time) error
}

// OwnerOverrides are the pages on which an owner gives one key, or the keys of one subscription, other limits than the plan's.
type OwnerOverrides struct{ Store OverrideStore }

// overridden is whose limits a page is about.
type overridden struct {
	title, whose string
	back, action string
	crumbs       []ui.Crumb
	terms        models.Terms
	now          *models.Override
	keys         int
	set          func(models.NewOverride) error
	end          func() error
}

// overrideText is what an override names, in a line.
func overrideText(o models.Override) string {
	var parts []string
	if o.Throttle != nil {
		parts = append(parts, format.RPS(o.Throttle.Rate), "burst "+format.Count(o.Throttle.Burst))
	}
	if o.Quota != nil {
		parts = append(parts, quotaWords(o.Quota))
	}
	return strings.Join(parts, " · ")
}

// overrideSentence tells a developer of it.
func overrideSentence(o models.Override, now time.Time) string {
	text := "Your limits differ from the plan's: " + overrideText(o)
	if !o.EndsAt.IsZero() {
		text += ", until " + format.DateTime(o.EndsAt.In(now.Location()))
	}
	return text + ". The owner says: " + o.Reason
}

func overrideLine(o models.Override, now time.Time) *owner.OverrideLine {
	return &owner.OverrideLine{Text: overrideText(o), Reason: o.Reason, By: o.SetBy, At: o.SetAt, Ends: o.EndsAt, Over: !o.Holds(now), Shared: o.SubscriptionID != 0}
}

// ofKey finds the key and the plan of the path.
func (o *OwnerOverrides) ofKey(r *Request) (v overridden, err error) {
	id, err := param[models.Key](r, "key")
	if err != nil {
		return v, err
	}
	key, err := o.Store.Key(r.Context(), r.Account.ID, id)
	if err != nil {
		return v, err
	}
	plan, err := param[models.Plan](r, "plan")
	if err != nil {
		return v, err
	}
	row, err := o.Store.Plan(r.Context(), r.Account.ID, plan)
	if err != nil {
		return v, err
	}
	v = overridden{title: "Limits of " + key.Name + " on " + row.Name(), whose: "The key", back: ownerKeyPath(id), terms: row.InForce,
		crumbs: []ui.Crumb{keysCrumb(), {Label: key.Name, Href: ownerKeyPath(id)}, {Label: "Limits"}},
		set: func(in models.NewOverride) error {
			return o.Store.SetKeyOverride(r.Context(), r.Actor(), id, plan, in, r.Now)
		},
		end: func() error { return o.Store.EndKeyOverride(r.Context(), r.Actor(), id, plan, r.Now) },
	}
	v.action = v.back + "/plans/" + plan.String() + "/override"
	for _, m := range key.Memberships {
		if m.PlanID == plan {
			v.now = m.Override
			return v, nil
		}
	}
	return v, models.NotFound("plan of this key")
}

// ofSubscription finds the subscription of the path.
func (o *OwnerOverrides) ofSubscription(r *Request) (v overridden, err error) {
	id, err := param[models.Subscription](r, "subscription")
	if err != nil {
		return v, err
	}
	row, err := o.Store.OwnerSubscription(r.Context(), r.Account.ID, id)
	if err != nil {
		return v, err
	}
	name := row.AppName + " on " + row.PlanName
	v = overridden{title: "Limits of " + name, whose: "Each key of " + row.AppName, back: ownerSubscriptionPath(id), action: ownerSubscriptionPath(id) + "/override", terms: row.Terms, keys: row.Keys,
		crumbs: []ui.Crumb{subscriptionsCrumb(), {Label: name, Href: ownerSubscriptionPath(id)}, {Label: "Limits"}},
		set: func(in models.NewOverride) error {
			return o.Store.SetSubscriptionOverride(r.Context(), r.Actor(), id, in, r.Now)
		},
		end: func() error { return o.Store.EndSubscriptionOverride(r.Context(), r.Actor(), id, r.Now) },
	}
	now, ok, err := o.Store.SubscriptionOverride(r.Context(), id)
	if ok {
		v.now = &now
	}
	return v, err
}

// KeyForm asks for the limits of one key on one plan.
func (o *OwnerOverrides) KeyForm(r *Request) (Reply, error) { return o.form(r, o.ofKey) }

// Key sets or ends them.
func (o *OwnerOverrides) Key(r *Request) (Reply, error) { return o.submit(r, o.ofKey) }

// SubscriptionForm asks for the limits of a subscription's keys.
func (o *OwnerOverrides) SubscriptionForm(r *Request) (Reply, error) {
	return o.form(r, o.ofSubscription)
}

// Subscription sets or ends them.
func (o *OwnerOverrides) Subscription(r *Request) (Reply, error) {
	return o.submit(r, o.ofSubscription)
}

func (o *OwnerOverrides) form(r *Request, find func(*Request) (overridden, error)) (Reply, error) {
	v, err := find(r)
	if err != nil {
		return Reply{}, err
	}
	return Page(overridePage(r, v, overrideForm(v))), nil
}

func (o *OwnerOverrides) submit(r *Request, find func(*Request) (overridden, error)) (Reply, error) {
	v, err := find(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	message := "The plan's limits hold again from the next request on."
	if f.Checked("end") {
		err = v.end()
	} else {
		in := readOverride(f, v.terms)
		if !f.OK() {
			return Again(overridePage(r, v, f)), nil
		}
		message = "Limits of its own hold from the next request on."
		err = v.set(in)
	}
	if f.Accept(err) {
		return Again(overridePage(r, v, f)), nil
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done(v.back, message), nil
}

func overridePage(r *Request, v overridden, f *Form) templ.Component {
	view := owner.OverrideView{Title: v.title, Whose: v.whose, Action: v.action, Back: v.back, PlanLimits: limitsLine(v.terms), Keys: v.keys,
		Soonest: r.Now.AddDate(0, 0, 1).Format(time.DateOnly)}
	if v.now != nil {
		view.Now = overrideLine(*v.now, r.Now)
	}
	return owner.Override(r.layout(v.title, v.crumbs...), view, f)
}

// overrideForm fills the form with what there is.
func overrideForm(v overridden) *Form {
	f := NewForm("period", limit.PeriodMonth.String())
	if v.terms.Quota != nil {
		f.Set("period", v.terms.Quota.Period.String())
	}
	o := v.now
	if o == nil {
		return f
	}
	f.Set("reason", o.Reason)
	if o.Throttle != nil {
		f.Set("rate", plainNumber(o.Throttle.Rate))
		f.Set("burst", strconv.FormatInt(o.Throttle.Burst, 10))
	}
	if o.Quota != nil {
		f.Set("quota", format.Count(o.Quota.Limit))
		f.Set("period", o.Quota.Period.String())
	}
	if !o.EndsAt.IsZero() {
		f.Set("ends", o.EndsAt.UTC().Format(time.DateOnly))
	}
	return f
}

// readOverride reads the form. Windows of the plan's period begin when the plan's do.
func readOverride(f *Form, terms models.Terms) models.NewOverride {
	in := models.NewOverride{Throttle: readSharedThrottle(f), Reason: f.Get("reason"), EndsAt: day(f, "ends")}
	if f.Trimmed("quota") == "" {
		return in
	}
	n, problem := parseWhole(f.Get("quota"))
	if problem != "" {
		f.Fail("quota", problem)
		return in
	}
	in.Quota = &limit.Quota{Limit: n}
	for period := limit.PeriodDay; period <= limit.PeriodMonth; period++ {
		if period.String() == f.Get("period") {
			in.Quota.Period = period
		}
	}
	if in.Quota.Period == limit.PeriodNone {
		f.Fail("period", "Choose a period.")
	}
	if terms.Quota != nil && terms.Quota.Period == in.Quota.Period {
		in.Quota.Offset = terms.Quota.Offset
	}
	return in
}
