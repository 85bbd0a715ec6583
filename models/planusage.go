package models

import (
	"time"

	"gatehouse/models/limit"
)

// MaxUsageDays is how many days of a plan's usage are read at once.
const MaxUsageDays = 90

// PlanUsage is what keys on a plan were charged, day by day.
type PlanUsage struct {
	PlanID PlanID
	Days   []time.Time // UTC midnights, in order
	Keys   []KeyUsage
	Next   string // of the page behind; "": none
}

// KeyUsage is what one key was charged on the days of a PlanUsage.
type KeyUsage struct {
	KeyID KeyID
	Days  []DayUsage
}

// DayUsage is one day of a key on a plan.
type DayUsage struct {
	Used      int64
	Remaining int64 // of the quota's period at the end of the day; NoQuota where there is no quota
}

// NoQuota is what remains where there is no quota.
const NoQuota = -1

// UsageDays counts how a quota was used. Used is what was charged by Unix day, from the beginning of the first day's period on; extra is what was granted beyond
// the limit by the Unix day on which a period began.
func UsageDays(days []time.Time, q limit.Quota, used, extra map[int64]int64) []DayUsage {
	const day = 86400
	out := make([]DayUsage, len(days))
	for i, at := range days {
		today := at.Unix() / day
		out[i] = DayUsage{Used: used[today], Remaining: NoQuota}
		if !q.IsSet() {
			continue
		}
		window := q.Window(at)
		first := window.Start.Unix() / day
		left := q.Limit + extra[first]
		for d := first; d <= today; d++ {
			left -= used[d]
		}
		out[i].Remaining = max(0, left)
	}
	return out
}
