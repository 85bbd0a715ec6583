package handlers

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/templates/format"
	"gatehouse/templates/ui"
)

// stageNames knows stages and methods by their ids, for words about terms.
type stageNames map[models.StageID]models.StageChoice

func namesOf(choices []models.StageChoice) stageNames {
	names := stageNames{}
	for _, c := range choices {
		names[c.StageID] = c
	}
	return names
}

func (n stageNames) stage(id models.StageID) string {
	if c, ok := n[id]; ok {
		return c.Label()
	}
	return "a stage that is gone"
}

func (n stageNames) method(stage models.StageID, id models.MethodID) string {
	for _, m := range n[stage].Methods {
		if m.ID == id {
			return m.Name() + " on " + n[stage].Label()
		}
	}
	return "a method that is not deployed, on " + n.stage(stage)
}

// termsChanges lists the differences between two terms in words, in the order of the editor.
func termsChanges(before, after models.Terms, names stageNames) []models.TermsChange {
	var out []models.TermsChange
	add := func(what, was, is string) {
		if was != is {
			out = append(out, models.TermsChange{What: what, Before: was, After: is})
		}
	}
	first, last := termsCells(before)
	firstNow, lastNow := termsCells(after)
	for i, cell := range first {
		add(cell.Term, cell.Text, firstNow[i].Text)
	}
	for _, s := range before.Stages {
		if !after.Opens(s.StageID) {
			add(names.stage(s.StageID), "open", "closed")
		}
	}
	for _, s := range after.Stages {
		if !before.Opens(s.StageID) {
			add(names.stage(s.StageID), "closed", "open")
		}
	}
	out = append(out, methodChanges(before, after, names)...)
	for i, cell := range last {
		add(cell.Term, cell.Text, lastNow[i].Text)
	}
	return out
}

// termsCells is what terms say of everything but stages, in the order of the editor: before the stages, and after them.
func termsCells(t models.Terms) (first, last []ui.Definition) {
	rate, burst := throttleCells(t.Throttle)
	return []ui.Definition{
			{Term: "Name", Text: t.Name}, {Term: "Description", Text: orNone(t.Description)}, {Term: "Price", Text: orNone(t.Price)},
			{Term: "Rate", Text: rate}, {Term: "Burst", Text: burst}, {Term: "Quota", Text: quotaWords(t.Quota)}, {Term: "Quota resets", Text: resetCell(t.Quota)},
		}, []ui.Definition{
			{Term: "Who may subscribe", Text: audienceNames[t.Audience]}, {Term: "What counts", Text: chargeNames[t.Charge]},
			{Term: "Keys for an app", Text: fmt.Sprint(t.KeysPerApp)},
		}
}

// termsSheet is all that terms say, in words.
func termsSheet(t models.Terms, names stageNames) []ui.Definition {
	sheet, last := termsCells(t)
	for _, s := range t.Stages {
		sheet = append(sheet, ui.Definition{Term: names.stage(s.StageID), Text: "open"})
		for _, id := range methodsOf(s) {
			sheet = append(sheet, ui.Definition{Term: names.method(s.StageID, id), Text: methodWords(s, id)})
		}
	}
	return append(sheet, last...)
}

var audienceNames = map[models.Audience]string{models.AudienceAnyone: "anyone", models.AudienceAsk: "ask first", models.AudienceInvited: "invited only"}
var chargeNames = map[models.Charge]string{models.ChargeAccepted: "accepted requests", models.ChargeDelivered: "delivered answers"}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func throttleCells(t *limit.Throttle) (rate, burst string) {
	if t == nil {
		return "no limit", "no limit"
	}
	return format.RPS(t.Rate), format.Count(t.Burst)
}

func resetCell(q *limit.Quota) string {
	if q == nil || !q.IsSet() {
		return "never"
	}
	return resetWords(*q)
}

// methodChanges lists what changed for single methods of stages that are open before and after, and what is special in newly opened ones.
func methodChanges(before, after models.Terms, names stageNames) []models.TermsChange {
	var out []models.TermsChange
	for _, s := range after.Stages {
		var old models.PlanStage
		if i := slices.IndexFunc(before.Stages, func(o models.PlanStage) bool { return o.StageID == s.StageID }); i >= 0 {
			old = before.Stages[i]
		}
		for _, id := range methodsOf(old, s) {
			if was, is := methodWords(old, id), methodWords(s, id); was != is {
				out = append(out, models.TermsChange{What: names.method(s.StageID, id), Before: was, After: is})
			}
		}
	}
	return out
}

// methodsOf lists the methods that either stage says something special about.
func methodsOf(stages ...models.PlanStage) []models.MethodID {
	var ids []models.MethodID
	for _, s := range stages {
		for _, m := range s.Throttles {
			ids = append(ids, m.MethodID)
		}
		ids = append(ids, s.Excluded...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func methodWords(s models.PlanStage, id models.MethodID) string {
	if slices.Contains(s.Excluded, id) {
		return "left out"
	}
	for _, m := range s.Throttles {
		if m.MethodID == id {
			return format.RPS(m.Throttle.Rate) + ", burst " + format.Count(m.Throttle.Burst)
		}
	}
	return "as the plan"
}

const noStageWords = "No stage is chosen yet. A plan cannot be published before it opens one."

// termsWarnings are sentences about terms that are legal and still may not be what was meant.
func termsWarnings(t models.Terms, names stageNames, now time.Time) []string {
	var out []string
	if len(t.Stages) == 0 && len(names) > 0 {
		out = append(out, noStageWords)
	}
	if t.Throttle != nil && t.Throttle.RefusesAll() {
		out = append(out, "A rate or burst of 0 refuses every request with 429. To let requests through without a limit, turn the limit off.")
	}
	if q := t.Quota; q != nil && q.IsSet() {
		if q.Limit == 0 {
			out = append(out, "A quota of 0 refuses every request with 429. To have no quota, turn it off.")
		} else if t.Throttle != nil && !t.Throttle.RefusesAll() {
			window := q.Window(now)
			most := t.Throttle.Rate*window.End.Sub(window.Start).Seconds() + float64(t.Throttle.Burst)
			if most < float64(q.Limit) {
				out = append(out, fmt.Sprintf("At %s a key can make at most %s requests %s, so the quota of %s is never reached.",
					format.RPS(t.Throttle.Rate), format.Count(int64(math.Floor(most))), periodWords[q.Period], format.Count(q.Limit)))
			}
		}
	}
	for _, s := range t.Stages {
		if c, ok := names[s.StageID]; ok && !c.Deployed {
			out = append(out, c.Label()+" has no deployment yet: calls answer 404 until you deploy.")
		}
		for _, m := range s.Throttles {
			if m.Throttle.RefusesAll() {
				out = append(out, names.method(s.StageID, m.MethodID)+" has a rate or burst of 0: each of its calls is refused with 429. To close it, leave it out.")
			}
		}
	}
	return out
}

// previewCard is the plan as developers will see it.
func previewCard(t models.Terms, names stageNames) ui.Plan {
	p := models.CatalogPlan{Terms: t}
	for _, s := range t.Stages {
		c := names[s.StageID]
		open := len(c.Methods)
		for _, m := range c.Methods {
			if slices.Contains(s.Excluded, m.ID) {
				open--
			}
		}
		p.Stages = append(p.Stages, models.CatalogPlanStage{StageID: s.StageID, StageName: names.stage(s.StageID), Opened: open, Total: len(c.Methods)})
	}
	card := planCard(p)
	if strings.TrimSpace(card.Name) == "" {
		card.Name = "Unnamed plan"
	}
	return card
}
