package management

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// planRecords are the plans in the store.
type planRecords interface {
	MakePlan(ctx context.Context, actor models.Actor, change func(*models.PlanEdit) error, now time.Time) (models.PlanDetail, error)
	EditPlan(ctx context.Context, actor models.Actor, id models.PlanID, words models.PlanWords, change func(*models.PlanEdit) error, now time.Time) (models.PlanDetail, error)
	RemovePlan(ctx context.Context, actor models.Actor, id models.PlanID, check func(models.PlanDetail) error, now time.Time) error
	PlanDetail(ctx context.Context, owner models.AccountID, id models.PlanID) (models.PlanDetail, error)
	PlanDetails(ctx context.Context, owner models.AccountID, key models.KeyID, p models.Page, limit int) (models.List[models.PlanDetail], error)
}

var planOperations = []operation{
	{name: "CreateUsagePlan", verb: http.MethodPost, path: "/usageplans", status: http.StatusCreated, do: (*call).createUsagePlan},
	{name: "GetUsagePlans", verb: http.MethodGet, path: "/usageplans", status: http.StatusOK, do: (*call).getUsagePlans},
	{name: "GetUsagePlan", verb: http.MethodGet, path: "/usageplans/{plan}", status: http.StatusOK, do: (*call).getUsagePlan},
	{name: "UpdateUsagePlan", verb: http.MethodPatch, path: "/usageplans/{plan}", status: http.StatusOK, do: (*call).updateUsagePlan},
	{name: "DeleteUsagePlan", verb: http.MethodDelete, path: "/usageplans/{plan}", status: http.StatusAccepted, do: (*call).deleteUsagePlan},
}

// inThrottle is a throttle that is asked for.
type inThrottle struct {
	Burst *integer `json:"burstLimit"`
	Rate  *float   `json:"rateLimit"`
}

// over sets what is given. Where one of both is missing, the other says: a second's worth of requests.
func (in *inThrottle) over(t *limit.Throttle) *limit.Throttle {
	if in == nil || in.Burst == nil && in.Rate == nil {
		return t
	}
	switch {
	case t == nil && in.Rate == nil:
		t = &limit.Throttle{Rate: float64(*in.Burst)}
	case t == nil:
		t = &limit.Throttle{Burst: limit.BurstFor(float64(*in.Rate))}
	}
	if in.Rate != nil {
		t.Rate = float64(*in.Rate)
	}
	if in.Burst != nil {
		t.Burst = int64(*in.Burst)
	}
	return t
}

func (c *call) createUsagePlan() (any, error) {
	var in struct {
		Name        *string `json:"name"`
		Description *string `json:"description"`
		Stages      []struct {
			API      *string               `json:"apiId"`
			Stage    *string               `json:"stage"`
			Throttle map[string]inThrottle `json:"throttle"`
		} `json:"apiStages"`
		Throttle *inThrottle `json:"throttle"`
		Quota    *struct {
			Limit  *integer `json:"limit"`
			Offset *integer `json:"offset"`
			Period *string  `json:"period"`
		} `json:"quota"`
		Tags map[string]string `json:"tags"`
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	var broken constraints
	if in.Name == nil {
		broken.required("createUsagePlanInput.name")
	}
	if in.Quota != nil && in.Quota.Period != nil {
		broken.oneOf(*in.Quota.Period, "createUsagePlanInput.quota.period", periods...)
	}
	if err := broken.err(); err != nil {
		return nil, err
	}
	d, err := c.Records.MakePlan(c.ctx, c.actor, func(e *models.PlanEdit) error {
		e.Terms.Name, e.Terms.Description, e.Terms.Throttle = *in.Name, orEmpty(in.Description), in.Throttle.over(nil)
		if in.Quota != nil {
			quota := limit.Quota{}
			if in.Quota.Limit == nil {
				return badRequest("Usage Plan quota limit must be specified")
			}
			quota.Limit = int64(*in.Quota.Limit)
			if in.Quota.Offset != nil {
				quota.Offset = int(*in.Quota.Offset)
			}
			quota.Period, _ = limit.ParsePeriod(orEmpty(in.Quota.Period)) // none is refused below
			e.Terms.Quota = &quota
		}
		for _, s := range in.Stages {
			ref := orEmpty(s.API) + ":" + orEmpty(s.Stage)
			if err := addStage(e, ref); err != nil {
				return err
			}
			if err := setThrottles(e, ref, s.Throttle); err != nil {
				return err
			}
		}
		if err := putPlanTags(e, in.Tags, true); err != nil {
			return err
		}
		return checkQuota(e.Terms.Quota)
	}, c.now)
	if err != nil {
		return nil, c.clash(err)
	}
	if in.Tags == nil {
		return planOf(d), nil
	}
	return withTags(d), nil
}

var periods = []string{"DAY", "WEEK", "MONTH"}

// checkQuota refuses what AWS's service and Terraform's provider do.
func checkQuota(q *limit.Quota) error {
	if q == nil {
		return nil
	}
	last := map[limit.Period]int{limit.PeriodDay: 0, limit.PeriodWeek: 6, limit.PeriodMonth: 27}
	most, ok := last[q.Period]
	switch {
	case !ok:
		return badRequest("Usage Plan quota period must be one of: [DAY, WEEK, MONTH]")
	case q.Offset >= 0 && q.Offset <= most:
		return nil
	case most == 0:
		return badRequest("Usage Plan quota offset must be zero in the DAY period")
	}
	return badRequest("Usage Plan quota offset must be between 0 and %d inclusive in the %s period", most, q.Period)
}

// addStage opens a stage, "api:stage".
func addStage(e *models.PlanEdit, ref string) error {
	api, name, ok := strings.Cut(ref, ":")
	if !ok || api == "" || name == "" {
		return badRequest("Invalid API Stage specified")
	}
	st, err := findStage(e, ref)
	if err != nil {
		return err
	}
	if e.Terms.Opens(st.StageID) {
		return conflict("The API Stage %s is on the usage plan already.", ref)
	}
	e.Terms.Stages = append(e.Terms.Stages, models.PlanStage{StageID: st.StageID})
	return nil
}

// findStage finds the stage "api:stage".
func findStage(e *models.PlanEdit, ref string) (st models.StageChoice, err error) {
	api, name, _ := strings.Cut(ref, ":")
	id, err := models.ParseID[models.API](api)
	if err != nil {
		return st, notFound("API Stage not found: %s", ref)
	}
	st, err = e.Find(id, name)
	return st, ifUnknown(err, "API Stage not found: %s", ref)
}

func (c *call) planID() (models.PlanID, error) {
	id, err := models.ParseID[models.Plan](c.label["plan"])
	if err != nil {
		return 0, errNoPlan
	}
	return id, nil
}

var errNoPlan = notFound("Invalid Usage Plan ID specified")

func ifNoPlan(err error) error { return ifUnknown(err, "Invalid Usage Plan ID specified") }

func (c *call) getUsagePlan() (any, error) {
	id, err := c.planID()
	if err != nil {
		return nil, err
	}
	d, err := c.Records.PlanDetail(c.ctx, c.owner(), id)
	return withTags(d), ifNoPlan(err)
}

func (c *call) getUsagePlans() (any, error) {
	var key models.KeyID
	if text := c.query.Get("keyId"); text != "" {
		var err error
		if key, err = models.ParseID[models.Key](text); err != nil {
			return list[usagePlan]{Item: []usagePlan{}}, nil
		}
	}
	page, err := c.page()
	if err != nil {
		return nil, err
	}
	plans, err := c.Records.PlanDetails(c.ctx, c.owner(), key, page, c.limit())
	return storedList(plans, planOf), err
}

// page is where a page of the store's begins.
func (c *call) page() (p models.Page, err error) {
	_, err = c.position(&p.After)
	return p, err
}

// storedList shows a page of the store's.
func storedList[T, W any](from models.List[T], wire func(T) W) list[W] {
	out := list[W]{Item: make([]W, len(from.Items))}
	for i, item := range from.Items {
		out.Item[i] = wire(item)
	}
	if from.Next != "" {
		out.Position = positionOf(from.Next)
	}
	return out
}

func (c *call) updateUsagePlan() (any, error) {
	id, err := c.planID()
	if err != nil {
		return nil, err
	}
	ops, err := c.patchOperations("updateUsagePlanInput")
	if err != nil {
		return nil, err
	}
	d, err := c.Records.EditPlan(c.ctx, c.actor, id, c.Words, func(e *models.PlanEdit) error {
		p := planPatch{PlanEdit: e, id: id}
		if err := planPatches.apply(&p, ops); err != nil {
			return err
		}
		return checkQuota(e.Terms.Quota)
	}, c.now)
	if err != nil {
		return nil, c.clash(ifNoPlan(err))
	}
	return withTags(d), nil
}

// clash tells in AWS's words that a key cannot call a stage by two plans.
func (c *call) clash(err error) error {
	var held *models.HeldElsewhere
	if !errors.As(err, &held) {
		return err
	}
	stage := held.Held.StageName
	if other, otherErr := c.Records.PlanDetail(c.ctx, c.owner(), held.Held.PlanID); otherErr == nil {
		if st, ok := other.Stages[held.Held.StageID]; ok {
			stage = st.APIID.String() + ":" + st.StageName
		}
	}
	return conflict("Usage Plan %s cannot be added because API Key %s cannot reference multiple Usage Plans with the same API Stage: %s", held.Wanted, held.Key, stage)
}

func (c *call) deleteUsagePlan() (any, error) {
	id, err := c.planID()
	if err != nil {
		return nil, err
	}
	return nil, ifNoPlan(c.Records.RemovePlan(c.ctx, c.actor, id, func(d models.PlanDetail) error {
		if stages := planOf(d).Stages; len(stages) > 0 {
			return badRequest("Cannot delete Usage Plan %s because there are API Stages associated with it, including %s:%s", id, stages[0].API, stages[0].Stage)
		}
		return nil
	}, c.now))
}
