package handlers

import (
	"strings"

	"gatehouse/models"
	"gatehouse/templates/chart"
	"gatehouse/templates/format"
	"gatehouse/templates/usage"
)

// outcomeTexts say what each outcome means, in the order of the models.
var outcomeTexts = [models.NumOutcomes]struct{ name, text string }{
	models.OutcomeOpen:        {"In progress", "let through, not answered yet"},
	models.OutcomeSuccess:     {"Success", "answered with 1xx or 2xx"},
	models.OutcomeRedirect:    {"Redirect", "answered with 3xx"},
	models.OutcomeClientError: {"Client error", "4xx by the upstream"},
	models.OutcomeServerError: {"Server error", "5xx by the upstream"},
	models.OutcomeUpstream:    {"Upstream failed", "502, 504: unreachable or too slow"},
	models.OutcomeAborted:     {"Aborted", "the caller left before the end"},
	models.OutcomeThrottled:   {"Throttled", "429: faster than the rate allows"},
	models.OutcomeQuota:       {"Over quota", "429: the quota was used up"},
	models.OutcomeDenied:      {"Denied", "403: the key may not call this"},
}

// outcomeRows lists what happened, without what did not.
func outcomeRows(total models.UsagePoint, v rangeView, log logPlace) []usage.Outcome {
	kinds := chart.Outcomes()
	var out []usage.Outcome
	for o, n := range total.Counts {
		if n > 0 {
			text := outcomeTexts[o]
			row := usage.Outcome{Name: text.name, Text: text.text, Count: n, Share: float64(n) / float64(total.Total()), Kind: kinds[outcomeGroups[o]].Kind}
			if o := models.Outcome(o); o != models.OutcomeOpen { // the log has what is over
				row.Href = log.href(v.From, v.To, o)
			}
			out = append(out, row)
		}
	}
	return out
}

// usageLinks are where the lines of a breakdown lead: to the page of each alone, and to its requests in the log. The zero value is nowhere.
type usageLinks struct {
	page func(models.UsageRow) string // nil: nowhere
	log  logPlace
	span rangeView
}

// usageRowsOf makes the lines of a breakdown.
func usageRowsOf(rows []models.UsageRow, total int64, to usageLinks) []usage.Row {
	out := make([]usage.Row, len(rows))
	for i := range rows {
		row := &rows[i]
		groups := grouped(&row.UsagePoint)
		out[i] = usage.Row{Label: row.Label, Detail: row.Detail, Requests: row.Total(), Throttled: groups[groupThrottled], P95: latencyText(row.Latency, .95),
			Errors: format.PercentOf(groups[groupServerError]+groups[groupClientError], row.Total())}
		if row.MethodID != 0 {
			out[i].Verb, out[i].Label = splitMethod(row.Label)
		}
		if total > 0 {
			out[i].Share = float64(row.Total()) / float64(total)
		}
		if to.page != nil {
			out[i].Href = to.page(*row)
		}
		log := to.log.of(row)
		out[i].LogHref = log.href(to.span.From, to.span.To)
		if out[i].Throttled > 0 {
			out[i].ThrottledHref = log.href(to.span.From, to.span.To, outcomesOf(groupThrottled)...)
		}
	}
	return out
}

// splitMethod cuts "GET /users" into verb and path; what is no method has no verb.
func splitMethod(label string) (verb, path string) {
	if verb, path, ok := strings.Cut(label, " "); ok && strings.HasPrefix(path, "/") {
		return verb, path
	}
	return "", label
}
