package management

import (
	"context"
	"fmt"
	"testing"

	"gatehouse/models"
	"gatehouse/models/store"
)

// Each day has what was used on it, and what was left of the period at its end (spec 3.5); an extension is the present period's alone.
func TestUsageByDay(t *testing.T) {
	r := newRig(t)
	api, _ := r.stage("pets", "prod")
	plan := r.call("POST", "/usageplans", fmt.Sprintf(`{"name":"Gold","apiStages":[{"apiId":%q,"stage":"prod"}],"quota":{"limit":100,"period":"MONTH"}}`, api)).is(201).member("id")
	key, idle := r.call("POST", "/apikeys", `{"name":"a"}`).is(201).member("id"), r.call("POST", "/apikeys", `{"name":"b"}`).is(201).member("id")
	for _, k := range []string{key, idle} {
		r.call("POST", "/usageplans/"+plan+"/keys", `{"keyId":"`+k+`","keyType":"API_KEY"}`).is(201)
	}
	planID, _ := models.ParseID[models.Plan](plan)
	keyID, _ := models.ParseID[models.Key](key)
	today := r.now.Unix() / 86400 // 2 March
	charge(r, keyID, planID, today-2, 5, today-1, 10, today, 20)
	settled := 0
	r.api.Settle = func(context.Context) error { settled++; return nil }
	at := "/usageplans/" + plan + "/usage?startDate=2026-02-28&endDate=2026-03-02"
	whole := func(values, more string) string {
		return fmt.Sprintf(`{"usagePlanId":%q,"startDate":"2026-02-28","endDate":"2026-03-02","values":{%s}%s}`, plan, values, more)
	}
	used, unused := fmt.Sprintf(`%q:[[5,95],[10,90],[20,70]]`, key), fmt.Sprintf(`%q:[[0,100],[0,100],[0,100]]`, idle)
	r.call("GET", at, "").is(200).says(whole(used+","+unused, ""))
	if settled != 1 {
		t.Errorf("what the gateway admitted was committed %d times before the answer, want once", settled)
	}
	r.call("GET", at+"&keyId="+key, "").is(200).says(whole(used, ""))
	page := r.call("GET", at+"&limit=1", "").is(200)
	page.says(whole(unused, fmt.Sprintf(`,"position":%q`, page.member("position"))))
	r.call("GET", at+"&limit=1&position="+page.member("position"), "").is(200).says(whole(used, ""))

	extended := fmt.Sprintf(`{"usagePlanId":%q,"startDate":"2026-03-02","endDate":"2026-03-02","values":{%q:[[20,500]]}}`, plan, key)
	r.patch("/usageplans/"+plan+"/keys/"+key+"/usage", "replace /remaining 500").is(200).says(extended)
	r.patch("/usageplans/"+plan+"/keys/"+key+"/usage", "replace /remaining 0").is(200)
	if q, err := r.QuotaStanding(t.Context(), keyID, planID, r.now); err != nil || q.Remaining() != 0 {
		t.Errorf("remaining: got %d, %v, want 0", q.Remaining(), err)
	}
	r.call("GET", at+"&keyId="+key, "").is(200).says(whole(fmt.Sprintf(`%q:[[5,95],[10,20],[20,0]]`, key), ""))
	r.patch("/usageplans/"+plan+"/keys/"+key+"/usage", "add /remaining 5").refused(400, "BadRequestException", "Invalid patch path  '/remaining' specified for op 'add'. Must be one of: []")
	r.patch("/usageplans/"+plan+"/keys/"+key+"/usage", "replace /remaining -5").refused(400, "BadRequestException", "Invalid value for /remaining")
	r.patch("/usageplans/"+plan+"/keys/nosuchkey0/usage", "replace /remaining 5").refused(404, "NotFoundException", "Invalid API Key identifier specified")
	for _, bad := range []string{"startDate=2026-03-02&endDate=2026-03-01", "startDate=2026-01-01&endDate=2026-12-31", "startDate=today&endDate=2026-03-01", "startDate=2026-02-30&endDate=2026-03-01"} {
		r.call("GET", "/usageplans/"+plan+"/usage?"+bad, "").refused(400, "BadRequestException", "Invalid ")
	}
	r.call("GET", "/usageplans/"+plan+"/usage", "").refused(400, "ValidationException", "2 validation errors detected")
	r.call("GET", "/usageplans/aaaaaaaaaa/usage?startDate=2026-03-01&endDate=2026-03-01", "").refused(404, "NotFoundException", "Invalid Usage Plan ID specified")

	r.patch("/usageplans/"+plan, "remove /quota").is(200)
	r.call("GET", at+"&keyId="+key, "").is(200).says(whole(fmt.Sprintf(`%q:[[5,-1],[10,-1],[20,-1]]`, key), ""))
	r.patch("/usageplans/"+plan+"/keys/"+key+"/usage", "replace /remaining 5").refused(400, "BadRequestException", "The usage plan "+plan+" has no quota")
}

// charge commits what a key used, as pairs of a Unix day and a number.
func charge(r *rig, key models.KeyID, plan models.PlanID, pairs ...int64) {
	r.t.Helper()
	var b models.UsageBatch
	for i := 0; i < len(pairs); i += 2 {
		b.Charged = append(b.Charged, models.QuotaUse{KeyID: key, PlanID: plan, Day: pairs[i], Used: pairs[i+1]})
	}
	if err := r.Store.CommitUsage(r.t.Context(), b); err != nil {
		r.t.Fatal(err)
	}
}

var _ Records = (*store.Store)(nil)
