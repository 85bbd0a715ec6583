package handlers

import (
	"context"
	"net/url"
	"slices"

	"gatehouse/models"
	"gatehouse/templates/ui"
)

// usageScope is whose usage a page shows.
type usageScope struct {
	keys    []models.KeyRow
	method  models.MethodID  // zero: all
	plan    models.PlanID    // zero: all
	stages  []models.StageID // of an API; nil: all
	filters url.Values       // that name the scope in a URL
	words   string           // "All keys", "Acme Mobile"
	places  []models.UsagePlace
	options []ui.Option // scopes to choose from
	value   string      // of them
	crumbs  []ui.Crumb
}

// usage is what the store is asked for.
func (sc *usageScope) usage(developer models.AccountID) models.UsageScope {
	out := models.UsageScope{Keys: keyIDs(sc.keys), Stages: sc.stages, Method: sc.method}
	if sc.value == "" {
		out.Keys, out.Developer = nil, developer
	}
	if sc.plan != 0 {
		out.Plans = []models.PlanID{sc.plan}
	}
	return out
}

// scope reads ?key=, ?app=, ?api=, ?plan= and ?method=. What is not the reader's is not found.
func (u *Usage) scope(r *Request, ctx context.Context) (sc usageScope, err error) {
	list, err := u.Store.AccountKeys(ctx, r.Account.ID, models.Page{Limit: usageKeys})
	if err != nil {
		return sc, err
	}
	sc = usageScope{keys: list.Items, filters: url.Values{}, words: "All keys", options: scopeOptions(list.Items), crumbs: []ui.Crumb{{Label: "Usage"}}}
	switch {
	case r.Query("key") != "":
		err = u.scopeOfKey(r, ctx, &sc)
	case r.Query("app") != "":
		err = u.scopeOfApp(r, ctx, &sc)
	}
	if err != nil {
		return sc, err
	}
	if sc.places, err = u.Store.UsagePlaces(ctx, r.Account.ID); err != nil {
		return sc, err
	}
	if err := sc.narrow(r); err != nil {
		return sc, err
	}
	if text := r.Query(methodParam); text != "" {
		if sc.method, err = models.ParseID[models.Method](text); err != nil {
			return sc, models.NotFound("method")
		}
		sc.filters.Set(methodParam, text)
	}
	return sc, nil
}

// narrow reads ?api= and ?plan=.
func (sc *usageScope) narrow(r *Request) error {
	if slug := r.Query("api"); slug != "" {
		sc.stages = []models.StageID{}
		var name string
		for _, p := range sc.places {
			if p.APISlug == slug && !slices.Contains(sc.stages, p.StageID) {
				sc.stages, name = append(sc.stages, p.StageID), p.APIName
			}
		}
		if len(sc.stages) == 0 {
			return models.NotFound("API")
		}
		sc.filters.Set("api", slug)
		sc.words += " on " + name
	}
	if text := r.Query("plan"); text != "" {
		at := slices.IndexFunc(sc.places, func(p models.UsagePlace) bool { return p.PlanID.String() == text })
		if at < 0 {
			return models.NotFound("plan")
		}
		sc.plan = sc.places[at].PlanID
		sc.filters.Set("plan", text)
		sc.words += ", plan " + sc.places[at].PlanName
	}
	return nil
}

// menus are the APIs and the plans to choose from; nil where there is no choice.
func (sc *usageScope) menus() (apis, plans []ui.Option) {
	apis, plans = []ui.Option{{Label: "All APIs"}}, []ui.Option{{Label: "All plans"}}
	add := func(to []ui.Option, o ui.Option) []ui.Option {
		if slices.ContainsFunc(to, func(has ui.Option) bool { return has.Value == o.Value }) {
			return to
		}
		return append(to, o)
	}
	for _, p := range sc.places {
		apis = add(apis, ui.Option{Value: p.APISlug, Label: p.APIName})
		plans = add(plans, ui.Option{Value: p.PlanID.String(), Label: p.PlanName})
	}
	if len(apis) < 3 && !sc.filters.Has("api") {
		apis = nil
	}
	if len(plans) < 3 && !sc.filters.Has("plan") {
		plans = nil
	}
	return apis, plans
}

func (u *Usage) scopeOfKey(r *Request, ctx context.Context, sc *usageScope) error {
	id, err := models.ParseID[models.Key](r.Query("key"))
	if err != nil {
		return models.NotFound("key")
	}
	key, err := u.Store.OwnKey(ctx, r.Account.ID, id)
	if err != nil {
		return err
	}
	sc.keys, sc.words, sc.value = []models.KeyRow{key.KeyRow}, key.Name, "key-"+id.String()
	sc.filters.Set("key", id.String())
	sc.crumbs = []ui.Crumb{{Label: "Apps", Href: "/apps"}, {Label: key.AppName, Href: appPath(key.AppID)}, {Label: key.Name, Href: keyPath(id)}, {Label: "Usage"}}
	if !slices.ContainsFunc(sc.options, func(o ui.Option) bool { return o.Value == sc.value }) {
		sc.options = append(sc.options, ui.Option{Value: sc.value, Label: key.Name})
	}
	return nil
}

func (u *Usage) scopeOfApp(r *Request, ctx context.Context, sc *usageScope) error {
	id, err := models.ParseID[models.App](r.Query("app"))
	if err != nil {
		return models.NotFound("app")
	}
	app, err := u.Store.App(ctx, r.Account.ID, id)
	if err != nil {
		return err
	}
	keys, err := u.Store.AppKeys(ctx, r.Account.ID, id)
	if err != nil {
		return err
	}
	sc.keys, sc.words, sc.value = rowsOf(keys), app.Name, "app-"+id.String()
	sc.filters.Set("app", id.String())
	sc.crumbs = []ui.Crumb{{Label: "Apps", Href: "/apps"}, {Label: app.Name, Href: appPath(id)}, {Label: "Usage"}}
	if !slices.ContainsFunc(sc.options, func(o ui.Option) bool { return o.Value == sc.value }) {
		sc.options = append(sc.options, ui.Option{Value: sc.value, Label: "App: " + app.Name})
	}
	return nil
}

// scopeOptions are all keys, each app and each key; an app of one key is that key.
func scopeOptions(keys []models.KeyRow) []ui.Option {
	out := []ui.Option{{Value: "", Label: "All keys"}}
	seen := map[models.AppID]bool{}
	for _, k := range keys {
		if !seen[k.AppID] {
			seen[k.AppID] = true
			out = append(out, ui.Option{Value: "app-" + k.AppID.String(), Label: "App: " + k.AppName})
		}
	}
	for _, k := range keys {
		out = append(out, ui.Option{Value: "key-" + k.ID.String(), Label: "Key: " + k.Name})
	}
	return out
}
