package handlers

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// OwnerAnalyticsStore is what an owner's analytics need of the store.
type OwnerAnalyticsStore interface {
	OwnerUsageStore
	CustomerWeeks(ctx context.Context, owner models.AccountID, by models.CustomerOrder, limit int) ([]models.CustomerWeek, error)
	UsageBreakdown(ctx context.Context, sc models.UsageScope, r models.UsageRange, by models.UsageGroup, limit int) ([]models.UsageRow, error)
	CalledDeprecations(ctx context.Context, owner models.AccountID, api models.APIID, limit int, now time.Time) ([]models.CalledDeprecation, error)
}

// OwnerAnalytics is where an owner sees whom and what to look at.
type OwnerAnalytics struct{ Store OwnerAnalyticsStore }

const (
	ownerAnalyticsPath  = "/owner/analytics"
	analyticsRange      = "7d" // as long as what customers are compared by
	analyticsRows       = 8
	analyticsOperations = 200 // the busiest, of which the worst are found
	analyticsAnswers    = 20  // below it a percentile is chance
)

// Show lists customers and operations by what makes them worth a look. ?plan=, ?api= and the range narrow operations.
func (o *OwnerAnalytics) Show(r *Request) (Reply, error) {
	query := r.URL.Query()
	if !query.Has("range") && !query.Has("from") {
		query.Set("range", analyticsRange)
	}
	asked := OwnerUsage{Store: o.Store}
	q, err := asked.asks(r, ownerAnalyticsPath, parseRange(query, r.Here()), "plan", "api")
	if err != nil {
		return Reply{}, err
	}
	v := owner.AnalyticsView{Range: q.span.Words, Ranges: q.span.links(ownerAnalyticsPath, q.filters), Pills: q.pills, Most: analyticsOperations, Now: r.Now}
	if v.Filters, err = asked.filterFields(r, q); err != nil {
		return Reply{}, err
	}
	if err := o.customers(r, &v); err != nil {
		return Reply{}, err
	}
	if err := o.operations(r, q, &v); err != nil {
		return Reply{}, err
	}
	if err := o.deprecated(r, q, &v); err != nil {
		return Reply{}, err
	}
	if v.Empty() {
		if v.Next, err = ownerNext(r.Context(), o.Store, r.Account.ID); err != nil {
			return Reply{}, err
		}
	}
	return Page(owner.Analytics(r.layout("Analytics", ui.Crumb{}), v)), nil
}

// customerLists are the lists of customers: what stands in them, and the cells of a line.
var customerLists = [...]struct {
	order                         models.CustomerOrder
	id, title, what, before, none string
	cells                         func(models.CustomerWeek) (value, beside string)
	query                         []string // of the page of usage
}{
	{models.CustomersGrowing, "growing", "Growing", "Change", "Requests", "Nobody called more than in the seven days before.", changeCells, []string{"range", "7d", compareParam, "on"}},
	{models.CustomersDeclining, "declining", "Declining", "Change", "Requests", "Nobody called less than in the seven days before.", changeCells, []string{"range", "7d", compareParam, "on"}},
	{models.CustomersThrottled, "throttled", "Most throttled", "429", "Of requests", "Nobody was throttled or over quota.", func(c models.CustomerWeek) (string, string) {
		return format.Count(c.Throttled), format.PercentOf(c.Throttled, c.Requests)
	}, []string{"range", "7d"}},
	{models.CustomersNearQuota, "near-quota", "Nearest to their quota", "Used", "", "No key with a quota was used in its present period.", func(c models.CustomerWeek) (string, string) {
		return format.Percent(c.Share), ""
	}, []string{"range", "30d"}},
}

// changeCells are the change since the seven days before, and the requests.
func changeCells(c models.CustomerWeek) (change, requests string) {
	return signed(c.Requests - c.Before), format.Count(c.Requests)
}

func (o *OwnerAnalytics) customers(r *Request, v *owner.AnalyticsView) error {
	for _, l := range customerLists {
		found, err := o.Store.CustomerWeeks(r.Context(), r.Account.ID, l.order, analyticsRows)
		if err != nil {
			return err
		}
		list := owner.CustomerWeeks{ID: l.id, Title: l.title, Value: l.what, Beside: l.before, None: l.none, Quota: l.order == models.CustomersNearQuota}
		for _, c := range found {
			v.Through = c.Through
			line := owner.CustomerWeek{Name: consumerName(c.Consumer), Detail: c.Email, Share: c.Share,
				UsageHref: pathWith(ownerUsagePath, append([]string{"customer", c.ID.String()}, l.query...)...)}
			if c.AccountID != 0 || c.Name != "" {
				line.Href = customerPath(models.CustomerRef{AccountID: c.AccountID, CustomerID: c.Name})
			}
			if list.Quota && c.KeyID != 0 {
				line.Detail = c.KeyName + " on " + c.PlanName
			}
			line.Value, line.Beside = l.cells(c)
			list.Rows = append(list.Rows, line)
		}
		v.Customers = append(v.Customers, list)
	}
	return nil
}

// operations finds the worst among the busiest: those that fail most, and those that take longest.
func (o *OwnerAnalytics) operations(r *Request, q usageQuestion, v *owner.AnalyticsView) error {
	rows, err := o.Store.UsageBreakdown(r.Context(), q.scope, q.span.UsageRange, models.ByMethod, analyticsOperations)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(u models.UsageRow) bool { return u.MethodID == 0 })
	v.Called, v.Capped = len(rows) > 0, len(rows) == analyticsOperations
	add := func(to []owner.OperationRow, u *models.UsageRow) []owner.OperationRow {
		return append(to, operationRow(q, u))
	}
	for _, u := range worst(rows, failures) {
		v.Failing = add(v.Failing, u)
	}
	for _, u := range worst(rows, slowness) {
		v.Slow = add(v.Slow, u)
	}
	return nil
}

// worst are the rows of the highest rank; those of none are left out.
func worst(rows []models.UsageRow, rank func(*models.UsageRow) float64) []*models.UsageRow {
	var out []*models.UsageRow
	for i := range rows {
		if rank(&rows[i]) > 0 {
			out = append(out, &rows[i])
		}
	}
	slices.SortStableFunc(out, func(a, b *models.UsageRow) int { return cmp.Compare(rank(b), rank(a)) })
	return out[:min(len(out), analyticsRows)]
}

// failures ranks by failures of the upstream, and by what it refused where they are equal.
func failures(u *models.UsageRow) float64 {
	groups := grouped(&u.UsagePoint)
	return float64(groups[groupServerError])*1e6 + float64(groups[groupClientError])
}

func slowness(u *models.UsageRow) float64 {
	if u.Latency.Count() < analyticsAnswers {
		return 0
	}
	ms, _ := u.Latency.Percentile(.95)
	return ms
}

// operationRow is an operation with what to look at next: its usage and, of what the log holds, its requests.
func operationRow(q usageQuestion, u *models.UsageRow) owner.OperationRow {
	groups := grouped(&u.UsagePoint)
	row := owner.OperationRow{Detail: u.Detail, Requests: u.Total(), Failed: groups[groupServerError], Refused: groups[groupClientError],
		Rate: format.PercentOf(groups[groupServerError]+groups[groupClientError], u.Total()), P95: latencyText(u.Latency, .95), Upstream: "–", Gateway: "–"}
	row.Verb, row.Path = splitMethod(u.Label)
	if upstream, gateway, ok := u.MeanTimes(); ok {
		row.Upstream, row.Gateway = format.Latency(upstream), shortTime(gateway)
	}
	row.Href = q.span.with(ownerUsagePath, url.Values{"plan": {q.filters.Get("plan")}, "stage": {u.StageID.String()}, "method": {u.MethodID.String()}})
	at := slices.IndexFunc(q.choices, func(c models.StageChoice) bool { return c.StageID == u.StageID })
	if at < 0 || row.Verb == "" {
		return row
	}
	path, _, _ := strings.Cut(row.Path, "{") // the log has paths as they were called
	row.LogHref = pathWith(ownersLog, "api", q.choices[at].APISlug, "plan", q.filters.Get("plan"), "method", row.Verb, "path", path)
	if status := "5xx"; row.Failed+row.Refused > 0 {
		if row.Failed == 0 {
			status = "4xx"
		}
		row.FailedHref = row.LogHref + "&status=" + status
	}
	return row
}

// deprecated lists what is deprecated and still called.
func (o *OwnerAnalytics) deprecated(r *Request, q usageQuestion, v *owner.AnalyticsView) error {
	var api models.APIID
	if text := q.filters.Get("api"); text != "" {
		at := slices.IndexFunc(q.choices, func(c models.StageChoice) bool { return c.APIID.String() == text || c.APISlug == text })
		api = q.choices[at].APIID // asks has found it
	}
	found, err := o.Store.CalledDeprecations(r.Context(), r.Account.ID, api, analyticsRows, r.Now)
	if err != nil {
		return err
	}
	for _, d := range found {
		row := owner.CalledRow{Name: d.Subject, API: d.APIName, Href: deprecationsPath(d.APIID) + "/" + d.ID.String(), State: deprecationBadge(d.Deprecation, r.Now), Sunset: d.Sunset, Last: d.Last,
			Keys: format.Plural(int64(d.Keys), "key")}
		if d.Keys == models.MaxCallersCounted {
			row.Keys = "at least " + row.Keys
		}
		for _, c := range d.Newest {
			row.Callers = append(row.Callers, owner.Caller{Name: c.KeyName, Href: ownerKeyPath(c.KeyID),
				Who: keyHolder(models.KeyRow{Key: models.Key{CustomerID: c.CustomerID}, AppName: c.AppName, AccountEmail: c.Email})})
		}
		v.Deprecated = append(v.Deprecated, row)
	}
	return nil
}
