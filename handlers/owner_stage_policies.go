package handlers

import (
	"strings"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// Headers is the page of a stage's header rules and CORS.
func (o *OwnerStages) Headers(r *Request) (Reply, error) {
	api, s, err := o.stage(r)
	if err != nil {
		return Reply{}, err
	}
	page, err := o.headersPage(r, api, s, NewForm())
	return Page(page), err
}

// SaveHeaders changes the header rules.
func (o *OwnerStages) SaveHeaders(r *Request) (Reply, error) {
	return o.savePart(r, stagePartForm{part: models.StageHeaders, tab: "headers", read: readHeaders, page: o.headersPage, mine: []string{"request_", "response_"},
		done: "Saved. It holds from the next request on."})
}

func readHeaders(_ *Request, f *Form, _ models.API, s *models.Stage) {
	s.Settings.Request, s.Settings.Response = readRules(f, "request"), readRules(f, "response")
}

func readRules(f *Form, way string) (rules []models.HeaderRule) {
	for n := range closeRows(f, models.MaxHeaderRules, []string{way + "_name", way + "_value"}, way+"_action") {
		rules = append(rules, models.HeaderRule{Action: models.HeaderAction(f.Get(numbered(way+"_action", n+1))), Name: f.Trimmed(numbered(way+"_name", n+1)), Value: f.Trimmed(numbered(way+"_value", n+1))})
	}
	return rules
}

// SaveCORS changes which pages of browsers may call.
func (o *OwnerStages) SaveCORS(r *Request) (Reply, error) {
	return o.savePart(r, stagePartForm{part: models.StageCORS, tab: "headers", read: readCORS, page: o.headersPage, mine: []string{"origins", "credentials", "headers", "expose", "max_age"},
		done: "Saved. It holds from the next request on."})
}

func readCORS(_ *Request, f *Form, _ models.API, s *models.Stage) {
	if s.Settings.CORS = nil; !f.Checked("cors") {
		return
	}
	s.Settings.CORS = &models.CORS{Origins: listOf(f.Get("origins")), Headers: listOf(f.Get("headers")), Expose: listOf(f.Get("expose")),
		MaxAge: time.Duration(number(f, "max_age")) * time.Second, Credentials: f.Checked("credentials")}
}

func (o *OwnerStages) headersPage(r *Request, api models.API, s models.Stage, f *Form) (templ.Component, error) {
	f = f.overPart(rulesForm(s), "request_name_1", "request_", "response_")
	f = f.overPart(corsForm(s), "origins", "cors", "origins", "headers", "expose", "max_age", "credentials")
	if r.seer.ID != 0 { // a value may be a password between the owner and the upstream
		for n := 1; n <= models.MaxHeaderRules; n++ {
			if field := numbered("request_value", n); f.Get(field) != "" {
				f.Set(field, "hidden")
			}
		}
	}
	v := owner.StageHeadersView{Frame: stageFrame(r, api, s, "headers", o.States),
		Requests: rowsShown(f, models.MaxHeaderRules, "request_name", "request_value"), Answers: rowsShown(f, models.MaxHeaderRules, "response_name", "response_value")}
	return owner.StageHeaders(stageLayout(r, api, s, "Headers and CORS"), v, f), nil
}

func rulesForm(s models.Stage) *Form {
	f := NewForm()
	for way, rules := range map[string][]models.HeaderRule{"request": s.Settings.Request, "response": s.Settings.Response} {
		for i, rule := range rules {
			f.Set(numbered(way+"_action", i+1), string(rule.Action))
			f.Set(numbered(way+"_name", i+1), rule.Name)
			f.Set(numbered(way+"_value", i+1), rule.Value)
		}
	}
	return f
}

func corsForm(s models.Stage) *Form {
	f := NewForm()
	if c := s.Settings.CORS; c != nil {
		f = NewForm("cors", "on", "origins", strings.Join(c.Origins, "\n"), "headers", strings.Join(c.Headers, ", "), "expose", strings.Join(c.Expose, ", "))
		setNumber(f, "max_age", c.MaxAge.Seconds())
		setOn(f, "credentials", c.Credentials)
	}
	return f
}

// Maintenance is the page of the switch that takes a stage off.
func (o *OwnerStages) Maintenance(r *Request) (Reply, error) {
	api, s, err := o.stage(r)
	if err != nil {
		return Reply{}, err
	}
	f := NewForm()
	if m := s.Settings.Maintenance; m != nil {
		f.Set("message", m.Message)
		if !m.Until.IsZero() {
			until := r.Local(m.Until)
			f.Set("until_on", until.Format(time.DateOnly))
			f.Set("until_at", until.Format("15:04"))
		}
	}
	page, err := o.maintenancePage(r, api, s, f)
	return Page(page), err
}

// SaveMaintenance switches a stage off, or changes what callers are told meanwhile.
func (o *OwnerStages) SaveMaintenance(r *Request) (Reply, error) {
	return o.savePart(r, stagePartForm{part: models.StageMaintenance, tab: "maintenance", read: readMaintenance, page: o.maintenancePage, mine: []string{"message", "until"},
		done: "The stage is switched off: callers get 503 from their next request on."})
}

func readMaintenance(r *Request, f *Form, _ models.API, s *models.Stage) {
	m := models.Maintenance{Message: f.Trimmed("message")}
	on := day(f, "until_on")
	switch at := f.Trimmed("until_at"); {
	case on.IsZero() && at != "":
		f.Fail("until_on", "Enter a day, too.")
	case !on.IsZero():
		clock, err := time.Parse("15:04", at)
		if at != "" && err != nil {
			f.Fail("until_at", "Enter a time such as 09:00.")
		}
		m.Until = time.Date(on.Year(), on.Month(), on.Day(), clock.Hour(), clock.Minute(), 0, 0, r.Here().Location()).UTC()
		if saved := s.Settings.Maintenance; m.Until.Before(r.Now) && (saved == nil || !saved.Until.Equal(m.Until)) {
			f.Fail("until_on", "This is over already. Enter when the stage is back, or nothing.")
		}
	}
	s.Settings.Maintenance = &m
}

// EndMaintenance switches a stage on again.
func (o *OwnerStages) EndMaintenance(r *Request) (Reply, error) {
	api, s, err := o.stage(r)
	if err != nil {
		return Reply{}, err
	}
	_, err = o.Store.ChangeStage(r.Context(), r.Actor(), api.ID, s.ID, models.StageMaintenance, func(st *models.Stage) error { st.Settings.Maintenance = nil; return nil }, r.Now)
	back := ownerStagePath(api.ID, s.ID)
	return ownerDone(r, err, back, back, "The stage is on again: it holds from the next request on.")
}

func (o *OwnerStages) maintenancePage(r *Request, api models.API, s models.Stage, f *Form) (templ.Component, error) {
	v := owner.StageMaintenanceView{Frame: stageFrame(r, api, s, "maintenance", o.States), Now: r.Now}
	if m := s.Settings.Maintenance; m != nil {
		v.On, v.Until, v.Past = true, m.Until, !m.Until.IsZero() && m.Until.Before(r.Now)
	}
	return owner.StageMaintenance(stageLayout(r, api, s, "Maintenance"), v, f), nil
}

// Cache is the page of what a stage keeps of answers.
func (o *OwnerStages) Cache(r *Request) (Reply, error) {
	api, s, err := o.stage(r)
	if err != nil {
		return Reply{}, err
	}
	f := NewForm()
	if c := s.Settings.Cache; c != nil {
		f = NewForm("cache", "on", "ttl", seconds(c.TTL), "vary", strings.Join(c.Vary, ", "))
		setNumber(f, "cache_body", float64(c.MaxBody)/1024)
		setOn(f, "bypass", c.Bypass)
		kept, err := o.keptMethods(r, api, c)
		if err != nil {
			return Reply{}, err
		}
		for _, id := range kept {
			f.Add("cache_method", id.String())
		}
	}
	page, err := o.cachePage(r, api, s, f)
	return Page(page), err
}

// keptMethods are the methods that a cache is for; none: all GET methods. The management API names them, pages choose them.
func (o *OwnerStages) keptMethods(r *Request, api models.API, c *models.StageCache) ([]models.MethodID, error) {
	if !c.OnlyNamed && len(c.Named) == 0 {
		return c.Methods, nil
	}
	methods, err := o.Store.Methods(r.Context(), r.Account.ID, api.ID)
	var kept []models.MethodID
	for _, m := range methods {
		if _, ok := c.Life(m.Name(), m.ID); ok && m.Verb == "GET" {
			kept = append(kept, m.ID)
		}
	}
	return kept, err
}

// SaveCache changes it.
func (o *OwnerStages) SaveCache(r *Request) (Reply, error) {
	return o.savePart(r, stagePartForm{part: models.StageCaching, tab: "cache", read: readCache, page: o.cachePage, mine: []string{"ttl", "cache_body", "vary", "cache_method"},
		done: "Saved. It holds from the next request on."})
}

func readCache(_ *Request, f *Form, _ models.API, s *models.Stage) {
	was := s.Settings.Cache
	if s.Settings.Cache = nil; !f.Checked("cache") {
		return
	}
	c := models.StageCache{Vary: listOf(f.Get("vary")), Bypass: f.Checked("bypass"), MaxBody: optionalBytes(f, "cache_body", 1024)}
	if c.TTL = time.Minute; f.Trimmed("ttl") != "" {
		c.TTL = optionalTime(f, "ttl", time.Second)
	}
	if was != nil {
		c.Epoch = was.Epoch
	}
	for _, text := range f.All("cache_method") {
		id, err := models.ParseID[models.Method](text)
		if err != nil {
			f.Fail("cache_method", "Choose methods of this API.")
		}
		c.Methods = append(c.Methods, id)
	}
	s.Settings.Cache = &c
}

// PurgeCache forgets what every gateway keeps of the stage's answers.
func (o *OwnerStages) PurgeCache(r *Request) (Reply, error) {
	api, s, err := o.stage(r)
	if err != nil {
		return Reply{}, err
	}
	back := ownerStagePath(api.ID, s.ID) + "/cache"
	return ownerDone(r, o.Store.PurgeCache(r.Context(), r.Actor(), api.ID, s.ID, r.Now), back, back, "Forgotten: the next request of each kind asks your service.")
}

// cacheMethodsListed is how many methods the page offers.
const cacheMethodsListed = 300

func (o *OwnerStages) cachePage(r *Request, api models.API, s models.Stage, f *Form) (templ.Component, error) {
	v := owner.StageCacheView{Frame: stageFrame(r, api, s, "cache", o.States), On: s.Settings.Cache != nil}
	if o.States != nil {
		if c, ok := o.States.CacheStats(s.ID); ok {
			v.State = []ui.Definition{{Term: "Kept", Text: count(int(c.Entries), "answer") + ", " + format.Bytes(c.Bytes)},
				{Term: "Answered from it", Text: format.Count(c.Hits) + " of " + format.Count(c.Hits+c.Misses) + " that looked"}, {Term: "Asked past it", Text: format.Requests(c.Passed)}}
		}
	}
	methods, err := o.Store.Methods(r.Context(), r.Account.ID, api.ID)
	if err != nil {
		return nil, err
	}
	for _, m := range methods {
		if m.Verb == "GET" && len(v.Methods) < cacheMethodsListed {
			v.Methods = append(v.Methods, owner.CacheMethod{ID: m.ID.String(), Path: m.Path})
		}
	}
	return owner.StageCache(stageLayout(r, api, s, "Cache"), v, f), nil
}

// Limits is the page of what a stage takes of requests.
func (o *OwnerStages) Limits(r *Request) (Reply, error) {
	api, s, err := o.stage(r)
	if err != nil {
		return Reply{}, err
	}
	f := NewForm()
	setNumber(f, "max_body", float64(s.Settings.Limits.MaxBody)/(1<<20))
	setOn(f, "parameters", s.Settings.Validation.Parameters)
	setOn(f, "body", s.Settings.Validation.Body)
	page, err := o.limitsPage(r, api, s, f)
	return Page(page), err
}

// SaveLimits changes it.
func (o *OwnerStages) SaveLimits(r *Request) (Reply, error) {
	return o.savePart(r, stagePartForm{part: models.StageBounds, tab: "limits", read: readLimits, page: o.limitsPage, mine: []string{"max_body", "parameters", "body"},
		done: "Saved. It holds from the next request on."})
}

func readLimits(_ *Request, f *Form, api models.API, s *models.Stage) {
	s.Settings.Limits.MaxBody = optionalBytes(f, "max_body", 1<<20)
	if s.Settings.Validation = (models.RequestValidation{}); api.HasDocument {
		s.Settings.Validation = models.RequestValidation{Parameters: f.Checked("parameters"), Body: f.Checked("body")}
	}
}

func (o *OwnerStages) limitsPage(r *Request, api models.API, s models.Stage, f *Form) (templ.Component, error) {
	v := owner.StageLimitsView{Frame: stageFrame(r, api, s, "limits", o.States), DefaultBody: "as the operator has set", ImportHref: ownerAPIPath(api.ID) + "/import"}
	if api.HasDocument {
		_, text, err := o.Store.Document(r.Context(), r.Account.ID, api.ID)
		if err != nil {
			return nil, err
		}
		d, err := documentOf(text)
		if err != nil {
			return nil, err
		}
		v.Document = d.checkable()
	}
	return owner.StageLimits(stageLayout(r, api, s, "Limits and validation"), v, f), nil
}
