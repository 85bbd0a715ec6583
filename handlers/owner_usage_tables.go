package handlers

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
	"gatehouse/templates/usage"
)

// breakdownCustomers is how many customers the breakdown by customer is made of: all of an owner of so many, else the busiest.
const breakdownCustomers = 100

// ownerTable is a table of an owner's usage.
type ownerTable struct {
	by          models.UsageGroup
	title, what string
	href        func(models.UsageRow) string // of the page that a row leads to, "" for none
}

// ownerTables are the tables of a page, by customer not among them; each line narrows the page to itself.
func ownerTables(q usageQuestion) []ownerTable {
	tables := []ownerTable{{models.ByMethod, "Busiest operations", "Operation", func(row models.UsageRow) string {
		if row.MethodID == 0 {
			return ""
		}
		return q.narrowed("method", row.MethodID.String(), "stage", row.StageID.String())
	}}}
	if q.plan == 0 {
		tables = slices.Insert(tables, 0, ownerTable{models.ByPlan, "By plan", "Plan", func(row models.UsageRow) string {
			if row.PlanID == 0 {
				return ""
			}
			return q.narrowed("plan", row.PlanID.String())
		}})
	}
	if q.filters.Get("stage") == "" {
		tables = append(tables, ownerTable{models.ByStage, "By stage", "Stage", func(row models.UsageRow) string {
			if row.StageID == 0 {
				return ""
			}
			return q.narrowed("stage", row.StageID.String())
		}})
	}
	return tables
}

// narrowed is the page with further filters.
func (q *usageQuestion) narrowed(name, value string, more ...string) string {
	filters := merged(q.filters, url.Values{name: {value}})
	for i := 0; i+1 < len(more); i += 2 {
		filters.Set(more[i], more[i+1])
	}
	return q.span.with(ownerUsagePath, filters)
}

// breakdowns fills in the tables.
func (o *OwnerUsage) breakdowns(ctx context.Context, r *Request, q usageQuestion, total int64, v *owner.UsageView) error {
	tables := ownerTables(q)
	groups := make([]models.UsageGroup, len(tables))
	for i, t := range tables {
		groups[i] = t.by
	}
	found, err := o.Store.UsageBreakdowns(ctx, q.scope, q.span.UsageRange, breakdownRows, groups...)
	if err != nil {
		return err
	}
	log, empty := o.log(q), "No requests in "+q.span.Words+"."
	for i, t := range tables {
		v.Tables = append(v.Tables, usage.Breakdown{ID: "by-" + strings.ToLower(t.what), Title: t.title, What: t.what, Empty: empty,
			Rows: usageRowsOf(found[i], total, usageLinks{page: t.href, log: log, span: q.span})})
	}
	if q.customer == 0 && q.key == 0 {
		rows, all, err := o.byCustomer(ctx, r, q, breakdownRows)
		if err != nil {
			return err
		}
		b := usage.Breakdown{ID: "by-customer", Title: "By customer", What: "Customer", Empty: empty, Rows: usageRowsOf(rows, total, usageLinks{log: log, span: q.span, page: func(row models.UsageRow) string {
			return q.narrowed("customer", row.ConsumerID.String())
		}})}
		if !all {
			b.Note = "Of the " + format.Count(breakdownCustomers) + " customers that called most in the last seven whole days (UTC)."
		}
		v.Tables = append(v.Tables, b)
	}
	if q.plan != 0 && q.key == 0 && q.customer == 0 {
		return o.busiestKeys(ctx, r, q, v)
	}
	return nil
}

// byCustomer breaks the page down by customer. all is false where only the busiest of the last days are looked at: to sum thousands of customers takes too long for a
// page.
func (o *OwnerUsage) byCustomer(ctx context.Context, r *Request, q usageQuestion, limit int) (rows []models.UsageRow, all bool, err error) {
	ids, all, err := o.Store.UsageCustomers(ctx, r.Account.ID, breakdownCustomers)
	if err != nil || len(ids) == 0 {
		return nil, all, err
	}
	scope := models.UsageScope{Consumers: ids, Plans: q.scope.Plans, Stages: q.scope.Stages, Method: q.scope.Method}
	found, err := o.Store.UsageBreakdowns(ctx, scope, q.span.UsageRange, limit, models.ByCustomer)
	if err != nil {
		return nil, all, err
	}
	return found[0], all, nil
}

// busiestKeys lists the keys of a plan that made most requests this month: usage by key is kept by the month.
func (o *OwnerUsage) busiestKeys(ctx context.Context, r *Request, q usageQuestion, v *owner.UsageView) error {
	list, err := o.Store.PlanKeys(ctx, r.Account.ID, q.plan, q.span.Now, models.Page{Limit: breakdownRows})
	if err != nil {
		return err
	}
	v.KeysHref = ownerPlanPath(q.plan) + "/usage"
	for _, k := range list.Items {
		v.Keys = append(v.Keys, owner.PlanKeyRow{Name: k.Name, Href: ownerKeyPath(k.ID), Hint: k.Hint, Who: keyHolder(k.KeyRow), Status: keyStatus(k.Key, k.Memberships, q.span.Now),
			Requests: k.Requests, Refused: k.Refused, UsageHref: q.narrowed("key", k.ID.String()), LastUsed: k.LastUsedAt})
	}
	return nil
}

// ownerDownloads are the files of the page.
func ownerDownloads(q usageQuestion) []usage.Download {
	return downloads(ownerUsagePath, q.filters, q.span, downloadParts{customers: q.customer == 0 && q.key == 0})
}

// File answers with what the page shows as a file.
func (o *OwnerUsage) File(r *Request) (Reply, error) {
	q, err := o.question(r)
	if err != nil {
		return Reply{}, err
	}
	ctx := r.Context()
	f := usageFile{span: q.span, groups: []models.UsageGroup{models.ByMethod, models.ByStage, models.ByPlan}}
	if f.points, err = o.Store.UsageSeries(ctx, q.scope, q.span.UsageRange); err != nil {
		return Reply{}, err
	}
	if f.tables, err = o.Store.UsageBreakdowns(ctx, q.scope, q.span.UsageRange, usageFileLines, f.groups...); err != nil {
		return Reply{}, err
	}
	if q.customer == 0 && q.key == 0 {
		rows, _, err := o.byCustomer(ctx, r, q, usageFileLines)
		if err != nil {
			return Reply{}, err
		}
		f.groups, f.tables = append(f.groups, models.ByCustomer), append(f.tables, rows)
	}
	return f.reply(r)
}
