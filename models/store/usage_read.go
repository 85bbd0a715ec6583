package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/models"
)

// pointTargets returns where the sums of sumColumns go in a point.
func pointTargets(p *models.UsagePoint) []any {
	var targets []any
	for o := range p.Counts {
		targets = append(targets, &p.Counts[o])
	}
	targets = append(targets, &p.BytesIn, &p.BytesOut, &p.ThrottledSeconds, micros{&p.Upstream}, micros{&p.Gateway}, &p.Timed)
	for i := range p.Latency {
		targets = append(targets, &p.Latency[i])
	}
	return targets
}

// micros scans a column of microseconds.
type micros struct{ d *time.Duration }

// Scan implements sql.Scanner.
func (m micros) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("scan %T as microseconds", v)
	}
	*m.d = time.Duration(n) * time.Microsecond
	return nil
}

// UsageSeries sums usage by step, in order; steps without any are left out.
func (s *Store) UsageSeries(ctx context.Context, sc models.UsageScope, r models.UsageRange) ([]models.UsagePoint, error) {
	if err := checkStep(r.Step); err != nil {
		return nil, err
	}
	src, ok, err := sourceOf(sc, "")
	if err != nil || !ok {
		return nil, err
	}
	from, step := r.From.Unix(), int64(time.Duration(r.Step)/time.Second)
	text, args := src.rows(span{&usageTables[usageTableOf(r.Step.Resolution())], from, r.To.Unix()})
	rows, err := s.read.WithContext(ctx).Raw(`SELECT (u.start - ?) / ? AS step, `+each("sum(u.%s)", sumColumns())+` FROM `+text+` GROUP BY 1 ORDER BY 1`,
		slices.Concat([]any{from, step}, args)...).Rows()
	if err != nil {
		return nil, fmt.Errorf("read usage: %w", err)
	}
	defer rows.Close()
	var points []models.UsagePoint
	for rows.Next() {
		var at int64
		var point models.UsagePoint
		if err := rows.Scan(append([]any{&at}, pointTargets(&point)...)...); err != nil {
			return nil, fmt.Errorf("read usage: %w", err)
		}
		point.Start = time.Unix(from+at*step, 0).UTC()
		points = append(points, point)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read usage: %w", err)
	}
	return points, nil
}

// usageGroup says how a breakdown groups and how it names what it finds.
type usageGroup struct {
	columns       []string
	label, detail string
	joins         string
}

// Names of things that are gone are left empty; what there never was has a name of its own.
const (
	joinStage   = ` LEFT JOIN stages st ON st.id = g.stage_id LEFT JOIN apis a ON a.id = st.api_id`
	labelStage  = `CASE WHEN st.id IS NULL THEN '' ELSE a.name || ' · ' || st.name END`
	labelMethod = `CASE WHEN g.method_id = 0 THEN 'No method' WHEN m.id IS NULL THEN 'Deleted method' ELSE m.verb || ' ' || m.path END`
)

// usageGroupFor are the groups of each scope; only keys know which of them called, and customers who of them did.
func usageGroupFor(by models.UsageGroup, kind usageKind) (usageGroup, error) {
	switch {
	case by == models.ByMethod:
		return usageGroup{columns: []string{"stage_id", "method_id"}, detail: labelStage,
			label: labelMethod,
			joins: `LEFT JOIN methods m ON m.id = g.method_id` + joinStage}, nil
	case by == models.ByStage:
		return usageGroup{columns: []string{"stage_id"}, label: `coalesce(nullif(` + labelStage + `, ''), 'Deleted stage')`, detail: `''`, joins: joinStage}, nil
	case by == models.ByPlan:
		return usageGroup{columns: []string{"plan_id"}, detail: `''`, joins: `LEFT JOIN plans p ON p.id = g.plan_id`,
			label: `CASE WHEN g.plan_id = 0 THEN 'No plan' ELSE coalesce(p.name, 'Deleted plan') END`}, nil
	case by == models.ByCustomer && kind == usageOfCustomer:
		return usageGroup{columns: []string{"customer_id"}, detail: `coalesce(a.email, '')`,
			label: `CASE WHEN c.account_id = 0 THEN coalesce(nullif(c.name, ''), 'Keys without a customer') ELSE coalesce(nullif(a.name, ''), 'Deleted account') END`,
			joins: `LEFT JOIN usage_customers c ON c.id = g.customer_id LEFT JOIN accounts a ON a.id = c.account_id`}, nil
	case by == models.ByKey && kind == usageOfKey:
		return usageGroup{columns: []string{"key_id"}, label: `coalesce(k.name, 'Deleted key')`, detail: `coalesce(s.hint, '')`,
			joins: `LEFT JOIN keys k ON k.id = g.key_id LEFT JOIN key_secrets s ON s.key_id = g.key_id AND s.is_current = 1`}, nil
	}
	return usageGroup{}, fmt.Errorf("usage cannot be broken down by %q in this scope", by)
}

// UsageBreakdown sums usage of the whole range by what it is grouped by, most requests first, at most limit rows. By key is for scopes of
// keys, and by customer for those of customers: what is stored by plan does not know them (PlanKeys lists the busiest keys, UsageCustomers customers). By method means by method and stage; of an owner's plans
// it has the methods of stages that he has now.
func (s *Store) UsageBreakdown(ctx context.Context, sc models.UsageScope, r models.UsageRange, by models.UsageGroup, limit int) ([]models.UsageRow, error) {
	if err := checkStep(r.Step); err != nil {
		return nil, err
	}
	src, ok, err := sourceOf(sc, by)
	if err != nil || !ok {
		return nil, err
	}
	g, err := usageGroupFor(by, src.kind)
	if err != nil {
		return nil, err
	}
	if src.kind == usageOfStageMethods && by == models.ByMethod && sc.Method == 0 && limit <= fewMethods {
		if src.ids, src.args, err = s.busiestStages(ctx, src, r, limit); err != nil {
			return nil, err
		}
	}
	return s.breakdown(ctx, src, g, r, limit)
}

// fewMethods is up to how many methods busiestStages is worth its queries.
const fewMethods = 50

// busiestStages finds the stages that have the busiest methods, at most limit. No method of a stage was called more than the stage was, and a stage is one row
// for each time: so the methods of the busiest stages are added up, until no other stage could have one that belongs to them.
func (s *Store) busiestStages(ctx context.Context, src usageSource, r models.UsageRange, limit int) (ids string, args []any, err error) {
	spans := cover(r.From.Unix(), r.To.Unix(), usageTableOf(r.Step.Resolution()))
	type busy struct {
		ID    models.StageID
		Total int64
	}
	most := func(columns string, limit int, totals func(span) (string, []any)) ([]busy, error) {
		var parts []string
		var args []any
		for _, part := range spans {
			text, values := totals(part)
			parts, args = append(parts, text), append(args, values...)
		}
		return selectAll[busy](s.read.WithContext(ctx), "busiest stages", `WITH totals (`+columns+`, total) AS (`+strings.Join(parts, ` UNION ALL `)+`)
			SELECT id, sum(total) AS total FROM totals WHERE total IS NOT NULL GROUP BY `+columns+` ORDER BY total DESC, `+columns+` LIMIT ?`, append(args, limit)...)
	}
	stages := src
	stages.kind = usageOfStage
	all, err := most("id", -1, stages.totals)
	for n := 16; err == nil; n *= 4 {
		some := all[:min(n, len(all))]
		list := make([]models.StageID, len(some))
		for i := range some {
			list[i] = some[i].ID
		}
		src.ids, src.args = listedIDs, []any{numberList(list)}
		if len(some) == len(all) {
			break
		}
		var found []busy
		if found, err = most("id, method", limit, src.methodTotals); err == nil && len(found) == limit && found[limit-1].Total > all[n].Total {
			list = list[:0]
			for i := range found {
				list = append(list, found[i].ID)
			}
			src.args = []any{numberList(list)}
			break
		}
	}
	return src.ids, src.args, err
}

func (s *Store) breakdown(ctx context.Context, src usageSource, g usageGroup, r models.UsageRange, limit int) ([]models.UsageRow, error) {
	query, args := breakdownQuery(src, g, r, limit)
	rows, err := s.read.WithContext(ctx).Raw(query, args...).Rows()
	if err != nil {
		return nil, fmt.Errorf("break down usage: %w", err)
	}
	defer rows.Close()
	var found []models.UsageRow
	for rows.Next() {
		row := models.UsageRow{UsagePoint: models.UsagePoint{Start: r.From.UTC()}}
		if err := rows.Scan(rowTargets(&row, g.columns)...); err != nil {
			return nil, fmt.Errorf("break down usage: %w", err)
		}
		found = append(found, row)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("break down usage: %w", err)
	}
	return found, nil
}

// UsageBreakdowns is UsageBreakdown by several groups at the same time: each reads much, and none needs another.
func (s *Store) UsageBreakdowns(ctx context.Context, sc models.UsageScope, r models.UsageRange, limit int, by ...models.UsageGroup) ([][]models.UsageRow, error) {
	found, errs := make([][]models.UsageRow, len(by)), make([]error, len(by))
	var group sync.WaitGroup
	for i := range by {
		group.Go(func() { found[i], errs[i] = s.UsageBreakdown(ctx, sc, r, by[i], limit) })
	}
	group.Wait()
	return found, errors.Join(errs...)
}

// breakdownQuery reads the rows twice: first only as much of each as tells which groups are the largest, then all of those groups. Most of the work is
// summing thirty columns, and most rows are of groups that are not shown.
func breakdownQuery(src usageSource, g usageGroup, r models.UsageRange, limit int) (query string, args []any) {
	columns := make([]string, len(g.columns)) // in the rows u
	for i, c := range g.columns {
		columns[i] = src.kind.column(c)
	}
	group, by := list(g.columns...), list(columns...)
	chosen := ` AND (` + by + `) IN (SELECT ` + group + ` FROM top)`
	if i := slices.Index(columns, "u.id"); i >= 0 {
		chosen += ` AND x.value IN (SELECT ` + g.columns[i] + ` FROM top)` // so that other rows are not even looked at
	}
	var totals, wholes []string
	var more []any
	for _, part := range cover(r.From.Unix(), r.To.Unix(), usageTableOf(r.Step.Resolution())) {
		text, values := src.rows(part)
		wholes = append(wholes, `SELECT `+by+`, `+each("sum(u.%s)", sumColumns())+` FROM `+text+chosen+` GROUP BY `+by)
		more = append(more, values...)
		total := `SELECT ` + by + `, ` + totalOf("u") + ` FROM ` + text + ` GROUP BY ` + by
		switch by {
		case "u.id":
			total, values = src.totals(part)
		case "u.id, u.method_id":
			total, values = src.methodTotals(part)
		}
		totals, args = append(totals, total), append(args, values...)
	}
	return `WITH totals (` + group + `, total) AS (` + strings.Join(totals, ` UNION ALL `) + `),
		top AS MATERIALIZED (SELECT ` + group + `, sum(total) AS total FROM totals WHERE total IS NOT NULL GROUP BY ` + group + ` ORDER BY total DESC, ` + group + ` LIMIT ?),
		wholes (` + group + `, ` + list(sumColumns()...) + `) AS (` + strings.Join(wholes, ` UNION ALL `) + `),
		g AS (SELECT ` + group + `, ` + each("sum(%s)", sumColumns()) + ` FROM wholes GROUP BY ` + group + `)
		SELECT ` + g.label + `, ` + g.detail + `, g.* FROM top JOIN g USING (` + group + `) ` + g.joins + ` ORDER BY top.total DESC, ` + each("g.%s", g.columns),
		slices.Concat(args, []any{limit}, more)
}

// totalOf sums all requests of the rows of a table.
func totalOf(table string) string {
	return "sum(" + table + "." + strings.Join(outcomeColumns(), " + "+table+".") + ")"
}

// each lists what a form makes of every column.
func each(form string, columns []string) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = fmt.Sprintf(form, c)
	}
	return list(out...)
}

// rowTargets returns where the columns of a breakdown go.
func rowTargets(row *models.UsageRow, columns []string) []any {
	ids := map[string]any{"key_id": &row.KeyID, "customer_id": &row.ConsumerID, "plan_id": &row.PlanID, "stage_id": &row.StageID, "method_id": &row.MethodID}
	targets := []any{&row.Label, &row.Detail}
	for _, c := range columns {
		targets = append(targets, ids[c])
	}
	return append(targets, pointTargets(&row.UsagePoint)...)
}
