package management

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// A key has AWS's members, and its value only where it is asked for (spec 3.5).
func TestKeysHaveAWSsShapes(t *testing.T) {
	r := newRig(t)
	bare := r.call("POST", "/apikeys", `{"name":""}`).is(201)
	at := "/apikeys/" + bare.member("id")
	made := r.now.Unix()
	members := func(more string) string {
		return fmt.Sprintf(`{"id":%q,%s"enabled":false,"createdDate":%d,"lastUpdatedDate":%d,"stageKeys":[]`, at[len("/apikeys/"):], more, made, made)
	}
	value := fmt.Sprintf(`"value":%q,`, bare.member("value"))
	bare.says(members(value) + `}`)
	r.call("GET", at, "").is(200).says(members("") + `,"tags":{}}`)
	r.call("GET", at+"?includeValue=true", "").is(200).says(members(value) + `,"tags":{}}`)
	r.call("GET", "/apikeys", "").is(200).says(`{"item":[` + members("") + `}]}`)
	r.call("GET", "/apikeys?includeValues=true", "").is(200).says(`{"item":[` + members(value) + `}]}`)

	r.patch(at, "replace /name New", "replace /description Text", "replace /enabled TRUE", "replace /customerId c-1").is(200).
		says(fmt.Sprintf(`{"id":%q,"name":"New","description":"Text","customerId":"c-1","enabled":true,"createdDate":%d,"lastUpdatedDate":%d,"stageKeys":[],"tags":{}}`, at[len("/apikeys/"):], made, r.now.Unix()))
	r.patch(at, "replace /name ", "replace /value x").refused(400, "BadRequestException", "Invalid patch path  '/value' specified for op 'replace'. Must be one of: [/description, /enabled, /name, /customerId]")
	if name := r.call("GET", at, "").is(200).member("name"); name != "New" {
		t.Errorf("a refused patch made the name %q", name)
	}
	r.call("POST", "/apikeys", `{"name":"k","enabled":"true","value":"a-value-of-twenty-characters","tags":{"a":"b"}}`).is(201)
	r.call("POST", "/apikeys", `{"value":"a-value-of-twenty-characters"}`).refused(409, "ConflictException", "API Key already exists")
	r.call("POST", "/apikeys", `{"value":"short"}`).refused(400, "BadRequestException", "API Key value should be at least 20 characters")
	r.call("POST", "/apikeys", `{"value":"`+strings.Repeat("x", 129)+`"}`).refused(400, "BadRequestException", "API Key value exceeds maximum size of 128 characters")
	r.call("POST", "/apikeys", `{"name":"`+strings.Repeat("x", 1025)+`"}`).refused(400, "BadRequestException", "Invalid API Key name, can be at most 1024 characters.")
	r.call("POST", "/apikeys", `{"name":"`+strings.Repeat("x", 1024)+`","description":"`+strings.Repeat("x", 125_000)+`"}`).is(201)
	r.call("POST", "/apikeys", `{"description":"`+strings.Repeat("x", 125_001)+`"}`).refused(400, "BadRequestException", "Invalid API Key description specified.")
	r.call("POST", "/apikeys", `{"stageKeys":[{"restApiId":"a","stageName":"b"}]}`).refused(400, "BadRequestException", "stageKeys")
	r.call("GET", "/apikeys/nosuchkey0", "").refused(404, "NotFoundException", "Invalid API Key identifier specified")
	r.as(storetest.Owner(t, r.Store))
	r.call("GET", at, "").refused(404, "NotFoundException", "Invalid API Key identifier specified")
	r.patch(at, "replace /name Mine").refused(404, "NotFoundException", "Invalid API Key identifier specified")
	r.call("DELETE", at, "").refused(404, "NotFoundException", "Invalid API Key identifier specified")
	r.call("GET", "/apikeys", "").is(200).says(`{"item":[]}`)
}

type keyList struct {
	Position string
	Item     []struct{ ID, Name, Value string }
}

// Lists go on where the page before ended; names are found by how they begin, case by case, and customers by their whole id.
func TestKeysAreListedNewestFirst(t *testing.T) {
	r := newRig(t)
	var want []string
	for i := range 7 {
		name, customer := []string{"Alpha", "alpha", "Beta"}[i%3], []string{"c", "C"}[i%2]
		want = append([]string{r.call("POST", "/apikeys", fmt.Sprintf(`{"name":"%s %d","customerId":%q}`, name, i, customer)).is(201).member("id")}, want...)
	}
	pages := func(query string) (ids []string) {
		for position := ""; ; {
			var page keyList
			r.call("GET", "/apikeys?limit=2"+query+position, "").is(200).read(&page)
			for _, k := range page.Item {
				ids = append(ids, k.ID)
			}
			if page.Position == "" {
				return ids
			}
			position = "&position=" + page.Position
		}
	}
	for query, which := range map[string][]string{"": want, "&name=Al": {want[0], want[3], want[6]}, "&name=al": {want[2], want[5]}, "&name=x": nil, "&customerId=C": {want[1], want[3], want[5]}, "&name=Al&customerId=C": {want[3]}} {
		if got := pages(query); fmt.Sprint(got) != fmt.Sprint(which) {
			t.Errorf("%q: got %v, want %v", query, got, which)
		}
	}
}

// A deleted key is gone from the wire, the portal and all plans, the gateway is told, and its value may be used again.
func TestDeletingAKey(t *testing.T) {
	r := newRig(t)
	api, _ := r.stage("pets", "prod")
	plan := planOnWire(r, "Gold", api, "prod")
	const value = "a-value-of-twenty-characters"
	key := r.call("POST", "/apikeys", `{"name":"k","enabled":true,"value":"`+value+`"}`).is(201).member("id")
	r.call("POST", "/usageplans/"+plan+"/keys", `{"keyId":"`+key+`","keyType":"API_KEY"}`).is(201).says(fmt.Sprintf(`{"id":%q,"type":"API_KEY","value":%q,"name":"k"}`, key, value))
	r.call("DELETE", "/apikeys/"+key, "").is(202)
	r.call("DELETE", "/apikeys/"+key, "").refused(404, "NotFoundException", "Invalid API Key identifier specified")
	r.call("GET", "/usageplans/"+plan+"/keys", "").is(200).says(`{"item":[]}`)
	id, _ := models.ParseID[models.Key](key)
	there := 0
	if err := r.CredentialsOf(t.Context(), []models.KeyID{id}, func(models.Credential) error { there++; return nil }); err != nil || there != 0 {
		t.Errorf("the gateway gets %d credentials, %v", there, err)
	}
	keys, err := r.OwnerKeys(t.Context(), r.owner.ID, models.KeyFilter{}, models.Page{})
	if err != nil || len(keys.Items) != 0 {
		t.Errorf("the portal lists %d keys, %v", len(keys.Items), err)
	}
	r.call("POST", "/apikeys", `{"value":"`+value+`"}`).is(201)
}

// One plan per stage per key, in AWS's words, whichever of both comes second (spec 1.2).
func TestAKeyIsOnOnePlanPerStage(t *testing.T) {
	r := newRig(t)
	api, _ := r.stage("pets", "prod")
	gold, silver := planOnWire(r, "Gold", api, "prod"), planOnWire(r, "Silver", api, "prod")
	empty := r.call("POST", "/usageplans", `{"name":"Empty"}`).is(201).member("id")
	key := r.call("POST", "/apikeys", `{"name":"k"}`).is(201).member("id")
	body := `{"keyId":"` + key + `","keyType":"API_KEY"}`
	sentence := func(plan string) string {
		return fmt.Sprintf("Usage Plan %s cannot be added because API Key %s cannot reference multiple Usage Plans with the same API Stage: %s:prod", plan, key, api)
	}
	r.call("POST", "/usageplans/"+gold+"/keys", body).is(201)
	r.call("POST", "/usageplans/"+silver+"/keys", body).refused(409, "ConflictException", sentence(silver))
	r.call("POST", "/usageplans/"+gold+"/keys", body).refused(409, "ConflictException", "")
	r.call("POST", "/usageplans/"+empty+"/keys", body).is(201)
	r.patch("/usageplans/"+empty, "add /apiStages "+api.String()+":prod").refused(409, "ConflictException", sentence(empty))
	r.call("POST", "/usageplans/"+gold+"/keys", `{"keyId":"nosuchkey0","keyType":"API_KEY"}`).refused(404, "NotFoundException", "Invalid API Key identifier specified")
	r.call("POST", "/usageplans/aaaaaaaaaa/keys", body).refused(404, "NotFoundException", "Invalid Usage Plan ID specified")
	r.call("POST", "/usageplans/"+gold+"/keys", `{"keyId":"`+key+`","keyType":"OTHER"}`).refused(400, "BadRequestException", "Invalid key type")
	r.call("POST", "/usageplans/"+gold+"/keys", `{}`).refused(400, "ValidationException", "2 validation errors detected")
	r.call("GET", "/usageplans?keyId="+key, "").is(200).says(fmt.Sprintf(`{"item":[{"id":%q,"name":"Empty","apiStages":[]},{"id":%q,"name":"Gold","apiStages":[{"apiId":%q,"stage":"prod"}]}]}`, empty, gold, api))
	r.call("GET", "/usageplans/nosuchplan/keys", "").is(200).says(`{"item":[]}`)
	r.call("DELETE", "/usageplans/"+gold+"/keys/"+key, "").is(202)
	r.call("DELETE", "/usageplans/"+gold+"/keys/"+key, "").refused(404, "NotFoundException", "Invalid API Key identifier specified")
	r.call("POST", "/usageplans/"+silver+"/keys", body).is(201)
}

// Terraform's calls for a plan with its keys, as its provider makes them (spec 3.7): each read finds what the call before wrote.
func TestTerraformsSequence(t *testing.T) {
	r := newRig(t)
	api, _ := r.stage("pets", "dev")
	r.addStage(api, "prod")
	dev, prod := api.String()+":dev", api.String()+":prod"
	plan := r.call("POST", "/usageplans", map[string]any{"name": "tf", "description": "d", "tags": map[string]string{"managed-by": "terraform"},
		"apiStages": []map[string]string{{"apiId": api.String(), "stage": "dev"}}, "throttle": map[string]any{"burstLimit": 5, "rateLimit": 10}, "quota": map[string]any{"limit": 20, "offset": 0, "period": "DAY"}}).is(201).member("id")
	at := "/usageplans/" + plan
	r.patch(at, "add /productCode MYCODE").is(200)
	r.patch(at, "replace /apiStages/"+dev+"/throttle//pets/GET/rateLimit 3", "replace /apiStages/"+dev+"/throttle//pets/GET/burstLimit 2").is(200)
	shape := func(stages string) string {
		return fmt.Sprintf(`{"id":%q,"name":"tf","description":"d","apiStages":[%s],"throttle":{"burstLimit":5,"rateLimit":10.0},"quota":{"limit":20,"offset":0,"period":"DAY"},"productCode":"MYCODE","tags":{"managed-by":"terraform"}}`, plan, stages)
	}
	r.call("GET", at, "").is(200).says(shape(fmt.Sprintf(`{"apiId":%q,"stage":"dev","throttle":{"/pets/GET":{"burstLimit":2,"rateLimit":3.0}}}`, api)))

	key := r.call("POST", "/apikeys", `{"name":"tf","description":"Managed by Terraform","enabled":true,"tags":{}}`).is(201)
	id := key.member("id")
	if value := r.call("GET", "/apikeys/"+id+"?includeValue=true", "").is(200).member("value"); value != key.member("value") {
		t.Errorf("the value is read as %q", value)
	}
	r.call("POST", at+"/keys", `{"keyId":"`+id+`","keyType":"API_KEY"}`).is(201)
	r.call("GET", at+"/keys/"+id, "").is(200).says(fmt.Sprintf(`{"id":%q,"type":"API_KEY","value":%q,"name":"tf"}`, id, key.member("value")))
	r.patch("/apikeys/"+id, "replace /enabled false", "replace /description Later").is(200)
	if text := r.call("GET", "/apikeys/"+id+"?includeValue=true", "").is(200).member("description"); text != "Later" {
		t.Errorf("the description is read as %q", text)
	}
	r.patch(at, "remove /apiStages "+dev, "add /apiStages "+prod).is(200)
	r.call("GET", at, "").is(200).says(shape(fmt.Sprintf(`{"apiId":%q,"stage":"prod"}`, api)))

	r.call("DELETE", at+"/keys/"+id, "").is(202)
	r.call("GET", at+"/keys/"+id, "").refused(404, "NotFoundException", "")
	r.call("DELETE", "/apikeys/"+id, "").is(202)
	r.patch(at, "remove /apiStages "+prod).is(200)
	r.call("DELETE", at, "").is(202)
	r.call("GET", at, "").refused(404, "NotFoundException", "Invalid Usage Plan ID specified")
}
