package handlers

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/developer"
	"gatehouse/templates/ui"
	"gatehouse/templates/usage"
)

// UsageStore is what a developer's page of usage needs of the store.
type UsageStore interface {
	AccountKeys(ctx context.Context, account models.AccountID, p models.Page) (models.List[models.KeyRow], error)
	OwnKey(ctx context.Context, account models.AccountID, id models.KeyID) (models.KeyDetail, error)
	App(ctx context.Context, account models.AccountID, id models.AppID) (models.AppRow, error)
	AppKeys(ctx context.Context, account models.AccountID, id models.AppID) ([]models.KeyDetail, error)
	UsageSeries(ctx context.Context, sc models.UsageScope, r models.UsageRange) ([]models.UsagePoint, error)
	UsageBreakdowns(ctx context.Context, sc models.UsageScope, r models.UsageRange, limit int, by ...models.UsageGroup) ([][]models.UsageRow, error)
	hoursStore
	UsagePlaces(ctx context.Context, account models.AccountID) ([]models.UsagePlace, error)
	QuotaUsed(ctx context.Context, key models.KeyID, plan models.PlanID, from, to time.Time) (int64, error)
	CatalogAPI(ctx context.Context, viewer models.AccountID, slug string) (models.CatalogAPI, error)
	Reading(ctx context.Context, id models.DocumentID) ([]byte, error)
}

// Usage is what happened to a developer's keys.
type Usage struct {
	Store  UsageStore
	Limits LimitsOf
	Log    models.RequestLog // nil: none is kept

	references references
}

// How much of it a page shows.
const (
	usageKeys      = 200 // of an account; the newest
	usageLines     = 20  // of a breakdown
	usageQuotas    = 4   // keys on plans, nearest to their quota first
	methodParam    = "method"
	pausedLiveView = "off"
)

// Show draws usage of one key, of an app or of all keys, over a range.
func (u *Usage) Show(r *Request) (Reply, error) {
	if of := r.URL.Query().Get("of"); r.URL.Query().Has("of") { // the form of the page names key or app in one field
		return See(scopeURL(of, r.URL.Query(), parseRange(r.URL.Query(), r.Here()))), nil
	}
	d, err := u.draw(r, r.Context(), r.Here(), true)
	if err != nil {
		return Reply{}, err
	}
	frame := r.layout("Usage", d.crumbs...)
	if d.view.Live {
		frame.Live = "/usage/live?" + d.query.Encode()
	}
	return Page(developer.Usage(frame, d.view)), nil
}

// Live draws the same again every few seconds while the page is open.
func (u *Usage) Live(r *Request) (Reply, error) {
	if _, err := u.draw(r, r.Context(), r.Here(), false); err != nil {
		return Reply{}, err
	}
	beat := 0
	return r.live(func(ctx context.Context, now time.Time) (templ.Component, error) {
		beat++
		d, err := u.draw(r, ctx, now, beat%slowBeats == 0)
		if err != nil {
			return nil, err
		}
		return developer.UsageUpdate(d.view), nil
	}), nil
}

// scopeURL is the page for what its form chose: "key-…", "app-…" or nothing.
func scopeURL(of string, query url.Values, v rangeView) string {
	filters := url.Values{}
	for _, name := range []string{"api", "plan"} {
		filters.Set(name, query.Get(name))
	}
	if kind, id := of[:min(4, len(of))], of[min(4, len(of)):]; kind == "key-" || kind == "app-" {
		filters.Set(kind[:3], id)
	}
	return v.with("/usage", filters)
}

// drawing is the page before it has a frame.
type drawing struct {
	view   developer.UsageView
	query  url.Values // that draws the same again
	crumbs []ui.Crumb
}

// draw makes the page, or with whole false what of it a live page draws anew each time: the heat map comes with every slowBeats-th.
func (u *Usage) draw(r *Request, ctx context.Context, now time.Time, whole bool) (d drawing, err error) {
	sc, err := u.scope(r, ctx)
	if err != nil {
		return d, err
	}
	span := parseRange(r.URL.Query(), now)
	filters := sc.filters
	v := developer.UsageView{
		Subtitle: sc.words + ", " + span.Words + "." + span.zoneNote(), Scopes: sc.options, Scope: sc.value, Ranges: span.links("/usage", filters), NoKeys: len(sc.keys) == 0,
		Custom: span.custom("/usage", filters), API: r.Query("api"), Plan: r.Query("plan"),
	}
	v.APIs, v.Plans = sc.menus()
	for name, values := range span.query() {
		v.Hidden = append(v.Hidden, ui.Pair{Name: name, Value: values[0]})
	}
	sortPairs(v.Hidden)
	d.query = merged(filters, span.query())
	paused := r.Query("live") == pausedLiveView
	v.Live = span.Name != "" && !paused && !v.NoKeys // what is over does not move
	if span.Name != "" {
		v.LiveHref = span.with("/usage", filters)
		if v.Live {
			v.LiveHref += "&live=" + pausedLiveView
		}
	}
	d.crumbs = sc.crumbs
	if !v.NoKeys {
		v.Downloads = downloads("/usage", filters, span, downloadParts{keys: len(sc.keys) > 1})
		err = u.fill(ctx, r, &v, sc, span, whole)
	}
	d.view = v
	return d, err
}

func merged(sets ...url.Values) url.Values {
	out := url.Values{}
	for _, set := range sets {
		for name, values := range set {
			out[name] = values
		}
	}
	return out
}

func without(set url.Values, name string) url.Values {
	out := merged(set)
	out.Del(name)
	return out
}

// fill reads figures and breakdowns.
func (u *Usage) fill(ctx context.Context, r *Request, v *developer.UsageView, sc usageScope, span rangeView, whole bool) error {
	scope := sc.usage(r.Account.ID)
	points, err := u.Store.UsageSeries(ctx, scope, span.wanted())
	if err != nil {
		return err
	}
	v.Figures = figuresOf(points, span, span.zoomLinks("/usage", sc.filters), u.log(sc, span.Now))
	v.Figures.Requests.Zoom, v.Figures.Latency.Zoom = span.zoomBase("/usage", sc.filters), span.zoomBase("/usage", sc.filters)
	v.Figures.Compare = span.compareLink("/usage", sc.filters)
	if whole {
		if v.Figures.Heat, err = heatFor(ctx, u.Store, scope, span); err != nil {
			return err
		}
		if v.Live {
			v.Figures.Heat.AsOf = asOf(span.Now)
		}
	}
	_, own := span.split(points)
	if err := u.breakDown(ctx, v, sc, scope, span, models.Sum(own)); err != nil {
		return err
	}
	refused := refusalsIn(own, span)
	v.Problem, v.ProblemHref, v.Advice = refused.text, refused.href(u.log(sc, span.Now)), adviceFor(sc)
	if err = u.quotas(ctx, r, v, sc, span); err != nil {
		return err
	}
	v.Waiting, err = u.waitingFor(ctx, r, sc)
	return err
}

// breakDown lists what was called, by method, by key, and by API and plan where there are several.
func (u *Usage) breakDown(ctx context.Context, v *developer.UsageView, sc usageScope, scope models.UsageScope, span rangeView, total models.UsagePoint) error {
	groups := []models.UsageGroup{models.ByMethod}
	if len(sc.keys) > 1 {
		groups = append(groups, models.ByKey)
	}
	if v.APIs != nil && len(sc.stages) != 1 {
		groups = append(groups, models.ByStage)
	}
	if v.Plans != nil && sc.plan == 0 {
		groups = append(groups, models.ByPlan)
	}
	tables, err := u.Store.UsageBreakdowns(ctx, scope, span.UsageRange, usageLines, groups...)
	if err != nil {
		return err
	}
	empty, log := "No calls in "+span.Words+".", u.log(sc, span.Now)
	rows := func(i int, page func(models.UsageRow) string) []usage.Row {
		return usageRowsOf(tables[i], total.Total(), usageLinks{page: page, log: log, span: span})
	}
	narrowed := func(name, value string) string {
		return span.with("/usage", merged(sc.filters, url.Values{name: {value}}))
	}
	for i, by := range groups {
		b := usage.Breakdown{ID: "by-" + string(by), Empty: empty}
		switch by {
		case models.ByMethod:
			b.Title, b.What = "Busiest operations", "Operation"
			b.Rows = rows(i, func(row models.UsageRow) string { return narrowed(methodParam, row.MethodID.String()) })
			if v.ByMethod = b; sc.method != 0 {
				v.Method, v.AllHref = "one operation", span.with("/usage", without(sc.filters, methodParam))
				if len(tables[i]) > 0 {
					v.Method = tables[i][0].Label
				}
			}
			continue
		case models.ByKey:
			b.Title, b.What = "By key", "Key"
			b.Rows = rows(i, func(row models.UsageRow) string {
				return span.with("/usage", merged(without(sc.filters, "app"), url.Values{"key": {row.KeyID.String()}}))
			})
		case models.ByStage:
			b.Title, b.What = "By API and stage", "API"
			b.Rows = rows(i, func(row models.UsageRow) string {
				at := slices.IndexFunc(sc.places, func(p models.UsagePlace) bool { return p.StageID == row.StageID })
				if at < 0 {
					return ""
				}
				return narrowed("api", sc.places[at].APISlug)
			})
		case models.ByPlan:
			b.Title, b.What = "By plan", "Plan"
			b.Rows = rows(i, func(row models.UsageRow) string {
				if !slices.ContainsFunc(sc.places, func(p models.UsagePlace) bool { return p.PlanID == row.PlanID }) {
					return ""
				}
				return narrowed("plan", row.PlanID.String())
			})
		}
		v.Tables = append(v.Tables, b)
	}
	return nil
}
