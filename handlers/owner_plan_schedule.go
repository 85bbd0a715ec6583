package handlers

import (
	"slices"
	"strconv"
	"time"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
)

// noticePeriod is how long before a change the form proposes to tell subscribers. Its owner chooses.
const noticePeriod = 14 * 24 * time.Hour

// whenForm proposes when a draft comes into force.
func whenForm(now time.Time) *Form {
	at := now.UTC().Add(noticePeriod)
	return NewForm("publish_at", at.Format(time.DateOnly), "publish_time", "09:00")
}

// whenOf reads when a draft is to come into force, in the reader's zone.
func whenOf(f *Form, zone *time.Location) time.Time {
	date, clock := f.Trimmed("publish_at"), f.Trimmed("publish_time")
	_, err := time.Parse(time.DateOnly, date)
	if err != nil {
		f.Fail("publish_at", "Enter a day such as 2027-03-31.")
	}
	_, clockErr := time.Parse("15:04", clock)
	if clockErr != nil {
		f.Fail("publish_time", "Enter a time such as 09:00.")
	}
	if err != nil || clockErr != nil {
		return time.Time{}
	}
	at, _ := time.ParseInLocation(time.DateOnly+" 15:04", date+" "+clock, zone) // its parts were read above
	return at
}

// schedule sets when the draft comes into force, and says so.
func (o *OwnerPlans) schedule(r *Request, row models.PlanRow, f *Form, changes []models.TermsChange) (done string, err error) {
	at := whenOf(f, r.Here().Location())
	if !f.OK() {
		return "", nil
	}
	plan, err := o.Store.SchedulePlan(r.Context(), r.Actor(), row.ID, at, changes, r.Now)
	if err != nil {
		return "", err
	}
	return "Scheduled: version " + strconv.Itoa(plan.Version+1) + " of " + plan.Name() + " comes into force on " + format.DateTime(r.Local(at)) + ".", nil
}

// Unschedule leaves a scheduled draft a draft.
func (o *OwnerPlans) Unschedule(r *Request) (Reply, error) {
	id, err := param[models.Plan](r, "plan")
	if err != nil {
		return Reply{}, err
	}
	return ownerDone(r, o.Store.UnschedulePlan(r.Context(), r.Actor(), id, r.Now), ownerPlanPath(id), ownerPlanPath(id),
		"Cancelled: the changes are a draft again. Who was told of them is told that they do not come.")
}

// ownersBusiness are changes that concern no subscriber.
var ownersBusiness = []string{"Description", "Who may subscribe"}

// subscriberChanges are what a plan's subscribers are told of its draft.
func subscriberChanges(row models.PlanRow, names stageNames) []models.TermsChange {
	if row.Version == 0 || row.Draft == nil {
		return nil
	}
	return concerning(termsChanges(row.InForce, *row.Draft, names))
}

func concerning(changes []models.TermsChange) []models.TermsChange {
	return slices.DeleteFunc(changes, func(c models.TermsChange) bool { return slices.Contains(ownersBusiness, c.What) })
}

// PlanWords are what a plan's subscribers are told of a change of its terms, given the stages of both.
func PlanWords(before, after models.Terms, stages []models.StageChoice) []models.TermsChange {
	return concerning(termsChanges(before, after, namesOf(stages)))
}

// toldWords says who gets a notice, and who does not.
func (o *OwnerPlans) toldWords(r *Request, row models.PlanRow, changes []models.TermsChange) (out []string, err error) {
	if row.Version == 0 || row.Draft == nil {
		return nil, nil
	}
	switch {
	case len(changes) == 0:
		out = append(out, "No subscriber is told: nothing of it concerns them.")
	case row.Subscribers == 0:
		out = append(out, "The plan has no subscribers to tell.")
	default:
		out = append(out, count(row.Subscribers, "subscriber")+" of the plan will be told at once, with the changes and what they would have meant for their own calls of the last 30 days. Who subscribes until then gets it, too.")
	}
	without, err := o.Store.KeysWithoutDeveloper(r.Context(), r.Account.ID, row.ID)
	if err == nil && without > 0 && len(changes) > 0 {
		out = append(out, count(without, "key")+" that you made yourself belong to nobody here: tell their holders yourself.")
	}
	return out, err
}

func (o *OwnerPlans) scheduleView(r *Request, row models.PlanRow) (owner.ScheduleView, error) {
	v := scheduleOf(row)
	notices, err := o.Store.PlanChangeNotices(r.Context(), r.Account.ID, row.ID)
	for _, n := range notices {
		told := count(n.Told, "subscription") + " told"
		if n.StillTelling {
			told = "being told"
		}
		v.Notices = append(v.Notices, owner.ToldOfChange{What: r.localNotice(n).Title(), At: n.CreatedAt, Told: told})
	}
	return v, err
}

func scheduleOf(row models.PlanRow) owner.ScheduleView {
	return owner.ScheduleView{On: !row.PublishAt.IsZero(), At: row.PublishAt, By: row.PublishBy, Version: strconv.Itoa(row.Version + 1), Failed: row.PublishFailed}
}
