package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
)

// pages reads a list to its end and returns what name says of its items.
func pages[T any](t *testing.T, p models.Page, read func(models.Page) (models.List[T], error), name func(T) string) (names []string) {
	t.Helper()
	for {
		list, err := read(p)
		ok(t, err)
		if len(list.Items) > p.Limit || len(list.Items) == 0 && list.Next != "" {
			t.Fatalf("a page of %d has %d items and goes on at %q", p.Limit, len(list.Items), list.Next)
		}
		for _, item := range list.Items {
			names = append(names, name(item))
		}
		if p.After = list.Next; p.After == "" {
			return names
		}
	}
}

// keyWorld has keys of every sort: the owner's own on and off plans, developers' on one and on several plans.
func keyWorld(t *testing.T) (w *world, one, two models.Plan) {
	w = newWorld(t)
	one, two = w.plan("One", w.stage("prod")), w.plan("Two", w.stage("beta"))
	foreign := w.foreignPlan()
	for i := range 3 {
		w.customerKey(fmt.Sprint("own-", i), one)
	}
	w.customerKey("own-free")
	for i := range 3 {
		w.subscribe(one, fmt.Sprint("app-", i))
	}
	both := w.subscribe(two, "both")
	w.subscribe(two, "app-9")
	_, _, err := w.Subscribe(t.Context(), w.asDeveloper(), models.NewSubscription{PlanID: one.ID, AppID: both.App.ID}, w.later())
	ok(t, err)
	w.subscribe(foreign, "foreign")
	return w, one, two
}

// An owner's keys stand once in his list, newest first, however pages cut it.
func TestOwnersKeysAreListedOnceNewestFirst(t *testing.T) {
	w, one, two := keyWorld(t)
	name := func(k models.KeyRow) string { return k.Name }
	list := func(f models.KeyFilter, search string, limit int) []string {
		t.Helper()
		return pages(t, models.Page{Limit: limit, Search: search}, func(p models.Page) (models.List[models.KeyRow], error) {
			return w.OwnerKeys(t.Context(), w.owner.ID, f, p)
		}, name)
	}
	all := []string{"both", "app-9", "app-2", "app-1", "app-0", "own-free", "own-2", "own-1", "own-0"}
	for limit := 1; limit <= 10; limit++ {
		if diff := cmp.Diff(all, list(models.KeyFilter{}, "", limit)); diff != "" {
			t.Errorf("all, by %d (-want +got):\n%s", limit, diff)
		}
		if diff := cmp.Diff([]string{"both", "app-2", "app-1", "app-0", "own-2", "own-1", "own-0"}, list(models.KeyFilter{PlanID: one.ID}, "", limit)); diff != "" {
			t.Errorf("on one, by %d (-want +got):\n%s", limit, diff)
		}
		if diff := cmp.Diff([]string{"app-9", "app-2", "app-1", "app-0"}, list(models.KeyFilter{}, "APP", limit)); diff != "" {
			t.Errorf("searched, by %d (-want +got):\n%s", limit, diff)
		}
	}
	if diff := cmp.Diff([]string{"app-9", "both"}, list(models.KeyFilter{PlanID: two.ID}, "", 50)); diff != "" {
		t.Errorf("on two (-want +got):\n%s", diff)
	}
	if got := list(models.KeyFilter{PlanID: two.ID}, "own", 50); len(got) != 0 {
		t.Errorf("searched on two: %v", got)
	}
	if got := list(models.KeyFilter{}, "foreign", 50); len(got) != 0 {
		t.Errorf("a key on another owner's plan: %v", got)
	}
}

func TestKeysAreFoundByNameCustomerIdAndLastFour(t *testing.T) {
	w, _, _ := keyWorld(t)
	k, v, err := w.CreateCustomerKey(t.Context(), w.asOwner(), models.NewCustomerKey{Name: "Needle", CustomerID: "CRM-17"}, w.later())
	ok(t, err)
	text := revealed(v)
	for search, want := range map[string]bool{"need": true, "crm-1": true, "CRM-17": true, k.ID.String(): true, text[len(text)-4:]: true,
		"eedle": false, "17": false, text: false, k.ID.String()[:9]: false, "%": false, "": true} {
		list, err := w.OwnerKeys(t.Context(), w.owner.ID, models.KeyFilter{}, models.Page{Search: search})
		ok(t, err)
		if got := slices.ContainsFunc(list.Items, func(r models.KeyRow) bool { return r.ID == k.ID }); got != want {
			t.Errorf("search %q: found %t", search, got)
		}
	}
	list, err := w.AccountKeys(t.Context(), w.developer.ID, models.Page{Search: "app-"})
	if err != nil || len(list.Items) != 4 || list.Items[0].AppName != "app-9" {
		t.Errorf("the developer finds %+v, %v", list.Items, err)
	}
}

// A search that means very many keys is answered by walking the list; the answer must be the same.
func TestAWideSearchFindsWhatANarrowOneDoes(t *testing.T) {
	w, one, _ := keyWorld(t)
	rows := make([]models.KeyImport, 1200)
	for i := range rows {
		rows[i] = models.KeyImport{Line: i + 2, Name: fmt.Sprintf("wide-%04d", i), Value: value(i), Enabled: true}
		if i%2 == 0 {
			rows[i].Plans = []models.PlanID{one.ID}
		}
	}
	_, err := w.ImportKeys(t.Context(), w.asOwner(), models.NewImport{}, rows, w.later())
	ok(t, err)
	read := func(f models.KeyFilter, search string) []string {
		return pages(t, models.Page{Limit: 200, Search: search}, func(p models.Page) (models.List[models.KeyRow], error) {
			return w.OwnerKeys(t.Context(), w.owner.ID, f, p)
		}, func(k models.KeyRow) string { return k.Name })
	}
	wide := read(models.KeyFilter{}, "wide-")
	if len(wide) != 1200 {
		t.Fatalf("%d keys were found", len(wide))
	}
	wide = slices.DeleteFunc(wide, func(name string) bool { return name < "wide-0100" || name > "wide-01\U0010FFFF" })
	if diff := cmp.Diff(wide, read(models.KeyFilter{}, "wide-01")); diff != "" {
		t.Errorf("(-wide +narrow):\n%s", diff)
	}
	if got := read(models.KeyFilter{PlanID: one.ID}, "wide-"); len(got) != 600 {
		t.Errorf("%d keys were found on the plan", len(got))
	}
}

func TestKeysAreListedByStatusAsTheOwnerSeesThem(t *testing.T) {
	w := newWorld(t)
	p := w.plan("Free", w.stage("prod"))
	for _, name := range []string{"active", "disabled", "expired", "revoked", "rotating"} {
		k := w.customerKey(name, p)
		switch name {
		case "disabled":
			ok(t, w.SetKeyEnabled(t.Context(), w.asOwner(), k.ID, false, w.later()))
		case "expired":
			ok(t, w.SetKeyExpiry(t.Context(), w.asOwner(), k.ID, w.now.Add(time.Minute), w.later()))
		case "revoked":
			ok(t, w.RevokeKey(t.Context(), w.asOwner(), k.ID, w.later()))
		case "rotating":
			_, _, err := w.RotateKey(t.Context(), w.asOwner(), k.ID, models.Rotation{Overlap: models.OverlapDay}, w.later())
			ok(t, err)
		}
	}
	blocked := w.subscribe(p, "blocked")
	ok(t, w.SetKeyEnabled(t.Context(), w.asOwner(), blocked.Key.ID, false, w.later()))
	at := w.now.Add(time.Hour)
	for status, want := range map[models.KeyStatus][]string{
		models.KeyActive: {"rotating", "active"}, models.KeyDisabled: {"blocked", "disabled"}, models.KeyExpired: {"expired"},
		models.KeyRevoked: {"revoked"}, models.KeyRotating: {"rotating"}, "": {"blocked", "rotating", "revoked", "expired", "disabled", "active"},
	} {
		for _, plan := range []models.PlanID{0, p.ID} {
			got := pages(t, models.Page{Limit: 1}, func(page models.Page) (models.List[models.KeyRow], error) {
				return w.OwnerKeys(t.Context(), w.owner.ID, models.KeyFilter{Status: status, PlanID: plan, Now: at}, page)
			}, func(k models.KeyRow) string { return k.Name })
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q on %q (-want +got):\n%s", status, plan, diff)
			}
		}
	}
}

func TestOwnersSubscriptionsAreFilteredSearchedAndPaged(t *testing.T) {
	w := newWorld(t)
	prod := w.stage("prod")
	free, ask := w.plan("Free", prod), w.asking("Partner", prod)
	for i := range 3 {
		w.subscribe(free, fmt.Sprint("free-", i))
		w.subscribe(ask, fmt.Sprint("ask-", i))
	}
	ended := w.subscribe(free, "ended")
	ok(t, w.CancelSubscription(t.Context(), w.asDeveloper(), ended.Subscription.ID, w.later()))
	w.subscribe(w.foreignPlan(), "foreign")
	all := []string{"ended", "ask-2", "free-2", "ask-1", "free-1", "ask-0", "free-0"}
	for _, c := range []struct {
		name   string
		filter models.SubscriptionFilter
		search string
		want   []string
	}{
		{"all", models.SubscriptionFilter{}, "", all},
		{"waiting", models.SubscriptionFilter{State: models.SubscriptionPending}, "", []string{"ask-2", "ask-1", "ask-0"}},
		{"of a plan", models.SubscriptionFilter{PlanID: free.ID}, "", []string{"ended", "free-2", "free-1", "free-0"}},
		{"of a plan and state", models.SubscriptionFilter{PlanID: free.ID, State: models.SubscriptionEnded}, "", []string{"ended"}},
		{"app", models.SubscriptionFilter{}, "ASK-", []string{"ask-2", "ask-1", "ask-0"}},
		{"plan", models.SubscriptionFilter{}, "part", []string{"ask-2", "ask-1", "ask-0"}},
		{"e-mail", models.SubscriptionFilter{PlanID: free.ID}, w.developer.Email[:12], []string{"ended", "free-2", "free-1", "free-0"}},
		{"nothing", models.SubscriptionFilter{}, "xyz", nil},
	} {
		for limit := 1; limit <= 8; limit += 3 {
			got := pages(t, models.Page{Limit: limit, Search: c.search}, func(p models.Page) (models.List[models.SubscriptionRow], error) {
				return w.OwnerSubscriptions(t.Context(), w.owner.ID, c.filter, p)
			}, func(r models.SubscriptionRow) string { return r.AppName })
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s by %d (-want +got):\n%s", c.name, limit, diff)
			}
		}
	}
	list, err := w.OwnerSubscriptions(t.Context(), w.owner.ID, models.SubscriptionFilter{State: models.SubscriptionPending}, models.Page{Limit: 1})
	ok(t, err)
	got := list.Items[0]
	if got.AccountEmail != w.developer.Email || got.PlanName != "Partner" || got.Keys != 1 || got.Terms.Audience != models.AudienceAsk || got.RequestedAt.IsZero() ||
		!cmp.Equal(got.APIs, []models.APIRef{{APIID: w.api.ID, Slug: "echo", Name: "ECHO", Stages: []string{"prod"}}}) {
		t.Errorf("got %+v", got)
	}
}

// The busiest keys of a month come first, those that did not call behind them, and none twice.
func TestAPlansKeysAreListedBusiestFirst(t *testing.T) {
	w := newWorld(t)
	st := w.stage("prod")
	p := w.plan("Free", st)
	month := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	var cells []models.UsageCell
	for i, requests := range []int64{5, 0, 9, 5, 0, 1} {
		k := w.customerKey(fmt.Sprintf("k%d", i), p)
		if requests > 0 {
			cells = append(cells, models.UsageCell{KeyID: k.ID, PlanID: p.ID, StageID: st.ID, Minute: month.Add(time.Hour).Unix(), Outcome: models.OutcomeSuccess, Count: requests},
				models.UsageCell{KeyID: k.ID, PlanID: p.ID, StageID: st.ID, Minute: month.AddDate(0, 1, 0).Unix(), Outcome: models.OutcomeSuccess, Count: 1})
		}
	}
	ok(t, w.CommitUsage(t.Context(), models.UsageBatch{Cells: cells}))
	read := func(limit int, search string) []string {
		return pages(t, models.Page{Limit: limit, Search: search}, func(page models.Page) (models.List[models.PlanKeyUse], error) {
			return w.PlanKeys(t.Context(), w.owner.ID, p.ID, month.AddDate(0, 0, 17), page)
		}, func(k models.PlanKeyUse) string { return fmt.Sprint(k.Name, " ", k.Requests) })
	}
	whole := read(50, "")
	if len(whole) != 6 || whole[0] != "k2 9" || whole[3] != "k5 1" || whole[4] != "k4 0" || whole[5] != "k1 0" {
		t.Errorf("got %v", whole)
	}
	for limit := 1; limit <= 6; limit++ {
		if diff := cmp.Diff(whole, read(limit, "")); diff != "" {
			t.Errorf("by %d (-whole +pages):\n%s", limit, diff)
		}
	}
	if diff := cmp.Diff([]string{"k4 0"}, read(1, "K4")); diff != "" {
		t.Errorf("search (-want +got):\n%s", diff)
	}
}

func TestAppsAreListedWithKeysAndSubscriptions(t *testing.T) {
	w := newWorld(t)
	made := w.subscribe(w.plan("Free", w.stage("prod")), "App")
	other, err := w.CreateApp(t.Context(), w.asDeveloper(), "Other", w.later())
	ok(t, err)
	w.wantEvent("app.create", other.ID.String(), 0)
	list, err := w.Apps(t.Context(), w.developer.ID, models.Page{})
	ok(t, err)
	if len(list.Items) != 2 || list.Items[0].Name != "Other" || list.Items[1].Keys != 1 || len(list.Items[1].Subscriptions) != 1 || list.Items[1].Subscriptions[0].PlanName != "Free" {
		t.Errorf("got %+v", list.Items)
	}
	ok(t, w.RenameApp(t.Context(), w.asDeveloper(), made.App.ID, "Renamed", w.later()))
	app, err := w.App(t.Context(), w.developer.ID, made.App.ID)
	if err != nil || app.Name != "Renamed" || len(app.Subscriptions) != 1 {
		t.Errorf("got %+v, %v", app, err)
	}
	if list, err := w.Apps(t.Context(), w.developer.ID, models.Page{Search: "ren"}); err != nil || len(list.Items) != 1 {
		t.Errorf("got %+v, %v", list, err)
	}
}

// No list of these reads a table that grows from end to end, searched or not, on any page.
func TestListsOfCatalogAndKeysStartInAnIndex(t *testing.T) {
	w, one, _ := keyWorld(t)
	ctx := t.Context()
	made := w.subscribe(one, "explain")
	for _, p := range []models.Page{{}, {After: "1.2"}, {Search: "an"}, {Search: "an", After: "1.2"}} {
		calls := map[string]func() error{
			"APIs":             func() error { _, err := w.APIs(ctx, w.owner.ID, p); return err },
			"plans":            func() error { _, err := w.Plans(ctx, w.owner.ID, models.PlanPublished, p); return err },
			"apps":             func() error { _, err := w.Apps(ctx, w.developer.ID, p); return err },
			"developer's keys": func() error { _, err := w.AccountKeys(ctx, w.developer.ID, p); return err },
			"owner's keys":     func() error { _, err := w.OwnerKeys(ctx, w.owner.ID, models.KeyFilter{}, p); return err },
			"disabled keys": func() error {
				_, err := w.OwnerKeys(ctx, w.owner.ID, models.KeyFilter{Status: models.KeyDisabled}, p)
				return err
			},
			"revoked keys": func() error {
				_, err := w.OwnerKeys(ctx, w.owner.ID, models.KeyFilter{Status: models.KeyRevoked}, p)
				return err
			},
			"expired keys": func() error {
				_, err := w.OwnerKeys(ctx, w.owner.ID, models.KeyFilter{Status: models.KeyExpired}, p)
				return err
			},
			"rotating keys": func() error {
				_, err := w.OwnerKeys(ctx, w.owner.ID, models.KeyFilter{Status: models.KeyRotating}, p)
				return err
			},
			"export": func() error {
				return w.ExportKeys(ctx, w.asOwner(), true, w.now, func(models.KeyExport) error { return nil })
			},
			"plan's keys":  func() error { _, err := w.OwnerKeys(ctx, w.owner.ID, models.KeyFilter{PlanID: one.ID}, p); return err },
			"busiest keys": func() error { _, err := w.PlanKeys(ctx, w.owner.ID, one.ID, w.now, p); return err },
			"subscriptions": func() error {
				_, err := w.OwnerSubscriptions(ctx, w.owner.ID, models.SubscriptionFilter{}, p)
				return err
			},
			"waiting": func() error {
				_, err := w.OwnerSubscriptions(ctx, w.owner.ID, models.SubscriptionFilter{State: models.SubscriptionPending}, p)
				return err
			},
			"catalog":           func() error { q := p; q.After = ""; _, err := w.CatalogAPIs(ctx, w.developer.ID, q); return err },
			"catalog's page":    func() error { _, err := w.CatalogAPI(ctx, w.developer.ID, "echo"); return err },
			"reading":           func() error { _, err := w.Reading(ctx, 1); return err },
			"unread document":   func() error { _, err := w.UnreadDocument(ctx, 0); return err },
			"plan to subscribe": func() error { _, _, err := w.CatalogPlan(ctx, w.developer.ID, one.ID); return err },
			"key":               func() error { _, err := w.Key(ctx, w.developer.ID, made.Key.ID); return err },
			"key of the plan":   func() error { _, err := w.Key(ctx, w.owner.ID, made.Key.ID); return err },
			"app's keys":        func() error { _, err := w.AppKeys(ctx, w.developer.ID, made.App.ID); return err },
			"count of waiting":  func() error { _, err := w.Undecided(ctx, w.owner.ID); return err },
			"API's plans":       func() error { _, err := w.APIPlans(ctx, w.owner.ID, w.api.ID); return err },
			"plans by name":     func() error { _, err := w.PlanChoices(ctx, w.owner.ID, 5); return err },
			"plans together":    func() error { _, err := w.PlanTotals(ctx, w.owner.ID); return err },
			"stage choices":     func() error { _, err := w.StageChoices(ctx, w.owner.ID); return err },
		}
		for what, call := range calls {
			wantNoScan(t, w.Store, what, func() { ok(t, call()) }, "5", "t") // the five states
		}
	}
}
