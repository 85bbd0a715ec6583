package models

import (
	"reflect"
	"slices"
	"time"
)

// PlanDetail is a plan with all that the management API says of it.
type PlanDetail struct {
	Plan
	ProductCode string
	Tags        ResourceTags
	Stages      map[StageID]StageChoice // that its terms open, in force or in a draft
}

// Shown are the terms that the management API shows and changes: those in force, or a draft's that never were.
func (p Plan) Shown() Terms {
	if p.Version > 0 {
		return p.InForce
	}
	return p.Current()
}

// PlanEdit is a plan while it is changed in one go. What comes of it is judged when all is done.
type PlanEdit struct {
	Terms       Terms
	ProductCode string
	Tags        ResourceTags
	State       PlanState // to publish, retire or end it is to say so
	EndsAt      time.Time

	// Find reads a stage of the owner's with its methods; NotFound.
	Find func(api APIID, stage string) (StageChoice, error)
}

// PlanWords puts what subscribers are told of a change into words.
type PlanWords func(before, after Terms, stages []StageChoice) []TermsChange

// Clone returns terms that share nothing with t.
func (t Terms) Clone() Terms {
	if t.Throttle != nil {
		throttle := *t.Throttle
		t.Throttle = &throttle
	}
	if t.Quota != nil {
		quota := *t.Quota
		t.Quota = &quota
	}
	t.Stages = slices.Clone(t.Stages)
	for i := range t.Stages {
		t.Stages[i].Throttles, t.Stages[i].Excluded = slices.Clone(t.Stages[i].Throttles), slices.Clone(t.Stages[i].Excluded)
	}
	return t
}

// Carry returns the terms t with what differs between two others: to publish a draft is not to undo what came into force while it waited.
func (t Terms) Carry(before, after Terms) Terms {
	t = t.Clone()
	was, is, to := reflect.ValueOf(before), reflect.ValueOf(after), reflect.ValueOf(&t).Elem()
	for i := range to.NumField() {
		if to.Type().Field(i).Name != "Stages" && !reflect.DeepEqual(was.Field(i).Interface(), is.Field(i).Interface()) {
			to.Field(i).Set(is.Field(i))
		}
	}
	t.Stages = slices.DeleteFunc(t.Stages, func(s PlanStage) bool { return before.Opens(s.StageID) && !after.Opens(s.StageID) })
	for _, s := range after.Stages {
		if old := before.stage(s.StageID); old != nil && reflect.DeepEqual(*old, s) {
			continue
		}
		if have := t.stage(s.StageID); have != nil {
			*have = s
		} else {
			t.Stages = append(t.Stages, s)
		}
	}
	return t.Clone()
}

// stage returns what the terms say of a stage; nil: they do not open it.
func (t Terms) stage(id StageID) *PlanStage {
	for i := range t.Stages {
		if t.Stages[i].StageID == id {
			return &t.Stages[i]
		}
	}
	return nil
}

// CheckTerms says whether terms may come into force in one go, over those that are: also without a stage, for that is how programs begin and end plans. A retired
// plan may lose stages, so that it can be deleted.
func (p Plan) CheckTerms(after Terms) error {
	if p.State == PlanRetired && p.onlyLoses(after) {
		return nil
	}
	return p.CheckEdit()
}

func (p Plan) onlyLoses(after Terms) bool {
	var gone []StageID
	for _, id := range p.InForce.StageIDs() {
		if !after.Opens(id) {
			gone = append(gone, id)
		}
	}
	return p.InForce.Without(gone).Digest() == after.Digest()
}
