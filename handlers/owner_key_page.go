package handlers

import (
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/models/openapi"
	"gatehouse/models/secret"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

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
	v, err := o.keyView(r, key, f)
	if err != nil {
		return Reply{}, err
	}
	return reply(ownerKeyPage(r, key, v, f)), nil
}

func ownerKeyPage(r *Request, key models.KeyDetail, v owner.KeyView, f *Form) templ.Component {
	return owner.Key(r.layout(key.Name, keysCrumb(), ui.Crumb{}), v, keyForm(key, f))
}

func (o *OwnerKeys) keyView(r *Request, key models.KeyDetail, f *Form) (owner.KeyView, error) {
	value, waiting, err := r.Session.TakeSecret(key.ID)
	if err != nil {
		return owner.KeyView{}, err
	}
	own := key.OwnerID == r.Account.ID
	v := owner.KeyView{
		KeyRow: ownerKeyRow(key.KeyRow, r.Now), ID: key.ID.String(), Now: r.Now, Own: own, Created: key.CreatedAt, Rotated: key.RotatedAt, OldStops: key.OldStopsAt, Revoked: key.RevokedAt,
		Rotating: key.Status(r.Now) == models.KeyRotating, Working: key.RevokedAt.IsZero(), Enabled: key.Enabled, Customer: key.CustomerID, Description: key.Description,
		App: key.AppName, Developer: key.AccountEmail, Sealed: key.Sealed, Lost: r.Query("new") != "" && !waiting, AuditHref: "/owner/audit?object=" + key.ID.String(), LogHref: pathWith(ownersLog, "key", key.ID.String()),
	}
	if !own {
		v.Enabled = !blocked(key.Memberships)
	}
	if own {
		old, err := oldValues(r, o.Store, key, v.Href)
		if err != nil {
			return v, err
		}
		v.Old = old
	}
	if err := o.keyPlans(r, key, &v, f); err != nil {
		return v, err
	}
	span := parseRange(nil, r.Here())
	scope, err := o.keyScope(r, key)
	if err != nil {
		return v, err
	}
	points, err := o.Store.UsageSeries(r.Context(), scope, span.wanted())
	if err != nil {
		return v, err
	}
	v.Figures = figuresOf(points, span, nil, logPlace{})
	if v.Refusals, err = o.Receipts.newest(r, key.ID); err != nil {
		return v, err
	}
	if waiting {
		v.Reveal = revealView(r, key, value)
	}
	if own && v.Working {
		without := make([]models.PlanID, len(key.Memberships))
		for i, m := range key.Memberships {
			without[i] = m.PlanID
		}
		if v.AddPlans, err = publishedPlans(r, o.Store, without...); err != nil {
			return v, err
		}
	}
	return v, nil
}

// keyScope is where a key's usage is looked at: for one that the reader made everywhere; for a developer's, which may be on others' plans too, the stages that it
// may call by the reader's plans, or could until they ended or it was revoked.
func (o *OwnerKeys) keyScope(r *Request, key models.KeyDetail) (models.UsageScope, error) {
	if key.OwnerID == r.Account.ID {
		return models.UsageScope{Keys: []models.KeyID{key.ID}}, nil
	}
	scope := models.UsageScope{Keys: []models.KeyID{key.ID}, Stages: make([]models.StageID, len(key.Calls))} // not nil: without calls there is nothing to see
	for i, call := range key.Calls {
		scope.Stages[i] = call.StageID
	}
	for _, m := range key.Memberships {
		if m.State != models.MemberEnded && key.RevokedAt.IsZero() {
			continue
		}
		row, err := o.Store.Plan(r.Context(), r.Account.ID, m.PlanID)
		if models.KindOf(err) == models.KindNotFound {
			continue // it is another owner's
		}
		if err != nil {
			return scope, err
		}
		scope.Stages = append(scope.Stages, row.InForce.StageIDs()...)
	}
	return scope, nil
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

// keyPlans fills in the plans that the key is on, with where it stands on each; f is one of the page's forms after a mistake.
func (o *OwnerKeys) keyPlans(r *Request, key models.KeyDetail, v *owner.KeyView, f *Form) error {
	for _, m := range key.Memberships {
		state := ownerMemberBadge(m.State)
		if !v.Working {
			state = ui.BadgeProps{Text: "Key revoked"}
		}
		p := owner.KeyPlan{ID: m.PlanID.String(), Name: m.PlanName, Href: ownerPlanPath(m.PlanID), State: state, Added: m.AddedAt,
			UsageHref: pathWith("/owner/usage", "key", key.ID.String(), "plan", m.PlanID.String())}
		if m.SubscriptionID != 0 {
			p.SubscriptionHref = ownerSubscriptionPath(m.SubscriptionID)
		}
		for _, call := range key.Calls {
			if call.PlanID != m.PlanID {
				continue
			}
			p.Stages = append(p.Stages, call.APIName+" · "+call.StageName)
			p.Limits = limitsLine(m.Terms(call.Terms, r.Now))
		}
		if m.Override != nil {
			p.Override = overrideLine(*m.Override, r.Now)
		}
		action := ""
		if v.Working && m.State != models.MemberEnded {
			action = v.Href + "/plans/" + p.ID
			p.OverrideHref = action + "/override"
		}
		var err error
		if p.Standing, err = standingView(r, o.Store, key.ID, m.PlanID, action, f); err != nil {
			return err
		}
		if ends := endWords(m.PlanEndsAt, r.Here()); ends != "" {
			p.Ends = "The plan " + ends + "."
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
			ops[i] = operation{m.ID, brief(new(openapi.Reference), m)}
		}
		reveal.Snippets = ui.SnippetsOf(keyRequest(r.Site.callURL(call), call, simplest(ops).Operation, value), r.language())
	}
	return reveal
}
