package handlers

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"
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
	QuotaUsed(ctx context.Context, key models.KeyID, plan models.PlanID, from, to time.Time) (int64, error)
	CatalogAPI(ctx context.Context, viewer models.AccountID, slug string) (models.CatalogAPI, error)
	Reading(ctx context.Context, id models.DocumentID) ([]byte, error)
}

// Usage is what happened to a developer's keys.
type Usage struct {
	Store  UsageStore
	Limits LimitsOf

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
		return See(scopeURL(of, parseRange(r.URL.Query(), r.Now))), nil
	}
	d, err := u.draw(r, r.Context(), r.Now)
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
	if _, err := u.draw(r, r.Context(), r.Now); err != nil {
		return Reply{}, err
	}
	return r.live(func(ctx context.Context, now time.Time) (templ.Component, error) {
		d, err := u.draw(r, ctx, now)
		if err != nil {
			return nil, err
		}
		return developer.UsageUpdate(d.view), nil
	}), nil
}

// scopeURL is the page for what its form chose: "key-…", "app-…" or nothing.
func scopeURL(of string, v rangeView) string {
	filters := url.Values{}
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

func (u *Usage) draw(r *Request, ctx context.Context, now time.Time) (d drawing, err error) {
	sc, err := u.scope(r, ctx)
	if err != nil {
		return d, err
	}
	span := parseRange(r.URL.Query(), now)
	filters := sc.filters
	v := developer.UsageView{
		Subtitle: sc.words + ", " + span.Words + ". Times are UTC.", Scopes: sc.options, Scope: sc.value, Ranges: span.links("/usage", filters), NoKeys: len(sc.keys) == 0,
	}
	for name, values := range span.query() {
		v.Hidden = append(v.Hidden, ui.Pair{Name: name, Value: values[0]})
	}
	slices.SortFunc(v.Hidden, func(a, b ui.Pair) int { return cmp.Compare(a.Name, b.Name) })
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
		err = u.fill(ctx, r, &v, sc, span)
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
func (u *Usage) fill(ctx context.Context, r *Request, v *developer.UsageView, sc usageScope, span rangeView) error {
	scope := models.UsageScope{Keys: keyIDs(sc.keys), Method: sc.method}
	if sc.value == "" {
		scope.Keys, scope.Developer = nil, r.Account.ID
	}
	points, err := u.Store.UsageSeries(ctx, scope, span.wanted())
	if err != nil {
		return err
	}
	v.Figures = figuresOf(points, span, span.zoomLinks("/usage", sc.filters))
	_, own := span.split(points)
	total := models.Sum(own)
	groups := []models.UsageGroup{models.ByMethod}
	if len(sc.keys) > 1 {
		groups = append(groups, models.ByKey)
	}
	tables, err := u.Store.UsageBreakdowns(ctx, scope, span.UsageRange, usageLines, groups...)
	if err != nil {
		return err
	}
	methods := tables[0]
	v.ByMethod = usage.Breakdown{ID: "by-method", Title: "By method", What: "Method", Empty: "No calls in " + span.Words + ".", Rows: usageRowsOf(methods, total.Total(), func(row models.UsageRow) string {
		return span.with("/usage", merged(sc.filters, url.Values{methodParam: {row.MethodID.String()}}))
	})}
	if sc.method != 0 {
		v.Method, v.AllHref = "one method", span.with("/usage", without(sc.filters, methodParam))
		if len(methods) > 0 {
			v.Method = methods[0].Label
		}
	}
	for i := range v.ByMethod.Rows {
		if verb, path, ok := strings.Cut(v.ByMethod.Rows[i].Label, " "); ok {
			v.ByMethod.Rows[i].Verb, v.ByMethod.Rows[i].Label = verb, path
		}
	}
	if len(tables) > 1 {
		v.ByKey = usage.Breakdown{ID: "by-key", Title: "By key", What: "Key", Empty: "No calls in " + span.Words + ".", Rows: usageRowsOf(tables[1], total.Total(), func(row models.UsageRow) string {
			return span.with("/usage", url.Values{"key": {row.KeyID.String()}})
		})}
	}
	v.Problem, v.Advice = throttledProblem(own, span), adviceFor(sc)
	if v.Quotas, err = u.quotas(ctx, r, sc, span.Now); err != nil {
		return err
	}
	v.Waiting, err = u.waitingFor(ctx, r, sc)
	return err
}
