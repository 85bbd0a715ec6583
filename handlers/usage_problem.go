package handlers

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/templates/chart"
	"gatehouse/templates/developer"
	"gatehouse/templates/format"
	"gatehouse/templates/ui"
)

// refusals is what a page of usage says of the requests of a range that got 429, and where they lie. The zero value says nothing: there were none.
type refusals struct {
	text     string
	from, to time.Time // of the first bucket and the last one with a refusal in it; to is exclusive
}

// refusalsIn says in how many of a range's buckets requests were refused, and from when to when: "Throttled in 3 half hours between 08:30 and 10:30: …".
func refusalsIn(own []models.UsagePoint, v rangeView) (out refusals) {
	var cells, throttled, quota int64
	for i := range own {
		t, q := own[i].Counts[models.OutcomeThrottled], own[i].Counts[models.OutcomeQuota]
		if t+q == 0 {
			continue
		}
		if cells == 0 {
			out.from = own[i].Start
		}
		out.to = own[i].Start.Add(time.Duration(v.Step))
		cells, throttled, quota = cells+1, throttled+t, quota+q
	}
	if cells == 0 {
		return out
	}
	when, step := betweenWords(out.from, out.to, v), time.Duration(v.Step)
	switch {
	case cells > 1 && cells == int64(out.to.Sub(out.from)/step):
		when = "in each of the " + cellsWords(cells, step) + " " + when
	case cells > 1:
		when = "in " + cellsWords(cells, step) + " " + when
	}
	switch {
	case quota == 0:
		out.text = fmt.Sprintf("Throttled %s: %s came faster than the rate and burst allow.", when, format.Requests(throttled))
	case throttled == 0:
		out.text = fmt.Sprintf("Over quota %s: %s came after it was used up.", when, format.Requests(quota))
	default:
		out.text = fmt.Sprintf("Throttled and over quota %s: %s came faster than the rate and burst allow, %s after the quota was used up.", when, format.Requests(throttled), format.Count(quota))
	}
	return out
}

// href leads to the refused requests and no others; "" where there are none, or the log does not have them all.
func (f refusals) href(log logPlace) string {
	if f.text == "" {
		return ""
	}
	return log.href(f.from, f.to, outcomesOf(groupThrottled)...)
}

// cellsWords counts buckets of a range: "3 half hours", "2 spans of 3 hours".
func cellsWords(n int64, step time.Duration) string {
	switch step {
	case time.Minute:
		return format.Plural(n, "minute")
	case 15 * time.Minute:
		return format.Plural(n, "quarter hour")
	case 30 * time.Minute:
		return format.Plural(n, "half hour")
	case time.Hour:
		return format.Plural(n, "hour")
	case 24 * time.Hour:
		return format.Plural(n, "day")
	}
	return format.Plural(n, "span") + " of " + stepWords(step)
}

// betweenWords names a part of a range.
func betweenWords(from, to time.Time, v rangeView) string {
	from, to = v.at(from), v.at(to)
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
	return "between " + from.Format(layout) + " and " + to.Format(layout)
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
	request := keyRequest(r.Site.callURL(key.Calls[at]), key.Calls[at], simplest(ops).Operation, secret.Value{})
	return &developer.WaitingView{Snippets: ui.SnippetsOf(request, r.language()), KeyHref: keyPath(key.ID)}, nil
}

// quotas are the keys on plans that are nearest to their quota, the first with its course and its rate.
func (u *Usage) quotas(ctx context.Context, r *Request, v *developer.UsageView, sc usageScope, span rangeView) error {
	type place struct {
		key    models.KeyRow
		member models.Membership
		limits KeyLimits
	}
	now := span.Now
	var places []place
	for _, k := range sc.keys {
		if s := k.Status(now); s == models.KeyRevoked || s == models.KeyExpired {
			continue
		}
		for _, m := range k.Memberships {
			if l, ok := u.Limits(k.ID, m.PlanID); ok && (sc.plan == 0 || m.PlanID == sc.plan) {
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
	explained := map[models.PlanID]bool{}
	for i, p := range places[:min(len(places), usageQuotas)] {
		key, err := u.Store.OwnKey(ctx, r.Account.ID, p.key.ID)
		if err != nil {
			return err
		}
		card := quotaCard(key, p.member, u.Limits, now)
		if i == 0 {
			if card.Burn, err = u.burn(ctx, card, p.key.ID, p.member.PlanID, p.limits, now); err != nil {
				return err
			}
			if v.Rate, err = u.rate(ctx, p.key, p.member, p.limits, span); err != nil {
				return err
			}
		}
		card.Brief = explained[p.member.PlanID]
		explained[p.member.PlanID] = true
		v.Quotas = append(v.Quotas, card)
	}
	return nil
}

// rate is how fast a key called on a plan, with the plan's rate; nil where it has none.
func (u *Usage) rate(ctx context.Context, key models.KeyRow, m models.Membership, l KeyLimits, span rangeView) (*developer.RateView, error) {
	if l.Throttle == nil || l.Throttle.RefusesAll() {
		return nil, nil
	}
	points, err := u.Store.UsageSeries(ctx, models.UsageScope{Keys: []models.KeyID{key.ID}, Plans: []models.PlanID{m.PlanID}}, span.UsageRange)
	if err != nil {
		return nil, err
	}
	step := time.Duration(span.Step)
	c := chart.Chart{ID: "rate", Caption: "Requests per second of " + key.Name + " on " + m.PlanName + ", " + span.Words, Unit: "rps", Start: span.at(span.From), Step: step, Now: span.Now, Small: true,
		Limit: l.Throttle.Rate, Series: []chart.Series{{Name: "Requests per second"}}}
	var most float64
	var busiest time.Time
	for _, p := range span.filled(points) {
		seconds := step.Seconds()
		if end := p.Start.Add(step); end.After(span.Now) { // so far
			seconds = max(1, span.Now.Sub(p.Start).Seconds())
		}
		rate := float64(p.Total()) / seconds
		if rate > most {
			most, busiest = rate, p.Start
		}
		c.Points = append(c.Points, chart.Point{Values: []float64{math.Round(rate*1000) / 1000}, Missing: p.Start.After(span.Now)})
	}
	v := &developer.RateView{Key: key.Name, Plan: m.PlanName, Limit: format.RPS(l.Throttle.Rate), Text: "No requests."}
	if most > 0 {
		v.Text = "Most in one step: " + format.RPS(math.Round(most*100)/100) + " on average in the " + stepWords(step) + " from " + momentWords(busiest, span.Now) + ". Bursts within a step are not seen here."
	}
	total := models.Sum(points)
	if s := total.ThrottledSeconds; s > 0 {
		v.Text += " The limit refused requests in " + format.Plural(s, "second") + "."
	}
	c.Finding, v.Chart = v.Text, c
	return v, nil
}

// stepWords names the length of a bucket: "30 minutes".
func stepWords(step time.Duration) string {
	switch {
	case step >= 24*time.Hour:
		return format.Plural(int64(step/(24*time.Hour)), "day")
	case step >= time.Hour:
		return format.Plural(int64(step/time.Hour), "hour")
	}
	return format.Plural(int64(step/time.Minute), "minute")
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
