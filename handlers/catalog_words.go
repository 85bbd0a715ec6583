package handlers

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/templates/format"
	"gatehouse/templates/public"
	"gatehouse/templates/ui"
)

// planViews are the cards of an API's plans, in the order of the catalog. The first one that goes on is the one to take for a reader
// who has none.
func planViews(r *Request, api models.CatalogAPI, yours map[models.PlanID][]models.SubscriptionRow) []public.PlanView {
	views := make([]public.PlanView, len(api.Plans))
	primary := !slices.ContainsFunc(api.Plans, func(p models.CatalogPlan) bool { return len(yours[p.PlanID]) > 0 })
	for i, p := range api.Plans {
		v := public.PlanView{Card: planCard(p), Quota: quotaSentence(p.Terms.Quota, r.Now)}
		if t := p.Terms.Throttle; t != nil {
			v.Throttled, v.Rate, v.Burst = true, t.Rate, float64(t.Burst)
		}
		for _, s := range p.Stages {
			for _, l := range s.Limited {
				v.Limits = append(v.Limits, public.LimitLine{Method: methodAt(p, s, l.Method), Limit: throttleWords(&l.Throttle.Throttle)})
			}
			for _, m := range s.Excluded {
				v.Missing = append(v.Missing, methodAt(p, s, m))
			}
		}
		for _, s := range yours[p.PlanID] {
			v.Yours = append(v.Yours, public.YourSubscription{App: s.AppName, State: string(s.State), Href: "/subscriptions/" + s.ID.String()})
		}
		v.Card.Href, v.Card.Button = subscribePath(r, api.Slug, p.PlanID), "Subscribe"
		if p.Terms.Audience == models.AudienceAsk {
			v.Card.Button = "Ask to subscribe"
		}
		if len(v.Yours) > 0 {
			v.Card.Badge, v.Card.Button = "Your plan", "Add another app"
		}
		v.Ends = endsSentence(p.EndsAt, r.Here())
		if v.Ends == "" {
			v.Card.Primary, primary = primary, false
		}
		views[i] = v
	}
	return views
}

// endsSentence says in a catalog that a plan ends; "" where no end is announced.
func endsSentence(ends, now time.Time) string {
	if words := endWords(ends, now); words != "" {
		return "This plan " + words + "."
	}
	return ""
}

// methodAt names a method, with its stage where the plan opens several.
func methodAt(p models.CatalogPlan, s models.CatalogPlanStage, m models.Method) string {
	if len(p.Stages) > 1 {
		return m.Name() + " on " + s.StageName
	}
	return m.Name()
}

// subscribePath leads visitors over the page where they join, which leads people with an account to signing in.
func subscribePath(r *Request, slug string, plan models.PlanID) string {
	path := apiPath(slug) + "/subscribe?plan=" + plan.String()
	if r.Account.ID == 0 {
		return withNext("/join", path)
	}
	return path
}

func planCard(p models.CatalogPlan) ui.Plan {
	t := p.Terms
	price, unit := splitPrice(t.Price)
	card := ui.Plan{Name: t.Name, Text: t.Description, Price: price, Unit: unit}
	card.Features = append(card.Features, throttleWords(t.Throttle), quotaWords(t.Quota))
	for _, s := range p.Stages {
		card.Features = append(card.Features, methodsWords(s)+" on "+s.StageName)
	}
	if len(p.OtherStages) > 0 {
		card.Features = append(card.Features, "Also opens "+strings.Join(p.OtherStages, ", "))
	}
	card.Features = append(card.Features, audienceWords(p))
	return card
}

// splitPrice parts "€49 a month" into what stands large and what stands small beside it.
func splitPrice(price string) (large, small string) {
	if price == "" {
		return "", "No price is stated"
	}
	for at, letter := range price {
		if letter != ' ' || !strings.ContainsAny(price[:at], "0123456789") {
			continue
		}
		for _, start := range []string{"a ", "an ", "per ", "/", "each ", "every ", "once"} {
			if strings.HasPrefix(price[at+1:], start) {
				return price[:at], price[at+1:]
			}
		}
	}
	return price, ""
}

// throttleWords is a rate and a burst in a line: "50 requests a second, bursts of 100".
func throttleWords(t *limit.Throttle) string {
	switch {
	case t == nil:
		return "No limit of the rate"
	case t.RefusesAll():
		return "Refuses every request"
	case t.Burst == 1:
		return format.Rate(t.Rate) + ", one at a time"
	}
	return format.Rate(t.Rate) + ", bursts of " + format.Count(t.Burst)
}

var periodWords = map[limit.Period]string{limit.PeriodDay: "a day", limit.PeriodWeek: "a week", limit.PeriodMonth: "a month"}

// quotaWords is a quota in a line: "10,000 requests a month".
func quotaWords(q *limit.Quota) string {
	if q == nil || !q.IsSet() {
		return "No quota"
	}
	return format.Requests(q.Limit) + " " + periodWords[q.Period]
}

// resetWords says when a quota starts anew: "on the 5th of each month, 00:00 UTC".
func resetWords(q limit.Quota) string {
	switch q.Period {
	case limit.PeriodWeek:
		return "each " + time.Weekday((int(time.Monday)+q.Offset)%7).String() + ", 00:00 UTC"
	case limit.PeriodMonth:
		return "on the " + ordinal(1+q.Offset) + " of each month, 00:00 UTC"
	default:
		return "each day, 00:00 UTC"
	}
}

func ordinal(n int) string {
	suffix := "th"
	if n%100/10 != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprintf("%d%s", n, suffix)
}

// quotaSentence explains a quota with its numbers; "" where there is none.
func quotaSentence(q *limit.Quota, now time.Time) string {
	switch {
	case q == nil || !q.IsSet():
		return ""
	case q.Limit == 0:
		return "A quota of 0 refuses every request."
	}
	return fmt.Sprintf("Each key may make %s %s in all. The count starts anew %s, next on %s.",
		format.Requests(q.Limit), periodWords[q.Period], resetWords(*q), format.Date(q.Window(now).End))
}

// methodsWords says how much of a stage a plan opens: "22 of 23 methods".
func methodsWords(s models.CatalogPlanStage) string {
	if s.Opened == s.Total {
		return "All " + format.Plural(int64(s.Total), "method")
	}
	return format.Count(int64(s.Opened)) + " of " + format.Plural(int64(s.Total), "method")
}

func audienceWords(p models.CatalogPlan) string {
	switch {
	case p.Terms.Audience == models.AudienceAsk:
		return "Key at once, calls pass after approval"
	case p.Invited:
		return "You are invited: key at once"
	}
	return "Key at once"
}

func chargeWords(c models.Charge) string {
	if c == models.ChargeDelivered {
		return "Delivered answers"
	}
	return "Accepted requests"
}

// keyWords says where callers put their key.
func keyWords(k models.KeySource) string {
	switch k.Place {
	case models.KeyInBearer:
		return "Send your key in the header Authorization: Bearer YOUR_KEY."
	case models.KeyInQuery:
		return "Send your key in the query parameter " + k.Name + "."
	case models.KeyInAuthorizer:
		return "You send no key: your token says which one is yours."
	}
	return "Send your key in the header " + k.Name + "."
}

// comparePlans are the rows of the comparison.
func comparePlans(plans []models.CatalogPlan, now time.Time) []public.CompareRow {
	var rows []public.CompareRow
	add := func(label string, cell func(models.CatalogPlan) string) {
		row := public.CompareRow{Label: label, Same: true}
		for i, p := range plans {
			row.Cells = append(row.Cells, cell(p))
			row.Same = row.Same && row.Cells[i] == row.Cells[0]
		}
		rows = append(rows, row)
	}
	add("Price", func(p models.CatalogPlan) string { return orDash(p.Terms.Price) })
	if slices.ContainsFunc(plans, func(p models.CatalogPlan) bool { return !p.EndsAt.IsZero() }) {
		add("Ends", func(p models.CatalogPlan) string {
			if p.EndsAt.IsZero() {
				return "–"
			}
			return format.Date(p.EndsAt.In(now.Location()))
		})
	}
	add("Rate", func(p models.CatalogPlan) string {
		if p.Terms.Throttle == nil {
			return "No limit"
		}
		return format.RPS(p.Terms.Throttle.Rate)
	})
	add("Burst", func(p models.CatalogPlan) string {
		if p.Terms.Throttle == nil {
			return "No limit"
		}
		return format.Requests(p.Terms.Throttle.Burst)
	})
	add("Quota", func(p models.CatalogPlan) string { return quotaWords(p.Terms.Quota) })
	add("Quota resets", func(p models.CatalogPlan) string {
		if p.Terms.Quota == nil || !p.Terms.Quota.IsSet() {
			return "–"
		}
		return "on " + format.Date(p.Terms.Quota.Window(now).End)
	})
	add("Stages", func(p models.CatalogPlan) string {
		names := make([]string, len(p.Stages))
		for i, s := range p.Stages {
			names[i] = s.StageName
		}
		return orDash(strings.Join(names, ", "))
	})
	add("Methods", func(p models.CatalogPlan) string {
		words := make([]string, len(p.Stages))
		for i, s := range p.Stages {
			words[i] = format.Count(int64(s.Opened)) + " of " + format.Count(int64(s.Total))
			if len(p.Stages) > 1 {
				words[i] = s.StageName + " " + words[i]
			}
		}
		return orDash(strings.Join(words, ", "))
	})
	add("Slower methods", func(p models.CatalogPlan) string {
		n := 0
		for _, s := range p.Stages {
			n += len(s.Limited)
		}
		if n == 0 {
			return "None"
		}
		return format.Count(int64(n))
	})
	add("Keys for an app", func(p models.CatalogPlan) string { return format.Count(int64(p.Terms.KeysPerApp)) })
	add("What counts", func(p models.CatalogPlan) string { return chargeWords(p.Terms.Charge) })
	add("Who may subscribe", func(p models.CatalogPlan) string {
		switch {
		case p.Terms.Audience == models.AudienceAsk:
			return "Anyone, on approval"
		case p.Terms.Audience == models.AudienceInvited:
			return "Invited people"
		}
		return "Anyone"
	})
	return rows
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
