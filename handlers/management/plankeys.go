package management

import (
	"context"
	"net/http"
	"time"

	"gatehouse/models"
)

// planKeyRecords are the keys of plans in the store.
type planKeyRecords interface {
	AddKeyToPlan(ctx context.Context, actor models.Actor, key models.KeyID, plan models.PlanID, now time.Time) error
	RemoveKeyFromPlan(ctx context.Context, actor models.Actor, key models.KeyID, plan models.PlanID, now time.Time) error
	PlanWireKey(ctx context.Context, owner models.AccountID, plan models.PlanID, key models.KeyID) (models.WireKey, error)
	PlanWireKeys(ctx context.Context, owner models.AccountID, plan models.PlanID, name string, p models.Page, limit int) (models.List[models.WireKey], error)
}

var planKeyOperations = []operation{
	{name: "CreateUsagePlanKey", verb: http.MethodPost, path: "/usageplans/{plan}/keys", status: http.StatusCreated, do: (*call).createUsagePlanKey},
	{name: "GetUsagePlanKeys", verb: http.MethodGet, path: "/usageplans/{plan}/keys", status: http.StatusOK, do: (*call).getUsagePlanKeys},
	{name: "GetUsagePlanKey", verb: http.MethodGet, path: "/usageplans/{plan}/keys/{key}", status: http.StatusOK, do: (*call).getUsagePlanKey},
	{name: "DeleteUsagePlanKey", verb: http.MethodDelete, path: "/usageplans/{plan}/keys/{key}", status: http.StatusAccepted, do: (*call).deleteUsagePlanKey},
}

// keyType is the only one that there is.
const keyType = "API_KEY"

// usagePlanKey is a key on a plan. A developer's value is not known here.
type usagePlanKey struct {
	ID    models.KeyID `json:"id"`
	Type  string       `json:"type"`
	Value string       `json:"value,omitempty"`
	Name  string       `json:"name,omitempty"`
}

func usagePlanKeyOf(k models.WireKey) usagePlanKey {
	out := usagePlanKey{ID: k.ID, Type: keyType, Value: k.Value, Name: k.Name}
	if k.Unnamed {
		out.Name = ""
	}
	return out
}

func (c *call) createUsagePlanKey() (any, error) {
	var in struct {
		Key  *string `json:"keyId"`
		Type *string `json:"keyType"`
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	var broken constraints
	if in.Key == nil {
		broken.required("createUsagePlanKeyInput.keyId")
	}
	if in.Type == nil {
		broken.required("createUsagePlanKeyInput.keyType")
	}
	if err := broken.err(); err != nil {
		return nil, err
	}
	if *in.Type != keyType {
		return nil, badRequest("Invalid key type specified: %s. Must be one of: [%s]", *in.Type, keyType)
	}
	key, err := models.ParseID[models.Key](*in.Key)
	if err != nil {
		return nil, errNoKey
	}
	plan, err := c.planID()
	if err != nil {
		return nil, err
	}
	err = c.Records.AddKeyToPlan(c.ctx, c.actor, key, plan, c.now)
	if models.KindOf(err) == models.KindNotFound {
		if _, planErr := c.Records.PlanDetail(c.ctx, c.owner(), plan); planErr == nil {
			return nil, errNoKey
		}
		return nil, errNoPlan
	}
	if err != nil {
		return nil, c.clash(err)
	}
	k, err := c.Records.PlanWireKey(c.ctx, c.owner(), plan, key)
	return usagePlanKeyOf(k), ifNoKey(err)
}

// getUsagePlanKeys lists nothing of a plan that there is not, as AWS does.
func (c *call) getUsagePlanKeys() (any, error) {
	page, err := c.page()
	if err != nil {
		return nil, err
	}
	plan, err := models.ParseID[models.Plan](c.label["plan"])
	if err != nil {
		return list[usagePlanKey]{Item: []usagePlanKey{}}, nil
	}
	keys, err := c.Records.PlanWireKeys(c.ctx, c.owner(), plan, c.query.Get("name"), page, c.limit())
	if models.KindOf(err) == models.KindNotFound {
		err = nil
	}
	return storedList(keys, usagePlanKeyOf), err
}

// planKey reads which key on which plan is meant.
func (c *call) planKey() (plan models.PlanID, key models.KeyID, err error) {
	if plan, err = c.planID(); err == nil {
		key, err = c.keyID()
	}
	return plan, key, err
}

// ifNoPlanKey says which of a plan and a key there is not.
func (c *call) ifNoPlanKey(err error, plan models.PlanID) error {
	if models.KindOf(err) != models.KindNotFound {
		return err
	}
	if _, err := c.Records.PlanDetail(c.ctx, c.owner(), plan); err != nil {
		return ifNoPlan(err)
	}
	return errNoKey
}

func (c *call) getUsagePlanKey() (any, error) {
	plan, key, err := c.planKey()
	if err != nil {
		return nil, err
	}
	k, err := c.Records.PlanWireKey(c.ctx, c.owner(), plan, key)
	return usagePlanKeyOf(k), c.ifNoPlanKey(err, plan)
}

func (c *call) deleteUsagePlanKey() (any, error) {
	plan, key, err := c.planKey()
	if err != nil {
		return nil, err
	}
	err = c.Records.RemoveKeyFromPlan(c.ctx, c.actor, key, plan, c.now)
	if models.KindOf(err) == models.KindConflict { // a developer's
		err = badRequest("%s", models.Sentence(err))
	}
	return nil, c.ifNoPlanKey(err, plan)
}
