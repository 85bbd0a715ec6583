package handlers

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
)

// TestProblemNamesWhenAndHowMuch: a page of usage says in how much of its range requests were refused, and leads to these requests, not to the whole range.
func TestProblemNamesWhenAndHowMuch(t *testing.T) {
	now := at("2026-11-23T20:10:00Z")
	point := func(start string, outcome models.Outcome, n int64) models.UsagePoint {
		p := models.UsagePoint{Start: at(start)}
		p.Counts[outcome] = n
		return p
	}
	const throttled, quota, fine = models.OutcomeThrottled, models.OutcomeQuota, models.OutcomeSuccess
	tests := []struct {
		name, span     string
		own            []models.UsagePoint
		want, from, to string
	}{
		{"nothing", "24h", []models.UsagePoint{point("2026-11-23T08:30:00Z", fine, 9)}, "", "", ""},
		{"within a day", "24h", []models.UsagePoint{point("2026-11-23T08:00:00Z", fine, 9), point("2026-11-23T08:30:00Z", throttled, 17_000), point("2026-11-23T10:00:00Z", throttled, 575), point("2026-11-23T10:30:00Z", fine, 9)},
			"Throttled in 2 half hours between 08:30 and 10:30: 17,575 requests came faster than the rate and burst allow.", "2026-11-23T08:30:00Z", "2026-11-23T10:30:00Z"},
		{"over midnight", "24h", []models.UsagePoint{point("2026-11-22T22:00:00Z", throttled, 1), point("2026-11-23T10:00:00Z", throttled, 1)},
			"Throttled in 2 half hours between 22 Nov, 22:00 and 23 Nov, 10:30: 2 requests came faster than the rate and burst allow.", "2026-11-22T22:00:00Z", "2026-11-23T10:30:00Z"},
		{"minutes", "1h", []models.UsagePoint{point("2026-11-23T19:20:00Z", throttled, 1), point("2026-11-23T19:21:00Z", throttled, 1), point("2026-11-23T19:40:00Z", throttled, 1)},
			"Throttled in 3 minutes between 19:20 and 19:41: 3 requests came faster than the rate and burst allow.", "2026-11-23T19:20:00Z", "2026-11-23T19:41:00Z"},
		{"cells without a name", "7d", []models.UsagePoint{point("2026-11-20T00:00:00Z", throttled, 1), point("2026-11-20T03:00:00Z", throttled, 1)},
			"Throttled in each of the 2 spans of 3 hours between 20 Nov, 00:00 and 20 Nov, 06:00: 2 requests came faster than the rate and burst allow.", "2026-11-20T00:00:00Z", "2026-11-20T06:00:00Z"},
		{"days", "30d", []models.UsagePoint{point("2026-11-02T00:00:00Z", throttled, 1), point("2026-11-09T00:00:00Z", throttled, 1)},
			"Throttled in 2 days between 2 Nov and 9 Nov: 2 requests came faster than the rate and burst allow.", "2026-11-02T00:00:00Z", "2026-11-10T00:00:00Z"},
		{"one day", "90d", []models.UsagePoint{point("2026-11-02T00:00:00Z", throttled, 1)},
			"Throttled on 2 Nov: 1 request came faster than the rate and burst allow.", "2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z"},
		{"quota alone", "24h", []models.UsagePoint{point("2026-11-23T10:00:00Z", quota, 12)},
			"Over quota between 10:00 and 10:30: 12 requests came after it was used up.", "2026-11-23T10:00:00Z", "2026-11-23T10:30:00Z"},
		{"both", "24h", []models.UsagePoint{point("2026-11-23T10:00:00Z", throttled, 3), point("2026-11-23T11:00:00Z", quota, 1200)},
			"Throttled and over quota in 2 half hours between 10:00 and 11:30: 3 requests came faster than the rate and burst allow, 1,200 after the quota was used up.", "2026-11-23T10:00:00Z", "2026-11-23T11:30:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := refusalsIn(tt.own, parseRange(map[string][]string{"range": {tt.span}}, now))
			if text := strings.ReplaceAll(got.text, "\u00a0", " "); text != tt.want {
				t.Errorf("got\n%s\nwant\n%s", text, tt.want)
			}
			want := ""
			if tt.want != "" {
				want = "/log?from=" + url.QueryEscape(tt.from) + "&outcome=throttled%2Cover_quota&to=" + url.QueryEscape(tt.to)
			}
			if href := got.href(logPlace{path: "/log"}); href != want {
				t.Errorf("it leads to %q, want %q", href, want)
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
