package enforcement_test

import (
	"testing"
	"time"

	"gatehouse/models"
)

// Nothing has to run on time: the gateway looks at the date itself, also when it was started anew meanwhile.
func TestAPlanEndsAtItsInstant(t *testing.T) {
	o := newOne(t, nil)
	end := o.clock.now().Add(time.Hour)
	o.end(o.plan, end)
	catchUp(t, o.g)
	o.clock.advance(time.Hour - time.Nanosecond)
	if got := o.get(t, "/a"); got != "" {
		t.Errorf("before the end: %q", got)
	}
	o.clock.advance(time.Nanosecond)
	if got := o.get(t, "/a"); got != "plan-ended" {
		t.Errorf("at the end: %q", got)
	}
	if _, ok := o.g.Limits(t.Context(), o.key, o.plan); ok {
		t.Error("an ended plan has limits")
	}
	drain(t, o.g)
	o.g = o.gateway(t)
	if got := o.get(t, "/a"); got != "plan-ended" {
		t.Errorf("after a restart: %q", got)
	}
	o.end(o.plan, time.Time{})
	catchUp(t, o.g)
	if got := o.get(t, "/a"); got != "" {
		t.Errorf("without an end: %q", got)
	}
}

// A key goes on by the plan that it was put on instead, in whatever order it has the two.
func TestAnEndedPlanStandsInNobodysWay(t *testing.T) {
	o := newOne(t, nil)
	other := o.addPlan("Other", nil, o.stage)
	o.end(o.plan, o.clock.now())
	for _, plans := range [][]models.PlanID{{o.plan, other}, {other, o.plan}} {
		o.change(o.key, func(c *models.Credential) {
			c.Plans = nil
			for _, p := range plans {
				c.Plans = append(c.Plans, models.CredentialPlan{PlanID: p, State: models.MemberActive})
			}
		})
		catchUp(t, o.g)
		if got := o.get(t, "/a"); got != "" {
			t.Errorf("on %v: %q", plans, got)
		}
	}
}
