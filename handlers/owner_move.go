package handlers

import (
	"context"
	"slices"
	"strings"

	"gatehouse/models"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// moveStore is what choosing where something moves needs of the store.
type moveStore interface {
	planLister
	Plan(ctx context.Context, owner models.AccountID, id models.PlanID) (models.PlanRow, error)
}

// moveView lists the plans to which something can be moved from a plan, with what changes. Others are the plans that a key stays on: one that
// opens a stage of theirs cannot be chosen (R1).
func moveView(r *Request, store moveStore, from models.PlanID, others []models.Membership) (owner.MoveView, error) {
	var v owner.MoveView
	list, err := store.Plans(r.Context(), r.Account.ID, models.PlanPublished, models.Page{Limit: plansListed})
	if err != nil {
		return v, err
	}
	left, err := store.Plan(r.Context(), r.Account.ID, from)
	if err != nil {
		return v, err
	}
	labels := map[models.StageID]string{}
	name := func(row models.PlanRow) {
		for i, id := range row.Current().StageIDs() {
			labels[id] = row.Stages[i]
		}
	}
	name(left)
	for _, row := range list.Items {
		name(row)
	}
	held := map[models.StageID]string{}
	for _, m := range others {
		row, err := store.Plan(r.Context(), r.Account.ID, m.PlanID)
		if err != nil {
			return v, err
		}
		name(row)
		for _, id := range row.InForce.StageIDs() {
			held[id] = row.Name()
		}
	}
	for _, row := range list.Items {
		if row.ID == from || slices.ContainsFunc(others, func(m models.Membership) bool { return m.PlanID == row.ID }) {
			continue
		}
		o := ui.Option{Value: row.ID.String(), Label: row.Name(), Hint: limitsLine(row.InForce) + stagesMoved(left.InForce, row.InForce, labels)}
		if end, ending := endBadge(row.Plan, r.Now); ending {
			o.Hint += " · " + strings.ToLower(end.Text[:1]) + end.Text[1:]
		}
		for _, id := range row.InForce.StageIDs() {
			if plan, taken := held[id]; taken {
				o.Disabled, o.Hint = true, "Opens "+labels[id]+", which the key calls on "+plan+" already."
			}
		}
		v.Plans = append(v.Plans, o)
	}
	return v, nil
}

// stagesMoved says which stages a move opens and closes; "" where it is none.
func stagesMoved(before, after models.Terms, labels map[models.StageID]string) string {
	only := func(a, b models.Terms) string {
		var names []string
		for _, id := range a.StageIDs() {
			if !b.Opens(id) {
				names = append(names, labels[id])
			}
		}
		return strings.Join(names, ", ")
	}
	words := ""
	if opened := only(after, before); opened != "" {
		words += " · also opens " + opened
	}
	if closed := only(before, after); closed != "" {
		words += " · closes " + closed
	}
	return words
}
