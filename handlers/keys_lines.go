package handlers

import (
	"context"
	"time"

	"gatehouse/models"
	"gatehouse/templates/developer"
	"gatehouse/templates/format"
)

// seriesStore reads usage over time.
type seriesStore interface {
	UsageSeries(ctx context.Context, sc models.UsageScope, r models.UsageRange) ([]models.UsagePoint, error)
}

// maxSparks bounds how many small charts a page asks the store for.
const maxSparks = 30

// soon is how near an expiry stands out.
const soon = 14 * 24 * time.Hour

// week is the last seven days, today included.
func week(now time.Time) models.UsageRange {
	to := now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	return models.UsageRange{From: to.AddDate(0, 0, -7), To: to, Step: models.StepDay}
}

// lastDay is the last 24 hours, in hours; the one that is not over included.
func lastDay(now time.Time) models.UsageRange {
	to := now.UTC().Truncate(time.Hour).Add(time.Hour)
	return models.UsageRange{From: to.Add(-24 * time.Hour), To: to, Step: models.StepHour}
}

// keyLine is a key in a table.
func keyLine(k models.KeyRow, now time.Time) developer.KeyLine {
	status := k.Status(now)
	line := developer.KeyLine{
		Name: k.Name, Href: keyPath(k.ID), Hint: k.Hint, Status: keyStatus(k.Key, k.Memberships, now), Plans: planNames(k.Memberships),
		LastUsed: k.LastUsedAt, Expires: k.ExpiresAt, Near: !k.ExpiresAt.IsZero() && k.ExpiresAt.Sub(now) < soon,
	}
	switch status {
	case models.KeyRevoked:
		line.Gone = "Revoked " + format.Date(k.RevokedAt.In(now.Location()))
	case models.KeyExpired:
		line.Gone = "Expired " + format.Date(k.ExpiresAt.In(now.Location()))
		line.Revoke = true // a later expiry would bring it back
	default:
		line.Rotate, line.Revoke = true, true
	}
	return line
}

func planNames(memberships []models.Membership) string {
	memberships = goingOn(memberships)
	switch len(memberships) {
	case 0:
		return "None"
	case 1:
		return memberships[0].PlanName
	}
	return format.Plural(int64(len(memberships)), "plan")
}

// addSpark adds the last seven days of its calls to the key's line.
func addSpark(ctx context.Context, store seriesStore, line *developer.KeyLine, key models.KeyID, now time.Time) (err error) {
	line.Spark, line.Calls, err = callsOf(ctx, store, []models.KeyID{key}, now)
	return err
}

// callsOf counts the calls of some keys over the last seven days, by day.
func callsOf(ctx context.Context, store seriesStore, keys []models.KeyID, now time.Time) (spark []float64, words string, err error) {
	if len(keys) == 0 {
		return nil, "No calls", nil
	}
	points, err := store.UsageSeries(ctx, models.UsageScope{Keys: keys}, week(now))
	if err != nil {
		return nil, "", err
	}
	v := rangeView{UsageRange: week(now), Now: now}
	var total int64
	for _, p := range v.filled(points) {
		total += p.Total()
		spark = append(spark, float64(p.Total()))
	}
	if total == 0 {
		return nil, "No calls", nil
	}
	if today := len(spark) - 1; float64(total) > spark[today] {
		spark = spark[:today] // it is not over: beside whole days it would look like a decline
	}
	return spark, format.Plural(total, "call"), nil
}

// trafficWords says what some keys did in the last 24 hours, for the question before they stop.
func trafficWords(ctx context.Context, store seriesStore, keys []models.KeyID, who string, now time.Time) (string, error) {
	var total int64
	if len(keys) > 0 {
		points, err := store.UsageSeries(ctx, models.UsageScope{Keys: keys}, lastDay(now))
		if err != nil {
			return "", err
		}
		sum := models.Sum(points)
		total = sum.Total()
	}
	if total == 0 {
		return "Nothing called with " + who + " in the last 24 hours.", nil
	}
	return format.Plural(total, "call") + " came with " + who + " in the last 24 hours.", nil
}

func keyIDs(keys []models.KeyRow) []models.KeyID {
	ids := make([]models.KeyID, len(keys))
	for i, k := range keys {
		ids[i] = k.ID
	}
	return ids
}
