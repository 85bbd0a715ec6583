package handlers

import (
	"slices"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/rehearsal"
	"gatehouse/templates/format"
	"gatehouse/templates/receipt"
)

// receiptSteps are where to go on from a request, what helps most first; choice says whether there are other plans for it.
func receiptSteps(d models.ReceiptDetail, choice bool) []receipt.Step {
	var steps []receipt.Step
	add := func(label, href string) { steps = append(steps, receipt.Step{Label: label, Href: href}) }
	if d.OwnKey && d.Key.AppID != 0 {
		stepsOfDeveloper(d, choice, add)
	} else {
		stepsOfOwner(d, add)
	}
	if d.Problem != "" {
		add("What this error means", "/problems/"+d.Problem)
	}
	if !d.Outcome.Admitted() && len(steps) > 1 {
		steps[0].Main = true
	}
	return steps
}

func stepsOfDeveloper(d models.ReceiptDetail, choice bool, add func(label, href string)) {
	key := keyPath(d.KeyID)
	subscription := func(label string) {
		if d.SubscriptionID != 0 {
			add(label, subscriptionPath(d.SubscriptionID))
		}
	}
	switch d.Problem {
	case "throttled", "quota-exceeded", "no-plan", "plan-ended", "operation-not-in-plan":
		if href, label := compareStep(d); choice {
			add(label, href)
		}
	case "key-expired":
		add("Set a later day", key+"#settings")
	case "key-replaced":
		add("See who sends old values", key+"/callers")
	case "key-revoked":
		add("Make a new key", appPath(d.Key.AppID)+"/keys/new")
	case "subscription-pending", "subscription-suspended", "key-blocked":
		subscription("Open the subscription")
	}
	add("Open the key", key)
	add("Usage of the key", pathWith("/usage", "key", d.KeyID.String()))
}

// stepsOfOwner are for the API's owner and for who made the key for a customer, who is one.
func stepsOfOwner(d models.ReceiptDetail, add func(label, href string)) {
	if d.Outcome == models.OutcomeUpstream && d.OwnAPI && d.StageName != "" || d.Layer == limit.LayerStage && d.OwnAPI && d.StageName != "" {
		add("Open the stage", ownerStagePath(d.APIID, d.StageID))
	}
	if d.Key.ID == 0 {
		return // nothing of the key is his to see
	}
	key := ownerKeyPath(d.KeyID)
	switch {
	case d.Problem == "quota-exceeded" && d.Member != "" && d.OwnAPI:
		add("Extend the quota", key)
	case d.Problem == "key-replaced" && d.OwnKey:
		add("See who sends old values", key+"/callers")
		fallthrough
	default:
		add("Open the key", key)
	}
	add("Usage of the key", pathWith("/owner/usage", "key", d.KeyID.String()))
	if d.OwnAPI && d.Plan.Name != "" {
		add("Open the plan", ownerPlanPath(d.PlanID))
	}
}

// compareStep is where a developer chooses another plan for a call; "" where no plan would help, or there is no choice.
func compareStep(d models.ReceiptDetail) (href, label string) {
	if !d.OwnKey || d.Key.AppID == 0 || d.Layer == limit.LayerStage || d.Layer == limit.LayerAccount {
		return "", ""
	}
	switch {
	case d.SubscriptionID != 0 && (d.Member == models.MemberActive || d.Member == models.MemberPending):
		return subscriptionPath(d.SubscriptionID) + "/change", "Compare other plans"
	case d.APISlug != "" && d.Member != models.MemberSuspended && d.Member != models.MemberBlocked:
		return apiPath(d.APISlug), "Compare the API's plans"
	}
	return "", ""
}

// plansShown is how many other plans a request's page lists.
const plansShown = 6

// otherPlans are the plans by which the developer's key could make this call, where the plan is why it could not.
func (h *Receipts) otherPlans(r *Request, d models.ReceiptDetail, a *rehearsal.Around) ([]receipt.Plan, error) {
	byPlan := []string{"throttled", "quota-exceeded", "no-plan", "plan-ended", "operation-not-in-plan"}
	if href, _ := compareStep(d); href == "" || d.APISlug == "" || !slices.Contains(byPlan, d.Problem) {
		return nil, nil
	}
	api, err := h.Store.CatalogAPI(r.Context(), r.Account.ID, d.APISlug)
	if models.KindOf(err) == models.KindNotFound {
		return nil, nil // it has left the catalog
	}
	if err != nil {
		return nil, err
	}
	var out []receipt.Plan
	for _, p := range api.Plans {
		if len(out) < plansShown && p.PlanID != d.PlanID && p.EndsAt.IsZero() {
			line, method, opens := otherPlan(d.Receipt, p)
			if !opens {
				continue
			}
			if !line.Passes {
				if line.Passes, err = h.wouldPass(r.Context(), d, a, p, method); err != nil {
					return nil, err
				}
			}
			out = append(out, line)
		}
	}
	return out, nil
}

// otherPlan is a plan's limits for the call of a request, and its throttle for the method, if it has one; opens is false where it does not include the call.
func otherPlan(r models.Receipt, p models.CatalogPlan) (line receipt.Plan, method *limit.Throttle, opens bool) {
	at := slices.IndexFunc(p.Stages, func(s models.CatalogPlanStage) bool { return s.StageID == r.StageID })
	if at < 0 || slices.ContainsFunc(p.Stages[at].Excluded, func(m models.Method) bool { return m.ID == r.MethodID }) {
		return line, nil, false
	}
	line = receipt.Plan{Name: p.Terms.Name, Rate: throttleWords(p.Terms.Throttle), Quota: quotaWords(p.Terms.Quota)}
	slower := slices.IndexFunc(p.Stages[at].Limited, func(l models.MethodLimit) bool { return l.Method.ID == r.MethodID })
	if slower >= 0 {
		method = &p.Stages[at].Limited[slower].Throttle.Throttle
		line.Rate = throttleWords(method)
		if t := p.Terms.Throttle; t != nil {
			line.Rate += "; all methods " + format.RPS(t.Rate)
		}
	}
	line.Passes = slower < 0 && p.Terms.Throttle == nil && (p.Terms.Quota == nil || !p.Terms.Quota.IsSet()) && onlyPlanRefused(r)
	return line, method, true
}

// onlyPlanRefused reports whether a plan without any limit would have let a request pass. What would have been left of a limit depends on all the
// requests before, of which most would have passed there and did not here: so of plans that have one something is said only where those are recorded (wouldPass).
func onlyPlanRefused(r models.Receipt) bool {
	return (r.Outcome == models.OutcomeThrottled || r.Outcome == models.OutcomeQuota) &&
		!r.Limits.Of(limit.LayerStage).Limited && !r.Limits.Of(limit.LayerAccount).Limited
}
