package handlers

import (
	"cmp"
	"slices"
	"strings"

	"gatehouse/models"
	"gatehouse/models/openapi"
	"gatehouse/templates/format"
	"gatehouse/templates/public"
)

// apiReader is who reads a reference: the open subscriptions that open its stage, and the keys that stand on them. The zero value is a visitor.
type apiReader struct {
	signedIn      bool
	subscriptions []models.SubscriptionRow
	keys          []models.KeyRow
}

// reader finds out what the reader of a reference holds.
func (c *Catalog) reader(r *Request, ref *reference) (apiReader, error) {
	if r.Account.ID == 0 {
		return apiReader{}, nil
	}
	you := apiReader{signedIn: true}
	apps, err := c.Store.Apps(r.Context(), r.Account.ID, models.Page{Limit: homeList})
	if err != nil {
		return you, err
	}
	for _, app := range apps.Items {
		for _, s := range app.Subscriptions {
			if _, opens := planStage(s.Terms, ref.stage.ID); opens && s.State.Open() {
				s.AppName = app.Name
				you.subscriptions = append(you.subscriptions, s)
			}
		}
	}
	if len(you.subscriptions) == 0 {
		return you, nil
	}
	keys, err := c.Store.AccountKeys(r.Context(), r.Account.ID, models.Page{Limit: homeList})
	you.keys = keys.Items
	return you, err
}

// planStage is what terms say of a stage.
func planStage(t models.Terms, id models.StageID) (models.PlanStage, bool) {
	i := slices.IndexFunc(t.Stages, func(s models.PlanStage) bool { return s.StageID == id })
	if i < 0 {
		return models.PlanStage{}, false
	}
	return t.Stages[i], true
}

// method is the deployed method of an operation.
func (ref *reference) method(op openapi.Operation) models.Method {
	i := slices.IndexFunc(ref.stage.Methods, func(m models.Method) bool { return m.Name() == op.Name() })
	if i < 0 {
		return models.Method{}
	}
	return ref.stage.Methods[i]
}

// access says what the reader may do with an operation that needs a key.
func (ref *reference) access(r *Request, op openapi.Operation, you apiReader) public.AccessView {
	v := public.AccessView{SignedIn: you.signedIn, PlansHref: apiPath(ref.api.Slug) + "#plans"}
	id := ref.method(op).ID
	for _, s := range you.subscriptions {
		st, _ := planStage(s.Terms, ref.stage.ID)
		line := public.YourAccess{Plan: s.PlanName, App: s.AppName, Href: "/subscriptions/" + s.ID.String(), Included: !slices.Contains(st.Excluded, id)}
		switch {
		case !line.Included:
			line.Words = "calls get 403"
		case s.State == models.SubscriptionPending:
			line.Included, line.Words = false, "calls get 403 until the owner has approved"
		case s.State == models.SubscriptionSuspended:
			line.Included, line.Words = false, "suspended: calls get 403"
		default:
			line.Words = ref.allowance(s, st, id)
			line.Left = r.leftOf(ref.limits, s, keysOfApp(you.keys, s.AppID))
		}
		v.Yours = append(v.Yours, line)
	}
	slices.SortStableFunc(v.Yours, func(a, b public.YourAccess) int { return cmp.Compare(rank(b.Included), rank(a.Included)) })
	if !slices.ContainsFunc(v.Yours, func(y public.YourAccess) bool { return y.Included }) {
		for _, p := range operationPlans(ref, op) {
			if p.Included {
				v.Elsewhere = append(v.Elsewhere, p)
			}
		}
	}
	return v
}

func rank(is bool) int {
	if is {
		return 1
	}
	return 0
}

// allowance is what a subscription allows of a method: "50 requests a second, bursts of 100 for this operation; 10,000 requests a month".
func (ref *reference) allowance(s models.SubscriptionRow, st models.PlanStage, id models.MethodID) string {
	words := throttleWords(s.Terms.Throttle)
	for _, t := range st.Throttles {
		if t.MethodID == id {
			words = throttleWords(&t.Throttle) + " for this operation"
		}
	}
	if s.Terms.Quota != nil && s.Terms.Quota.IsSet() {
		words += "; " + quotaWords(s.Terms.Quota)
	}
	return words
}

// leftOf is what is left of the quota of the key that has used most of it; "" where there is no quota or no key.
func (r *Request) leftOf(limits LimitsOf, s models.SubscriptionRow, keys []models.KeyRow) string {
	if limits == nil {
		return ""
	}
	key, l, ok := limits.nearest(s.PlanID, keysOnPlan(keys, s.PlanID, r.Now))
	if !ok || !l.Quota.IsSet() {
		return ""
	}
	left := format.Count(max(0, l.Left)) + " left"
	if len(keys) > 1 {
		left += " for " + key.Name
	}
	return left + ", resets " + resetTime(l.Window.End)
}

// gatewayAnswer is an answer that comes from the gateway and not from the API.
type gatewayAnswer struct {
	status  int
	title   string
	text    string
	headers []string
}

// gatewayHeaders are what answers to keyed calls carry, with what they say.
var gatewayHeaders = []struct{ name, text string }{
	{"RateLimit", "Of each limit that applies: requests that remain, and seconds until all are there again."},
	{"RateLimit-Policy", "Every limit that applies: requests in a window of seconds."},
	{"X-RateLimit-Limit", "Requests that the quota allows in its window; without a quota, the burst of the plan."},
	{"X-RateLimit-Remaining", "Of them left after this request."},
	{"X-RateLimit-Reset", "Whole seconds until all are there again."},
	{"Retry-After", "Whole seconds after which a request can pass. Absent when waiting does not help."},
}

// theGatewaySays are the gateway's own answers to keyed operations.
var theGatewaySays = []gatewayAnswer{
	{403, "The key may not make this call", "The key is missing, unknown, expired or revoked, or its plan does not include the operation.", nil},
	{429, "A limit is reached", "A throttle or the quota of the plan has no request left. The call is not counted.", []string{"Retry-After", "RateLimit", "RateLimit-Policy"}},
	{502, "The API cannot be reached", "The gateway got no valid answer from the API.", nil},
	{503, "The gateway cannot decide now", "The gateway refuses rather than guesses. The call is not counted.", []string{"Retry-After"}},
	{504, "The API does not answer in time", "The gateway has waited as long as the stage allows.", nil},
}

// gatewayAnswers are theGatewaySays for a page.
func gatewayAnswers() (views []public.GatewayAnswer) {
	for _, a := range theGatewaySays {
		views = append(views, public.GatewayAnswer{Status: a.status, Title: a.title, Text: a.text, Headers: strings.Join(a.headers, ", ")})
	}
	return views
}
