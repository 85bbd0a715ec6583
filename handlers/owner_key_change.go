package handlers

import (
	"errors"
	"slices"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

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

// AddPlan puts a customer's key on a plan. Where another plan is in the way, the page names it and offers to move the key (DECISIONS 1).
func (o *OwnerKeys) AddPlan(r *Request) (Reply, error) {
	key, err := o.own(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	var held *models.HeldElsewhere
	if plan, err := models.ParseID[models.Plan](f.Get("plan")); err != nil {
		f.Fail("plan", "Choose a plan.")
	} else {
		err = o.Store.AddKeyToPlan(r.Context(), r.Actor(), key.ID, plan, r.Now)
		if err == nil {
			return r.Done(ownerKeyPath(key.ID), "The key is on the plan: it works there from its next request on."), nil
		}
		if !f.Accept(onPlan(err)) {
			return Reply{}, err
		}
		errors.As(err, &held)
	}
	v, err := o.keyView(r, key, f)
	if err != nil {
		return Reply{}, err
	}
	if held != nil {
		v.Offer = &owner.MoveOffer{From: held.Held.PlanName, Href: pathWith(v.Href+"/move", "from", held.Held.PlanID.String(), "to", f.Get("plan"))}
	}
	return Again(ownerKeyPage(r, key, v, f)), nil
}

// onPlan puts a conflict at the field where the plan was chosen.
func onPlan(err error) error {
	if models.KindOf(err) == models.KindConflict {
		return models.Invalid("plan", models.Sentence(err))
	}
	return err
}

// Extend lets a key on one of the reader's plans call more in the present window, or less.
func (o *OwnerKeys) Extend(r *Request) (Reply, error) {
	return o.changeStanding(r, func(key models.KeyID, plan models.PlanID, f *Form) (string, error) {
		return extend(r, o.Store, o.Settle, key, plan, f)
	})
}

// Release lets a key have what is in doubt on one of the reader's plans.
func (o *OwnerKeys) Release(r *Request) (Reply, error) {
	return o.changeStanding(r, func(key models.KeyID, plan models.PlanID, _ *Form) (string, error) {
		return release(r, o.Store, key, plan)
	})
}

func (o *OwnerKeys) changeStanding(r *Request, fn func(models.KeyID, models.PlanID, *Form) (string, error)) (Reply, error) {
	plan, err := param[models.Plan](r, "plan")
	if err != nil {
		return Reply{}, err
	}
	return o.change(r, o.key, func(key models.KeyDetail, f *Form) (string, error) { return fn(key.ID, plan, f) })
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
	_, value, err := o.Store.RotateKey(r.Context(), r.Actor(), key.ID, models.Rotation{Overlap: overlap, UntilUnused: f.Get("unused") != ""}, r.Now)
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
		text += " It was last used on " + format.DateTime(r.Local(key.LastUsedAt)) + "."
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

// MoveForm asks for the plan that a key moves to from the plan in ?from=; ?to= is chosen to begin with.
func (o *OwnerKeys) MoveForm(r *Request) (Reply, error) {
	key, err := o.own(r)
	if err != nil {
		return Reply{}, err
	}
	return o.movePage(r, key, NewForm("from", r.Query("from"), "plan", r.Query("to")), Page)
}

func (o *OwnerKeys) movePage(r *Request, key models.KeyDetail, f *Form, reply func(templ.Component) Reply) (Reply, error) {
	at := slices.IndexFunc(key.Memberships, func(m models.Membership) bool { return m.PlanID.String() == f.Get("from") })
	if at < 0 {
		return Reply{}, models.NotFound("plan of this key")
	}
	from := key.Memberships[at]
	var others []models.Membership
	for _, m := range goingOn(key.Memberships) {
		if m.PlanID != from.PlanID {
			others = append(others, m)
		}
	}
	v, err := moveView(r, o.Store, from.PlanID, others)
	if err != nil {
		return Reply{}, err
	}
	standing, err := o.Store.QuotaStanding(r.Context(), key.ID, from.PlanID, r.Now)
	if err != nil {
		return Reply{}, err
	}
	if standing.Used+standing.Carried > 0 {
		v.Count = "It has used " + format.Count(standing.Used+standing.Carried) + " of " + format.Count(standing.Quota.Limit+standing.Extra) + " on " + from.PlanName + " until " + resetTime(standing.Window.End) + "."
	}
	path := ownerKeyPath(key.ID)
	c := ui.Confirm{Title: "Move " + key.Name + " to another plan?", Action: path + "/move", Button: "Move key", Cancel: path, Problem: f.Message(), Hidden: []ui.Pair{{Name: "from", Value: f.Get("from")}},
		Text: "It leaves " + from.PlanName + " and follows the new plan from its next request on. Its value stays."}
	return reply(owner.Move(r.layout("Move", keysCrumb(), ui.Crumb{Label: key.Name, Href: path}, ui.Crumb{}), c, v, f)), nil
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
		err := o.Store.MoveKey(r.Context(), r.Actor(), key.ID, from, to, f.Checked("count"), r.Now)
		if err == nil {
			return r.Done(ownerKeyPath(key.ID), "The key is on the new plan from its next request on."), nil
		}
		if !f.Accept(err) {
			return Reply{}, err
		}
	}
	return o.movePage(r, key, f, Again)
}
