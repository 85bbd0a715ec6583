package handlers

import (
	"fmt"
	"strings"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/mail"
)

// weekMail is an owner's digest: what waits for him first, then what changed, then what went wrong.
func (m *Mails) weekMail(d models.NoticeData, product string, at moment) mail.View {
	if d.Week == nil {
		return mail.View{Title: "The week of your APIs"}
	}
	w := d.Week
	v := mail.View{Title: "The week of your APIs: " + format.Requests(w.Requests), Button: mail.Link{Label: "Open analytics in " + product},
		Lines: []string{fmt.Sprintf("What happened from %s to %s.", at(w.From), at(w.To))},
		Facts: []mail.Fact{{Term: "Requests", Text: format.Count(w.Requests) + againstWords(w.Requests, w.Before)}}}
	if w.Throttled > 0 {
		v.Facts = append(v.Facts, mail.Fact{Term: "Throttled or over quota", Text: format.Count(w.Throttled) + ", " + format.PercentOf(w.Throttled, w.Requests)})
	}
	if w.Failed > 0 {
		v.Facts = append(v.Facts, mail.Fact{Term: "Errors", Text: format.Count(w.Failed) + ", " + format.PercentOf(w.Failed, w.Requests)})
	}
	v.Facts = append(v.Facts, peopleFacts("New customers", w.New, w.NewNames)...)
	v.Facts = append(v.Facts, peopleFacts("Customers who left", w.Left, w.LeftNames)...)
	v.Items = append(m.waitingItems(w), m.customerItems(w)...)
	for _, o := range w.Failing {
		v.Items = append(v.Items, mail.Item{Title: o.Method + " failed", Text: fmt.Sprintf("%s of %s on %s.", format.Count(o.Failed), format.Requests(o.Requests), o.Place),
			URL: m.PublicURL + pathWith(ownerUsagePath, "range", "7d", "stage", o.StageID.String(), "method", o.MethodID.String())})
	}
	if !w.Through.IsZero() {
		v.After = []string{"What is said of single customers is of the seven days before " + w.Through.UTC().Format("2 Jan") + ", counted in UTC, beside the seven before them."}
	}
	return v
}

// againstWords compares with the week before.
func againstWords(n, before int64) string {
	switch {
	case before == 0 && n > 0:
		return ", none in the week before"
	case n == before:
		return ", as many as in the week before"
	}
	change := float64(n-before) / float64(before)
	words := " more"
	if change < 0 {
		change, words = -change, " fewer"
	}
	return ", " + format.Percent(change) + words + " than in the week before"
}

func peopleFacts(term string, n int, names []string) []mail.Fact {
	if n == 0 {
		return nil
	}
	text := strings.Join(names, ", ")
	switch more := n - len(names); {
	case n >= models.MaxWeekCustomers:
		text += " and more than " + format.Count(int64(more-1)) + " others"
	case more > 0:
		text += " and " + format.Count(int64(more)) + " more"
	}
	return []mail.Fact{{Term: term, Text: text}}
}

// waitingItems are what waits for the owner.
func (m *Mails) waitingItems(w *models.OwnerWeek) (items []mail.Item) {
	add := func(n int, one, many, text, path string) {
		switch {
		case n == 1:
			items = append(items, mail.Item{Title: "Waiting for you: " + one, Text: text, URL: m.PublicURL + path})
		case n > 1:
			items = append(items, mail.Item{Title: "Waiting for you: " + format.Count(int64(n)) + " " + many, Text: text, URL: m.PublicURL + path})
		}
	}
	add(w.Waiting, "a request for a plan", "requests for plans", "Keys that ask answer 403 until you decide.", "/owner/subscriptions?state=pending")
	add(w.AskingInvitations, "a request to be let in", "requests to be let in", "They ask for plans that are by invitation.", "/owner/plans")
	add(w.Proposals, "a proposed changelog entry", "proposed changelog entries", "They were made from what you deployed, and are yours to publish.", "/owner/apis")
	return items
}

// customerItems are the customers who are worth a look.
func (m *Mails) customerItems(w *models.OwnerWeek) (items []mail.Item) {
	add := func(c models.CustomerWeek, title, text string, query ...string) {
		items = append(items, mail.Item{Title: consumerName(c.Consumer) + title, Text: text, URL: m.PublicURL + pathWith(ownerUsagePath, append([]string{"customer", c.ID.String()}, query...)...)})
	}
	requests := func(c models.CustomerWeek) string {
		return fmt.Sprintf("%s, %s in the seven days before.", format.Requests(c.Requests), format.Count(c.Before))
	}
	for _, c := range w.NearQuota {
		add(c, " has used "+format.Percent(c.Share)+" of a quota", c.KeyName+" on "+c.PlanName+".", "range", "30d")
	}
	for _, c := range w.MostThrottled {
		add(c, " was throttled", fmt.Sprintf("%s of %s got 429.", format.Count(c.Throttled), format.Requests(c.Requests)), "range", "7d")
	}
	for _, c := range w.Growing {
		add(c, " calls more", requests(c), "range", "7d", compareParam, "on")
	}
	for _, c := range w.Declining {
		add(c, " calls less", requests(c), "range", "7d", compareParam, "on")
	}
	return items
}
