package models

import "time"

// OwnerWeek is what happened to an owner's APIs in a week: what a digest tells.
type OwnerWeek struct {
	From, To  time.Time // a week of the owner's days, to half an hour
	Requests  int64     // in it
	Before    int64     // in the week before
	Throttled int64     // of Requests, by throttles and quotas
	Failed    int64     // of Requests, 5xx by the upstream, or no answer

	New, Left           int      // customers: who subscribed for the first time, and who is on no plan of the owner's any more; counted to MaxWeekCustomers
	NewNames, LeftNames []string // some of them
	Through             time.Time
	Growing             []CustomerWeek // of the seven whole days (UTC) before Through, as the three after it
	Declining           []CustomerWeek
	MostThrottled       []CustomerWeek
	NearQuota           []CustomerWeek // that have used WeekNearQuota of a quota, by now
	Failing             []OperationWeek
	Waiting             int // requests for plans that wait for the owner
	AskingInvitations   int // who ask to be let in to plans by invitation
	Proposals           int // entries of changelogs that wait to be published
}

// OperationWeek is an operation that failed.
type OperationWeek struct {
	Method   string // "GET /users/{id}"
	Place    string // "Echo · prod"
	StageID  StageID
	MethodID MethodID
	Requests int64
	Failed   int64
}

// Bounds of an OwnerWeek.
const (
	MaxWeekCustomers = 1000
	WeekNearQuota    = .8 // of a quota
	WeekLines        = 3  // of each list
)

// Empty reports whether there is nothing to tell. Proposals alone are none: they wait where entries are written, and nobody waits for them.
func (w *OwnerWeek) Empty() bool {
	return w.Requests == 0 && w.Before == 0 && w.New == 0 && w.Left == 0 && w.Waiting == 0 && w.AskingInvitations == 0
}

// WeekBefore returns the week, Monday to Sunday in a zone, that was over at now.
func WeekBefore(now time.Time, zone *time.Location) (from, to time.Time) {
	local := now.In(zone)
	monday := local.Day() - (int(local.Weekday())+6)%7
	return time.Date(local.Year(), local.Month(), monday-7, 0, 0, 0, 0, zone), time.Date(local.Year(), local.Month(), monday, 0, 0, 0, 0, zone)
}

// DigestHour is the hour of Monday at which owners are told of the week before, in their zones.
const DigestHour = 8

// NextDigest returns when the next digest after now is due in a zone.
func NextDigest(now time.Time, zone *time.Location) time.Time {
	_, monday := WeekBefore(now, zone)
	due := time.Date(monday.Year(), monday.Month(), monday.Day(), DigestHour, 0, 0, 0, zone)
	if !due.After(now) {
		due = time.Date(monday.Year(), monday.Month(), monday.Day()+7, DigestHour, 0, 0, 0, zone)
	}
	return due
}
