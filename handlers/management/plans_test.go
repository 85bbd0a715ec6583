package management

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// planOnWire makes a plan that opens a stage.
func planOnWire(r *rig, name string, api models.APIID, stage string) string {
	r.t.Helper()
	return r.call("POST", "/usageplans", fmt.Sprintf(`{"name":%q,"apiStages":[{"apiId":%q,"stage":%q}]}`, name, api, stage)).is(201).member("id")
}

// The members of each answer are those that AWS's has (spec 3.5).
func TestPlansHaveAWSsShapes(t *testing.T) {
	r := newRig(t)
	api, _ := r.stage("pets", "prod")
	bare := r.call("POST", "/usageplans", `{"name":"Bare"}`).is(201)
	bare.says(fmt.Sprintf(`{"id":%q,"name":"Bare","apiStages":[]}`, bare.member("id")))
	r.call("GET", "/usageplans/"+bare.member("id"), "").is(200).says(fmt.Sprintf(`{"id":%q,"name":"Bare","apiStages":[],"tags":{}}`, bare.member("id")))

	full := r.call("POST", "/usageplans", fmt.Sprintf(`{"name":"Full","description":"All","apiStages":[{"apiId":%q,"stage":"prod","throttle":{"/pets/GET":{"rateLimit":5,"burstLimit":9}}}],
		"throttle":{"rateLimit":200,"burstLimit":100},"quota":{"limit":"10","period":"WEEK"},"tags":{"team":"a","gatehouse:price":"€9"}}`, api)).is(201)
	id := full.member("id")
	members := fmt.Sprintf(`"id":%q,"name":"Full","description":"All","apiStages":[{"apiId":%q,"stage":"prod","throttle":{"/pets/GET":{"rateLimit":5.0,"burstLimit":9}}}],
		"throttle":{"rateLimit":200.0,"burstLimit":100},"quota":{"limit":10,"offset":0,"period":"WEEK"}`, id, api)
	full.says(`{` + members + `,"tags":{"team":"a","gatehouse:price":"€9"}}`)
	r.patch("/usageplans/"+id, "add /productCode code-1").is(200).says(`{` + members + `,"productCode":"code-1","tags":{"team":"a","gatehouse:price":"€9"}}`)
	r.call("GET", "/usageplans", "").is(200).says(fmt.Sprintf(`{"item":[{%s,"productCode":"code-1"},{"id":%q,"name":"Bare","apiStages":[]}]}`, members, bare.member("id")))

	page := r.call("GET", "/usageplans?limit=1", "").is(200)
	r.call("GET", "/usageplans?limit=1&position="+page.member("position"), "").is(200).says(fmt.Sprintf(`{"item":[{"id":%q,"name":"Bare","apiStages":[]}]}`, bare.member("id")))
	r.call("GET", "/usageplans?position=nonsense", "").refused(400, "BadRequestException", "Invalid position")
}

// Every line of AWS's table of paths does what it says (spec 3.6), and nothing is done of what is refused half-way.
func TestPatchingAPlan(t *testing.T) {
	r := newRig(t)
	api, _ := r.stage("pets", "prod", "GET /", "GET /pets", "ANY /pets/{id}")
	ref := api.String() + ":prod"
	at := "/usageplans/" + planOnWire(r, "Gold", api, "prod")
	stage := func(throttles string) string {
		return fmt.Sprintf(`"apiStages":[{"apiId":%q,"stage":"prod"%s}]`, api, throttles)
	}
	id := at[len("/usageplans/"):]
	for _, step := range []struct {
		ops  []string
		want string
	}{
		{[]string{"replace /name Silver", "replace /description Text"}, `"name":"Silver","description":"Text",` + stage("")},
		{[]string{"replace /description "}, `"name":"Silver",` + stage("")},
		{[]string{"add /throttle/rateLimit 2.5"}, `"name":"Silver","throttle":{"rateLimit":2.5,"burstLimit":3},` + stage("")},
		{[]string{"replace /throttle/burstLimit 7"}, `"name":"Silver","throttle":{"rateLimit":2.5,"burstLimit":7},` + stage("")},
		{[]string{"remove /throttle", "add /quota/limit 10", "replace /quota/period MONTH", "add /quota/offset 27"}, `"name":"Silver","quota":{"limit":10,"offset":27,"period":"MONTH"},` + stage("")},
		{[]string{"remove /quota", "replace /apiStages/" + ref + "/throttle/~1pets/GET/rateLimit 3", "replace /apiStages/" + ref + "/throttle//pets/GET/burstLimit 4"},
			`"name":"Silver",` + stage(`,"throttle":{"/pets/GET":{"rateLimit":3.0,"burstLimit":4}}`)},
		{[]string{"replace /apiStages/" + ref + `/throttle {"//GET":{"rateLimit":1,"burstLimit":1},"/pets/{id}/ANY":{"rateLimit":2,"burstLimit":2}}`},
			`"name":"Silver",` + stage(`,"throttle":{"//GET":{"rateLimit":1.0,"burstLimit":1},"/pets/{id}/ANY":{"rateLimit":2.0,"burstLimit":2}}`)},
		{[]string{"remove /apiStages/" + ref + "/throttle///GET"}, `"name":"Silver",` + stage(`,"throttle":{"/pets/{id}/ANY":{"rateLimit":2.0,"burstLimit":2}}`)},
		{[]string{"remove /apiStages/" + ref + "/throttle"}, `"name":"Silver",` + stage("")},
		{[]string{"remove /apiStages " + ref}, `"name":"Silver","apiStages":[]`},
		{[]string{"add /apiStages " + ref, "replace /productCode x", "remove /productCode"}, `"name":"Silver",` + stage("")},
	} {
		r.patch(at, step.ops...).is(200).says(fmt.Sprintf(`{"id":%q,%s,"tags":{}}`, id, step.want))
	}
	before := r.call("GET", at, "").is(200).body
	for _, bad := range []struct {
		op, code, message string
		status            int
	}{
		{"remove /name", "BadRequestException", "Invalid patch path  '/name' specified for op 'remove'. Must be one of: [/apiStages, /quota, /throttle, /productCode, /apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>, /apiStages/<apidId:stageName>/throttle]", 400},
		{"increase /name", "ValidationException", "1 validation error detected: Value 'increase' at 'updateUsagePlanInput.patchOperations.2.member.op' failed", 400},
		{"add /apiStages nothere", "BadRequestException", "Invalid API Stage specified", 400},
		{"add /apiStages " + ref + "x", "NotFoundException", "API Stage not found: " + ref + "x", 404},
		{"remove /apiStages " + ref + "x", "NotFoundException", "Invalid API Stage {api: " + api.String() + ", stage: prodx} specified for usageplan " + id, 404},
		{"replace /quota/offset 1", "BadRequestException", "Usage Plan quota period", 400},
		{"replace /throttle/rateLimit many", "BadRequestException", "Invalid value for /throttle/rateLimit", 400},
		{"replace /apiStages/" + ref + "/throttle/~1cats/GET/rateLimit 3", "NotFoundException", "There is no method /cats/GET", 404},
		{"replace /apiStages/" + ref + `/throttle {"/*/*":{"rateLimit":1}}`, "BadRequestException", "A throttle of /*/*", 400},
	} {
		r.patch(at, "replace /name Never", bad.op).refused(bad.status, bad.code, bad.message)
	}
	if after := r.call("GET", at, "").is(200).body; string(after) != string(before) {
		t.Errorf("what was refused changed the plan: %s", after)
	}
	for _, q := range []string{`"limit":1,"period":"DAY","offset":1`, `"limit":1,"period":"WEEK","offset":7`, `"limit":1,"period":"MONTH","offset":28`} {
		r.call("POST", "/usageplans", `{"name":"x","quota":{`+q+`}}`).refused(400, "BadRequestException", "Usage Plan quota offset must be")
	}
	r.call("POST", "/usageplans", `{"quota":{"limit":1,"period":"YEAR"}}`).refused(400, "ValidationException", "2 validation errors detected: Value null at 'createUsagePlanInput.name'")
	r.call("POST", "/usageplans", `{"name":true}`).refused(400, "SerializationException", "class java.lang.Boolean can not be converted to an String")
}

// A plan of somebody else is as one that there is not.
func TestPlansBelongToTheirOwner(t *testing.T) {
	r := newRig(t)
	api, _ := r.stage("pets", "prod")
	at := "/usageplans/" + planOnWire(r, "Gold", api, "prod")
	r.as(storetest.Owner(t, r.Store))
	const unknown = "Invalid Usage Plan ID specified"
	r.call("GET", at, "").refused(404, "NotFoundException", unknown)
	r.patch(at, "replace /name Mine").refused(404, "NotFoundException", unknown)
	r.call("DELETE", at, "").refused(404, "NotFoundException", unknown)
	r.call("GET", "/usageplans/nosuchplan!", "").refused(404, "NotFoundException", unknown)
	r.call("GET", "/usageplans", "").is(200).says(`{"item":[]}`)
	r.call("POST", "/usageplans", fmt.Sprintf(`{"name":"Theft","apiStages":[{"apiId":%q,"stage":"prod"}]}`, api)).refused(404, "NotFoundException", "API Stage not found: "+api.String()+":prod")
}

// A plan with stages stays; without, it goes from the wire and the portal, and what was promised stays in the records.
func TestDeletingAPlan(t *testing.T) {
	r := newRig(t)
	api, _ := r.stage("pets", "prod")
	id := planOnWire(r, "Gold", api, "prod")
	r.call("DELETE", "/usageplans/"+id, "").refused(400, "BadRequestException", fmt.Sprintf("Cannot delete Usage Plan %s because there are API Stages associated with it, including %s:prod", id, api))
	r.patch("/usageplans/"+id, "remove /apiStages "+api.String()+":prod").is(200)
	if w := r.call("DELETE", "/usageplans/"+id, "").is(202); len(w.body) != 0 {
		t.Errorf("a deletion has a body: %s", w.body)
	}
	r.call("DELETE", "/usageplans/"+id, "").refused(404, "NotFoundException", "Invalid Usage Plan ID specified")
	plans, err := r.Plans(t.Context(), r.owner.ID, "", models.Page{})
	if err != nil || len(plans.Items) != 0 {
		t.Errorf("the portal lists %d plans, %v", len(plans.Items), err)
	}
}

// What comes from the wire at the same time is done one after the other, and nobody is told to try again.
func TestConcurrentPatchesAreSerialised(t *testing.T) {
	r := newRig(t)
	api, _ := r.stage("pets", "prod")
	id, err := models.ParseID[models.Plan](planOnWire(r, "Gold", api, "prod"))
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			_, err := r.EditPlan(t.Context(), r.actor(), id, nil, func(e *models.PlanEdit) error {
				e.Terms.Description += string(rune('a' + i))
				return nil
			}, r.now)
			if err != nil {
				t.Errorf("edit %d: %v", i, err)
			}
		})
	}
	group.Wait()
	d, err := r.PlanDetail(t.Context(), r.owner.ID, id)
	if err != nil || len(d.InForce.Description) != 20 || d.Version != 21 {
		t.Errorf("got %q in version %d, %v, want 20 letters in version 21", d.InForce.Description, d.Version, err)
	}
}

// What the wire changes stays when the owner publishes the draft that he had open; a draft that was announced does not change under those who were told.
func TestAnOpenDraftGetsTheSameChanges(t *testing.T) {
	r := newRig(t)
	api, _ := r.stage("pets", "prod")
	r.addStage(api, "test")
	text := planOnWire(r, "Gold", api, "prod")
	id, _ := models.ParseID[models.Plan](text)
	d, err := r.PlanDetail(t.Context(), r.owner.ID, id)
	if err != nil {
		t.Fatal(err)
	}
	draft := d.InForce.Clone()
	draft.Price = "€5"
	if _, err := r.SaveDraft(t.Context(), r.actor(), id, "", draft, r.now); err != nil {
		t.Fatal(err)
	}
	r.patch("/usageplans/"+text, "replace /description From the wire", "add /apiStages "+api.String()+":test").is(200)
	p, err := r.PublishPlan(t.Context(), r.actor(), id, r.now)
	if err != nil {
		t.Fatal(err)
	}
	if p.InForce.Price != "€5" || p.InForce.Description != "From the wire" || len(p.InForce.Stages) != 2 {
		t.Errorf("got %+v, want both changes", p.InForce)
	}
	draft = p.InForce.Clone()
	draft.Price = "€6"
	if _, err := r.SaveDraft(t.Context(), r.actor(), id, "", draft, r.now); err != nil {
		t.Fatal(err)
	}
	if _, err := r.SchedulePlan(t.Context(), r.actor(), id, r.now.AddDate(0, 0, 7), nil, r.now); err != nil {
		t.Fatal(err)
	}
	r.patch("/usageplans/"+text, "replace /description Again").refused(409, "ConflictException", "This draft comes into force on")
}

// gatehouse:* tags say what the portal says, whoever changed it last.
func TestPlanTagsAreThePlan(t *testing.T) {
	r := newRig(t)
	api, _ := r.stage("pets", "prod")
	id := planOnWire(r, "Gold", api, "prod")
	arn := "/tags/" + strings.ReplaceAll(strings.ReplaceAll("arn:aws:apigateway:eu-west-1::/usageplans/"+id, ":", "%3A"), "/", "%2F")
	r.call("GET", arn, "").is(200).says(`{"tags":{}}`)
	tags := fmt.Sprintf(`{"tags":{"team":"pets","gatehouse:price":"free","gatehouse:audience":"ask","gatehouse:charge":"delivered","gatehouse:keys-per-app":"3","gatehouse:excluded:%s:prod":"POST /pets"}}`, api)
	r.call("PUT", arn, tags).is(204)
	r.call("GET", arn, "").is(200).says(tags)
	plan, _ := models.ParseID[models.Plan](id)
	d, err := r.PlanDetail(t.Context(), r.owner.ID, plan)
	if err != nil || d.InForce.Audience != models.AudienceAsk || d.InForce.Price != "free" || len(d.InForce.Stages[0].Excluded) != 1 || d.InForce.KeysPerApp != 3 {
		t.Errorf("the portal has %+v, %v", d.InForce, err)
	}
	r.call("DELETE", arn+"?tagKeys=team&tagKeys=gatehouse%3Aprice&tagKeys=gatehouse%3Aaudience&tagKeys=gatehouse%3Acharge&tagKeys=gatehouse%3Akeys-per-app&tagKeys=gatehouse%3Aexcluded%3A"+api.String()+"%3Aprod", "").is(204)
	r.call("GET", arn, "").is(200).says(`{"tags":{}}`)
	for _, bad := range []string{`"gatehouse:colour":"red"`, `"gatehouse:audience":"everybody"`, `"gatehouse:keys-per-app":"0"`, `"gatehouse:state":"lost"`, `"gatehouse:ends":"soon"`, `"aws:x":"y"`, `"a":"` + strings.Repeat("x", 257) + `"`} {
		r.call("PUT", arn, `{"tags":{`+bad+`}}`).refused(400, "BadRequestException", "")
	}
	r.call("PUT", arn, `{"tags":{"gatehouse:state":"retired"}}`).is(204)
	r.call("GET", arn, "").is(200).says(`{"tags":{"gatehouse:state":"retired"}}`)
	r.call("PUT", arn, `{"tags":{"gatehouse:state":"published"}}`).refused(409, "ConflictException", "A plan that is retired")
	r.patch("/usageplans/"+id, "remove /apiStages "+api.String()+":prod").is(200)
	r.call("DELETE", "/usageplans/"+id, "").is(202)

	draft := r.call("POST", "/usageplans", `{"name":"Draft","tags":{"gatehouse:state":"draft"}}`).is(201).member("id")
	r.patch("/usageplans/"+draft, "replace /name Still a draft").is(200).says(fmt.Sprintf(`{"id":%q,"name":"Still a draft","apiStages":[],"tags":{"gatehouse:state":"draft"}}`, draft))
	r.call("GET", "/tags/arn%3Aaws%3Aapigateway%3Aeu%3A%3A%2Frestapis%2F"+api.String(), "").is(200).says(`{"tags":{}}`)
	r.call("PUT", "/tags/arn%3Aaws%3Aapigateway%3Aeu%3A%3A%2Frestapis%2F"+api.String()+"%2Fstages%2Fprod", `{"tags":{"a":"b"}}`).is(204)
	r.call("GET", "/tags/arn%3Aaws%3Aapigateway%3Aeu%3A%3A%2Frestapis%2F"+api.String()+"%2Fstages%2Fprod", "").is(200).says(`{"tags":{"a":"b"}}`)
	r.call("GET", "/tags/arn%3Aaws%3As3%3A%3A%3Abucket", "").refused(400, "BadRequestException", "Invalid ARN specified in the request")
}
