package handlers

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"time"

	"gatehouse/models"
	"gatehouse/templates/developer"
	"gatehouse/templates/format"
	"gatehouse/templates/ui"
)

// HomeStore is what a developer's overview needs of the store.
type HomeStore interface {
	Apps(ctx context.Context, account models.AccountID, p models.Page) (models.List[models.AppRow], error)
	AccountKeys(ctx context.Context, account models.AccountID, p models.Page) (models.List[models.KeyRow], error)
	UsageSeries(ctx context.Context, sc models.UsageScope, r models.UsageRange) ([]models.UsagePoint, error)
}

// Home is a developer's overview.
type Home struct {
	Store  HomeStore
	Limits LimitsOf
}

// How much the overview shows, and of how much it thinks.
const (
	homeSubscriptions = 6
	homeKeys          = 5
	homeList          = 200
)

// Show is a checklist until the first call was answered well; then it is what needs the reader, the last 24 hours, subscriptions and keys.
func (h *Home) Show(r *Request) (Reply, error) {
	apps, err := h.Store.Apps(r.Context(), r.Account.ID, models.Page{Limit: homeList})
	if err != nil {
		return Reply{}, err
	}
	list, err := h.Store.AccountKeys(r.Context(), r.Account.ID, models.Page{Limit: homeList})
	if err != nil {
		return Reply{}, err
	}
	keys := list.Items
	v := developer.HomeView{}
	called, err := h.called(r, keys)
	if err != nil {
		return Reply{}, err
	}
	if !called {
		v.Steps = firstSteps(apps.Items, keys, r.Now)
	}
	if called {
		day := parseRange(nil, r.Here())
		points, err := h.Store.UsageSeries(r.Context(), models.UsageScope{Developer: r.Account.ID}, day.wanted())
		if err != nil {
			return Reply{}, err
		}
		v.Tiles = figuresOf(points, day, nil, logPlace{}).Tiles
		for i := range v.Tiles {
			v.Tiles[i].Href = "/usage" + v.Tiles[i].Href
		}
	}
	v.Subscriptions, v.Notices = homeCards(apps.Items, keys, h.Limits, r.Here())
	if len(v.Subscriptions) > homeSubscriptions {
		v.Subscriptions, v.MoreHref = v.Subscriptions[:homeSubscriptions], "/apps"
	}
	v.Notices = append(v.Notices, expiryNotices(keys, r.Here())...)
	if v.Recent, err = h.recentKeys(r, keys); err != nil {
		return Reply{}, err
	}
	return Page(developer.Home(r.layout("Overview", ui.Crumb{}), v)), nil
}

// called reports whether any key was ever answered well, as far as usage is kept.
func (h *Home) called(r *Request, keys []models.KeyRow) (bool, error) {
	if !slices.ContainsFunc(keys, func(k models.KeyRow) bool { return !k.LastUsedAt.IsZero() }) {
		return false, nil
	}
	points, err := h.Store.UsageSeries(r.Context(), models.UsageScope{Developer: r.Account.ID}, parseRange(url.Values{"range": {"90d"}}, r.Here()).UsageRange)
	if err != nil {
		return false, err
	}
	return models.Sum(points).Counts[models.OutcomeSuccess] > 0, nil
}

// firstSteps is the way to the first call.
func firstSteps(apps []models.AppRow, keys []models.KeyRow, now time.Time) []ui.Step {
	subscribed := slices.ContainsFunc(apps, func(a models.AppRow) bool {
		return slices.ContainsFunc(a.Subscriptions, func(s models.SubscriptionRow) bool { return s.State.Open() })
	})
	steps := []ui.Step{
		{Title: "Choose an API", Text: "Read what it does and compare its plans.", Href: "/apis", Action: "Browse APIs", Done: subscribed},
		{Title: "Subscribe to a plan", Text: "You get a key at once; an app is made on the way.", Href: "/apis", Action: "Choose a plan", Done: subscribed && len(keys) > 0},
		{Title: "Send your first call", Text: "With curl, in your language, or from the key's page."},
	}
	if subscribed && len(keys) > 0 {
		steps[2].Href, steps[2].Action = keyPath(keys[0].ID), "Open the key"
		if keyStatus(keys[0].Key, keys[0].Memberships, now).Text == "Waiting" {
			steps[2].Text = "The owner of the API has to approve your request first. The key is ready and answers 403 until then."
		}
	}
	for i := range steps {
		if !steps[i].Done {
			steps[i].Current = true
			break
		}
	}
	return steps
}

// homeCards are the open subscriptions, the ones that need the reader first, and a sentence for each of those.
func homeCards(apps []models.AppRow, keys []models.KeyRow, limits LimitsOf, now time.Time) (cards []developer.SubscriptionCard, notices []developer.NoticeLine) {
	type ranked struct {
		card developer.SubscriptionCard
		rank float64
	}
	var all []ranked
	for _, a := range apps {
		own := keysOfApp(keys, a.ID)
		for _, s := range a.Subscriptions {
			if n, ok := decisionNotice(a, s, now); ok {
				notices = append(notices, n)
			}
			if !s.State.Open() {
				continue
			}
			card := subscriptionCard(s, own, limits, now)
			card.App = a.Name
			if words := endWords(s.PlanEndsAt, now); words != "" {
				notices = append(notices, developer.NoticeLine{Kind: ui.Warn, Text: "The plan " + s.PlanName + " of " + a.Name + " " + words + ".", Href: card.Href + "/change", Link: "Choose another plan."})
			}
			rank := 0.0
			if card.Meter != nil {
				rank = card.Meter.Share
				if card.Meter.Share >= 0.8 {
					notices = append(notices, developer.NoticeLine{Kind: ui.Warn, Href: card.ToHref, Link: "Compare plans.",
						Text: card.Plan + " for " + a.Name + ": " + card.Meter.Used + " of " + card.Meter.Limit + " requests are used. " + card.Meter.Note})
				}
			}
			all = append(all, ranked{card, rank})
		}
	}
	slices.SortStableFunc(all, func(a, b ranked) int { return cmp.Compare(b.rank, a.rank) })
	for _, r := range all {
		cards = append(cards, r.card)
	}
	return cards, notices
}

// decisionNotice tells of what stopped something: an owner's decision, or the end of a plan; of what is over, for two weeks.
func decisionNotice(a models.AppRow, s models.SubscriptionRow, now time.Time) (developer.NoticeLine, bool) {
	recent := now.Sub(s.DecidedAt) < soon
	if s.State == models.SubscriptionEnded && s.PlanState == models.PlanEnded && s.EndedAt.Equal(s.PlanEndsAt) && now.Sub(s.EndedAt) < soon {
		return developer.NoticeLine{Kind: ui.Bad, Text: s.PlanName + " for " + a.Name + ": " + subscriptionWords(s, now), Href: subscriptionPath(s.ID), Link: "Open it."}, true
	}
	if s.State != models.SubscriptionSuspended && !(s.State == models.SubscriptionRefused && recent) {
		return developer.NoticeLine{}, false
	}
	return developer.NoticeLine{Kind: ui.Bad, Text: s.PlanName + " for " + a.Name + ": " + subscriptionWords(s, now), Href: subscriptionPath(s.ID), Link: "Open it."}, true
}

// expiryNotices name the keys that stop soon.
func expiryNotices(keys []models.KeyRow, now time.Time) (out []developer.NoticeLine) {
	for _, k := range keys {
		if s := k.Status(now); s != models.KeyActive && s != models.KeyRotating || k.ExpiresAt.IsZero() || k.ExpiresAt.Sub(now) >= soon {
			continue
		}
		out = append(out, developer.NoticeLine{Kind: ui.Warn, Text: "The key " + k.Name + " stops working " + format.Ago(k.ExpiresAt, now) + ", on " + format.Date(k.ExpiresAt.In(now.Location())) + ".",
			Href: keyPath(k.ID) + "#settings", Link: "Set a later day."})
	}
	return out
}

func keysOfApp(keys []models.KeyRow, app models.AppID) (out []models.KeyRow) {
	for _, k := range keys {
		if k.AppID == app {
			out = append(out, k)
		}
	}
	return out
}

// recentKeys are the ones that work, last used first.
func (h *Home) recentKeys(r *Request, keys []models.KeyRow) (developer.KeyTable, error) {
	now := r.Now
	t := developer.KeyTable{Title: "Keys that were used last", Now: now, Apps: true, Spark: true}
	sorted := slices.Clone(keys)
	slices.SortStableFunc(sorted, func(a, b models.KeyRow) int { return b.LastUsedAt.Compare(a.LastUsedAt) })
	for _, k := range sorted {
		if k.Status(now) == models.KeyRevoked || len(t.Keys) == homeKeys {
			continue
		}
		line := keyLine(k, r.Here())
		if err := addSpark(r.Context(), h.Store, &line, k.ID, now); err != nil {
			return t, err
		}
		line.App, line.AppHref = k.AppName, appPath(k.AppID)
		t.Keys = append(t.Keys, line)
	}
	return t, nil
}
