package handlers

import (
	"context"
	"net/url"
	"slices"
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
	UsageCustomers(ctx context.Context, owner models.AccountID, limit int) ([]models.ConsumerID, bool, error)
	FindConsumers(ctx context.Context, owner models.AccountID, text string, limit int) ([]models.Consumer, error)
	hoursStore
	ownerNextStore
	Key(ctx context.Context, account models.AccountID, id models.KeyID) (models.KeyDetail, error)
	StageNames(ctx context.Context, owner models.AccountID) ([]models.StageChoice, error)
	MethodName(ctx context.Context, owner models.AccountID, id models.MethodID) (string, error)
	UsageSeries(ctx context.Context, sc models.UsageScope, r models.UsageRange) ([]models.UsagePoint, error)
	UsageBreakdowns(ctx context.Context, sc models.UsageScope, r models.UsageRange, limit int, by ...models.UsageGroup) ([][]models.UsageRow, error)
}

// OwnerUsage is what happened on an owner's plans.
type OwnerUsage struct {
	Store OwnerUsageStore
	Log   models.RequestLog // nil: none is kept
}

const breakdownRows = 10

// Show is usage by plan, stage, method, customer and key.
func (o *OwnerUsage) Show(r *Request) (Reply, error) {
	q, err := o.question(r)
	if err != nil {
		return Reply{}, err
	}
	v, err := o.view(r.Context(), r, q, true)
	if err != nil {
		return Reply{}, err
	}
	if v.Filters, err = o.filterFields(r, q); err != nil {
		return Reply{}, err
	}
	if v.Customers, err = o.customerMenu(r, q); err != nil {
		return Reply{}, err
	}
	page := r.layout("Usage", ui.Crumb{})
	if v.Next, err = o.next(r, q, v.Figures.Empty); err != nil || v.Next != nil {
		return Page(owner.Usage(page, v)), err
	}
	page.Htmx = true
	if v.Live {
		page.Live = q.span.with("/owner/usage/live", q.filters)
	}
	return Page(owner.Usage(page, v)), nil
}

// next is what the owner does next, while nobody has ever called; nil afterwards, and where the reader asked for something.
func (o *OwnerUsage) next(r *Request, q usageQuestion, empty bool) (*ui.Step, error) {
	if !empty || len(q.filters) > 0 || q.span.Name == "" {
		return nil, nil
	}
	customers, _, err := o.Store.UsageCustomers(r.Context(), r.Account.ID, 1)
	if err != nil || len(customers) > 0 {
		return nil, err
	}
	longest := parseRange(url.Values{"range": {"90d"}}, q.span.Now) // calls without a key have no customer
	points, err := o.Store.UsageSeries(r.Context(), q.scope, longest.UsageRange)
	if total := models.Sum(points); err != nil || total.Total() > 0 {
		return nil, err
	}
	step, err := ownerNext(r.Context(), o.Store, r.Account.ID)
	return &step, err
}

// view is the page without its frame and its filters, or with whole false what of it a live page draws anew each time.
func (o *OwnerUsage) view(ctx context.Context, r *Request, q usageQuestion, whole bool) (v owner.UsageView, err error) {
	points, err := o.Store.UsageSeries(ctx, q.scope, q.span.wanted())
	if err != nil {
		return v, err
	}
	_, own := q.span.split(points)
	total, refused := models.Sum(own), refusalsIn(own, q.span)
	v = owner.UsageView{
		Range: q.span.Words, ZoneNote: q.span.zoneNote(), Ranges: q.span.links(ownerUsagePath, q.filters), Pills: q.pills, Figures: o.figures(q, points), Custom: q.span.custom(ownerUsagePath, q.filters),
		Downloads: ownerDownloads(q), Problem: refused.text, ProblemHref: refused.href(o.log(q)),
	}
	if q.span.Name != "" {
		v.LiveHref = q.span.with(ownerUsagePath, q.filters)
		if v.Live = r.Query("live") != pausedLiveView; v.Live {
			v.LiveHref += "&live=" + pausedLiveView
		}
	}
	if !whole {
		return v, nil
	}
	if v.Figures.Heat, err = heatFor(ctx, o.Store, q.scope, q.span); err != nil {
		return v, err
	}
	if v.Live {
		v.AsOf = asOf(q.span.Now)
		v.Figures.Heat.AsOf = v.AsOf
	}
	return v, o.breakdowns(ctx, r, q, total.Total(), &v)
}

const ownerUsagePath = "/owner/usage"

// log is where the requests of the page are.
func (o *OwnerUsage) log(q usageQuestion) logPlace {
	filters := logFiltersOf(q.filters)
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
	sortPairs(f.Hidden)
	for _, c := range q.choices {
		option := ui.Option{Value: c.APIID.String(), Label: c.APIName}
		if !slices.Contains(f.APIs, option) {
			f.APIs = append(f.APIs, option)
		}
	}
	return f, nil
}

// Live draws the figures again and again while the page is open, and more slowly the heat map and the tables.
func (o *OwnerUsage) Live(r *Request) (Reply, error) {
	q, err := o.question(r)
	if err != nil {
		return Reply{}, err
	}
	beat := 0
	return r.live(func(ctx context.Context, now time.Time) (templ.Component, error) {
		beat++
		q.span = parseRange(r.URL.Query(), now)
		v, err := o.view(ctx, r, q, beat%slowBeats == 0)
		if err != nil {
			return nil, err
		}
		return owner.UsageUpdate(v), nil
	}), nil
}
