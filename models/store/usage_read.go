package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"gatehouse/models"
)

// usageQuery is what series and breakdowns share: the table that answers and the condition on its rows.
type usageQuery struct {
	table *usageTable
	where string
	args  []any
	from  int64 // Unix seconds
	step  int64 // seconds
}

// newUsageQuery chooses the table. ok is false when the scope is empty: somebody without keys or plans.
func newUsageQuery(sc models.UsageScope, r models.UsageRange) (q usageQuery, ok bool, err error) {
	step := time.Duration(r.Step)
	switch {
	case len(sc.Keys) > 0 && len(sc.Plans) > 0:
		return usageQuery{}, false, errors.New("usage is asked for by keys or by plans, not both")
	case step <= 0 || step%time.Minute != 0:
		return usageQuery{}, false, fmt.Errorf("usage is stored by the minute: step %v", step)
	case len(sc.Keys) == 0 && len(sc.Plans) == 0:
		return usageQuery{}, false, nil
	}
	q = usageQuery{table: usageTableFor(len(sc.Keys) > 0, r.Step), from: r.From.Unix(), step: int64(step / time.Second)}
	q.where = q.table.id + " IN (SELECT value FROM json_each(?)) AND start >= ? AND start < ?"
	q.args = []any{numberList(sc.Plans), q.from, r.To.Unix()}
	if len(sc.Keys) > 0 {
		q.args[0] = numberList(sc.Keys)
	}
	if sc.Stage != 0 {
		q.where += " AND stage_id = ?"
		q.args = append(q.args, int64(sc.Stage))
	}
	if sc.Method != 0 {
		q.where += " AND method_id = ?"
		q.args = append(q.args, int64(sc.Method))
	}
	return q, true, nil
}

// numberList writes ids as a JSON list of numbers, which json_each reads: one statement, and one plan, for any number of them.
func numberList[T any](ids []models.ID[T]) string {
	numbers := make([]int64, len(ids))
	for i, id := range ids {
		numbers[i] = int64(id)
	}
	text, _ := json.Marshal(numbers) // numbers always have a JSON form
	return string(text)
}

// sumsOf lists the sums of a point's columns, for pointTargets.
func sumsOf(columns []string) string { return "sum(" + strings.Join(columns, "), sum(") + ")" }

// pointTargets returns where the sums of sumColumns, but for the requests, go in a point.
func pointTargets(p *models.UsagePoint) []any {
	targets := []any{&p.BytesIn, &p.BytesOut, &p.ThrottledSeconds}
	for i := range p.Latency {
		targets = append(targets, &p.Latency[i])
	}
	return targets
}

// UsageSeries sums usage by step, in order; steps without any are left out.
func (s *Store) UsageSeries(ctx context.Context, sc models.UsageScope, r models.UsageRange) ([]models.UsagePoint, error) {
	q, ok, err := newUsageQuery(sc, r)
	if err != nil || !ok {
		return nil, err
	}
	rows, err := s.read.WithContext(ctx).Raw(`SELECT (start - ?) / ? AS step, outcome, `+sumsOf(sumColumns())+`
		FROM `+q.table.name+` WHERE `+q.where+` GROUP BY 1, 2 ORDER BY 1, 2`, append([]any{q.from, q.step}, q.args...)...).Rows()
	if err != nil {
		return nil, fmt.Errorf("read usage: %w", err)
	}
	defer rows.Close()
	var points []models.UsagePoint
	for rows.Next() {
		var step, requests int64
		var outcome models.Outcome // the columns hold no other: CommitUsage refuses them
		var part models.UsagePoint
		if err := rows.Scan(append([]any{&step, &outcome, &requests}, pointTargets(&part)...)...); err != nil {
			return nil, fmt.Errorf("read usage: %w", err)
		}
		start := time.Unix(q.from+step*q.step, 0).UTC()
		if len(points) == 0 || !points[len(points)-1].Start.Equal(start) {
			points = append(points, models.UsagePoint{Start: start})
		}
		last := &points[len(points)-1]
		last.Counts[outcome] = requests
		last.BytesIn += part.BytesIn
		last.BytesOut += part.BytesOut
		last.ThrottledSeconds += part.ThrottledSeconds
		last.Latency.Add(&part.Latency)
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
	joinStage  = ` LEFT JOIN stages st ON st.id = g.stage_id LEFT JOIN apis a ON a.id = st.api_id`
	labelStage = `CASE WHEN st.id IS NULL THEN '' ELSE a.name || ' · ' || st.name END`
)

// usageGroups are the groups of each scope; only keys know which of them called.
func usageGroupFor(by models.UsageGroup, byKey bool) (usageGroup, error) {
	switch {
	case by == models.ByMethod:
		return usageGroup{columns: []string{"stage_id", "method_id"}, detail: labelStage,
			label: `CASE WHEN g.method_id = 0 THEN 'No method' WHEN m.id IS NULL THEN 'Deleted method' ELSE m.verb || ' ' || m.path END`,
			joins: `LEFT JOIN methods m ON m.id = g.method_id` + joinStage}, nil
	case by == models.ByStage:
		return usageGroup{columns: []string{"stage_id"}, label: `coalesce(nullif(` + labelStage + `, ''), 'Deleted stage')`, detail: `''`, joins: joinStage}, nil
	case by == models.ByPlan:
		return usageGroup{columns: []string{"plan_id"}, detail: `''`, joins: `LEFT JOIN plans p ON p.id = g.plan_id`,
			label: `CASE WHEN g.plan_id = 0 THEN 'No plan' ELSE coalesce(p.name, 'Deleted plan') END`}, nil
	case by == models.ByKey && byKey:
		return usageGroup{columns: []string{"key_id"}, label: `coalesce(k.name, 'Deleted key')`, detail: `coalesce(s.hint, '')`,
			joins: `LEFT JOIN keys k ON k.id = g.key_id LEFT JOIN key_secrets s ON s.key_id = g.key_id AND s.is_current = 1`}, nil
	}
	return usageGroup{}, fmt.Errorf("usage cannot be broken down by %q in this scope", by)
}

// UsageBreakdown sums usage of the whole range by what it is grouped by, most requests first, at most limit rows. By key is for scopes by
// key: what is stored by plan does not know its keys (PlanKeys lists the busiest). By method means by method and stage.
func (s *Store) UsageBreakdown(ctx context.Context, sc models.UsageScope, r models.UsageRange, by models.UsageGroup, limit int) ([]models.UsageRow, error) {
	q, ok, err := newUsageQuery(sc, r)
	if err != nil || !ok {
		return nil, err
	}
	g, err := usageGroupFor(by, len(sc.Keys) > 0)
	if err != nil {
		return nil, err
	}
	group, outcomes := strings.Join(g.columns, ", "), make([]string, models.NumOutcomes)
	for i := range outcomes {
		outcomes[i] = fmt.Sprintf("sum(requests) FILTER (WHERE outcome = %d)", i)
	}
	rows, err := s.read.WithContext(ctx).Raw(`WITH g AS (
			SELECT `+group+`, sum(requests) AS total, `+namedSums(outcomes)+` FROM `+q.table.name+` WHERE `+q.where+`
			GROUP BY `+group+` ORDER BY total DESC, `+group+` LIMIT ?)
		SELECT `+g.label+`, `+g.detail+`, g.* FROM g `+g.joins+` ORDER BY total DESC, `+group, append(q.args, limit)...).Rows()
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

// namedSums lists the requests by outcome and the other sums, under the names that rowTargets expects by order alone.
func namedSums(outcomes []string) string {
	return "coalesce(" + strings.Join(outcomes, ", 0), coalesce(") + ", 0), " + sumsOf(sumColumns()[1:])
}

// rowTargets returns where the columns of a breakdown go.
func rowTargets(row *models.UsageRow, columns []string) []any {
	ids := map[string]any{"key_id": &row.KeyID, "plan_id": &row.PlanID, "stage_id": &row.StageID, "method_id": &row.MethodID}
	targets := []any{&row.Label, &row.Detail}
	for _, c := range columns {
		targets = append(targets, ids[c])
	}
	var total int64
	targets = append(targets, &total)
	for i := range row.Counts {
		targets = append(targets, &row.Counts[i])
	}
	return append(targets, pointTargets(&row.UsagePoint)...)
}
