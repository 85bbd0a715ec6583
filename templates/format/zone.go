package format

import (
	"context"
	"strings"
	"time"
)

// zoneKey is where a page's zone is in its context.
type zoneKey struct{}

// InZone returns a context for pages that show times in a zone.
func InZone(ctx context.Context, zone *time.Location) context.Context {
	return context.WithValue(ctx, zoneKey{}, zone)
}

// Zone returns the zone in which a page shows times; UTC where nobody chose one.
func Zone(ctx context.Context) *time.Location {
	if zone, ok := ctx.Value(zoneKey{}).(*time.Location); ok && zone != nil {
		return zone
	}
	return time.UTC
}

// Local is t in the zone of a page. The zero time stays what it is.
func Local(ctx context.Context, t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.In(Zone(ctx))
}

// ZoneName is what the zone of t is called at that time: "UTC", "CET", or "UTC+5:45"
// where it has no name.
func ZoneName(t time.Time) string {
	name := t.Format("MST")
	if !strings.HasPrefix(name, "+") && !strings.HasPrefix(name, "-") {
		return name
	}
	return offset(t)
}

// offset is how far the zone of t is from UTC: "UTC+5:45", "UTC−3", "UTC".
func offset(t time.Time) string {
	_, seconds := t.Zone()
	sign := "+"
	switch {
	case seconds == 0:
		return "UTC"
	case seconds < 0:
		sign, seconds = "−", -seconds
	}
	out := "UTC" + sign + Count(int64(seconds/3600))
	if minutes := seconds % 3600 / 60; minutes != 0 {
		out += time.Unix(int64(minutes*60), 0).UTC().Format(":04")
	}
	return out
}

// ZoneWords says in which zone a page shows times: "UTC", "Europe/Berlin, now
// UTC+1".
func ZoneWords(zone *time.Location, now time.Time) string {
	if zone == time.UTC || zone.String() == "UTC" {
		return "UTC"
	}
	return strings.ReplaceAll(zone.String(), "_", " ") + ", now" + nbsp + offset(now.In(zone))
}

// Reset is a moment that is set in UTC, such as the end of a quota's period, in the
// zone of t and in UTC: "1 Dec 2026, 01:00 CET (00:00 UTC)".
func Reset(t time.Time) string {
	if t.IsZero() || ZoneName(t) == "UTC" {
		return DateTime(t)
	}
	utc := "15:04"
	if t.UTC().YearDay() != t.YearDay() {
		utc = "2 Jan, 15:04"
	}
	return DateTime(t) + " (" + t.UTC().Format(utc) + nbsp + "UTC)"
}
