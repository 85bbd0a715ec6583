package store

import (
	"context"
	"fmt"
	"time"

	"gatehouse/models"
)

// UsageHours sums requests by weekday (Monday first) and hour (UTC). From and to lie on half hours.
func (s *Store) UsageHours(ctx context.Context, sc models.UsageScope, from, to time.Time) (hours [7][24]int64, err error) {
	src, ok, err := sourceOf(sc, "")
	if err != nil || !ok {
		return hours, err
	}
	text, args := src.rows(span{&usageTables[usageTableOf(models.StepHalfHour)], from.Unix(), to.Unix()})
	// The first of January 1970 was a Thursday.
	rows, err := selectAll[struct{ Hour, Requests int64 }](s.read.WithContext(ctx), "usage by hour", `SELECT (u.start / 3600 + 72) % 168 AS hour,
		`+totalOf("u")+` AS requests FROM `+text+` GROUP BY 1`, args...)
	if err != nil {
		return hours, fmt.Errorf("read usage by hour: %w", err)
	}
	for _, r := range rows {
		hours[r.Hour/24][r.Hour%24] += r.Requests
	}
	return hours, nil
}
