package models

import (
	"fmt"
	"slices"
	"time"
)

// AlertKind is what an alert looks at.
type AlertKind string

// The kinds of alerts.
const (
	AlertQuota     AlertKind = "quota"     // a key has used a share of its quota
	AlertThrottled AlertKind = "throttled" // a share of the requests is refused by throttles
	AlertMinutes   AlertKind = "minutes"   // throttles refuse requests in so many minutes of an hour
	AlertErrors    AlertKind = "errors"    // a share of the answers is an error of the API
	AlertUnused    AlertKind = "unused"    // a key has not been used for days
	AlertExpiring  AlertKind = "expiring"  // a key expires in days
)

// AlertKinds are all kinds, in the order of a page.
func AlertKinds() []AlertKind {
	return []AlertKind{AlertQuota, AlertThrottled, AlertMinutes, AlertErrors, AlertExpiring, AlertUnused}
}

// Notice returns the kind of the notices that alerts of the kind make.
func (k AlertKind) Notice() NoticeKind {
	switch k {
	case AlertQuota:
		return NoticeQuota
	case AlertThrottled, AlertMinutes:
		return NoticeThrottled
	case AlertErrors:
		return NoticeErrors
	case AlertUnused:
		return NoticeKeyUnused
	case AlertExpiring:
		return NoticeKeyExpiring
	}
	return ""
}

// Alert is what an account wants to be told of keys: its own as a developer, its customers' as an owner. At most one of AppID, KeyID, APIID and PlanID
// narrows it.
type Alert struct {
	ID        AlertID
	AccountID AccountID
	Side      Side
	Kind      AlertKind
	Levels    []int64 // percent of a quota or of requests, minutes, or days
	Minutes   int64   // that a share, or minutes, are looked at over; 0 for the others
	AppID     AppID
	KeyID     KeyID
	APIID     APIID
	PlanID    PlanID
	Scope     string // the name of what narrows it, as it is now; "": all
	Mail      bool
	Webhook   bool
	CreatedAt time.Time
	MutedFor  time.Time // until when nobody is told; zero: it is not muted
	FiredAt   time.Time // when somebody was told last; zero: never
	Firing    bool      // a share is over its level now
	CheckedAt time.Time // up to when days were looked at
}

// Muted reports whether nobody is told at now.
func (a Alert) Muted(now time.Time) bool { return now.Before(a.MutedFor) }

// Limits of alerts.
const (
	MaxAlerts         = 20 // of an account and side
	MinAlertRequests  = 20 // in a share's time: of fewer none is told
	AlertFiringsKept  = 62 * 24 * time.Hour
	MutedForGood      = 100 * 365 * 24 * time.Hour
	maxAlertLevels    = 5
	maxAlertDays      = 365
	defaultAlertShare = 15 // minutes
	minutesLooked     = 60 // by AlertMinutes
)

// DefaultAlerts are what developers are told of without asking. Each account has them from its beginning.
func DefaultAlerts() []NewAlert {
	return []NewAlert{
		{Kind: AlertQuota, Levels: []int64{50, 80, 100}, Mail: true, Webhook: true},
		{Kind: AlertExpiring, Levels: []int64{14, 3, 1}, Mail: true, Webhook: true},
	}
}

// NewAlert asks for an alert, or for another one in its place. Fields "kind", "levels", "minutes", "scope", "channel".
type NewAlert struct {
	Kind    AlertKind
	Levels  []int64
	Minutes int64
	AppID   AppID
	KeyID   KeyID
	APIID   APIID
	PlanID  PlanID
	Mail    bool
	Webhook bool
}

// Clean checks what was asked and orders its levels: percent upwards, days downwards, as they come.
func (in NewAlert) Clean() (NewAlert, error) {
	var p Problems
	levels := slices.Clone(in.Levels)
	slices.Sort(levels)
	levels = slices.Compact(levels)
	lowest, highest, unit := int64(1), int64(100), "percent"
	switch in.Kind {
	case AlertUnused, AlertExpiring:
		highest, unit = maxAlertDays, "days"
		slices.Reverse(levels)
	case AlertMinutes:
		highest, unit = minutesLooked, "minutes"
	case AlertQuota, AlertThrottled, AlertErrors:
	default:
		p.Add("kind", "Choose what the alert looks at.")
		return in, p.Err()
	}
	most := maxAlertLevels
	if in.Kind != AlertQuota && in.Kind != AlertExpiring {
		most = 1
	}
	switch {
	case len(levels) == 0:
		p.Add("levels", fmt.Sprintf("Enter a number of %s.", unit))
	case len(levels) > most && most == 1:
		p.Add("levels", "Enter one number.")
	case len(levels) > most:
		p.Add("levels", fmt.Sprintf("Enter at most %d numbers.", most))
	case slices.Min(levels) < lowest || slices.Max(levels) > highest:
		p.Add("levels", fmt.Sprintf("Enter whole %s from %d to %d.", unit, lowest, highest))
	}
	in.Levels = levels
	switch in.Kind {
	case AlertThrottled, AlertErrors:
		if in.Minutes == 0 {
			in.Minutes = defaultAlertShare
		}
		if !slices.Contains(AlertSpans(), in.Minutes) {
			p.Add("minutes", "Choose one of the spans of time.")
		}
	case AlertMinutes:
		in.Minutes = minutesLooked
	default:
		in.Minutes = 0
	}
	if !in.Mail && !in.Webhook {
		p.Add("channel", "Choose e-mail, webhooks or both.")
	}
	return in, p.Err()
}

// AlertSpans are the spans of time that a share may be looked at over, in minutes.
func AlertSpans() []int64 { return []int64{5, 15, 60} }

// Reached returns the highest of the levels that used of limit has reached, in percent; ok is false for none. A quota of 0 has no shares.
func Reached(levels []int64, used, limit int64) (level int64, ok bool) {
	for _, l := range levels {
		// used/limit >= l/100 without rounding: 79.9 % is not 80 %.
		if limit > 0 && l > level && float64(used)*100 >= float64(limit)*float64(l) {
			level, ok = l, true
		}
	}
	return level, ok
}
