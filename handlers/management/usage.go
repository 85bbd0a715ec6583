package management

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"gatehouse/models"
)

// usageRecords are what keys were charged, in the store.
type usageRecords interface {
	PlanUsage(ctx context.Context, owner models.AccountID, plan models.PlanID, key models.KeyID, days []time.Time, p models.Page, limit int, now time.Time) (models.PlanUsage, error)
	SetRemaining(ctx context.Context, actor models.Actor, key models.KeyID, plan models.PlanID, n int64, now time.Time) error
	QuotaStanding(ctx context.Context, key models.KeyID, plan models.PlanID, now time.Time) (models.QuotaStanding, error)
}

var usageOperations = []operation{
	{name: "GetUsage", verb: http.MethodGet, path: "/usageplans/{plan}/usage", status: http.StatusOK, do: (*call).getUsage},
	{name: "UpdateUsage", verb: http.MethodPatch, path: "/usageplans/{plan}/keys/{key}/usage", status: http.StatusOK, do: (*call).updateUsage},
}

// usage is what keys used of a plan: by key, for each day what was used on it, and what was left of the period at its end.
type usage struct {
	Plan     models.PlanID         `json:"usagePlanId"`
	Start    string                `json:"startDate"`
	End      string                `json:"endDate"`
	Position string                `json:"position,omitempty"`
	Values   map[string][][2]int64 `json:"values"`
}

func usageOf(u models.PlanUsage) usage {
	out := usage{Plan: u.PlanID, Start: u.Days[0].Format(time.DateOnly), End: u.Days[len(u.Days)-1].Format(time.DateOnly), Values: map[string][][2]int64{}}
	for _, k := range u.Keys {
		rows := make([][2]int64, len(k.Days))
		for i, d := range k.Days {
			rows[i] = [2]int64{d.Used, d.Remaining}
		}
		out.Values[k.KeyID.String()] = rows
	}
	if u.Next != "" {
		out.Position = positionOf(u.Next)
	}
	return out
}

// days reads startDate and endDate, both of which belong to it.
func (c *call) days() (days []time.Time, err error) {
	var broken constraints
	ends := [2]time.Time{}
	for i, name := range []string{"startDate", "endDate"} {
		text := c.query.Get(name)
		if text == "" {
			broken.required("getUsageInput." + name)
			continue
		}
		if ends[i], err = time.Parse(time.DateOnly, text); err != nil {
			return nil, badRequest("Invalid %s specified: '%s' is not a date such as 2026-01-31.", name, text)
		}
	}
	if err := broken.err(); err != nil {
		return nil, err
	}
	switch n := ends[1].Sub(ends[0]) / (24 * time.Hour); {
	case n < 0:
		return nil, badRequest("Invalid usage range: endDate is before startDate.")
	case n >= models.MaxUsageDays:
		return nil, badRequest("Invalid usage range: it has more than %d days.", models.MaxUsageDays)
	}
	for day := ends[0]; !day.After(ends[1]); day = day.AddDate(0, 0, 1) {
		days = append(days, day)
	}
	return days, nil
}

// settle commits what the gateway has admitted: what was called before a request is in its answer.
func (c *call) settle() error {
	if c.Settle == nil {
		return nil
	}
	return c.Settle(c.ctx)
}

func (c *call) getUsage() (any, error) {
	plan, err := c.planID()
	if err != nil {
		return nil, err
	}
	days, err := c.days()
	if err != nil {
		return nil, err
	}
	var key models.KeyID
	if text := c.query.Get("keyId"); text != "" {
		if key, err = models.ParseID[models.Key](text); err != nil {
			return nil, errNoKey
		}
	}
	page, err := c.page()
	if err != nil {
		return nil, err
	}
	return c.usage(plan, key, days, page)
}

func (c *call) usage(plan models.PlanID, key models.KeyID, days []time.Time, page models.Page) (any, error) {
	if err := c.settle(); err != nil {
		return nil, err
	}
	u, err := c.Records.PlanUsage(c.ctx, c.owner(), plan, key, days, page, c.limit(), c.now)
	if err != nil {
		return nil, ifNoPlan(err)
	}
	return usageOf(u), nil
}

// usagePatches are spec 3.6's.
var usagePatches = patchTable[int64]{rules: []patchRule[int64]{
	{"/remaining", "replace", func(to *int64, in patchOperation, _ parts) error {
		n, err := strconv.ParseInt(in.Value, 10, 64)
		if err != nil || n < 0 {
			return badRequest("Invalid value for /remaining: '%s' is not a number of requests.", in.Value)
		}
		*to = n
		return nil
	}},
}}

// updateUsage sets what remains of the present period, and of no other. It is reckoned with what is committed.
func (c *call) updateUsage() (any, error) {
	plan, key, err := c.planKey()
	if err != nil {
		return nil, err
	}
	ops, err := c.patchOperations("updateUsageInput")
	if err != nil {
		return nil, err
	}
	remaining := int64(-1)
	if err := usagePatches.apply(&remaining, ops); err != nil {
		return nil, err
	}
	if _, err := c.Records.PlanWireKey(c.ctx, c.owner(), plan, key); err != nil {
		return nil, c.ifNoPlanKey(err, plan)
	}
	standing, err := c.Records.QuotaStanding(c.ctx, key, plan, c.now)
	switch {
	case err != nil:
		return nil, err
	case !standing.Quota.IsSet():
		return nil, badRequest("The usage plan %s has no quota, and the API key %s none of its own: there is nothing to extend.", plan, key)
	}
	if remaining >= 0 {
		if err := c.settle(); err != nil {
			return nil, err
		}
		if err := c.Records.SetRemaining(c.ctx, c.actor, key, plan, remaining, c.now); err != nil {
			return nil, c.ifNoPlanKey(err, plan)
		}
	}
	return c.usage(plan, key, []time.Time{c.now.UTC().Truncate(24 * time.Hour)}, models.Page{})
}
