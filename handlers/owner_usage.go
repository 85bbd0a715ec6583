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
	OwnerPlanIDs(ctx context.Context, owner models.AccountID) ([]models.PlanID, error)
	Plans(ctx context.Context, owner models.AccountID, state models.PlanState, p models.Page) (models.List[models.PlanRow], error)
	Plan(ctx context.Context, owner models.AccountID, id models.PlanID) (models.PlanRow, error)
	PlanKeys(ctx context.Context, owner models.AccountID, id models.PlanID, month time.Time, p models.Page) (models.List[models.PlanKeyUse], error)
	Key(ctx context.Context, account models.AccountID, id models.KeyID) (models.KeyDetail, error)
	StageChoices(ctx context.Context, owner models.AccountID) ([]models.StageChoice, error)
	UsageSeries(ctx context.Context, sc models.UsageScope, r models.UsageRange) ([]models.UsagePoint, error)
	UsageBreakdown(ctx context.Context, sc models.UsageScope, r models.UsageRange, by models.UsageGroup, limit int) ([]models.UsageRow, error)
}

// OwnerUsage is what happened on an owner's plans.
type OwnerUsage struct{ Store OwnerUsageStore }

const breakdownRows = 10

// usageQuestion is what a URL asks: whose usage, where, when.
type usageQuestion struct {
	span    rangeView
	scopes  []models.UsageScope // their sums; several when an API has several stages
	pills   []ui.Pill
	filters url.Values
	plan    models.PlanID // when the question is of one plan
	key     models.KeyID
	choices []models.StageChoice
}

// question reads ?plan=, ?key=, ?api=, ?stage=, ?method= and the range. What is not the reader's is not found.
func (o *OwnerUsage) question(r *Request) (q usageQuestion, err error) {
	q.span, q.filters = parseRange(r.URL.Query(), r.Now), url.Values{}
	for _, name := range []string{"plan", "key", "api", "stage", "method"} {
		if text := r.Query(name); text != "" {
			q.filters.Set(name, text)
		}
	}
	if q.choices, err = o.Store.StageChoices(r.Context(), r.Account.ID); err != nil {
		return q, err
	}
	var scope models.UsageScope
	if err := o.ofWhom(r, &q, &scope); err != nil {
		return q, err
	}
	stages, err := ofWhere(&q, &scope)
	if err != nil {
		return q, err
	}
	if stages == nil {
		q.scopes = []models.UsageScope{scope}
	}
	for _, id := range stages {
		narrowed := scope
		narrowed.Stage = id
		q.scopes = append(q.scopes, narrowed)
	}
	return q, nil
}

// pill is a filter in force.
func (q *usageQuestion) pill(name, label string) {
	rest := url.Values{}
	for n, v := range q.filters {
		if n != name && !(name == "api" && n == "method") {
			rest[n] = v
		}
	}
	q.pills = append(q.pills, ui.Pill{Label: label, RemoveHref: q.span.with("/owner/usage", rest)})
}

// ofWhom sets the keys or the plans. The usage of a developer's key is looked at on the reader's stages alone: the key may be on others' plans too.
func (o *OwnerUsage) ofWhom(r *Request, q *usageQuestion, scope *models.UsageScope) error {
	if text := q.filters.Get("plan"); text != "" {
		id, err := models.ParseID[models.Plan](text)
		if err != nil {
			return models.NotFound("plan")
		}
		plan, err := o.Store.Plan(r.Context(), r.Account.ID, id)
		if err != nil {
			return err
		}
		q.plan, scope.Plans = id, []models.PlanID{id}
		q.pill("plan", "Plan: "+plan.Name())
	}
	if text := q.filters.Get("key"); text != "" {
		id, err := models.ParseID[models.Key](text)
		if err != nil {
			return models.NotFound("key")
		}
		key, err := o.Store.Key(r.Context(), r.Account.ID, id)
		if err != nil {
			return err
		}
		q.key, scope.Keys, scope.Plans = id, []models.KeyID{id}, nil
		q.pill("key", "Key: "+key.Name)
		return nil
	}
	if scope.Plans != nil {
		return nil
	}
	ids, err := o.Store.OwnerPlanIDs(r.Context(), r.Account.ID)
	scope.Plans = ids
	return err
}

// ofWhere returns the stages that the question is narrowed to; nil when it is of all.
func ofWhere(q *usageQuestion, scope *models.UsageScope) (stages []models.StageID, err error) {
	api, stage, method := q.filters.Get("api"), q.filters.Get("stage"), q.filters.Get("method")
	matches := slices.DeleteFunc(slices.Clone(q.choices), func(c models.StageChoice) bool {
		return api != "" && c.APIID.String() != api || stage != "" && c.StageID.String() != stage
	})
	if (api != "" || stage != "") && len(matches) == 0 {
		return nil, models.NotFound("API or stage")
	}
	if api != "" {
		q.pill("api", "API: "+matches[0].APIName)
	}
	if stage != "" {
		q.pill("stage", "Stage: "+matches[0].StageName)
	}
	if method != "" {
		if scope.Method, err = models.ParseID[models.Method](method); err != nil {
			return nil, models.NotFound("method")
		}
		label := "One method"
		for _, c := range matches {
			for _, m := range c.Methods {
				if m.ID == scope.Method {
					label = m.Name()
				}
			}
		}
		q.pill("method", label)
	}
	if api == "" && stage == "" && q.key == 0 {
		return nil, nil
	}
	for _, c := range matches {
		stages = append(stages, c.StageID)
	}
	if stages == nil {
		stages = []models.StageID{-1} // no stage at all: nothing is the reader's to see
	}
	return stages, nil
}

// seriesOf sums the series of scopes that do not overlap.
func seriesOf(ctx context.Context, store interface {
	UsageSeries(ctx context.Context, sc models.UsageScope, r models.UsageRange) ([]models.UsagePoint, error)
}, scopes []models.UsageScope, r models.UsageRange) ([]models.UsagePoint, error) {
	var all []models.UsagePoint
	for _, sc := range scopes {
		points, err := store.UsageSeries(ctx, sc, r)
		if err != nil {
			return nil, err
		}
		all = append(all, points...)
	}
	slices.SortStableFunc(all, func(a, b models.UsagePoint) int { return a.Start.Compare(b.Start) })
	var out []models.UsagePoint
	for i := range all {
		if n := len(out); n > 0 && out[n-1].Start.Equal(all[i].Start) {
			out[n-1] = models.Sum([]models.UsagePoint{out[n-1], all[i]})
			continue
		}
		out = append(out, all[i])
	}
	return out, nil
}

// breakdownOf sums the breakdowns of scopes that do not overlap.
func (o *OwnerUsage) breakdownOf(ctx context.Context, q usageQuestion, by models.UsageGroup) ([]models.UsageRow, error) {
	var out []models.UsageRow
	for _, sc := range q.scopes {
		rows, err := o.Store.UsageBreakdown(ctx, sc, q.span.UsageRange, by, breakdownRows)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			same := slices.IndexFunc(out, func(r models.UsageRow) bool {
				return r.PlanID == row.PlanID && r.StageID == row.StageID && r.MethodID == row.MethodID && r.KeyID == row.KeyID
			})
			if same < 0 {
				out = append(out, row)
				continue
			}
			out[same].UsagePoint = models.Sum([]models.UsagePoint{out[same].UsagePoint, row.UsagePoint})
		}
	}
	slices.SortStableFunc(out, func(a, b models.UsageRow) int { return int(min(1, max(-1, b.Total()-a.Total()))) })
	return out[:min(len(out), breakdownRows)], nil
}

// Show is usage by plan, stage, method and key.
func (o *OwnerUsage) Show(r *Request) (Reply, error) {
	q, err := o.question(r)
	if err != nil {
		return Reply{}, err
	}
	points, err := seriesOf(r.Context(), o.Store, q.scopes, q.span.wanted())
	if err != nil {
		return Reply{}, err
	}
	_, own := q.span.split(points)
	total := models.Sum(own)
	v := owner.UsageView{
		Range: q.span.Words, Ranges: q.span.links("/owner/usage", q.filters), Pills: q.pills, Figures: figuresOf(points, q.span, q.span.zoomLinks("/owner/usage", q.filters)),
		Problem: throttledSentence(total, q.span),
	}
	if v.Filters, err = o.filterFields(r, q); err != nil {
		return Reply{}, err
	}
	if err := o.breakdowns(r, q, total.Total(), &v); err != nil {
		return Reply{}, err
	}
	page := r.layout("Usage", ui.Crumb{})
	if q.span.Name != "" {
		page.Live = q.span.with("/owner/usage/live", q.filters)
	}
	return Page(owner.Usage(page, v)), nil
}

// filterFields are the values that the filter form keeps and offers.
func (o *OwnerUsage) filterFields(r *Request, q usageQuestion) (owner.UsageFilters, error) {
	f := owner.UsageFilters{Plan: q.filters.Get("plan"), API: q.filters.Get("api"), Plans: []ui.Option{{Value: "", Label: "All plans"}}, APIs: []ui.Option{{Value: "", Label: "All APIs"}}}
	plans, err := o.Store.Plans(r.Context(), r.Account.ID, "", models.Page{Limit: plansListed})
	if err != nil {
		return f, err
	}
	for _, p := range plans.Items {
		if p.Version > 0 {
			f.Plans = append(f.Plans, ui.Option{Value: p.ID.String(), Label: p.Name()})
		}
	}
	for name, values := range q.span.query() {
		f.Hidden = append(f.Hidden, ui.Pair{Name: name, Value: values[0]})
	}
	if key := q.filters.Get("key"); key != "" {
		f.Hidden = append(f.Hidden, ui.Pair{Name: "key", Value: key})
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
		return q.span.with("/owner/usage", filters)
	}
	none := "No requests in " + q.span.Words + "."
	if q.plan == 0 {
		rows, err := o.breakdownOf(r.Context(), q, models.ByPlan)
		if err != nil {
			return err
		}
		v.Tables = append(v.Tables, usage.Breakdown{ID: "by-plan", Title: "By plan", What: "Plan", Empty: none, Rows: usageRowsOf(rows, total, func(row models.UsageRow) string {
			if row.PlanID == 0 {
				return ""
			}
			return narrowed("plan", row.PlanID.String())
		})})
	}
	methods, err := o.breakdownOf(r.Context(), q, models.ByMethod)
	if err != nil {
		return err
	}
	v.Tables = append(v.Tables, usage.Breakdown{ID: "by-method", Title: "By method", What: "Method", Empty: none, Rows: usageRowsOf(methods, total, func(row models.UsageRow) string {
		if row.MethodID == 0 {
			return ""
		}
		return narrowed("method", row.MethodID.String(), "stage", row.StageID.String())
	})})
	if q.filters.Get("stage") == "" {
		rows, err := o.breakdownOf(r.Context(), q, models.ByStage)
		if err != nil {
			return err
		}
		v.Tables = append(v.Tables, usage.Breakdown{ID: "by-stage", Title: "By stage", What: "Stage", Empty: none, Rows: usageRowsOf(rows, total, func(row models.UsageRow) string {
			if row.StageID == 0 {
				return ""
			}
			return narrowed("stage", row.StageID.String())
		})})
	}
	if q.plan != 0 && q.key == 0 {
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
	if _, err := o.question(r); err != nil {
		return Reply{}, err
	}
	return r.live(func(ctx context.Context, now time.Time) (templ.Component, error) {
		again := *r
		again.Now = now
		q, err := o.question(&again)
		if err != nil {
			return nil, err
		}
		points, err := seriesOf(ctx, o.Store, q.scopes, q.span.wanted())
		if err != nil {
			return nil, err
		}
		return usage.Update(figuresOf(points, q.span, q.span.zoomLinks("/owner/usage", q.filters))), nil
	}), nil
}
