package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/models"
)

// usageSource is where the rows of a scope lie: those of a kind whose id is in a list.
type usageSource struct {
	kind   usageKind
	ids    string // a table of one column, value, in SQL
	args   []any  // of ids
	where  string // further conditions on the rows u
	limits []any  // of where
}

// Lists of ids that belong to an account, each row of which is found by an index.
const (
	oneID         = `(SELECT ? AS value)`
	listedIDs     = `json_each(?)`
	plansOfOwner  = `(SELECT id AS value FROM plans WHERE owner_id = ?)`
	keysOfPerson  = `(SELECT k.id AS value FROM apps a JOIN keys k ON k.app_id = a.id WHERE a.account_id = ?)`
	asCustomer    = `(SELECT id AS value FROM usage_customers WHERE account_id = ?)`
	stagesOfOwner = `(SELECT st.id AS value FROM apis a JOIN stages st ON st.api_id = a.id WHERE a.owner_id = ?)`
	stagesOfThese = `(SELECT st.id AS value FROM json_each(?) l CROSS JOIN stages st ON st.id = l.value JOIN apis a ON a.id = st.api_id WHERE a.owner_id = ?)`
	// Plans that open a stage of a list or did so once: the rows of all others would be read for nothing.
	plansOnStages = `(SELECT DISTINCT p.id AS value FROM plans p JOIN plan_versions v ON v.plan_id = p.id JOIN json_each(v.terms, '$.stages') e
		WHERE p.owner_id = ? AND json_extract(e.value, '$.stage') IN (SELECT value FROM json_each(?)))`
)

// sourceOf chooses the kind that answers with fewest rows. by is "" for a series. ok is false when the scope is empty: somebody without keys or plans.
func sourceOf(sc models.UsageScope, by models.UsageGroup) (src usageSource, ok bool, err error) {
	whole, accounts := sc.Stages == nil && sc.Method == 0, sc.Owner != 0 || sc.Developer != 0
	switch {
	case accounts && (sc.Owner != 0 && (sc.Developer != 0 || len(sc.Plans) > 0) || len(sc.Keys)+len(sc.Consumers) > 0) || len(sc.Keys) > 0 && len(sc.Consumers) > 0:
		return src, false, errors.New("usage is asked for of an owner, a developer, customers or keys")
	case len(sc.Keys) > 0:
		src = source(usageOfKey, listedIDs, numberList(sc.Keys))
		if len(sc.Plans) > 0 {
			src.narrow("plan_id", numberList(sc.Plans))
		}
	case sc.Developer != 0 && whole && len(sc.Plans) == 0 && by == "":
		src = source(usageOfDeveloper, oneID, int64(sc.Developer))
	case sc.Developer != 0 || len(sc.Consumers) > 0:
		switch {
		case sc.Developer == 0:
			src = source(usageOfCustomer, listedIDs, numberList(sc.Consumers))
		case by == models.ByKey:
			src = source(usageOfKey, keysOfPerson, int64(sc.Developer))
		default:
			src = source(usageOfCustomer, asCustomer, int64(sc.Developer))
		}
		if len(sc.Plans) > 0 {
			src.narrow("plan_id", numberList(sc.Plans))
		}
	case len(sc.Plans) > 0 && whole && (by == "" || by == models.ByPlan):
		src = source(usageOfPlan, listedIDs, numberList(sc.Plans))
	case len(sc.Plans) > 0:
		src = source(usageOfPlanMethods, listedIDs, numberList(sc.Plans))
	case sc.Owner != 0:
		src = sourceOfOwner(sc, by, whole)
	default:
		return src, false, nil
	}
	if sc.Stages != nil {
		src.narrow("stage_id", numberList(sc.Stages))
	}
	if sc.Method != 0 {
		src.narrow("method_id", numberList([]models.MethodID{sc.Method}))
	}
	return src, true, nil
}

func sourceOfOwner(sc models.UsageScope, by models.UsageGroup, whole bool) usageSource {
	owner := int64(sc.Owner)
	switch {
	case by == "" && whole:
		return source(usageOfOwner, oneID, owner)
	case by == models.ByPlan && whole:
		return source(usageOfPlan, plansOfOwner, owner)
	case by == models.ByPlan && sc.Stages != nil:
		return source(usageOfPlanMethods, plansOnStages, owner, textList(sc.Stages))
	case by == models.ByPlan:
		return source(usageOfPlanMethods, plansOfOwner, owner)
	}
	kind := usageOfStage
	if by == models.ByMethod || sc.Method != 0 {
		kind = usageOfStageMethods
	}
	if sc.Stages != nil {
		return source(kind, stagesOfThese, numberList(sc.Stages), owner)
	}
	return source(kind, stagesOfOwner, owner)
}

func source(kind usageKind, ids string, args ...any) usageSource {
	return usageSource{kind: kind, ids: ids, args: args}
}

// narrow leaves out rows with another value in a column.
func (src *usageSource) narrow(column, values string) {
	src.where += ` AND ` + src.kind.column(column) + ` IN (SELECT value FROM json_each(?))`
	src.limits = append(src.limits, values)
}

// span is a part of a range that one table answers for, in Unix seconds.
type span struct {
	table    *usageTable
	from, to int64
}

// rows is what to read of a span: "x CROSS JOIN u", which is read in this order, by the primary key.
func (src *usageSource) rows(s span) (text string, args []any) {
	return src.ids + ` x CROSS JOIN ` + s.table.name + ` u ON u.kind = ? AND u.id = x.value WHERE u.start >= ? AND u.start < ?` + src.where,
		slices.Concat(src.args, []any{int64(src.kind), s.from, s.to}, src.limits)
}

// totals sums all requests of a span by id, NULL for an id without any. An id's rows lie side by side: they are not sorted into groups, as GROUP BY would.
func (src *usageSource) totals(s span) (text string, args []any) {
	return `SELECT x.value, (SELECT ` + totalOf("u") + ` FROM ` + s.table.name + ` u WHERE u.kind = ? AND u.id = x.value AND u.start >= ? AND u.start < ?` + src.where + `) FROM ` + src.ids + ` x`,
		slices.Concat([]any{int64(src.kind), s.from, s.to}, src.limits, src.args)
}

// methodTotals is totals by id and method. Each id's rows are sorted by themselves, and as one number each.
func (src *usageSource) methodTotals(s span) (text string, args []any) {
	return `SELECT x.value, json_extract(j.value, '$[0]'), json_extract(j.value, '$[1]') FROM ` + src.ids + ` x CROSS JOIN json_each((SELECT json_group_array(json_array(method_id, total)) FROM (SELECT method_id, sum(n) AS total
			FROM (SELECT u.method_id, ` + sumOf("u", allOutcomes()) + ` AS n FROM ` + s.table.name + ` u WHERE u.kind = ? AND u.id = x.value AND u.start >= ? AND u.start < ?` + src.where + ` LIMIT -1) GROUP BY method_id))) j`,
		slices.Concat(src.args, []any{int64(src.kind), s.from, s.to}, src.limits)
}

// checkStep says whether usage can be read in such steps.
func checkStep(step models.Step) error {
	if d := time.Duration(step); d <= 0 || d%time.Minute != 0 {
		return fmt.Errorf("usage is stored by the minute: step %v", d)
	}
	return nil
}

// cover cuts a range into the spans of the coarsest tables that add up to it, none finer than usageTables[finest]: days where there are whole ones, half
// hours and minutes about them.
func cover(from, to int64, finest int) []span {
	here := &usageTables[finest]
	if finest == len(usageTables)-1 {
		return []span{{here, from, to}}
	}
	length := usageTables[finest+1].seconds()
	first, last := (from+length-1)/length*length, to/length*length
	if first >= last {
		return []span{{here, from, to}}
	}
	spans := cover(first, last, finest+1)
	if from < first {
		spans = append(spans, span{here, from, first})
	}
	if last < to {
		spans = append(spans, span{here, last, to})
	}
	return spans
}

// numberList writes ids as a JSON list of numbers, each once, which json_each reads: one statement, and one plan, for any number of them.
func numberList[T any](ids []models.ID[T]) string {
	numbers := make([]int64, len(ids))
	for i, id := range ids {
		numbers[i] = int64(id)
	}
	slices.Sort(numbers)
	text, _ := json.Marshal(slices.Compact(numbers)) // numbers always have a JSON form
	return string(text)
}

// textList writes ids as a JSON list in the form that documents have them in.
func textList[T any](ids []models.ID[T]) string {
	text, _ := json.Marshal(ids) // ids always have a JSON form
	return string(text)
}

// list joins expressions.
func list(expressions ...string) string { return strings.Join(expressions, ", ") }
