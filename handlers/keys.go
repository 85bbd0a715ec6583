package handlers

import (
	"context"
	"strings"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/templates/developer"
	"gatehouse/templates/format"
	"gatehouse/templates/ui"
)

// KeysStore is what the pages of keys need of the store.
type KeysStore interface {
	App(ctx context.Context, account models.AccountID, id models.AppID) (models.AppRow, error)
	Apps(ctx context.Context, account models.AccountID, p models.Page) (models.List[models.AppRow], error)
	AccountKeys(ctx context.Context, account models.AccountID, p models.Page) (models.List[models.KeyRow], error)
	OwnKey(ctx context.Context, account models.AccountID, id models.KeyID) (models.KeyDetail, error)
	CreateKey(ctx context.Context, actor models.Actor, in models.NewKey, now time.Time) (models.Key, secret.Value, error)
	RenameKey(ctx context.Context, actor models.Actor, id models.KeyID, name string, now time.Time) error
	SetKeyExpiry(ctx context.Context, actor models.Actor, id models.KeyID, expires, now time.Time) error
	RotateKey(ctx context.Context, actor models.Actor, id models.KeyID, how models.Rotation, now time.Time) (models.Key, secret.Value, error)
	OldValues(ctx context.Context, account models.AccountID, id models.KeyID, now time.Time) ([]models.OldValue, error)
	StopOldValue(ctx context.Context, actor models.Actor, id models.KeyID, now time.Time) error
	RevokeKey(ctx context.Context, actor models.Actor, id models.KeyID, now time.Time) error
	CatalogAPI(ctx context.Context, viewer models.AccountID, slug string) (models.CatalogAPI, error)
	Reading(ctx context.Context, id models.DocumentID) ([]byte, error)
	UsageSeries(ctx context.Context, sc models.UsageScope, r models.UsageRange) ([]models.UsagePoint, error)
}

// Keys is the pages of a developer's keys.
type Keys struct {
	Store    KeysStore
	Limits   LimitsOf
	Caller   Caller
	Receipts *Receipts         // nil: none are kept
	Log      models.RequestLog // nil: none is kept

	references references
}

// appsOfMenu is how many apps the list of keys offers to make a key for.
const appsOfMenu = 12

// List shows all keys of the account.
func (k *Keys) List(r *Request) (Reply, error) {
	p := r.Page()
	list, err := k.Store.AccountKeys(r.Context(), r.Account.ID, p)
	if err != nil {
		return Reply{}, err
	}
	v := developer.KeysView{Query: p.Search, Pages: listPages(r, p, list.Next), Table: developer.KeyTable{Title: "Keys of all apps", Now: r.Now, Apps: true, Spark: true}}
	for i, row := range list.Items {
		line := keyLine(row, r.Here())
		if i < maxSparks {
			if err := addSpark(r.Context(), k.Store, &line, row.ID, r.Now); err != nil {
				return Reply{}, err
			}
		}
		line.App, line.AppHref = row.AppName, appPath(row.AppID)
		v.Table.Keys = append(v.Table.Keys, line)
	}
	apps, err := k.Store.Apps(r.Context(), r.Account.ID, models.Page{Limit: appsOfMenu})
	if err != nil {
		return Reply{}, err
	}
	for _, app := range apps.Items {
		v.Apps = append(v.Apps, ui.NavItem{Label: app.Name, Href: appPath(app.ID) + "/keys/new"})
	}
	v.MoreApps = apps.Next != ""
	return Page(developer.AllKeys(r.layout("Keys", ui.Crumb{}), v)), nil
}

// New asks for another key of an app.
func (k *Keys) New(r *Request) (Reply, error) { return k.newKey(r, NewForm(), Page) }

func (k *Keys) newKey(r *Request, f *Form, reply func(templ.Component) Reply) (Reply, error) {
	id, err := param[models.App](r, "app")
	if err != nil {
		return Reply{}, err
	}
	app, err := k.Store.App(r.Context(), r.Account.ID, id)
	if err != nil {
		return Reply{}, err
	}
	v := developer.NewKeyView{
		App: app.Name, AppHref: appPath(id), Name: f.Get("name"), Expires: f.Get("expires"), NameError: f.Error("name"), ExpiresError: f.Error("expires"),
		Problem: f.Message(), Plans: newKeyWords(app), Soonest: soonestDay(r.Now),
	}
	_, v.Full = keyRoom(app)
	page := r.layout("New key", ui.Crumb{Label: "Apps", Href: "/apps"}, ui.Crumb{Label: app.Name, Href: appPath(id)}, ui.Crumb{})
	return reply(developer.NewKey(page, v)), nil
}

// newKeyWords says what a further key of an app may call.
func newKeyWords(app models.AppRow) string {
	var plans []string
	for _, s := range app.Subscriptions {
		if s.State.Open() {
			plans = append(plans, s.PlanName)
		}
	}
	switch len(plans) {
	case 0:
		return "This app is on no plan: the key may call nothing until you subscribe the app to one."
	case 1:
		return "The key will be on the plan " + plans[0] + ", with limits and a quota of its own."
	}
	return "The key will be on the plans " + strings.Join(plans, ", ") + ", with limits and quotas of its own."
}

func soonestDay(now time.Time) string { return now.UTC().AddDate(0, 0, 1).Format(time.DateOnly) }

// day reads a date of a form as the beginning of that day, UTC. Nothing typed is the zero time.
func day(f *Form, field string) time.Time {
	text := f.Trimmed(field)
	if text == "" {
		return time.Time{}
	}
	t, err := time.ParseInLocation(time.DateOnly, text, time.UTC)
	if err != nil {
		f.Fail(field, "Enter a day such as 2027-03-31, or nothing.")
	}
	return t
}

// Create makes a key and shows its value once, on its page.
func (k *Keys) Create(r *Request) (Reply, error) {
	id, err := param[models.App](r, "app")
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	in := models.NewKey{AppID: id, Name: f.Get("name"), ExpiresAt: day(f, "expires")}
	if !f.OK() {
		return k.newKey(r, f, Again)
	}
	key, value, err := k.Store.CreateKey(r.Context(), r.Actor(), in, r.Now)
	if err != nil {
		if f.Accept(err) {
			return k.newKey(r, f, Again)
		}
		return Reply{}, err
	}
	if err := r.Session.PutSecret(key.ID, value); err != nil {
		return Reply{}, err
	}
	return See(keyPath(key.ID) + "?new=1"), nil
}

// own reads the key of the path, which only who may change it finds.
func (k *Keys) own(r *Request) (models.KeyDetail, error) {
	id, err := param[models.Key](r, "key")
	if err != nil {
		return models.KeyDetail{}, err
	}
	return k.Store.OwnKey(r.Context(), r.Account.ID, id)
}

// Show is a key's page. It shows the value when one waits for it.
func (k *Keys) Show(r *Request) (Reply, error) {
	key, err := k.own(r)
	if err != nil {
		return Reply{}, err
	}
	if key.AppID == 0 {
		return See("/owner" + keyPath(key.ID)), nil // made by an API owner for a customer
	}
	value, shown := secret.Value{}, false
	if r.Query("new") != "" {
		if value, shown, err = r.Session.TakeSecret(key.ID); err != nil {
			return Reply{}, err
		}
	}
	page, err := k.page(r, key, value, NewForm())
	if err != nil {
		return Reply{}, err
	}
	page.view.Shown = r.Query("new") != "" && !shown && key.Status(r.Now) != models.KeyRevoked
	return Page(developer.Key(page.frame, page.view)), nil
}

type keyPage struct {
	frame ui.Page
	view  developer.KeyView
}

// page prepares a key's page; value is shown unless it is zero, f holds what was typed into one of its forms.
func (k *Keys) page(r *Request, key models.KeyDetail, value secret.Value, f *Form) (keyPage, error) {
	status := key.Status(r.Now)
	v := developer.KeyView{
		Now: r.Now, Name: key.Name, Href: keyPath(key.ID), ID: key.ID.String(), Hint: key.Hint, App: key.AppName, AppHref: appPath(key.AppID),
		Status: keyStatus(key.Key, key.Memberships, r.Now), Working: status != models.KeyRevoked, Created: key.CreatedAt, LastUsed: key.LastUsedAt, Expires: key.ExpiresAt, Rotated: key.RotatedAt,
		Revoked: key.RevokedAt, UsageHref: "/usage?key=" + key.ID.String(), LogHref: pathWith(ownLog, "key", key.ID.String()), Notices: keyNotices(key, r.Here()), Soonest: soonestDay(r.Now),
		NewName: key.Name, NameError: f.Error("name"), ExpiresError: f.Error("expires"),
	}
	if !key.ExpiresAt.IsZero() {
		v.NewExpires = key.ExpiresAt.UTC().Format(time.DateOnly)
	}
	if _, typed := f.values["name"]; typed {
		v.NewName, v.NameError = f.Get("name"), fieldOrMessage(f, "name")
	}
	if _, typed := f.values["expires"]; typed {
		v.NewExpires, v.ExpiresError = f.Get("expires"), fieldOrMessage(f, "expires")
	}
	var err error
	if v.Old, err = oldValues(r, k.Store, key, v.Href); err != nil {
		return keyPage{}, err
	}
	if status != models.KeyRevoked { // nothing limits what cannot be called
		for _, m := range goingOn(key.Memberships) {
			card := quotaCard(key, m, k.Limits, r.Here())
			card.Key, card.Text = "", "" // the page is about the key, and its notices say what keeps it from working
			v.Quotas = append(v.Quotas, card)
		}
		if err := k.addCalls(&v, key, r, value); err != nil {
			return keyPage{}, err
		}
	}
	if err := k.addRecent(r, key.ID, &v); err != nil {
		return keyPage{}, err
	}
	if v.Refusals, err = k.Receipts.newest(r, key.ID); err != nil {
		return keyPage{}, err
	}
	frame := r.layout(key.Name, ui.Crumb{Label: "Apps", Href: "/apps"}, ui.Crumb{Label: key.AppName, Href: appPath(key.AppID)}, ui.Crumb{})
	frame.Htmx = true
	return keyPage{frame: frame, view: v}, nil
}

// addRecent draws the last 24 hours, if there were calls.
func (k *Keys) addRecent(r *Request, id models.KeyID, v *developer.KeyView) error {
	span := parseRange(nil, r.Here())
	points, err := k.Store.UsageSeries(r.Context(), models.UsageScope{Keys: []models.KeyID{id}}, span.UsageRange)
	if err != nil {
		return err
	}
	if sum := models.Sum(points); sum.Total() == 0 {
		return nil
	}
	c := requestsChart(points, span, span.zoomLinks("/usage", map[string][]string{"key": {id.String()}}), placeOfLog(k.Log, ownLog, map[string][]string{"key": {id.String()}}, r.Now))
	c.Small = true
	v.Requests = &c
	return nil
}

// keyNotices say what keeps a key from working, and what to do.
func keyNotices(key models.KeyDetail, now time.Time) (out []developer.NoticeLine) {
	add := func(kind ui.Kind, text, href, link string) {
		out = append(out, developer.NoticeLine{Kind: kind, Text: text, Href: href, Link: link})
	}
	app := appPath(key.AppID)
	switch key.Status(now) {
	case models.KeyRevoked:
		add(ui.Bad, "Revoked on "+format.Date(key.RevokedAt.In(now.Location()))+": every call with this key gets 403, and it cannot be brought back. Its usage stays.", app+"/keys/new", "Make a new key.")
		return out
	case models.KeyExpired:
		add(ui.Bad, "Expired on "+format.Date(key.ExpiresAt.In(now.Location()))+": every call with this key gets 403.", "#settings", "Set a later day, and it works again.")
	case models.KeyDisabled:
		add(ui.Bad, "Disabled: every call with this key gets 403. Ask the owner of the API what is needed.", "", "")
	case models.KeyActive, models.KeyRotating:
		if !key.ExpiresAt.IsZero() && key.ExpiresAt.Sub(now) < soon {
			add(ui.Warn, "This key stops working "+format.Ago(key.ExpiresAt, now)+", on "+format.Date(key.ExpiresAt.In(now.Location()))+".", "#settings", "Set a later day.")
		}
	}
	if len(key.Memberships) == 0 {
		add(ui.Warn, "This key is on no plan, so it may call nothing. Subscribe its app to a plan of the API that you want to call.", "/apis", "Browse APIs.")
	}
	for _, m := range key.Memberships {
		if words := endWords(m.PlanEndsAt, now); words != "" {
			add(ui.Warn, "The plan "+m.PlanName+" "+words+".", subscriptionPath(m.SubscriptionID)+"/change", "Change the plan.")
		}
		if m.State == models.MemberEnded && len(goingOn(key.Memberships)) > 0 {
			continue // it goes on by another plan
		}
		if _, text := memberState(m.State); text != "" {
			kind := ui.Bad
			if m.State == models.MemberPending {
				kind = ui.Info
			}
			add(kind, m.PlanName+": "+text, subscriptionPath(m.SubscriptionID), "Open the subscription.")
		}
	}
	return out
}
