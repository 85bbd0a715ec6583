package handlers

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
	"gatehouse/templates/usage"
)

// OwnerUsageStore is what an owner's pages of usage need of the store.
type OwnerUsageStore interface {
	PlanChoices(ctx context.Context, owner models.AccountID, limit int) ([]models.PlanChoice, error)
	Plan(ctx context.Context, owner models.AccountID, id models.PlanID) (models.PlanRow, error)
	PlanKeys(ctx context.Context, owner models.AccountID, id models.PlanID, month time.Time, p models.Page) (models.List[models.PlanKeyUse], error)
	Consumer(ctx context.Context, owner models.AccountID, id models.ConsumerID) (models.Consumer, error)
	UsageHours(ctx context.Context, sc models.UsageScope, from, to time.Time) ([7][24]int64, error)
	Key(ctx context.Context, account models.AccountID, id models.KeyID) (models.KeyDetail, error)
	StageChoices(ctx context.Context, owner models.AccountID) ([]models.StageChoice, error)
	UsageSeries(ctx context.Context, sc models.UsageScope, r models.UsageRange) ([]models.UsagePoint, error)
	UsageBreakdowns(ctx context.Context, sc models.UsageScope, r models.UsageRange, limit int, by ...models.UsageGroup) ([][]models.UsageRow, error)
}

// OwnerUsage is what happened on an owner's plans.
type OwnerUsage struct {
	Store OwnerUsageStore
	Log   models.RequestLog // nil: none is kept
}

const breakdownRows = 10

// Show is usage by plan, stage, method and key.
func (o *OwnerUsage) Show(r *Request) (Reply, error) {
	q, err := o.question(r)
	if err != nil {
		return Reply{}, err
	}
	points, err := o.Store.UsageSeries(r.Context(), q.scope, q.span.wanted())
	if err != nil {
		return Reply{}, err
	}
	_, own := q.span.split(points)
	total := models.Sum(own)
	v := owner.UsageView{
		Range: q.span.Words, Ranges: q.span.links(ownerUsagePath, q.filters), Pills: q.pills, Figures: o.figures(q, points), Custom: q.span.custom(ownerUsagePath, q.filters),
		Downloads: downloads(ownerUsagePath, q.filters, q.span, false), Problem: throttledSentence(total, q.span), ProblemHref: o.log(q).href(q.span.From, q.span.To, outcomesOf(groupThrottled)...),
	}
	if v.Figures.Heat, err = heatFor(r.Context(), o.Store, q.scope, q.span.Now); err != nil {
		return Reply{}, err
	}
	if v.Filters, err = o.filterFields(r, q); err != nil {
		return Reply{}, err
	}
	if err := o.breakdowns(r, q, total.Total(), &v); err != nil {
		return Reply{}, err
	}
	page := r.layout("Usage", ui.Crumb{})
	if q.span.Name != "" {
		v.LiveHref = q.span.with(ownerUsagePath, q.filters)
		if v.Live = r.Query("live") != pausedLiveView; v.Live {
			v.LiveHref += "&live=" + pausedLiveView
			page.Live = q.span.with("/owner/usage/live", q.filters)
		}
	}
	return Page(owner.Usage(page, v)), nil
}

const ownerUsagePath = "/owner/usage"

// log is where the requests of the page are, unless it is narrowed to what the log is not asked for.
func (o *OwnerUsage) log(q usageQuestion) logPlace {
	if q.customer != 0 || q.scope.Method != 0 || q.filters.Has("stage") {
		return logPlace{}
	}
	filters := url.Values{"plan": q.filters["plan"], "key": q.filters["key"]}
	if q.filters.Has("api") {
		filters.Set("api", q.api)
	}
	return placeOfLog(o.Log, ownersLog, filters, q.span.Now)
}

// figures are the figures of the page, with where time goes.
func (o *OwnerUsage) figures(q usageQuestion, points []models.UsagePoint) usage.Figures {
	f := figuresOf(points, q.span, q.span.zoomLinks(ownerUsagePath, q.filters), o.log(q))
	_, own := q.span.split(points)
	times := timesChart(own, q.span)
	f.Times, f.Compare = &times, q.span.compareLink(ownerUsagePath, q.filters)
	zoom := q.span.zoomBase(ownerUsagePath, q.filters)
	f.Requests.Zoom, f.Latency.Zoom, f.Times.Zoom = zoom, zoom, zoom
	return f
}

// File answers with what the page shows as a file.
func (o *OwnerUsage) File(r *Request) (Reply, error) {
	q, err := o.question(r)
	if err != nil {
		return Reply{}, err
	}
	f := usageFile{span: q.span, groups: []models.UsageGroup{models.ByMethod, models.ByStage, models.ByPlan}}
	if f.points, err = o.Store.UsageSeries(r.Context(), q.scope, q.span.UsageRange); err != nil {
		return Reply{}, err
	}
	if f.tables, err = o.Store.UsageBreakdowns(r.Context(), q.scope, q.span.UsageRange, usageFileLines, f.groups...); err != nil {
		return Reply{}, err
	}
	return f.reply(r)
}

// filterFields are the values that the filter form keeps and offers.
func (o *OwnerUsage) filterFields(r *Request, q usageQuestion) (f owner.UsageFilters, err error) {
	f = owner.UsageFilters{Plan: q.filters.Get("plan"), API: q.filters.Get("api"), APIs: []ui.Option{{Value: "", Label: "All APIs"}}}
	if f.Plans, err = planMenu(r, o.Store); err != nil {
		return f, err
	}
	for name, values := range q.span.query() {
		f.Hidden = append(f.Hidden, ui.Pair{Name: name, Value: values[0]})
	}
	for _, name := range []string{"key", "customer"} {
		if value := q.filters.Get(name); value != "" {
			f.Hidden = append(f.Hidden, ui.Pair{Name: name, Value: value})
		}
	}
	slices.SortFunc(f.Hidden, func(a, b ui.Pair) int { return strings.Compare(a.Name, b.Name) })
	for _, c := range q.choices {
		option := ui.Option{Value: c.APIID.String(), Label: c.APIName}
		if !slices.Contains(f.APIs, option) {
			f.APIs = append(f.APIs, option)
		}
	}
	return f, nil
}

// breakdowns fills in the tables; each line narrows the page to itself.
func (o *OwnerUsage) breakdowns(r *Request, q usageQuestion, total int64, v *owner.UsageView) error {
	narrowed := func(name, value string, more ...string) string {
		filters := url.Values{}
		for n, vs := range q.filters {
			filters[n] = vs
		}
		filters.Set(name, value)
		for i := 0; i+1 < len(more); i += 2 {
			filters.Set(more[i], more[i+1])
		}
		return q.span.with(ownerUsagePath, filters)
	}
	var groups []models.UsageGroup
	var hrefs []func(models.UsageRow) string // of the pages that a row leads to, "" for none
	add := func(by models.UsageGroup, title, what string, href func(models.UsageRow) string) {
		groups, hrefs = append(groups, by), append(hrefs, href)
		v.Tables = append(v.Tables, usage.Breakdown{ID: "by-" + strings.ToLower(what), Title: title, What: what, Empty: "No requests in " + q.span.Words + "."})
	}
	if q.plan == 0 {
		add(models.ByPlan, "By plan", "Plan", func(row models.UsageRow) string {
			if row.PlanID == 0 {
				return ""
			}
			return narrowed("plan", row.PlanID.String())
		})
	}
	add(models.ByMethod, "Busiest operations", "Operation", func(row models.UsageRow) string {
		if row.MethodID == 0 {
			return ""
		}
		return narrowed("method", row.MethodID.String(), "stage", row.StageID.String())
	})
	if q.filters.Get("stage") == "" {
		add(models.ByStage, "By stage", "Stage", func(row models.UsageRow) string {
			if row.StageID == 0 {
				return ""
			}
			return narrowed("stage", row.StageID.String())
		})
	}
	found, err := o.Store.UsageBreakdowns(r.Context(), q.scope, q.span.UsageRange, breakdownRows, groups...)
	if err != nil {
		return err
	}
	for i, rows := range found {
		v.Tables[i].Rows = usageRowsOf(rows, total, hrefs[i])
	}
	if q.plan != 0 && q.key == 0 && q.customer == 0 {
		return o.busiestKeys(r, q, v, narrowed)
	}
	return nil
}

// busiestKeys lists the keys of a plan that made most requests this month: usage by key is kept by the month.
func (o *OwnerUsage) busiestKeys(r *Request, q usageQuestion, v *owner.UsageView, narrowed func(name, value string, more ...string) string) error {
	list, err := o.Store.PlanKeys(r.Context(), r.Account.ID, q.plan, r.Now, models.Page{Limit: breakdownRows})
	if err != nil {
		return err
	}
	v.KeysHref = ownerPlanPath(q.plan) + "/usage"
	for _, k := range list.Items {
		v.Keys = append(v.Keys, owner.PlanKeyRow{Name: k.Name, Href: ownerKeyPath(k.ID), Hint: k.Hint, Who: keyHolder(k.KeyRow), Status: keyStatus(k.Key, k.Memberships, r.Now),
			Requests: k.Requests, Refused: k.Refused, UsageHref: narrowed("key", k.ID.String()), LastUsed: k.LastUsedAt})
	}
	return nil
}

// Live draws the figures again and again while the page is open.
func (o *OwnerUsage) Live(r *Request) (Reply, error) {
	q, err := o.question(r)
	if err != nil {
		return Reply{}, err
	}
	return r.live(func(ctx context.Context, now time.Time) (templ.Component, error) {
		q.span = parseRange(r.URL.Query(), now)
		points, err := o.Store.UsageSeries(ctx, q.scope, q.span.wanted())
		if err != nil {
			return nil, err
		}
		return usage.Update(o.figures(q, points)), nil
	}), nil
}
