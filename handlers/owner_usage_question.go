package handlers

import (
	"net/url"
	"slices"

	"gatehouse/models"
	"gatehouse/templates/ui"
)

// usageQuestion is what a URL asks: whose usage, where, when.
type usageQuestion struct {
	path     string // of the page that asks
	span     rangeView
	scope    models.UsageScope
	pills    []ui.Pill
	filters  url.Values
	plan     models.PlanID // when the question is of one plan
	key      models.KeyID
	customer models.ConsumerID
	api      string               // its slug, when the question is of one
	choices  []models.StageChoice // without their methods
}

// question reads ?plan=, ?customer=, ?key=, ?api=, ?stage=, ?method= and the range. What is not the reader's is not found.
func (o *OwnerUsage) question(r *Request) (q usageQuestion, err error) {
	return o.asks(r, ownerUsagePath, parseRange(r.URL.Query(), r.Here()), "plan", "customer", "key", "api", "stage", "method")
}

// asks reads what a page asks by some of these parameters in a range.
func (o *OwnerUsage) asks(r *Request, path string, span rangeView, names ...string) (q usageQuestion, err error) {
	q.path, q.span, q.filters = path, span, url.Values{}
	for _, name := range names {
		if text := r.Query(name); text != "" {
			q.filters.Set(name, text)
		}
	}
	if q.choices, err = o.Store.StageNames(r.Context(), r.Account.ID); err != nil {
		return q, err
	}
	if err := o.ofWhom(r, &q); err != nil {
		return q, err
	}
	return q, o.ofWhere(r, &q)
}

// pill is a filter in force.
func (q *usageQuestion) pill(name, label string) {
	rest := url.Values{}
	for n, v := range q.filters {
		if n != name && !(name == "api" && n == "method") {
			rest[n] = v
		}
	}
	q.pills = append(q.pills, ui.Pill{Label: label, RemoveHref: q.span.with(q.path, rest)})
}

// ofWhom sets the keys or the plans. The usage of a developer's key is looked at on the reader's stages alone: the key may be on others' plans too.
func (o *OwnerUsage) ofWhom(r *Request, q *usageQuestion) error {
	if text := q.filters.Get("plan"); text != "" {
		id, err := models.ParseID[models.Plan](text)
		if err != nil {
			return models.NotFound("plan")
		}
		plan, err := o.Store.Plan(r.Context(), r.Account.ID, id)
		if err != nil {
			return err
		}
		q.plan, q.scope.Plans = id, []models.PlanID{id}
		q.pill("plan", "Plan: "+plan.Name())
	}
	if text := q.filters.Get("key"); text != "" {
		id, err := models.ParseID[models.Key](text)
		if err != nil {
			return models.NotFound("key")
		}
		key, err := o.Store.Key(r.Context(), r.Account.ID, id)
		if err != nil {
			return err
		}
		q.key, q.scope.Keys = id, []models.KeyID{id}
		q.pill("key", "Key: "+key.Name)
		return nil
	}
	if text := q.filters.Get("customer"); text != "" {
		id, err := models.ParseID[models.Consumer](text)
		if err != nil {
			return models.NotFound("customer")
		}
		c, err := o.Store.Consumer(r.Context(), r.Account.ID, id)
		if err != nil {
			return err
		}
		q.customer, q.scope.Consumers = id, []models.ConsumerID{id}
		q.pill("customer", "Customer: "+consumerName(c))
		return nil
	}
	if q.plan == 0 {
		q.scope.Owner = r.Account.ID
	}
	return nil
}

// consumerName is how an owner's pages call a customer.
func consumerName(c models.Consumer) string {
	switch {
	case c.Name != "":
		return c.Name
	case c.AccountID != 0:
		return "Deleted account"
	}
	return "Keys without a customer"
}

// ofWhere narrows the scope to stages and a method.
func (o *OwnerUsage) ofWhere(r *Request, q *usageQuestion) (err error) {
	api, stage, method := q.filters.Get("api"), q.filters.Get("stage"), q.filters.Get("method")
	matches := slices.DeleteFunc(slices.Clone(q.choices), func(c models.StageChoice) bool {
		return api != "" && c.APIID.String() != api && c.APISlug != api || stage != "" && c.StageID.String() != stage
	})
	if (api != "" || stage != "") && len(matches) == 0 {
		return models.NotFound("API or stage")
	}
	if api != "" {
		q.api = matches[0].APISlug
		q.pill("api", "API: "+matches[0].APIName)
	}
	if stage != "" {
		q.pill("stage", "Stage: "+matches[0].StageName)
	}
	if method != "" {
		if q.scope.Method, err = models.ParseID[models.Method](method); err != nil {
			return models.NotFound("method")
		}
		label, err := o.Store.MethodName(r.Context(), r.Account.ID, q.scope.Method)
		if models.KindOf(err) == models.KindNotFound {
			label, err = "One method", nil
		}
		if err != nil {
			return err
		}
		q.pill("method", label)
	}
	if api == "" && stage == "" && q.key == 0 {
		return nil // a customer's usage is by plans of the owner's alone
	}
	q.scope.Stages = make([]models.StageID, len(matches)) // not nil: without stages nothing is the reader's to see
	for i, c := range matches {
		q.scope.Stages[i] = c.StageID
	}
	return nil
}
