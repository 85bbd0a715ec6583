package handlers

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/requestlog"
	"gatehouse/templates/ui"
)

// row is one request in the list.
func (h *Logs) row(q *logQuestion, e *models.LogEntry, names map[models.KeyID]models.LogKey, now time.Time) requestlog.Row {
	row := requestlog.Row{
		At: e.At, Now: now, Href: requestPath(e.ID), Verb: e.Verb, Path: e.Path, Status: e.Status, Took: format.Latency(e.Total), Outcome: h.outcome(e),
	}
	if e.KeyID == 0 {
		return row
	}
	key, known := names[e.KeyID]
	switch {
	case !known: // a stranger's that calls an API of the reader's: its id is all that is his to see
		row.Key = e.KeyID.String()
	case q.owner:
		row.Key, row.KeyHref = key.Name, ownerKeyPath(key.ID)
	default:
		row.Key, row.KeyHref = key.Name, keyPath(key.ID)
	}
	return row
}

// outcome says in a few words how a request ended.
func (h *Logs) outcome(e *models.LogEntry) string {
	if e.Outcome == models.OutcomeDenied {
		if at := slices.IndexFunc(h.Docs, func(d ProblemDoc) bool { return d.Slug == e.Problem }); at >= 0 {
			return h.Docs[at].Title
		}
	}
	if e.Outcome < models.NumOutcomes {
		return outcomeTexts[e.Outcome].name
	}
	return ""
}

// paging leads further back, and says where that ends.
func (q *logQuestion) paging(ctx context.Context, v *requestlog.View, found models.LogPage) {
	if found.Next != "" {
		v.Pages.Next = q.with("before", found.Next)
	}
	if q.Before != "" {
		v.Pages.Prev, v.Pages.Summary = q.with("before", ""), "Previous leads to the newest"
	}
	switch {
	case !found.Searched.IsZero():
		v.Further = &requestlog.Further{Words: "Searched back to " + format.Moment(format.Local(ctx, found.Searched)) + ".", Href: v.Pages.Next}
	case found.Next == "" && !found.Oldest.IsZero():
		v.Edge = edgeWords(ctx, found.Oldest)
	}
}

func edgeWords(ctx context.Context, oldest time.Time) string {
	return fmt.Sprintf("The log goes back to %s. Usage has the numbers of what is older.", format.DateTime(format.Local(ctx, oldest)))
}

// nothing says why no request is listed; nil where there never was one to list.
func (q *logQuestion) nothing(ctx context.Context, found models.LogPage) *requestlog.Nothing {
	switch {
	case !found.Searched.IsZero():
		return &requestlog.Nothing{Title: "Nothing found yet", Text: "No request fits, searched back to " + format.Moment(format.Local(ctx, found.Searched)) + ".", Href: q.path, Label: "Clear filters"}
	case q.Before != "":
		return &requestlog.Nothing{Title: "Nothing older", Text: "The log ends here: what is older was forgotten, or there was nothing.", Href: q.with("before", ""), Label: "Show the newest"}
	case len(q.pills) > 0 && !found.Oldest.IsZero():
		return &requestlog.Nothing{Title: "No request fits", Text: "Nothing in the log fits all of these filters. " + edgeWords(ctx, found.Oldest), Href: q.path, Label: "Clear filters"}
	case len(q.pills) > 0:
		return &requestlog.Nothing{Title: "No request fits", Text: "The log is empty.", Href: q.path, Label: "Clear filters"}
	}
	return nil
}

// noneYet says what the log is for, and leads to what brings the first request.
func (h *Logs) noneYet(ctx context.Context, q *logQuestion) (*requestlog.Nothing, error) {
	none := requestlog.Nothing{Title: "No requests yet", Main: true}
	switch {
	case q.owner:
		next, err := ownerNext(ctx, h.Store, q.reader)
		none.Text, none.Href, none.Label = "A request to one of your APIs stands here a moment after it was answered. "+next.Text, next.Href, next.Action
		return &none, err
	case len(q.Apps) == 0:
		none.Text, none.Href, none.Label = "The calls of your keys stand here. Subscribe to a plan to get a key.", "/apis", "Browse APIs"
	default:
		none.Text, none.Href, none.Label = "A call with one of your keys stands here a moment after it was answered.", "/keys", "Your keys"
	}
	return &none, nil
}

// subtitle says whose requests these are, and what is kept of them.
func (h *Logs) subtitle(owner bool) string {
	whose := "Calls of your keys"
	if owner {
		whose = "Calls of your APIs"
	}
	if h.Log == nil {
		return whose + "."
	}
	s := h.Log.Settings()
	return fmt.Sprintf("%s, for %s: up to %s refusals and failures a second and key, and %s of the others. Usage counts every one.",
		whose, format.Plural(int64(s.Days), "day"), format.Count(int64(s.Refusals)), format.Count(int64(s.Admissions)))
}

// outcomeOptions are the outcomes to choose from, and the choice in force where it is several of them.
func outcomeOptions(now string) []ui.Option {
	out := []ui.Option{{Value: "", Label: "Any outcome"}}
	for o := models.OutcomeSuccess; o < models.NumOutcomes; o++ {
		out = append(out, ui.Option{Value: o.String(), Label: outcomeTexts[o].name})
	}
	return withOption(out, now)
}

func statusOptions(now string) []ui.Option {
	out := []ui.Option{{Value: "", Label: "Any status"}}
	for _, s := range []string{"2xx", "3xx", "4xx", "5xx", "400", "401", "403", "404", "429", "500", "502", "503", "504"} {
		out = append(out, ui.Option{Value: s, Label: s})
	}
	return withOption(out, now)
}

func verbOptions(now string) []ui.Option {
	out := []ui.Option{{Value: "", Label: "Any method"}}
	for _, verb := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"} {
		out = append(out, ui.Option{Value: verb, Label: verb})
	}
	return withOption(out, now)
}

// withOption adds what is chosen, where it is none of the choices.
func withOption(options []ui.Option, now string) []ui.Option {
	if slices.ContainsFunc(options, func(o ui.Option) bool { return o.Value == now }) {
		return options
	}
	return append(options, ui.Option{Value: now, Label: now})
}
