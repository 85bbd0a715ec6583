package main

import (
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// A scheduled version holds at the real gateway from the first look after its time on, not before, and over a restart in between; once.
func TestAScheduledVersionHoldsAtTheGateway(t *testing.T) {
	h := newTheatre(t, func(*models.Terms) {})
	ctx, actor := t.Context(), models.Actor{AccountID: h.plan.OwnerID, Role: models.RoleOwner, Label: "owner@example.com"}
	terms := h.plan.InForce
	terms.Throttle = &limit.Throttle{Rate: 1, Burst: 1}
	_, err := h.store.SaveDraft(ctx, actor, h.plan.ID, "", terms, h.now())
	h.ok(err)
	at := h.began.Add(time.Hour)
	_, err = h.store.SchedulePlan(ctx, actor, h.plan.ID, at, nil, h.now())
	h.ok(err)
	version := func() int {
		h.ok(h.store.PublishDuePlans(ctx, h.gateway.Reached()))
		row, err := h.store.Plan(ctx, h.plan.OwnerID, h.plan.ID)
		h.ok(err)
		return row.Version
	}
	twice := func(refused int64) {
		t.Helper()
		before := h.refused
		h.call("/get")
		h.call("/get")
		if got := h.refused - before; got != refused {
			t.Errorf("%d of 2 requests at %v were refused, want %d", got, h.now(), refused)
		}
	}
	h.set(at.Add(-time.Second))
	if v := version(); v != 1 {
		t.Fatalf("a second before its time version %d is in force", v)
	}
	twice(0)
	h.close()
	h.set(at.Add(10 * time.Second))
	h.open()
	if v := version(); v != 1 {
		t.Fatalf("a clock that may just have been set brings version %d into force", v)
	}
	h.set(h.now().Add(time.Minute + time.Second))
	if v := version(); v != 2 {
		t.Fatalf("after its time version %d is in force", v)
	}
	twice(1)
	h.set(at.Add(time.Hour))
	if v := version(); v != 2 {
		t.Errorf("later version %d is in force", v)
	}
}

// A version whose time comes while the server is dead comes into force after its start, once, however often it is killed around that.
func TestAScheduledVersionSurvivesKills(t *testing.T) {
	h := newTheatre(t, func(*models.Terms) {})
	ctx, actor := t.Context(), h.owner()
	terms := h.plan.InForce
	terms.Throttle = &limit.Throttle{Rate: 1, Burst: 1}
	_, err := h.store.SaveDraft(ctx, actor, h.plan.ID, "", terms, h.now())
	h.ok(err)
	at := h.began.Add(time.Hour)
	_, err = h.store.SchedulePlan(ctx, actor, h.plan.ID, at, nil, h.now())
	h.ok(err)
	h.call("/get")
	for range 3 {
		h.kill()
		h.set(h.now().Add(time.Hour))
		h.open()
		h.set(h.now().Add(2 * time.Minute)) // the clock is believed
		h.ok(h.store.PublishDuePlans(ctx, h.gateway.Reached()))
		row, err := h.store.Plan(ctx, h.plan.OwnerID, h.plan.ID)
		h.ok(err)
		if row.Version != 2 || !row.PublishAt.IsZero() || row.Draft != nil {
			t.Fatalf("after a kill version %d is in force, scheduled for %v", row.Version, row.PublishAt)
		}
		before := h.refused
		h.call("/get")
		h.call("/get")
		if got := h.refused - before; got != 1 {
			t.Errorf("%d of 2 requests were refused, want 1", got)
		}
	}
}
