package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// wantNoScan fails when a query that fn makes reads a table from end to end. What it may scan, by alias, is small by nature or made by the query itself.
func wantNoScan(t *testing.T, s *store.Store, what string, fn func(), small ...string) {
	t.Helper()
	statements := store.Record(t, s, fn)
	if len(statements) == 0 {
		t.Errorf("%s asked nothing", what)
	}
	small = append(small, "CONSTANT", "page")
	for _, statement := range statements {
		var plan []struct{ Detail string }
		if err := store.Writer(s).Raw("EXPLAIN QUERY PLAN "+statement.SQL, statement.Vars...).Scan(&plan).Error; err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		for _, step := range plan {
			words := strings.Fields(step.Detail)
			if words[0] == "SCAN" && !strings.Contains(step.Detail, "VIRTUAL TABLE") && !strings.HasPrefix(words[1], "(") && !slices.Contains(small, words[1]) {
				t.Errorf("%s reads everything: %s\nin %s", what, step.Detail, statement.SQL)
			}
		}
	}
}

func TestListsAndLookUpsStartInAnIndex(t *testing.T) {
	s := storetest.Open(t)
	ctx, now := t.Context(), storetest.Now()
	admin, owner, developer := storetest.Admin(t, s), storetest.Owner(t, s), storetest.Developer(t, s)
	day := models.UsageRange{From: now.Truncate(24 * time.Hour), To: now.Truncate(24*time.Hour).AddDate(0, 0, 1), Step: models.StepHour}
	byKey, byPlan := models.UsageScope{Keys: []models.KeyID{1, 2}, Stages: []models.StageID{1}, Method: 1}, models.UsageScope{Plans: []models.PlanID{1}}
	pages := []models.Page{{}, {After: "1.2"}, {Search: "an"}, {Search: "an", After: "1.2"}}
	filters := []models.EventFilter{{}, {Actor: "a"}, {Action: "key."}, {Object: "x"}, {From: now, To: now}, {Actor: "a", Action: "key.", Object: "x", From: now, To: now}}
	calls := map[string]func() error{
		"account":           func() error { _, _, err := s.AccountByEmail(ctx, "a@example.com"); return ignoreNotFound(err) },
		"certificates":      func() error { _, err := s.ClientCertificates(ctx, owner.ID); return err },
		"certificate":       func() error { _, err := s.ClientCertificate(ctx, owner.ID, 5); return ignoreNotFound(err) },
		"session":           func() error { _, err := s.LoadSession(ctx, [32]byte{}, now); return ignoreNotFound(err) },
		"sessions":          func() error { _, err := s.Sessions(ctx, owner.ID, now); return err },
		"link":              func() error { _, err := s.LinkByToken(ctx, "x", now); return ignoreNotFound(err) },
		"domains to check":  func() error { _, err := s.DomainsToCheck(ctx, now); return err },
		"domains to forget": func() error { return s.ForgetDomains(ctx, now) },
		"version":           func() error { _, err := s.Version(ctx); return err },
		"changes":           func() error { _, err := s.ChangesSince(ctx, 5); return err },
		"credential":        func() error { _, err := s.Credential(ctx, 5); return ignoreNotFound(err) },
		"plans that end":    func() error { return s.EndDuePlans(ctx, now) },
		"plans that change": func() error { return s.PublishDuePlans(ctx, now) },
		"notices to tell":   func() error { return s.TellChanges(ctx, now) },
		"notices to count":  func() error { _, err := s.UncountedChanges(ctx); return err },
		"receivers":         func() error { _, err := s.UncountedReceivers(ctx, 5); return err },
		"unseen notices":    func() error { _, err := s.UnseenNotices(ctx, developer.ID); return err },
		"a notice":          func() error { _, err := s.ChangeNotice(ctx, developer.ID, 5); return ignoreNotFound(err) },
		"notices of a plan": func() error { _, err := s.PlanChangeNotices(ctx, owner.ID, 5); return err },
		"keys of nobody":    func() error { _, err := s.KeysWithoutDeveloper(ctx, owner.ID, 5); return err },
		"keys of a stage":   func() error { _, err := s.StageKeys(ctx, developer.ID, 5, 6); return err },
		"subscribed keys":   func() error { _, err := s.SubscriptionKeys(ctx, owner.ID, 5); return ignoreNotFound(err) },
		"keys of a plan": func() error {
			_, err := s.KeysOfPlan(ctx, owner.ID, 5, []models.KeyID{1, 2}, now.AddDate(0, 0, -30), now)
			return ignoreNotFound(err)
		},
		"receipt": func() error {
			_, err := s.ReceiptDetail(ctx, owner.ID, models.Receipt{KeyID: 5, APIID: 6})
			return ignoreNotFound(err)
		},
		"receipts": func() error {
			_, err := s.LimitsChanged(ctx, models.ReceiptDetail{ReceiptRow: models.ReceiptRow{Receipt: models.Receipt{KeyID: 5, PlanID: 6}}}, now, now)
			if err != nil {
				return err
			}
			_, err = s.ReceiptRows(ctx, owner.ID, 5, []models.Receipt{{KeyID: 5, APIID: 6}})
			return err
		},
		"log's apps":     func() error { _, err := s.LogAppsOf(ctx, developer.ID); return err },
		"log's customer": func() error { _, _, err := s.LogCustomer(ctx, owner.ID, 5); return ignoreNotFound(err) },
		"log's names": func() error {
			_, err := s.LogNames(ctx, owner.ID, models.LogQuestion{Plan: 5, Stage: 6, Method: 7})
			return err
		},
		"log's APIs": func() error { _, err := s.LogAPIsOf(ctx, owner.ID); return err },
		"log's slug": func() error { _, err := s.LogAPIBySlug(ctx, "echo"); return err },
		"log's keys": func() error { _, err := s.LogKeys(ctx, owner.ID, []models.KeyID{1, 2}); return err },
		"keyless request": func() error {
			_, err := s.ReceiptDetail(ctx, owner.ID, models.Receipt{APIID: 6})
			return ignoreNotFound(err)
		},
		"quota":            func() error { _, err := s.QuotaUsed(ctx, 1, 2, now, now); return err },
		"series by key":    func() error { _, err := s.UsageSeries(ctx, byKey, day); return err },
		"series by plan":   func() error { _, err := s.UsageSeries(ctx, byPlan, day); return err },
		"rows by key":      func() error { _, err := s.UsageBreakdown(ctx, byKey, day, models.ByKey, 5); return err },
		"rows by method":   func() error { _, err := s.UsageBreakdown(ctx, byPlan, day, models.ByMethod, 5); return err },
		"rows by plan":     func() error { _, err := s.UsageBreakdown(ctx, byPlan, day, models.ByPlan, 5); return err },
		"rows by stage":    func() error { _, err := s.UsageBreakdown(ctx, byKey, day, models.ByStage, 5); return err },
		"overrides":        func() error { _, err := s.Overrides(ctx, []models.KeyID{1}); return err },
		"plan's overrides": func() error { _, err := s.PlanOverrides(ctx, 1, now); return err },
		"customer's keys": func() error {
			_, err := s.CustomerKeys(ctx, owner.ID, models.CustomerRef{AccountID: developer.ID})
			return err
		},
		"keys of a customer id": func() error {
			_, err := s.CustomerKeys(ctx, owner.ID, models.CustomerRef{CustomerID: "C"})
			return err
		},
		"customer's subscriptions": func() error { _, err := s.CustomerSubscriptions(ctx, owner.ID, developer.ID); return err },
		"customer's events":        func() error { _, err := s.CustomerEvents(ctx, owner.ID, []string{"a", "b"}); return err },
		"customer's notes": func() error {
			_, err := s.CustomerNotes(ctx, owner.ID, models.CustomerRef{AccountID: developer.ID})
			return err
		},
		"notes of a customer id": func() error {
			_, err := s.CustomerNotes(ctx, owner.ID, models.CustomerRef{CustomerID: "C"})
			return err
		},
		"usage by hour": func() error {
			_, err := s.UsageHours(ctx, models.UsageScope{Developer: developer.ID}, now, now.Add(time.Hour), time.UTC)
			return err
		},
		"places of usage": func() error { _, err := s.UsagePlaces(ctx, developer.ID); return err },
		"months":          func() error { _, err := s.StatementMonths(ctx, owner.ID, now, 12); return err },
		"statements":      func() error { _, err := s.Statements(ctx, owner.ID, now, models.Page{After: "1.2"}); return err },
		"statement":       func() error { _, err := s.Statement(ctx, owner.ID, now, 1); return ignoreNotFound(err) },
		"operations": func() error {
			_, err := s.StatementOperations(ctx, models.Statement{OwnerID: owner.ID, Month: now}, 5)
			return err
		},
		"own statements":     func() error { _, err := s.AccountStatements(ctx, developer.ID, 12); return err },
		"own statement":      func() error { _, err := s.AccountStatement(ctx, developer.ID, now, 1); return ignoreNotFound(err) },
		"consumer":           func() error { _, err := s.Consumer(ctx, owner.ID, 1); return ignoreNotFound(err) },
		"customers of usage": func() error { _, _, err := s.UsageCustomers(ctx, owner.ID, 1); return err },
		"customers called":   func() error { _, err := s.FindConsumers(ctx, owner.ID, "a", 5); return err },
		"busy customers":     func() error { _, err := s.FindConsumers(ctx, owner.ID, "", 5); return err },
		"rows by customer": func() error {
			_, err := s.UsageBreakdown(ctx, models.UsageScope{Consumers: []models.ConsumerID{1, 2}}, day, models.ByCustomer, 5)
			return err
		},
		"growing":              func() error { _, err := s.CustomerWeeks(ctx, owner.ID, models.CustomersGrowing, 5); return err },
		"declining":            func() error { _, err := s.CustomerWeeks(ctx, owner.ID, models.CustomersDeclining, 5); return err },
		"throttled":            func() error { _, err := s.CustomerWeeks(ctx, owner.ID, models.CustomersThrottled, 5); return err },
		"near their quota":     func() error { _, err := s.CustomerWeeks(ctx, owner.ID, models.CustomersNearQuota, 5); return err },
		"called of all":        func() error { _, err := s.CalledDeprecations(ctx, owner.ID, 0, 5, now); return err },
		"called of an API":     func() error { _, err := s.CalledDeprecations(ctx, owner.ID, 5, 5, now); return err },
		"reminders of sunsets": func() error { return s.RemindOfSunsets(ctx, now) },
		"what is deprecated":   func() error { _, err := s.Deprecations(ctx, 5); return err },
		"a deprecation":        func() error { _, err := s.Deprecation(ctx, owner.ID, 5, 6); return ignoreNotFound(err) },
		"announced change":     func() error { _, err := s.AnnouncedChange(ctx, 5); return ignoreNotFound(err) },
		"failed publications":  func() error { _, err := s.FailedPublications(ctx, owner.ID); return err },
		"search of changelogs": func() error { _, err := s.SearchChangelogs(ctx, []models.APIID{1, 2}, "x", 5); return err },
		"changelog":            func() error { _, err := s.Changelog(ctx, 5); return err },
		"document that waits":  func() error { _, err := s.WaitingDocument(ctx, owner.ID, 5); return ignoreNotFound(err) },
		"its text":             func() error { _, _, err := s.WaitingText(ctx, owner.ID, 5); return ignoreNotFound(err) },
		"last import":          func() error { _, err := s.ImportedDocument(ctx, owner.ID, 5); return ignoreNotFound(err) },
		"whether one waits":    func() error { _, err := s.DocumentWaits(ctx, 5); return err },
		"draft":                func() error { _, err := s.Draft(ctx, owner.ID, 5); return ignoreNotFound(err) },
		"entry of a changelog": func() error { _, err := s.ChangelogEntry(ctx, owner.ID, 5, 6); return ignoreNotFound(err) },
		"accounts at all":      func() error { _, err := s.HasAccounts(ctx); return err },
		"password's hash":      func() error { _, err := s.PasswordHash(ctx, owner.ID); return err },
		"one's own record":     func() error { _, err := s.Account(ctx, owner.ID); return err },
	}
	for _, sc := range []models.UsageScope{{Owner: owner.ID}, {Owner: owner.ID, Stages: byKey.Stages}, {Owner: owner.ID, Method: 1}, {Owner: owner.ID, Stages: byKey.Stages, Method: 1},
		{Developer: developer.ID}, {Developer: developer.ID, Method: 1}, {Developer: developer.ID, Plans: byPlan.Plans, Stages: byKey.Stages},
		{Consumers: []models.ConsumerID{1, 2}}, {Consumers: []models.ConsumerID{1}, Plans: byPlan.Plans, Stages: byKey.Stages, Method: 1}, {Keys: byKey.Keys, Plans: byPlan.Plans}, byPlan, {Plans: byPlan.Plans, Stages: byKey.Stages}} {
		what := fmt.Sprintf("usage of %+v", sc)
		calls[what] = func() error { _, err := s.UsageSeries(ctx, sc, day); return err }
		for _, by := range []models.UsageGroup{models.ByMethod, models.ByPlan, models.ByStage} {
			calls[what+" by "+string(by)] = func() error { _, err := s.UsageBreakdown(ctx, sc, day, by, 5); return err }
		}
	}
	for what, call := range calls {
		small := []string{"g", "top", "totals", "wholes", "x"} // what a breakdown has grouped and limited, and the ids that it is about
		wantNoScan(t, s, what, func() { ok(t, call()) }, small...)
	}
	api, err := s.CreateAPI(ctx, storetest.Actor(owner), models.NewAPI{Name: "Echo", Slug: "echo", KeySource: models.DefaultKeySource()}, now)
	ok(t, err)
	wantNoScan(t, s, "proposals", func() { _, err := s.ChangelogProposals(ctx, owner.ID, api.ID); ok(t, err) })
	wantNoScan(t, s, "callers of operations", func() { _, err := s.CallersOf(ctx, owner.ID, api.ID, []models.MethodID{1, 2}, 5, now); ok(t, err) }, "x")
	wantNoScan(t, s, "callers of one", func() {
		_, err := s.Callers(ctx, owner.ID, models.Deprecation{APIID: api.ID, MethodID: 1}, 5, now)
		ok(t, err)
	})
	wantNoScan(t, s, "callers of a stage", func() {
		_, err := s.Callers(ctx, owner.ID, models.Deprecation{APIID: api.ID, StageID: 1}, 5, now)
		ok(t, err)
	})
	wantNoScan(t, s, "calls of operations", func() { _, err := s.MethodCalls(ctx, owner.ID, api.ID, []models.MethodID{1, 2}, now); ok(t, err) })
	for _, page := range pages {
		wantNoScan(t, s, "notices", func() { _, err := s.ChangeNotices(ctx, developer.ID, page); ok(t, err) })
		wantNoScan(t, s, "accounts", func() { _, err := s.Accounts(ctx, page); ok(t, err) })
		wantNoScan(t, s, "customers", func() { _, err := s.Customers(ctx, owner.ID, page); ok(t, err) })
		if page.After != "1.2" {
			wantNoScan(t, s, "customer ids", func() { _, err := s.CustomersOfKeys(ctx, owner.ID, page); ok(t, err) }, "x")
		}
		wantNoScan(t, s, "links", func() { _, err := s.Links(ctx, page); ok(t, err) })
		wantNoScan(t, s, "all domains", func() { _, err := s.AllDomains(ctx, page); ok(t, err) })
		for _, viewer := range []models.Account{admin, owner, developer} {
			for _, filter := range filters {
				wantNoScan(t, s, "events of "+viewer.Role.String(), func() { _, err := s.Events(ctx, viewer, filter, page); ok(t, err) })
			}
		}
	}
}

func ignoreNotFound(err error) error {
	if models.KindOf(err) == models.KindNotFound {
		return nil
	}
	return err
}
