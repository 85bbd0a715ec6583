package models

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// This file has the rules of a plan's life: draft, published, perhaps retired, ended.

// PlanNotice is how long before its end a plan's owner announces it, unless he chooses otherwise.
const PlanNotice = 30 * 24 * time.Hour

// At returns the plan with the state that it has at now: its end needs nobody to note it.
func (p Plan) At(now time.Time) Plan {
	if !p.EndsAt.IsZero() && !now.Before(p.EndsAt) {
		p.State = PlanEnded
	}
	return p
}

// CheckPublish says whether a plan's draft may become its next version; fields as Terms.Check.
func (p Plan) CheckPublish() error {
	if err := p.CheckChange(); err != nil {
		return err
	}
	switch {
	case p.Draft == nil:
		return Conflict("There is nothing to publish: the plan has no unpublished changes.")
	case len(p.Draft.Stages) == 0:
		return Invalid("stages", "Choose at least one stage that the plan opens.")
	}
	return p.Draft.Check()
}

// CheckChange says whether a plan's terms may still change.
func (p Plan) CheckChange() error {
	switch p.State {
	case PlanRetired:
		return Conflict("A retired plan cannot be changed. Duplicate it instead.")
	case PlanEnded:
		return Conflict("This plan has ended and cannot be changed. Duplicate it instead.")
	default:
		return nil
	}
}

// CheckSchedule says whether a plan's draft may be set to come into force at a time; fields "publish_at", and as Terms.Check.
func (p Plan) CheckSchedule(at, now time.Time) error {
	if err := p.CheckPublish(); err != nil {
		return err
	}
	switch {
	case !at.After(now):
		return Invalid("publish_at", "Choose a time that has not come yet, or publish now.")
	case at.After(now.AddDate(1, 0, 0)):
		return Invalid("publish_at", "Choose a time within a year.")
	case !p.EndsAt.IsZero() && !at.Before(p.EndsAt):
		return Invalid("publish_at", "The plan ends on "+p.EndsAt.UTC().Format("2 Jan 2006")+". Choose a time before that.")
	}
	return nil
}

// CheckEdit says whether a plan's draft may be changed: one that is set to come into force is what subscribers were told.
func (p Plan) CheckEdit() error {
	if err := p.CheckChange(); err != nil {
		return err
	}
	if !p.PublishAt.IsZero() {
		return Conflict("This draft comes into force on " + p.PublishAt.UTC().Format("2 Jan 2006, 15:04 UTC") + " as subscribers were told. Cancel that first, or publish it now.")
	}
	return nil
}

// CheckRetire says whether a plan may be closed to new subscribers.
func (p Plan) CheckRetire() error {
	switch p.State {
	case PlanPublished:
		return nil
	case PlanRetired:
		return Conflict("This plan is retired already.")
	case PlanEnded:
		return Conflict("This plan has ended.")
	default:
		return Conflict("This plan was never published. Delete it instead.")
	}
}

// CheckEnd says whether a plan may get an end, at the given time; field "ends".
func (p Plan) CheckEnd(ends, now time.Time) error {
	switch {
	case p.State == PlanEnded:
		return Conflict("This plan has ended already.")
	case p.Version == 0:
		return Conflict("This plan was never published. Delete it instead.")
	case ends.Before(now):
		return Invalid("ends", "Choose today or a later day.")
	case !p.PublishAt.IsZero() && !ends.After(p.PublishAt):
		return Invalid("ends", "A new version comes into force on "+p.PublishAt.UTC().Format("2 Jan 2006")+". Cancel that first, or choose a later day.")
	case ends.After(now.AddDate(10, 0, 0)):
		return Invalid("ends", "Choose a day within ten years.")
	}
	return nil
}

// CheckSubscribe says whether an account with the given e-mail may subscribe now; invited says that the plan's owner invited it.
func (p Plan) CheckSubscribe(invited bool) error {
	switch {
	case p.State == PlanRetired:
		return Conflict("This plan is retired and takes no new subscribers.")
	case p.State == PlanEnded:
		return Conflict("This plan has ended and takes no new subscribers.")
	case p.State != PlanPublished, p.InForce.Audience == AudienceInvited && !invited:
		return NotFound("plan")
	}
	return nil
}

// CheckJoin says whether the plan's owner may put keys on it now.
func (p Plan) CheckJoin() error {
	switch p.State {
	case PlanPublished:
		return nil
	case PlanRetired:
		return Conflict(fmt.Sprintf("The plan %s is retired and takes no new keys.", p.Name()))
	case PlanEnded:
		return Conflict(fmt.Sprintf("The plan %s has ended and takes no keys.", p.Name()))
	default:
		return Conflict(fmt.Sprintf("The plan %s is a draft. Publish it before you put keys on it.", p.Name()))
	}
}

// CheckDecide says whether a subscription to the plan may be decided so: who waits for a plan that takes nobody new cannot be let in, and on
// one that has ended there is nothing to decide.
func (p Plan) CheckDecide(d Decision) error {
	switch {
	case p.State == PlanEnded:
		return Conflict(fmt.Sprintf("The plan %s has ended, and with it this subscription.", p.Name()))
	case p.State == PlanRetired && d == Approve:
		return Conflict(fmt.Sprintf("The plan %s is retired and takes no new subscribers. Refuse the request, or move it to another plan.", p.Name()))
	default:
		return nil
	}
}

// Digest names what terms say: terms that say the same have the same one. A form remembers by it which terms it was made of.
func (t Terms) Digest() string {
	text, err := json.Marshal(t)
	if err != nil {
		return "" // of no terms: every field can be written
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// CheckSeen says whether a change that was made over the terms with the given digest may replace the draft; "" goes over whatever is there.
func (p Plan) CheckSeen(seen string) error {
	if seen == "" || seen == p.Current().Digest() {
		return nil
	}
	return Conflict("The draft was changed since you opened it. Look at what differs; saving again replaces it with yours.")
}

// PlanVersion is one published version, newest first in lists.
type PlanVersion struct {
	Version     int
	Terms       Terms
	PublishedAt time.Time
	PublishedBy string
}

// TermsChange is one difference between two terms, in words.
type TermsChange struct{ What, Before, After string }
