package handlers

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/usage"
)

// partParam says which breakdown a CSV file has; without it the file is by time.
const partParam = "part"

// downloadParts are the breakdowns that a page has besides operations.
type downloadParts struct{ keys, customers bool }

// downloads are the files of a page.
func downloads(path string, filters url.Values, v rangeView, parts downloadParts) []usage.Download {
	files := []usage.Download{
		{Label: "By time (CSV)", Href: v.with(path+".csv", filters)},
		{Label: "By operation (CSV)", Href: v.with(path+".csv", merged(filters, url.Values{partParam: {string(models.ByMethod)}}))},
	}
	if parts.keys {
		files = append(files, usage.Download{Label: "By key (CSV)", Href: v.with(path+".csv", merged(filters, url.Values{partParam: {string(models.ByKey)}}))})
	}
	if parts.customers {
		files = append(files, usage.Download{Label: "By customer (CSV)", Href: v.with(path+".csv", merged(filters, url.Values{partParam: {string(models.ByCustomer)}}))})
	}
	files = append(files, usage.Download{Label: "Everything (JSON)", Href: v.with(path+".json", filters)})
	if path == "/usage" {
		files = append(files, usage.Download{Label: "Monthly statements", Href: statementsPath})
	}
	return files
}

// usageFile is what a file of usage holds.
type usageFile struct {
	span   rangeView
	points []models.UsagePoint // of span.wanted()
	groups []models.UsageGroup
	tables [][]models.UsageRow
}

// usageFigures are the columns that every row of usage has, in their order; the names are promised (docs/concepts.md).
func usageFigures() []string {
	names := []string{"requests"}
	for o := range models.NumOutcomes {
		names = append(names, o.String())
	}
	return append(names, "bytes_in", "bytes_out", "throttled_seconds", "p50_ms", "p95_ms", "p99_ms", "upstream_mean_ms", "gateway_mean_ms")
}

// figuresIn are a row's values, in the order of usageFigures; "" where nothing is known.
func figuresIn(p *models.UsagePoint) []string {
	cells := []string{strconv.FormatInt(p.Total(), 10)}
	for _, n := range p.Counts {
		cells = append(cells, strconv.FormatInt(n, 10))
	}
	cells = append(cells, strconv.FormatInt(p.BytesIn, 10), strconv.FormatInt(p.BytesOut, 10), strconv.FormatInt(p.ThrottledSeconds, 10))
	for _, share := range []float64{.5, .95, .99} {
		cells = append(cells, milliCell(p.Latency.Percentile(share)))
	}
	upstream, gateway, ok := p.MeanTimes()
	return append(cells, milliCell(inMillis(upstream), ok), milliCell(inMillis(gateway), ok))
}

func milliCell(ms float64, ok bool) string {
	if !ok {
		return ""
	}
	return strconv.FormatFloat(ms, 'f', 3, 64)
}

// groupColumns are the columns that name a row of a breakdown.
func groupColumns(by models.UsageGroup) []string {
	switch by {
	case models.ByKey:
		return []string{"key_id", "key", "hint"}
	case models.ByCustomer:
		return []string{"customer_id", "customer", "email"}
	case models.ByPlan:
		return []string{"plan_id", "plan"}
	case models.ByStage:
		return []string{"stage_id", "stage"}
	case models.ByMethod:
		return []string{"method_id", "method", "stage_id", "stage"}
	}
	return nil
}

func groupCells(by models.UsageGroup, row *models.UsageRow) []string {
	switch by {
	case models.ByKey:
		return []string{row.KeyID.String(), row.Label, row.Detail}
	case models.ByCustomer:
		return []string{row.ConsumerID.String(), row.Label, row.Detail}
	case models.ByPlan:
		return []string{row.PlanID.String(), row.Label}
	case models.ByStage:
		return []string{row.StageID.String(), row.Label}
	case models.ByMethod:
		return []string{row.MethodID.String(), row.Label, row.StageID.String(), row.Detail}
	}
	return nil
}

// reply answers with the file that the path asks for.
func (f usageFile) reply(r *Request) (Reply, error) {
	name := "usage-" + f.span.From.Format("20060102T1504Z")
	if strings.HasSuffix(r.URL.Path, ".json") {
		return Download(name+".json", "application/json; charset=utf-8", f.writeJSON), nil
	}
	part := models.UsageGroup(r.Query(partParam))
	if part == "" {
		return Download(name+".csv", csvKind, f.writeSeries), nil
	}
	for i, by := range f.groups {
		if by == part {
			return Download(name+"-by-"+string(part)+".csv", csvKind, func(w io.Writer) error { return writeRows(w, by, f.tables[i]) }), nil
		}
	}
	return Reply{}, models.NotFound("part of the usage")
}

const csvKind = "text/csv; charset=utf-8"

// spreadsheet writes a CSV file that a spreadsheet takes for text and numbers alone.
func spreadsheet(w io.Writer, head []string, each func(row func(cells ...string)) error) error {
	out := csv.NewWriter(w)
	_ = out.Write(head) // Error has it
	err := each(func(cells ...string) {
		for i, cell := range cells {
			if _, err := strconv.ParseFloat(cell, 64); err != nil { // a number is none, also a negative one
				cells[i] = models.CSVCell(cell)
			}
		}
		_ = out.Write(cells)
	})
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	return err
}

func (f usageFile) writeSeries(w io.Writer) error {
	return spreadsheet(w, append([]string{"from", "to"}, usageFigures()...), func(row func(...string)) error {
		step := time.Duration(f.span.Step)
		for _, p := range f.span.filled(f.points) {
			if p.Start.After(f.span.Now) {
				break // nothing is known of it
			}
			row(append([]string{format.Machine(p.Start), format.Machine(p.Start.Add(step))}, figuresIn(&p)...)...)
		}
		return nil
	})
}

func writeRows(w io.Writer, by models.UsageGroup, rows []models.UsageRow) error {
	return spreadsheet(w, append(groupColumns(by), usageFigures()...), func(row func(...string)) error {
		for i := range rows {
			row(append(groupCells(by, &rows[i]), figuresIn(&rows[i].UsagePoint)...)...)
		}
		return nil
	})
}

// writeJSON writes all parts: {"from", "to", "step_seconds", "total", "series", "by_method", …}.
func (f usageFile) writeJSON(w io.Writer) error {
	_, own := f.span.split(f.points)
	total := models.Sum(own)
	doc := map[string]any{"from": format.Machine(f.span.From), "to": format.Machine(f.span.To), "step_seconds": int64(time.Duration(f.span.Step).Seconds()),
		"total": figureObject(&total, nil, nil)}
	series := []any{}
	for _, p := range f.span.filled(f.points) {
		if !p.Start.After(f.span.Now) {
			series = append(series, figureObject(&p, []string{"from"}, []string{format.Machine(p.Start)}))
		}
	}
	doc["series"] = series
	for i, by := range f.groups {
		rows := []any{}
		for j := range f.tables[i] {
			rows = append(rows, figureObject(&f.tables[i][j].UsagePoint, groupColumns(by), groupCells(by, &f.tables[i][j])))
		}
		doc["by_"+string(by)] = rows
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(doc); err != nil {
		return fmt.Errorf("write usage: %w", err)
	}
	return nil
}

// figureObject is a row as an object: texts, then numbers; null where nothing is known.
func figureObject(p *models.UsagePoint, names, texts []string) map[string]any {
	out := map[string]any{}
	for i, name := range names {
		out[name] = texts[i]
	}
	cells := figuresIn(p)
	for i, name := range usageFigures() {
		if out[name] = json.RawMessage("null"); cells[i] != "" {
			out[name] = json.RawMessage(cells[i])
		}
	}
	return out
}

// File answers with what the page shows as a file.
func (u *Usage) File(r *Request) (Reply, error) {
	sc, err := u.scope(r, r.Context())
	if err != nil {
		return Reply{}, err
	}
	f := usageFile{span: parseRange(r.URL.Query(), r.Here()), groups: []models.UsageGroup{models.ByMethod, models.ByStage, models.ByPlan, models.ByKey}}
	scope := sc.usage(r.Account.ID)
	if len(sc.keys) == 0 {
		return f.reply(r)
	}
	if f.points, err = u.Store.UsageSeries(r.Context(), scope, f.span.UsageRange); err != nil {
		return Reply{}, err
	}
	if f.tables, err = u.Store.UsageBreakdowns(r.Context(), scope, f.span.UsageRange, usageFileLines, f.groups...); err != nil {
		return Reply{}, err
	}
	return f.reply(r)
}

// usageFileLines is how many lines of a breakdown a file has.
const usageFileLines = 1000
