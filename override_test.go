package main

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/rehearsal"
)

// owner is who the plan belongs to.
func (h *theatre) owner() models.Actor {
	return models.Actor{AccountID: h.plan.OwnerID, Role: models.RoleOwner, Label: "owner@example.com"}
}

func quotaOf(n int64, p limit.Period) *limit.Quota { return &limit.Quota{Limit: n, Period: p} }

// gives lets the key have limits of its own.
func (h *theatre) gives(in models.NewOverride) {
	h.Helper()
	in.Reason = "a test"
	h.ok(h.store.SetKeyOverride(h.Context(), h.owner(), h.key, h.plan.ID, in, h.now()))
}

// exhausts sends requests from several clients at once until each was refused, and returns how many passed.
func (h *theatre) exhausts() int64 {
	h.Helper()
	var passed atomic.Int64
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for {
				r, err := http.NewRequestWithContext(h.Context(), http.MethodGet, "/echo/prod/get", nil)
				if err != nil {
					h.Error(err)
					return
				}
				answer, err := h.gateway.Call(h.Context(), h.key, r)
				if err != nil {
					h.Error(err)
					return
				}
				_ = answer.Body.Close()
				switch answer.StatusCode {
				case http.StatusOK:
					passed.Add(1)
				case http.StatusServiceUnavailable: // the ledger is busy: a slow machine; nothing was charged
				case http.StatusTooManyRequests:
					return
				default:
					h.Errorf("answered %d", answer.StatusCode)
					return
				}
			}
		})
	}
	clients.Wait()
	return passed.Load()
}

func unthrottled(terms *models.Terms) { terms.Throttle, terms.Stages[0].Throttles = nil, nil }

// An override holds on the next request, in both directions, with other windows too, and what was used counts: never one too many, and all that there is.
func TestOverrideOfAQuotaAdmitsNeverOneTooMany(t *testing.T) {
	h := newTheatre(t, func(terms *models.Terms) { unthrottled(terms); terms.Quota = quotaOf(20, limit.PeriodDay) })
	total := int64(0)
	for i, step := range []struct {
		in   *limit.Quota // nil: the plan's limits again
		most int64        // in all, as nothing of these windows ends
	}{
		{quotaOf(20, limit.PeriodDay), 20}, {quotaOf(45, limit.PeriodDay), 45}, {quotaOf(30, limit.PeriodDay), 45}, {quotaOf(70, limit.PeriodMonth), 70},
		{quotaOf(90, limit.PeriodDay), 90}, {nil, 90}, {quotaOf(95, limit.PeriodWeek), 95}, {quotaOf(0, limit.PeriodDay), 95}, {quotaOf(97, limit.PeriodMonth), 97},
	} {
		if step.in == nil {
			h.ok(h.store.EndKeyOverride(h.Context(), h.owner(), h.key, h.plan.ID, h.now()))
		} else {
			h.gives(models.NewOverride{Quota: step.in})
		}
		if total += h.exhausts(); total != step.most {
			t.Fatalf("step %d: %d passed in all, want %d", i, total, step.most)
		}
	}
}

// Limits that change while requests come keep both bounds: at most the highest that ever held, and in the end exactly the last one.
func TestOverrideThatChangesUnderLoadKeepsItsLimit(t *testing.T) {
	h := newTheatre(t, func(terms *models.Terms) { unthrottled(terms); terms.Quota = quotaOf(1000, limit.PeriodDay) })
	stop, done := make(chan struct{}), make(chan struct{})
	var passed atomic.Int64
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				passed.Add(h.exhausts())
			}
		}
	}()
	for i := range int64(12) {
		period := []limit.Period{limit.PeriodDay, limit.PeriodMonth}[i%2]
		h.gives(models.NewOverride{Quota: quotaOf(40+20*(i%5), period)})
	}
	h.gives(models.NewOverride{Quota: quotaOf(300, limit.PeriodDay)})
	close(stop)
	<-done
	if got := passed.Load() + h.exhausts(); got != 300 {
		t.Errorf("%d passed, want the 300 that held in the end", got)
	}
}

// An override ends by itself at its time, also while the server is down, and another start goes on where the one before stopped.
func TestOverrideEndsByItself(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		h := newTheatre(t, func(terms *models.Terms) {
			unthrottled(terms)
			terms.Throttle, terms.Quota = &limit.Throttle{Rate: 0.001, Burst: 3}, quotaOf(20, limit.PeriodDay)
		})
		end := h.now().Add(2 * time.Hour)
		h.gives(models.NewOverride{Throttle: &limit.Throttle{Rate: 1000, Burst: 500}, Quota: quotaOf(50, limit.PeriodMonth), EndsAt: end})
		if got := h.exhausts(); got != 50 {
			t.Fatalf("%d passed by the override, want 50", got)
		}
		h.set(end.Add(-time.Second))
		if restarts {
			h.close()
			h.open()
		}
		if got := h.exhausts(); got != 0 {
			t.Errorf("restarts %v: %d passed in the window that is used up", restarts, got)
		}
		h.set(end.Add(time.Second))
		if got := h.exhausts(); got != 0 {
			t.Errorf("restarts %v: %d passed when the plan's 20 a day hold again, of which 50 are used", restarts, got)
		}
		if restarts {
			h.close()
		}
		h.set(h.began.AddDate(0, 0, 1)) // the next day
		if restarts {
			h.open()
		}
		if got := h.exhausts(); got < 3 || got > 4 {
			t.Errorf("restarts %v: %d passed on the next day, want the plan's burst of 3", restarts, got)
		}
	}
}

// kill -9 in the middle of an override: the next start counts what the journal has, and admits the rest of the override's quota, not of the plan's.
func TestOverrideSurvivesAKill(t *testing.T) {
	h := newTheatre(t, func(terms *models.Terms) { unthrottled(terms); terms.Quota = quotaOf(1000, limit.PeriodDay) })
	h.gives(models.NewOverride{Quota: quotaOf(60, limit.PeriodMonth)})
	for range 25 {
		h.call("/get")
	}
	h.kill()
	h.open()
	if got := h.exhausts(); got != 35 {
		t.Errorf("%d passed after the kill, want the 35 that were left of 60", got)
	}
}

// Another key of the plan keeps the plan's limits, and a publication changes what the override does not name.
func TestOverrideIsOfOneKeyAndSurvivesAPublication(t *testing.T) {
	h := newTheatre(t, func(terms *models.Terms) { unthrottled(terms); terms.Quota = quotaOf(20, limit.PeriodDay) })
	other, _, err := h.store.CreateCustomerKey(h.Context(), h.owner(), models.NewCustomerKey{Name: "Other", Plans: []models.PlanID{h.plan.ID}}, h.now())
	h.ok(err)
	h.gives(models.NewOverride{Quota: quotaOf(33, limit.PeriodDay)})
	terms := h.plan.InForce
	terms.Quota, terms.Throttle = quotaOf(10, limit.PeriodMonth), &limit.Throttle{Rate: 0.001, Burst: 30}
	_, err = h.store.SaveDraft(h.Context(), h.owner(), h.plan.ID, "", terms, h.now())
	h.ok(err)
	_, err = h.store.PublishPlan(h.Context(), h.owner(), h.plan.ID, h.now())
	h.ok(err)
	if got := h.exhausts(); got != 30 {
		t.Errorf("%d passed, want the burst of 30 that the plan gained", got)
	}
	limits, ok := h.gateway.Limits(context.Background(), h.key, h.plan.ID)
	if !ok || limits.Quota.Limit != 33 || limits.Used != 30 {
		t.Errorf("limits %+v, %v", limits, ok)
	}
	mine := h.key
	if h.key = other.ID; h.exhausts() != 10 {
		t.Error("the other key has not the plan's limits")
	}
	h.key = mine
}

// A rehearsal of the limits that were in force says what really was refused, also of a key that has its own.
func TestRehearsalKnowsOverrides(t *testing.T) {
	h := newTheatre(t, func(terms *models.Terms) { unthrottled(terms); terms.Quota = quotaOf(20, limit.PeriodDay) })
	h.gives(models.NewOverride{Quota: quotaOf(7, limit.PeriodDay)})
	h.second(spread(10), func(int) string { return "/get" })
	overrides, err := h.store.PlanOverrides(t.Context(), h.plan.ID, h.now())
	h.ok(err)
	for _, tt := range []struct {
		name         string
		leaves       bool
		today, draft int64
	}{{"on the same plan", false, 3, 3}, {"on another plan", true, 3, 0}} {
		replay := rehearsal.New(h.plan.InForce, h.plan.InForce, h.began)
		for _, o := range overrides {
			replay.Give(o, true, !tt.leaves)
		}
		_, err = h.records.Read(t.Context(), h.plan.ID, h.began, func(some []models.Arrival, _ float64) error { replay.Add(some); return nil })
		h.ok(err)
		if got := replay.Result(1).Total; got.Today.Refused.High != tt.today || got.Draft.Refused.High != tt.draft {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}
