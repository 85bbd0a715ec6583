package handlers

import (
	"context"
	"time"

	"gatehouse/models"
	"gatehouse/templates/chart"
	"gatehouse/templates/format"
)

// hoursStore sums usage by weekday and hour.
type hoursStore interface {
	UsageHours(ctx context.Context, sc models.UsageScope, from, to time.Time, zone *time.Location) ([7][24]int64, error)
}

// What a heat map is made of.
const (
	heatLeast   = 7 * 24 * time.Hour  // less has not every weekday
	heatKept    = 34 * 24 * time.Hour // half hours are kept a little longer, and pruned by and by
	heatKeys    = 20                  // of more keys only heatLeast is summed: each has rows of its own
	heatOldNote = "Usage by the hour is kept for 35 days."
)

// heatFor shows on which weekdays and at which hours the requests of the range came, in the reader's zone, and says where it covers another time than the range.
func heatFor(ctx context.Context, s hoursStore, scope models.UsageScope, span rangeView) (*chart.Heat, error) {
	from, to, words, note := heatSpan(span, len(scope.Keys))
	if !from.Before(to) {
		return &chart.Heat{ID: "heat", None: "This range is over for too long. " + heatOldNote}, nil
	}
	hours, err := s.UsageHours(ctx, scope, from, to, span.Now.Location())
	if err != nil {
		return nil, err
	}
	h := heatOf(hours, words)
	h.Words = capital(words) + "."
	if note != "" {
		h.Words += " " + note
	}
	return h, nil
}

// heatSpan is the time that a heat map of the range covers, with a note where that is another one.
func heatSpan(span rangeView, keys int) (from, to time.Time, words, note string) {
	from, to, words = span.From, span.To, span.Words
	if end := span.Now.UTC().Truncate(time.Hour).Add(time.Hour); end.Before(to) {
		to = end
	}
	to = to.Add(time.Hour - 1).Truncate(time.Hour)
	short, many := span.To.Sub(from) < heatLeast, keys > heatKeys && to.Sub(from) > heatLeast
	if short || many {
		from = to.Add(-heatLeast)
		if words = "the last 7 days"; span.Name == "" {
			words = "the 7 days to " + format.DateTime(to.In(span.Now.Location()))
		}
	}
	switch {
	case short:
		note = "A shorter time has not every weekday."
	case many:
		note = "Of more than " + format.Count(heatKeys) + " keys no longer time is summed by the hour."
	}
	if oldest := span.Now.UTC().Truncate(time.Hour).Add(-heatKept); from.Before(oldest) {
		from, words, note = oldest, "the time since "+format.Date(oldest.In(span.Now.Location())), heatOldNote
	}
	return from, to, words, note
}
