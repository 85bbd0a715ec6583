package handlers

import (
	"context"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/developer"
	"gatehouse/templates/format"
	"gatehouse/templates/ui"
)

// AppsStore is what the pages of apps need of the store.
type AppsStore interface {
	Apps(ctx context.Context, account models.AccountID, p models.Page) (models.List[models.AppRow], error)
	App(ctx context.Context, account models.AccountID, id models.AppID) (models.AppRow, error)
	AppKeys(ctx context.Context, account models.AccountID, id models.AppID) ([]models.KeyDetail, error)
	KeysOfApp(ctx context.Context, account models.AccountID, id models.AppID) ([]models.KeyID, error)
	CreateApp(ctx context.Context, actor models.Actor, name string, now time.Time) (models.App, error)
	RenameApp(ctx context.Context, actor models.Actor, id models.AppID, name string, now time.Time) error
	UsageSeries(ctx context.Context, sc models.UsageScope, r models.UsageRange) ([]models.UsagePoint, error)
}

// Apps is the pages of a developer's apps.
type Apps struct {
	Store  AppsStore
	Limits LimitsOf
}

// List shows the apps.
func (a *Apps) List(r *Request) (Reply, error) {
	p := r.Page()
	list, err := a.Store.Apps(r.Context(), r.Account.ID, p)
	if err != nil {
		return Reply{}, err
	}
	v := developer.AppsView{Query: p.Search, Pages: listPages(r, p, list.Next)}
	for i, app := range list.Items {
		line := developer.AppLine{Name: app.Name, Href: appPath(app.ID), Keys: format.Plural(int64(app.Keys), "key"), Created: app.CreatedAt}
		for _, s := range app.Subscriptions {
			if s.State.Open() {
				line.On = append(line.On, ui.BadgeProps{Kind: subscriptionState(s.State).Kind, Text: s.PlanName})
			}
		}
		if app.Keys > 0 && i < maxSparks {
			if line.Spark, line.Calls, err = a.calls(r, app.ID); err != nil {
				return Reply{}, err
			}
		}
		v.Apps = append(v.Apps, line)
	}
	return Page(developer.Apps(r.layout("Apps", ui.Crumb{}), v)), nil
}

func (a *Apps) calls(r *Request, app models.AppID) ([]float64, string, error) {
	keys, err := a.Store.KeysOfApp(r.Context(), r.Account.ID, app)
	if err != nil {
		return nil, "", err
	}
	return callsOf(r.Context(), a.Store, keys, r.Now)
}

func rowsOf(keys []models.KeyDetail) []models.KeyRow {
	rows := make([]models.KeyRow, len(keys))
	for i, k := range keys {
		rows[i] = k.KeyRow
	}
	return rows
}

// New asks for an app's name.
func (a *Apps) New(r *Request) (Reply, error) { return Page(newAppPage(r, NewForm())), nil }

func newAppPage(r *Request, f *Form) templ.Component {
	page := r.layout("New app", ui.Crumb{Label: "Apps", Href: "/apps"}, ui.Crumb{})
	return developer.NewApp(page, developer.NewAppView{Name: f.Get("name"), Error: fieldOrMessage(f, "name")})
}

// fieldOrMessage is what is wrong, for a form of one field.
func fieldOrMessage(f *Form, name string) string {
	if e := f.Error(name); e != "" {
		return e
	}
	return f.Message()
}

// Create makes an app.
func (a *Apps) Create(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	app, err := a.Store.CreateApp(r.Context(), r.Actor(), f.Get("name"), r.Now)
	if err != nil {
		if f.Accept(err) {
			return Again(newAppPage(r, f)), nil
		}
		return Reply{}, err
	}
	return r.Done(appPath(app.ID), app.Name+" is there. Subscribe it to a plan to get a key."), nil
}

// Show is an app with its keys and subscriptions.
func (a *Apps) Show(r *Request) (Reply, error) {
	id, err := param[models.App](r, "app")
	if err != nil {
		return Reply{}, err
	}
	return a.show(r, id, nil, Page)
}

// Rename gives an app another name.
func (a *Apps) Rename(r *Request) (Reply, error) {
	id, err := param[models.App](r, "app")
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	if err := a.Store.RenameApp(r.Context(), r.Actor(), id, f.Get("name"), r.Now); err != nil {
		if f.Accept(err) {
			return a.show(r, id, f, Again)
		}
		return Reply{}, err
	}
	return r.Done(appPath(id), "Renamed."), nil
}

// show draws the page; f is what was typed into its form, nil before.
func (a *Apps) show(r *Request, id models.AppID, f *Form, reply func(templ.Component) Reply) (Reply, error) {
	app, err := a.Store.App(r.Context(), r.Account.ID, id)
	if err != nil {
		return Reply{}, err
	}
	keys, err := a.Store.AppKeys(r.Context(), r.Account.ID, id)
	if err != nil {
		return Reply{}, err
	}
	rows := rowsOf(keys)
	v := developer.AppView{Name: app.Name, Href: appPath(id), Created: app.CreatedAt, UsageHref: "/usage?app=" + id.String(), NewName: app.Name, Keys: developer.KeyTable{Title: "Keys of " + app.Name, Now: r.Now, Spark: true}}
	if f != nil {
		v.NewName, v.NameError = f.Get("name"), fieldOrMessage(f, "name")
	}
	for i, k := range rows {
		line := keyLine(k, r.Here())
		if i < maxSparks {
			if err := addSpark(r.Context(), a.Store, &line, k.ID, r.Now); err != nil {
				return Reply{}, err
			}
		}
		v.Keys.Keys = append(v.Keys.Keys, line)
	}
	v.Count, v.Full = keyRoom(app)
	for _, s := range app.Subscriptions {
		if s.State.Open() {
			v.Subscriptions = append(v.Subscriptions, subscriptionCard(s, rows, a.Limits, r.Here()))
		} else {
			v.Earlier = append(v.Earlier, endedItem(s, r.Now))
		}
	}
	return reply(developer.App(r.layout(app.Name, ui.Crumb{Label: "Apps", Href: "/apps"}, ui.Crumb{}), v)), nil
}

// keyRoom says how many keys an app has and may have: the smallest number of its plans counts, for each key is on all of them. full is why
// there can be no further one.
func keyRoom(app models.AppRow) (count, full string) {
	most, plan := 0, ""
	for _, s := range app.Subscriptions {
		if s.State.Open() && (most == 0 || s.Terms.KeysPerApp < most) {
			most, plan = s.Terms.KeysPerApp, s.PlanName
		}
	}
	if most == 0 {
		return format.Plural(int64(app.Keys), "key"), ""
	}
	count = format.Count(int64(app.Keys)) + " of " + format.Plural(int64(most), "key")
	if app.Keys >= most {
		full = "The plan " + plan + " allows an app " + format.Plural(int64(most), "key") + ". Revoke one that you no longer need, change to a plan that allows more, or make another app."
	}
	return count, full
}

// endedItem is a subscription that is over, in the history of an app.
func endedItem(s models.SubscriptionRow, now time.Time) ui.TimelineItem {
	item := ui.TimelineItem{Icon: "archive", Title: s.PlanName + " ended", Text: s.Reason, Href: subscriptionPath(s.ID), At: s.EndedAt, Now: now}
	if s.State == models.SubscriptionRefused {
		item.Icon, item.Kind, item.Title, item.At = "circle-x", ui.Bad, s.PlanName+" was refused", s.DecidedAt
	}
	return item
}
