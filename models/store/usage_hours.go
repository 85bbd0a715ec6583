package store

import (
	"context"
	"fmt"
	"time"

	"gatehouse/models"
)

// UsageHours sums requests by weekday (Monday first) and hour of a zone. From and to lie on half hours; what is older than half hours are kept counts nothing. Where a
// zone is not a whole number of half hours from UTC, the half hour about each full hour is counted where it begins.
func (s *Store) UsageHours(ctx context.Context, sc models.UsageScope, from, to time.Time, zone *time.Location) (hours [7][24]int64, err error) {
	src, ok, err := sourceOf(sc, "")
	if err != nil || !ok {
		return hours, err
	}
	for begin := from; begin.Before(to); { // one part for each time in which the zone's clocks do not change
		_, end := begin.In(zone).ZoneBounds()
		if end.IsZero() || end.After(to) {
			end = to
		}
		_, offset := begin.In(zone).Zone()
		if err := s.usageHours(ctx, &src, begin, end, offset, &hours); err != nil {
			return hours, err
		}
		begin = end
	}
	return hours, nil
}

// usageHours adds the hours of a span at one offset from UTC, in seconds.
func (s *Store) usageHours(ctx context.Context, src *usageSource, from, to time.Time, offset int, hours *[7][24]int64) error {
	text, args := src.rows(span{&usageTables[usageTableOf(models.StepHalfHour)], from.Unix(), to.Unix()})
	// The first of January 1970 was a Thursday.
	rows, err := selectAll[struct{ Hour, Requests int64 }](s.read.WithContext(ctx), "usage by hour", `SELECT ((u.start + ?) / 3600 + 72) % 168 AS hour,
		`+totalOf("u")+` AS requests FROM `+text+` GROUP BY 1`, append([]any{offset}, args...)...)
	if err != nil {
		return fmt.Errorf("read usage by hour: %w", err)
	}
	for _, r := range rows {
		hours[r.Hour/24][r.Hour%24] += r.Requests
	}
	return nil
}
