package management

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// planPatch is a plan that is patched.
type planPatch struct {
	*models.PlanEdit
	id models.PlanID
}

// planPatches are spec 3.6's. The methods of a stage are the path of its resource and the verb: escaped, or as Terraform sends them.
var planPatches = patchTable[planPatch]{refuse: refusePlanPatch, rules: []patchRule[planPatch]{
	{"/name", "replace", setText(func(p *planPatch) *string { return &p.Terms.Name })},
	{"/description", "replace", setText(func(p *planPatch) *string { return &p.Terms.Description })},
	{"/productCode", "add replace remove", setText(func(p *planPatch) *string { return &p.ProductCode })},
	{"/apiStages", "add", func(p *planPatch, in patchOperation, _ parts) error { return addStage(p.PlanEdit, in.Value) }},
	{"/apiStages", "remove", func(p *planPatch, in patchOperation, _ parts) error { return p.removeStage(in.Value) }},
	{"/apiStages/{stage}/throttle", "replace add", func(p *planPatch, in patchOperation, at parts) error {
		var throttles map[string]inThrottle
		if err := json.Unmarshal([]byte(in.Value), &throttles); err != nil {
			return badRequest("Invalid throttle specified: it must be JSON such as {\"/pets/GET\":{\"rateLimit\":1,\"burstLimit\":2}}.")
		}
		return setThrottles(p.PlanEdit, at["stage"], throttles)
	}},
	{"/apiStages/{stage}/throttle", "remove", func(p *planPatch, _ patchOperation, at parts) error {
		return setThrottles(p.PlanEdit, at["stage"], nil)
	}},
	{"/apiStages/{stage}/throttle/{path...}/{verb}/rateLimit", "replace add", (*planPatch).methodThrottle},
	{"/apiStages/{stage}/throttle/{path...}/{verb}/burstLimit", "replace add", (*planPatch).methodThrottle},
	{"/apiStages/{stage}/throttle/{path...}/{verb}", "remove", func(p *planPatch, _ patchOperation, at parts) error {
		return p.changeThrottle(at, nil)
	}},
	{"/throttle", "remove", func(p *planPatch, _ patchOperation, _ parts) error { p.Terms.Throttle = nil; return nil }},
	{"/throttle/rateLimit", "add replace", (*planPatch).throttle},
	{"/throttle/burstLimit", "add replace", (*planPatch).throttle},
	{"/quota", "remove", func(p *planPatch, _ patchOperation, _ parts) error { p.Terms.Quota = nil; return nil }},
	{"/quota/limit", "add replace", (*planPatch).quota},
	{"/quota/offset", "add replace", (*planPatch).quota},
	{"/quota/period", "add replace", (*planPatch).quota},
}}

// refusePlanPatch says what there is; AWS's list for remove has its own words.
func refusePlanPatch(in patchOperation) error {
	paths := map[string][]string{
		opRemove: {"/apiStages", "/quota", "/throttle", "/productCode", "/apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>", "/apiStages/<apidId:stageName>/throttle"},
		opAdd:    {"/apiStages", "/productCode", "/quota/limit", "/quota/offset", "/quota/period", "/throttle/burstLimit", "/throttle/rateLimit"},
		opReplace: {"/description", "/name", "/productCode", "/quota/limit", "/quota/offset", "/quota/period", "/throttle/burstLimit", "/throttle/rateLimit",
			"/apiStages/<apiId:stageName>/throttle", "/apiStages/<apiId:stageName>/throttle/<resourcePath>/<httpMethod>/rateLimit",
			"/apiStages/<apiId:stageName>/throttle/<resourcePath>/<httpMethod>/burstLimit"},
	}
	return invalidPatch(in, paths[in.Op])
}

func (p *planPatch) removeStage(ref string) error {
	api, name, ok := strings.Cut(ref, ":")
	if !ok || api == "" || name == "" {
		return badRequest("Invalid API Stage specified")
	}
	st, err := findStage(p.PlanEdit, ref)
	if err != nil || !p.Terms.Opens(st.StageID) {
		return notFound("Invalid API Stage {api: %s, stage: %s} specified for usageplan %s", api, name, p.id)
	}
	p.Terms = p.Terms.Without([]models.StageID{st.StageID})
	return nil
}

// last is the part of a path that says what is set.
func last(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// throttleIn reads a rateLimit or burstLimit.
func throttleIn(in patchOperation) (t inThrottle, err error) {
	if last(in.Path) == "rateLimit" {
		rate, err := strconv.ParseFloat(in.Value, 64)
		if err != nil {
			return t, badRequest("Invalid value for %s: '%s' is not a number.", in.Path, in.Value)
		}
		t.Rate = (*float)(&rate)
		return t, nil
	}
	burst, err := wholeNumber(in)
	t.Burst = (*integer)(&burst)
	return t, err
}

// wholeNumber reads a value that is a whole number.
func wholeNumber(in patchOperation) (int64, error) {
	n, err := strconv.ParseInt(in.Value, 10, 64)
	if err != nil {
		return 0, badRequest("Invalid value for %s: '%s' is not a whole number.", in.Path, in.Value)
	}
	return n, nil
}

func (p *planPatch) throttle(in patchOperation, _ parts) error {
	t, err := throttleIn(in)
	if err == nil {
		p.Terms.Throttle = t.over(p.Terms.Throttle)
	}
	return err
}

func (p *planPatch) quota(in patchOperation, _ parts) error {
	if p.Terms.Quota == nil {
		p.Terms.Quota = &limit.Quota{}
	}
	q := p.Terms.Quota
	if last(in.Path) == "period" {
		if !slices.Contains(periods, in.Value) {
			return badRequest("Invalid value for %s: '%s'. Must be one of: [DAY, WEEK, MONTH]", in.Path, in.Value)
		}
		q.Period, _ = limit.ParsePeriod(in.Value)
		return nil
	}
	n, err := wholeNumber(in)
	if last(in.Path) == "limit" {
		q.Limit = n
	} else {
		q.Offset = int(n)
	}
	return err
}

func (p *planPatch) methodThrottle(in patchOperation, at parts) error {
	t, err := throttleIn(in)
	if err != nil {
		return err
	}
	return p.changeThrottle(at, &t)
}

// changeThrottle limits one method, or limits it no more.
func (p *planPatch) changeThrottle(at parts, t *inThrottle) error {
	s, st, err := stageIn(p.PlanEdit, at["stage"])
	if err != nil {
		return err
	}
	m, err := methodIn(st, at["path"], at["verb"])
	if err != nil {
		return err
	}
	i := slices.IndexFunc(s.Throttles, func(have models.MethodThrottle) bool { return have.MethodID == m.ID })
	switch {
	case t == nil && i < 0:
		return notFound("There is no throttle of %s/%s on the API Stage %s.", at["path"], at["verb"], at["stage"])
	case t == nil:
		s.Throttles = slices.Delete(s.Throttles, i, i+1)
	case i < 0:
		s.Throttles = append(s.Throttles, models.MethodThrottle{MethodID: m.ID, Throttle: *t.over(nil)})
	default:
		t.over(&s.Throttles[i].Throttle)
	}
	return nil
}

// setThrottles replaces all limits of single methods of a stage.
func setThrottles(e *models.PlanEdit, ref string, throttles map[string]inThrottle) error {
	s, st, err := stageIn(e, ref)
	if err != nil {
		return err
	}
	s.Throttles = nil
	for name, t := range throttles {
		cut := strings.LastIndexByte(name, '/')
		if cut < 0 {
			return badRequest("Invalid method specified: %s. It must be a path and a verb, such as /pets/GET.", name)
		}
		m, err := methodIn(st, name[:cut], name[cut+1:])
		if err != nil {
			return err
		}
		throttle := t.over(nil)
		if throttle == nil {
			return badRequest("The throttle of %s has neither rateLimit nor burstLimit.", name)
		}
		s.Throttles = append(s.Throttles, models.MethodThrottle{MethodID: m.ID, Throttle: *throttle})
	}
	slices.SortFunc(s.Throttles, func(a, b models.MethodThrottle) int { return int(min(1, max(-1, a.MethodID-b.MethodID))) }) // maps have no order, terms have
	return nil
}

// stageIn finds a stage "api:stage" that a plan opens.
func stageIn(e *models.PlanEdit, ref string) (*models.PlanStage, models.StageChoice, error) {
	st, err := findStage(e, ref)
	if err != nil {
		return nil, st, err
	}
	at := slices.Index(e.Terms.StageIDs(), st.StageID)
	if at < 0 {
		return nil, st, notFound("API Stage not found: %s", ref)
	}
	return &e.Terms.Stages[at], st, nil
}

// methodIn finds a method of a stage. The root resource's path is /, or nothing: AWS writes //GET.
func methodIn(st models.StageChoice, path, verb string) (models.Method, error) {
	if path == "/*" && verb == "*" {
		return models.Method{}, badRequest("A throttle of /*/* is not supported by Gatehouse: the plan's own throttle is for all methods.")
	}
	path = "/" + strings.TrimLeft(path, "/")
	for _, m := range st.Methods {
		if m.Path == path && m.Verb == verb {
			return m, nil
		}
	}
	return models.Method{}, notFound("There is no method %s/%s in the API Stage %s:%s.", strings.TrimSuffix(path, "/"), verb, st.APIID, st.StageName)
}
