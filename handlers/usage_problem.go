package handlers

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/templates/chart"
	"gatehouse/templates/developer"
	"gatehouse/templates/format"
	"gatehouse/templates/ui"
)

// throttledProblem names what was refused in a range, and when: "Throttled in 41 seconds between 08:30 and 10:30 UTC: …". It is "" when nothing was.
func throttledProblem(own []models.UsagePoint, v rangeView) string {
	total := models.Sum(own)
	throttled := total.Counts[models.OutcomeThrottled]
	if throttled == 0 {
		return throttledSentence(total, v)
	}
	first, last := -1, -1
	for i := range own {
		if own[i].Counts[models.OutcomeThrottled] > 0 {
			last = i
			if first < 0 {
				first = i
			}
		}
	}
	text := fmt.Sprintf("Throttled in %s %s: %s came faster than the rate and burst allow.",
		format.Plural(max(1, total.ThrottledSeconds), "second"), betweenWords(own[first].Start, own[last].Start.Add(time.Duration(v.Step)), v), format.Requests(throttled))
	if n := total.Counts[models.OutcomeQuota]; n > 0 {
		text += " " + format.Requests(n) + " more came after the quota was used up."
	}
	return text
}

// betweenWords names a part of a range.
func betweenWords(from, to time.Time, v rangeView) string {
	if time.Duration(v.Step) >= 24*time.Hour {
		if last := to.Add(-1); from.YearDay() != last.YearDay() || from.Year() != last.Year() {
			return "between " + from.Format("2 Jan") + " and " + last.Format("2 Jan")
		}
		return "on " + from.Format("2 Jan")
	}
	layout := "15:04"
	if from.Day() != to.Day() || v.To.Sub(v.From) > 25*time.Hour {
		layout = "2 Jan, 15:04"
	}
	return "between " + from.Format(layout) + " and " + to.Format(layout) + "\u00a0UTC"
}

// adviceFor says what to do about refusals.
func adviceFor(sc usageScope) developer.NoticeLine {
	var plans []models.Membership
	for _, k := range sc.keys {
		for _, m := range k.Memberships {
			if m.SubscriptionID != 0 && m.State == models.MemberActive && !slices.ContainsFunc(plans, func(p models.Membership) bool { return p.SubscriptionID == m.SubscriptionID }) {
				plans = append(plans, m)
			}
		}
	}
	if len(plans) == 1 {
		return developer.NoticeLine{Text: "Spread the calls, wait as Retry-After says, or", Href: subscriptionPath(plans[0].SubscriptionID) + "/change", Link: "compare " + plans[0].PlanName + " with other plans."}
	}
	return developer.NoticeLine{Text: "Spread the calls, wait as Retry-After says, or change the plan.", Href: "/problems", Link: "What 429 means."}
}

// waitingFor is the call to begin with, while no key of the scope was ever used; nil afterwards.
func (u *Usage) waitingFor(ctx context.Context, r *Request, sc usageScope) (*developer.WaitingView, error) {
	used := func(k models.KeyRow) bool { return !k.LastUsedAt.IsZero() }
	if len(sc.keys) == 0 || slices.ContainsFunc(sc.keys, used) {
		return nil, nil
	}
	key, err := u.Store.OwnKey(ctx, r.Account.ID, sc.keys[0].ID)
	if err != nil {
		return nil, err
	}
	at := chosenCall(key.Calls, "")
	if at < 0 || len(key.Calls[at].Methods) == 0 {
		return nil, nil
	}
	ops, err := u.references.operations(r, u.Store, key.Calls[at], 0)
	if err != nil {
		return nil, err
	}
	request := keyRequest(r.Site.GatewayURL, key.Calls[at], simplest(ops).Operation, secret.Value{})
	return &developer.WaitingView{Snippets: ui.SnippetsOf(request, r.language()), KeyHref: keyPath(key.ID)}, nil
}

// quotas are the keys on plans that are nearest to their quota, the first with its course.
func (u *Usage) quotas(ctx context.Context, r *Request, sc usageScope, now time.Time) ([]developer.QuotaCard, error) {
	type place struct {
		key    models.KeyRow
		member models.Membership
		limits KeyLimits
	}
	var places []place
	for _, k := range sc.keys {
		if s := k.Status(now); s == models.KeyRevoked || s == models.KeyExpired {
			continue
		}
		for _, m := range k.Memberships {
			if l, ok := u.Limits(k.ID, m.PlanID); ok {
				places = append(places, place{k, m, l})
			}
		}
	}
	rank := func(p place) float64 {
		if !p.limits.Quota.IsSet() {
			return -1
		}
		return p.limits.share()
	}
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(rank(b), rank(a)) })
	var cards []developer.QuotaCard
	explained := map[models.PlanID]bool{}
	for i, p := range places[:min(len(places), usageQuotas)] {
		key, err := u.Store.OwnKey(ctx, r.Account.ID, p.key.ID)
		if err != nil {
			return nil, err
		}
		card := quotaCard(key, p.member, u.Limits, now)
		if i == 0 {
			if card.Burn, err = u.burn(ctx, card, p.key.ID, p.member.PlanID, p.limits, now); err != nil {
				return nil, err
			}
		}
		card.Brief = explained[p.member.PlanID]
		explained[p.member.PlanID] = true
		cards = append(cards, card)
	}
	return cards, nil
}

// burn is the course of a quota by day; nil for a quota of a day, and where there is none.
func (u *Usage) burn(ctx context.Context, card developer.QuotaCard, key models.KeyID, plan models.PlanID, l KeyLimits, now time.Time) (*chart.Burn, error) {
	const day = 24 * time.Hour
	if !l.Quota.IsSet() || l.Window.End.Sub(l.Window.Start) <= day {
		return nil, nil
	}
	b := &chart.Burn{ID: card.ID + "-course", Start: l.Window.Start, End: l.Window.End, Now: now, Limit: float64(l.Quota.Limit), Used: []float64{0}, Forecast: l.pace(now)}
	total := int64(0)
	for from := l.Window.Start; from.Add(day).Before(now); from = from.Add(day) {
		used, err := u.Store.QuotaUsed(ctx, key, plan, from, from.Add(day))
		if err != nil {
			return nil, err
		}
		total += used
		b.Used = append(b.Used, float64(total))
	}
	b.Used = append(b.Used, float64(l.Used))
	b.Finding = "Used so far: " + format.Count(l.Used) + " of " + format.Count(l.Quota.Limit) + "."
	if b.Forecast > 0 {
		b.Finding += " At this pace " + format.Short(b.Forecast) + " by the reset."
	}
	return b, nil
}
