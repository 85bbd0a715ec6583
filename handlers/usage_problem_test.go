package handlers

import (
	"strings"
	"testing"
	"time"

	"gatehouse/models"
)

func TestProblemNamesWhenAndHowMuch(t *testing.T) {
	now := at("2026-11-23T20:10:00Z")
	point := func(start string, outcome models.Outcome, n, seconds int64) models.UsagePoint {
		p := models.UsagePoint{Start: at(start), ThrottledSeconds: seconds}
		p.Counts[outcome] = n
		return p
	}
	tests := []struct {
		name, span string
		own        []models.UsagePoint
		want       string
	}{
		{"nothing", "24h", []models.UsagePoint{point("2026-11-23T08:30:00Z", models.OutcomeSuccess, 9, 0)}, ""},
		{"within a day", "24h", []models.UsagePoint{point("2026-11-23T08:30:00Z", models.OutcomeThrottled, 17_000, 30), point("2026-11-23T10:00:00Z", models.OutcomeThrottled, 575, 11)},
			"Throttled in 41 seconds between 08:30 and 10:30: 17,575 requests came faster than the rate and burst allow."},
		{"over midnight", "24h", []models.UsagePoint{point("2026-11-22T22:00:00Z", models.OutcomeThrottled, 1, 1), point("2026-11-23T10:00:00Z", models.OutcomeThrottled, 1, 0)},
			"Throttled in 1 second between 22 Nov, 22:00 and 23 Nov, 10:30: 2 requests came faster than the rate and burst allow."},
		{"days", "30d", []models.UsagePoint{point("2026-11-02T00:00:00Z", models.OutcomeThrottled, 1, 1), point("2026-11-09T00:00:00Z", models.OutcomeThrottled, 1, 1)},
			"Throttled in 2 seconds between 2 Nov and 9 Nov: 2 requests came faster than the rate and burst allow."},
		{"one day", "90d", []models.UsagePoint{point("2026-11-02T00:00:00Z", models.OutcomeThrottled, 1, 1)}, "Throttled in 1 second on 2 Nov: 1 request came faster than the rate and burst allow."},
		{"quota alone", "24h", []models.UsagePoint{point("2026-11-23T10:00:00Z", models.OutcomeQuota, 12, 0)}, "12 requests in the last 24 hours got 429 because the quota was used up."},
		{"both", "24h", []models.UsagePoint{point("2026-11-23T10:00:00Z", models.OutcomeThrottled, 3, 2), point("2026-11-23T11:00:00Z", models.OutcomeQuota, 12, 0)},
			"Throttled in 2 seconds between 10:00 and 10:30: 3 requests came faster than the rate and burst allow. 12 requests more came after the quota was used up."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			span := parseRange(map[string][]string{"range": {tt.span}}, now)
			if got := strings.ReplaceAll(throttledProblem(tt.own, span), "\u00a0", " "); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// TestAdviceLeadsToThePlanThatRefused where there is only one that can be meant.
func TestAdviceLeadsToThePlanThatRefused(t *testing.T) {
	on := func(n uint64, state models.MembershipState) models.Membership {
		return models.Membership{PlanName: "Growth", SubscriptionID: models.NewID[models.Subscription](n), State: state}
	}
	one := usageScope{keys: []models.KeyRow{{Memberships: []models.Membership{on(1, models.MemberActive), on(2, models.MemberPending)}}, {Memberships: []models.Membership{on(1, models.MemberActive)}}}}
	if got := adviceFor(one); got.Href != subscriptionPath(models.NewID[models.Subscription](1))+"/change" {
		t.Errorf("one plan: %q", got.Href)
	}
	two := usageScope{keys: []models.KeyRow{{Memberships: []models.Membership{on(1, models.MemberActive), on(2, models.MemberActive)}}}}
	if got := adviceFor(two); got.Href != "/problems" {
		t.Errorf("two plans: %q", got.Href)
	}
}

func TestFormOfThePageChoosesKeyOrApp(t *testing.T) {
	span := parseRange(map[string][]string{"range": {"7d"}}, time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC))
	for of, want := range map[string]string{"": "/usage?range=7d", "key-abc": "/usage?key=abc&range=7d", "app-abc": "/usage?app=abc&range=7d", "x": "/usage?range=7d", "//evil.example": "/usage?range=7d", "key": "/usage?range=7d"} {
		if got := scopeURL(of, nil, span); got != want {
			t.Errorf("%q: got %q, want %q", of, got, want)
		}
	}
}
