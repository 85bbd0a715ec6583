package store

import (
	"fmt"
	"slices"
	"time"

	"gatehouse/models"
)

// usageKind says what a row of usage adds up, and so what its id is of; the numbers are stored.
type usageKind int64

// The kinds. Only what was called on a plan is in them, but for a key's and a developer's, which have all that was called.
const (
	usageOfKey          usageKind = iota + 1 // by plan, stage and method
	usageOfDeveloper                         // all keys of an account's apps
	usageOfOwner                             // all plans of an account
	usageOfPlan                              // a plan
	usageOfPlanMethods                       // a plan by stage and method
	usageOfStage                             // a stage, on any plan
	usageOfStageMethods                      // a stage by method, on any plan
	usageOfCustomer                          // a customer by plan, stage and method
)

// column names what tells rows of the kind apart: id stands for itself.
func (k usageKind) column(name string) string {
	switch {
	case name == "key_id" && k == usageOfKey,
		name == "customer_id" && k == usageOfCustomer,
		name == "plan_id" && (k == usageOfPlan || k == usageOfPlanMethods),
		name == "stage_id" && (k == usageOfStage || k == usageOfStageMethods):
		return "u.id"
	}
	return "u." + name
}

// usageTable is usage at one resolution.
type usageTable struct {
	name   string
	step   models.Step
	kept   time.Duration
	upsert upsert
}

// usageTables are from fine to coarse; each step divides the next.
var usageTables = [...]usageTable{
	newUsageTable("usage_minutes", models.StepMinute, 3*24*time.Hour),
	newUsageTable("usage_half_hours", models.StepHalfHour, 35*24*time.Hour),
	newUsageTable("usage_days", models.StepDay, 400*24*time.Hour),
}

// usageKeys are the primary key of the tables.
func usageKeys() []string {
	return []string{"kind", "id", "start", "plan_id", "stage_id", "method_id"}
}

// outcomeColumns are the requests by outcome.
func outcomeColumns() []string {
	columns := make([]string, models.NumOutcomes)
	for o := range columns {
		columns[o] = fmt.Sprintf("o%d", o)
	}
	return columns
}

// sumColumns are the columns that add up, in the order of usageEntry.sums.
func sumColumns() []string {
	columns := append(outcomeColumns(), "bytes_in", "bytes_out", "throttled_seconds", "upstream_us", "gateway_us", "timed")
	for i := range models.NumLatencies {
		columns = append(columns, fmt.Sprintf("l%d", i))
	}
	return columns
}

func newUsageTable(name string, step models.Step, kept time.Duration) usageTable {
	columns, adds := slices.Concat(usageKeys(), sumColumns()), sumColumns()
	for i, c := range adds {
		adds[i] = c + " = " + c + " + excluded." + c
	}
	return usageTable{name: name, step: step, kept: kept, upsert: newUpsert("INSERT INTO "+name+" ("+list(columns...)+")", len(columns),
		"ON CONFLICT ("+list(usageKeys()...)+") DO UPDATE SET "+list(adds...))}
}

// seconds returns the length of a row's time.
func (t *usageTable) seconds() int64 { return int64(time.Duration(t.step) / time.Second) }

// usageTableOf returns which of usageTables has a stored resolution.
func usageTableOf(resolution models.Step) int {
	return slices.IndexFunc(usageTables[:], func(t usageTable) bool { return t.step == resolution })
}
