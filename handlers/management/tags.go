package management

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/models"
)

// tagRecords are the tags of things in the store.
type tagRecords interface {
	ResourceTags(ctx context.Context, kind models.ResourceKind, id int64) (models.ResourceTags, error)
	ChangeResourceTags(ctx context.Context, actor models.Actor, kind models.ResourceKind, id int64, now time.Time, change func(models.ResourceTags) error) error
	TaggedResource(ctx context.Context, owner models.AccountID, kind models.ResourceKind, id int64) error
	StageID(ctx context.Context, owner models.AccountID, api models.APIID, name string) (models.StageID, error)
}

var tagOperations = []operation{
	{name: "TagResource", verb: http.MethodPut, path: "/tags/{arn}", status: http.StatusNoContent, do: (*call).tagResource},
	{name: "UntagResource", verb: http.MethodDelete, path: "/tags/{arn}", status: http.StatusNoContent, do: (*call).untagResource},
	{name: "GetTags", verb: http.MethodGet, path: "/tags/{arn}", status: http.StatusOK, do: (*call).getTags},
}

// resource is a thing that an ARN names.
type resource struct {
	kind models.ResourceKind
	id   int64
}

// plan is the plan that it is.
func (r resource) plan() models.PlanID { return models.PlanID(r.id) }

// resource reads the ARN: arn:aws:apigateway:{region}::/usageplans/{id}, for any region and partition.
func (c *call) resource() (r resource, err error) {
	arn := c.label["arn"]
	invalid := badRequest("Invalid ARN specified in the request: %s", arn)
	part := strings.SplitN(arn, ":", 6)
	if len(part) != 6 || part[0] != "arn" || !strings.HasPrefix(part[1], "aws") || part[2] != "apigateway" || part[4] != "" && part[4] != c.AccountID {
		return r, invalid
	}
	path := strings.Split(strings.TrimPrefix(part[5], "/"), "/")
	switch {
	case len(path) == 2 && path[0] == "usageplans":
		return named[models.Plan](models.ResourcePlan, path[1], errNoPlan)
	case len(path) == 2 && path[0] == "apikeys":
		return named[models.Key](models.ResourceKey, path[1], errNoKey)
	case len(path) == 2 && path[0] == "restapis":
		return named[models.API](models.ResourceAPI, path[1], c.noAPI(path[1]))
	case len(path) == 4 && path[0] == "restapis" && path[2] == "stages":
		api, err := named[models.API](models.ResourceAPI, path[1], c.noAPI(path[1]))
		if err != nil {
			return r, err
		}
		id, err := c.Records.StageID(c.ctx, c.owner(), models.APIID(api.id), path[3])
		return resource{models.ResourceStage, int64(id)}, ifUnknown(err, "Invalid Stage identifier specified")
	}
	return r, invalid
}

func (c *call) noAPI(id string) error {
	return notFound("Invalid API identifier specified %s:%s", c.AccountID, id)
}

func named[T any](kind models.ResourceKind, text string, unknown error) (resource, error) {
	id, err := models.ParseID[T](text)
	if err != nil {
		return resource{}, unknown
	}
	return resource{kind, int64(id)}, nil
}

// unknown says in AWS's words that there is no such thing.
func (c *call) unknown(r resource, err error) error {
	if models.KindOf(err) != models.KindNotFound {
		return err
	}
	switch r.kind {
	case models.ResourcePlan:
		return errNoPlan
	case models.ResourceKey:
		return errNoKey
	case models.ResourceStage:
		return notFound("Invalid Stage identifier specified")
	default:
		return c.noAPI(models.APIID(r.id).String())
	}
}

func (c *call) getTags() (any, error) {
	r, err := c.resource()
	if err != nil {
		return nil, err
	}
	out := struct {
		Tags models.ResourceTags `json:"tags"`
	}{}
	if r.kind == models.ResourcePlan {
		d, err := c.Records.PlanDetail(c.ctx, c.owner(), r.plan())
		out.Tags = planTags(d)
		return out, ifNoPlan(err)
	}
	if err := c.Records.TaggedResource(c.ctx, c.owner(), r.kind, r.id); err != nil {
		return nil, c.unknown(r, err)
	}
	out.Tags, err = c.Records.ResourceTags(c.ctx, r.kind, r.id)
	return out, err
}

func (c *call) tagResource() (any, error) {
	var in struct {
		Tags map[string]string `json:"tags"`
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	if in.Tags == nil {
		var broken constraints
		broken.required("tagResourceInput.tags")
		return nil, broken.err()
	}
	return nil, c.changeTags(func(e *models.PlanEdit) error { return putPlanTags(e, in.Tags, false) }, func(tags models.ResourceTags) error {
		for name, value := range in.Tags {
			tags[name] = value
		}
		return nil
	})
}

func (c *call) untagResource() (any, error) {
	names := c.query["tagKeys"]
	if len(names) == 0 {
		var broken constraints
		broken.required("untagResourceInput.tagKeys")
		return nil, broken.err()
	}
	return nil, c.changeTags(func(e *models.PlanEdit) error { return removePlanTags(e, names) }, func(tags models.ResourceTags) error {
		for name := range tags {
			if slices.Contains(names, name) {
				delete(tags, name)
			}
		}
		return nil
	})
}

// changeTags changes the tags of what the ARN names: those of a plan may change the plan.
func (c *call) changeTags(ofPlan func(*models.PlanEdit) error, others func(models.ResourceTags) error) error {
	r, err := c.resource()
	if err != nil {
		return err
	}
	if r.kind == models.ResourcePlan {
		_, err = c.Records.EditPlan(c.ctx, c.actor, r.plan(), c.Words, ofPlan, c.now)
		return c.clash(ifNoPlan(err))
	}
	return c.unknown(r, c.Records.ChangeResourceTags(c.ctx, c.actor, r.kind, r.id, c.now, others))
}
