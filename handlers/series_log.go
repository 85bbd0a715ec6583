package handlers

import (
	"net/url"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/templates/format"
)

// logPlace is where the requests are that a page of usage counts. The zero value is nowhere.
type logPlace struct {
	path    string
	filters url.Values // of the log
	since   time.Time  // what is older is forgotten
}

// placeOfLog is a page of the log, if one is kept.
func placeOfLog(log models.RequestLog, path string, filters url.Values, now time.Time) logPlace {
	if log == nil {
		return logPlace{}
	}
	return logPlace{path: path, filters: filters, since: now.AddDate(0, 0, -log.Settings().Days)}
}

// href is the page of the requests of a span that ended so, or however without outcomes; "" where the log does not have all of the span.
func (l logPlace) href(from, to time.Time, outcomes ...models.Outcome) string {
	if l.path == "" || from.Before(l.since) {
		return ""
	}
	q := url.Values{"from": {format.Machine(from)}, "to": {format.Machine(to)}}
	for name, values := range l.filters {
		if len(values) > 0 && values[0] != "" {
			q[name] = values
		}
	}
	if len(outcomes) > 0 {
		q.Set(outcomeParam, outcomeNames(outcomes))
	}
	return l.path + "?" + q.Encode()
}

// outcomeParam narrows a page of the log to outcomes.
const outcomeParam = "outcome"

func outcomeNames(outcomes []models.Outcome) string {
	names := make([]string, len(outcomes))
	for i, o := range outcomes {
		names[i] = o.String()
	}
	return strings.Join(names, ",")
}

// outcomesOf are the outcomes of a chart's group that the log knows: what is not over is not in it.
func outcomesOf(group int) (all []models.Outcome) {
	for o, of := range outcomeGroups {
		if of == group && models.Outcome(o) != models.OutcomeOpen {
			all = append(all, models.Outcome(o))
		}
	}
	return all
}

// with is the same, narrowed.
func (l logPlace) with(name, value string) logPlace {
	l.filters = merged(l.filters, url.Values{name: {value}})
	return l
}

// logOf narrows a log to the requests of a line of a breakdown; nowhere for what there never was, as a method that matched nothing.
func (l logPlace) of(row *models.UsageRow) logPlace {
	switch {
	case row.MethodID != 0 && row.StageID != 0:
		return l.with("operation", row.MethodID.String()).with("stage", row.StageID.String())
	case row.KeyID != 0:
		return l.with("key", row.KeyID.String())
	case row.ConsumerID != 0:
		return l.with("customer", row.ConsumerID.String())
	case row.PlanID != 0:
		return l.with("plan", row.PlanID.String())
	case row.StageID != 0 && row.Detail == "": // a stage; not what matched no method of it
		return l.with("stage", row.StageID.String())
	}
	return logPlace{}
}

// log is where the requests of the page are.
func (u *Usage) log(sc usageScope, now time.Time) logPlace {
	return placeOfLog(u.Log, ownLog, logFiltersOf(sc.filters), now)
}

// logFiltersOf are a page's filters as the log calls them: an operation there is one of many methods here.
func logFiltersOf(filters url.Values) url.Values {
	out := merged(filters)
	out["operation"] = filters[methodParam]
	out.Del(methodParam)
	return out
}
