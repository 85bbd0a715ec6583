package limit

import (
	"fmt"
	"strings"
	"time"
)

// MaxQuota is the largest limit of a quota, in requests.
const MaxQuota = 1_000_000_000_000

// Period is how often a quota starts anew.
type Period uint8

// The periods. PeriodNone, the zero value, is no quota.
const (
	PeriodNone Period = iota
	PeriodDay
	PeriodWeek
	PeriodMonth
)

// String is "DAY", "WEEK", "MONTH", or "" for PeriodNone.
func (p Period) String() string {
	switch p {
	case PeriodNone:
		return ""
	case PeriodDay:
		return "DAY"
	case PeriodWeek:
		return "WEEK"
	case PeriodMonth:
		return "MONTH"
	default:
		return fmt.Sprintf("Period(%d)", uint8(p))
	}
}

// ParsePeriod reads "DAY", "WEEK" or "MONTH" in any case. Its error is Problems, with the field "period".
func ParsePeriod(s string) (Period, error) {
	for p := PeriodDay; p <= PeriodMonth; p++ {
		if strings.EqualFold(s, p.String()) {
			return p, nil
		}
	}
	return PeriodNone, Problems{{Field: "period", Message: "The period must be DAY, WEEK or MONTH."}}
}

// MarshalText is String.
func (p Period) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText is ParsePeriod; "" is PeriodNone.
func (p *Period) UnmarshalText(text []byte) (err error) {
	*p = PeriodNone
	if len(text) > 0 {
		*p, err = ParsePeriod(string(text))
	}
	return err
}

// MaxOffset is the largest Quota.Offset for p, in days.
func (p Period) MaxOffset() int {
	switch p {
	case PeriodWeek:
		return 6
	case PeriodMonth:
		return 27 // day 28 exists in every month
	default:
		return 0
	}
}

// Quota is a number of requests for a calendar window in UTC. Offset moves the window's first day: WEEK 0..6 days after Monday,
// MONTH 0..27 days after the 1st. Limit 0 refuses everything. The zero Quota is no quota.
type Quota struct {
	Limit  int64  `json:"limit"`
	Period Period `json:"period"`
	Offset int    `json:"offset"`
}

// IsSet reports whether q limits anything.
func (q Quota) IsSet() bool { return q.Period != PeriodNone }

// Validate returns nil or Problems, with the fields "limit", "period" and "offset". Limit is 0..MaxQuota, Offset 0..MaxOffset.
func (q Quota) Validate() error {
	var p Problems
	switch {
	case q.Limit < 0:
		p = p.add("limit", "The quota cannot be negative. 0 refuses every request.")
	case q.Limit > MaxQuota:
		p = p.add("limit", "The quota can be at most %s requests.", group(MaxQuota))
	}
	if q.Period == PeriodNone || q.Period > PeriodMonth {
		return p.add("period", "The period must be DAY, WEEK or MONTH.")
	}
	if most := q.Period.MaxOffset(); q.Offset < 0 || q.Offset > most {
		if most == 0 {
			p = p.add("offset", "The offset must be 0 for the period DAY.")
		} else {
			p = p.add("offset", "The offset must be between 0 and %d days for the period %s.", most, q.Period)
		}
	}
	return p.orNil()
}

// Window is the window of q that now is in.
func (q Quota) Window(now time.Time) Span { return Window(q.Period, q.Offset, now) }

// Remaining is what is left of the limit and of extra, a grant for this window (it may be negative), after used: at least 0.
func (q Quota) Remaining(extra, used int64) int64 {
	return max(0, q.Limit+extra-used)
}

// Span is the time from Start to End, End excluded, in UTC.
type Span struct{ Start, End time.Time }

// Contains reports whether t is in s.
func (s Span) Contains(t time.Time) bool { return !t.Before(s.Start) && t.Before(s.End) }

// Window is the one window of p that now is in. An offset out of range is taken for the nearest in range. The windows of one
// (p, offset) follow each other without gap or overlap. PeriodNone has the zero Span.
func Window(p Period, offset int, now time.Time) Span {
	offset = min(max(offset, 0), p.MaxOffset())
	year, month, day := now.UTC().Date()
	at := func(month time.Month, day int) time.Time { return time.Date(year, month, day, 0, 0, 0, 0, time.UTC) }
	switch p {
	case PeriodDay:
		return Span{at(month, day), at(month, day+1)}
	case PeriodWeek:
		since := (int(now.UTC().Weekday()) - int(time.Monday) - offset + 14) % 7
		return Span{at(month, day-since), at(month, day-since+7)}
	case PeriodMonth:
		if day <= offset {
			month--
		}
		return Span{at(month, 1+offset), at(month+1, 1+offset)}
	default:
		return Span{}
	}
}
