package handlers

import (
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/templates/chart"
)

// limitsAt is where a key stands on a monthly quota of 10,000.
func limitsAt(used int64, now time.Time) KeyLimits {
	q := limit.Quota{Limit: 10_000, Period: limit.PeriodMonth}
	return KeyLimits{Quota: q, Used: used, Left: q.Remaining(0, used), Window: q.Window(now)}
}

func TestQuotaIsExplainedWithTheReadersNumbers(t *testing.T) {
	half := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name  string
		l     KeyLimits
		now   time.Time
		level chart.Level
		want  string
	}{
		{"calm", limitsAt(2_000, half), half, chart.Calm, "On pace for 4k. Resets 1 Dec, 00:00 UTC, in 15 d."},
		{"too fast", limitsAt(6_000, half), half, chart.Warn, "Runs out at about 26 Nov, 00:00 at this pace, 5 d before the reset."},
		{"nearly used", limitsAt(9_000, half), half, chart.Warn, "Runs out at about 17 Nov, 16:00 at this pace, 13 d 8 h before the reset."},
		{"used up", limitsAt(10_000, half), half, chart.Bad, "Used up: every request gets 429 until the reset. Resets 1 Dec, 00:00 UTC, in 15 d."},
		{"over, for the limit was lowered", limitsAt(12_000, half), half, chart.Bad, "Used up"},
		{"nothing used", limitsAt(0, half), half, chart.Calm, "Resets 1 Dec, 00:00 UTC, in 15 d."},
		{"too early for a pace", limitsAt(100, half.AddDate(0, 0, -15).Add(time.Hour)), half.AddDate(0, 0, -15).Add(time.Hour), chart.Calm, "Resets 1 Dec, 00:00 UTC, in 29 d 23 h."},
		{"a quota of 0", KeyLimits{Quota: limit.Quota{Period: limit.PeriodDay}, Window: limit.Window(limit.PeriodDay, 0, half)}, half, chart.Bad, "refuses every request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := quotaMeter(tt.l, tt.now)
			if note := strings.ReplaceAll(m.Note, "\u00a0", " "); !strings.HasPrefix(note, tt.want) && !strings.HasSuffix(note, tt.want+".") || m.Level != tt.level {
				t.Errorf("got %q at level %q, want %q at %q", note, m.Level, tt.want, tt.level)
			}
		})
	}
	if quotaMeter(KeyLimits{}, half) != nil {
		t.Error("a plan without a quota has a meter")
	}
}

func TestQuotaThatRunsOutTodaySaysSo(t *testing.T) {
	now := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	q := limit.Quota{Limit: 10_000, Period: limit.PeriodDay}
	got := quotaMeter(KeyLimits{Quota: q, Used: 9_000, Left: 1_000, Window: q.Window(now)}, now).Note
	if want := "Runs out at about 20:00 at this pace, 4 h before the reset."; strings.ReplaceAll(got, "\u00a0", " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestMeterIsOfTheKeyNearestToItsLimit: a quota is per key, so the mean of several keys says nothing.
func TestMeterIsOfTheKeyNearestToItsLimit(t *testing.T) {
	now := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	plan := models.NewID[models.Plan](1)
	row := func(n uint64, name string) models.KeyRow {
		return models.KeyRow{Key: models.Key{ID: models.NewID[models.Key](n), Name: name, Enabled: true}, Memberships: []models.Membership{{PlanID: plan, State: models.MemberActive}}}
	}
	keys := []models.KeyRow{row(1, "calm"), row(2, "busy"), row(3, "unknown to the gateway"), row(4, "revoked"), row(5, "expired")}
	keys[3].RevokedAt, keys[4].ExpiresAt = now, now
	limits := LimitsOf(func(key models.KeyID, _ models.PlanID) (KeyLimits, bool) {
		used := map[models.KeyID]int64{keys[0].ID: 10, keys[1].ID: 9_604, keys[3].ID: 10_000, keys[4].ID: 10_000}
		n, known := used[key]
		return limitsAt(n, now), known
	})
	s := models.SubscriptionRow{Subscription: models.Subscription{PlanID: plan, State: models.SubscriptionActive}, PlanName: "Growth"}
	c := subscriptionCard(s, keys, limits, now)
	if c.Nearest != "busy" || c.Meter == nil || c.Meter.Used != "9,604" || !strings.Contains(c.Limits, "3\u00a0keys") {
		t.Errorf("the card is of %q: %+v", c.Nearest, c)
	}
	if c.Action != "Upgrade to keep going" || c.State.Text != "96\u00a0% used" {
		t.Errorf("a quota that is nearly used offers %q and says %q", c.Action, c.State.Text)
	}
}

func TestSubscriptionThatStopsCallsSaysWhatToDo(t *testing.T) {
	now := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		state models.SubscriptionState
		want  string
	}{
		{models.SubscriptionActive, ""},
		{models.SubscriptionPending, "nothing else is needed from you"},
		{models.SubscriptionSuspended, "Reason: Pay first."},
		{models.SubscriptionRefused, "You may ask again, or choose another plan."},
		{models.SubscriptionEnded, "has ended"},
	}
	for _, tt := range tests {
		got := subscriptionWords(models.SubscriptionRow{Subscription: models.Subscription{State: tt.state, Reason: "Pay first", RequestedAt: now}}, now)
		if !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
			t.Errorf("%s: %q, want %q", tt.state, got, tt.want)
		}
	}
}

func TestAppMayHaveAsManyKeysAsItsStrictestPlanAllows(t *testing.T) {
	on := func(name string, keys int, state models.SubscriptionState) models.SubscriptionRow {
		return models.SubscriptionRow{Subscription: models.Subscription{State: state}, PlanName: name, Terms: models.Terms{KeysPerApp: keys}}
	}
	app := models.AppRow{Keys: 2, Subscriptions: []models.SubscriptionRow{on("Large", 5, models.SubscriptionActive), on("Small", 2, models.SubscriptionPending), on("Gone", 1, models.SubscriptionEnded)}}
	count, full := keyRoom(app)
	if count != "2 of 2\u00a0keys" || !strings.HasPrefix(full, "The plan Small allows an app 2\u00a0keys.") {
		t.Errorf("got %q and %q", count, full)
	}
	app.Keys = 1
	if _, full := keyRoom(app); full != "" {
		t.Errorf("there is room, but: %q", full)
	}
}
