package handlers

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/templates/chart"
	"gatehouse/templates/developer"
	"gatehouse/templates/format"
	"gatehouse/templates/ui"
)

// KeyLimits is where a key stands on a plan at this instant. Its fields are those of the gateway's answer, so that main converts one into the other.
type KeyLimits struct {
	Quota    limit.Quota // zero: none
	Used     int64       // charged in Window
	Left     int64       // of the quota
	Window   limit.Span  // of the quota that is now
	Throttle *limit.Throttle
	Level    float64 // tokens in the plan's bucket
	Own      bool    // the key has limits in place of the plan's
}

// LimitsOf asks the gateway. ok is false when it does not let the key use the plan.
type LimitsOf func(key models.KeyID, plan models.PlanID) (l KeyLimits, ok bool)

// share is the used part of the quota; a quota of 0 is used up.
func (l KeyLimits) share() float64 {
	if l.Quota.Limit <= 0 {
		return 1
	}
	return float64(l.Used) / float64(l.Quota.Limit)
}

// pace is what will have been used at the end of the window if it goes on like this; 0 while it is too early to say.
func (l KeyLimits) pace(now time.Time) float64 {
	whole, gone := l.Window.End.Sub(l.Window.Start), now.Sub(l.Window.Start)
	if whole <= 0 || gone < whole/50 {
		return 0
	}
	return math.Round(float64(l.Used) * float64(whole) / float64(gone))
}

// quotaMeter draws a quota with a sentence; nil where there is none.
func quotaMeter(l KeyLimits, now time.Time) *chart.Meter {
	if !l.Quota.IsSet() {
		return nil
	}
	m := &chart.Meter{Label: quotaLabel(l.Quota), Used: format.Count(l.Used), Limit: format.Count(l.Quota.Limit), Share: l.share(), Level: chart.LevelOf(l.share())}
	resets := "Resets " + resetTime(l.Window.End) + ", in " + format.Duration(l.Window.End.Sub(now)) + "."
	pace := l.pace(now)
	switch {
	case l.Quota.Limit == 0:
		m.Note = "A quota of 0 refuses every request."
	case l.Left <= 0:
		m.Note = "Used up: every request gets 429 until the reset. " + resets
	case pace > float64(l.Quota.Limit):
		m.Projected = 1
		if m.Level == chart.Calm {
			m.Level = chart.Warn
		}
		out := now.Add(time.Duration(float64(now.Sub(l.Window.Start)) * float64(l.Left) / float64(l.Used)))
		m.Note = fmt.Sprintf("Runs out at about %s at this pace, %s before the reset.", momentWords(out, now), format.Duration(l.Window.End.Sub(out)))
	case pace > float64(l.Used):
		m.Projected = pace / float64(l.Quota.Limit)
		m.Note = "On pace for " + format.Short(pace) + ". " + resets
	default:
		m.Note = resets
	}
	return m
}

func quotaLabel(q limit.Quota) string {
	switch {
	case q.Offset != 0:
		return "Quota of this period"
	case q.Period == limit.PeriodDay:
		return "Quota today"
	case q.Period == limit.PeriodWeek:
		return "Quota this week"
	}
	return "Quota this month"
}

// resetTime is the end of a quota's period as a sentence names it, which plans set in UTC: "1 Dec, 00:00 UTC".
func resetTime(t time.Time) string { return t.UTC().Format("2 Jan, 15:04") + "\u00a0UTC" }

// momentWords is a moment in the zone of now, without the day where that is today.
func momentWords(t, now time.Time) string {
	t = t.In(now.Location())
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format("15:04")
	}
	return t.Format("2 Jan, 15:04")
}

// levelWords says how full a throttle's bucket is.
func levelWords(l KeyLimits) string {
	if l.Throttle == nil || l.Throttle.RefusesAll() {
		return ""
	}
	return format.Count(int64(l.Level)) + " of " + format.Count(l.Throttle.Burst) + " requests can be sent at once now"
}

// limitsShort is a plan's limits in a table or at the foot of a card: "50 rps · burst 100".
func limitsShort(t models.Terms) string {
	parts := []string{"no rate limit"}
	if t.Throttle != nil {
		parts = []string{format.RPS(t.Throttle.Rate), "burst " + format.Count(t.Throttle.Burst)}
	}
	return strings.Join(parts, " · ")
}

// nearest returns the key that has used most of its quota on a plan. ok is false when the gateway knows none of them there.
func (limits LimitsOf) nearest(plan models.PlanID, keys []models.KeyRow) (key models.KeyRow, l KeyLimits, ok bool) {
	for _, k := range keys {
		at, known := limits(k.ID, plan)
		if known && (!ok || at.Quota.IsSet() && at.share() > l.share()) {
			key, l, ok = k, at, true
		}
	}
	return key, l, ok
}

// keysOnPlan are the keys that a plan can let through.
func keysOnPlan(keys []models.KeyRow, plan models.PlanID, now time.Time) (out []models.KeyRow) {
	for _, k := range keys {
		if s := k.Status(now); s == models.KeyRevoked || s == models.KeyExpired {
			continue
		}
		if slices.ContainsFunc(k.Memberships, func(m models.Membership) bool { return m.PlanID == plan }) {
			out = append(out, k)
		}
	}
	return out
}

// subscriptionCard is a subscription in a list. keys are those of its app.
func subscriptionCard(s models.SubscriptionRow, keys []models.KeyRow, limits LimitsOf, now time.Time) developer.SubscriptionCard {
	keys = keysOnPlan(keys, s.PlanID, now)
	api, stages, slug := apiWords(s.APIs)
	c := developer.SubscriptionCard{
		API: api, Stages: stages, Href: "/subscriptions/" + s.ID.String(), Plan: s.PlanName, Price: s.Terms.Price, State: subscriptionState(s.State),
		Limits: limitsShort(s.Terms) + " · " + format.Plural(int64(len(keys)), "key"),
	}
	if endWords(s.PlanEndsAt, now) != "" {
		c.Ends = "Ends " + format.Date(s.PlanEndsAt.In(now.Location()))
	}
	if slug != "" {
		c.DocsHref = docsPath(slug)
	}
	if s.State != models.SubscriptionActive {
		c.Text = subscriptionWords(s, now)
		return c
	}
	c.Action, c.ToHref = "Change plan", c.Href+"/change"
	key, l, ok := limits.nearest(s.PlanID, keys)
	switch {
	case len(keys) == 0:
		c.Text = "No key of the app is on this plan."
	case !ok || !l.Quota.IsSet():
		c.Text = "No quota: only the rate limits each key."
	default:
		c.Meter, c.Extra = quotaMeter(l, now), extraWords(s.Terms, l)
		if c.Meter.Level != chart.Calm {
			c.State = ui.BadgeProps{Kind: ui.Warn, Text: format.Percent(l.share()) + " used"}
			c.Action = "Upgrade to keep going"
		}
		if l.Left <= 0 {
			c.State.Kind = ui.Bad
		}
		if len(keys) > 1 {
			c.Nearest, c.NearestHref = key.Name, keyPath(key.ID)
		}
	}
	return c
}

// extraWords says how far a key's quota was extended in the present window: "+500 extra until 1 Dec, 00:00 UTC"; "" where it was not.
func extraWords(t models.Terms, l KeyLimits) string {
	if l.Own {
		return "Limits of its own"
	}
	if t.Quota == nil || !l.Quota.IsSet() || l.Quota.Limit == t.Quota.Limit || l.Quota.Period != t.Quota.Period {
		return ""
	}
	return signed(l.Quota.Limit-t.Quota.Limit) + " extra until " + resetTime(l.Window.End)
}

// apiWords names what a plan opens: its API and stages, or how many APIs.
func apiWords(apis []models.APIRef) (name, stages, slug string) {
	switch len(apis) {
	case 0:
		return "No API", "nothing is open", ""
	case 1:
		return apis[0].Name, strings.Join(apis[0].Stages, ", "), apis[0].Slug
	}
	return apis[0].Name, "and " + format.Plural(int64(len(apis)-1), "more API"), apis[0].Slug
}

func keyPath(id models.KeyID) string { return "/keys/" + id.String() }

func appPath(id models.AppID) string { return "/apps/" + id.String() }

func subscriptionPath(id models.SubscriptionID) string { return "/subscriptions/" + id.String() }

// quotaCard is a key on one plan of its.
func quotaCard(k models.KeyDetail, m models.Membership, limits LimitsOf, now time.Time) developer.QuotaCard {
	c := developer.QuotaCard{ID: "quota-" + k.ID.String() + "-" + m.PlanID.String(), Key: k.Name, KeyHref: keyPath(k.ID), Plan: m.PlanName}
	if m.SubscriptionID != 0 {
		c.PlanHref = subscriptionPath(m.SubscriptionID)
	}
	c.State, c.Text = memberState(m.State)
	var terms models.Terms
	var stages []string
	for _, call := range k.Calls {
		if call.PlanID != m.PlanID {
			continue
		}
		terms = call.Terms
		stages = append(stages, call.APIName+" · "+call.StageName)
		c.Slower = append(c.Slower, slowerMethods(call)...)
	}
	c.Stages = strings.Join(stages, ", ")
	if m.Override != nil && m.Override.Holds(now) {
		c.Own = overrideSentence(*m.Override, now)
		terms = m.Terms(terms, now)
	}
	if t := terms.Throttle; t != nil {
		c.Throttled, c.Rate, c.Burst = true, t.Rate, float64(t.Burst)
	}
	if terms.Charge == models.ChargeDelivered {
		c.Charge = "Failures of the upstream are given back"
	}
	if l, ok := limits(k.ID, m.PlanID); ok {
		l.Own = false // terms are the key's
		c.Meter, c.Extra = quotaMeter(l, now), extraWords(terms, l)
		if status := k.Status(now); m.State == models.MemberActive && (status == models.KeyActive || status == models.KeyRotating) {
			c.Level = levelWords(l)
		}
	} else if terms.Quota != nil && terms.Quota.IsSet() {
		c.Meter = quotaMeter(KeyLimits{Quota: *terms.Quota, Left: terms.Quota.Limit, Window: terms.Quota.Window(now)}, now)
	}
	return c
}

// slowerMethods are the methods of a stage that the plan limits by themselves.
func slowerMethods(call models.KeyCall) (out []developer.Slower) {
	for _, stage := range call.Terms.Stages {
		if stage.StageID != call.StageID {
			continue
		}
		for _, t := range stage.Throttles {
			for _, m := range call.Methods {
				if m.ID == t.MethodID {
					out = append(out, developer.Slower{Method: m.Name(), Limit: throttleWords(&t.Throttle)})
				}
			}
		}
	}
	return out
}
