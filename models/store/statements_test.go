package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
	"gatehouse/models/store"
)

// february is the month before the test's clock, and overFebruary when it can be closed.
var (
	february     = time.Date(2026, time.February, 1, 0, 0, 0, 0, time.UTC)
	overFebruary = time.Date(2026, time.March, 1, 1, 0, 0, 0, time.UTC)
)

// call meters n requests of a key on a plan, of which some were given back.
func (w *world) call(key models.KeyID, plan models.PlanID, at time.Time, n, refunded, refused int64) {
	w.t.Helper()
	cell := models.UsageCell{KeyID: key, PlanID: plan, StageID: 1, Minute: at.Truncate(time.Minute).Unix()}
	good, bad, no := cell, cell, cell
	good.Outcome, good.Count = models.OutcomeSuccess, n-refunded
	bad.Outcome, bad.Count = models.OutcomeUpstream, refunded
	no.Outcome, no.Count = models.OutcomeThrottled, refused
	ok(w.t, w.CommitUsage(w.t.Context(), models.UsageBatch{Cells: []models.UsageCell{good, bad, no},
		Charged: []models.QuotaUse{{KeyID: key, PlanID: plan, Day: at.Unix() / 86400, Used: n - refunded}}}))
}

// ledger is what is charged against quotas in a month, by plan and key.
func (w *world) ledger(month time.Time) map[[2]int64]int64 {
	w.t.Helper()
	var rows []struct{ PlanID, KeyID, Used int64 }
	ok(w.t, store.Writer(w.Store).Raw(`SELECT plan_id, key_id, sum(used) AS used FROM quota_days WHERE day >= ? AND day < ? GROUP BY 1, 2`,
		month.Unix()/86400, month.AddDate(0, 1, 0).Unix()/86400).Scan(&rows).Error)
	out := map[[2]int64]int64{}
	for _, r := range rows {
		out[[2]int64{r.PlanID, r.KeyID}] = r.Used
	}
	return out
}

// statements are what an owner bills from: one unit off is money.
func TestClosedStatementsEqualTheLedgerToTheUnit(t *testing.T) {
	w := newWorld(t)
	free, gold := w.plan("Free", w.stage("prod")), w.plan("Gold", w.stage("beta"))
	made := w.subscribe(free, "App")
	other := w.subscribe(free, "Other")
	day := func(d int) time.Time { return time.Date(2026, time.February, d, 23, 59, 0, 0, time.UTC) }
	w.call(made.Key.ID, free.ID, february, 100, 7, 3)                // some were given back
	w.call(made.Key.ID, gold.ID, day(10), 50, 0, 0)                  // it was moved
	w.call(made.Key.ID, free.ID, day(20), 11, 11, 0)                 // and back
	w.call(other.Key.ID, free.ID, day(28), 1, 0, 0)                  // in the last minute
	w.call(other.Key.ID, free.ID, day(28).Add(time.Minute), 5, 0, 0) // in the next month
	ok(t, w.RevokeKey(t.Context(), w.asDeveloper(), made.Key.ID, w.later()))
	ok(t, w.CancelSubscription(t.Context(), w.asDeveloper(), other.Subscription.ID, w.later()))

	ok(t, w.CloseMonths(t.Context(), overFebruary.Add(-time.Second)))
	if _, err := w.StatementsClosed(t.Context(), w.owner.ID, february); models.KindOf(err) != models.KindNotFound {
		t.Fatalf("the month is closed before it is over for an hour: %v", err)
	}
	ok(t, w.CloseMonths(t.Context(), overFebruary))
	got, refunded := map[[2]int64]int64{}, int64(0)
	ok(t, w.EachStatementLine(t.Context(), w.owner.ID, february, func(s models.Statement, l models.StatementLine) error {
		got[[2]int64{int64(l.PlanID), int64(l.KeyID)}] = l.Charged
		refunded += l.Refunded()
		if s.Customer.AccountID != w.developer.ID || s.Customer.Email != w.developer.Email || l.Plan == "" || l.Key == "" {
			t.Errorf("a line is of %+v: %+v", s.Customer, l)
		}
		return nil
	}))
	if diff := cmp.Diff(w.ledger(february), got); diff != "" {
		t.Errorf("charged (-ledger +statement):\n%s", diff)
	}
	if refunded != 18 {
		t.Errorf("%d were given back, want 18", refunded)
	}
	list, err := w.Statements(t.Context(), w.owner.ID, february, models.Page{})
	ok(t, err)
	if len(list.Items) != 1 || list.Items[0].StatementSums != (models.StatementSums{Charged: 144, Admitted: 162, Refused: 3}) {
		t.Fatalf("statements: %+v", list.Items)
	}
	st, err := w.AccountStatement(t.Context(), w.developer.ID, february, list.Items[0].Customer.ID)
	ok(t, err)
	operations, err := w.StatementOperations(t.Context(), st, 10)
	ok(t, err)
	if diff := cmp.Diff([]models.StatementOperation{{StageID: 1, Stage: "Deleted stage", Method: "No method", Admitted: 162, Refused: 3}}, operations); diff != "" {
		t.Errorf("by operation (-want +got):\n%s", diff)
	}
	if len(st.Lines) != 3 || st.Charged != 144 || st.Owner != w.owner.Name {
		t.Errorf("what the developer sees: %+v", st)
	}
}

// What was billed must stay what it was.
func TestAClosedMonthNeverChanges(t *testing.T) {
	w := newWorld(t)
	p := w.plan("Free", w.stage("prod"))
	made := w.subscribe(p, "App")
	w.call(made.Key.ID, p.ID, february, 10, 0, 0)
	ok(t, w.CloseMonths(t.Context(), overFebruary))
	closed, err := w.StatementsClosed(t.Context(), w.owner.ID, february)
	ok(t, err)
	w.call(made.Key.ID, p.ID, february.AddDate(0, 0, 3), 5, 0, 0) // of a clock that was set back
	ok(t, w.CloseMonths(t.Context(), overFebruary.AddDate(0, 1, 0)))
	if again, err := w.StatementsClosed(t.Context(), w.owner.ID, february); err != nil || again != closed {
		t.Errorf("closed at %v, later at %v: %v", closed, again, err)
	}
	list, err := w.Statements(t.Context(), w.owner.ID, february, models.Page{})
	ok(t, err)
	if len(list.Items) != 1 || list.Items[0].Charged != 10 {
		t.Errorf("the statement became %+v", list.Items)
	}
	if again, err := w.StatementOperations(t.Context(), list.Items[0], 10); err != nil || len(again) != 1 || again[0].Admitted != 10 {
		t.Errorf("its operations became %+v, %v", again, err)
	}
	for _, statement := range []string{`UPDATE statements SET charged = 1`, `DELETE FROM statements`, `UPDATE statement_lines SET charged = 1`, `DELETE FROM statement_lines`,
		`UPDATE statement_operations SET admitted = 1`, `DELETE FROM statement_operations`,
		`INSERT INTO statement_operations SELECT owner_id, month, customer_id + 1, stage_id, method_id, stage, method, admitted, refused FROM statement_operations LIMIT 1`,
		`UPDATE statement_months SET closed_at = 1`, `DELETE FROM statement_months`,
		`INSERT INTO statements SELECT owner_id, month, customer_id + 1, account_id, customer, detail, charged, admitted, refused, extra FROM statements LIMIT 1`} {
		if err := store.Writer(w.Store).Exec(statement).Error; err == nil {
			t.Errorf("%s is let through", statement)
		}
	}
}

// A request that began in the month and is given back later belongs to the month: its statement waits.
func TestAMonthWaitsForRequestsThatCanBeGivenBack(t *testing.T) {
	w := newWorld(t)
	p := w.plan("Free", w.stage("prod"))
	made := w.subscribe(p, "App")
	ok(t, store.Writer(w.Store).Exec(`UPDATE plan_versions SET terms = json_set(terms, '$.charge', 'delivered')`).Error)
	last := overFebruary.Add(-61 * time.Minute)
	open := models.UsageCell{KeyID: made.Key.ID, PlanID: p.ID, StageID: 1, Minute: last.Unix(), Outcome: models.OutcomeOpen, Count: 1}
	charge := models.QuotaUse{KeyID: made.Key.ID, PlanID: p.ID, Day: last.Unix() / 86400, Used: 1}
	ok(t, w.CommitUsage(t.Context(), models.UsageBatch{Cells: []models.UsageCell{open}, Charged: []models.QuotaUse{charge}}))
	ok(t, w.CloseMonths(t.Context(), overFebruary))
	months, err := w.StatementMonths(t.Context(), w.owner.ID, overFebruary, 12)
	ok(t, err)
	if diff := cmp.Diff([]models.StatementMonth{{Month: february.AddDate(0, 1, 0)}, {Month: february, Open: 1}}, months); diff != "" {
		t.Errorf("months (-want +got):\n%s", diff)
	}
	failed := open
	failed.Outcome, open.Count, charge.Used = models.OutcomeUpstream, -1, -1
	ok(t, w.CommitUsage(t.Context(), models.UsageBatch{Cells: []models.UsageCell{open, failed}, Charged: []models.QuotaUse{charge}}))
	ok(t, w.CloseMonths(t.Context(), overFebruary))
	list, err := w.Statements(t.Context(), w.owner.ID, february, models.Page{})
	ok(t, err)
	if len(list.Items) != 1 || list.Items[0].Charged != 0 || list.Items[0].Refunded() != 1 {
		t.Errorf("the statement: %+v", list.Items)
	}
}

// Extensions are part of what is billed, also of keys that did not call; and a key's reference that was corrected during the month is the one on the statement.
func TestStatementsKnowExtensionsAndReferences(t *testing.T) {
	w := newWorld(t)
	p := w.plan("Free", w.stage("prod"))
	k, _, err := w.CreateCustomerKey(t.Context(), w.asOwner(), models.NewCustomerKey{Name: "Theirs", CustomerID: "C-1", Plans: []models.PlanID{p.ID}}, w.later())
	ok(t, err)
	idle := w.subscribe(p, "App")
	w.call(k.ID, p.ID, february, 4, 0, 0)
	ok(t, store.Writer(w.Store).Exec(`UPDATE keys SET customer_id = 'C-2' WHERE id = ?`, k.ID).Error)
	for form, key := range map[string]models.KeyID{"a": k.ID, "b": idle.Key.ID} {
		insert(t, w.Store, "quota_extensions", map[string]any{"form": form, "key_id": key, "plan_id": p.ID, "extra": 500, "at": february.AddDate(0, 0, 9).UnixMilli()})
	}
	ok(t, w.CloseMonths(t.Context(), overFebruary))
	got := map[string]models.StatementSums{}
	ok(t, w.EachStatementLine(t.Context(), w.owner.ID, february, func(s models.Statement, l models.StatementLine) error {
		got[s.Customer.Name+"/"+l.Key] = l.StatementSums
		return nil
	}))
	list, err := w.Statements(t.Context(), w.owner.ID, february, models.Page{})
	ok(t, err)
	for _, st := range list.Items { // operations go with the key to the customer whose reference it has now
		operations, err := w.StatementOperations(t.Context(), st, 10)
		ok(t, err)
		if n := map[string]int{"C-2": 1}[st.Customer.Name]; len(operations) != n {
			t.Errorf("%s has the operations %+v, want %d", st.Customer.Name, operations, n)
		}
	}
	want := map[string]models.StatementSums{"C-2/Theirs": {Charged: 4, Admitted: 4, Extra: 500}, w.developer.Name + "/" + idle.Key.Name: {Extra: 500}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

// Each order must find whom it is for, and a stranger's customers are nobody's.
func TestCustomersAreListedByHowTheyCall(t *testing.T) {
	w := newWorld(t)
	p := w.plan("Free", w.stage("prod"))
	now := time.Date(2026, time.February, 20, 12, 0, 0, 0, time.UTC)
	keys := map[string]models.KeyID{}
	for _, name := range []string{"grows", "declines", "throttled"} {
		k, _, err := w.CreateCustomerKey(t.Context(), w.asOwner(), models.NewCustomerKey{Name: name, CustomerID: name, Plans: []models.PlanID{p.ID}}, w.later())
		ok(t, err)
		keys[name] = k.ID
	}
	w.call(keys["grows"], p.ID, now.AddDate(0, 0, -10), 10, 0, 0)
	w.call(keys["grows"], p.ID, now.AddDate(0, 0, -2), 90, 0, 0)
	w.call(keys["declines"], p.ID, now.AddDate(0, 0, -10), 50, 0, 0)
	w.call(keys["declines"], p.ID, now.AddDate(0, 0, -1), 5, 0, 0)
	w.call(keys["throttled"], p.ID, now.AddDate(0, 0, -1), 5, 0, 20)
	ok(t, store.Writer(w.Store).Exec(`UPDATE plans SET quota_limit = 200, quota_period = 3, quota_offset = 0 WHERE id = ?`, p.ID).Error)
	ok(t, w.RefreshCustomers(t.Context(), now))
	for by, want := range map[models.CustomerOrder][]string{
		models.CustomersBusiest: {"grows", "throttled", "declines"}, models.CustomersGrowing: {"grows", "throttled"}, models.CustomersDeclining: {"declines"},
		models.CustomersThrottled: {"throttled"}, models.CustomersNearQuota: {"grows", "declines", "throttled"},
	} {
		list, err := w.CustomerWeeks(t.Context(), w.owner.ID, by, 10)
		ok(t, err)
		var got []string
		for _, c := range list {
			got = append(got, c.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", by, diff)
		}
		if others, err := w.CustomerWeeks(t.Context(), w.developer.ID, by, 10); err != nil || len(others) > 0 {
			t.Errorf("somebody else sees %v, %v", others, err)
		}
	}
}
