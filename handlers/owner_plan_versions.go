package handlers

import (
	"time"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// Versions is a plan's history: what it promised when, what changed each time, and by whom.
func (o *OwnerPlans) Versions(r *Request) (Reply, error) {
	row, choices, err := o.planAndChoices(r)
	if err != nil {
		return Reply{}, err
	}
	versions, err := o.Store.PlanVersions(r.Context(), r.Account.ID, row.ID)
	if err != nil {
		return Reply{}, err
	}
	names := namesOf(choices)
	v := owner.VersionsView{PlanHead: planHead(row, r.Here()), Now: r.Now, Notes: lifeNotes(row.Plan.At(r.Now), r.Local), AuditHref: "/owner/audit?object=" + row.ID.String()}
	v.Subtitle = "Every publication is kept as it was."
	if row.Draft != nil && row.Version > 0 {
		v.Draft = &owner.VersionView{By: row.DraftBy, At: row.DraftAt, Changes: changeViews(termsChanges(row.InForce, *row.Draft, names))}
	}
	for i, version := range versions {
		one := owner.VersionView{Number: version.Version, By: version.PublishedBy, At: version.PublishedAt, First: i == len(versions)-1,
			Current: version.Version == row.Version && row.Plan.At(r.Now).State != models.PlanEnded, Terms: termsSheet(version.Terms, names)}
		if !one.First {
			one.Changes = changeViews(termsChanges(versions[i+1].Terms, version.Terms, names))
		}
		v.Versions = append(v.Versions, one)
	}
	return Page(owner.Versions(r.layout("Versions", plansCrumb(), ui.Crumb{Label: row.Name(), Href: v.Href}, ui.Crumb{}), v)), nil
}

// lifeNotes says what became of a plan besides its versions.
func lifeNotes(p models.Plan, local func(time.Time) time.Time) (notes []string) {
	if p.State == models.PlanEnded {
		return []string{"Ended on " + format.DateTime(local(p.EndsAt)) + ": it opens nothing any more, and its subscriptions are ended."}
	}
	if !p.RetiredAt.IsZero() {
		notes = append(notes, "Retired on "+format.DateTime(local(p.RetiredAt))+": it takes no new subscribers.")
	}
	if !p.EndsAt.IsZero() {
		notes = append(notes, "Ends on "+format.DateTime(local(p.EndsAt))+".")
	}
	return notes
}
