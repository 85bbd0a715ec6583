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
		names := make([]string, len(outcomes))
		for i, o := range outcomes {
			names[i] = o.String()
		}
		q.Set("outcome", strings.Join(names, ","))
	}
	return l.path + "?" + q.Encode()
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

// log is where the requests of the page are, unless it is narrowed to what the log is not asked for.
func (u *Usage) log(sc usageScope, now time.Time) logPlace {
	if sc.plan != 0 || sc.method != 0 || sc.filters.Has("app") && len(sc.keys) != 1 {
		return logPlace{}
	}
	filters := url.Values{"api": sc.filters["api"]}
	if sc.value != "" {
		filters.Set("key", sc.keys[0].ID.String())
	}
	return placeOfLog(u.Log, ownLog, filters, now)
}
